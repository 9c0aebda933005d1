//! Parameters of operations and actions (405–409, 805).

use text_size::TextRange;

use super::{Checker, codes, edits, tools::Call, values};
use crate::{
    model::{KeyUse, Step},
    registry::{OperationSource, ParamKind, ParamSpec, Target, ToolSpec, ValueType, did_you_mean},
    syntax::NodeId,
    text::TextEdit,
};

/// The parameters that the operation or action of `step` takes, if they are known.
pub(super) fn specs<'f>(checker: &Checker<'f>, step: &Step) -> Option<&'f [ParamSpec]> {
    match &checker.targets[step.index.0 as usize] {
        Target::Operation { operation, .. } => operation.map(|operation| &*operation.params),
        Target::Action(action) => Some(&action.params),
        _ => None,
    }
}

/// Whether the parameters of `call` are parameters of this, and what it needs is there.
pub(super) fn fit(
    checker: &Checker<'_>,
    call: &Call<'_>,
    params: &[ParamSpec],
    open: bool,
    source: OperationSource,
) -> bool {
    let known = |parameter: &KeyUse| {
        let names_operation = parameter.name == operation_key(source) && !matches!(source, OperationSource::Single);
        match values::param(params, &parameter.name) {
            Some(spec) => takes(checker, parameter, spec),
            None => open || names_operation,
        }
    };
    let given = |spec: &ParamSpec| {
        let names = |parameter: &KeyUse| parameter.name == spec.name || spec.aliases.contains(&parameter.name);
        let instead = |parameter: &KeyUse| spec.instead.as_ref() == Some(&parameter.name);
        let any = |parameter: &KeyUse| names(parameter) || instead(parameter);
        !spec.required || spec.default.is_some() || call.parameters.iter().any(any)
    };
    call.parameters.iter().all(known) && params.iter().all(given)
}

/// Whether the parameter may hold what is written.
fn takes(checker: &Checker<'_>, parameter: &KeyUse, spec: &ParamSpec) -> bool {
    let written = crate::shape::written_type(checker.tree, parameter.value);
    checker.is_dynamic(parameter.value) || written.is_none_or(|found| values::fits(found, &spec.types))
}

/// Checks the parameters of `call` against those of the operation or action called `what`.
pub(super) fn check(
    checker: &mut Checker<'_>,
    call: &Call<'_>,
    what: &str,
    params: &[ParamSpec],
    open: bool,
    source: OperationSource,
) {
    let key = call.key("parameters");
    if let Some(key) = key
        && !checker.tree.is_mapping(key.value)
        && !checker.is_null(key.value)
    {
        // The whole of the parameters is of the wrong shape, a template, or not readable.
        return;
    }
    missing(checker, call, what, params, key, source);
    for parameter in call.parameters {
        match values::param(params, &parameter.name) {
            Some(spec) => one(checker, parameter, spec),
            // The operation itself, which has its own rule.
            None if parameter.name == operation_key(source) && !matches!(source, OperationSource::Single) => {}
            None if open => {}
            None => unknown(checker, call, what, params, parameter),
        }
    }
}

/// Where the operation is not known: parameters that no operation of the tool takes.
pub(super) fn unknown_to_all(checker: &mut Checker<'_>, call: &Call<'_>, tool: &ToolSpec) {
    let operation_key = operation_key(tool.operation_source);
    let params: Vec<ParamSpec> = tool.operations.iter().flat_map(|operation| operation.params.clone()).collect();
    for parameter in call.parameters {
        if parameter.name != operation_key && values::param(&params, &parameter.name).is_none() {
            unknown(checker, call, &tool.name, &params, parameter);
        }
    }
}

/// The parameter that may name the operation.
fn operation_key(source: OperationSource) -> &'static str {
    match source {
        OperationSource::Parameter(name) => name,
        _ => "action",
    }
}

fn unknown(checker: &mut Checker<'_>, call: &Call<'_>, what: &str, params: &[ParamSpec], parameter: &KeyUse) {
    let given = |spec: &ParamSpec| call.parameters.iter().any(|parameter| parameter.name == spec.name);
    let fitting = params.iter().filter(|spec| !given(spec) && takes(checker, parameter, spec));
    let candidate = did_you_mean(&parameter.name, fitting.map(|spec| &*spec.name));
    let message = format!("`{what}` has no parameter `{}`", parameter.name);
    checker.report(codes::UNKNOWN_PARAMETER, parameter.range, message).suggest(candidate);
}

