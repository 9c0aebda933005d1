//! Completion of keys, values and names.

use expect_test::{Expect, expect};

use crate::support::{items, labels, line_taken, taken};

fn labels_are(fixture: &str, expected: &Expect) {
    expected.assert_eq(&labels(fixture));
}

fn items_are(fixture: &str, expected: &Expect) {
    expected.assert_eq(&items(fixture));
}

#[test]
fn the_keys_of_a_pipeline_are_offered_but_those_that_stand_there() {
    let found = labels("name: n\nsteps: []\n$0");
    let first: Vec<&str> = found.split(' ').take(6).collect();
    expect!["outputs metadata description id version parameters"].assert_eq(&first.join(" "));
    assert!(!found.split(' ').any(|key| key == "name" || key == "steps"), "{found}");
}

#[test]
fn the_keys_of_a_step_are_offered_with_their_types_the_useful_ones_first() {
    let fixture = "steps:\n  - id: a\n    action: generate\n    $0\n";
    expect![[r#"
        parameters · Key · object
        dependencies · Key · array | string
        condition · Key · string | boolean
        on_failure · Key · string, default fail
        depends_on · Key · array | string
        produces · Key · string
        location · Key · string
        retry · Key · integer | object
        requires_model · Key · string | object
        on_error · Key · string | object | array
        timeout · Key · number | string
        until · Key · string | boolean
        steps · Key · array
        max_parallel · Key · integer | string, default 1
        max_iterations · Key · integer | string, default 10
        retry_config · Key · object
    "#]]
    .assert_eq(&first(16, fixture));
    let last = items(fixture).lines().last().unwrap().to_owned();
    assert!(last.ends_with("(deprecated)"), "{last}");
}

#[test]
fn a_key_that_stands_there_in_another_spelling_is_not_offered() {
    let keys = |standing: &str| labels(&format!("steps:\n  - id: a\n    {standing}\n    $0\n"));
    let offers = |found: &str, key: &str| found.split(' ').any(|other| other == key);
    for (first, second) in [("dependencies", "depends_on"), ("condition", "if"), ("for_each", "foreach")] {
        assert!(!offers(&keys(&format!("{first}: x")), second), "{second} beside {first}");
        assert!(!offers(&keys(&format!("{second}: x")), first), "{first} beside {second}");
        assert!(offers(&keys("name: x"), first), "{first}");
    }
}

#[test]
fn the_first_step_begins_with_one_dash() {
    for (fixture, line) in [
        ("steps:\n  $0\n", "  - id: "),
        ("steps:\n  - $0\n", "  - id: "),
        ("steps:\n  - i$0\n", "  - id: "),
        ("steps:\n- $0\n", "- id: "),
        ("steps:\n  - id: a\n  $0\n", "  - id: "),
        ("steps:\n  - id: a\n  - $0\n", "  - id: "),
    ] {
        assert_eq!(line_taken(fixture, "id"), line, "{fixture}");
    }
    for fixture in ["steps:\n  $0\n", "steps:\n  - $0\n", "steps:\n  - id: a\n  - $0\n", "steps:\n  - id: a\n  $0\n"] {
        let text = taken(fixture, "parameters");
        assert!(text.contains("  - parameters:\n      \n"), "{text}");
    }
}

#[test]
fn tools_are_offered() {
    labels_are(
        "steps:\n  - id: a\n    tool: $0\n",
        &expect![
            "filesystem pipeline-executor data-processing terminal validation multi-model-routing task-delegation user-prompt approval-gate feedback-collection recursion-control checkpoint prompt-optimization web-search mcp-server report-generator image-analysis mcp-memory python-executor headless-browser visualization audio-processing video-processing image-generation pdf-compiler mcp-resource auto_debugger"
        ],
    );
}

#[test]
fn actions_are_offered_where_no_tool_stands() {
    labels_are(
        "steps:\n  - id: a\n    action: $0\n",
        &expect![
            "analyze_text generate generate_structured evaluate_condition echo filesystem process validate create_parallel_queue action_loop"
        ],
    );
}

#[test]
fn the_operations_of_the_tool_are_offered_as_its_action() {
    items_are(
        "steps:\n  - id: a\n    tool: filesystem\n    action: $0\n",
        &expect![[r#"
        read · Action · filesystem
        write · Action · filesystem
        copy · Action · filesystem
        move · Action · filesystem
        delete · Action · filesystem
        list · Action · filesystem
    "#]],
    );
    items_are(
        "steps:\n  - id: a\n    action: $0\n    tool: filesystem\n",
        &expect![[r#"
        read · Action · filesystem
        write · Action · filesystem
        copy · Action · filesystem
        move · Action · filesystem
        delete · Action · filesystem
        list · Action · filesystem
    "#]],
    );
    labels_are("steps:\n  - id: a\n    tool: web-search\n    action: se$0\n", &expect!["search"]);
}

#[test]
fn the_operations_are_offered_in_the_parameter_that_names_them() {
    labels_are(
        "steps:\n  - id: a\n    tool: audio-processing\n    action: process\n    parameters:\n      operation: $0\n",
        &expect!["transcribe analyze enhance convert"],
    );
    labels_are(
        "steps:\n  - id: a\n    tool: filesystem\n    parameters:\n      action: $0\n",
        &expect!["read delete list write copy move"],
    );
}

#[test]
fn parameters_of_this_operation_are_offered_the_required_ones_first() {
    items_are(
        "steps:\n  - id: a\n    tool: filesystem\n    action: copy\n    parameters:\n      $0\n",
        &expect![[r#"
        path · Key · string, required
        destination · Key · string, required
    "#]],
    );
    items_are(
        "steps:\n  - id: a\n    tool: web-search\n    action: search\n    parameters:\n      $0\n",
        &expect![[r#"
            query · Key · string, required
            max_results · Key · integer, default 10
            backend · Key · string
            region · Key · string
            safesearch · Key · string
        "#]],
    );
    items_are(
        "steps:\n  - id: a\n    action: generate\n    parameters:\n      $0\n",
        &expect![[r#"
        prompt · Key · string, required
        model · Key · string
        max_tokens · Key · integer, default 1000
        temperature · Key · number, default 0.7
        seed · Key · integer
        system_prompt · Key · string
        messages · Key · array
        images · Key · array
        tools · Key · array
        max_tool_rounds · Key · integer, default 8
        response_format · Key · any (deprecated)
    "#]],
    );
}

#[test]
fn parameters_that_are_given_are_left_out() {
    labels_are(
        "steps:\n  - id: a\n    tool: filesystem\n    action: write\n    parameters:\n      path: x\n      $0\n",
        &expect!["content"],
    );
    labels_are(
        "steps:\n  - id: a\n    tool: filesystem\n    action: write\n    parameters: {path: x, $0}\n",
        &expect!["content"],
    );
}

#[test]
fn an_operation_that_is_not_chosen_yet_has_no_parameters() {
    labels_are("steps:\n  - id: a\n    tool: filesystem\n    parameters:\n      $0\n", &expect![[""]]);
}

#[test]
fn choices_and_booleans_are_offered_as_values() {
    items_are(
        "steps:\n  - id: a\n    tool: web-search\n    action: search\n    parameters:\n      query: x\n      backend: $0\n",
        &expect![[r#"
            duckduckgo · Value
            bing · Value
            google · Value
        "#]],
    );
    labels_are("steps:\n  - id: a\n    action: generate\n    continue_on_error: $0\n", &expect!["true false"]);
    labels_are(
        "inputs:\n  n:\n    type: $0\nsteps: []\n",
        &expect!["string integer number boolean array object float"],
    );
    labels_are("inputs:\n  n:\n    required: $0\nsteps: []\n", &expect!["true false"]);
}

#[test]
fn a_model_is_offered_what_changes_nothing() {
    let tools = |list: &str| format!("steps:\n  - id: a\n    action: generate\n    parameters:\n      tools: {list}\n");
    items_are(
        &tools("[$0]"),
        &expect![[r#"
            filesystem · Tool · read, list
            data-processing · Tool
            validation · Tool
            multi-model-routing · Tool
            task-delegation · Tool
            recursion-control · Tool · get_state
            checkpoint · Tool · list, inspect
        "#]],
    );
    // Of what can act its harmless part is put there.
    assert_eq!(
        line_taken(&tools("[validation, files$0]"), "filesystem"),
        "      tools: [validation, {name: filesystem, actions: [read, list]}]"
    );
    assert_eq!(line_taken(&tools("[$0]"), "validation"), "      tools: [validation]");
    assert_eq!(line_taken(&tools("\n        - $0"), "data-processing"), "        - data-processing");
    assert_eq!(line_taken(&tools("[{name: $0}]"), "filesystem"), "      tools: [{name: filesystem}]");
    labels_are(&tools("[{name: filesystem, actions: [$0]}]"), &expect!["read list"]);
    labels_are(
        &tools("\n        - name: validation\n          actions: [validate, $0]"),
        &expect!["infer_schema quality_check"],
    );
}

#[test]
fn models_are_offered_the_routers_choice_first() {
    let found = labels("steps:\n  - id: a\n    action: generate\n    parameters:\n      model: $0\n");
    assert!(found.starts_with("<AUTO> "), "{found}");
    assert!(found.contains(" openai/gpt-4o "), "{found}");
    let found = labels("model: $0\nsteps: []\n");
    assert!(found.starts_with("<AUTO> "), "{found}");
}

const CHAIN: &str = "\
steps:
  - id: first
    action: generate
  - id: second
    action: generate
    dependencies: [first]
  - id: third
    action: generate
    dependencies:
      - $0
  - id: fourth
    action: generate
    dependencies: third
  - id: fifth
    action: generate
";

#[test]
fn steps_are_offered_as_dependencies_but_not_those_that_wait_for_this_one() {
    labels_are(CHAIN, &expect!["second first fifth"]);
    labels_are(&CHAIN.replace("      - $0", "      - first\n      - $0"), &expect!["second fifth"]);
    labels_are(&CHAIN.replace("\n      - $0", " [first, $0]"), &expect![["second fifth"]]);
    labels_are(&CHAIN.replace("\n      - $0", " $0"), &expect!["second first fifth"]);
}

#[test]
fn routes_lead_forward() {
    labels_are(&CHAIN.replace("    dependencies:\n      - $0", "    on_success: $0"), &expect!["fourth fifth"]);
    items_are(
        &CHAIN.replace("    dependencies:\n      - $0", "    on_failure: $0"),
        &expect![[r#"
            continue · Value
            skip · Value
            retry · Value
            fail · Value
            fourth · Step
            fifth · Step
        "#]],
    );
}

const NAMES: &str = "\
inputs:
  topic: {type: string, description: What it is about.}
  my-topic: {type: string}
steps:
  - id: fetch
    action: generate
  - id: with-hyphen
    action: generate
  - id: use
    action: generate
    parameters:
      prompt: \"{{ $0 }}\"
  - id: later
    action: generate
    dependencies: [use]
outputs:
  all: \"{{ use.result }}\"
";

#[test]
fn names_of_the_pipeline_are_offered_in_templates() {
    items_are(
        NAMES,
        &expect![[r#"
            topic · Variable · input
            fetch · Step · step
            inputs · Variable · all inputs
            parameters · Variable · all inputs
            execution · Variable · run
            output_path · Variable · run
            execution_id · Variable · run
            pipeline_id · Variable · run
            timestamp · Variable · run
            previous_results · Variable · run
            step_results · Variable · run
            current_timestamp · Variable · run (deprecated)
            current_date · Variable · run (deprecated)
            active_loops · Function · active_loops() -> array
            current_loop_name · Function · current_loop_name() -> string
            cycler · Function · cycler(items: any, …) -> object
            dict · Function · dict(…) -> object
            file_exists · Function · file_exists(path: string, base_dir: string = the pipeline's folder) -> boolean
            historical_loops · Function · historical_loops() -> array
            include_file · Function · include_file(path: string, base_dir: string = the pipeline's folder) -> string
            joiner · Function · joiner(separator: string = ', ') -> object
            lipsum · Function · lipsum(n: integer = 5, html: boolean = true, min: integer = 20, max: integer = 100) -> string
            loop_item_at · Function · loop_item_at(loop: string, index: integer) -> any
            loop_var · Function · loop_var(loop: string, name: string) -> any
            namespace · Function · namespace(values: object = {}) -> object
            range · Function · range(start: integer = 0, stop: integer, step: integer = 1) -> array
            now · Function · now() -> string (deprecated)
        "#]],
    );
}

#[test]
fn outputs_see_every_step_and_inputs_see_none() {
    let outputs = NAMES.replace("{{ $0 }}", "x").replace("{{ use.result }}", "{{ $0 }}");
    assert_eq!(labels(&outputs).split(' ').filter(|name| ["fetch", "use", "later"].contains(name)).count(), 3);
    let inputs = NAMES
        .replace("{{ $0 }}", "x")
        .replace("topic: {type: string, description: What it is about.}", "topic: {default: \"{{ $0 }}\"}");
    assert_eq!(labels(&inputs).split(' ').filter(|name| ["fetch", "use", "later"].contains(name)).count(), 0);
}

#[test]
fn filters_and_tests_are_offered_in_their_places() {
    labels_are(
        &NAMES.replace("{{ $0 }}", "{{ topic | $0 }}"),
        &expect![
            "length from_json default slugify basename truncate title regex_replace tojson upper regex_search replace round join capitalize attr center count to_json date json d e abs escape file_exists filesizeformat forceescape format batch include_file dictsort indent first float list lower markdown_format int loop_get groupby items pprint json_encode last random next_in_loop prev_in_loop map reverse max min safe shell_raw reject split string striptags rejectattr select trim truncate_words selectattr sort urlencode slice urlize wordcount sum wordwrap xmlattr unique"
        ],
    );
    labels_are(
        &NAMES.replace("{{ $0 }}", "{{ topic is $0 }}"),
        &expect![
            "boolean callable defined divisibleby eq equalto escaped even false filter float ge greaterthan gt in integer iterable le lessthan lower lt mapping ne none number odd sameas sequence string test true undefined upper"
        ],
    );
    labels_are(
        &NAMES.replace("{{ $0 }}", "{% $0 %}"),
        &expect![
            "if elif else endif for endfor set endset with endwith filter endfilter macro endmacro call endcall raw endraw do autoescape endautoescape break continue"
        ],
    );
    labels_are(&NAMES.replace("{{ $0 }}", "{{ 'a$0' }}"), &expect![[""]]);
}

#[test]
fn conditions_are_expressions_without_braces() {
    let fixture = NAMES.replace("    action: generate\n    parameters:\n", "    condition: top$0\n    parameters:\n");
    assert!(labels(&fixture.replace("{{ $0 }}", "x")).starts_with("topic fetch "));
}

#[test]
fn in_the_indentation_of_a_condition_nothing_is_written_over() {
    let fixture = NAMES.replace(
        "    action: generate\n    parameters:\n",
        "    condition: |\n      topic and\n   $0   fetch\n    parameters:\n",
    );
    let fixture = fixture.replace("{{ $0 }}", "x");
    assert_eq!(line_taken(&fixture, "topic"), "   topic   fetch");
}

const LOOP: &str = "\
inputs:
  names: {type: array}
steps:
  - id: each
    for_each: \"{{ names }}\"
    steps:
      - id: read
        tool: filesystem
        action: read
        parameters: {path: \"{{ item }}\"}
      - id: show
        action: generate
        parameters:
          prompt: \"{{ $0 }}\"
  - id: after
    action: generate
    parameters:
      prompt: \"after\"
";

fn first(count: usize, fixture: &str) -> String {
    items(fixture).split_inclusive('\n').take(count).collect()
}

#[test]
fn the_body_of_a_loop_sees_its_variables_and_its_siblings() {
    expect![[r#"
        item · Variable · loop
        index · Variable · loop
        is_first · Variable · loop
        is_last · Variable · loop
        position · Variable · loop
        length · Variable · loop
        remaining · Variable · loop
        has_next · Variable · loop
        has_prev · Variable · loop
        loop_id · Variable · loop
        loop_name · Variable · loop
        names · Variable · input
        read · Step · step
        after · Step · step
    "#]]
    .assert_eq(&first(14, LOOP));
}

#[test]
fn outside_of_the_body_no_loop_variable_is_offered() {
    let over = LOOP.replace("{{ $0 }}", "x").replace("{{ names }}", "{{ $0 }}");
    expect![[r#"
        names · Variable · input
        after · Step · step
        inputs · Variable · all inputs
    "#]]
    .assert_eq(&first(3, &over));
    let after = LOOP.replace("{{ $0 }}", "x").replace("prompt: \"after\"", "prompt: \"{{ $0 }}\"");
    expect![[r#"
        names · Variable · input
        each · Step · step
        inputs · Variable · all inputs
    "#]]
    .assert_eq(&first(3, &after));
}

#[test]
fn a_condition_of_a_while_loop_sees_its_state() {
    let fixture = "\
steps:
  - id: again
    while: \"{{ $0 }}\"
    steps:
      - id: count
        action: generate
";
    expect![[r#"
        again · Variable · loop
        iteration · Variable · loop
        loop_state · Variable · loop
        count · Step · step
        inputs · Variable · all inputs
    "#]]
    .assert_eq(&first(5, fixture));
}

#[test]
fn attributes_of_an_auto_tag_are_offered() {
    labels_are(
        "steps:\n  - id: a\n    action: generate\n    parameters:\n      prompt: <AUTO $0>x</AUTO>\n",
        &expect!["type choices min max pattern default task model_hint"],
    );
}

#[test]
fn what_is_taken_fits_where_it_is_put() {
    assert_eq!(line_taken("steps:\n  - id: a\n    to$0\n", "tool"), "    tool: ");
    assert_eq!(line_taken("steps:\n  - id: a\n    to$0ol: x\n", "tool"), "    tool: x");
    assert_eq!(line_taken("steps:\n  - id: a\n    \"to$0\n", "tool"), "    \"tool\": ");
    assert_eq!(line_taken("steps:\n  - id: a\n    \"to$0\": x\n", "tool"), "    \"tool\": x");
    assert_eq!(line_taken("steps:\n  - id: a\n    tool:$0\n", "web-search"), "    tool: web-search");
    assert_eq!(line_taken("steps:\n  - id: a\n    tool: web-se$0\n", "web-search"), "    tool: web-search");
    assert_eq!(taken("steps:\n  - id: a\n    par$0\n", "parameters"), "steps:\n  - id: a\n    parameters:\n      \n");
    assert_eq!(
        taken("steps:\n  - id: a\n    dep$0\n", "dependencies"),
        "steps:\n  - id: a\n    dependencies:\n      - \n"
    );
}
