//! What is explained.

use expect_test::{Expect, expect};

use crate::support::explained;

const TEXT: &str = "\
name: sample
inputs:
  topic: {type: string, default: rust, description: What it is about.}
steps:
  - id: search
    tool: web-search
    action: search
    parameters:
      query: \"{{ topic }}\"
      max_results: 5
  - id: each
    for_each: \"{{ search.result.results }}\"
    dependencies: [search]
    steps:
      - id: save
        tool: filesystem
        action: write
        parameters:
          path: \"{{ item.title | slugify }}.txt\"
          content: \"{{ item.url }} of {{ search.result.results[0].snippet }} {{ index is odd }}\"
  - id: sum
    action: generate
    on_failure: continue
    parameters:
      model: openai/gpt-4o
      prompt: <AUTO type=\"string\">Sum up {{ inputs.topic }} at {{ execution.date }} by {{ now() }}</AUTO>
    dependencies: [search, each]
";

/// Hovers the first place of `word` behind `before`.
fn at(before: &str, word: &str, expected: &Expect) {
    let start = TEXT.find(before).unwrap() + before.len();
    let place = start + TEXT[start..].find(word).unwrap() + 1;
    expected.assert_eq(&explained(&format!("{}$0{}", &TEXT[..place], &TEXT[place..])));
}