fn missing(
    checker: &mut Checker<'_>,
    call: &Call<'_>,
    what: &str,
    params: &[ParamSpec],
    key: Option<&KeyUse>,
    source: OperationSource,
) {
    // What is missing may stand in `inputs`, which is reported as having no effect.
    let misplaced = key.is_none() && call.key("inputs").is_some();
    if misplaced || checker.damaged(checker.tree.range(call.node)) {
        return;
    }
    for spec in params.iter().filter(|param| param.required && param.default.is_none()) {
        let given = call
            .parameters
            .iter()
            .find(|parameter| parameter.name == spec.name || spec.aliases.contains(&parameter.name));
        let instead = call.parameters.iter().find(|parameter| spec.instead.as_ref() == Some(&parameter.name));
        if let (Some(instead), Some(given)) = (instead, given) {
            let second = if given.range.start() < instead.range.start() { instead } else { given };
            let message = format!(
                "`{}` and `{}` are both given; keep one of them: each stands in the place of the other",
                spec.name, instead.name
            );
            checker.report(codes::BOTH_PARAMETERS, second.range, message);
            continue;
        }
        if instead.is_some() {
            continue;
        }
        // The operation may stand in the step's `action`.
        if matches!(source, OperationSource::Parameter(name) if name == spec.name) && given.is_none() {
            continue;
        }
        let range = match given {
            Some(given) if checker.is_null(given.value) => given.range,
            Some(_) => continue,
            None => key.map_or(call.head, |key| key.range),
        };
        let or = spec.instead.as_ref().map(|other| format!(" or `{other}`")).unwrap_or_default();
        let message = format!("`{what}` needs the parameter `{}`{or}; add it", spec.name);
        let edit = if given.is_some() { None } else { add(checker, call, key, spec) };
        let diagnostic = checker.report(codes::MISSING_PARAMETER, range, message);
        if let Some(edit) = edit {
            diagnostic.fix(format!("Add `{}`", spec.name), vec![edit]);
        }
    }
}

/// The edit that adds the parameter with an empty value.
fn add(checker: &Checker<'_>, call: &Call<'_>, key: Option<&KeyUse>, spec: &ParamSpec) -> Option<TextEdit> {
    let tree = checker.tree;
    let empty = match spec.types.first() {
        Some(ValueType::Array) => "[]",
        Some(ValueType::Object) => "{}",
        Some(ValueType::Integer | ValueType::Number) => "0",
        Some(ValueType::Boolean) => "false",
        _ => "\"\"",
    };
    let entry = format!("{}: {empty}", spec.name);
    let Some(key) = key else {
        let after =
            call.keys.last().filter(|last| tree.is_scalar(last.value) && !tree.source(last.value).contains('\n'))?;
        let indent = edits::indent_at(tree.text(), after.range.start());
        return edits::entry_after(tree, call.node, after, &format!("parameters:\n{indent}  {entry}"));
    };
    let last = call.parameters.last()?;
    edits::entry_after(tree, key.value, last, &entry)
}

fn one(checker: &mut Checker<'_>, parameter: &KeyUse, spec: &ParamSpec) {
    if spec.name != parameter.name {
        let message = format!("`{}` is an old name of `{}`", parameter.name, spec.name);
        let edit = TextEdit::replace(parameter.range, spec.name.clone());
        checker
            .report(codes::DEPRECATED_PARAMETER, parameter.range, message)
            .deprecated()
            .safe_fix(format!("Write `{}`", spec.name), vec![edit]);
    } else if let Some(reason) = &spec.deprecated {
        let message = format!("`{}` is deprecated: {reason}", parameter.name);
        checker.report(codes::DEPRECATED_PARAMETER, parameter.range, message).deprecated();
    }
    value(checker, &parameter.name, parameter.value, spec, 0);
}

/// How deep members of object parameters are followed.
const MAX_DEPTH: usize = 16;

