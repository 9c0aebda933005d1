//! What stays readable while a step in the middle of a pipeline is typed: the outline, and what is
//! being typed.

use expect_test::{Expect, expect};
use lang::{
    syntax::{Parse, Tree, cursor, cursor::PathSegment, parse},
    text::TextSize,
};

use crate::invariants::check;

const STEPS: usize = 8;

/// The step that is typed in.
const TYPED: usize = 5;

/// A pipeline of about a hundred lines, with the kinds of values that real ones have.
fn document() -> String {
    let mut text = "id: bench_pipeline\nname: Benchmark pipeline\nversion: \"1.0.0\"\nparameters:\n  topic:\n    \
                    type: string\n    default: \"language servers\"\nsteps:\n"
        .to_owned();
    for index in 1..=STEPS {
        text.push_str(&format!("  - id: step_{index}\n    name: Step number {index}\n"));
        text += match index % 4 {
            0 | 1 => "    action: generate\n    parameters:\n",
            2 => "    action: analyze_text\n    parameters:\n",
            _ => "    tool: web-search\n    action: search\n    parameters:\n",
        };
        text += match index % 4 {
            0 | 1 => {
                "      model: <AUTO>choose the cheapest model able to summarise</AUTO>\n      prompt: |\n        \
                 Summarise the following about {{ topic }}: {{ x | truncate(2000) }}\n        \
                 {% if topic %}Answer briefly.{% endif %}\n      max_tokens: 512\n"
            }
            2 => "      model: ollama/llama3.2\n      text: \"{{ topic }}\"\n      temperature: 0.2\n",
            _ => "      query: \"{{ topic }} latest news\"\n      max_results: 5\n",
        };
        if index > 1 {
            text.push_str(&format!("    dependencies:\n      - step_{}\n", index - 1));
        }
        text.push_str(&format!(
            "    condition: \"{{{{ topic != '' and {index} > 0 }}}}\"\n    timeout: {}\n",
            30 + index
        ));
        if index % 2 == 0 {
            text += "    on_failure: continue\n";
        }
    }
    text + "outputs:\n  final: \"{{ step_8.result }}\"\n"
}

fn steps(tree: &Tree) -> Vec<(String, String)> {
    let Some(steps) = tree.get(tree.root(), "steps") else { return Vec::new() };
    tree.items(steps.value)
        .map(|item| {
            let id = tree.get(item, "id").and_then(|id| tree.string(id.value)).unwrap_or_default();
            (id, tree.source(item).trim_end().to_owned())
        })
        .collect()
}

fn where_typed(parse: &Parse, at: usize) -> String {
    let cursor = cursor(parse, TextSize::new(at as u32));
    let mut words: Vec<String> = cursor
        .path
        .iter()
        .map(|segment| match segment {
            PathSegment::Key(key) => key.clone(),
            PathSegment::Item { index, .. } => format!("[{index}]"),
        })
        .collect();
    words.push(format!("{:?}", cursor.slot));
    format!("{} `{}`", words.join(" "), cursor.prefix)
}

/// Types `typed` behind the first line of a step.
fn typing(typed: &str, expected: &Expect) {
    let document = document();
    let line = format!("  - id: step_{TYPED}");
    let at = document.find(&line).unwrap() + line.len();
    let text = format!("{}{typed}{}", &document[..at], &document[at..]);
    let parse = parse(&text);
    check(&text, &parse);
    let whole = steps(&lang::syntax::parse(&document).tree);
    let found = steps(&parse.tree);
    assert_eq!(found.len(), STEPS);
    for (whole, found) in whole.iter().zip(&found).filter(|(whole, _)| whole.0 != format!("step_{TYPED}")) {
        assert_eq!(whole, found);
    }
    let step = &found[TYPED - 1];
    assert_eq!(step.0, format!("step_{TYPED}"));
    assert!(step.1.ends_with("timeout: 35"), "the step is cut short: {}", step.1);
    assert!(parse.tree.get(parse.tree.root(), "outputs").is_some());
    expected.assert_eq(&where_typed(&parse, at + typed.len()));
}

#[test]
fn a_word_is_a_key() {
    typing("\n    ma", &expect!["steps [4] Key `ma`"]);
}

#[test]
fn behind_a_colon_is_a_value() {
    typing("\n    on_failure: ", &expect![[r#"steps [4] Value { key: "on_failure" } ``"#]]);
    typing("\n    on_failure: re", &expect![[r#"steps [4] Value { key: "on_failure" } `re`"#]]);
}

#[test]
fn a_word_too_far_left_ends_no_step() {
    typing("\n   ma", &expect!["steps [4] Key `ma`"]);
}

#[test]
fn an_open_quote_above_ends_with_its_line() {
    typing("\n    description: \"unterminated\n    ma", &expect!["steps [4] Key `ma`"]);
}

#[test]
fn an_open_bracket_above_ends_with_its_line() {
    typing("\n    metadata: [a, b\n    ma", &expect!["steps [4] Key `ma`"]);
}

#[test]
fn in_an_open_list_an_item_is_typed() {
    typing("\n    dependencies: [step_1, ", &expect!["steps [4] dependencies Item ``"]);
    typing("\n    dependencies: [é, \"𝔘\", ", &expect!["steps [4] dependencies Item ``"]);
}

#[test]
fn unquoted_templates_above_are_values() {
    typing("\n    for_each: {{ topic }}\n    ma", &expect!["steps [4] Key `ma`"]);
    typing("\n    for_each: {{ topic\n    ma", &expect!["steps [4] Key `ma`"]);
    typing("\n    description: <AUTO>choose: fast or slow</AUTO>\n    ma", &expect!["steps [4] Key `ma`"]);
}

#[test]
fn a_tab_above_is_passed_over() {
    typing("\n\tdescription: x\n    ma", &expect!["steps [4] Key `ma`"]);
}

#[test]
fn a_key_may_stand_twice() {
    typing("\n    description: a\n    description: b\n    ma", &expect!["steps [4] Key `ma`"]);
}

#[test]
fn a_conflict_marker_above_is_passed_over() {
    typing("\n<<<<<<< HEAD\n    ma", &expect!["steps [4] Key `ma`"]);
}

#[test]
fn a_dash_begins_a_step() {
    let document = document();
    let at = document.find("  - id: step_5").unwrap();
    let text = format!("{}  - \n{}", &document[..at], &document[at..]);
    let parse = parse(&text);
    check(&text, &parse);
    let ids: Vec<String> = steps(&parse.tree).into_iter().map(|step| step.0).collect();
    assert_eq!(ids, ["step_1", "step_2", "step_3", "step_4", "", "step_5", "step_6", "step_7", "step_8"]);
    expect!["steps [4] Key ``"].assert_eq(&where_typed(&parse, at + 4));
}
