#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeSet, HashMap};

use expect_test::{Expect, expect};
use lang::registry::{OutputSpec, names as registry_names};
use serde_json::json;

use super::*;

fn names(bound: &Value) -> Arc<Names> {
    let bound: HashMap<String, minijinja::Value> =
        bound.as_object().unwrap().iter().map(|(name, value)| (name.clone(), from_json(value))).collect();
    Names::root(bound)
}

fn text(source: &str, names: &Arc<Names>) -> String {
    match Renderer::new(Folders::default()).text(source, names) {
        Ok(value) => serde_json::to_string(&value).unwrap(),
        Err(error) => format!("{error:?}"),
    }
}

fn check(bound: &Value, lines: &[&str], expected: Expect) {
    let names = names(bound);
    let rendered: Vec<String> = lines.iter().map(|line| format!("{line} → {}", text(line, &names))).collect();
    expected.assert_eq(&rendered.join("\n"));
}

#[test]
fn one_expression_keeps_its_type_and_mixed_text_is_text() {
    check(
        &json!({"n": 5, "xs": [1, "a"], "o": {"k": null}, "t": true, "s": "{{ n }}"}),
        &[
            "{{ n }}",
            "{{ xs }}",
            "{{ o }}",
            "{{ t }}",
            "n={{ n }}",
            "{{ xs }}!",
            "{{ o }} {{ t }}",
            "{{ s }}",
            "{{ s }}!",
            " {{ n }}",
        ],
        expect![[r#"
            {{ n }} → 5
            {{ xs }} → [1,"a"]
            {{ o }} → {"k":null}
            {{ t }} → true
            n={{ n }} → "n=5"
            {{ xs }}! → "[1, \"a\"]!"
            {{ o }} {{ t }} → "{\"k\": null} True"
            {{ s }} → "{{ n }}"
            {{ s }}! → "{{ n }}!"
             {{ n }} → " 5""#]],
    );
}

#[test]
fn undefined_names_are_errors_that_name_them() {
    check(
        &json!({"o": {"k": 1}}),
        &[
            "{{ nope }}",
            "a {{ nope }}",
            "{{ o.x }}",
            "{{ o.x.y }}!",
            "{{ nope | default('d') }}",
            "{{ o.x is defined }}",
            "{% if nope %}x{% endif %}",
        ],
        expect![[r#"
            {{ nope }} → Undefined("`nope` is undefined")
            a {{ nope }} → Undefined("`nope` is undefined")
            {{ o.x }} → Undefined("`o.x` is undefined")
            {{ o.x.y }}! → Undefined("`o.x` is undefined")
            {{ nope | default('d') }} → "d"
            {{ o.x is defined }} → false
            {% if nope %}x{% endif %} → Undefined("`nope` is undefined")"#]],
    );
}

#[test]
fn filters_mean_what_they_mean_in_python() {
    check(
        &json!({"xs": [3, 1, 2], "f": 2.5, "s": "Hello, Big World"}),
        &[
            "{{ f | round }}",
            "{{ 3.14159 | round(2) }}",
            "{{ '7' | int }}",
            "{{ '7.5' | int }}",
            "{{ xs | join }}",
            "{{ xs | join('-') }}",
            "{{ xs | last }}",
            "{{ [] | last }}",
            "{{ s | slugify }}",
            "{{ s | truncate(8) }}",
            "{{ s | truncate(length=8, end='~') }}",
            "{{ s | truncate_words(2) }}",
            "{{ s | length }}",
            "{{ xs | to_json }}",
            "{{ {'b': '<', 'a': 1} | tojson }}",
            "{{ '[1, 2]' | from_json }}",
            "{{ 'plain' | from_json }}",
            "{{ s | regex_replace('(\\w+), (\\w+)', '\\\\2 \\\\1') }}",
            "{{ s | regex_search('B\\w+') }}",
            "{{ '%s has %03d' | format('x', 7) }}",
            "{{ '{a}-{b}' | format(a=1, b=2) }}",
            "{{ '2026-01-31T12:00:00Z' | date('%d.%m.%Y') }}",
            "{{ 'a/b/c.txt' | basename }}",
            "{{ s.lower().replace(',', '') }}",
            "{{ s[:5] | upper }}",
            "{{ xs | sort | first }}",
        ],
        expect![[r#"
            {{ f | round }} → 2
            {{ 3.14159 | round(2) }} → 3.14
            {{ '7' | int }} → 7
            {{ '7.5' | int }} → Invalid("the text `7.5` is no whole number in `int`")
            {{ xs | join }} → "3, 1, 2"
            {{ xs | join('-') }} → "3-1-2"
            {{ xs | last }} → 2
            {{ [] | last }} → null
            {{ s | slugify }} → "hello-big-world"
            {{ s | truncate(8) }} → "Hello..."
            {{ s | truncate(length=8, end='~') }} → "Hello,~"
            {{ s | truncate_words(2) }} → "Hello, Big..."
            {{ s | length }} → 16
            {{ xs | to_json }} → "[\n  3,\n  1,\n  2\n]"
            {{ {'b': '<', 'a': 1} | tojson }} → "{\"a\": 1, \"b\": \"\\u003c\"}"
            {{ '[1, 2]' | from_json }} → [1,2]
            {{ 'plain' | from_json }} → "plain"
            {{ s | regex_replace('(\w+), (\w+)', '\\2 \\1') }} → "Big Hello World"
            {{ s | regex_search('B\w+') }} → "Big"
            {{ '%s has %03d' | format('x', 7) }} → "x has 007"
            {{ '{a}-{b}' | format(a=1, b=2) }} → "1-2"
            {{ '2026-01-31T12:00:00Z' | date('%d.%m.%Y') }} → "31.01.2026"
            {{ 'a/b/c.txt' | basename }} → "c.txt"
            {{ s.lower().replace(',', '') }} → "hello big world"
            {{ s[:5] | upper }} → "HELLO"
            {{ xs | sort | first }} → 1"#]],
    );
}

#[test]
fn block_tags_leave_no_lines_behind() {
    check(
        &json!({"xs": ["a", "b"]}),
        &["{% for x in xs %}\n  - {{ x }}\n{% endfor %}\nend\n"],
        expect![[r#"
            {% for x in xs %}
              - {{ x }}
            {% endfor %}
            end
             → "  - a\n  - b\nend\n""#]],
    );
}

fn with_steps() -> Arc<Names> {
    let names = names(&json!({}));
    let output = Arc::new(OutputSpec {
        primary: Some("content".to_owned()),
        aliases: vec![("filepath".to_owned(), "path".to_owned())],
        ..OutputSpec::default()
    });
    let result = json!({"path": "a.txt", "content": "text", "items": [1]});
    names.publish("read", &Arc::new(StepValue::ended("completed", true, &result, None, false, &output)));
    let failure = Some(("CommandError", "exit code 7"));
    let open = Arc::new(OutputSpec::default());
    names.publish("bad", &Arc::new(StepValue::ended("failed", false, &Value::Null, failure, false, &open)));
    names.publish("off", &Arc::new(StepValue::absent("off", "skipped", "condition_false")));
    let object = json!({"a": 1});
    names.publish("object", &Arc::new(StepValue::ended("completed", true, &object, None, false, &open)));
    names
}

#[test]
fn a_step_is_read_by_its_fields_its_results_fields_and_its_primary_text() {
    let names = with_steps();
    let lines = [
        "{{ read.result.content }}",
        "{{ read.content }}",
        "{{ read.filepath }}",
        "{{ read.result.filepath }}",
        "{{ read.result }}",
        "{{ read }}",
        "= {{ read }}",
        "{{ read | upper }}",
        "{{ read.success }} {{ read.status }} {{ read.error }}",
        "{{ read.result.items[0] }}",
        "{{ object }}",
        "= {{ object }}",
        "{{ bad.error }}",
        "{{ bad.error_type }}",
        "{{ bad.result.x | default('none given') }}",
        "{{ read.nope }}",
    ];
    let rendered: Vec<String> = lines.iter().map(|line| format!("{line} → {}", text(line, &names))).collect();
    expect![[r#"
        {{ read.result.content }} → "text"
        {{ read.content }} → "text"
        {{ read.filepath }} → "a.txt"
        {{ read.result.filepath }} → "a.txt"
        {{ read.result }} → {"path":"a.txt","content":"text","items":[1]}
        {{ read }} → "text"
        = {{ read }} → "= text"
        {{ read | upper }} → "TEXT"
        {{ read.success }} {{ read.status }} {{ read.error }} → "True completed None"
        {{ read.result.items[0] }} → 1
        {{ object }} → {"a":1}
        = {{ object }} → "= {\"a\": 1}"
        {{ bad.error }} → "exit code 7"
        {{ bad.error_type }} → "CommandError"
        {{ bad.result.x | default('none given') }} → "none given"
        {{ read.nope }} → Undefined("`read.nope` is undefined")"#]]
    .assert_eq(&rendered.join("\n"));
}

#[test]
fn a_skipped_step_counts_as_absent_but_for_its_status() {
    let names = with_steps();
    let lines = [
        "{{ off.status }}",
        "{{ off is defined }}",
        "{{ off | default('d') }}",
        "{{ off.result.x | default('d') }}",
        "{{ off.x | default('d') }}",
        "{% if off %}yes{% else %}no{% endif %}",
        "{{ off.result.x }}",
        "= {{ off }}",
    ];
    let rendered: Vec<String> = lines.iter().map(|line| format!("{line} → {}", text(line, &names))).collect();
    expect![[r#"
        {{ off.status }} → "skipped"
        {{ off is defined }} → false
        {{ off | default('d') }} → "d"
        {{ off.result.x | default('d') }} → "d"
        {{ off.x | default('d') }} → "d"
        {% if off %}yes{% else %}no{% endif %} → "no"
        {{ off.result.x }} → Undefined("the step `off` was skipped, so it has no result; guard it with `default(…)` or `is defined`")
        = {{ off }} → Undefined("the step `off` was skipped, so it has no result; guard it with `default(…)` or `is defined`")"#]].assert_eq(&rendered.join("\n"));
}

#[test]
fn conditions_read_words_expressions_and_values() {
    let names = names(&json!({"n": 3, "flag": "no", "word": "maybe", "xs": [], "kinds": ["text"]}));
    let renderer = Renderer::new(Folders::default());
    let lines = [
        "true",
        "off",
        "",
        "{{ n > 2 }}",
        "n > 2",
        "{{ flag }}",
        "{{ word }}",
        "{{ xs }}",
        "'text' in {{ kinds }}",
        "{{ n }} >= 4",
        "{{ nope > 1 }}",
        "<AUTO>is it?</AUTO>",
    ];
    let read: Vec<String> =
        lines.iter().map(|line| format!("{line} → {:?}", renderer.condition(&Value::from(*line), &names))).collect();
    expect![[r#"
        true → Ok(true)
        off → Ok(false)
         → Ok(false)
        {{ n > 2 }} → Ok(true)
        n > 2 → Ok(true)
        {{ flag }} → Ok(false)
        {{ word }} → Err(Invalid("the text `maybe` is neither true nor false; compare it, as in `{{ x == \"maybe\" }}`"))
        {{ xs }} → Ok(false)
        'text' in {{ kinds }} → Ok(true)
        {{ n }} >= 4 → Ok(false)
        {{ nope > 1 }} → Err(Undefined("`nope` is undefined"))
        <AUTO>is it?</AUTO> → Err(Auto)"#]].assert_eq(&read.join("\n"));
}

#[test]
fn work_is_limited() {
    let rendered =
        text("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", &names(&json!({})));
    assert!(rendered.contains("takes too much work"), "{rendered}");
}

#[test]
fn files_are_included_from_the_folders_and_never_from_outside() {
    let directory = tempfile::tempdir().unwrap();
    let root = camino::Utf8Path::from_path(directory.path()).unwrap();
    std::fs::create_dir(root.join("in")).unwrap();
    std::fs::write(root.join("in/a.md"), "Hello {{ who }}{{ file:b.md }}").unwrap();
    std::fs::write(root.join("in/b.md"), "!").unwrap();
    std::fs::write(root.join("in/loop.md"), "{{ file:loop.md }}").unwrap();
    std::fs::write(root.join("secret"), "no").unwrap();
    let renderer = Renderer::new(Folders::new(vec![root.join("in")]));
    let names = names(&json!({"who": "you"}));
    let render = |source: &str| renderer.text(source, &names);
    assert_eq!(render("{{ file:a.md }}").unwrap(), json!("Hello you!"));
    assert_eq!(render("<< a.md >>").unwrap(), json!("Hello you!"));
    assert_eq!(render("{{ include_file('a.md') }}").unwrap(), json!("Hello {{ who }}{{ file:b.md }}"));
    assert_eq!(render("{{ file_exists('a.md') }}").unwrap(), json!(true));
    assert_eq!(render("{{ file_exists('../secret') }}").unwrap(), json!(false));
    assert!(
        matches!(render("{{ file:../secret }}"), Err(RenderError::Invalid(message)) if message.contains("outside"))
    );
    assert!(
        matches!(render("{{ file:loop.md }}"), Err(RenderError::Invalid(message)) if message.contains("includes itself"))
    );
    assert!(
        matches!(render("{{ file:none.md }}"), Err(RenderError::Invalid(message)) if message.contains("does not exist"))
    );
}

/// What the registry tells people exists, and what renders, are the same.
#[test]
fn the_registry_and_the_environment_know_the_same_names() {
    let environment = Renderer::new(Folders::default()).environment;
    let state = environment.empty_state();
    let missing = |kind: &str, known: Vec<&'static str>, exists: &dyn Fn(&str) -> bool| {
        known.into_iter().filter(|name| !exists(name)).map(|name| format!("{kind} {name}")).collect::<Vec<_>>()
    };
    let is = |test: &str, name: &str| {
        environment
            .compile_expression(&format!("name is {test}"))
            .unwrap()
            .eval(minijinja::context! { name })
            .unwrap()
            .is_true()
    };
    let mut found =
        missing("filter", registry_names::filters().iter().map(|f| f.name).collect(), &|name| is("filter", name));
    found.extend(missing("test", registry_names::tests().iter().map(|t| t.name).collect(), &|name| is("test", name)));
    found.extend(missing("global", registry_names::globals().iter().map(|g| g.name).collect(), &|name| {
        state.lookup(name).is_some()
    }));
    assert_eq!(found, Vec::<String>::new());

    let declared: BTreeSet<&str> = registry_names::globals().iter().map(|global| global.name).collect();
    let extra: Vec<&str> =
        environment.globals().map(|(name, _)| name).filter(|name| !declared.contains(name)).collect();
    assert_eq!(extra, Vec::<&str>::new());
    for foreign in ["bool", "chain", "lines", "zip"] {
        assert!(!is("filter", foreign), "{foreign}");
    }
}
