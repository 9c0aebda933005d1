//! Which of many legal answers comes first: what the text around the cursor says about it.

use lang::ide::completion;

use crate::support::at;

/// The first labels offered at `$0`.
fn first(count: usize, fixture: &str) -> String {
    let (analysis, offset) = at(fixture);
    let mut found = completion::complete(&analysis, offset);
    found.sort_by(|one, other| (one.rank, &one.label).cmp(&(other.rank, &other.label)));
    found.iter().take(count).map(|item| &*item.label).collect::<Vec<_>>().join(" ")
}

const STEPS: &str = "\
id: p
inputs:
  topic: {type: string, default: x}
  report_title: {type: string, default: y}
steps:
  - id: search_web
    tool: web-search
    action: search
    parameters: {query: '{{ topic }}'}
  - id: read_file
    tool: filesystem
    action: read
    parameters: {path: a.txt}
  - id: write_report
    tool: filesystem
    action: write
    parameters:
      path: b.txt
      content: |
        LINE
    dependencies: [search_web, read_file]
";

fn names(line: &str) -> String {
    first(2, &STEPS.replace("LINE", line))
}

#[test]
fn a_field_that_follows_says_whose_it_is() {
    assert_eq!(names("{{ $0.result.content }}"), "read_file search_web");
    assert_eq!(names("{{ $0.result.results }}"), "search_web read_file");
}

#[test]
fn without_a_field_the_words_nearby_say_what_is_meant() {
    assert_eq!(names("Results of the web search: {{ $0.result }}"), "search_web read_file");
    assert_eq!(names("From the file: {{ $0.result }}"), "read_file search_web");
    let inputs = |line: &str| {
        let fixture = STEPS.replace("LINE", line).replace("    dependencies: [search_web, read_file]\n", "");
        first(2, &fixture)
    };
    assert_eq!(inputs("The title: {{ $0 }}"), "report_title topic");
    assert_eq!(inputs("The topic: {{ $0 }}"), "topic report_title");
}

#[test]
fn a_step_that_is_waited_for_and_not_used_yet_comes_before_the_others() {
    let used = STEPS.replace("path: b.txt", "path: '{{ read_file.result.content }}'");
    assert_eq!(first(2, &used.replace("LINE", "{{ $0.result }}")), "search_web read_file");
}

#[test]
fn what_is_done_with_a_field_says_what_it_is() {
    let fields = |line: &str| first(1, &STEPS.replace("LINE", line));
    assert_eq!(fields("{{ search_web.result.$0 | length }}"), "results");
    assert_eq!(fields("{% for hit in search_web.result.$0 %}{% endfor %}"), "results");
    assert_eq!(fields("{{ search_web.result.$0 > 3 }}"), "total_results");
    assert_eq!(fields("{{ search_web.$0 }}"), "result");
    assert_eq!(fields("{% if search_web.$0 == 'failed' %}{% endif %}"), "status");
}

#[test]
fn the_arguments_that_stand_there_say_which_filter_is_meant() {
    let filters = |line: &str| first(1, &STEPS.replace("LINE", line));
    assert_eq!(filters("{{ topic | $0 }}"), "length");
    assert_eq!(filters("{{ topic | $0('none') }}"), "default");
    assert_eq!(filters("{{ topic | $0(100) }}"), "default");
}

#[test]
fn a_tool_is_known_by_its_operation_and_by_what_it_takes() {
    let tool = |step: &str| first(1, &format!("id: p\nsteps:\n  - id: a\n    tool: $0\n{step}"));
    assert_eq!(tool("    action: search\n"), "web-search");
    assert_eq!(tool("    parameters: {command: ls}\n"), "terminal");
    assert_eq!(tool("    action: execute\n    parameters: {code: x}\n"), "python-executor");
}

#[test]
fn an_operation_is_known_by_what_it_takes_and_by_the_name_of_the_step() {
    let operation = |id: &str, rest: &str| {
        first(1, &format!("id: p\nsteps:\n  - id: {id}\n    tool: filesystem\n    action: $0\n{rest}"))
    };
    assert_eq!(operation("a", "    parameters: {path: x, content: y}\n"), "write");
    assert_eq!(operation("a", "    parameters: {path: x, destination: y}\n"), "copy");
    assert_eq!(operation("move_it", "    parameters: {path: x, destination: y}\n"), "move");
    assert_eq!(operation("delete_old", ""), "delete");
}

#[test]
fn keys_come_in_the_order_in_which_they_are_written() {
    assert_eq!(first(2, "id: p\nname: n\n$0\nsteps:\n  - {id: a, action: echo}\n"), "description version");
    assert_eq!(first(2, "id: p\nname: n\nsteps:\n  - {id: a, action: echo}\n$0\n"), "outputs metadata");
}

#[test]
fn a_step_lacks_the_tool_of_its_operation() {
    assert_eq!(first(1, "id: p\nsteps:\n  - id: a\n    $0\n    action: write\n"), "tool");
    assert_eq!(first(1, "id: p\nsteps:\n  - id: a\n    $0\n    tool: filesystem\n"), "action");
}

#[test]
fn the_type_of_an_input_is_that_of_its_default() {
    for (default, wanted) in [("5", "integer"), ("[a]", "array"), ("true", "boolean"), ("x", "string")] {
        assert_eq!(first(1, &format!("id: p\ninputs:\n  a:\n    type: $0\n    default: {default}\n")), wanted);
    }
}
