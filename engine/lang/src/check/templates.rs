//! Names, filters, tests and functions in templates (204, 301–306, 309–315, 807).

use text_size::{TextRange, TextSize};

use super::{Checker, codes, fields, values};
use crate::{
    model::{
        lower::sites::{Place, Site},
        scope::Binding,
    },
    registry::{
        GlobalSpec, LoopConstruct, RuntimeName, Signature, did_you_mean,
        names::{self, loop_variables},
    },
    syntax::Decoded,
    template::{AccessKind, NameUse, Reference, Template, arguments_of_next_filter},
    text::TextEdit,
};

pub(super) fn check(checker: &mut Checker<'_>) {
    let facts = checker.facts;
    for site in facts.sites {
        let template = &facts.templates[&site.node];
        let decoded = checker.tree.decoded(site.node);
        scalar(checker, site, template, &decoded);
    }
}

fn scalar(checker: &mut Checker<'_>, site: &Site, template: &Template, decoded: &Decoded<'_>) {
    if !template.errors.is_empty() {
        for error in &template.errors {
            checker.report(codes::TEMPLATE_SYNTAX, place(decoded, error.range), error.message.clone());
        }
        return;
    }
    for filter in &template.filters {
        let signature = names::filter(&filter.name).map(|spec| &spec.signature);
        let candidates = || names::filters().iter().map(|spec| spec.name).collect();
        named(checker, decoded, filter, "filter", signature, &candidates);
    }
    idle_defaults(checker, template, decoded);
    for test in &template.tests {
        let signature = names::test(&test.name).map(|spec| &spec.signature);
        let candidates = || names::tests().iter().map(|spec| spec.name).collect();
        named(checker, decoded, test, "test", signature, &candidates);
    }
    for reference in &template.references {
        self::reference(checker, site, reference, decoded);
    }
    for local in &template.locals {
        if let Some(origin) = &local.origin {
            let start = checker.shapes().of_origin(site, origin);
            fields::check(checker, start, &local.used, decoded);
        }
    }
}

/// A `default` behind a filter that gives `none` and not nothing.
fn idle_defaults(checker: &mut Checker<'_>, template: &Template, decoded: &Decoded<'_>) {
    for (filter, next) in template.filters.iter().zip(template.filters.iter().skip(1)) {
        if !names::filter_gives_none(&filter.name) || !matches!(&*next.name, "default" | "d") || next.arguments != 1 {
            continue;
        }
        let Some(arguments) = arguments_of_next_filter(&decoded.text, filter.range, next.range) else { continue };
        let written = &decoded.text[arguments];
        let named = name_of_argument(written);
        if named == Some("boolean") {
            continue;
        }
        let message = format!(
            "`{}` gives `none` where it finds nothing, which `{}` leaves as it is; add `true` as its second argument",
            filter.name, next.name
        );
        let at = place(decoded, TextRange::empty(arguments.end())).start();
        let found = checker.report(codes::IDLE_DEFAULT, place(decoded, next.range), message);
        // A second argument cannot just be added to any other list.
        if named.is_none() && !written.trim_end().ends_with(',') {
            found.fix(format!("Let `{}` replace `none`", next.name), vec![TextEdit::insert(at, ", true")]);
        }
    }
}

/// `name` of `name=…`
fn name_of_argument(written: &str) -> Option<&str> {
    let (name, value) = written.split_once('=')?;
    let name = name.trim();
    let is_name = name.chars().all(|character| character.is_alphanumeric() || character == '_');
    (is_name && !value.starts_with('=')).then_some(name)
}

/// The source range of a range of the decoded text, never empty where the source has a character.
pub(super) fn place(decoded: &Decoded<'_>, range: TextRange) -> TextRange {
    let mapped = decoded.source_range(range);
    if mapped.is_empty() && range.start() > TextSize::new(0) && range.end() >= TextSize::of(&*decoded.text) {
        let last = decoded.text[..usize::from(range.start())].chars().next_back().map_or(0, char::len_utf8) as u32;
        return decoded.source_range(TextRange::new(range.start() - TextSize::new(last), range.start()));
    }
    mapped
}

/// A filter or test: known, and called with as many arguments as it takes.
fn named(
    checker: &mut Checker<'_>,
    decoded: &Decoded<'_>,
    name: &NameUse,
    kind: &str,
    signature: Option<&Signature>,
    candidates: &dyn Fn() -> Vec<&'static str>,
) {
    let range = place(decoded, name.range);
    let Some(signature) = signature else {
        let mut candidates = candidates();
        candidates.sort_unstable();
        let candidate = did_you_mean(&name.name, candidates);
        let code = if kind == "filter" { codes::UNKNOWN_FILTER } else { codes::UNKNOWN_TEST };
        checker.report(code, range, format!("unknown {kind} `{}`", name.name)).suggest(candidate);
        return;
    };
    if let Some(wanted) = wrong_count(signature, name.arguments) {
        let message = format!("the {kind} `{}` takes {wanted}, not {}", name.name, name.arguments);
        checker.report(codes::WRONG_ARGUMENTS, range, message);
    }
}

