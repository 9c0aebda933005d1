//! From a name to what it means, and everywhere it stands.

use std::fmt::Write;

use expect_test::{Expect, expect};
use lang::{
    analysis::Analysis,
    ide::{
        navigate,
        rename::{self, FileEdits},
    },
    text::{TextRange, TextSize, apply_edits},
};

use crate::support::at;

const TEXT: &str = "\
id: shop
inputs:
  topic: {type: string, default: tea}
steps:
  - id: find
    action: generate
    parameters: {prompt: \"about {{ topic }} and {{ inputs.topic }}, {{ inputs['topic'] }}\"}
    on_failure: tell
  - id: each
    dependencies: [find]
    for_each: \"{{ find.result }}\"
    loop_var: thing
    steps:
      - id: save
        action: generate
        parameters:
          prompt: |
            {% for word in thing %}{{ word }} {{ loop.index }}{% endfor %}
            {{ item }} {{ find }}
      - id: after
        dependencies: \"save\"
        action: generate
        parameters: {prompt: '{{ save.result }}'}
  - id: tell
    depends_on:
      - \"each\"
    action: generate
    parameters: &told
      prompt: \"{{ each.result.results[0].save.result }} {{ $topic }}\"
  - id: again
    dependencies: [tell]
    action: generate
    parameters: *told
outputs:
  text: \"{{ tell.result }}\"
";

/// The text with the cursor after the `nth` place of `word`.
fn cursor(word: &str, nth: usize) -> String {
    let (start, _) = TEXT.match_indices(word).nth(nth).unwrap();
    format!("{}$0{}", &TEXT[..=start], &TEXT[start + 1..])
}

fn shown(analysis: &Analysis, ranges: impl IntoIterator<Item = TextRange>) -> String {
    let mut out = String::new();
    for range in ranges {
        let text = analysis.text();
        let line = text[..usize::from(range.start())].matches('\n').count() + 1;
        let whole = text.lines().nth(line - 1).unwrap().trim();
        let _ = writeln!(out, "{line} [{}] {whole}", &text[range]);
    }
    out
}

fn references(word: &str, nth: usize) -> String {
    let (analysis, offset) = at(&cursor(word, nth));
    shown(&analysis, navigate::references(&analysis, offset, true).into_iter().map(|found| found.range))
}

fn definition(word: &str, nth: usize) -> String {
    let (analysis, offset) = at(&cursor(word, nth));
    shown(&analysis, navigate::definition(&analysis, offset).into_iter().map(|found| found.range))
}

fn check(found: &str, expected: &Expect) {
    expected.assert_eq(found);
}

#[test]
fn a_step_is_found_in_lists_templates_conditions_and_routes() {
    check(
        &references("find", 0),
        &expect![[r#"
        5 [find] - id: find
        10 [find] dependencies: [find]
        11 [find] for_each: "{{ find.result }}"
        19 [find] {{ item }} {{ find }}
    "#]],
    );
    check(
        &references("tell", 0),
        &expect![[r#"
        8 [tell] on_failure: tell
        24 [tell] - id: tell
        31 [tell] dependencies: [tell]
        35 [tell] text: "{{ tell.result }}"
    "#]],
    );
    assert_eq!(references("find", 3), references("find", 0));
}

#[test]
fn a_step_of_a_body_is_found_behind_the_loop() {
    check(
        &references("save", 0),
        &expect![[r#"
        14 [save] - id: save
        21 [save] dependencies: "save"
        23 [save] parameters: {prompt: '{{ save.result }}'}
        29 [save] prompt: "{{ each.result.results[0].save.result }} {{ $topic }}"
    "#]],
    );
    assert_eq!(references("save", 3), references("save", 0));
}

#[test]
fn an_input_is_found_by_each_of_its_spellings() {
    check(
        &references("topic", 0),
        &expect![[r#"
        3 [topic] topic: {type: string, default: tea}
        7 [topic] parameters: {prompt: "about {{ topic }} and {{ inputs.topic }}, {{ inputs['topic'] }}"}
        7 [topic] parameters: {prompt: "about {{ topic }} and {{ inputs.topic }}, {{ inputs['topic'] }}"}
        7 [topic] parameters: {prompt: "about {{ topic }} and {{ inputs.topic }}, {{ inputs['topic'] }}"}
        29 [topic] prompt: "{{ each.result.results[0].save.result }} {{ $topic }}"
    "#]],
    );
}

#[test]
fn names_of_loops_and_templates_and_anchors_are_found() {
    check(
        &references("thing", 0),
        &expect![[r#"
        12 [thing] loop_var: thing
        18 [thing] {% for word in thing %}{{ word }} {{ loop.index }}{% endfor %}
    "#]],
    );
    check(
        &references("word", 0),
        &expect![[r#"
        18 [word] {% for word in thing %}{{ word }} {{ loop.index }}{% endfor %}
        18 [word] {% for word in thing %}{{ word }} {{ loop.index }}{% endfor %}
    "#]],
    );
    check(
        &references("told", 1),
        &expect![[r#"
        28 [told] parameters: &told
        33 [told] parameters: *told
    "#]],
    );
}

#[test]
fn a_definition_is_where_the_name_is_declared() {
    check(
        &definition("find.result", 0),
        &expect![[r#"
        5 [find] - id: find
    "#]],
    );
    check(
        &definition("item", 0),
        &expect![[r#"
        11 [for_each] for_each: "{{ find.result }}"
    "#]],
    );
    check(
        &definition("word", 1),
        &expect![[r#"
        18 [word] {% for word in thing %}{{ word }} {{ loop.index }}{% endfor %}
    "#]],
    );
    check(&definition("loop.index", 0), &expect![[""]]);
    check(&definition("prompt", 0), &expect![[""]]);
}

#[test]
fn what_feeds_a_step_and_what_it_feeds() {
    let calls = |word: &str, nth: usize, fed: bool| {
        let (analysis, offset) = at(&cursor(word, nth));
        let calls = if fed { navigate::fed(&analysis, offset) } else { navigate::feeders(&analysis, offset) };
        let mut out = String::new();
        for call in calls {
            let _ = write!(out, "{}:\n{}", call.step.name, shown(&analysis, call.ranges));
        }
        out
    };
    check(
        &calls("each", 0, false),
        &expect![[r#"
        find:
        10 [find] dependencies: [find]
        11 [find] for_each: "{{ find.result }}"
        19 [find] {{ item }} {{ find }}
    "#]],
    );
    check(
        &calls("each", 0, true),
        &expect![[r#"
        tell:
        26 [each] - "each"
        29 [each] prompt: "{{ each.result.results[0].save.result }} {{ $topic }}"
        again:
        29 [each] prompt: "{{ each.result.results[0].save.result }} {{ $topic }}"
    "#]],
    );
}

fn renamed(word: &str, nth: usize, to: &str) -> Result<String, String> {
    let (analysis, offset) = at(&cursor(word, nth));
    let files = rename::rename(&analysis, offset, to)?;
    let [FileEdits { file: None, edits }] = files.as_slice() else { panic!("only this file: {files:?}") };
    let text = apply_edits(analysis.text(), edits);
    Ok(shown(&analysis.with_text(&text), edits_in(&text, to)))
}

fn edits_in<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = TextRange> + 't {
    text.match_indices(word).map(|(at, word)| TextRange::at(TextSize::new(at as u32), TextSize::of(word)))
}

#[test]
fn a_rename_reaches_every_place_and_keeps_quotes() {
    check(
        &renamed("each", 0, "looped").unwrap(),
        &expect![[r#"
        9 [looped] - id: looped
        26 [looped] - "looped"
        29 [looped] prompt: "{{ looped.result.results[0].save.result }} {{ $topic }}"
    "#]],
    );
    check(
        &renamed("topic", 3, "subject").unwrap(),
        &expect![[r#"
        3 [subject] subject: {type: string, default: tea}
        7 [subject] parameters: {prompt: "about {{ subject }} and {{ inputs.subject }}, {{ inputs['subject'] }}"}
        7 [subject] parameters: {prompt: "about {{ subject }} and {{ inputs.subject }}, {{ inputs['subject'] }}"}
        7 [subject] parameters: {prompt: "about {{ subject }} and {{ inputs.subject }}, {{ inputs['subject'] }}"}
        29 [subject] prompt: "{{ each.result.results[0].save.result }} {{ $subject }}"
    "#]],
    );
    check(
        &renamed("save", 0, "stored").unwrap(),
        &expect![[r#"
        14 [stored] - id: stored
        21 [stored] dependencies: "stored"
        23 [stored] parameters: {prompt: '{{ stored.result }}'}
        29 [stored] prompt: "{{ each.result.results[0].stored.result }} {{ $topic }}"
    "#]],
    );
    check(
        &renamed("word", 0, "letter").unwrap(),
        &expect![[r#"
        18 [letter] {% for letter in thing %}{{ letter }} {{ loop.index }}{% endfor %}
        18 [letter] {% for letter in thing %}{{ letter }} {{ loop.index }}{% endfor %}
    "#]],
    );
    check(
        &renamed("told", 0, "once-more").unwrap(),
        &expect![[r#"
        28 [once-more] parameters: &once-more
        33 [once-more] parameters: *once-more
    "#]],
    );
}

#[test]
fn a_rename_that_would_change_the_meaning_is_refused_with_the_reason() {
    let refused = |word: &str, nth: usize, to: &str| renamed(word, nth, to).unwrap_err();
    check(
        &refused("find", 0, "two words"),
        &expect!["`two words` is no name; begin with a letter and go on with letters, digits, `_` and `-`"],
    );
    check(&refused("find", 0, "tell"), &expect!["`tell` would mean something else in line 8"]);
    check(&refused("find", 0, "topic"), &expect!["`topic` would mean something else in line 7"]);
    check(&refused("topic", 0, "find"), &expect!["`find` would mean something else in line 7"]);
    check(&refused("find", 0, "item"), &expect!["`item` would mean something else in line 20"]);
    check(&refused("find", 0, "true"), &expect!["`true` is a word of the language; choose another name"]);
    check(
        &refused("prompt", 0, "x"),
        &expect![
            "here is no name of this pipeline; rename a step, an input, a loop's or template's name, or an anchor"
        ],
    );
    check(
        &refused("loop.index", 0, "x"),
        &expect![
            "here is no name of this pipeline; rename a step, an input, a loop's or template's name, or an anchor"
        ],
    );
}

#[test]
fn the_same_word_everywhere_is_typed_over_at_once() {
    let (analysis, offset) = at(&cursor("each", 0));
    check(
        &shown(&analysis, navigate::linked(&analysis, offset)),
        &expect![[r#"
        9 [each] - id: each
        26 [each] - "each"
        29 [each] prompt: "{{ each.result.results[0].save.result }} {{ $topic }}"
    "#]],
    );
    let (analysis, offset) = at(&cursor("prompt", 0));
    assert_eq!(navigate::linked(&analysis, offset), []);
}
