//! What actions and tools do in a whole run: models that are simulated, validation, old names.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::support::{Ran, Workspace};

const MODELS: &str = "
name: p
steps:
  - id: text
    action: generate
    parameters: {prompt: Say hello}
  - id: mood
    action: analyze_text
    parameters: {text: '{{ text.result }}', analysis_type: sentiment}
  - id: rating
    action: generate_structured
    parameters:
      prompt: Rate it
      schema:
        type: object
        properties: {score: {type: integer, minimum: 1, maximum: 10}, word: {enum: [good, bad]}}
        required: [score, word]
  - id: shown
    action: echo {{ rating.result.word }} {{ rating.result.score + 1 }}
";

fn simulated(pipeline: &str) -> Ran {
    let workspace = Workspace::new();
    let mut config = workspace.config();
    config.simulate = true;
    workspace.run_with(pipeline, &[], config, &tokio_util::sync::CancellationToken::new())
}

fn check(pipeline: &str, expected: Expect) -> Ran {
    let ran = Workspace::new().run(pipeline, &[]);
    expected.assert_eq(&ran.summary());
    ran
}

#[test]
fn model_actions_answer_when_simulated_and_say_who_answered() {
    let ran = simulated(MODELS);
    let results: Vec<&Value> = ["text", "mood", "rating", "shown"].map(|id| ran.result(id)).into();
    expect![[r#"
        text: completed
        mood: completed
        rating: completed
        shown: completed
        run: completed, exit 0
        [
          "[simulated] Say hello (#43a00ece)",
          "[simulated] Analyse this text (sentiment):… (#b4f9535f)",
          {
            "score": 1,
            "word": "good"
          },
          "good 2"
        ]"#]]
    .assert_eq(&format!("{}\n{:#}", ran.summary(), json!(results)));
    for id in ["text", "mood", "rating"] {
        assert_eq!(ran.step(id).provider.as_deref(), Some("simulated"), "{id}");
    }
    assert_eq!(ran.step("shown").provider, None);
}

#[test]
fn simulated_answers_are_the_same_every_time() {
    let results = || ["text", "mood", "rating"].map(|id| simulated(MODELS).result(id).clone());
    assert_eq!(results(), results());
}

#[test]
fn without_a_provider_the_step_fails_plainly() {
    check(
        "name: p\nsteps:\n  - {id: a, action: generate, parameters: {prompt: hello}}\n",
        expect![[r#"
        a: failed – no model is named, and there is none to choose from: set one of `OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, `GEMINI_API_KEY`, `HF_TOKEN` in the environment, or list a model of your own in `models.yaml`; or write `model: provider/name`, or run with `--simulate`
        run: failed, exit 1"#]],
    );
}

#[test]
fn the_simulated_model_may_be_named() {
    let step = "{id: a, action: generate, parameters: {prompt: hello, model: simulated/small}}";
    let ran = check(
        &format!("name: p\nsteps:\n  - {step}\n"),
        expect![[r#"
        a: completed
        run: completed, exit 0"#]],
    );
    assert_eq!(ran.step("a").model.as_deref(), Some("simulated/small"));
}

#[test]
fn invalid_data_fails_the_step_and_its_result_stays_readable() {
    let pipeline = "
name: p
steps:
  - id: check
    tool: validation
    action: validate
    on_failure: continue
    parameters:
      data: {age: old}
      schema: {type: object, properties: {age: {type: integer}}}
  - id: shown
    action: echo {{ check.result.errors[0].path }}
    dependencies: [check]
";
    let ran = check(
        pipeline,
        expect![[r#"
        check: failed – the data does not fit the schema: `age`: "old" is not of type "integer"
        shown: completed
        run: failed, exit 1"#]],
    );
    assert_eq!(ran.result("shown"), "age");
}

#[test]
fn the_action_validate_is_the_tool_and_its_operation_may_be_a_parameter() {
    let pipeline = "
name: p
steps:
  - id: valid
    action: validate
    parameters: {data: {age: '36'}, schema: {properties: {age: {type: integer}}}, mode: lenient}
  - id: schema
    action: validate
    parameters: {action: infer_schema, data: [1, 2]}
  - id: tool_without_word
    tool: validation
    parameters: {data: 1, schema: {type: integer}}
";
    let ran = check(
        pipeline,
        expect![[r#"
        valid: completed
        schema: completed
        tool_without_word: completed
        run: completed, exit 0"#]],
    );
    assert_eq!(ran.result("valid")["data"], json!({"age": 36}));
    assert_eq!(ran.result("schema")["schema"], json!({"type": "array", "items": {"type": "integer"}}));
    assert_eq!(ran.result("tool_without_word")["valid"], json!(true));
}

#[test]
fn debug_is_an_old_name_of_echo() {
    let pipeline = "
name: p
steps:
  - {id: old, action: debug, parameters: {message: 'n is {{ 1 + 1 }}', level: info}}
  - {id: new, action: echo, parameters: {message: '{{ old }}'}}
  - {id: sentence, action: 'echo {{ new }}!'}
";
    let ran = check(
        pipeline,
        expect![[r#"
        old: completed
        new: completed
        sentence: completed
        run: completed, exit 0"#]],
    );
    assert_eq!((ran.result("new"), ran.result("sentence")), (&json!("n is 2"), &json!("n is 2!")));
}
