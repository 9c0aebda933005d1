//! What a step's `tool` and `action` mean together (contract §2.14), and the prose that stands for
//! an action (reference §3.2).

use crate::registry::{ActionSpec, OperationSource, OperationSpec, Registry, Replacement, Target, ToolSpec};

/// The words that make an action print the text after them.
pub const ECHO_VERBS: [&str; 5] = ["echo", "print", "display", "show", "output"];

/// Sentences that write a file: the phrases, in order, that make one.
const FILE_PROSE: [&[&str]; 11] = [
    &["write", " to a file"],
    &["write", " to file"],
    &["write", " to a path"],
    &["write", " to path"],
    &["write", "following", "content", " to "],
    &["save ", " to "],
    &["create", "file at "],
    &["export", " to file"],
    &["export", " to a file"],
    &["store", " in file"],
    &["store", " in a file"],
];

const FILE_ENDINGS: [&str; 7] = [".txt", ".md", ".json", ".yaml", ".yml", ".csv", ".html"];

/// The text that an action of the echo family prints.
pub fn echo_text(action: &str) -> Option<&str> {
    let (verb, text) = action.trim().split_once(char::is_whitespace)?;
    ECHO_VERBS.iter().any(|known| known.eq_ignore_ascii_case(verb)).then(|| text.trim_start())
}

/// Whether an action is a sentence that writes a file.
pub fn is_file_prose(action: &str) -> bool {
    let action = action.to_lowercase();
    FILE_PROSE.iter().any(|phrases| in_order(&action, phrases).is_some())
        || ["write ", "save "].iter().any(|verb| {
            in_order(&action, &[verb, " to "]).is_some_and(|rest| {
                rest.split_whitespace().any(|word| {
                    FILE_ENDINGS
                        .iter()
                        .any(|ending| word.trim_end_matches(['.', ',', '"', '\'', ':']).ends_with(ending))
                })
            })
        })
}

/// Whether an action is an AUTO tag, its body being the prompt.
pub fn is_auto(action: &str) -> bool {
    action.trim_start().starts_with("<AUTO")
}

/// What stands after the last of `phrases`, if they stand in `text` in this order.
fn in_order<'t>(text: &'t str, phrases: &[&str]) -> Option<&'t str> {
    phrases.iter().try_fold(text, |rest, phrase| rest.find(phrase).map(|at| &rest[at + phrase.len()..]))
}

pub(in crate::registry) fn resolve<'r>(
    registry: &'r Registry,
    tool: Option<&str>,
    action: Option<&str>,
    operation_parameter: Option<&str>,
) -> Target<'r> {
    match (tool, action) {
        (Some(tool), action) => of_tool(registry, tool.trim(), action, operation_parameter),
        (None, Some(action)) => of_action(registry, action.trim(), operation_parameter),
        (None, None) => Target::Unknown,
    }
}

fn of_tool<'r>(registry: &'r Registry, name: &str, action: Option<&str>, parameter: Option<&str>) -> Target<'r> {
    if let Some(tool) = registry.tool(name) {
        return Target::Operation { tool, operation: operation(registry, tool, action, parameter) };
    }
    match registry.legacy(name).map(|legacy| &legacy.new) {
        Some(Replacement::Tool { tool, operation: fixed }) => match registry.tool(tool) {
            Some(tool) => {
                let operation = fixed
                    .as_deref()
                    .and_then(|fixed| tool.operation(fixed))
                    .or_else(|| operation(registry, tool, action, parameter));
                Target::Operation { tool, operation }
            }
            None => Target::Unknown,
        },
        Some(Replacement::Action(action)) => registry.action(action).map_or(Target::Unknown, Target::Action),
        None => Target::Unknown,
    }
}

fn of_action<'r>(registry: &'r Registry, action: &str, parameter: Option<&str>) -> Target<'r> {
    if is_auto(action) {
        return Target::Auto;
    }
    if let Some(spec) = registry.action(action) {
        return standing_for_tool(registry, spec, parameter).unwrap_or(Target::Action(spec));
    }
    if let Some(tool) = registry.tool(action) {
        return Target::Operation { tool, operation: operation(registry, tool, None, parameter) };
    }
    match registry.legacy(action).map(|legacy| &legacy.new) {
        Some(Replacement::Action(new)) if new != action => return of_action(registry, new, parameter),
        Some(Replacement::Tool { tool, operation: fixed }) => {
            return of_tool(registry, tool, fixed.as_deref(), parameter);
        }
        _ => {}
    }
    if let Some(text) = echo_text(action) {
        return Target::Echo { text: text.to_owned() };
    }
    if is_file_prose(action) { Target::FileProse } else { Target::Unknown }
}

/// The tool's operation that a built-in action is another name of.
fn standing_for_tool<'r>(registry: &'r Registry, spec: &ActionSpec, parameter: Option<&str>) -> Option<Target<'r>> {
    let tool = registry.tool(spec.tool.as_deref()?)?;
    // `action: validate` is the tool first and its operation of that name only where no other is named.
    let action = parameter.is_none().then_some(spec.name.as_str());
    Some(Target::Operation { tool, operation: operation(registry, tool, action, parameter) })
}

/// Which operation of `tool` is meant. A tool's own way of naming it comes first, then the other one
/// (deprecated), then the only or default one where nothing was named.
fn operation<'r>(
    registry: &Registry,
    tool: &'r ToolSpec,
    action: Option<&str>,
    parameter: Option<&str>,
) -> Option<&'r OperationSpec> {
    let named = |word: Option<&str>| word.and_then(|word| operation_named(registry, tool, word));
    let default = || match (&tool.default_operation, tool.operations.as_slice()) {
        (Some(name), _) => tool.operation(name),
        (None, [only]) => Some(only),
        _ => None,
    };
    match tool.operation_source {
        OperationSource::Single => tool.operations.first(),
        OperationSource::Parameter(_) => match parameter {
            Some(_) => named(parameter),
            None => named(action).or_else(default),
        },
        OperationSource::Action => {
            let names_tool = action.is_none_or(|action| is_name_of(registry, tool, action));
            match (named(action), parameter) {
                (Some(found), _) => Some(found),
                (None, Some(_)) => named(parameter),
                (None, None) if names_tool => default(),
                (None, None) => None,
            }
        }
    }
}

/// The operation that `word` spells, hyphens, underscores and case aside.
fn operation_named<'r>(registry: &Registry, tool: &'r ToolSpec, word: &str) -> Option<&'r OperationSpec> {
    let word = word.trim();
    let plain = |name: &str| name.replace('-', "_").to_ascii_lowercase();
    tool.operation(word)
        .or_else(|| tool.operations.iter().find(|operation| plain(&operation.name) == plain(word)))
        .or_else(|| match registry.legacy(word).map(|legacy| &legacy.new) {
            Some(Replacement::Tool { tool: of, operation: Some(operation) }) if *of == tool.name => {
                tool.operation(operation)
            }
            _ => None,
        })
}

/// Whether `action` names the tool itself (`action: filesystem`), and so no operation.
fn is_name_of(registry: &Registry, tool: &ToolSpec, action: &str) -> bool {
    registry.tool(action.trim()).is_some_and(|named| named.name == tool.name)
        || registry.action(action).is_some_and(|spec| spec.tool.as_deref() == Some(&*tool.name))
}
