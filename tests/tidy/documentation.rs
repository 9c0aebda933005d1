//! Everything people can name is explained.

use engine::catalog::registry;
use lang::registry::{FieldSpec, OutputSpec, ParamSpec};

use crate::support::{files, none, root};

#[test]
fn every_tool_is_explained_and_shown() {
    let mut complaints = Vec::new();
    for tool in registry().tools.values() {
        let at = &tool.name;
        explained(&mut complaints, at, &tool.doc);
        summed_up(&mut complaints, at, &tool.doc);
        if !tool.example.contains(&format!("tool: {at}")) {
            complaints.push(format!("{at}: its example does not use it"));
        }
        if tool.operations.is_empty() {
            complaints.push(format!("{at}: no operation"));
        }
        if let Some(name) = &tool.default_operation
            && tool.operation(name).is_none()
        {
            complaints.push(format!("{at}: no operation `{name}` to take by default"));
        }
        for operation in &tool.operations {
            let at = format!("{at} {}", operation.name);
            explained(&mut complaints, &at, &operation.doc);
            params(&mut complaints, &at, &operation.params);
            output(&mut complaints, &at, &operation.output);
        }
    }
    none(&complaints);
}

#[test]
fn every_action_is_explained_and_shown() {
    let mut complaints = Vec::new();
    for action in registry().actions.values() {
        explained(&mut complaints, &action.name, &action.doc);
        summed_up(&mut complaints, &action.name, &action.doc);
        params(&mut complaints, &action.name, &action.params);
        output(&mut complaints, &action.name, &action.output);
        if !action.example.contains(&action.name) {
            complaints.push(format!("{}: its example does not use it", action.name));
        }
    }
    none(&complaints);
}

#[test]
fn all_tools_of_the_language_are_there() {
    assert_eq!(registry().tools.len(), 27);
}

#[test]
fn legacy_names_lead_somewhere_and_are_no_names_of_today() {
    let registry = registry();
    for legacy in &registry.legacy {
        let known = match &legacy.new {
            lang::registry::Replacement::Action(name) => registry.actions.contains_key(name),
            lang::registry::Replacement::Tool { tool, operation } => registry
                .tools
                .get(tool)
                .is_some_and(|tool| operation.as_deref().is_none_or(|name| tool.operation(name).is_some())),
        };
        assert!(known, "{legacy:?}");
        assert!(!registry.actions.contains_key(&legacy.old) && !registry.tools.contains_key(&legacy.old), "{legacy:?}");
    }
}

#[test]
fn every_diagnostic_has_a_page_of_its_own() {
    let mut complaints = Vec::new();
    for spec in lang::check::codes::codes() {
        explained(&mut complaints, &spec.code.to_string(), spec.doc);
        if spec.doc.trim() == spec.summary {
            complaints.push(format!("{}: its page is its summary again", spec.code));
        }
    }
    none(&complaints);
}

#[test]
fn links_in_documents_lead_to_files() {
    let mut complaints = Vec::new();
    for file in files(".", "md") {
        let folder = root().join(&file.path).parent().expect("invariant: a file has a folder").to_owned();
        for link in file.text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next()) {
            let outside = link.is_empty() || link.contains("://") || link.starts_with("mailto:");
            if !outside && !folder.join(link).exists() {
                complaints.push(format!("{}: no file `{link}`", file.path));
            }
        }
    }
    none(&complaints);
}

fn explained(complaints: &mut Vec<String>, at: &str, doc: &str) {
    let summary = doc.lines().next().unwrap_or_default();
    if summary.len() < 10 {
        complaints.push(format!("{at}: explain it (`{summary}`)"));
    }
}

/// Lists show the first line alone.
fn summed_up(complaints: &mut Vec<String>, at: &str, doc: &str) {
    let summary = doc.trim().lines().next().unwrap_or_default();
    if !summary.ends_with('.') {
        complaints.push(format!("{at}: its first line is no sentence (`{summary}`)"));
    }
}

fn params(complaints: &mut Vec<String>, at: &str, params: &[ParamSpec]) {
    for param in params {
        let at = format!("{at}.{}", param.name);
        if param.doc.is_empty() {
            complaints.push(format!("{at}: explain it"));
        }
        if param.default.as_ref().is_some_and(|default| !param.choices.is_empty() && !param.choices.contains(default)) {
            complaints.push(format!("{at}: its default is none of its values"));
        }
        self::params(complaints, &at, &param.fields);
    }
}

fn output(complaints: &mut Vec<String>, at: &str, output: &OutputSpec) {
    fields(complaints, at, &output.fields);
    for name in output.primary.iter().chain(output.aliases.iter().map(|(_, new)| new)) {
        if !output.open && !output.fields.iter().any(|field| field.name == *name) {
            complaints.push(format!("{at}: no field `{name}` in its result"));
        }
    }
    if !output.open && !output.scalar && output.fields.is_empty() {
        complaints.push(format!("{at}: its result is empty"));
    }
}

fn fields(complaints: &mut Vec<String>, at: &str, fields: &[FieldSpec]) {
    for field in fields {
        if field.doc.is_empty() {
            complaints.push(format!("{at} → {}: explain it", field.name));
        }
        self::fields(complaints, &format!("{at} → {}", field.name), &field.fields);
        self::fields(complaints, &format!("{at} → {}", field.name), &field.items);
    }
}
