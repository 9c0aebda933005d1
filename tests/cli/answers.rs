//! Answers of models that are used again: by whom, and by whom not.

use serde_json::{Value, json};

use crate::{
    models::{Asked, EACH, Fake, Reply, document, orc, says},
    support::{Ended, Folder},
};

/// Says what it was asked last.
fn echo(asked: &Asked) -> Reply {
    let turns = asked.body["messages"].as_array().unwrap();
    says(&format!("re: {}", turns.last().unwrap()["content"].as_str().unwrap()))
}

fn ran(folder: &Folder, fake: &Fake, text: &str, more: &[&str]) -> (Ended, Value) {
    folder.write("p.orc.yaml", text);
    let ended = orc(folder, fake, &[&["run", "p.orc.yaml"], more].concat());
    let document = document(&ended);
    (ended, document)
}

/// A pipeline of one step with these parameters, and more keys of the step.
fn one(parameters: &str, more: &str) -> String {
    format!("id: p\nsteps:\n  - {{id: a, action: generate, parameters: {{prompt: P, {parameters}}}{more}}}\n")
}

#[test]
fn the_same_request_at_temperature_0_is_sent_once_by_all_steps_and_runs() {
    let text = "id: p\nmodel: openai/gpt-4o-mini\nsteps:\n  - id: all\n    for_each: [1, 2, 3, 4, 5, 6, 7, 8]\n    \
                max_parallel: 8\n    action: generate\n    parameters: {prompt: P, temperature: 0}\n  - {id: b, action: generate, \
                dependencies: [all], parameters: {prompt: P, temperature: 0, model: openai/gpt-4o-mini}}\n";
    let fake = Fake::always(echo);
    let folder = Folder::new();
    let (ended, first) = ran(&folder, &fake, text, &["--max-concurrency", "8"]);
    assert_eq!((ended.code, fake.asked().len()), (Some(0), 1), "{ended:?}");
    assert_eq!((&first["cost"]["nano_usd"], &first["usage"]["requests"]), (&json!(EACH), &json!(1)));
    let run = first["execution_id"].as_str().unwrap();
    let b = &first["steps"]["b"];
    let hit = json!({"hit": true, "run": run, "reason": "the same request was answered before"});
    assert_eq!((&b["cache"], &b["value"]["result"]), (&hit, &json!("re: P")));
    assert_eq!((&b["cost"]["nano_usd"], &b["usage"]["requests"]), (&json!(0), &json!(0)));
    let events = folder.orc(&["runs", "logs", "--format", "jsonl"]).stdout;
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told: Vec<Value> = events.filter(|event| event["type"] == "step.finished" && event["step"] == "b").collect();
    assert_eq!(told.iter().map(|event| &event["data"]["cached"]).collect::<Vec<_>>(), [&json!(true)]);

    // Another run, whose step says the same in other words.
    let (_, second) = ran(&folder, &fake, &one("temperature: 0, model: gpt-4o-mini", ""), &[]);
    assert_eq!((fake.asked().len(), &second["steps"]["a"]["cache"]), (1, &hit));
    assert_eq!(second["cost"]["nano_usd"], 0);
}

#[test]
fn what_is_kept_nowhere_is_shared_while_the_run_lasts() {
    let text = "id: p\nmodel: openai/gpt-4o-mini\nsteps:\n  - id: all\n    for_each: [1, 2]\n    action: generate\n    \
                parameters: {prompt: P, seed: 7}\n";
    let fake = Fake::always(echo);
    let folder = Folder::new();
    for asked in [1, 2] {
        ran(&folder, &fake, text, &["--no-store"]);
        assert_eq!(fake.asked().len(), asked);
    }
}

