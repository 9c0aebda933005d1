//! Snippets: where they are offered, and that each is right as it comes.

use expect_test::expect;
use lang::{
    analysis::Analysis,
    check::Severity,
    ide::{Completion, CompletionKind, completion},
    text::apply_edits,
};

use crate::support::{analysis, at, offered};

fn snippets(fixture: &str) -> Vec<Completion> {
    offered(fixture).into_iter().filter(|item| item.kind == CompletionKind::Snippet).collect()
}

fn names(fixture: &str) -> String {
    snippets(fixture).into_iter().map(|item| item.label).collect::<Vec<_>>().join(", ")
}

/// The text after a snippet is taken and left with its defaults.
fn taken(fixture: &str, item: &Completion) -> Analysis {
    let mut edit = item.edit.clone();
    edit.new_text = completion::without_stops(&edit.new_text);
    analysis(&apply_edits(at(fixture).0.text(), &[edit]))
}

const STEPS: &str = "id: p\nsteps:\n  - $0\n";
const VALUE: &str =
    "id: p\nsteps:\n  - id: a\n    action: generate\n    parameters:\n      model: <AUTO>\n      prompt: ";

#[test]
fn snippets_are_offered_where_something_begins() {
    expect!["new pipeline"].assert_eq(&names("$0"));
    expect!["new pipeline"].assert_eq(&names("# what it is for\n$0\n"));
    assert_eq!(names("id: p\n$0"), "");
    let steps = "step, step with a tool, step with a condition, for_each loop, while loop, action_loop";
    assert_eq!(names(STEPS), steps);
    assert_eq!(names("steps:\n  - id: a\n    action: generate\n  - ste$0\n"), steps);
    assert_eq!(names("steps:\n  - id: a\n    for_each: [1]\n    steps:\n      - $0\n"), steps);
    assert_eq!(names("steps:\n  - id: a\n    $0\n"), "");
    assert_eq!(names("steps: [{$0}]\n"), "");
    let tags = "<AUTO>…</AUTO>, <AUTO choices>, <AUTO number>";
    for begun in ["<$0", "<AU$0", "\"<$0\"", "'<$0'"] {
        assert_eq!(names(&format!("{VALUE}{begun}\n")), tags, "{begun}");
    }
    assert_eq!(names(&format!("{VALUE}$0\n")), "");
    assert_eq!(names(&format!("{VALUE}Write$0\n")), "");
}

#[test]
fn every_snippet_is_valid_as_it_comes() {
    let before = "id: p\nsteps:\n  - id: before\n    action: generate\n    parameters: {model: <AUTO>, prompt: x}\n";
    let mut fixtures = ["$0", "# a comment\n$0\n", STEPS, "id: p\nsteps:\n- $0\n", "id: p\nsteps:\n  $0\n"]
        .map(str::to_owned)
        .to_vec();
    fixtures.push(format!("{before}  - $0\n"));
    fixtures.push(format!("{before}  $0\noutputs:\n  x: \"{{{{ before.result }}}}\"\n"));
    fixtures.push("id: p\nsteps:\n  - id: a\n    for_each: [1]\n    steps:\n      - $0\n".to_owned());
    fixtures.extend(["<$0", "\"<$0\"", "'<$0'", "\"x <$0 y\""].map(|begun| format!("{VALUE}{begun}\n")));
    let mut seen = 0;
    for fixture in fixtures {
        for item in snippets(&fixture) {
            let after = taken(&fixture, &item);
            let errors: Vec<_> =
                after.diagnostics().iter().filter(|found| found.severity <= Severity::Warning).collect();
            assert!(errors.is_empty(), "`{}` in\n{fixture}\nmakes\n{}\n{errors:#?}", item.label, after.text());
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn a_snippet_is_indented_where_it_is_put() {
    let fixture = "steps:\n  - id: a\n    for_each: [1]\n    steps:\n      - $0\n";
    let item = snippets(fixture).remove(0);
    expect![[r#"
        steps:
          - id: a
            for_each: [1]
            steps:
              - id: write
                action: generate
                parameters:
                  model: <AUTO>
                  prompt: Write a paragraph about the tides.
    "#]]
    .assert_eq(taken(fixture, &item).text());
    let item = snippets("$0").remove(0);
    expect![[r#"
        id: my_pipeline
        name: My pipeline

        inputs:
          topic:
            type: string
            description: What to write about

        steps:
          - id: write
            action: generate
            parameters:
              model: <AUTO>
              prompt: "Write a paragraph about {{ topic }}."

        outputs:
          text: "{{ write.result }}""#]]
    .assert_eq(taken("$0", &item).text());
}
