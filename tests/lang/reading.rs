//! What helps to read a text: tokens, folds, growing selections, hints, signatures.

use expect_test::expect;
use lang::{
    ide::{folding, inlays, signature, tokens},
    text::{TextRange, TextSize},
};

use crate::support::{analysis, at};

const TEXT: &str = r#"# What it is for,
# in two lines.
name: reading
inputs:
  topic: news
  count: 3
  size: {type: integer, default: 1}
steps:
  - id: first
    tool: filesystem
    action: read
    parameters:
      path: "{{ topic | slugify }}.txt"
  - id: second
    action: generate
    max_retries: 2
    parameters:
      prompt: |
        {% if count > 1 %}{{ first.result.content }}{% endif %}
      max_tokens: "{{ first.result.size }}"
      model: gpt-4o
  - id: third
    action: generate
    retry: 1
    parameters:
      prompt: <AUTO task="summarize">Choose</AUTO>
    dependencies: [first]
outputs:
  text: "{{ second.result }}"
"#;

/// `text` with each token as `⟦kind word⟧`.
fn marked(text: &str) -> String {
    let analysis = analysis(text);
    let mut shown = String::new();
    let mut end = 0;
    for token in tokens::tokens(&analysis) {
        shown.push_str(&text[end..usize::from(token.range.start())]);
        let declared = if token.declaration { "!" } else { "" };
        shown += &format!("⟦{:?}{declared} {}⟧", token.kind, &text[token.range]);
        end = usize::from(token.range.end());
    }
    shown + &text[end..]
}