#[test]
fn what_may_come_out_otherwise_is_asked_each_time() {
    let model = "model: openai/gpt-4o-mini";
    let cases: [(&str, String, &[&str], usize); 6] = [
        ("a temperature", one(&format!("temperature: 0.7, {model}"), ""), &[], 2),
        ("a temperature, and the step wants it", one(&format!("temperature: 0.7, {model}"), ", cache: true"), &[], 1),
        ("no chance", one(&format!("temperature: 0, {model}"), ""), &[], 1),
        ("no chance, and the step does not want it", one(&format!("seed: 7, {model}"), ", cache: false"), &[], 2),
        ("--no-cache", one(&format!("temperature: 0, {model}"), ""), &["--no-cache"], 2),
        ("--step", one(&format!("temperature: 0, {model}"), ""), &["--step", "a"], 2),
    ];
    for (name, text, more, asked) in cases {
        let (folder, fake) = (Folder::new(), Fake::always(echo));
        for _ in 0..2 {
            assert_eq!(ran(&folder, &fake, &text, more).0.code, Some(0), "{name}");
        }
        assert_eq!(fake.asked().len(), asked, "{name}");
    }
}

#[test]
fn another_parameter_or_another_server_is_another_request() {
    let (folder, fake, other) = (Folder::new(), Fake::always(echo), Fake::always(echo));
    let texts = ["temperature: 0, max_tokens: 5", "temperature: 0, max_tokens: 6", "temperature: 0, system_prompt: S"];
    for text in texts {
        ran(&folder, &fake, &one(&format!("{text}, model: openai/gpt-4o-mini"), ""), &[]);
    }
    ran(&folder, &fake, &one("temperature: 0, model: openai/gpt-4o", ""), &[]);
    assert_eq!(fake.asked().len(), 4);
    // The step is not another one; what it asks is.
    let text = one("temperature: 0, max_tokens: '{{ 5 }}', model: 'openai/{{ \"gpt-4o-mini\" }}'", ", retry: 1");
    ran(&folder, &other, &text, &["--no-cache"]);
    assert_eq!(other.asked().len(), 1);
}

#[test]
fn a_step_that_tries_again_asks_again() {
    let text = "id: p\nmodel: openai/gpt-4o-mini\nsteps:\n  - id: a\n    action: generate_structured\n    retry: 1\n    \
                parameters: {prompt: P, temperature: 0, schema: {type: integer}}\n";
    for store in [&[][..], &["--no-store"]] {
        let fake = Fake::new(vec![says("seven"), says("eight"), says("9")]);
        let (ended, document) = ran(&Folder::new(), &fake, text, store);
        assert_eq!((ended.code, fake.asked().len()), (Some(0), 3), "{ended:?}");
        assert_eq!(document["steps"]["a"]["value"]["result"], 9);
    }
}

#[test]
fn simulated_answers_are_never_kept() {
    let folder = Folder::new();
    let nobody = Fake::new(Vec::new());
    let text = one("temperature: 0, model: openai/gpt-4o-mini", "");
    for more in [&["--simulate"][..], &["--simulate"]] {
        let (_, document) = ran(&folder, &nobody, &text, more);
        assert_eq!(document["steps"]["a"]["cache"], Value::Null);
    }
    let fake = Fake::always(echo);
    let (_, document) = ran(&folder, &fake, &text, &[]);
    assert_eq!((fake.asked().len(), &document["steps"]["a"]["value"]["result"]), (1, &json!("re: P")));
}

#[test]
fn another_server_is_asked_itself_whatever_it_is_called() {
    let text = "\
id: one
steps:
  - {id: a, action: generate, parameters: {prompt: 'Who?', model: openai/gpt-4o-mini, temperature: 0}}
";
    let folder = Folder::with("p.orc.yaml", text);
    // The variable of the environment, then `endpoint` of `models.yaml`.
    for (at, name) in ["A", "B", "A", "B"].into_iter().enumerate() {
        let fake = Fake::new(vec![says(name)]);
        let result = if at < 2 {
            orc(&folder, &fake, &["run", "p.orc.yaml"])
        } else {
            let models =
                format!("models:\n  - {{source: openai, name: gpt-4o-mini, endpoint: '{}'}}\n", fake.base("/v1"));
            folder.write("models.yaml", models);
            folder.orc_with(&[("OPENAI_API_KEY", ""), ("OPENAI_BASE_URL", "")], &["run", "p.orc.yaml"])
        };
        let result = document(&result);
        assert_eq!(
            (&result["steps"]["a"]["value"]["result"], fake.asked().len()),
            (&serde_json::json!(name), 1),
            "{at}"
        );
    }
}
