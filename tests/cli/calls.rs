//! Steps whose model calls tools: what is sent, what the document says, and what is paid.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::{
    crash::long,
    models::{Asked, CANARY, EACH, Fake, Reply, document, orc, says, variables},
    support::{Ended, Folder},
    tape::comparable,
};

const ROWS: &str = "city,degrees\nRome,21\nOslo,4\nBern,12\n";

/// One step that offers tools; `more` stands behind its prompt.
fn pipeline(more: &str) -> String {
    format!(
        "id: p
model: openai/gpt-4o-mini
steps:
  - id: a
    action: generate
    parameters:
      prompt: Which city is warm?
      max_tokens: 50
{more}"
    )
}

fn offering() -> String {
    pipeline("      tools: [{name: data-processing, actions: [filter]}, {name: filesystem, actions: [read]}]\n")
}

/// An answer that calls these: id, function, arguments.
fn calls(calls: &[(&str, &str, Value)]) -> Reply {
    let calls = calls.iter().map(|(id, name, arguments)| {
        json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments.to_string()}})
    });
    Reply::Json(
        200,
        json!({
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"message": {"content": null, "tool_calls": calls.collect::<Vec<_>>()}, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 40}},
        }),
    )
}

fn read(id: &'static str) -> (&'static str, &'static str, Value) {
    (id, "filesystem_read", json!({"path": "cities.csv"}))
}

fn warm() -> Value {
    json!({"data": "cities.csv", "format": "csv", "operation": {"criteria": {"degrees": {">": 20}}}})
}

fn folder(text: &str) -> Folder {
    let folder = Folder::with("p.orc.yaml", text);
    folder.write("cities.csv", ROWS);
    folder
}

/// The step of a run of `text` that is answered with these.
fn run(text: &str, replies: Vec<Reply>) -> (Value, Vec<Asked>, Ended) {
    let fake = Fake::new(replies);
    let folder = folder(text);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    (document(&ended)["steps"]["a"].clone(), fake.asked(), ended)
}

#[test]
fn a_model_calls_tools_and_answers_with_what_they_gave() {
    let replies = vec![calls(&[read("one"), ("two", "data_processing_filter", warm())]), says("Rome.")];
    let (mut step, asked, ended) = run(&offering(), replies);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let tool_calls = step["tool_calls"].clone();
    for name in ["started_at", "completed_at", "duration"] {
        step[name] = Value::Null;
    }
    assert_eq!(
        step,
        json!({
            "id": "a", "action": "generate", "status": "completed", "success": true,
            "value": {"result": "Rome.", "success": true, "error": null}, "error": null, "error_type": null,
            "tool": null, "model": "gpt-4o-mini-2024-07-18", "provider": "openai",
            "started_at": null, "completed_at": null, "duration": null,
            "retries": 0, "timed_out": false, "dependencies": [], "attempts": 1,
            // Each round is a call of its own.
            "cost": {"nano_usd": 2 * EACH, "usd": "0.000048", "known": true, "price_date": "2026-11-22"},
            "usage": {
                "requests": 2, "input_tokens": 120, "output_tokens": 40, "cache_read_tokens": 80,
                "cache_write_tokens": 0, "reasoning_tokens": 0,
            },
            "cache": null, "auto": [], "tool_calls": tool_calls, "provenance": null,
        })
    );
    assert_eq!(
        step["tool_calls"][0],
        json!({
            "name": "filesystem.read", "arguments": {"path": "cities.csv"},
            "result": {"action": "read", "path": "cities.csv", "content": ROWS, "size": 36},
        })
    );
    assert_eq!(
        step["tool_calls"][1],
        json!({
            "name": "data-processing.filter", "arguments": warm(),
            "result": {
                "action": "filter", "processed_data": [{"city": "Rome", "degrees": "21"}], "original_count": 3,
                "filtered_count": 1,
            },
        })
    );
    let [first, second] = &asked[..] else { panic!("{asked:?}") };
    let names: Vec<&Value> =
        first.body["tools"].as_array().unwrap().iter().map(|tool| &tool["function"]["name"]).collect();
    assert_eq!(names, ["data_processing_filter", "filesystem_read"]);
    assert_eq!(second.body["tools"], first.body["tools"]);
    let messages = second.body["messages"].as_array().unwrap();
    assert_eq!(messages[0], json!({"role": "user", "content": "Which city is warm?"}));
    assert_eq!(messages[1]["tool_calls"][1]["function"]["arguments"], warm().to_string());
    let told = |index: usize| {
        let content: Value = serde_json::from_str(messages[index]["content"].as_str().unwrap()).unwrap();
        (messages[index]["role"].clone(), messages[index]["tool_call_id"].clone(), content)
    };
    assert_eq!(told(2), (json!("tool"), json!("one"), step["tool_calls"][0]["result"].clone()));
    assert_eq!(told(3), (json!("tool"), json!("two"), step["tool_calls"][1]["result"].clone()));
}

