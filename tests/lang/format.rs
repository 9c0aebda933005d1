//! Layout.

use expect_test::{Expect, expect};
use lang::{
    analysis::Analysis,
    ide::format,
    text::{TextRange, TextSize, edit::apply_edits},
};

use crate::support::{analysis, at};

fn formatted(text: &str) -> String {
    let analysis = analysis(text);
    let edits = format::format(analysis.parse()).unwrap_or_else(|why| panic!("{why:?}"));
    let after = apply_edits(text, &edits);
    let again = format::format(self::analysis(&after).parse()).unwrap();
    assert_eq!(again, [], "the layout of\n{after}");
    after
}

fn check(text: &str, expected: &Expect) {
    expected.assert_eq(&formatted(text));
}

fn refused(text: &str) -> String {
    let analysis = analysis(text);
    let why = format::format(analysis.parse()).unwrap_err();
    format!("[{}] {}", &text[why.range], why.message)
}

#[test]
fn indentation_is_two_for_each_level_and_lists_stand_below_their_key() {
    check(
        "name:   sample\nsteps:\n-   id : a\n    action: generate\n    parameters:\n        prompt:    hi\n        list:\n        -   x\n        -\n             y\n-   id: b\n    dependencies:\n    - a\n",
        &expect![[r#"
            name: sample
            steps:
              - id: a
                action: generate
                parameters:
                  prompt: hi
                  list:
                    - x
                    -
                      y
              - id: b
                dependencies:
                  - a
        "#]],
    );
}

#[test]
fn comments_go_with_what_they_were_level_with() {
    check(
        "# first\nsteps:\n# of a\n- id: a\n  # of action\n  action: generate   # beside\n  # last of a\n# after a\n\n# of outputs\noutputs:\n    # of x\n    x: 1\n    # last of outputs\n# the end\n",
        &expect![[r#"
            # first
            steps:
              # of a
              - id: a
                # of action
                action: generate   # beside
                # last of a
            # after a

            # of outputs
            outputs:
              # of x
              x: 1
              # last of outputs
            # the end
        "#]],
    );
}

#[test]
fn block_scalars_move_as_a_whole_and_say_the_same() {
    check(
        "steps:\n- id: a\n  prompt: |\n        one\n          two {{ x }}\n\n        {% if y %}\n  more: |2\n      kept\n  keep: |+\n   end\n\n\n  folded: >-   # note\n   a\n\n   b\nlast: 1\n",
        &expect![[r#"
            steps:
              - id: a
                prompt: |
                  one
                    two {{ x }}

                  {% if y %}
                more: |2
                    kept
                keep: |+
                  end


                folded: >-   # note
                  a

                  b
            last: 1
        "#]],
    );
}

#[test]
fn flow_collections_are_spaced_and_their_lines_move_along() {
    check(
        "steps:\n- {id: a,  tags: [ x,y ,z ], \"q\":1, t: [ {{ n }} , <AUTO>p , q</AUTO>], e: { }, n: { {{ k }}: v } }\n- id: b\n  dependencies: [\n    a,\n       c\n  ]\n",
        &expect![[r#"
            steps:
              - {id: a, tags: [x, y, z], "q": 1, t: [{{ n }}, <AUTO>p , q</AUTO>], e: {}, n: { {{ k }}: v} }
              - id: b
                dependencies: [
                  a,
                     c
                ]
        "#]],
    );
}

#[test]
fn scalars_over_several_lines_move_with_their_line() {
    check(
        "steps:\n- id: a\n  prompt: one\n    two\n  other: \"three\n\n    four\"\n  auto: <AUTO>five\n      six</AUTO>\n",
        &expect![[r#"
            steps:
              - id: a
                prompt: one
                  two
                other: "three

                  four"
                auto: <AUTO>five
                    six</AUTO>
        "#]],
    );
}

#[test]
fn blank_lines_and_the_ends_of_lines() {
    check("\n\na: 1   \n\n\n   \nb: [1,\n\n\n 2]\nc: d\n\n\n", &expect!["a: 1\n\nb: [1,\n\n 2]\nc: d\n"]);
    assert_eq!(formatted("a:  1\r\nb:\r\n- x\r\n\r\n\r\n"), "a: 1\r\nb:\r\n  - x\r\n");
    assert_eq!(formatted("a: 1"), "a: 1\n");
    assert_eq!(formatted("a: |\n  text"), "a: |\n  text");
    assert_eq!(formatted("a: |\n    text\n\n\n"), "a: |\n  text\n");
    assert_eq!(formatted("\u{feff}a:  1\n"), "\u{feff}a: 1\n");
    assert_eq!(formatted(""), "");
    assert_eq!(formatted("# only\n\n\n"), "# only\n");
}

#[test]
fn anchors_tags_and_markers_stay() {
    check(
        "%YAML 1.2\n---\na: &x   !!map\n    k: 1\nb:\n- *x\n-   &y z\nc: {*x : 1}\n",
        &expect![[r#"
            %YAML 1.2
            ---
            a: &x !!map
              k: 1
            b:
              - *x
              - &y z
            c: {*x : 1}
        "#]],
    );
}

#[test]
fn what_is_no_yaml_is_left_alone_with_the_reason() {
    assert_eq!(refused("a: [1\nb: 2\n"), "[[1] this `[` is not closed; add `]`");
    assert_eq!(refused("a:\n\tb: 1\n"), "[\t] a tab in the indentation; YAML wants spaces");
    assert_eq!(refused("? a\n: b\n"), "[?] a key written with `? ` has no layout here; write `key: value`");
    assert_eq!(refused("a: 1\n---\nb:   2\n"), "[---] a second document begins here; only the first one counts");
}

#[test]
fn a_range_changes_its_lines_only_unless_a_list_must_move_as_a_whole() {
    let range = |text: &str, part: &str| {
        let analysis: Analysis = analysis(text);
        let start = TextSize::new(text.find(part).unwrap() as u32);
        let edits = format::format_range(analysis.parse(), TextRange::at(start, TextSize::of(part))).unwrap();
        apply_edits(text, &edits)
    };
    assert_eq!(range("a:   1\nb:   2\nc:   3\n", "b"), "a:   1\nb: 2\nc:   3\n");
    let list = "a:   1\nsteps:\n- id:   x\n- id:   y\n";
    assert_eq!(range(list, "id:   y"), "a:   1\nsteps:\n  - id: x\n  - id: y\n");
}

#[test]
fn a_new_line_below_what_opens_a_level_is_indented() {
    let entered = |fixture: &str| {
        let (analysis, offset) = at(fixture);
        let edit = format::on_enter(analysis.parse(), offset)?;
        Some(apply_edits(analysis.text(), &[edit]))
    };
    assert_eq!(entered("steps:\n$0").unwrap(), "steps:\n  ");
    assert_eq!(entered("steps:\n  - parameters:\n  $0\n").unwrap(), "steps:\n  - parameters:\n      \n");
    assert_eq!(entered("steps:\n  - prompt: |\n$0").unwrap(), "steps:\n  - prompt: |\n      ");
    assert_eq!(entered("a: 1\n$0"), None);
    assert_eq!(entered("# a:\n$0"), None);
}
