//! What [`super::parse`] sees in texts, with exact places.
#![cfg(test)]
#![expect(clippy::needless_raw_string_hashes, reason = "as expect-test writes them")]

use std::fmt::Write;

use expect_test::{Expect, expect};
use text_size::{TextRange, TextSize};

use super::{AccessKind, Reading, Template, context_at, parse};

fn show(text: &str, template: &Template) -> String {
    let mut out = format!("{:?}\n", template.shape);
    let slice = |range: TextRange| &text[range];
    for reference in &template.references {
        let _ = write!(out, "{:?} `{}`: {}", reference.range, slice(reference.range), slice(reference.root_range));
        for access in &reference.path {
            let kind = match &access.kind {
                AccessKind::Field(name) => format!("field {name}"),
                AccessKind::Index(index) => format!("index {index}"),
                AccessKind::Dynamic => "dynamic".to_owned(),
                AccessKind::Slice => "slice".to_owned(),
                AccessKind::Method(name) => format!("method {name}"),
            };
            let _ = write!(out, " / {kind} `{}`", slice(access.range));
        }
        if reference.guarded {
            let _ = write!(out, " guarded to {}", reference.guarded_path);
        }
        if let Some(call) = reference.call {
            let _ = write!(out, " call({}, {}) `{}`", call.positional, call.keyword, slice(call.range));
        }
        out.push_str(if reference.dollar { " dollar\n" } else { "\n" });
    }
    for filter in &template.filters {
        let _ = writeln!(out, "filter {} `{}` {}", filter.name, slice(filter.range), filter.arguments);
    }
    for test in &template.tests {
        let _ = writeln!(out, "test {} `{}` {}", test.name, slice(test.range), test.arguments);
    }
    for error in &template.errors {
        let _ = writeln!(out, "error {:?} `{}`: {}", error.range, slice(error.range), error.message);
    }
    out
}

fn check(text: &str, expected: &Expect) {
    expected.assert_eq(&show(text, &parse(text, Reading::Template)));
}

fn check_condition(text: &str, expected: &Expect) {
    expected.assert_eq(&show(text, &parse(text, Reading::Condition)));
}

/// `$0` is the cursor.
fn check_context(fixture: &str, expected: &Expect) {
    let offset = fixture.find("$0").expect("a cursor");
    let text = fixture.replace("$0", "");
    let found = context_at(&text, TextSize::new(offset as u32));
    let shown = found.map_or_else(
        || "none".to_owned(),
        |c| {
            format!(
                "{:?} `{}` after `{}` locals {:?}{}",
                c.expects,
                &text[c.word],
                c.prefix,
                c.locals,
                if c.statement { " statement" } else { "" }
            )
        },
    );
    expected.assert_eq(&shown);
}