#[test]
fn what_goes_wrong_with_a_call_is_told_to_the_model() {
    let replies = vec![
        calls(&[
            ("one", "terminal_execute", json!({"command": "touch made"})),
            ("two", "filesystem_read", json!({"path": 7, "lines": 3})),
            ("three", "filesystem_read", json!({"path": "../secret"})),
            ("four", "filesystem_read", json!({"path": "absent.csv"})),
        ]),
        says("I cannot tell."),
    ];
    let (step, asked, ended) = run(&offering(), replies);
    assert_eq!((ended.code, &step["value"]["result"]), (Some(0), &json!("I cannot tell.")), "{ended:?}");
    let errors: Vec<&str> =
        step["tool_calls"].as_array().unwrap().iter().map(|call| call["error"].as_str().unwrap()).collect();
    assert_eq!(errors[0], "there is no tool `terminal_execute`; there are `data_processing_filter`, `filesystem_read`");
    assert_eq!(
        errors[1],
        "the arguments of `filesystem_read` do not fit: 7 is not of type \"string\" (at `/path`); Additional properties are \
         not allowed ('lines' was unexpected)"
    );
    assert!(errors[2].starts_with("reading `../secret` is not allowed"), "{}", errors[2]);
    assert!(errors[3].contains("`absent.csv`"), "{}", errors[3]);
    let told: Vec<&Value> =
        asked[1].body["messages"].as_array().unwrap()[2..].iter().map(|told| &told["content"]).collect();
    assert_eq!(told, errors);
    assert_eq!(step["tool_calls"][0]["name"], "terminal_execute");
}

#[test]
fn a_model_that_never_answers_fails_the_step_with_what_it_took() {
    let text = offering() + "      max_tool_rounds: 2\n";
    let again = || calls(&[read("one")]);
    let (step, asked, ended) = run(&text, vec![again(), again(), again()]);
    assert_eq!((ended.code, asked.len()), (Some(1), 3), "{ended:?}");
    assert_eq!(
        (&step["error_type"], &step["error"]),
        (
            &json!("ToolRoundsError"),
            &json!(
                "the model called tools 2 times and wants to call `filesystem_read` then; raise `max_tool_rounds` (2), or say \
                 in the prompt when it has enough"
            )
        )
    );
    assert_eq!((&step["cost"]["nano_usd"], step["tool_calls"].as_array().unwrap().len()), (&json!(3 * EACH), 2));
}

#[test]
fn what_is_long_is_cut_and_says_so() {
    let fake = Fake::new(vec![calls(&[read("one")]), says("Long.")]);
    let folder = folder(&offering());
    folder.write("cities.csv", "x".repeat(40_000));
    let step = document(&orc(&folder, &fake, &["run", "p.orc.yaml"]))["steps"]["a"].clone();
    let told = fake.asked()[1].body["messages"][2]["content"].as_str().unwrap().to_owned();
    assert!(told.ends_with(" bytes)") && told.contains("\n… (cut: the first 32768 of 4"), "{}", &told[32_000..]);
    assert_eq!((told.len() < 33_000, step["tool_calls"][0]["result"].as_str()), (true, Some(&*told)));
}

