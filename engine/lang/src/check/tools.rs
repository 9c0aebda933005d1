//! Tools, actions and operations (401–404, 410, 411, 804, 808, 809).

use text_size::TextRange;

use super::{Checker, codes, edits, parameters, values};
use crate::{
    model::{KeyUse, LoopItem, Step, target},
    registry::{OperationSource, OperationSpec, Replacement, Target, ToolSpec, did_you_mean, names::echo_text},
    syntax::NodeId,
    template,
    text::{Spanned, TextEdit},
};

/// A step or an item of an action loop, as far as tools are concerned.
pub(super) struct Call<'c> {
    pub(super) node: NodeId,
    pub(super) head: TextRange,
    pub(super) tool: Option<&'c Spanned<String>>,
    pub(super) action: Option<&'c Spanned<String>>,
    pub(super) parameters: &'c [KeyUse],
    pub(super) keys: &'c [KeyUse],
    /// An item of an action loop, whose action may be any word for the loop's own tool.
    item: bool,
}

impl<'c> Call<'c> {
    fn step(checker: &Checker<'_>, step: &'c Step) -> Self {
        Self {
            node: step.node,
            head: checker.head(step),
            tool: step.tool.as_ref(),
            action: step.action.as_ref(),
            parameters: &step.parameters,
            keys: &step.keys,
            item: false,
        }
    }

    fn item(checker: &Checker<'_>, item: &'c LoopItem) -> Self {
        let first = item.keys.first().map(|key| key.range);
        Self {
            node: item.node,
            head: item.name.as_ref().map(|name| name.range).or(first).unwrap_or_else(|| checker.token(item.node)),
            tool: item.tool.as_ref(),
            action: item.action.as_ref(),
            parameters: &item.parameters,
            keys: &item.keys,
            item: true,
        }
    }

    pub(super) fn key(&self, name: &str) -> Option<&'c KeyUse> {
        self.keys.iter().find(|key| key.name == name)
    }
}

pub(super) fn check(checker: &mut Checker<'_>) {
    for step in checker.scopes.steps().to_vec() {
        let call = Call::step(checker, step);
        let target = checker.targets[step.index.0 as usize].clone();
        one(checker, &call, &target);
        for item in &step.items {
            let call = Call::item(checker, item);
            let target = target::of_item(checker.tree, checker.registry, item);
            one(checker, &call, &target);
        }
    }
}

fn one(checker: &mut Checker<'_>, call: &Call<'_>, target: &Target<'_>) {
    if call.item && call.tool.is_none() && call.action.is_none() {
        if call.key("action").is_none() && !checker.damaged(checker.tree.range(call.node)) {
            checker.report(codes::NOTHING_TO_DO, call.head, "the item does nothing; give it an `action`");
        }
        return;
    }
    let dynamic = |text: Option<&Spanned<String>>| text.is_some_and(|text| !template::is_plain(&text.value));
    if dynamic(call.tool) {
        return;
    }
    if let Some(tool) = call.tool
        && !tool_name(checker, call, tool)
    {
        return;
    }
    // `echo {{ text }}` is prose whatever the template gives.
    if call.tool.is_none() && (!dynamic(call.action) || matches!(target, Target::Echo { .. })) {
        let Some(action) = call.action else { return };
        if !action_name(checker, call, action, target) {
            return;
        }
    }
    match target {
        Target::Operation { tool, operation } => {
            let known = self::operation(checker, call, tool, *operation);
            availability(checker, call, tool.available, &tool.name);
            match operation {
                Some(operation) if known => {
                    let what = named(checker, call, &tool.name);
                    parameters::check(checker, call, what, &operation.params, false, tool.operation_source);
                }
                Some(_) => {}
                None => parameters::unknown_to_all(checker, call, tool),
            }
        }
        Target::Action(action) => {
            availability(checker, call, action.available || action.internal || action.tool.is_some(), &action.name);
            let what = named(checker, call, &action.name);
            parameters::check(checker, call, what, &action.params, action.open_params, OperationSource::Single);
        }
        Target::Echo { .. } | Target::FileProse | Target::Auto | Target::Unknown => {}
    }
}

