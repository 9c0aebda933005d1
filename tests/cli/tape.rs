//! `--record` and `--replay`: what a run asked and was answered, as files that answer it again.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::{
    crash::normalized,
    models::{Asked, CANARY, EACH, Fake, Reply, document, keyless, orc, says},
    support::{Ended, Folder},
};

const ASKS: &str = "\
id: asks
model: openai/gpt-4o-mini
inputs:
  token: {type: string, secret: true}
steps:
  - id: text
    action: generate
    parameters: {prompt: \"Hello?\\nI am {{ token }}.\\n\", system_prompt: Be brief., max_tokens: 50}
  - id: all
    for_each: [a, b]
    max_parallel: 2
    dependencies: [text]
    action: generate
    parameters: {prompt: Any?, temperature: 0.7}
  - id: rating
    action: generate_structured
    dependencies: [all]
    parameters:
      prompt: 'Rate: {{ text.result }}'
      schema: {type: object, properties: {score: {type: integer}}, required: [score]}
outputs:
  score: '{{ rating.result.score }}'
";

const TOKEN: &str = "correct-horse-battery";

/// Answers to [`ASKS`]; one of them holds the secret, one does not fit at first.
fn replies() -> Vec<Reply> {
    let texts = ["You are correct-horse-battery.", "One of many.", "One of many.", "seven", "{\"score\": 7}"];
    texts.into_iter().map(says).collect()
}

fn run(folder: &Folder, fake: &Fake, more: &[&str]) -> Ended {
    let token = format!("token={TOKEN}");
    orc(folder, fake, &[&["run", "p.orc.yaml", "-i", &token], more].concat())
}

/// The files beneath, by name.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())).collect()
}

/// A document without what may differ between a recorded and a replayed run (contract §6.8).
pub(crate) fn comparable(text: &str) -> Value {
    let mut document = normalized(text);
    let strip = |fields: &mut Value| {
        for name in ["cost", "usage", "cache", "provenance", "attempts"] {
            fields.as_object_mut().unwrap().shift_remove(name);
        }
    };
    strip(&mut document);
    document["steps"].as_object_mut().unwrap().values_mut().for_each(strip);
    document
}

#[test]
fn a_recorded_run_is_replayed_without_a_connection_and_says_what_it_cost() {
    let folder = Folder::with("p.orc.yaml", ASKS);
    let fake = Fake::new(replies());
    let recorded = run(&folder, &fake, &["--record", "tape"]);
    assert_eq!((recorded.code, fake.asked().len()), (Some(0), 5), "{recorded:?}");

    // In another folder, and nobody is there.
    let other = Folder::with("p.orc.yaml", ASKS);
    for (name, text) in files(&folder.path().join("tape")) {
        other.write(&format!("tape/{name}"), text);
    }
    let nobody = Fake::new(Vec::new());
    let replayed = run(&other, &nobody, &["--replay", "tape"]);
    assert_eq!((replayed.code, nobody.connections()), (Some(0), 0), "{replayed:?}");
    assert_eq!(comparable(&replayed.stdout), comparable(&recorded.stdout));

    let (recorded, replayed) = (document(&recorded), document(&replayed));
    assert_eq!(recorded["cost"]["nano_usd"], 5 * EACH);
    assert_eq!((&replayed["cost"]["nano_usd"], &replayed["cost"]["known"]), (&json!(0), &json!(true)));
    assert_eq!(replayed["usage"]["requests"], 0);
    let named = json!({"directory": "tape", "cost": recorded["cost"], "usage": recorded["usage"]});
    assert_eq!(replayed["provenance"]["replayed"], named);
    let rating = &replayed["steps"]["rating"]["cache"];
    assert_eq!(
        (&rating["reason"], &rating["recorded"]["cost"]),
        (&json!("replayed"), &recorded["steps"]["rating"]["cost"])
    );
}