/// How many arguments are wanted, if `given` is another number.
fn wrong_count(signature: &Signature, given: usize) -> Option<String> {
    let least = signature.params.iter().filter(|(_, _, default)| default.is_none()).count();
    let most = signature.params.len();
    if given >= least && (signature.variadic || given <= most) {
        return None;
    }
    let noun = |count: usize| if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") };
    Some(match (signature.variadic, least == most) {
        (true, _) => format!("at least {}", noun(least)),
        (false, true) => noun(least),
        (false, false) => format!("{least} to {}", noun(most)),
    })
}

fn reference(checker: &mut Checker<'_>, site: &Site, reference: &Reference, decoded: &Decoded<'_>) {
    let range = place(decoded, reference.root_range);
    let name = &*reference.root;
    let binding = checker.scopes.resolve(site, name);
    if reference.dollar && binding.is_some() && !matches!(binding, Some(Binding::Named(_))) {
        let sign = TextRange::at(range.start(), TextSize::new(1));
        checker
            .report(codes::DOLLAR_NAME, range, format!("`${name}` is an old spelling; write `{name}`"))
            .deprecated()
            .safe_fix(format!("Write `{name}`"), vec![TextEdit::delete(sign)]);
    }
    match binding {
        None => undefined(checker, site, reference, decoded, range),
        Some(Binding::Step(step)) => {
            let own = site.step == Some(step);
            let loops = checker.scopes.step(step).loops.is_some();
            if own && !loops {
                let message = format!("`{name}` uses its own result, which exists only after it ran");
                if !reference.guarded {
                    checker.report(codes::SELF_REFERENCE, range, message);
                }
                return;
            }
            let start = checker.shapes().of_binding(&Binding::Step(step));
            fields::check(checker, start, reference, decoded);
        }
        Some(binding @ (Binding::Item(..) | Binding::Loop(..) | Binding::State(_) | Binding::Named(_))) => {
            let start = checker.shapes().of_binding(&binding);
            fields::check(checker, start, reference, decoded);
        }
        Some(Binding::Runtime(runtime)) => self::runtime(checker, runtime, reference, decoded, range),
        Some(Binding::Global(global)) => self::global(checker, global, reference, decoded, range),
        Some(Binding::Inputs) => input(checker, reference, decoded),
        Some(Binding::Input(_)) => {}
    }
}

fn runtime(
    checker: &mut Checker<'_>,
    runtime: &RuntimeName,
    reference: &Reference,
    decoded: &Decoded<'_>,
    range: TextRange,
) {
    let name = runtime.name;
    if let Some(instead) = runtime.deprecated {
        let message = format!("`{name}` is an old spelling; write `{instead}`");
        checker
            .report(codes::DEPRECATED_VARIABLE, range, message)
            .deprecated()
            .safe_fix(format!("Write `{instead}`"), vec![TextEdit::replace(range, instead)]);
        return;
    }
    if name == "output_path" {
        let message = "`output_path` is not declared, so it is the run's output directory; declare it to say where";
        checker.report(codes::UNDECLARED_OUTPUT_PATH, range, message);
    }
    if let Some(access) = reference.path.first()
        && let AccessKind::Field(field) = &access.kind
        && !runtime.fields.is_empty()
        && !reference.guarded
        && !runtime.fields.iter().any(|(known, _)| known == field)
    {
        let known = || runtime.fields.iter().map(|(name, _)| *name);
        let candidate = did_you_mean(field, known());
        let mut message = format!("`{name}` has no `{field}`");
        if candidate.is_none() {
            message.extend([format!("; it has {}", values::coded(known()).replace(" or ", " and "))]);
        }
        checker.report(codes::UNKNOWN_RUNTIME_FIELD, place(decoded, access.range), message).suggest(candidate);
    }
}

