//! The first page.

use std::fmt::Write;

use engine::catalog::registry;
use lang::check::codes::codes;
use server::pages::severity_name;

use super::markdown::{cell, summary};

/// The groups of codes by their first digit (contract: stable codes, grouped).
const GROUPS: [(u16, &str); 10] = [
    (0, "YAML"),
    (1, "structure"),
    (2, "references and dependencies"),
    (3, "templates"),
    (4, "tools, actions and parameters"),
    (5, "models"),
    (6, "AUTO tags"),
    (7, "control flow"),
    (8, "deprecated and without effect"),
    (9, "security"),
];

pub(super) fn page() -> String {
    let registry = registry();
    let mut out = "# Reference\n\nMade from what the program knows; the same is said by hover, completion, `orc explain` and `orc tools show`.\n\n".to_owned();
    out.push_str("- [Keys of pipelines and steps](keys.md)\n- [Names in templates](variables.md)\n- [Filters](filters.md)\n- [Tests](tests.md)\n- [Functions](functions.md)\n- [Settings of the editor](settings.md)\n\n## Tools\n\n| tool | | executes today |\n|---|---|---|\n");
    for tool in registry.tools.values() {
        row(&mut out, "tools", &tool.name, &tool.doc, tool.available);
    }
    out.push_str("\n## Actions without a tool\n\n| action | | executes today |\n|---|---|---|\n");
    for action in registry.actions.values().filter(|action| !action.internal) {
        row(&mut out, "actions", &action.name, &action.doc, action.available);
    }
    out.push_str("\n## Diagnostics\n");
    for (group, title) in GROUPS {
        let _ = writeln!(out, "\n### {group}xx: {title}\n\n| code | name | | severity |\n|---|---|---|---|");
        for spec in codes().iter().filter(|spec| spec.code.0 / 100 == group) {
            let (code, severity) = (spec.code, severity_name(spec.severity));
            let _ =
                writeln!(out, "| [{code}](codes/{code}.md) | {} | {} | {severity} |", spec.name, cell(spec.summary));
        }
    }
    out
}

fn row(out: &mut String, folder: &str, name: &str, doc: &str, available: bool) {
    let executes = if available { "yes" } else { "no" };
    let _ = writeln!(out, "| [`{name}`]({folder}/{name}.md) | {} | {executes} |", cell(summary(doc)));
}