#[test]
fn a_cassette_is_readable_without_keys_and_secrets_and_the_same_each_time() {
    let folder = Folder::with("p.orc.yaml", ASKS);
    for tape in ["one", "two", "two"] {
        let ended = run(&folder, &Fake::new(replies()), &["--record", tape]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let files = [files(&folder.path().join("one")), files(&folder.path().join("two"))];
    assert_eq!(files[0], files[1]);
    // Four requests: the two of the loop are the same one, and the one that was asked again is another.
    assert_eq!(files[0].len(), 4, "{:?}", files[0].keys());
    for text in files[0].values() {
        assert!(!text.contains(TOKEN) && !text.contains(CANARY) && !text.to_lowercase().contains("bearer"), "{text}");
    }
    let with = |words: &str| files[0].values().find(|text| text.contains(words)).unwrap().as_str();
    assert_eq!(
        with("Be brief."),
        "\
# A request to a model and its answers: `orc run --record` wrote it, `orc run --replay` answers from it.
provider: openai
request:
  model: gpt-4o-mini
  system: Be brief.
  prompt: |
    Hello?
    I am [secret token].
  max_tokens: 50
  temperature: 0.7
answers:
- step: text
  response:
    value: You are [secret token].
    provider: openai
    model: gpt-4o-mini-2024-07-18
    usage:
      requests: 1
      input_tokens: 60
      output_tokens: 20
      cache_read_tokens: 40
      cache_write_tokens: 0
      reasoning_tokens: 0
    cost:
      nano_usd: 24000
      usd: '0.000024'
      known: true
      price_date: 2026-11-22
"
    );
    let steps: Vec<&str> = with("Any?").lines().filter_map(|line| line.strip_prefix("- step: ")).collect();
    assert_eq!(steps, ["all[0].all", "all[1].all"]);
}

#[test]
fn a_request_that_is_not_recorded_fails_its_step_and_names_what_comes_near() {
    let folder = Folder::with("p.orc.yaml", ASKS);
    run(&folder, &Fake::new(replies()), &["--record", "tape"]);
    let text = ASKS.replace("Hello?\\n", "Hello!\\n").replace("max_tokens: 50", "max_tokens: 60");
    folder.write("p.orc.yaml", text);
    let nobody = Fake::new(Vec::new());
    let ended = run(&folder, &nobody, &["--replay", "tape"]);
    assert_eq!((ended.code, nobody.connections()), (Some(1), 0), "{ended:?}");
    let step = &document(&ended)["steps"]["text"];
    let files = files(&folder.path().join("tape"));
    let near = files.iter().find(|(_, text)| text.contains("Be brief.")).unwrap().0;
    let message = format!(
        "the recording `tape` has no answer to this request, and nothing is sent while replaying; the nearest is \
         `{near}`, but its `prompt` goes on with \"?\\nI am [secret token].\\n\" from character 6 on, not with \
         \"!\\nI am [secret token].\\n\", its `max_tokens` is 50, not 60; record it with `--record tape`"
    );
    assert_eq!((&step["error_type"], &step["error"]), (&json!("ReplayError"), &json!(message)));
}

#[test]
fn failures_are_recorded_too() {
    let text = "id: p\nmodel: openai/gpt-4o-mini\nsteps:\n  - {id: a, action: generate, parameters: {prompt: A}, \
                on_failure: continue}\n  - id: b\n    action: generate\n    retry: 1\n    parameters: {prompt: B}\n";
    let folder = Folder::with("p.orc.yaml", text);
    let fake = Fake::always(|asked| match asked.body["messages"][0]["content"].as_str() {
        Some("A") => Reply::Json(400, json!({"error": {"message": "bad"}})),
        _ => says(""),
    });
    let recorded = orc(&folder, &fake, &["run", "p.orc.yaml", "--record", "tape"]);
    let nobody = Fake::new(Vec::new());
    let replayed = orc(&folder, &nobody, &["run", "p.orc.yaml", "--replay", "tape"]);
    assert_eq!((recorded.code, replayed.code, nobody.connections()), (Some(1), Some(1), 0), "{replayed:?}");
    assert_eq!(comparable(&replayed.stdout), comparable(&recorded.stdout));
    assert_eq!(document(&replayed)["steps"]["b"]["error_type"], "EmptyAnswerError");
}

#[test]
fn a_run_that_was_killed_goes_on_recording_and_replaying() {
    let text = ASKS.replace("I am {{ token }}", "I am").replace("  token: {type: string, secret: true}\n", "  x: 1\n");
    let whole = Folder::with("p.orc.yaml", &text);
    let calm = |asked: &Asked| {
        let turns = asked.body["messages"].as_array().unwrap();
        if turns.iter().any(|turn| turn["role"] == "assistant") { says("{\"score\": 7}") } else { says("Some.") }
    };
    let fake = Fake::always(calm);
    let wanted = orc(&whole, &fake, &["run", "p.orc.yaml", "--record", "tape"]);
    let cassettes = files(&whole.path().join("tape"));
    let variables = [("OPENAI_BASE_URL", fake.base("/v1")), ("OPENAI_API_KEY", CANARY.to_owned())];
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut points = 0;
    for (mode, every) in [("--record", 2), ("--replay", 3)] {
        for point in (1..).step_by(every) {
            let broken = Folder::with("p.orc.yaml", &text);
            if mode == "--replay" {
                for (name, text) in &cassettes {
                    broken.write(&format!("tape/{name}"), text);
                }
            }
            if !broken.orc_seeing_killed_at(point, &variables, &["run", "p.orc.yaml", mode, "tape"]) {
                break;
            }
            points += 1;
            let listed = broken.orc(&["runs", "list", "--format", "json"]);
            let arguments: &[&str] =
                if listed.stdout.trim() == "[]" { &["run", "p.orc.yaml", mode, "tape"] } else { &["resume", "latest"] };
            let ended = orc(&broken, &fake, arguments);
            assert_eq!(ended.code, Some(0), "{mode} at {point}: {ended:?}");
            assert_eq!(comparable(&ended.stdout), comparable(&wanted.stdout), "{mode} at {point}");
            let left = files(&broken.path().join("tape"));
            let left: BTreeMap<_, _> = left
                .into_iter()
                .filter(|(name, _)| Path::new(name).extension().is_some_and(|end| end == "yaml"))
                .collect();
            assert_eq!(left, cassettes, "{mode} at {point}");
        }
    }
    assert!(points > 12, "only {points} points");
}

#[test]
fn a_recording_that_cannot_be_used_is_refused_before_the_run() {
    let folder = Folder::with("p.orc.yaml", ASKS);
    folder.write("bad/x.yaml", "provider: openai\nrequest: {model: m, prompt: p, heat: 1}\nanswers: []\n");
    let fake = Fake::new(Vec::new());
    let said = |more: &[&str]| {
        let ended = run(&folder, &fake, more);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        ended.stderr.replace(folder.path().to_str().unwrap(), "<dir>")
    };
    let missing = said(&["--replay", "nothing"]);
    assert!(missing.contains("`nothing` cannot be replayed: No such file or directory"), "{missing}");
    let bad = said(&["--replay", "bad"]);
    assert!(bad.contains("bad/x.yaml` is no cassette: request: unknown field `heat`"), "{bad}");
    let both = said(&["--replay", "a", "--record", "b"]);
    assert!(both.contains("cannot be used with"), "{both}");
    let simulated = said(&["--record", "a", "--simulate"]);
    assert!(simulated.contains("cannot be used with"), "{simulated}");
    assert_eq!(folder.orc(&["runs", "list", "--format", "json"]).stdout.trim(), "[]");
    keyless(folder.path(), CANARY);
}