/// Whether what `call` gives is right for `tool` and `action`, so that these are a likely meaning.
fn fits(checker: &Checker<'_>, call: &Call<'_>, tool: Option<&str>, action: Option<&str>) -> bool {
    match target::resolve(checker.tree, checker.registry, tool, action, call.parameters) {
        Target::Operation { tool, operation: Some(operation) } => {
            parameters::fit(checker, call, &operation.params, false, tool.operation_source)
        }
        Target::Action(action) => {
            parameters::fit(checker, call, &action.params, action.open_params, OperationSource::Single)
        }
        _ => false,
    }
}

fn availability(checker: &mut Checker<'_>, call: &Call<'_>, available: bool, name: &str) {
    if !available && let Some(named) = call.tool.or(call.action) {
        let message = format!("`{name}` is known but cannot run in this version: the step will fail");
        checker.report(codes::NOT_AVAILABLE, named.range, message);
    }
}

/// Whether `tool` is a tool; says what is wrong if not.
fn tool_name(checker: &mut Checker<'_>, call: &Call<'_>, tool: &Spanned<String>) -> bool {
    let registry = checker.registry;
    let name = tool.value.trim();
    if name.is_empty() || registry.tools.contains_key(name) {
        return !name.is_empty();
    }
    let canonical = registry.tool(name).map(|tool| &tool.name).or_else(|| match &registry.legacy(name)?.new {
        Replacement::Tool { tool, .. } => Some(tool),
        Replacement::Action(_) => None,
    });
    if let Some(new) = canonical {
        deprecated(checker, tool, "tool", new);
        return true;
    }
    if let Some(Replacement::Action(action)) = registry.legacy(name).map(|legacy| &legacy.new) {
        let message = format!("`{name}` is no tool; write `action: {action}` without `tool`");
        checker.report(codes::UNKNOWN_TOOL, tool.range, message);
        return false;
    }
    let mut message = format!("unknown tool `{name}`");
    if registry.action(name).is_some() {
        message.extend([format!("; `{name}` is an action: write `action: {name}` without `tool`")]);
        checker.report(codes::UNKNOWN_TOOL, tool.range, message);
        return false;
    }
    let candidate = did_you_mean(name, registry.tools.keys().map(String::as_str));
    let likely = candidate.is_some_and(|name| fits(checker, call, Some(name), action_of(call)));
    let diagnostic = checker.report(codes::UNKNOWN_TOOL, tool.range, message);
    match candidate {
        Some(_) => diagnostic.suggest_if(likely, candidate),
        None => diagnostic.message.push_str("; `orc tools list` shows them"),
    }
    false
}

/// The name under which messages speak of what is called: as it is written, unless that is an old name.
fn named<'c>(checker: &Checker<'_>, call: &Call<'c>, canonical: &'c str) -> &'c str {
    let registry = checker.registry;
    let written = call.tool.or(call.action).map_or("", |named| named.value.trim());
    let known = registry.tools.contains_key(written) || registry.actions.contains_key(written);
    if known { written } else { canonical }
}

fn action_of<'c>(call: &Call<'c>) -> Option<&'c str> {
    call.action.map(|action| &*action.value)
}

fn deprecated(checker: &mut Checker<'_>, old: &Spanned<String>, kind: &str, new: &str) {
    let message = format!("`{}` is an old name of the {kind} `{new}`", old.value.trim());
    checker
        .report(codes::DEPRECATED_NAME, old.range, message)
        .deprecated()
        .safe_fix(format!("Write `{new}`"), vec![TextEdit::replace(old.range, new)]);
}

