//! What templates may name: filters, tests, functions, and the names of the run and of loops.

use std::fmt::Write;

use lang::registry::{
    LoopConstruct, LoopVariable, Signature,
    names::{condition_variables, filters, globals, jinja_loop_fields, loop_variables, runtime_names, tests},
    results::{self, Known},
};

use super::{Pages, markdown::block};

pub(super) fn pages(pages: &mut Pages) {
    let mut text = "# Filters\n\nA filter changes the value before it: `{{ text | upper }}`.\n".to_owned();
    for filter in filters() {
        called(&mut text, filter.name, &filter.signature, filter.doc, None);
    }
    pages.insert("filters.md".to_owned(), text);

    let mut text = "# Tests\n\nA test asks something of the value before it: `{{ n is odd }}`.\n".to_owned();
    for test in tests() {
        called(&mut text, test.name, &test.signature, test.doc, None);
    }
    pages.insert("tests.md".to_owned(), text);

    let mut text = "# Functions\n\nThey can be called in every template: `{{ range(3) }}`.\n".to_owned();
    for global in globals() {
        called(&mut text, global.name, &global.signature, global.doc, global.deprecated);
    }
    pages.insert("functions.md".to_owned(), text);

    pages.insert("variables.md".to_owned(), variables());
}

fn called(out: &mut String, name: &str, signature: &Signature, doc: &str, deprecated: Option<&str>) {
    let _ = writeln!(out, "\n## `{name}`\n\n{}\n{}", block("", &signature.describe(name)), doc.trim());
    if let Some(instead) = deprecated {
        let _ = writeln!(out, "\nDeprecated: write `{instead}`.");
    }
}

fn variables() -> String {
    let mut out = "# Names in templates\n\nTemplates see the inputs and the steps of the pipeline by their names, and what stands here.\n\n## Of every run\n".to_owned();
    for name in runtime_names() {
        let _ = writeln!(out, "\n### `{}`\n\n{}", name.name, name.doc.trim());
        for (index, (field, doc)) in name.fields.iter().enumerate() {
            let _ = writeln!(out, "{}- `{}.{field}`: {doc}", if index == 0 { "\n" } else { "" }, name.name);
        }
        if let Some(instead) = name.deprecated {
            let _ = writeln!(out, "\nDeprecated: write `{instead}`.");
        }
    }
    out.push_str("\n## Of a step\n\nBeside what its tool or action gives back.\n\n");
    known(&mut out, results::of_step());
    for (title, table) in [("`for_each`", results::of_for_each()), ("`while` and `until`", results::of_while())] {
        let _ = writeln!(out, "\n## Of the result of {title}\n");
        known(&mut out, table);
    }
    let loops = [
        ("`for_each`", LoopConstruct::ForEach),
        ("`while` and `until`", LoopConstruct::While),
        ("`action_loop`", LoopConstruct::ActionLoop),
        ("`create_parallel_queue`", LoopConstruct::Queue),
    ];
    for (title, construct) in loops {
        let _ = writeln!(out, "\n## In the body of {title}\n");
        bound(&mut out, loop_variables(construct));
        let condition = condition_variables(construct);
        if !condition.is_empty() {
            let _ = writeln!(out, "\nIts conditions see:\n");
            bound(&mut out, condition);
        }
    }
    out.push_str("\n## Of `loop_state`\n\n");
    known(&mut out, results::of_state());
    out.push_str("\n## Of `loop` in `{% for %}`\n\n");
    known(&mut out, jinja_loop_fields());
    out
}

fn known(out: &mut String, table: &[Known]) {
    for (name, kind, doc) in table {
        let _ = writeln!(out, "- `{name}` ({}): {doc}", kind.name());
    }
}

fn bound(out: &mut String, variables: &[LoopVariable]) {
    for variable in variables {
        let kind = variable.value_type.map_or("any", |kind| kind.name());
        let _ = writeln!(out, "- `{}` ({kind}): {}", variable.name, variable.doc);
    }
}