#[test]
fn nothing_is_called_where_nothing_is_offered() {
    let (step, _, ended) = run(&pipeline(""), vec![says("Rome.")]);
    assert_eq!((ended.code, step.get("tool_calls")), (Some(0), None), "{ended:?}");
    let (step, _, _) = run(&offering(), vec![says("Rome.")]);
    assert_eq!(step["tool_calls"], json!([]));
}

#[test]
fn a_simulated_model_answers_at_once() {
    let folder = folder(&offering());
    let ended = folder.orc(&["run", "p.orc.yaml", "--simulate"]);
    let step = &document(&ended)["steps"]["a"];
    assert_eq!(
        (ended.code, &step["tool_calls"], &step["usage"]["requests"]),
        (Some(0), &json!([]), &json!(1)),
        "{ended:?}"
    );
}

#[test]
fn a_budget_is_looked_at_before_each_round() {
    // The first call fits; the second, which says what the file holds, does not, and is not sent.
    let fake = Fake::new(vec![calls(&[read("one")])]);
    let folder = folder(&(offering() + "    budget: 0.002\n"));
    folder.write("cities.csv", "x".repeat(20_000));
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    let step = &document(&ended)["steps"]["a"];
    assert_eq!((ended.code, fake.asked().len()), (Some(1), 1), "{ended:?}");
    assert_eq!((&step["error_type"], &step["cost"]["nano_usd"]), (&json!("BudgetError"), &json!(EACH)), "{ended:?}");
    assert_eq!(step["tool_calls"][0]["name"], "filesystem.read");
}

#[test]
fn rounds_that_were_paid_count_where_the_time_is_up() {
    let text = offering() + "    timeout: 1\n";
    let (step, asked, ended) = run(&text, vec![calls(&[read("one")]), Reply::Stall]);
    assert_eq!((ended.code, asked.len()), (Some(1), 2), "{ended:?}");
    assert_eq!((&step["error_type"], &step["cost"]["nano_usd"]), (&json!("TimeoutError"), &json!(EACH)), "{ended:?}");
    assert_eq!(step["tool_calls"].as_array().unwrap().len(), 1);
}