fn global(
    checker: &mut Checker<'_>,
    global: &GlobalSpec,
    reference: &Reference,
    decoded: &Decoded<'_>,
    range: TextRange,
) {
    let name = global.name;
    let Some(call) = reference.call else {
        let edit = TextEdit::insert(range.end(), "()");
        let needs_none = global.signature.params.iter().all(|(_, _, default)| default.is_some());
        let message = format!("`{name}` is a function; call it: `{name}(…)`");
        let diagnostic = checker.report(codes::NOT_CALLED, range, message);
        if needs_none {
            diagnostic.fix("Call it", vec![edit]);
        }
        return;
    };
    if let Some(instead) = global.deprecated {
        let message = format!("`{name}()` is an old spelling; write `{instead}`");
        let whole = place(decoded, TextRange::new(reference.root_range.start(), call.range.end()));
        checker
            .report(codes::DEPRECATED_VARIABLE, range, message)
            .deprecated()
            .fix(format!("Write `{instead}`"), vec![TextEdit::replace(whole, instead)]);
    }
    // Methods called on what the function returns carry a shape of their own.
    if !reference.path.is_empty() {
        return;
    }
    let given = call.positional + call.keyword;
    let Some(wanted) = wrong_count(&global.signature, given) else { return };
    if call.keyword == 0 || given > global.signature.params.len() {
        let message = format!("`{name}` takes {wanted}, not {given}");
        checker.report(codes::WRONG_ARGUMENTS, range, message);
    }
}

/// `inputs.x` and `parameters.x`.
fn input(checker: &mut Checker<'_>, reference: &Reference, decoded: &Decoded<'_>) {
    let Some(access) = reference.path.first() else { return };
    let AccessKind::Field(field) = &access.kind else { return };
    let inputs = &checker.facts.pipeline.inputs;
    if inputs.contains_key(field) || reference.guarded {
        return;
    }
    let candidate = did_you_mean(field, inputs.keys().map(String::as_str));
    let message = format!("no input is called `{field}`");
    let diagnostic = checker.report(codes::UNDEFINED_NAME, place(decoded, access.range), message);
    if candidate.is_some() {
        diagnostic.suggest(candidate);
    } else {
        diagnostic.message.push_str("; declare it beneath `inputs`");
    }
}

const CONSTRUCTS: [LoopConstruct; 4] =
    [LoopConstruct::ForEach, LoopConstruct::While, LoopConstruct::ActionLoop, LoopConstruct::Queue];

fn undefined(checker: &mut Checker<'_>, site: &Site, reference: &Reference, decoded: &Decoded<'_>, range: TextRange) {
    if let Some((hyphened, whole, first)) = hyphenated(checker, reference, decoded) {
        if first {
            let message = format!(
                "a hyphen means minus in a template, so `{hyphened}` cannot be named here; rename the step to `{}`",
                hyphened.replace('-', "_")
            );
            checker.report(codes::HYPHENATED_ID, place(decoded, whole), message);
        }
        return;
    }
    if reference.guarded || checker.lost(&reference.root) {
        return;
    }
    let name = &*reference.root;
    let binding: Vec<LoopConstruct> = CONSTRUCTS
        .into_iter()
        .filter(|construct| loop_variables(*construct).iter().any(|variable| variable.name == name))
        .collect();
    if !binding.is_empty() {
        loop_variable(checker, site, name, &binding, range);
        return;
    }
    if reference.call.is_some() && reference.path.is_empty() {
        let globals = names::globals().iter().map(|global| global.name);
        let candidate = did_you_mean(name, globals);
        let filter = names::filter(name).is_some();
        let remedy =
            if filter { format!("; the filter of that name is written `… | {name}`") } else { String::new() };
        checker
            .report(codes::UNDEFINED_NAME, range, format!("no function is called `{name}`{remedy}"))
            .suggest(candidate);
        return;
    }
    if known_elsewhere(checker, site, reference, decoded, range) {
        return;
    }
    let visible = checker.scopes.visible(site);
    let candidate = did_you_mean(name, visible.iter().map(|(name, _)| *name));
    let message = format!("`{name}` is not defined here");
    let diagnostic = checker.report(codes::UNDEFINED_NAME, range, message);
    if candidate.is_some() {
        diagnostic.suggest(candidate);
    } else {
        diagnostic.message.push_str("; it is no input, step or loop variable of this place");
    }
}

/// The hyphenated word around the reference if it is a step's id, its range, and whether the
/// reference is the first part of it.
fn hyphenated<'f>(
    checker: &Checker<'f>,
    reference: &Reference,
    decoded: &Decoded<'_>,
) -> Option<(&'f str, TextRange, bool)> {
    let text = &*decoded.text;
    let is_word = |character: char| character.is_alphanumeric() || character == '_' || character == '-';
    let from = usize::from(reference.root_range.start());
    let to = usize::from(reference.root_range.end());
    let start = text[..from]
        .rfind(|character| !is_word(character))
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let end = text[to..].find(|character| !is_word(character)).map_or(text.len(), |at| to + at);
    let word = &text[start..end];
    if !word.contains('-') {
        return None;
    }
    let step = checker.scopes.anywhere(word);
    let id = match step {
        Some(step) => checker.id_of(step),
        None => checker
            .scopes
            .steps()
            .iter()
            .flat_map(|step| &step.items)
            .filter_map(|item| item.name.as_ref())
            .map(|name| &*name.value)
            .find(|name| *name == word)?,
    };
    let range = TextRange::new((start as u32).into(), (end as u32).into());
    Some((id, range, start == from))
}

