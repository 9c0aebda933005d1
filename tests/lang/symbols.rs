//! The outline.

use std::fmt::Write;

use expect_test::{Expect, expect};
use lang::ide::{Symbol, symbols};

use crate::support::analysis;

fn check(text: &str, expected: &Expect) {
    let analysis = analysis(text);
    let mut out = String::new();
    for symbol in symbols::symbols(&analysis) {
        show(analysis.text(), &symbol, 0, &mut out);
    }
    expected.assert_eq(&out);
}

fn show(text: &str, symbol: &Symbol, depth: usize, out: &mut String) {
    assert!(symbol.range.contains_range(symbol.selection), "{symbol:?}");
    let lines = text[symbol.range].trim_end().lines().count();
    let selected = &text[symbol.selection];
    let _ = writeln!(
        out,
        "{:indent$}{:?} {} [{selected}] {} {lines} lines",
        "",
        symbol.kind,
        symbol.name,
        symbol.detail,
        indent = depth * 2
    );
    for child in &symbol.children {
        assert!(symbol.range.contains_range(child.range), "{child:?}");
        show(text, child, depth + 1, out);
    }
}

const TEXT: &str = "\
name: sample
inputs:
  topic: {type: string}
  count: 3
steps:
  - id: search
    tool: web-search
    action: search
  - id: each
    for_each: [a, b]
    steps:
      - id: save
        tool: filesystem
        action: write
outputs:
  all: \"{{ each.result }}\"
";

#[test]
fn a_pipeline_is_its_inputs_steps_and_outputs() {
    check(
        TEXT,
        &expect![[r#"
        Pipeline sample [sample]  16 lines
          Group inputs [inputs] 2 3 lines
            Input topic [topic] string 1 lines
            Input count [count]  1 lines
          Group steps [steps] 2 10 lines
            Step search [search] web-search · search 3 lines
            Loop each [each]  6 lines
              Step save [save] filesystem · write 3 lines
          Group outputs [outputs] 1 2 lines
            Output all [all]  1 lines
    "#]],
    );
}

#[test]
fn a_broken_line_costs_no_step() {
    check(
        &TEXT.replace("    tool: web-search\n", "    tool: \"web-search\n"),
        &expect![[r#"
        Pipeline sample [sample]  16 lines
          Group inputs [inputs] 2 3 lines
            Input topic [topic] string 1 lines
            Input count [count]  1 lines
          Group steps [steps] 2 10 lines
            Step search [search] search 3 lines
            Loop each [each]  6 lines
              Step save [save] filesystem · write 3 lines
          Group outputs [outputs] 1 2 lines
            Output all [all]  1 lines
    "#]],
    );
    check(
        &TEXT.replace("    for_each: [a, b]\n", "    for_each: [a, b\n"),
        &expect![[r#"
        Pipeline sample [sample]  16 lines
          Group inputs [inputs] 2 3 lines
            Input topic [topic] string 1 lines
            Input count [count]  1 lines
          Group steps [steps] 2 10 lines
            Step search [search] web-search · search 3 lines
            Loop each [each]  6 lines
              Step save [save] filesystem · write 3 lines
          Group outputs [outputs] 1 2 lines
            Output all [all]  1 lines
    "#]],
    );
    check(
        &TEXT.replace("  - id: each\n", "<<<<<<< HEAD\n  - id: each\n"),
        &expect![[r#"
        Pipeline sample [sample]  17 lines
          Group inputs [inputs] 2 3 lines
            Input topic [topic] string 1 lines
            Input count [count]  1 lines
          Group steps [steps] 2 11 lines
            Step search [search] web-search · search 3 lines
            Loop each [each]  6 lines
              Step save [save] filesystem · write 3 lines
          Group outputs [outputs] 1 2 lines
            Output all [all]  1 lines
    "#]],
    );
}

#[test]
fn a_comma_behind_the_last_item_costs_no_step() {
    check(
        "steps:\n  - id: a\n    tags: [x, ]\n    metadata: {k: v,}\n  - id: b\n",
        &expect![[r#"
        Pipeline pipeline [steps]  5 lines
          Group steps [steps] 2 5 lines
            Step a [a]  3 lines
            Step b [b]  1 lines
    "#]],
    );
}

#[test]
fn a_step_without_an_id_has_a_name_all_the_same() {
    check(
        "steps:\n  - action: generate\n  - id:\n  - \n",
        &expect![[r#"
        Pipeline pipeline [steps]  4 lines
          Group steps [steps] 2 4 lines
            Step (no id) [action] generate 1 lines
            Step (no id) [id]  1 lines
    "#]],
    );
}

#[test]
fn an_empty_file_has_no_outline() {
    check("", &expect![[""]]);
    check("# only a comment\n", &expect![[""]]);
}
