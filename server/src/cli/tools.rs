//! `orc tools`: what the registry knows.

use std::{fmt::Write, io, process::ExitCode};

use clap::{Args, Subcommand};
use lang::registry::{ActionSpec, OutputSpec, ParamSpec, Registry, ToolSpec, ValueType, did_you_mean};
use serde_json::{Value, json};

use super::print::{self, Format};

/// Options of `orc tools`.
#[derive(Debug, Args)]
pub(crate) struct Tools {
    #[command(subcommand)]
    command: Option<Command>,

    /// How to write it.
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List all tools and actions.
    List,
    /// Show one: its operations, parameters, result and an example.
    Show {
        /// The tool or action.
        name: String,
    },
}

impl Tools {
    /// Prints the list, or one entry.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        let registry = engine::catalog::registry();
        match &self.command {
            None | Some(Command::List) => {
                print::out(&match self.format {
                    Format::Text => list(&registry),
                    Format::Json => print::json(&list_json(&registry)),
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Some(Command::Show { name }) => self.show(&registry, name),
        }
    }

    fn show(&self, registry: &Registry, name: &str) -> io::Result<ExitCode> {
        let (text, value) = if let Some(tool) = registry.tool(name) {
            (tool_text(tool), tool_json(tool))
        } else if let Some(action) = registry.action(name) {
            (action_text(action), action_json(action))
        } else {
            let known = registry.tools.keys().chain(registry.actions.keys()).map(String::as_str);
            let guess = did_you_mean(name, known).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            print::error(&format!("unknown tool or action `{name}`; {guess}`orc tools list` lists all"));
            return Ok(ExitCode::from(super::INVALID));
        };
        print::out(&match self.format {
            Format::Text => text,
            Format::Json => print::json(&value),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn list(registry: &Registry) -> String {
    let tools = registry.tools.values().map(|tool| (tool.name.as_str(), tool.available, summary(&tool.doc)));
    let actions = shown_actions(registry).map(|action| (action.name.as_str(), action.available, summary(&action.doc)));
    let (tools, actions): (Vec<_>, Vec<_>) = (tools.collect(), actions.collect());
    let width = tools.iter().chain(&actions).map(|(name, ..)| name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (title, entries) in [("tools", tools), ("actions", actions)] {
        let _ = writeln!(text, "{title}:");
        for (name, available, summary) in entries {
            let note = if available { "" } else { " (not executable in this version)" };
            let _ = writeln!(text, "  {name:width$}  {summary}{note}");
        }
    }
    text
}

fn list_json(registry: &Registry) -> Value {
    json!({
        "tools": registry.tools.values().map(tool_json).collect::<Vec<_>>(),
        "actions": shown_actions(registry).map(action_json).collect::<Vec<_>>(),
    })
}

fn shown_actions(registry: &Registry) -> impl Iterator<Item = &ActionSpec> {
    registry.actions.values().filter(|action| !action.internal)
}

fn tool_text(tool: &ToolSpec) -> String {
    let mut text = format!("{}\n\n{}\n", tool.name, tool.doc.trim());
    availability(&mut text, tool.available);
    for operation in &tool.operations {
        let _ = write!(text, "\noperation {}: {}\n", operation.name, summary(&operation.doc));
        members(&mut text, &operation.params, &operation.output);
    }
    example(&mut text, &tool.example);
    text
}

fn action_text(action: &ActionSpec) -> String {
    let mut text = format!("{}\n\n{}\n", action.name, action.doc.trim());
    availability(&mut text, action.available);
    members(&mut text, &action.params, &action.output);
    example(&mut text, &action.example);
    text
}

fn availability(text: &mut String, available: bool) {
    if !available {
        text.push_str("\nThis version cannot execute it: a step that uses it fails and says so.\n");
    }
}

fn members(text: &mut String, params: &[ParamSpec], output: &OutputSpec) {
    for param in params {
        let need = match &param.default {
            Some(default) => format!(", default {default}"),
            None if param.required => match &param.instead {
                Some(other) => format!(", required unless {other} is given"),
                None => ", required".to_owned(),
            },
            None => String::new(),
        };
        let _ = writeln!(text, "  {}: {}{need} – {}", param.name, types(&param.types), summary(&param.doc));
    }
    if !output.fields.is_empty() {
        text.push_str("  result:\n");
        for field in &output.fields {
            let _ = writeln!(text, "    {}: {} – {}", field.name, types(&field.types), summary(&field.doc));
        }
    }
}

fn example(text: &mut String, example: &str) {
    if !example.trim().is_empty() {
        let _ = write!(text, "\nexample:\n{}\n", example.trim_end());
    }
}

fn tool_json(tool: &ToolSpec) -> Value {
    let operations: Vec<Value> = tool
        .operations
        .iter()
        .map(|operation| {
            json!({
                "name": operation.name,
                "doc": operation.doc,
                "effect": operation.effect,
                "parameters": operation.params.iter().map(param_json).collect::<Vec<_>>(),
                "result": output_json(&operation.output),
            })
        })
        .collect();
    json!({ "name": tool.name, "doc": tool.doc, "available": tool.available, "operations": operations, "example": tool.example })
}

fn action_json(action: &ActionSpec) -> Value {
    json!({
        "name": action.name,
        "doc": action.doc,
        "available": action.available,
        "effect": action.effect,
        "needs_model": action.needs_model,
        "parameters": action.params.iter().map(param_json).collect::<Vec<_>>(),
        "result": output_json(&action.output),
        "example": action.example,
    })
}

fn param_json(param: &ParamSpec) -> Value {
    json!({
        "name": param.name,
        "doc": param.doc,
        "types": param.types,
        "required": param.required,
        "default": param.default,
        "choices": param.choices,
        "deprecated": param.deprecated,
    })
}

fn output_json(output: &OutputSpec) -> Value {
    let fields =
        output.fields.iter().map(|field| json!({ "name": field.name, "doc": field.doc, "types": field.types }));
    json!({ "fields": fields.collect::<Vec<_>>(), "open": output.open, "primary": output.primary, "scalar": output.scalar })
}

fn types(types: &[ValueType]) -> String {
    if types.is_empty() {
        return "any".to_owned();
    }
    let names = types.iter().map(|kind| match kind {
        ValueType::String => "string",
        ValueType::Integer => "integer",
        ValueType::Number => "number",
        ValueType::Boolean => "boolean",
        ValueType::Array => "array",
        ValueType::Object => "object",
    });
    names.collect::<Vec<_>>().join(" or ")
}

fn summary(doc: &str) -> &str {
    doc.trim().lines().next().unwrap_or_default()
}
