//! Generated pipelines, and what a few random edits make of them.

use lang::syntax::parse;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, RngSeed},
};

use crate::{
    invariants::{check, check_layout, check_order},
    material::INSERTED,
};

/// The same cases in every run, and no files of failures.
pub(crate) fn config() -> Config {
    Config { cases: 256, failure_persistence: None, rng_seed: RngSeed::Fixed(0x006f_7263), ..Config::default() }
}

/// Values as they stand behind `key: `; a line end is followed by the indentation of an entry.
const VALUES: &[&str] = &[
    "plain text",
    "don't # a comment",
    "http://example.org/a#b",
    "42",
    "~",
    "",
    "\"quoted \\\"text\\\" é\\n\"",
    "'it''s quoted' # why",
    "\"folded\n      over two lines\"",
    "plain\n      over two lines",
    "|\n      literal {{ topic }}\n\n        # no comment\n      {% if x %}y{% endif %}",
    ">-\n      folded: text\n      \"not a quote",
    "|2-\n      odd",
    "\"{{ topic | default('x') }}\"",
    "{{ topic }}",
    "{{ step_1.result['a: b'] }} and {{ more }}",
    "<AUTO>choose: fast or slow</AUTO>",
    "<AUTO type=\"model\">one\n      <AUTO>two</AUTO>\n      three</AUTO>",
    "\"<AUTO>quoted {{ topic }}</AUTO>\"",
    "[a, 'b', {c: d}, [e], \"f # g\"]",
    "[\n      a, # first\n      {{ b }},\n    ]",
    "{model: <AUTO>x, y</AUTO>, n: 1, 日本: [😀]}",
    "&base {a: 1}",
    "&text anchored",
    "*base",
    "!!str 12",
    "日本語 😀 é",
    "\n      nested: 1\n      deeper:\n        - a\n        - b: c\n          d: e",
    "\n    - item\n    - 'quoted item'",
    "&list\n      - x\n      # between\n      - y",
];

const KEYS: &[&str] = &["action", "parameters", "\"quoted key\"", "'it''s'", "schlüssel", "<<", "? odd", "😀"];

fn step() -> impl Strategy<Value = String> {
    let entry = (select(KEYS), select(VALUES)).prop_map(|(key, value)| format!("    {key}: {value}\n"));
    ("[a-zé_]{1,6}", vec(entry, 0..5), select(&["", "    # a comment\n", "\n", "# far left\n"][..]))
        .prop_map(|(id, entries, comment)| format!("  - id: {id}\n{}{comment}", entries.concat()))
}

pub(crate) fn pipeline() -> impl Strategy<Value = String> {
    (select(&["", "\u{feff}", "# head\n", "---\n", "%YAML 1.2\n---\n"][..]), vec(step(), 0..6), any::<bool>()).prop_map(
        |(head, steps, carriage_returns)| {
            let text = format!(
                "{head}id: generated\ndefaults: &base\n    a: 1\nsteps:\n{}outputs:\n  r: \"{{{{ a }}}}\"\n",
                steps.concat()
            );
            if carriage_returns { text.replace('\n', "\r\n") } else { text }
        },
    )
}

pub(crate) type Edit = (Index, usize, &'static str);

/// Replaces up to `deleted` bytes by a text; both ends are moved back to whole characters.
pub(crate) fn edit(text: &mut String, (at, deleted, inserted): &Edit) {
    let floor = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(at.index(text.len() + 1));
    let end = floor((start + deleted).min(text.len()));
    text.replace_range(start..end, inserted);
}

fn check_all(text: &str) {
    let parse = parse(text);
    check(text, &parse);
    check_order(&parse);
    let joined: String = parse.tree.leaves().iter().map(|leaf| &text[leaf.range]).collect();
    assert_eq!(joined, text);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_edited_pipeline_has_a_whole_tree(
        mut text in pipeline(),
        edits in vec((any::<Index>(), 0..8_usize, select(INSERTED)), 1..=3),
    ) {
        check_all(&text);
        for change in &edits {
            edit(&mut text, change);
            check_all(&text);
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_layout_is_stable_and_never_needs_to_be_thrown_away(
        mut text in pipeline(),
        edits in vec((any::<Index>(), 0..8_usize, select(INSERTED)), 0..=2),
    ) {
        for change in &edits {
            edit(&mut text, change);
        }
        check_layout(&text);
    }
}

#[test]
fn a_slipped_item_in_an_explicit_key_ends_before_the_missing_value() {
    check_all("    ? odd: \r\n        - b: c\r\n  - id: é\r\n");
}
