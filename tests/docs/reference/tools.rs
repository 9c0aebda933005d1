//! A page per tool and per action.

use std::fmt::Write;

use engine::{catalog::registry, schema};
use lang::registry::{ActionSpec, Effect, OperationSource, Registry, Replacement, ToolSpec};

use super::{
    Pages,
    markdown::{block, output, params},
};

const NOT_YET: &str = "This version cannot execute it: a step that uses it fails and says so.";

pub(super) fn pages(pages: &mut Pages) {
    let registry = registry();
    for tool in registry.tools.values() {
        pages.insert(format!("tools/{}.md", tool.name), tool_page(tool, &registry));
    }
    for action in registry.actions.values().filter(|action| !action.internal) {
        pages.insert(format!("actions/{}.md", action.name), action_page(action, &registry));
    }
}

fn tool_page(tool: &ToolSpec, registry: &Registry) -> String {
    let mut out = format!("# Tool `{}`\n\n{}\n\n", tool.name, tool.doc.trim());
    if !tool.available {
        let _ = writeln!(out, "{NOT_YET}\n");
    }
    let _ = match tool.operation_source {
        OperationSource::Action => writeln!(out, "The step's `action` names the operation."),
        OperationSource::Parameter(name) => {
            writeln!(out, "`parameters.{name}` names the operation; the step's `action` is any word.")
        }
        OperationSource::Single => {
            writeln!(out, "It does one thing; the step's `action` is any word, or is left out.")
        }
    };
    if let Some(operation) = &tool.default_operation {
        let _ = writeln!(out, "Without a name, the operation is `{operation}`.");
    }
    old_names(&mut out, registry, |new| match new {
        Replacement::Tool { tool: name, operation } if *name == tool.name => {
            Some(operation.as_ref().map_or_else(|| name.clone(), |operation| format!("{name}: {operation}")))
        }
        _ => None,
    });
    let _ = writeln!(out, "\n{}", block("yaml", &tool.example));
    for operation in &tool.operations {
        let _ = writeln!(out, "## `{}`\n\n{}\n\n{}\n", operation.name, operation.doc.trim(), effect(operation.effect));
        members(&mut out, "###", |out| params(out, &operation.params, 0), |out| output(out, &operation.output));
    }
    out
}

fn action_page(action: &ActionSpec, registry: &Registry) -> String {
    let mut out = format!("# Action `{}`\n\n{}\n\n", action.name, action.doc.trim());
    if !action.available {
        let _ = writeln!(out, "{NOT_YET}\n");
    }
    let _ = writeln!(out, "{}", effect(action.effect));
    if let Some(tool) = &action.tool {
        let _ = writeln!(out, "It stands for the tool [`{tool}`](../tools/{tool}.md).");
    }
    old_names(&mut out, registry, |new| {
        (*new == Replacement::Action(action.name.clone())).then(|| action.name.clone())
    });
    let _ = writeln!(out, "\n{}", block("yaml", &action.example));
    let given = |out: &mut String| {
        params(out, &action.params, 0);
        if action.open_params {
            out.push_str("\nOther parameters are legal.\n");
        }
    };
    members(&mut out, "##", given, |out| output(out, &action.output));
    out
}

/// The deprecated spellings of what `new` says a name for.
fn old_names(out: &mut String, registry: &Registry, new: impl Fn(&Replacement) -> Option<String>) {
    for legacy in &registry.legacy {
        if let Some(new) = new(&legacy.new) {
            let _ = writeln!(out, "\n`{}` is an old name of `{new}`.", legacy.old);
        }
    }
}

fn members(out: &mut String, level: &str, params: impl Fn(&mut String), result: impl Fn(&mut String)) {
    for (title, write) in [("Parameters", &params as &dyn Fn(&mut String)), ("Result", &result)] {
        let mut text = String::new();
        write(&mut text);
        let text = if text.is_empty() { "None.\n" } else { text.trim_start() };
        let _ = writeln!(out, "{level} {title}\n\n{text}");
    }
}

/// The effect class with its meaning, as its own documentation says it.
pub(super) fn effect(effect: Effect) -> String {
    let word = serde_json::to_value(effect).unwrap();
    let described = schema::of::<Effect>();
    let variants = described["oneOf"].as_array().unwrap();
    let own = variants.iter().find(|variant| variant["const"] == word).unwrap();
    format!("Effect: `{}`. {}", word.as_str().unwrap(), own["description"].as_str().unwrap())
}
