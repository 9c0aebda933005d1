//! AUTO tags of runs that ask a provider's server: what is sent, what is pinned, what is never asked.

use serde_json::{Value, json};

use crate::{
    models::fake::{Fake, Reply},
    support::{Ended, Folder},
};

mod bounds;

const CANARY: &str = "canary-0123456789abcdef";

fn says(text: &str) -> Reply {
    Reply::Json(
        200,
        json!({
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20},
        }),
    )
}

/// 100 × 150 + 20 × 600 billionths of a dollar.
const EACH: i64 = 27_000;

fn orc(folder: &Folder, fake: &Fake, arguments: &[&str]) -> Ended {
    let base = fake.base("/v1");
    folder.orc_with(&[("OPENAI_BASE_URL", &base), ("OPENAI_API_KEY", CANARY)], arguments)
}

fn document(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

/// The lock file without the dates.
fn lock(folder: &Folder) -> String {
    let lines = folder.read("p.orc.yaml.lock");
    let told = lines.lines().filter(|line| !line.starts_with('#') && !line.trim_start().starts_with("date:"));
    told.collect::<Vec<_>>().join("\n")
}

fn has_lock(folder: &Folder) -> bool {
    folder.path().join("p.orc.yaml.lock").exists()
}

const STYLE: &str = "\
id: p
model: openai/gpt-4o-mini
inputs: {topic: {type: string, default: rust}}
steps:
  - id: say
    action: echo
    parameters:
      message: 'in the style <AUTO choices=\"plain, ornate\">Which style suits {{ topic }}?</AUTO> of {{ topic }}'
";

#[test]
fn a_tag_is_asked_once_with_its_schema_and_then_pinned() {
    let fake = Fake::new(vec![says(r#"{"value": "ornate"}"#)]);
    let folder = Folder::with("p.orc.yaml", STYLE);
    let first = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let ran = document(&first);
    assert_eq!(ran["steps"]["say"]["value"]["result"], json!("in the style ornate of rust"));
    assert_eq!(ran["cost"]["nano_usd"], json!(EACH));
    assert_eq!(ran["steps"]["say"]["usage"]["output_tokens"], json!(20));
    let auto = &ran["steps"]["say"]["auto"][0];
    assert_eq!(auto["position"], json!("steps.say.parameters.message"));
    assert_eq!((&auto["by"], &auto["pinned"], &auto["value"]), (&json!("model"), &json!(true), &json!("ornate")));
    let asked = &fake.asked()[0].body;
    assert_eq!(
        asked["messages"][1]["content"],
        json!(
            "Which style suits rust?\n\nThe answer is the value of `steps.say.parameters.message` (The text). It must be one of plain, ornate."
        )
    );
    assert_eq!(
        asked["response_format"]["json_schema"]["schema"]["properties"]["value"],
        json!({"type": "string", "enum": ["plain", "ornate"]})
    );
    let pinned = lock(&folder);
    assert!(pinned.contains("position: steps.say.parameters.message"), "{pinned}");
    assert!(pinned.contains("  value: ornate\n  model: openai/gpt-4o-mini-2024-07-18\n  cost: '0.000027'"), "{pinned}");

    let second = orc(&folder, &fake, &["run", "p.orc.yaml", "--no-cache"]);
    assert_eq!(second.code, Some(0), "{second:?}");
    assert_eq!(document(&second)["steps"]["say"]["value"]["result"], json!("in the style ornate of rust"));
    assert_eq!(document(&second)["cost"]["nano_usd"], json!(0));
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn a_stale_pin_is_asked_for_again_and_replaced() {
    let fake = Fake::new(vec![says(r#"{"value": "ornate"}"#), says(r#"{"value": "plain"}"#)]);
    let folder = Folder::with("p.orc.yaml", STYLE);
    orc(&folder, &fake, &["run", "p.orc.yaml"]);
    let again = orc(&folder, &fake, &["run", "p.orc.yaml", "-i", "topic=lisp"]);
    assert_eq!(document(&again)["steps"]["say"]["value"]["result"], json!("in the style plain of lisp"));
    let reason = "its pin is stale: what it refers to has another value";
    assert_eq!(document(&again)["steps"]["say"]["auto"][0]["reason"], json!(reason));
    assert!(again.stderr.contains(reason), "{again:?}");
    let pinned = lock(&folder);
    assert!(pinned.contains("value: plain") && !pinned.contains("ornate"), "{pinned}");
    assert_eq!(fake.asked().len(), 2);
}

#[test]
fn nonsense_fails_the_step_with_the_reason_and_nothing_is_written() {
    let fake = Fake::new(vec![says("gothic?"), says(r#"{"value": "gothic"}"#)]);
    let folder = Folder::with("p.orc.yaml", STYLE);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let step = &document(&ended)["steps"]["say"];
    assert_eq!(step["status"], json!("failed"));
    assert_eq!(step["error_type"], json!("SchemaMismatchError"));
    assert_eq!(
        step["error"],
        json!(
            "the `<AUTO>` at `steps.say.parameters.message` was not answered: `gpt-4o-mini` was asked twice, and its \
             answer does not fit the schema: \"gothic\" is not one of \"plain\" or \"ornate\""
        )
    );
    assert_eq!(step["cost"]["nano_usd"], json!(2 * EACH));
    assert!(!has_lock(&folder));
    assert!(fake.asked()[1].body["messages"].to_string().contains("This does not fit the schema"));
}

#[test]
fn locked_runs_ask_nobody_and_do_not_start_without_pins() {
    let fake = Fake::new(vec![says(r#"{"value": "ornate"}"#)]);
    let folder = Folder::with("p.orc.yaml", STYLE);
    let missing = orc(&folder, &fake, &["run", "--locked", "p.orc.yaml"]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(
        missing.stderr.contains("the `<AUTO>` at `steps.say.parameters.message` may not be asked for: not pinned yet"),
        "{missing:?}"
    );
    assert_eq!(fake.asked().len(), 0);
    orc(&folder, &fake, &["run", "p.orc.yaml"]);
    let pinned = orc(&folder, &fake, &["run", "--locked", "--no-cache", "p.orc.yaml"]);
    assert_eq!(pinned.code, Some(0), "{pinned:?}");
    let stale = orc(&folder, &fake, &["run", "--locked", "p.orc.yaml", "-i", "topic=lisp"]);
    assert_eq!((stale.code, &*stale.stdout), (Some(2), ""), "{stale:?}");
    assert!(
        stale.stderr.contains(
            "the `<AUTO>` at `steps.say.parameters.message` may not be asked for: its pin is stale: what it refers to has \
             another value"
        ),
        "{stale:?}"
    );
    folder.write("p.orc.yaml", STYLE.replace("Which style", "What style"));
    let other = orc(&folder, &fake, &["run", "--locked", "p.orc.yaml"]);
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(other.stderr.contains("its pin is stale: the tag was written differently"), "{other:?}");
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn a_locked_run_does_nothing_where_the_text_and_the_inputs_tell_that_a_pin_is_stale() {
    let text = "\
id: p
model: openai/gpt-4o-mini
inputs: {topic: {type: string, default: rust}}
steps:
  - {id: first, tool: filesystem, action: write, parameters: {path: a.txt, content: '{{ topic }}'}}
  - {id: read, tool: filesystem, action: read, parameters: {path: a.txt}, dependencies: [first]}
  - {id: said, action: echo, parameters: {message: '<AUTO>After {{ read.result.content }}?</AUTO>'}, dependencies: [read]}
  - id: all
    for_each: [x, y]
    steps: [{id: one, action: echo, parameters: {message: '<AUTO>Word for {{ $item }}?</AUTO>'}}]
  - {id: inner, action: echo, parameters: {message: '<AUTO>Outer <AUTO>Inner {{ topic }}?</AUTO>?</AUTO>'}}
";
    let fake = Fake::always(|_| says(r#"{"value": "word"}"#));
    let folder = Folder::with("p.orc.yaml", text);
    let ran = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!((ran.code, fake.asked().len()), (Some(0), 5), "{ran:?}");
    std::fs::remove_file(folder.path().join("a.txt")).unwrap();
    let stale = orc(&folder, &fake, &["run", "--locked", "p.orc.yaml", "-i", "topic=lisp"]);
    let told: Vec<&str> = stale.stderr.lines().filter(|line| line.contains("<AUTO>")).collect();
    assert_eq!((stale.code, told.len()), (Some(2), 1), "{stale:?}");
    // Of tags in each other it is the inner one; what depends on steps is not known yet.
    assert!(told[0].contains("`steps.inner.parameters.message#1"), "{told:?}");
    assert!(!folder.path().join("a.txt").exists());
    let runs: Value = serde_json::from_str(&folder.orc(&["runs", "list", "--format", "json"]).stdout).unwrap();
    assert_eq!(runs.as_array().map(Vec::len), Some(1), "none began");
    // With that one as it was, what depends on a step is told by the step.
    let text = text.replace("Inner {{ topic }}", "Inner rust");
    folder.write("p.orc.yaml", &text);
    orc(&folder, &fake, &["resolve", "p.orc.yaml", "--step", "inner"]);
    let late = orc(&folder, &fake, &["run", "--locked", "--no-cache", "p.orc.yaml", "-i", "topic=lisp"]);
    assert_eq!(late.code, Some(1), "{late:?}");
    assert_eq!(document(&late)["steps"]["said"]["error_type"], json!("AutoLockedError"), "{late:?}");
    let same = orc(&folder, &fake, &["run", "--locked", "--no-cache", "p.orc.yaml"]);
    assert_eq!(same.code, Some(0), "{same:?}");
}

#[test]
fn simulated_answers_fit_and_are_never_pinned() {
    let fake = Fake::new(Vec::new());
    let folder = Folder::with("p.orc.yaml", STYLE);
    let ended = orc(&folder, &fake, &["run", "--simulate", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let auto = &document(&ended)["steps"]["say"]["auto"][0];
    assert_eq!((&auto["by"], &auto["pinned"]), (&json!("simulated"), &json!(false)));
    assert!(["plain", "ornate"].contains(&auto["value"].as_str().unwrap()), "{auto}");
    assert!(!has_lock(&folder));
    assert_eq!(fake.asked().len(), 0);
}

const MANY: &str = "\
id: p
model: openai/gpt-4o-mini
steps:
  - id: maybe
    condition: '<AUTO>Is it worth it?</AUTO>'
    action: echo
    parameters: {message: never}
  - id: each
    for_each: '<AUTO>list of colours</AUTO>'
    steps:
      - {id: one, action: echo, parameters: {message: '{{ item }}'}}
  - id: nested
    action: echo
    parameters: {message: '<AUTO>Outer with <AUTO>inner?</AUTO>?</AUTO>'}
  - id: route
    action: echo
    parameters: {message: routed}
    goto: '<AUTO>Where to?</AUTO>'
  - {id: passed, action: echo, parameters: {message: passed}}
  - {id: reached, action: echo, parameters: {message: reached}}
outputs:
  name: '<AUTO>A name for it?</AUTO>'
";

#[test]
fn conditions_collections_nested_tags_routes_and_outputs_are_answered() {
    let script = [
        r#"{"value": false}"#,
        r#"{"value": ["red", "blue"]}"#,
        r#"{"value": "{{ not_a_template }}"}"#,
        r#"{"value": "outer"}"#,
        r#"{"value": "reached"}"#,
        r#"{"value": "Thing"}"#,
    ];
    let fake = Fake::new(script.into_iter().map(says).collect());
    let folder = Folder::with("p.orc.yaml", MANY);
    let ended = orc(&folder, &fake, &["run", "--max-concurrency", "1", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ran = document(&ended);
    assert_eq!(ran["steps"]["maybe"]["status"], json!("skipped"));
    assert_eq!(ran["steps"]["maybe"]["cost"]["nano_usd"], json!(EACH));
    let results = &ran["steps"]["each"]["value"]["result"]["results"];
    assert_eq!(results[1]["one"]["result"], json!("blue"));
    assert_eq!(ran["steps"]["nested"]["value"]["result"], json!("outer"));
    // An answer is data: it is not rendered where it stands in another question.
    assert!(
        fake.asked()[3].body["messages"][1]["content"]
            .as_str()
            .unwrap()
            .starts_with("Outer with {{ not_a_template }}?")
    );
    assert_eq!(ran["steps"]["passed"]["status"], json!("skipped"));
    assert_eq!(ran["steps"]["reached"]["status"], json!("completed"));
    assert_eq!(ran["outputs"]["name"], json!("Thing"));
    assert_eq!(ran["cost"]["nano_usd"], json!(6 * EACH));
    let route = &fake.asked()[4].body["response_format"]["json_schema"]["schema"]["properties"]["value"];
    assert_eq!(route["enum"], json!(["passed", "reached"]));

    let again = orc(&folder, &fake, &["run", "--locked", "--no-cache", "p.orc.yaml"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(document(&again)["outputs"], ran["outputs"]);
    assert_eq!(fake.asked().len(), 6);
}

#[test]
fn a_default_is_taken_only_where_the_model_fails_and_is_recorded_as_such() {
    let text = STYLE.replace("choices=", "default=\"plain\" choices=");
    let fake = Fake::new(vec![Reply::Json(400, json!({"error": {"message": "no"}})), says(r#"{"value": "ornate"}"#)]);
    let folder = Folder::with("p.orc.yaml", text);
    let failed = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!(failed.code, Some(0), "{failed:?}");
    let auto = &document(&failed)["steps"]["say"]["auto"][0];
    assert_eq!((&auto["by"], &auto["value"], &auto["pinned"]), (&json!("default"), &json!("plain"), &json!(false)));
    assert!(auto["reason"].as_str().unwrap().contains("was not answered"), "{auto}");
    assert!(!has_lock(&folder));
    let answered = orc(&folder, &fake, &["run", "--no-cache", "p.orc.yaml"]);
    assert_eq!(document(&answered)["steps"]["say"]["auto"][0]["value"], json!("ornate"));
}

#[test]
fn what_has_to_do_with_a_secret_is_not_pinned() {
    let text = STYLE.replace("{type: string, default: rust}", "{type: string, secret: true}");
    let fake = Fake::new(vec![says(r#"{"value": "ornate"}"#)]);
    let folder = Folder::with("p.orc.yaml", text);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml", "-i", "topic=swordfish-9876"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!format!("{ended:?}").contains("swordfish"), "{ended:?}");
    assert_eq!(document(&ended)["steps"]["say"]["auto"][0]["reason"], json!("not pinned: it has to do with a secret"));
    assert!(!has_lock(&folder));
}

#[test]
fn resolve_pins_what_is_known_and_says_why_not_of_the_rest() {
    let text = format!(
        "{STYLE}  - {{id: next, action: echo, parameters: {{message: '<AUTO>After {{{{ say.result }}}}?</AUTO>'}}}}\n"
    );
    let fake = Fake::new(vec![says(r#"{"value": "ornate"}"#), says(r#"{"value": "then"}"#)]);
    let folder = Folder::with("p.orc.yaml", text);
    let first = orc(&folder, &fake, &["resolve", "p.orc.yaml"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(
        first.stdout,
        "pinned        steps.say.parameters.message = \"ornate\"  (openai/gpt-4o-mini-2024-07-18, $0.000027)\n\
         not resolved  steps.next.parameters.message  – its question depends on what `say` comes to; run the pipeline\n"
    );
    let kept = orc(&folder, &fake, &["resolve", "p.orc.yaml", "--step", "say"]);
    assert!(kept.stdout.starts_with("kept          steps.say.parameters.message"), "{kept:?}");
    let plan = orc(&folder, &fake, &["plan", "p.orc.yaml"]);
    assert!(plan.stdout.contains("`<AUTO>` at `steps.say.parameters.message` is pinned"), "{plan:?}");
    assert!(plan.stdout.contains("its question depends on what `say` comes to"), "{plan:?}");
    assert_eq!(fake.asked().len(), 1);
    let unknown = orc(&folder, &fake, &["resolve", "p.orc.yaml", "--step", "sya"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!(fake.asked().len(), 2);
    let stale = orc(&folder, &fake, &["plan", "p.orc.yaml", "-i", "topic=lisp"]);
    assert!(stale.stdout.contains("a model is asked: its pin is stale"), "{stale:?}");
}

#[test]
fn a_lock_file_that_cannot_be_read_is_an_error_and_stays() {
    let fake = Fake::new(Vec::new());
    let folder = Folder::with("p.orc.yaml", STYLE);
    folder.write("p.orc.yaml.lock", "<<<<<<< ours\n");
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(document(&ended)["steps"]["say"]["error_type"], json!("LockFileError"));
    let locked = orc(&folder, &fake, &["run", "--locked", "p.orc.yaml"]);
    assert_eq!(locked.code, Some(2), "{locked:?}");
    assert_eq!(folder.read("p.orc.yaml.lock"), "<<<<<<< ours\n");
    assert_eq!(fake.asked().len(), 0);
}

const LOOPS: &str = "\
id: p
model: openai/gpt-4o-mini
steps:
  - id: again
    until: '<AUTO>Is {{ iteration }} enough?</AUTO>'
    max_iterations: 5
    steps:
      - {id: one, action: echo, parameters: {message: 'n <AUTO>Word for {{ iteration }}?</AUTO>'}}
  - id: child
    tool: pipeline-executor
    dependencies: [again]
    parameters:
      pipeline: |
        id: inner
        steps:
          - {id: say, action: echo, parameters: {message: <AUTO>Inner word?</AUTO>}}
        outputs: {word: '{{ say.result }}'}
";

#[test]
fn loops_pin_each_question_and_inner_pipelines_pin_under_their_step() {
    let script = [r#"{"value": "a"}"#, r#"{"value": false}"#, r#"{"value": "b"}"#, r#"{"value": true}"#];
    let mut replies: Vec<Reply> = script.into_iter().map(says).collect();
    replies.push(says(r#"{"value": "c"}"#));
    let fake = Fake::new(replies);
    let folder = Folder::with("p.orc.yaml", LOOPS);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ran = document(&ended);
    let again = &ran["steps"]["again"];
    assert_eq!(again["value"]["result"]["terminated_by"], json!("until"));
    assert_eq!(again["value"]["result"]["iterations"][1]["one"]["result"], json!("n b"));
    // Those of the body and of the condition together.
    assert_eq!(again["cost"]["nano_usd"], json!(4 * EACH));
    assert_eq!(ran["steps"]["child"]["value"]["result"]["outputs"]["word"], json!("c"));
    assert_eq!(ran["cost"]["nano_usd"], json!(5 * EACH));
    let pinned = lock(&folder);
    let positions: Vec<&str> = pinned.lines().filter_map(|line| line.strip_prefix("- position: ")).collect();
    assert_eq!(
        positions,
        [
            "child.pipeline/steps.say.parameters.message",
            "steps.again.steps.one.parameters.message",
            "steps.again.steps.one.parameters.message",
            "steps.again.until",
            "steps.again.until",
        ]
    );
    let second = orc(&folder, &fake, &["run", "--locked", "--no-cache", "p.orc.yaml"]);
    assert_eq!(second.code, Some(0), "{second:?}");
    assert_eq!(document(&second)["steps"]["again"]["value"], again["value"]);
    assert_eq!(fake.asked().len(), 5);
}

#[test]
fn a_number_is_held_to_the_registry_and_part_of_what_the_result_depends_on() {
    let text = "\
id: p
model: openai/gpt-4o-mini
steps:
  - id: ask
    action: generate
    parameters:
      prompt: Hello?
      max_tokens: <AUTO max=90>How long?</AUTO>
      temperature: 0
";
    let fake = Fake::new(vec![says(r#"{"value": 0}"#), says(r#"{"value": 60}"#), says("Hi."), says("Hi.")]);
    let folder = Folder::with("p.orc.yaml", text);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let schema = &fake.asked()[0].body["response_format"]["json_schema"]["schema"]["properties"]["value"];
    assert_eq!((&schema["type"], &schema["maximum"]), (&json!("integer"), &json!(90)));
    // Asked again with what is wrong; then the step itself, with the answer.
    assert!(fake.asked()[1].body["messages"].to_string().contains("less than the minimum"), "{:?}", fake.asked()[1]);
    assert_eq!(fake.asked()[2].body["max_tokens"], json!(60));
    let ran = document(&ended);
    assert_eq!(ran["steps"]["ask"]["model"], json!("gpt-4o-mini-2024-07-18"));
    assert_eq!(ran["steps"]["ask"]["usage"]["requests"], json!(3));
    assert_eq!(ran["cost"]["nano_usd"], json!(3 * EACH));
    // The answer is a part of what the result depends on.
    let same = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert!(document(&same)["steps"]["ask"]["cache"].is_object(), "{same:?}");
    let other =
        orc(&folder, &fake, &["resolve", "p.orc.yaml", "--at", "steps.ask.parameters.max_tokens", "--value", "70"]);
    assert_eq!(other.code, Some(0), "{other:?}");
    let anew = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert!(document(&anew)["steps"]["ask"]["cache"].is_null(), "{anew:?}");
    assert_eq!(fake.asked()[3].body["max_tokens"], json!(70));
    assert_eq!(fake.asked().len(), 4);
}

#[test]
fn a_result_that_is_used_again_still_asks_where_to_go() {
    let text = "\
id: p
model: openai/gpt-4o-mini
steps:
  - {id: a, action: echo, parameters: {message: x}, goto: '<AUTO>Where to?</AUTO>'}
  - {id: b, action: echo, parameters: {message: y}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: z}, dependencies: [a]}
";
    let fake = Fake::new(vec![says(r#"{"value": "c"}"#)]);
    let folder = Folder::with("p.orc.yaml", text);
    for _ in 0..2 {
        let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(document(&ended)["steps"]["b"]["status"], json!("skipped"));
    }
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn what_a_server_calls_its_model_brings_no_key_into_the_lock_file() {
    let mut reply = says(r#"{"value": "ornate"}"#);
    if let Reply::Json(_, body) = &mut reply {
        body["model"] = json!(format!("m-{CANARY}"));
    }
    let fake = Fake::new(vec![reply]);
    let folder = Folder::with("p.orc.yaml", STYLE);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let pinned = lock(&folder);
    assert!(pinned.contains("model: openai/m-[secret OPENAI_API_KEY]") && !pinned.contains(CANARY), "{pinned}");
}

#[test]
fn what_a_loop_took_counts_also_where_its_condition_is_not_answered() {
    let text = "\
id: p
model: openai/gpt-4o-mini
steps:
  - id: l
    until: '<AUTO>Enough?</AUTO>'
    max_iterations: 3
    steps:
      - {id: a, action: generate, parameters: {prompt: p}}
";
    let fake = Fake::new(vec![says("text"), says("perhaps"), says("perhaps")]);
    let folder = Folder::with("p.orc.yaml", text);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    let ran = document(&ended);
    assert_eq!((ended.code, &ran["cost"]["nano_usd"]), (Some(1), &json!(3 * EACH)), "{ran:#}");
    assert_eq!(ran["steps"]["l"]["value"]["result"]["count"], json!(1));
}

#[test]
fn two_places_that_are_written_alike_break_nothing() {
    let text = "\
id: p
model: openai/gpt-4o-mini
steps:
  - id: a
    tool: data-processing
    action: convert
    parameters:
      data: {\"a.b\": 'xx long text before <AUTO>two longer question</AUTO> after', a: {b: 'é<AUTO>one</AUTO>'}}
      input_format: json
      output_format: json
";
    let fake = Fake::always(|_| says(r#"{"value": "answer"}"#));
    let ended = orc(&Folder::with("p.orc.yaml", text), &fake, &["run", "p.orc.yaml"]);
    assert!(matches!(ended.code, Some(0..=2)) && !ended.stderr.contains("panicked"), "{ended:?}");
    assert!(!ended.stdout.contains("xxanswer"), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn a_lock_file_that_is_none_is_refused_and_not_waited_for() {
    let folder = Folder::with("p.orc.yaml", STYLE);
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("p.orc.yaml.lock")).unwrap();
    let fake = Fake::new(Vec::new());
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_ne!(ended.code, Some(0));
    assert!(format!("{ended:?}").contains("it is no file"), "{ended:?}");
    assert_eq!(fake.asked().len(), 0);
}

#[test]
fn a_pipeline_that_runs_in_a_loop_is_asked_once_for_each_value() {
    let text = "\
id: p
steps:
  - id: all
    for_each: [one, two]
    steps:
      - id: run
        tool: pipeline-executor
        action: execute
        parameters: {pipeline: c.orc.yaml, inputs: {x: '{{ item }}'}}
";
    let child = "\
id: c
model: openai/gpt-4o-mini
inputs: {x: {type: string}}
steps:
  - {id: say, action: echo, parameters: {message: '<AUTO>A word for {{ x }}?</AUTO>'}}
";
    let fake = Fake::always(|_| says(r#"{"value": "word"}"#));
    let folder = Folder::with("p.orc.yaml", text);
    folder.write("c.orc.yaml", child);
    for _ in 0..2 {
        let ended = orc(&folder, &fake, &["run", "p.orc.yaml", "--no-cache"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    assert_eq!(fake.asked().len(), 2);
}

#[test]
fn only_the_tag_at_a_position_is_answered_and_a_value_that_does_not_fit_is_not_taken() {
    let text = "\
id: p
model: openai/gpt-4o-mini
steps:
  - {id: n, action: echo, parameters: {message: '<AUTO>Say <AUTO choices=\"x, y\">which?</AUTO> of <AUTO>what?</AUTO></AUTO>'}}
";
    let fake = Fake::new(Vec::new());
    let folder = Folder::with("p.orc.yaml", text);
    let at = |position: &str, value: &str| {
        orc(&folder, &fake, &["resolve", "p.orc.yaml", "--at", position, "--value", value])
    };
    let inner = "steps.n.parameters.message#1.1";
    assert_eq!((at(inner, r#""BAD""#).code, has_lock(&folder)), (Some(1), false));
    at("steps.n", r#""y""#)
        .refused("error: there is no `<AUTO>` that a model answers at `steps.n`; `orc plan` names the places");
    assert_eq!(at(inner, r#""y""#).code, Some(0));
    let pinned = lock(&folder);
    assert!(pinned.contains("value: y") && pinned.matches("position:").count() == 1, "{pinned}");
    // The one before it is not asked on the way.
    orc(&folder, &fake, &["resolve", "p.orc.yaml", "--at", inner, "--unpin"]);
    assert_eq!(at("steps.n.parameters.message#1.2", r#""z""#).code, Some(0));
    assert_eq!(fake.asked().len(), 0);
}

#[cfg(unix)]
#[test]
fn a_lock_file_keeps_its_place_and_who_may_read_it() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let fake = Fake::new(vec![says(r#"{"value": "ornate"}"#)]);
    let folder = Folder::with("p.orc.yaml", STYLE);
    folder.write("kept/real.lock", "version: 1\npins: []\n");
    let real = folder.path().join("kept/real.lock");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&real, folder.path().join("p.orc.yaml.lock")).unwrap();
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(folder.read("kept/real.lock").contains("value: ornate"), "{ended:?}");
    assert!(folder.path().join("p.orc.yaml.lock").is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
}
