//! Texts made to hurt: deep, long, looping, or not text at all.

use lang::{
    syntax::{Parse, ProblemKind, parse},
    text::TextRange,
};

use crate::invariants::check;

/// Reads a text, and sees that the tree covers it.
fn survive(text: &str) -> Parse {
    let parse = parse(text);
    check(text, &parse);
    parse
}

fn kinds(parse: &Parse) -> Vec<ProblemKind> {
    let mut kinds: Vec<ProblemKind> = Vec::new();
    for problem in &parse.problems {
        if !kinds.contains(&problem.kind) {
            kinds.push(problem.kind);
        }
    }
    kinds
}

#[test]
fn ten_thousand_brackets_are_too_deep() {
    for text in ["[".repeat(10_000), format!("a: {}", "[".repeat(10_000)), "[".repeat(10_000) + &"]".repeat(10_000)] {
        assert_eq!(kinds(&survive(&text)), [ProblemKind::TooDeep]);
    }
}

#[test]
fn ten_thousand_dashes_on_a_line_are_too_deep() {
    assert_eq!(kinds(&survive(&"- ".repeat(10_000))), [ProblemKind::TooDeep]);
    assert_eq!(kinds(&survive(&format!("steps:\n  {}x\n", "- ".repeat(10_000)))), [ProblemKind::TooDeep]);
}

#[test]
fn two_thousand_levels_of_mappings_are_too_deep() {
    let mut text = String::new();
    for level in 0..2_000 {
        text.push_str(&format!("{}k:\n", " ".repeat(level)));
    }
    assert!(kinds(&survive(&text)).contains(&ProblemKind::TooDeep));
}

#[test]
fn an_alias_bomb_is_read_but_not_expanded() {
    let mut bomb = None;
    for unit in ["lol", "{id: a, action: b}"] {
        let mut text = format!("a0: &a0 {unit}\n");
        for level in 1..30 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        text += "steps: *a29\n";
        let parse = survive(&text);
        assert_eq!(parse.problems, []);
        let steps = parse.tree.get(parse.tree.root(), "steps").unwrap();
        assert_eq!(parse.tree.items(steps.value).count(), 10);
        bomb = Some(parse);
    }
    let bomb = bomb.unwrap();
    assert_eq!(bomb.tree.to_json(bomb.tree.root()), None);
}

#[test]
fn an_alias_inside_its_own_value_is_a_problem() {
    let text = "steps: &steps\n  - id: a\n    parameters: *steps\nother: &o [*o]\n";
    let parse = survive(text);
    let guilty: Vec<&str> = parse.problems.iter().map(|problem| &text[problem.range]).collect();
    assert_eq!(guilty, ["*steps", "*o"]);
    assert_eq!(kinds(&parse), [ProblemKind::UnknownAlias]);
    let _ = parse.tree.to_json(parse.tree.root());
}

#[test]
fn nul_bytes_are_problems() {
    assert_eq!(kinds(&survive("\0")), [ProblemKind::Control]);
    assert_eq!(kinds(&survive("id: a\0b\nsteps: []\n")), [ProblemKind::Control]);
    assert!(kinds(&survive(&"\0".repeat(100_000))).contains(&ProblemKind::Control));
    assert!(kinds(&survive(&"\0\n".repeat(2_000))).contains(&ProblemKind::Control));
}

#[test]
fn line_ends_may_be_mixed() {
    let text = "id: a\r\nname: b\rtext: |\r\n  one\r  two\n  three\nsteps:\r  - id: s\r\n    action: x\n";
    let parse = survive(text);
    assert_eq!(parse.problems, []);
    let json = parse.tree.to_json(parse.tree.root()).unwrap();
    let expected = serde_json::json!({
        "id": "a", "name": "b", "text": "one\ntwo\nthree\n", "steps": [{"id": "s", "action": "x"}],
    });
    assert_eq!(json, expected);
}

#[test]
fn an_anchor_without_a_name_in_brackets_is_one_problem() {
    for text in ["a: [& b]\nc: d\n", "a: [x, &]\nc: d\n", "a: {b: & c}\nc: d\n"] {
        let parse = survive(text);
        assert_eq!(kinds(&parse), [ProblemKind::Syntax], "{text}");
        assert!(parse.tree.get(parse.tree.root(), "c").is_some(), "{text}");
    }
}

#[test]
fn braces_as_a_key_in_brackets_are_the_key() {
    let parse = survive("a: [x, {é: y}: z, w]\nb: {}\n");
    assert_eq!(parse.problems, []);
    let tree = &parse.tree;
    let list = tree.get(tree.root(), "a").unwrap().value;
    let items: Vec<&str> = tree.items(list).map(|item| tree.source(item)).collect();
    assert_eq!(items, ["x", "{é: y}: z", "w"]);
    let pair = tree.entries(tree.items(list).nth(1).unwrap()).next().unwrap();
    assert_eq!((tree.source(pair.key), tree.source(pair.value)), ("{é: y}", "z"));
    survive("- : [a,{}:\"\"]\n  t:\n  \"\":");
}

#[test]
fn a_byte_order_mark_is_no_content() {
    let parse = survive("\u{feff}id: a\nsteps: []\n");
    assert_eq!(parse.problems, []);
    let first = parse.tree.entries(parse.tree.root()).next().unwrap();
    assert_eq!(parse.tree.range(first.key), TextRange::new(3.into(), 5.into()));
    assert_eq!(kinds(&survive("\u{feff}")), []);
    assert_eq!(kinds(&survive("id: a\u{feff}b\n")), [ProblemKind::Control]);
}

#[test]
fn a_line_of_two_megabytes_is_a_line() {
    let long = "word ".repeat(400_000);
    for text in
        [format!("a: {long}x\n"), format!("a: \"{long}\"\n"), format!("a: |\n  {long}\n"), format!("# {long}\n")]
    {
        assert_eq!(survive(&text).problems, []);
    }
    assert_eq!(kinds(&survive(&format!("a: \"{long}\n"))), [ProblemKind::Syntax]);
    assert_eq!(kinds(&survive(&format!("a: 1\n{long}\n"))), [ProblemKind::Syntax]);
}

#[test]
fn a_block_tag_far_below_an_open_bracket_stands_in_no_list() {
    let text = "[a\nid: p\nsteps:\n  - id: one\n    prompt: |\n      Either,\n      {% if a %}\n      \"b\"\n";
    assert_eq!(kinds(&survive(text)), [ProblemKind::Syntax]);
    assert_eq!(kinds(&survive("a: [b,\n  {% if c %}\n  'd',\ne: f\n")), [ProblemKind::BlockTagBetweenEntries]);
}

#[test]
fn behind_a_list_in_an_item_the_next_item_begins_as_ever() {
    let parse = survive("steps:\n  -   - id: a\n        x: y\n      - id: b\n        x: y\n  - id: c\n    x: y\n");
    assert_eq!(parse.problems, []);
    let steps = parse.tree.get(parse.tree.root(), "steps").unwrap();
    assert_eq!(parse.tree.items(steps.value).count(), 2);
}