fn value(checker: &mut Checker<'_>, name: &str, node: NodeId, spec: &ParamSpec, depth: usize) {
    if depth > MAX_DEPTH || checker.is_dynamic(node) {
        return;
    }
    let Some(found) = crate::shape::written_type(checker.tree, node) else { return };
    let range = checker.token(node);
    if !values::fits(found, &spec.types) {
        wrong_type(checker, name, node, spec, found, range);
        return;
    }
    choice(checker, name, node, spec, range);
    if let Some((number, _)) = values::number(checker.tree, node)
        && let Some(words) = values::out_of_range(spec.range, number)
    {
        checker.report(codes::PARAMETER_RANGE, range, format!("`{name}` must be {words}, not {number}"));
    }
    match found {
        ValueType::Array => {
            if let Some(items) = &spec.items {
                for item in checker.tree.items(node).collect::<Vec<_>>() {
                    value(checker, &format!("an item of {name}"), item, items, depth + 1);
                }
            }
        }
        ValueType::Object if spec.kind != ParamKind::JsonSchema => members(checker, node, spec, depth),
        _ => {}
    }
}

fn members(checker: &mut Checker<'_>, node: NodeId, spec: &ParamSpec, depth: usize) {
    if spec.fields.is_empty() {
        return;
    }
    let keys = crate::model::lower::key_uses(checker.tree, node);
    for key in &keys {
        match values::param(&spec.fields, &key.name) {
            Some(field) => value(checker, &key.name, key.value, field, depth + 1),
            None if spec.open_fields => {}
            None => {
                let candidate = did_you_mean(&key.name, spec.fields.iter().map(|field| &*field.name));
                let message = format!("`{}` has no member `{}`", spec.name, key.name);
                checker.report(codes::UNKNOWN_PARAMETER, key.range, message).suggest(candidate);
            }
        }
    }
    for field in spec.fields.iter().filter(|field| field.required && field.default.is_none()) {
        if !keys.iter().any(|key| key.name == field.name) && !checker.damaged(checker.tree.range(node)) {
            let range = keys.first().map_or_else(|| checker.token(node), |key| key.range);
            let message = format!("`{}` needs the member `{}`; add it", spec.name, field.name);
            checker.report(codes::MISSING_PARAMETER, range, message);
        }
    }
}

fn wrong_type(
    checker: &mut Checker<'_>,
    name: &str,
    node: NodeId,
    spec: &ParamSpec,
    found: ValueType,
    range: TextRange,
) {
    let message = format!("`{name}` takes {}, not {}", values::nouns(&spec.types), values::noun(found));
    let tree = checker.tree;
    let whole = tree.range(tree.resolve(node));
    let source = tree.source(tree.resolve(node)).to_owned();
    let text = tree.string(node).unwrap_or_default();
    let diagnostic = checker.report(codes::PARAMETER_TYPE, range, message);
    let scalar = matches!(found, ValueType::Integer | ValueType::Number | ValueType::Boolean);
    if scalar && spec.types.contains(&ValueType::String) {
        diagnostic.fix("Put it in quotes", vec![TextEdit::replace(whole, edits::quoted(&source))]);
    }
    let is_number = text.parse::<f64>().is_ok();
    let wants_number = spec.types.iter().any(|wanted| matches!(wanted, ValueType::Integer | ValueType::Number));
    if found == ValueType::String && is_number && wants_number {
        diagnostic.fix("Remove the quotes", vec![TextEdit::replace(whole, text)]);
    }
}

fn choice(checker: &mut Checker<'_>, name: &str, node: NodeId, spec: &ParamSpec, range: TextRange) {
    if spec.choices.is_empty() {
        return;
    }
    let Some(found) = values::literal(checker.tree, node) else { return };
    if found.is_null() || spec.choices.contains(&found) {
        return;
    }
    let word = values::written(&found);
    let words: Vec<String> = spec.choices.iter().map(values::written).collect();
    // Tools compare words without case, so another case is only a matter of spelling.
    if let Some(known) = words.iter().find(|known| known.eq_ignore_ascii_case(&word)) {
        let edit = TextEdit::replace(range, known.clone());
        let message = format!("`{word}` is written `{known}`");
        checker.report(codes::DEPRECATED_PARAMETER, range, message).safe_fix(format!("Write `{known}`"), vec![edit]);
        return;
    }
    let candidate = did_you_mean(&word, words.iter().map(String::as_str));
    let listed = values::coded(words.iter().map(String::as_str));
    let message = format!("`{name}` is one of {listed}, not `{word}`");
    checker.report(codes::PARAMETER_CHOICE, range, message).suggest(candidate);
}