#[test]
fn words_are_told_by_what_they_are() {
    expect![[r##"
        # What it is for,
        # in two lines.
        ⟦Key name⟧: reading
        ⟦Key inputs⟧:
          ⟦Input! topic⟧: news
          ⟦Input! count⟧: 3
          ⟦Input! size⟧: {⟦Key type⟧: integer, ⟦Key default⟧: 1}
        ⟦Key steps⟧:
          - ⟦Key id⟧: ⟦Step! first⟧
            ⟦Key tool⟧: ⟦Tool filesystem⟧
            ⟦Key action⟧: ⟦Action read⟧
            ⟦Key parameters⟧:
              ⟦Parameter path⟧: "⟦Delimiter {{⟧ ⟦Input topic⟧ | ⟦Filter slugify⟧ ⟦Delimiter }}⟧.txt"
          - ⟦Key id⟧: ⟦Step! second⟧
            ⟦Key action⟧: ⟦Action generate⟧
            ⟦Key max_retries⟧: 2
            ⟦Key parameters⟧:
              ⟦Parameter prompt⟧: |
                ⟦Delimiter {%⟧ ⟦Keyword if⟧ ⟦Input count⟧ > 1 ⟦Delimiter %}⟧⟦Delimiter {{⟧ ⟦Step first⟧.⟦Field result⟧.⟦Field content⟧ ⟦Delimiter }}⟧⟦Delimiter {%⟧ ⟦Keyword endif⟧ ⟦Delimiter %}⟧
              ⟦Parameter max_tokens⟧: "⟦Delimiter {{⟧ ⟦Step first⟧.⟦Field result⟧.⟦Field size⟧ ⟦Delimiter }}⟧"
              ⟦Parameter model⟧: ⟦Model gpt-4o⟧
          - ⟦Key id⟧: ⟦Step! third⟧
            ⟦Key action⟧: ⟦Action generate⟧
            ⟦Key retry⟧: 1
            ⟦Key parameters⟧:
              ⟦Parameter prompt⟧: ⟦Auto <AUTO⟧ ⟦Attribute task⟧="summarize"⟦Auto >⟧Choose⟦Auto </AUTO>⟧
            ⟦Key dependencies⟧: [⟦Step first⟧]
        ⟦Key outputs⟧:
          ⟦Output! text⟧: "⟦Delimiter {{⟧ ⟦Step second⟧.⟦Field result⟧ ⟦Delimiter }}⟧"
    "##]].assert_eq(&marked(TEXT));
}

#[test]
fn a_file_that_is_no_pipeline_has_no_tokens() {
    let other = lang::analysis::Analysis::new(engine::catalog::registry(), "other.yaml", "a: {b: c}\n");
    assert_eq!(tokens::tokens(&other), []);
}

#[test]
fn blocks_and_comments_fold() {
    let folds = folding::folds(&analysis(TEXT)).into_iter();
    let shown: Vec<String> = folds
        .map(|fold| format!("{}-{}{}", fold.start, fold.end, if fold.comment { " comment" } else { "" }))
        .collect();
    let expected =
        ["0-1 comment", "3-6", "7-26", "8-12", "11-12", "13-20", "16-20", "17-18", "21-26", "24-25", "27-28"];
    assert_eq!(shown, expected);
}

#[test]
fn a_selection_grows_from_the_name_to_the_document() {
    let (analysis, offset) = at(&TEXT.replace("first.result.size", "first.result.si$0ze"));
    let shown: Vec<&str> =
        folding::selections(&analysis, offset).iter().map(|range| &analysis.text()[*range]).collect();
    assert_eq!(
        shown[..5],
        [
            "size",
            "first.result.size",
            "{{ first.result.size }}",
            "\"{{ first.result.size }}\"",
            "max_tokens: \"{{ first.result.size }}\""
        ]
    );
    assert!(shown[5].starts_with("prompt: |") && shown[5].ends_with("gpt-4o"), "{shown:#?}");
    assert_eq!(shown.last(), Some(&analysis.text()));
}

#[test]
fn selections_nest_everywhere() {
    let analysis = analysis(TEXT);
    for at in 0..=TEXT.len() {
        let around = folding::selections(&analysis, TextSize::new(at as u32));
        for pair in around.windows(2) {
            assert!(pair[1].contains_range(pair[0]) && pair[1] != pair[0], "{at}: {around:?}");
        }
        assert!(around.iter().all(|range| range.contains_inclusive(TextSize::new(at as u32))), "{at}: {around:?}");
    }
}

#[test]
fn stages_types_and_attempts_are_hinted() {
    let analysis = analysis(TEXT);
    let all = TextRange::up_to(TextSize::of(TEXT));
    let mut shown = String::new();
    for hint in inlays::inlays(&analysis, all) {
        let line = analysis.lines().line_of(hint.at);
        let before = &TEXT[usize::from(analysis.lines().line_range(TEXT, line).start())..usize::from(hint.at)];
        shown += &format!("{}⟨{}⟩\n", before.trim_start(), hint.label);
    }
    assert_eq!(
        shown,
        "topic⟨: string⟩\ncount⟨: integer⟩\n- id: first⟨1/2⟩\n- id: second⟨2/2 ∥ 1⟩\nmax_retries: 2⟨2 attempts⟩\n\
         max_tokens: \"{{ first.result.size }}\"⟨: integer⟩\n- id: third⟨2/2 ∥ 1⟩\nretry: 1⟨2 attempts⟩\n"
    );
    let second = TEXT.find("id: second").unwrap() as u32;
    let some = inlays::inlays(&analysis, TextRange::at(second.into(), 12.into()));
    assert_eq!(some.iter().map(|hint| &*hint.label).collect::<Vec<_>>(), ["2/2 ∥ 1"]);
}

/// The signature with its active parameter in brackets.
fn signed(expression: &str) -> String {
    let (analysis, offset) =
        at(&format!("name: n\nsteps:\n- id: s\n  action: generate\n  parameters:\n    prompt: {expression}\n"));
    let Some(help) = signature::signature(&analysis, offset) else { return String::new() };
    let Some((start, end)) = help.active.map(|at| help.parameters[at]) else { return help.label };
    format!("{}[{}]{}", &help.label[..start], &help.label[start..end], &help.label[end..])
}

#[test]
fn the_largest_number_of_attempts_is_hinted_too() {
    let text = TEXT.replace("retry: 1", "retry: 9223372036854775807");
    let all = TextRange::up_to(TextSize::of(&*text));
    let hints = inlays::inlays(&analysis(&text), all);
    assert!(hints.iter().any(|hint| hint.label == "9223372036854775807 attempts"), "{hints:?}");
}

#[test]
fn the_signature_of_an_open_call_is_shown() {
    expect!["truncate([length: integer = 255], killwords: boolean = false, end: string = '...', leeway: integer = 5) → string"].assert_eq(&signed("\"{{ x | truncate($0 }}\""));
    expect!["truncate(length: integer = 255, [killwords: boolean = false], end: string = '...', leeway: integer = 5) → string"].assert_eq(&signed("\"{{ x | truncate(5, $0) }}\""));
    expect!["replace(old: string, [new: string], count: integer = none) → string"]
        .assert_eq(&signed("\"{{ x | replace('a,(', $0) }}\""));
    expect!["truncate(length: integer = 255, killwords: boolean = false, [end: string = '...'], leeway: integer = 5) → string"].assert_eq(&signed("\"{{ x | truncate(end=$0) }}\""));
    expect!["range(start: integer = 0, [stop: integer], step: integer = 1) → array"]
        .assert_eq(&signed("\"{{ range(1, [2, 3][0]$0) }}\""));
    expect![[""]].assert_eq(&signed("\"{{ range(1)$0 }}\""));
    expect!["is divisibleby([number: integer]) → boolean"].assert_eq(&signed("\"{% if x is divisibleby($0) %}\""));
    expect![[""]].assert_eq(&signed("\"{{ nobody($0) }}\""));
    expect![[""]].assert_eq(&signed("plain ($0"));
    expect![[""]].assert_eq(&signed("Choose from range($0"));
    expect!["range([start: integer = 0], stop: integer, step: integer = 1) → array"]
        .assert_eq(&signed("hi\n  condition: range($0"));
}