#[test]
fn keys_are_explained() {
    at(
        "search]\n",
        "steps",
        &expect![[r#"
        [steps]
        `steps`: array

        The body of a loop (`for_each`, `while`, `until`). Its steps see each other by their short ids.
    "#]],
    );
    at(
        "generate\n",
        "on_failure",
        &expect![[r#"
        [on_failure]
        `on_failure`: string, default fail

        What happens when the step fails: a policy, or the id of a later step to go on with.

        - `fail`: no further step starts.
        - `continue`: the others go on; those that depend on it see the failure as its value.
        - `skip`: all that depend on it are skipped.
        - `retry`: three attempts unless a number is given, then as `continue`.

        The run ends with exit code 1 in every case.
    "#]],
    );
    at(
        "",
        "name",
        &expect![[r#"
        [name]
        `name`: string

        The name of the pipeline, for people. It is shown as it is; templates in it are not rendered.
    "#]],
    );
}

#[test]
fn tools_and_operations_are_explained_with_their_parameters() {
    at(
        "tool: ",
        "web-search",
        &expect![[r#"
        [web-search]
        `web-search.search`

        Searches the web and gives back the hits.

        The step's `action` may be any word; `search` is usual. The hits stand in `{{ step.result.results }}`.

        Searches the web.

        - `query` (string, required): What to search for.
        - `max_results` (integer, default 10): At most this many hits.
        - `backend` (string): The search engine to ask; without it the first one that answers.
        - `region` (string): Country and language of the hits, such as `us-en`.
        - `safesearch` (string): How strictly unsuitable hits are left out, such as `moderate`.

        ```yaml
        - id: find
          tool: web-search
          action: search
          parameters:
            query: "{{ topic }} overview"
            max_results: 5
        ```
    "#]],
    );
    at(
        "tool: filesystem\n        action: ",
        "write",
        &expect![[r#"
        [write]
        `filesystem.write`

        Reads and writes files.

        Paths start at the working directory; only it, the output directory and what the person permits can be reached, and links do not lead out.

        Writes a text file, wholly or not at all. Missing directories are made.

        - `path` (string, required): The file, relative to the working directory. Missing directories are made, an existing file is replaced.
        - `content` (string, required): What is written, byte for byte, as UTF-8. Anything that is no text is written as JSON.

        ```yaml
        - id: save
          tool: filesystem
          action: write
          parameters:
            path: output/report.md
            content: "{{ report.result }}"
        ```
    "#]],
    );
}

#[test]
fn parameters_are_explained() {
    at(
        "",
        "max_results",
        &expect![[r#"
        [max_results]
        `max_results`: integer, default 10

        At most this many hits.

        Parameter of `web-search.search`.
    "#]],
    );
    at(
        "      ",
        "query",
        &expect![[r#"
        [query]
        `query`: string, required

        What to search for.

        Parameter of `web-search.search`.
    "#]],
    );
}

#[test]
fn filters_tests_and_functions_are_explained() {
    at(
        "| ",
        "slugify",
        &expect![[r#"
            [slugify]
            `| slugify -> string`

            The text as a file or address name: lower case, words joined by `-`, nothing else kept.
        "#]],
    );
    at(
        "is ",
        "odd",
        &expect![[r#"
            [odd]
            `is odd -> boolean`

            It is an odd number.
        "#]],
    );
    at(
        "{{ ",
        "now",
        &expect![[r#"
        [now]
        `now() -> string`

        The time of the call.

        A run that uses it cannot be repeated or resumed with the same result.
    "#]],
    );
}

#[test]
fn names_of_the_run_are_explained() {
    at(
        "{{ ",
        "execution",
        &expect![[r#"
        [execution]
        `execution`

        The run: its id and when it started.

        All times are UTC and stay the same for the whole run.
    "#]],
    );
    at(
        "execution.",
        "date",
        &expect![[r#"
        [execution.date]
        `date`: string

        The day the run started, `YYYY-MM-DD`.
    "#]],
    );
}

#[test]
fn inputs_are_explained() {
    at(
        "",
        "topic:",
        &expect![[r#"
        [topic]
        input `topic`: string = rust

        What it is about.
    "#]],
    );
    at(
        "{{ ",
        "topic",
        &expect![[r#"
        [topic]
        input `topic`: string = rust

        What it is about.
    "#]],
    );
    at(
        "inputs.",
        "topic",
        &expect![[r#"
        [inputs.topic]
        input `topic`: string = rust

        What it is about.
    "#]],
    );
}

#[test]
fn loop_variables_are_explained() {
    at(
        "{{ ",
        "item",
        &expect![[r#"
        [item]
        loop variable `item`

        The item of this iteration.
    "#]],
    );
    at(
        "{{ ",
        "index",
        &expect![[r#"
        [index]
        loop variable `index`: integer

        The number of this iteration, from 0.
    "#]],
    );
}

#[test]
fn steps_are_explained_where_they_are_named() {
    at(
        "dependencies: [",
        "search",
        &expect![[r#"
        [search]
        step `search`: `web-search.search`

        - `result.query` (string): What was searched for.
        - `result.results` (array): The hits, best first.
        - `result.total_results` (integer): How many there are.
        - `result.search_time` (number): How long it took, in seconds.
        - `result.backend` (string): The search engine that answered.
        - `result.timestamp` (string): When it was asked.
    "#]],
    );
    at(
        "{{ ",
        "search.",
        &expect![[r#"
        [search]
        step `search`: `web-search.search`

        - `result.query` (string): What was searched for.
        - `result.results` (array): The hits, best first.
        - `result.total_results` (integer): How many there are.
        - `result.search_time` (number): How long it took, in seconds.
        - `result.backend` (string): The search engine that answered.
        - `result.timestamp` (string): When it was asked.
    "#]],
    );
    at(
        "[search, ",
        "each",
        &expect![[r#"
        [each]
        step `each`

        - `result.count` (integer): The number of items.
        - `result.results` (array): What each iteration gave back, in the order of the items.
        - `result.succeeded` (integer): The number of iterations that succeeded.
        - `result.failed` (integer): The number of iterations that failed.
    "#]],
    );
}

#[test]
fn a_field_of_a_result_is_explained_alone() {
    at(
        "search.",
        "result",
        &expect![[r#"
        [search.result]
        `result`

        What the step gave back.

        - `query` (string): What was searched for.
        - `results` (array): The hits, best first.
        - `total_results` (integer): How many there are.
        - `search_time` (number): How long it took, in seconds.
        - `backend` (string): The search engine that answered.
        - `timestamp` (string): When it was asked.
    "#]],
    );
    at(
        "search.result.",
        "results",
        &expect![[r#"
        [search.result.results]
        `results`: array

        The hits, best first.

        Each item has `title`, `url`, `snippet`, `source`, `relevance`, `rank`.
    "#]],
    );
    at(
        "results[0].",
        "snippet",
        &expect![[r#"
        [search.result.results[0].snippet]
        `snippet`: string

        A few lines around the words that were found.
    "#]],
    );
}

#[test]
fn models_and_attributes_are_explained() {
    at(
        "model: ",
        "openai",
        &expect![[r#"
        [openai/gpt-4o]
        `openai/gpt-4o`

        $2.5 in, $10 out per million tokens (2026-11-22).
        Context: 128000 tokens.
    "#]],
    );
    at(
        "<AUTO ",
        "type",
        &expect![[r#"
        [type]
        `type`

        The type of the answer: string, integer, number, boolean, array or object.
    "#]],
    );
}

#[test]
fn a_plain_value_is_explained_by_its_key() {
    at(
        "name: ",
        "sample",
        &expect![[r#"
        [sample]
        `name`: string

        The name of the pipeline, for people. It is shown as it is; templates in it are not rendered.
    "#]],
    );
}

#[test]
fn a_step_is_explained_at_its_id() {
    at(
        "  - id: ",
        "sum",
        &expect![[r#"
        [sum]
        step `sum`: `generate`
    "#]],
    );
}

#[test]
fn a_parameter_of_a_loop_item_is_explained() {
    expect![[r#"
        [path]
        `path`: string, required

        The file, relative to the working directory.

        Parameter of `filesystem.read`.
    "#]].assert_eq(&explained(
        "steps:\n  - id: a\n    action_loop:\n      - tool: filesystem\n        action: read\n        parameters:\n          pa$0th: x\n",
    ));
}
