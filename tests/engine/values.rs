//! Types through templates and outputs.

use expect_test::expect;
use serde_json::json;

use crate::support::Workspace;

#[test]
fn outputs_keep_their_types_and_text_stays_text() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
inputs: {n: 5, xs: [1, 2], code: '007'}
steps:
  - {id: a, action: echo hi}
outputs:
  number: '{{ n }}'
  list: '{{ xs }}'
  text: '{{ code }}'
  mixed: 'n={{ n }}'
  object: {type: integer, value: '{{ n + 1 }}'}
",
        &[],
    );
    assert_eq!(ran.output("number"), &json!(5));
    assert_eq!(ran.output("list"), &json!([1, 2]));
    assert_eq!(ran.output("text"), &json!("007"));
    assert_eq!(ran.output("mixed"), &json!("n=5"));
    assert_eq!(ran.output("object"), &json!(6));
}

#[test]
fn an_output_that_fails_is_null_and_fails_the_run() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
steps:
  - {id: a, action: echo hi, condition: 'false'}
outputs:
  gone: '{{ a.result }}'
  kept: \"{{ a.result | default('none') }}\"
",
        &[],
    );
    assert_eq!(ran.output("gone"), &json!(null));
    assert_eq!(ran.output("kept"), &json!("none"));
    expect!["output `gone`: the step `a` was skipped, so it has no result; guard it with `default(…)` or `is defined`"]
        .assert_eq(ran.document.error.as_deref().unwrap_or_default());
    assert_eq!(ran.document.exit_code(), 1);
}

#[test]
fn data_is_never_rendered_again() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
inputs:
  given: {type: string}
steps:
  - {id: a, action: 'echo {{ given }}'}
  - {id: b, action: 'echo {{ a.result }}'}
",
        &[("given", json!("{{ 7 * 7 }}"))],
    );
    assert_eq!(ran.result("b"), &json!("{{ 7 * 7 }}"));
}

#[test]
fn a_simulated_model_answers_only_when_it_is_asked_for() {
    let pipeline = "name: p\nsteps:\n  - {id: a, action: generate, parameters: {prompt: hello}}\n";
    let workspace = Workspace::new();
    assert_eq!(workspace.run(pipeline, &[]).step("a").error_type.as_deref(), Some("NoModelError"));
    let mut config = workspace.config();
    config.simulate = true;
    let ran = workspace.run_with(pipeline, &[], config, &tokio_util::sync::CancellationToken::new());
    assert_eq!(ran.step("a").provider.as_deref(), Some("simulated"));
    assert!(ran.document.usage.is_some());
    assert_eq!(ran.document.cost.nano_usd, 0);
}
