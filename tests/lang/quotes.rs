//! Quotes: those that stand there, and those that a value needs.

use crate::support::{labels, line_taken, taken};

const STEP: &str = "inputs:\n  topic: {type: string}\nsteps:\n  - id: \"1\"\n    action: generate\n  - id: two\n    action: generate\n";

fn step(rest: &str) -> String {
    format!("{STEP}  - id: here\n    action: generate\n{rest}")
}

#[test]
fn a_value_that_reads_as_something_else_is_quoted() {
    assert_eq!(line_taken(&step("    dependencies: [$0]\n"), "1"), "    dependencies: [\"1\"]");
    assert_eq!(line_taken(&step("    dependencies:\n      - $0\n"), "1"), "      - \"1\"");
    assert_eq!(line_taken(&step("    dependencies:\n      - $0\n"), "two"), "      - two");
}

#[test]
fn quotes_that_stand_there_are_kept() {
    assert_eq!(line_taken(&step("    dependencies: ['$0']\n"), "1"), "    dependencies: ['1']");
    assert_eq!(line_taken(&step("    on_failure: \"re$0\"\n"), "retry"), "    on_failure: \"retry\"");
    assert_eq!(line_taken(&step("    on_failure: \"re$0\n"), "retry"), "    on_failure: \"retry");
    assert_eq!(line_taken("steps:\n  - id: a\n    tool: 'web$0'\n", "web-search"), "    tool: 'web-search'");
}

#[test]
fn an_attribute_does_not_end_the_quotes_around_its_tag() {
    assert_eq!(
        line_taken(&step("    parameters:\n      prompt: \"<AUTO ty$0>x</AUTO>\"\n"), "type"),
        "      prompt: \"<AUTO type='$1'>x</AUTO>\""
    );
    assert_eq!(
        line_taken(&step("    parameters:\n      prompt: <AUTO ty$0>x</AUTO>\n"), "type"),
        "      prompt: <AUTO type=\"$1\">x</AUTO>"
    );
}

#[test]
fn escaped_quotes_before_the_cursor_do_not_hide_a_name() {
    let whole = step("    parameters:\n      prompt: \"{{ topic == \\\"a\\\" and to$0 }}\"\n");
    assert_eq!(line_taken(&whole, "topic"), "      prompt: \"{{ topic == \\\"a\\\" and topic }}\"");
    let broken = step("    parameters:\n      prompt: \"{{ topic == \\\"a\\\" and to$0\n");
    assert_eq!(line_taken(&broken, "topic"), "      prompt: \"{{ topic == \\\"a\\\" and topic");
    let inside = step("    parameters:\n      prompt: \"{{ topic == \\\"a$0\\\" }}\"\n");
    assert_eq!(labels(&inside), "");
}

#[test]
fn doubled_quotes_and_folded_lines_are_read_as_yaml_reads_them() {
    let single = step("    parameters:\n      prompt: '{{ topic == ''a'' and to$0 }}'\n");
    assert_eq!(line_taken(&single, "topic"), "      prompt: '{{ topic == ''a'' and topic }}'");
    let folded = step("    parameters:\n      prompt: >\n        {{ topic\n        | trun$0 }}\n");
    assert_eq!(line_taken(&folded, "truncate"), "        | truncate }}");
    let literal = step(
        "    parameters:\n      prompt: |\n        a\n        {% for name in topic %}\n        {{ na$0 }}\n        {% endfor %}\n",
    );
    assert_eq!(line_taken(&literal, "name"), "        {{ name }}");
}

#[test]
fn the_quote_that_an_editor_closed_stays_the_last() {
    let step = "name: n\nsteps:\n  - id: s\n    action: generate\n    \"max_re$0\"\n";
    assert!(taken(step, "max_retries").ends_with("\n    \"max_retries\"\n"), "{}", taken(step, "max_retries"));
}
