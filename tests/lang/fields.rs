//! Fields of results after a dot.

use expect_test::{Expect, expect};

use crate::support::items;

fn after(path: &str, expected: &Expect) {
    let fixture = format!(
        "\
inputs:
  topic: {{type: string, description: What it is about.}}
steps:
  - id: search
    tool: web-search
    action: search
    parameters: {{query: x}}
  - id: each
    for_each: [a, b]
    steps:
      - id: read
        tool: filesystem
        action: read
        parameters: {{path: \"{{{{ item }}}}\"}}
  - id: again
    while: \"true\"
    steps:
      - id: list
        tool: filesystem
        action: list
        parameters: {{path: .}}
  - id: use
    action: generate
    parameters:
      prompt: \"{{{{ {path}$0 }}}}\"
"
    );
    expected.assert_eq(&items(&fixture));
}

#[test]
fn a_step_has_a_result_and_how_it_ended() {
    after(
        "search.",
        &expect![[r#"
            result · Field · object
            status · Field · string
            results · Field · array
            error · Field · string
            success · Field · boolean
            error_type · Field · string
            recovered · Field · boolean
            reason · Field · string
            query · Field · string
            total_results · Field · integer
            search_time · Field · number
            backend · Field · string
            timestamp · Field · string
        "#]],
    );
    after(
        "search.st",
        &expect![[r#"
            result · Field · object
            status · Field · string
            results · Field · array
            error · Field · string
            success · Field · boolean
            error_type · Field · string
            recovered · Field · boolean
            reason · Field · string
            query · Field · string
            total_results · Field · integer
            search_time · Field · number
            backend · Field · string
            timestamp · Field · string
        "#]],
    );
}

#[test]
fn a_result_has_the_fields_of_its_tool() {
    after(
        "search.result.",
        &expect![[r#"
            results · Field · array
            query · Field · string
            total_results · Field · integer
            search_time · Field · number
            backend · Field · string
            timestamp · Field · string
        "#]],
    );
}

#[test]
fn items_of_a_list_have_their_own_fields() {
    after(
        "search.result.results[0].",
        &expect![[r#"
        title · Field · string
        url · Field · string
        snippet · Field · string
        source · Field · string
        relevance · Field · number
        rank · Field · integer
    "#]],
    );
    after(
        "search.results[0].",
        &expect![[r#"
        title · Field · string
        url · Field · string
        snippet · Field · string
        source · Field · string
        relevance · Field · number
        rank · Field · integer
    "#]],
    );
    after("search.result.results.", &expect![[""]]);
}

#[test]
fn a_loop_has_its_iterations_with_the_steps_of_its_body() {
    after(
        "each.result.",
        &expect![[r#"
            results · Field · array
            count · Field · integer
            succeeded · Field · integer
            failed · Field · integer
        "#]],
    );
    after(
        "each.result.results[0].",
        &expect![[r#"
            read · Field · object
        "#]],
    );
    after(
        "each.result.results[-1].read.result.",
        &expect![[r#"
            content · Field · string
            path · Field · string
            action · Field · string
            size · Field · integer
        "#]],
    );
    after(
        "again.",
        &expect![[r#"
            result · Field · object
            status · Field · string
            iterations · Field · array
            error · Field · string
            success · Field · boolean
            error_type · Field · string
            recovered · Field · boolean
            reason · Field · string
            count · Field · integer
            iteration_count · Field · integer
            terminated_by · Field · string
            max_iterations_reached · Field · boolean
        "#]],
    );
    after(
        "again.iterations[-1].list.result.",
        &expect![[r#"
            path · Field · string
            action · Field · string
            items · Field · array
            count · Field · integer
        "#]],
    );
}

#[test]
fn inputs_and_the_run_have_their_names() {
    after(
        "inputs.",
        &expect![[r#"
            topic · Field · string
        "#]],
    );
    after(
        "execution.",
        &expect![[r#"
        id · Field · string
        started_at · Field · string
        timestamp · Field · string
        date · Field · string
        time · Field · string
    "#]],
    );
    after(
        "previous_results.search.",
        &expect![[r#"
            result · Field · object
            status · Field · string
            results · Field · array
            error · Field · string
            success · Field · boolean
            error_type · Field · string
            recovered · Field · boolean
            reason · Field · string
            query · Field · string
            total_results · Field · integer
            search_time · Field · number
            backend · Field · string
            timestamp · Field · string
        "#]],
    );
}

#[test]
fn nothing_is_known_of_an_unknown_name() {
    after("nobody.", &expect![[""]]);
    after("topic.", &expect![[""]]);
}

#[test]
fn a_name_the_template_binds_has_what_it_is_bound_to() {
    after(
        "'' }} {% for one in each.result.results %}{{ one.",
        &expect![[r#"
            read · Field · object
        "#]],
    );
    after(
        "'' }} {% for hit in search.result.results | sort %}{{ hit.ti",
        &expect![[r#"
            title · Field · string
            url · Field · string
            snippet · Field · string
            source · Field · string
            relevance · Field · number
            rank · Field · integer
        "#]],
    );
    after(
        "'' }} {% set last = again.iterations[-1] %}{{ last.list.result.",
        &expect![[r#"
            path · Field · string
            action · Field · string
            items · Field · array
            count · Field · integer
        "#]],
    );
    after(
        "'' }} {% for one in each.result.results %}{{ loop.",
        &expect![[r#"
        index · Field · integer
        index0 · Field · integer
        first · Field · boolean
        last · Field · boolean
        length · Field · integer
        revindex · Field · integer
        revindex0 · Field · integer
        previtem · Field · object
        nextitem · Field · object
        depth · Field · integer
        depth0 · Field · integer
    "#]],
    );
}