#[test]
#[cfg(unix)]
fn rounds_that_were_paid_count_where_the_run_is_cancelled() {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    let fake = Fake::new(vec![calls(&[read("one")]), Reply::Stall, says("Rome.")]);
    let folder = folder(&offering());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_orc"));
    command.args(["run", "p.orc.yaml", "--format", "json"]).current_dir(folder.path()).envs(variables(&fake));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = command.spawn().unwrap();
    assert_eq!([fake.news.recv(), fake.news.recv()], [Ok("asked"), Ok("asked")]);
    kill(Pid::from_raw(run.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    let ended = Ended::of(run.wait_with_output().unwrap());
    let document = document(&ended);
    let step = &document["steps"]["a"];
    assert_eq!((ended.code, &step["status"]), (Some(130), &json!("cancelled")), "{ended:?}");
    assert_eq!(step["cost"]["nano_usd"], EACH, "{ended:?}");
    assert_eq!(step["tool_calls"].as_array().unwrap().len(), 1);
    assert_eq!(document["cost"]["nano_usd"], EACH);
    let spent = |calls: i64| {
        let cost = orc(&folder, &fake, &["cost", "--format", "json"]);
        let cost: Value = serde_json::from_str(&cost.stdout).unwrap();
        assert_eq!(cost["total"]["cost"]["nano_usd"], calls * EACH, "{cost}");
    };
    spent(1);
    // The round that was paid is taken up again, and stands in the ledger once.
    let resumed = orc(&folder, &fake, &["resume", "latest"]);
    assert_eq!((resumed.code, fake.asked().len()), (Some(0), 3), "{resumed:?}");
    spent(2);
}

#[test]
fn a_plan_says_how_many_calls_there_may_be() {
    let folder = folder(&offering());
    let ended = folder.orc(&["plan", "p.orc.yaml", "--format", "json"]);
    let plan: Value = serde_json::from_str(&ended.stdout).unwrap();
    let estimate = &plan["steps"][0]["estimate"];
    assert_eq!(estimate["calls"], json!({"low": 1, "expected": 2, "high": 9}), "{estimate}");
    assert_eq!(estimate["output_tokens"], json!({"low": 1, "expected": 100, "high": 450}), "{estimate}");
    // What was said before is said again each time, and results are bounded.
    let input = |bound: &str| estimate["input_tokens"][bound].as_u64().unwrap();
    assert!(input("expected") > 2 * input("low") && input("high") <= 9 * 128_000, "{estimate}");
}

/// How often each request came, by how many messages it holds.
fn counts(fake: &Fake) -> Vec<usize> {
    let lengths: Vec<usize> =
        fake.asked().iter().map(|asked| asked.body["messages"].as_array().unwrap().len()).collect();
    let most = lengths.iter().copied().max().unwrap_or(0);
    (1..=most).step_by(2).map(|length| lengths.iter().filter(|other| **other == length).count()).collect()
}

fn in_two_rounds(asked: &Asked) -> Reply {
    match asked.body["messages"].as_array().unwrap().len() {
        1 => calls(&[read("one")]),
        3 => calls(&[("two", "data_processing_filter", warm())]),
        _ => says("Rome."),
    }
}

#[test]
fn rounds_that_were_paid_are_not_paid_again_after_a_crash() {
    let whole = folder(&offering());
    let wanted = orc(&whole, &Fake::always(in_two_rounds), &["run", "p.orc.yaml"]);
    assert_eq!(wanted.code, Some(0), "{wanted:?}");
    let mut between = 0;
    for point in (1..).step_by(if long() { 1 } else { 2 }) {
        let folder = folder(&offering());
        let fake = Fake::always(in_two_rounds);
        let base = fake.base("/v1");
        let variables = [("OPENAI_BASE_URL", &*base), ("OPENAI_API_KEY", CANARY)];
        if !folder.orc_seeing_killed_at(point, &variables, &["run", "p.orc.yaml"]) {
            break;
        }
        fake.settle();
        let sent = counts(&fake);
        let listed = folder.orc(&["runs", "list", "--format", "json"]);
        let arguments: &[&str] =
            if listed.stdout.trim() == "[]" { &["run", "p.orc.yaml"] } else { &["resume", "latest"] };
        let resumed = orc(&folder, &fake, arguments);
        assert_eq!(resumed.code, Some(0), "at {point}: {resumed:?}");
        assert_eq!(comparable(&resumed.stdout), comparable(&wanted.stdout), "at {point}");
        // Only what was on its way is asked again: the last that was sent, and no other.
        let now = counts(&fake);
        assert_eq!(now.len(), 3, "at {point}: {now:?}");
        for (index, count) in now.iter().enumerate() {
            let is_last = index + 1 == sent.len();
            assert!(*count == 1 || is_last && *count == 2, "at {point}: {now:?} after {sent:?}");
        }
        between += usize::from([1, 2].contains(&sent.len()) && now == [1, 1, 1]);
    }
    assert!(between > 0, "it was never killed between two rounds");
}

#[test]
fn a_recording_answers_all_rounds() {
    let folder = folder(&offering());
    let fake = Fake::always(in_two_rounds);
    let recorded = orc(&folder, &fake, &["run", "p.orc.yaml", "--record", "tape"]);
    assert_eq!((recorded.code, fake.asked().len()), (Some(0), 3), "{recorded:?}");
    let replayed = orc(&folder, &fake, &["run", "p.orc.yaml", "--replay", "tape"]);
    assert_eq!(comparable(&replayed.stdout), comparable(&recorded.stdout));
    assert_eq!(fake.asked().len(), 3);
}

#[test]
fn what_a_tool_read_is_read_again_and_answers_to_the_same_are_not_paid_again() {
    let folder = folder(&(offering() + "      temperature: 0\n"));
    let fake = Fake::new(vec![calls(&[read("one")]), says("Rome."), says("Oslo.")]);
    let run = || document(&orc(&folder, &fake, &["run", "p.orc.yaml"]))["steps"]["a"].clone();
    let first = run();
    // All of it is known by now.
    let again = run();
    assert_eq!((&again["value"], fake.asked().len()), (&first["value"], 2));
    assert_eq!((&again["cost"]["nano_usd"], &again["tool_calls"]), (&json!(0), &first["tool_calls"]));
    folder.write("cities.csv", "city,degrees\nOslo,31\n");
    let changed = run();
    assert_eq!((&changed["value"]["result"], fake.asked().len()), (&json!("Oslo."), 3));
    assert_eq!(changed["cost"]["nano_usd"], EACH);
}

#[test]
fn the_router_takes_a_model_that_calls_tools() {
    let folder = folder(&offering().replace("model: openai/gpt-4o-mini\n", ""));
    folder.write(
        "models.yaml",
        "models:\n  - {source: openai, name: talks, size: 30b, price: {input: 1, output: 1}, context: 200000, capabilities: \
         [vision]}\n  - {source: openai, name: calls, size: 30b, price: {input: 9, output: 9}, context: 200000, \
         capabilities: [tools]}\n",
    );
    let fake = Fake::new(vec![says("Rome.")]);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!((ended.code, &fake.asked()[0].body["model"]), (Some(0), &json!("calls")), "{ended:?}");
    folder.write("p.orc.yaml", offering().replace("gpt-4o-mini", "talks"));
    let said = folder.orc(&["validate", "p.orc.yaml"]);
    assert!(said.code == Some(2) && said.stdout.contains("ORC505"), "{said:?}");
}

#[test]
fn secrets_in_results_are_told_to_nobody() {
    let fake = Fake::new(vec![calls(&[read("one")]), says("Fine.")]);
    let folder = folder(&offering());
    folder.write("cities.csv", "key: ghp_0123456789abcdefghijABCDEFGHIJ012345\n");
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    let told = fake.asked()[1].body["messages"][2]["content"].as_str().unwrap().to_owned();
    assert!(told.contains("[secret ") && !format!("{told}{ended:?}").contains("ghp_0123"), "{told}");
}

#[test]
fn what_cannot_be_offered_is_a_diagnostic_or_fails_before_it_is_sent() {
    let checked = |tools: &str| -> String {
        let folder = folder(&pipeline(&format!("      tools: {tools}\n")));
        let ended = folder.orc(&["validate", "p.orc.yaml"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        ended.stdout
    };
    let why = "and what a model chooses may be done again after a crash or by another attempt; ";
    let what =
        "let a step of its own do it with the model's answer, after an `approval-gate` where a person shall decide";
    let said = checked("[terminal]");
    assert!(said.contains(&format!("error[ORC419]: `terminal` changes something, {why}{what}")), "{said}");
    assert!(said.contains("p.orc.yaml:9:15"), "{said}");
    let said = checked("[filesystem]");
    let part = "offer what only reads, `{name: filesystem, actions: [read, list]}`, or ";
    let acts = "`filesystem` changes something (`write`, `copy`, `move`, `delete`), ";
    assert!(said.contains(&format!("error[ORC419]: {acts}{why}{part}{what}")), "{said}");
    let refused = |tools: &str| {
        let text = pipeline(&format!("      tools: \"{{{{ {tools} }}}}\"\n"));
        let (step, asked, ended) = run(&text, Vec::new());
        assert_eq!((ended.code, asked.len()), (Some(1), 0), "{ended:?}");
        format!("{}: {}", step["error_type"].as_str().unwrap(), step["error"].as_str().unwrap())
    };
    assert_eq!(
        refused("['validation', 'terminal']"),
        format!("ParameterError: `tools[1]`: `terminal` changes something, {why}{what}")
    );
    assert_eq!(
        refused("['data-procesing']"),
        "ParameterError: `tools[0]`: there is no tool `data-procesing`; did you mean `data-processing`?"
    );
    assert_eq!(
        refused("[{'name': 'validation', 'actions': ['extract_structured']}]"),
        format!("ParameterError: `tools[0]`: `validation.extract_structured` asks a model itself, {why}{what}")
    );
    assert_eq!(
        refused("'validation'"),
        "ParameterError: `tools` is no list; write a list of names of tools, or of `{name, actions}`"
    );
}
