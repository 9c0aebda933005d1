//! Refactorings: the text after each.

use expect_test::{Expect, expect};
use lang::{
    ide::{ActionKind, actions},
    text::{TextRange, apply_edits},
};

use crate::support::{analysis, at};

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

#[test]
fn what_a_rewriting_would_lose_or_break_is_not_offered() {
    // A comment or an anchor between the colon and the list.
    rewritten(&depending("dependencies: # why\n      - $0a"), &expect![[""]]);
    rewritten(&depending("dependencies: &d [$0a]"), &expect![[""]]);
    // The document is in braces, as JSON is.
    let json = "{\"name\": \"a\", \"version\": \"1.0.0\",\n \"steps\": [{\"id\": \"s\", \"action\": \"generate\", \"parameters\": {\"prompt\": \"h$0i\"}}]}\n";
    rewritten(json, &expect![[""]]);
    let trailing =
        "name: n\ninputs: {topic: x,}\nsteps:\n  - id: a\n    action: generate\n    parameters:\n      prompt: $0hi\n";
    rewritten(
        trailing,
        &expect![[r#"
        Extract into the input `prompt`
        inputs: {topic: x, prompt: {type: string, default: hi},}
              prompt: "{{ prompt }}"
    "#]],
    );
}

/// The text after "Ignore … here" of the first diagnostic, or nothing if it is not offered.
fn ignored(text: &str) -> Option<String> {
    let analysis = analysis(text);
    let range = analysis.diagnostics()[0].range;
    let offered = actions::actions(&analysis, range);
    let ignore =
        offered.into_iter().find(|action| action.kind == ActionKind::Ignore && action.diagnostic == Some(0))?;
    Some(apply_edits(text, &ignore.fix.edits))
}

#[test]
fn a_comment_that_ignores_is_never_written_into_a_text() {
    let step = |parameters: &str| {
        format!("name: n\nversion: 1.0.0\nsteps:\n  - id: s\n    action: generate\n    {parameters}\n")
    };
    assert_eq!(ignored(&step("parameters: {prompt: \"one\n      two\", system_prompt: \"{{ nope }}\"}")), None);
    let after = ignored(&step("parameters:\n      prompt: |\n        one\n        {{ nope }}")).unwrap();
    assert!(after.contains("      # orc: ignore ORC302\n      prompt: |\n"), "{after}");
}

#[test]
fn safe_fixes_lose_nothing() {
    let all = |text: &str| actions::fix_all(&analysis(text), &|_| true);
    // A hyphen means minus: the id in brackets has no shorter form.
    let step = "steps:\n  - id: my-step\n    action: generate\n    parameters: {prompt: hi}\n  - id: s\n    action: generate\n    parameters: {prompt: \"{{ steps['my-step'].result }}\"}\n    dependencies: [my-step]\n";
    let brackets = format!("name: n\nversion: 1.0.0\n{step}");
    assert_eq!(all(&brackets), brackets);
    let offered = analysis(&brackets).diagnostics().iter().map(|found| found.fixes.len()).sum::<usize>();
    assert_eq!(offered, 0, "what is not made at once is not offered singly either");
    // Comments in a list of inputs.
    let comments = "name: n\nversion: 1.0.0\ninputs:\n  - name: topic # the topic\n    type: string\nsteps:\n  - id: s\n    action: generate\n    parameters: {prompt: \"{{ topic }}\"}\n";
    assert_eq!(all(comments), comments);
    // The rest of a declaration stays.
    let wrapped = "name: n\nversion: 1.0.0\ninputs:\n  topic:\n    type: string\n    description: What about # shown\n    default: {type: array, default: [a, b]}\nsteps:\n  - id: s\n    action: generate\n    parameters: {prompt: \"{{ topic }}\"}\n";
    let mended =
        wrapped.replace("type: string", "type: array").replace("{type: array, default: [a, b]}", "[\"a\",\"b\"]");
    assert_eq!(all(wrapped), mended);
}

#[test]
fn fixes_of_what_is_not_shown_are_not_made() {
    let old = "name: n\nversion: 1.0.0\nsteps:\n  - id: s\n    action: generate_text\n    parameters: {prompt: hi}\n";
    assert_eq!(actions::fix_all(&analysis(old), &|_| false), old);
    assert_ne!(actions::fix_all(&analysis(old), &|_| true), old);
}

/// The text after the refactoring `title` of what stands between `$0` and `$1`; nothing if it is not offered.
fn selected(fixture: &str, title: &str) -> Option<String> {
    let (start, end) = (fixture.find("$0").unwrap(), fixture.find("$1").unwrap() - 2);
    let text = fixture.replace("$0", "").replace("$1", "");
    let analysis = analysis(&text);
    let range = TextRange::new((start as u32).into(), (end as u32).into());
    let found = actions::actions(&analysis, range);
    let action = found.into_iter().find(|action| action.fix.title == title)?;
    Some(apply_edits(analysis.text(), &action.fix.edits))
}

const THREE: &str = "\
name: n
version: 1.0.0
steps:
  - id: a
    action: echo
    parameters: {message: one}
$0  - id: b
    action: generate
    parameters:
      prompt: |
        two

          deeper
    dependencies: [a]
$1
  # the last
  - id: c
    action: echo
    parameters: {message: three}
    dependencies: [b]
";

#[test]
fn steps_are_wrapped_in_a_loop_and_who_waits_for_them_waits_for_it() {
    let after = selected(THREE, "Wrap the step in `for_each`").unwrap();
    expect![[r#"
        name: n
        version: 1.0.0
        steps:
          - id: a
            action: echo
            parameters: {message: one}
          - id: each
            for_each: []
            steps:
              - id: b
                action: generate
                parameters:
                  prompt: |
                    two

                      deeper
                dependencies: [a]

          # the last
          - id: c
            action: echo
            parameters: {message: three}
            dependencies: [each]
    "#]]
    .assert_eq(&after);
    assert_eq!(analysis(&after).diagnostics(), []);
}

#[test]
fn steps_that_templates_elsewhere_name_are_not_wrapped() {
    let named = THREE.replace("message: three", "message: '{{ b.result }}'");
    assert_eq!(selected(&named, "Wrap the step in `for_each`"), None);
    let both = named.replace("$1", "").replace("    dependencies: [b]\n", "    dependencies: [b]\n$1");
    assert!(selected(&both, "Wrap the 2 steps in `for_each`").unwrap().contains("      - id: c\n"));
    let part = THREE.replace("$0  - id: b", "  - id: $0b");
    assert_eq!(selected(&part, "Wrap the step in `for_each`"), None);
}

#[test]
fn a_file_is_written_in_the_canonical_form() {
    let fixture = "\
$0name: n$1
version: 1.0.0
parameters: {who: {type: string,default: you}}
steps:
    - id: a
      if: '{{ who }}'
      tool: filesystem
      action: write
      parameters: {path: a.txt, content: 'x'}
    - id: b
      action: llm_call
      depends_on: a
      parameters: {prompt: '{{ a.path }}'}
";
    let after = selected(fixture, "Write the file in the canonical form").unwrap();
    expect![[r#"
        name: n
        version: 1.0.0
        inputs: {who: {type: string, default: you}}
        steps:
          - id: a
            condition: '{{ who }}'
            tool: filesystem
            action: write
            parameters: {path: a.txt, content: 'x'}
          - id: b
            action: generate
            dependencies: [a]
            parameters: {prompt: '{{ a.result.path }}'}
    "#]]
    .assert_eq(&after);
    assert_eq!(analysis(&after).diagnostics(), []);
    let again = format!("$0$1{after}");
    assert_eq!(selected(&again, "Write the file in the canonical form"), None);
}