/// Whether an action without a tool is known; says what is wrong, or old, about it.
fn action_name(checker: &mut Checker<'_>, call: &Call<'_>, action: &Spanned<String>, target: &Target<'_>) -> bool {
    let registry = checker.registry;
    let name = action.value.trim();
    if name.is_empty() {
        if !checker.damaged(action.range) {
            let range = call.key("action").map_or(call.head, |key| key.range);
            checker.report(codes::NOTHING_TO_DO, range, "`action` is empty; name what the step shall do");
        }
        return false;
    }
    match target {
        Target::Unknown => {
            unknown_action(checker, call, action);
            return false;
        }
        Target::Echo { .. } | Target::FileProse => {
            let message = if echo_text(name).is_some() {
                "the action is written as prose; `echo` with a parameter says the same"
            } else {
                "the action is written as prose; a tool with `path` and `content` says the same without guessing"
            };
            let range = checker.token(call.key("action").map_or(call.node, |key| key.value));
            checker.report(codes::DEPRECATED_PROSE, range, message).deprecated();
            return false;
        }
        _ => {}
    }
    if registry.actions.contains_key(name) || registry.tools.contains_key(name) || registry.action(name).is_some() {
        return true;
    }
    if let Some(tool) = registry.tool(name) {
        deprecated(checker, action, "tool", &tool.name);
        return true;
    }
    match registry.legacy(name).map(|legacy| &legacy.new) {
        Some(Replacement::Action(new)) => deprecated(checker, action, "action", new),
        Some(Replacement::Tool { tool, operation }) => {
            let message = format!("`{name}` is an old name of the tool `{tool}`");
            let operation = operation.as_deref().unwrap_or("execute");
            let indent = call.key("action").map(|key| edits::indent_at(checker.tree.text(), key.range.start()));
            let edit = match (call.key("action"), indent) {
                (Some(key), Some(indent)) => {
                    let line = TextRange::new(key.range.start(), checker.tree.range(key.value).end());
                    Some(TextEdit::replace(line, format!("tool: {tool}\n{indent}action: {operation}")))
                }
                _ => None,
            };
            let diagnostic = checker.report(codes::DEPRECATED_NAME, action.range, message).deprecated();
            if let Some(edit) = edit {
                diagnostic.safe_fix(format!("Write `tool: {tool}`"), vec![edit]);
            }
        }
        None => {}
    }
    true
}

fn unknown_action(checker: &mut Checker<'_>, call: &Call<'_>, action: &Spanned<String>) {
    let name = action.value.trim();
    let registry = checker.registry;
    let node = call.key("action").map_or(call.node, |key| key.value);
    if name.contains(char::is_whitespace) {
        let range = checker.token(node);
        let edit = make_prompt(checker, call, node);
        let message = "a sentence is no action; make it the prompt of `generate`";
        let diagnostic = checker.report(codes::PROSE_ACTION, range, message);
        if let Some(edits) = edit {
            diagnostic.fix("Make it the prompt of `generate`", edits);
        }
        return;
    }
    let actions = registry.actions.values().filter(|action| !action.internal).map(|action| &*action.name);
    let candidates = actions.chain(registry.tools.keys().map(String::as_str));
    let mut candidate = did_you_mean(name, candidates);
    if candidate.is_none() {
        candidate =
            did_you_mean(name, registry.legacy.iter().map(|legacy| &*legacy.old)).and_then(|old| {
                match &registry.legacy(old)?.new {
                    Replacement::Action(new) => Some(&**new),
                    Replacement::Tool { tool, .. } => Some(&**tool),
                }
            });
    }
    let owner = registry.tools.values().find(|tool| tool.operation(name).is_some() && tool.operations.len() > 1);
    let likely = candidate.is_some_and(|name| fits(checker, call, None, Some(name)));
    let diagnostic = checker.report(codes::UNKNOWN_ACTION, action.range, format!("unknown action `{name}`"));
    if candidate.is_some() {
        diagnostic.suggest_if(likely, candidate);
    } else if let Some(tool) = owner {
        diagnostic.message.extend([format!("; it is an operation of `{0}`: add `tool: {0}`", tool.name)]);
    } else {
        diagnostic.message.push_str("; name a built-in action such as `generate`, or a `tool`");
    }
}

/// The edits that turn `action: <sentence>` into `generate` with the sentence as its prompt.
fn make_prompt(checker: &Checker<'_>, call: &Call<'_>, node: NodeId) -> Option<Vec<TextEdit>> {
    let tree = checker.tree;
    let key = call.key("action")?;
    let range = tree.range(node);
    let source = tree.source(node);
    if source.contains('\n') {
        return None;
    }
    let indent = edits::indent_at(tree.text(), key.range.start());
    let Some(parameters) = call.key("parameters") else {
        return Some(vec![TextEdit::replace(
            range,
            format!("generate\n{indent}parameters:\n{indent}  prompt: {source}"),
        )]);
    };
    let known = |parameter: &KeyUse| {
        let action = checker.registry.action("generate");
        action.is_some_and(|action| values::param(&action.params, &parameter.name).is_some())
    };
    if call.parameters.iter().any(|parameter| parameter.name == "prompt" || !known(parameter)) {
        return None;
    }
    let first = tree.entries(parameters.value).next()?;
    let inner = edits::indent_at(tree.text(), tree.range(first.key).start());
    Some(vec![
        TextEdit::replace(range, "generate"),
        TextEdit::insert(tree.range(first.key).start(), format!("prompt: {source}\n{inner}")),
    ])
}