#[test]
fn paths_have_exact_places() {
    check(
        "{{ fetch.result.items[0]['na me'].c }}",
        &expect![[r#"
        Expression
        3..35 `fetch.result.items[0]['na me'].c`: fetch / field result `result` / field items `items` / index 0 `0` / field na me `'na me'` / field c `c`
    "#]],
    );
    check(
        "{{ a[ -1 ].b[i + 1][:50].0 }}",
        &expect![[r#"
            Expression
            3..26 `a[ -1 ].b[i + 1][:50].0`: a / index -1 `-1` / field b `b` / dynamic `i + 1` / slice `:50` / index 0 `0`
            13..14 `i`: i
        "#]],
    );
}

#[test]
fn methods_and_calls_are_told_apart() {
    check(
        "{{ x.items() }} {{ range(1, 2) }} {{ f(a, b=c)['k'].m(d).e }} {{ g()() }}",
        &expect![[r#"
        Mixed
        3..10 `x.items`: x / method items `items`
        19..24 `range`: range call(2, 0) `range(1, 2)`
        37..58 `f(a, b=c)['k'].m(d).e`: f / field k `'k'` / method m `m` / field e `e` call(1, 1) `f(a, b=c)`
        39..40 `a`: a
        44..45 `c`: c
        54..55 `d`: d
        65..66 `g`: g / dynamic `()` call(0, 0) `g()`
    "#]],
    );
}

#[test]
fn other_bases_are_walked() {
    check(
        "{{ (a | from_json).score < [b, {'k': c}][d].e ~ ('x' if f else g) }}",
        &expect![[r#"
        Expression
        4..5 `a`: a
        28..29 `b`: b
        37..38 `c`: c
        41..42 `d`: d
        56..57 `f`: f
        63..64 `g`: g
        filter from_json `from_json` 0
    "#]],
    );
}

#[test]
fn filters_and_tests_are_named() {
    check(
        "{{ a | join(', ') | truncate(5, end=b) if c is divisibleby 3 and d is not string }}",
        &expect![[r#"
        Expression
        3..4 `a`: a
        36..37 `b`: b
        42..43 `c`: c
        65..66 `d`: d
        filter join `join` 1
        filter truncate `truncate` 2
        test divisibleby `divisibleby` 1
        test string `string` 0
    "#]],
    );
}

#[test]
fn dollar_names_are_marked() {
    check(
        "{{ $item.name }} {% if $index > 1 %}{{ '$no' }}{% endif %}",
        &expect![[r#"
        Mixed
        3..13 `$item.name`: $item / field name `name` dollar
        23..29 `$index`: $index dollar
    "#]],
    );
}

#[test]
fn names_bound_inside_are_left_out() {
    check(
        "{% for k, v in items.all %}{{ k }}{{ loop.index }}{{ w }}{% else %}{{ v }}{% endfor %}{{ k }}",
        &expect![[r#"
        Mixed
        15..24 `items.all`: items / field all `all`
        53..54 `w`: w
        70..71 `v`: v
        89..90 `k`: k
    "#]],
    );
    check(
        "{% set a = b %}{{ a }}{% set c %}{{ a }}{{ d }}{% endset %}{{ c }}{{ d }}",
        &expect![[r#"
        Mixed
        11..12 `b`: b
        43..44 `d`: d
        69..70 `d`: d
    "#]],
    );
    check(
        "{% if x %}{% set y = 1 %}{% endif %}{{ y }}",
        &expect![[r#"
        Mixed
        6..7 `x`: x
    "#]],
    );
    check(
        "{% with p = q %}{{ p }}{% endwith %}{{ p }}",
        &expect![[r#"
        Mixed
        12..13 `q`: q
        39..40 `p`: p
    "#]],
    );
    check(
        "{% macro m(a, b=c) %}{{ a }}{{ b }}{{ d }}{% endmacro %}{{ m(e) }}",
        &expect![[r#"
        Mixed
        16..17 `c`: c
        38..39 `d`: d
        61..62 `e`: e
    "#]],
    );
}

#[test]
fn absence_that_is_provided_for_is_guarded() {
    check(
        "{{ s.result.x | default('') }} {{ y | d }} {{ z is defined }} {{ u is not defined }}",
        &expect![[r#"
        Mixed
        3..13 `s.result.x`: s / field result `result` / field x `x` guarded to 2
        34..35 `y`: y guarded to 0
        46..47 `z`: z guarded to 0
        65..66 `u`: u guarded to 0
        filter default `default` 1
        filter d `d` 0
        test defined `defined` 0
        test defined `defined` 0
    "#]],
    );
    check(
        "{% if a.b is defined %}{{ a.b.c }}{{ a.d }}{% else %}{{ a.b }}{% endif %}{{ a.b }}",
        &expect![[r#"
        Mixed
        6..9 `a.b`: a / field b `b` guarded to 1
        26..31 `a.b.c`: a / field b `b` / field c `c` guarded to 1
        37..40 `a.d`: a / field d `d`
        56..59 `a.b`: a / field b `b`
        76..79 `a.b`: a / field b `b`
        test defined `defined` 0
    "#]],
    );
    check(
        "{% if a is not defined %}{{ a }}{% else %}{{ a }}{% endif %}",
        &expect![[r#"
        Mixed
        6..7 `a`: a guarded to 0
        28..29 `a`: a
        45..46 `a`: a guarded to 0
        test defined `defined` 0
    "#]],
    );
    check(
        "{{ x if x is defined else y }} {{ p is defined and p.q > 1 }} {{ r is undefined or r }}",
        &expect![[r#"
        Mixed
        3..4 `x`: x guarded to 0
        8..9 `x`: x guarded to 0
        26..27 `y`: y
        34..35 `p`: p guarded to 0
        51..54 `p.q`: p / field q `q` guarded to 0
        65..66 `r`: r guarded to 0
        83..84 `r`: r guarded to 0
        test defined `defined` 0
        test defined `defined` 0
        test undefined `undefined` 0
    "#]],
    );
    check(
        "{{ (a | length) | default(0) }}",
        &expect![[r#"
        Expression
        4..5 `a`: a
        filter length `length` 0
        filter default `default` 1
    "#]],
    );
}

#[test]
fn templates_in_auto_bodies_count() {
    check(
        "<AUTO task=\"x\">sum {{ a.b }} <AUTO>{{ c }}</AUTO></AUTO>",
        &expect![[r#"
        Auto
        22..25 `a.b`: a / field b `b`
        38..39 `c`: c
    "#]],
    );
    check(
        "{% if a %}<AUTO>{{ b }}</AUTO>{% endif %} x </AUTO>",
        &expect![[r#"
        MixedAuto
        6..7 `a`: a
        19..20 `b`: b
        error 44..51 `</AUTO>`: `</AUTO>` closes nothing; write `<AUTO>` before it
    "#]],
    );
}

#[test]
fn included_files_are_blank() {
    check(
        "{{ file:prompts/a.md }} {{ x }} << b/c.txt >>",
        &expect![[r#"
        Mixed
        27..28 `x`: x
    "#]],
    );
}

#[test]
fn one_broken_tag_does_not_hide_the_rest() {
    check(
        "{{ a.b }} {{ c. }} {{ d }}",
        &expect![[r#"
        Mixed
        3..6 `a.b`: a / field b `b`
        22..23 `d`: d
        error 14..15 `.`: a field's name is missing after `.`
    "#]],
    );
    check(
        "{{ a }} {{ b\n{{ c }}",
        &expect![[r#"
        Mixed
        3..4 `a`: a
        16..17 `c`: c
        error 8..10 `{{`: `{{` is never closed; write `}}` at its end
    "#]],
    );
    check(
        "{% for i in list %}{{ i }} {{ }} {% if q %}",
        &expect![[r#"
        Mixed
        12..16 `list`: list
        39..40 `q`: q
        error 0..19 `{% for i in list %}`: `{% for %}` is never closed; write `{% endfor %}`
        error 29..30 ` `: nothing stands between the braces; write a name or an expression
        error 33..43 `{% if q %}`: `{% if %}` is never closed; write `{% endif %}`
    "#]],
    );
}

#[test]
fn slips_are_explained() {
    for (text, message) in [
        ("{{ }}", "nothing stands between the braces; write a name or an expression"),
        ("{{ a ? b : c }}", "`c ? a : b` is not known here; write `a if c else b`"),
        ("{{ a && b }}", "`&&` is not known here; write `and`"),
        ("{{ !a }}", "`!` is not known here; write `not a`"),
        ("{{ a = b }}", "`=` does not compare; write `==`"),
        ("{{ a | }}", "a filter's name is missing after `|`"),
        ("{{ len(a }}", "`(` is never closed; write `)` at its end"),
        ("{{ a) }}", "`)` closes nothing; remove it or open it before"),
        ("{{ 'a }}", "this text is never closed; write `'` at its end"),
        ("{{ a b }}", "`b` cannot stand here; an operator or `|` is missing before it"),
        ("{{ a + }}", "a value is missing after `+`"),
        ("{{ a", "`{{` is never closed; write `}}` at its end"),
        ("{% iff a %}", "unknown statement `iff`; did you mean `if`?"),
        ("{% if a %}x", "`{% if %}` is never closed; write `{% endif %}`"),
        ("x{% endif %}", "`{% endif %}` closes nothing; write `{% if … %}` before it"),
        ("{% include 'x' %}", "`{% include %}` is not available here; use `{{ file:path }}` or `include_file(path)`"),
        ("{% if a = b %}{% endif %}", "`=` does not compare; write `==`"),
    ] {
        let found = parse(text, Reading::Template).errors;
        assert_eq!(found.iter().map(|error| &*error.message).collect::<Vec<_>>(), [message], "{text}");
    }
}

#[test]
fn conditions_are_expressions_in_any_dress() {
    check_condition(
        "{{ a.b > 3 }}",
        &expect![[r#"
        Expression
        3..6 `a.b`: a / field b `b`
    "#]],
    );
    check_condition(
        "score > 3 and 'x' in list",
        &expect![[r#"
        Expression
        0..5 `score`: score
        21..25 `list`: list
    "#]],
    );
    check_condition(
        "'x' in {{ parameters.list }}",
        &expect![[r#"
        Expression
        10..25 `parameters.list`: parameters / field list `list`
    "#]],
    );
    check_condition(
        "{{ a }} > 2 and not {{ b }}",
        &expect![[r#"
        Expression
        3..4 `a`: a
        23..24 `b`: b
    "#]],
    );
}

#[test]
fn constant_words_are_conditions() {
    check_condition(
        "Yes",
        &expect![[r#"
        Constant(true)
    "#]],
    );
    check_condition(
        "",
        &expect![[r#"
        Constant(false)
    "#]],
    );
    check_condition(
        "OFF",
        &expect![[r#"
        Constant(false)
    "#]],
    );
}

#[test]
fn text_with_templates_renders_to_a_word() {
    check_condition(
        "{% if a %}true{% else %}false{% endif %}",
        &expect![[r#"
        Mixed
        6..7 `a`: a
    "#]],
    );
    check_condition(
        "{{ a }}{{ b }}",
        &expect![[r#"
        Mixed
        3..4 `a`: a
        10..11 `b`: b
    "#]],
    );
    check_condition(
        "tr{{ ue }}",
        &expect![[r#"
        Mixed
        5..7 `ue`: ue
    "#]],
    );
}

#[test]
fn broken_conditions_are_explained() {
    check_condition(
        "a ? b : c",
        &expect![[r#"
        Plain
        error 2..3 `?`: `c ? a : b` is not known here; write `a if c else b`
    "#]],
    );
    check_condition(
        "{{ a }} and",
        &expect![[r#"
        Mixed
        3..4 `a`: a
        error 8..11 `and`: a value is missing after `and`
    "#]],
    );
    check_condition(
        "the score is good enough",
        &expect![[r#"
        Plain
        error 0..24 `the score is good enough`: this is a sentence, not an expression; write one such as `step.result.count > 3`, or `<AUTO>…</AUTO>` to let a model decide
    "#]],
    );
    check_condition(
        "<AUTO>is {{ a }} good?</AUTO>",
        &expect![[r#"
        Auto
        12..13 `a`: a
    "#]],
    );
}

#[test]
fn the_cursor_knows_what_belongs_there() {
    check_context("{{ a$0 }}", &expect!["Name `a` after `a` locals []"]);
    check_context("{{ $0", &expect!["Name `` after `` locals []"]);
    check_context("x {{ step.$0 }} y", &expect![[r#"Field(["step"]) `` after `` locals []"#]]);
    check_context("{{ step.result.it$0ems }}", &expect![[r#"Field(["step", "result"]) `items` after `it` locals []"#]]);
    check_context(
        "{{ step.result['a'][0].b$0",
        &expect![[r#"Field(["step", "result", "a", "0"]) `b` after `b` locals []"#]],
    );
    check_context("{{ a | tr$0 }}", &expect!["Filter `tr` after `tr` locals []"]);
    check_context("{{ a |$0 }}", &expect!["Filter `` after `` locals []"]);
    check_context("{{ a is not d$0 }}", &expect!["Test `d` after `d` locals []"]);
    check_context("{% $0", &expect!["Statement `` after `` locals [] statement"]);
    check_context(
        "{% for x in y %}{% set z = x %}{{ $0 }}{% endfor %}",
        &expect![[
            r#"Name `` after `` locals [("x", Some(Origin { root: "y", path: [Dynamic] })), ("loop", None), ("z", Some(Origin { root: "y", path: [Dynamic] }))]"#
        ]],
    );
    check_context("{% for x in y %}{% endfor %}{% if $0 %}", &expect!["Name `` after `` locals [] statement"]);
    check_context("{{ 'a$0' }}", &expect!["Nothing `` after `` locals []"]);
    check_context(
        "{{ $it$0 }}".replace("$it", "$$0it").replace("$0 }}", " }}").as_str(),
        &expect!["Name `$it` after `` locals []"],
    );
    check_context("<AUTO>{{ a.$0 }}</AUTO>", &expect![[r#"Field(["a"]) `` after `` locals []"#]]);
    check_context("a $0 {{ b }}", &expect!["none"]);
}

#[test]
fn nothing_is_too_odd_to_read() {
    let deep = format!("{{{{ {}a }}}}", "not ".repeat(5_000));
    let chain = format!("{{{{ a{} }}}}", ".b".repeat(5_000));
    let branches = format!("{{% if a %}}{}{{% endif %}}", "{% elif b %}".repeat(2_000));
    let brackets = "[".repeat(5_000);
    for text in [&*deep, &*chain, &*branches, &*format!("{{{{ {brackets} }}}}")] {
        assert!(!parse(text, Reading::Template).errors.is_empty());
    }
    for text in [
        "{{", "{%", "{#", "{{-", "{{}}", "{{-}}", "{%%}", "<AUTO", "<AUTO>", "</AUTO>", "<<", "{{ é", "{{ 'é", "{{ a\\",
    ] {
        parse(text, Reading::Template);
        parse(text, Reading::Condition);
        for offset in 0..=text.len() {
            if text.is_char_boundary(offset) {
                context_at(text, TextSize::new(offset as u32));
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in "([{}%#<>/$|.'\" a-cé\n()\\[\\]=-]|\\{\\{|\\}\\}|\\{%|%\\}|<AUTO>|</AUTO>|if|for|in|is|endif|set){0,24}") {
        for reading in [Reading::Template, Reading::Condition] {
            let template = parse(&text, reading);
            let joined: String = template.segments.iter().map(|segment| &text[segment.range]).collect();
            proptest::prop_assert_eq!(&joined, &text);
            show(&text, &template);
        }
        proptest::prop_assert_eq!(super::normalise(&text).len(), text.len());
        for (offset, _) in text.char_indices() {
            context_at(&text, TextSize::new(offset as u32));
        }
    }
}

#[test]
fn a_text_full_of_errors_reports_the_first_ones() {
    for broken in ["{# ", "{{ x ", "{% if x %}", "</AUTO> "] {
        let errors = parse(&broken.repeat(2000), Reading::Template).errors;
        assert!((1..=20).contains(&errors.len()), "{broken}: {}", errors.len());
        assert_eq!(errors[0].range.start(), 0.into(), "{broken}");
    }
}