fn loop_variable(checker: &mut Checker<'_>, site: &Site, name: &str, binding: &[LoopConstruct], range: TextRange) {
    let keys = values::coded(binding.iter().map(|construct| super::checker::construct_key(*construct)));
    let around = checker.scopes.loops_around(site);
    match around.first() {
        None => {
            let message = format!("`{name}` exists only inside of {keys}");
            checker.report(codes::OUTSIDE_LOOP, range, message);
        }
        Some(construct) => {
            let own = loop_variables(*construct).iter().map(|variable| variable.name);
            let candidate = did_you_mean(name, own);
            let message = format!(
                "`{name}` belongs to {keys}, but the loop here is `{}`",
                super::checker::construct_key(*construct)
            );
            checker.report(codes::WRONG_LOOP, range, message).suggest(candidate);
        }
    }
}

/// Names that mean something in another place or in another spelling.
fn known_elsewhere(
    checker: &mut Checker<'_>,
    site: &Site,
    reference: &Reference,
    decoded: &Decoded<'_>,
    range: TextRange,
) -> bool {
    let name = &*reference.root;
    let scope = site.step.and_then(|step| checker.scopes.parent(step));
    if let Some(elsewhere) = checker.scopes.anywhere(name)
        && let Some(parent) = checker.scopes.parent(elsewhere)
    {
        let outer = checker.id_of(parent);
        let message = format!("`{name}` runs inside the loop `{outer}`; its results are in `{outer}.result.results`");
        checker.report(codes::UNDEFINED_NAME, range, message);
        return true;
    }
    let first = reference.path.first().and_then(|access| match &access.kind {
        AccessKind::Field(field) => Some((field, access.range)),
        _ => None,
    });
    if matches!(name, "steps" | "results" | "previous_results" | "step_results") {
        let mut message = format!("`{name}` does not exist; a step's result is read by its id");
        let known = first.filter(|(field, _)| checker.scopes.visible_step(scope, field).is_some());
        let own = site.step.map(|step| checker.scopes.step(step));
        // `steps['my-step']` cannot be written as a bare name.
        let dotted = |access: TextRange| decoded.text[..usize::from(access.start())].ends_with('.');
        let waits = |field: &str| {
            let found = checker.scopes.visible_step(scope, field);
            own.zip(found)
                .is_some_and(|(own, found)| found == own.index || checker.facts.graph.waits_for(found, own.index))
        };
        if let Some((field, access)) = known.filter(|(field, access)| dotted(*access) && !waits(field)) {
            message.extend([format!(": `{field}`")]);
            let whole = place(decoded, TextRange::new(reference.root_range.start(), access.end()));
            let title = format!("Write `{field}`");
            let mut edits = vec![TextEdit::replace(whole, field.clone())];
            if let Some(step) = own
                && step.dependencies.iter().all(|declared| declared.value != *field)
            {
                edits.extend(super::edits::add_dependencies(checker.tree, step, &[field]));
            }
            checker.report(codes::UNDEFINED_NAME, range, message).safe_fix(title, edits);
        } else {
            checker.report(codes::UNDEFINED_NAME, range, message);
        }
        return true;
    }
    if matches!(name, "null" | "nil" | "None") {
        checker
            .report(codes::UNDEFINED_NAME, range, format!("`{name}` is written `none` in a template"))
            .safe_fix("Write `none`", vec![TextEdit::replace(range, "none")]);
        return true;
    }
    if name != "outputs" && checker.facts.pipeline.keys.iter().any(|key| key.name == name) {
        let message = format!("templates do not see the key `{name}` of the root; declare what is needed as an input");
        checker.report(codes::UNDEFINED_NAME, range, message);
        return true;
    }
    if name == "outputs" {
        let inside = if site.place == Place::Output {
            "outputs do not see each other"
        } else {
            "outputs are made after all steps"
        };
        let message = format!("`outputs` does not exist here: {inside}; use the step that makes the value");
        checker.report(codes::UNDEFINED_NAME, range, message);
        return true;
    }
    for (suffix, field) in [("_result", ".result"), ("_str", "")] {
        if let Some(id) = name.strip_suffix(suffix)
            && checker.scopes.visible_step(scope, id).is_some()
        {
            let message = format!("`{name}` does not exist; write `{id}{field}`");
            checker
                .report(codes::UNDEFINED_NAME, range, message)
                .fix(format!("Write `{id}{field}`"), vec![TextEdit::replace(range, format!("{id}{field}"))]);
            return true;
        }
    }
    false
}