/// Whether the operation is known, or cannot be known yet; says what is wrong if not.
fn operation(checker: &mut Checker<'_>, call: &Call<'_>, tool: &ToolSpec, operation: Option<&OperationSpec>) -> bool {
    let source = tool.operation_source;
    let in_parameters = call.parameters.iter().find(|parameter| parameter.name == "action");
    if let (OperationSource::Action, Some(parameter), Some(operation)) = (source, in_parameters, operation)
        && tool_operation_is(checker, parameter, operation)
    {
        in_parameters_hint(checker, call, tool, parameter, operation);
    }
    let own_parameter = match source {
        OperationSource::Parameter(name) => call.parameters.iter().find(|parameter| parameter.name == name),
        _ => None,
    };
    if let Some(parameter) = own_parameter
        && checker.is_dynamic(parameter.value)
    {
        return false;
    }
    if operation.is_some() {
        return true;
    }
    let known = || tool.operations.iter().map(|operation| &*operation.name);
    let listed = values::coded(known());
    if let Some(parameter) = own_parameter.or(in_parameters.filter(|_| call.action.is_none())) {
        if checker.is_dynamic(parameter.value) || checker.is_null(parameter.value) {
            return false;
        }
        let range = checker.token(parameter.value);
        let word = checker.tree.string(parameter.value).unwrap_or_default();
        let message = format!("`{}` has no operation `{word}`", tool.name);
        let candidate = did_you_mean(&word, known());
        let likely = candidate
            .and_then(|name| tool.operation(name))
            .is_some_and(|operation| parameters::fit(checker, call, &operation.params, false, source));
        let diagnostic = checker.report(codes::UNKNOWN_OPERATION, range, message);
        finish(diagnostic, likely, candidate, &listed);
        return false;
    }
    let named = call.action.filter(|action| call.tool.is_some() && !action.value.trim().is_empty());
    match named {
        Some(action) if !template::is_plain(&action.value) => {}
        Some(action) if matches!(source, OperationSource::Action) => {
            let word = action.value.trim();
            let range = checker.token(call.key("action").map_or(call.node, |key| key.value));
            let candidate = did_you_mean(word, known());
            let message = format!("`{}` has no operation `{word}`", tool.name);
            let likely = candidate.is_some_and(|name| fits(checker, call, Some(&tool.name), Some(name)));
            let diagnostic = checker.report(codes::UNKNOWN_OPERATION, range, message);
            finish(diagnostic, likely, candidate, &listed);
        }
        _ => {
            if checker.damaged(checker.tree.range(call.node)) {
                return false;
            }
            let key = match source {
                OperationSource::Parameter(name) => format!("parameters.{name}"),
                _ => "action".to_owned(),
            };
            let range = call.tool.or(call.action).map_or(call.head, |named| named.range);
            let message = format!("`{}` needs an operation; set `{key}` to {listed}", tool.name);
            checker.report(codes::MISSING_OPERATION, range, message);
        }
    }
    false
}

fn finish(diagnostic: &mut super::Diagnostic, likely: bool, candidate: Option<&str>, listed: &str) {
    if candidate.is_some() {
        diagnostic.suggest_if(likely, candidate);
    } else {
        diagnostic.message.extend([format!("; it has {}", listed.replace(" or ", " and "))]);
    }
}

fn tool_operation_is(checker: &Checker<'_>, parameter: &KeyUse, operation: &OperationSpec) -> bool {
    checker.tree.string(parameter.value).is_some_and(|word| word.trim() == operation.name)
        && !operation.params.iter().any(|param| param.name == parameter.name)
}

/// `parameters.action` where the step's `action` belongs.
fn in_parameters_hint(
    checker: &mut Checker<'_>,
    call: &Call<'_>,
    tool: &ToolSpec,
    parameter: &KeyUse,
    operation: &OperationSpec,
) {
    let mut message = format!("the operation belongs in the step's `action`: write `action: {}` there", operation.name);
    if call.tool.is_none() {
        message.extend([format!(" and `tool: {}` beside it", tool.name)]);
    }
    checker.report(codes::OPERATION_IN_PARAMETERS, parameter.range, message).deprecated();
}
