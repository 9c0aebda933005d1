//! Refactorings: the text after each.

use expect_test::{Expect, expect};
use lang::{
    ide::{ActionKind, actions},
    text::{TextRange, apply_edits},
};

use crate::support::at;

/// What is offered at `$0` beside fixes, with the lines that change.
fn rewritten(fixture: &str, expected: &Expect) {
    let (analysis, offset) = at(fixture);
    let mut shown = String::new();
    for action in actions::actions(&analysis, TextRange::empty(offset)) {
        if !matches!(action.kind, ActionKind::Extract | ActionKind::Rewrite) {
            continue;
        }
        let after = analysis.with_text(&apply_edits(analysis.text(), &action.fix.edits));
        assert_eq!(after.diagnostics(), [], "{}", after.text());
        let before: Vec<&str> = analysis.text().lines().collect();
        let changed = after.text().lines().filter(|line| !before.contains(line));
        shown += &format!("{}\n{}\n", action.fix.title, changed.collect::<Vec<_>>().join("\n"));
    }
    expected.assert_eq(&shown);
}

fn depending(dependencies: &str) -> String {
    let step = |id: &str| format!("  - id: {id}\n    action: generate\n    parameters: {{prompt: hi}}\n");
    format!("name: n\nversion: 1.0.0\nsteps:\n{}{}{}    {dependencies}\n", step("a"), step("b"), step("c"))
}

#[test]
fn dependencies_stand_on_one_line_or_on_many() {
    rewritten(
        &depending("dependencies: [a, $0b]"),
        &expect![[r#"
        Write one dependency on each line
            dependencies:
              - a
              - b
    "#]],
    );
    rewritten(
        &depending("dependencies :  [a, $0b]"),
        &expect![[r#"
        Write one dependency on each line
            dependencies :
              - a
              - b
    "#]],
    );
    rewritten(
        &depending("dependencies:\n      - a\n      - $0b"),
        &expect![[r#"
        Write the dependencies on one line
            dependencies: [a, b]
    "#]],
    );
    rewritten(
        &depending("dependencies: a,$0 b"),
        &expect![[r#"
        Write the dependencies as a list
            dependencies: [a, b]
    "#]],
    );
    // A comment would be lost.
    rewritten(&depending("dependencies: [a, # why\n      $0b]"), &expect![[""]]);
}

#[test]
fn a_step_in_braces_keeps_its_list() {
    let text = "name: n\nversion: 1.0.0\nsteps:\n  - {id: a, action: generate, parameters: {prompt: x}}\n  - {id: b, action: generate, parameters: {prompt: x}, dependencies: [$0a]}\n";
    rewritten(text, &expect![[""]]);
}

#[test]
fn a_literal_becomes_an_input() {
    let step = "  - id: a\n    action: generate\n    parameters:\n      prompt: $0VALUE\n";
    let with = |value: &str, head: &str| format!("name: n\n{head}steps:\n{}", step.replace("VALUE", value));
    rewritten(
        &with("Say hi", ""),
        &expect![[r#"
        Extract into the input `prompt`
        inputs:
          prompt: {type: string, default: Say hi}
              prompt: "{{ prompt }}"
    "#]],
    );
    rewritten(
        &with("one, two: {three}", ""),
        &expect![[r#"
        Extract into the input `prompt`
        inputs:
          prompt: {type: string, default: "one, two: {three}"}
              prompt: "{{ prompt }}"
    "#]],
    );
    rewritten(
        &with("'it''s'", "inputs:\n  prompt: x\n"),
        &expect![[r#"
        Extract into the input `prompt_2`
          prompt_2: {type: string, default: 'it''s'}
              prompt: "{{ prompt_2 }}"
    "#]],
    );
    rewritten(
        &with("hi", "inputs: {topic: x}\n"),
        &expect![[r#"
        Extract into the input `prompt`
        inputs: {topic: x, prompt: {type: string, default: hi}}
              prompt: "{{ prompt }}"
    "#]],
    );
    rewritten(&with("\"{{ topic }}\"", "inputs: {topic: x}\n"), &expect![[""]]);
}
