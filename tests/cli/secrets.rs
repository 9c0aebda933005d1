//! Secrets (docs/secrets.md): in no file of `.orc`, on no stream and in no document, however they came into
//! the run; and steps get the true values all the same.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Ended, Folder};

const TOKEN: &str = "correct horse/battery'staple+42";
const DEPLOY: &str = "deploy-9f8e7d6c5b4a";
const PASSWORD: &str = "swordfish!99";
const PIN: &str = "73519264";
const FROM_TOOL: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";

/// What must be nowhere; the encoded ones by themselves.
fn secrets() -> Vec<&'static str> {
    vec![
        TOKEN,
        DEPLOY,
        PASSWORD,
        PIN,
        FROM_TOOL,
        // The token: escaped, quoted for a shell, for an address, base64 (alone, and in `user:…`).
        "battery'\\''staple",
        "horse%2Fbattery%27staple",
        "Y29ycmVjdCBob3JzZS9iYXR0ZXJ5J3N0YXBsZSs0M",
        "b3JyZWN0IGhvcnNlL2JhdHRlcnknc3RhcGxlKzQ",
        "jb3JyZWN0IGhvcnNlL2JhdHRlcnknc3RhcGxlKzQ",
        // What would be left of it where a text is cut in two.
        "battery",
        "correct",
    ]
}

const VARIABLES: &[(&str, &str)] =
    &[("DEPLOY_TOKEN", DEPLOY), ("DATABASE_URL", "postgres://me:swordfish!99@db.example/x"), ("NO_SECRET", "visible")];

const ALL: &str = r#"id: p
inputs:
  token: {type: string, secret: true}
  account: {type: object, secret: true, default: {pin: 73519264}}
  greeting: {type: string, default: hello}
steps:
  - {id: keep, tool: filesystem, action: write, parameters: {path: key.txt, content: '{{ token }}'}}
  - {id: read, tool: filesystem, action: read, parameters: {path: key.txt}, dependencies: [keep]}
  - {id: again, tool: filesystem, action: write, parameters: {path: again.txt, content: '{{ read.result.content }}'}}
  - id: print
    tool: terminal
    action: execute
    parameters:
      command: |
        printf '%s\n' {{ token }} "$DEPLOY_TOKEN" "$DATABASE_URL" {{ account.pin }}
        printf %s {{ token }} | base64; printf 'user:%s' {{ token }} | base64; printf 'me:%s' {{ token }} | base64
        printf 'ghp_0123456789abcde'; printf 'fghijABCDEFGHIJ012345\n'
  - id: pieces
    tool: terminal
    action: execute
    parameters:
      command: |
        i=0; while [ $i -lt 2000 ]; do printf '%s,' {{ token }}; i=$((i + 1)); done
        head -c 1100000 /dev/zero | tr '\0' x
        i=0; while [ $i -lt 2000 ]; do printf '%s,' {{ token }}; i=$((i + 1)); done
  - id: fails
    tool: terminal
    action: execute
    parameters: {command: 'echo no {{ token }} >&2; exit 3'}
    retry: {attempts: 2}
    on_failure: continue
  - id: cannot
    tool: filesystem
    action: read
    parameters: {path: 'nowhere-{{ token | urlencode }}'}
    on_failure: continue
  - id: each
    for_each: ['1 {{ token }}', two]
    steps:
      - {id: say, action: echo, parameters: {message: '{{ item }}'}}
  - id: child
    tool: pipeline-executor
    action: execute
    parameters:
      inputs: {pass: '{{ token }}', other: child-only-0815}
      pipeline: |
        id: inner
        inputs: {pass: {type: string}, other: {type: string, secret: true}}
        steps:
          - {id: say, action: echo, parameters: {message: '{{ pass }} {{ other }}'}}
          - {id: put, tool: filesystem, action: write, parameters: {path: child.txt, content: '{{ say.result }}'}}
        outputs: {said: '{{ say.result }}'}
  - {id: json, action: echo, parameters: {message: '{{ {"k": token, "n": greeting} | tojson }}'}}
outputs:
  said: '{{ greeting }} {{ token }}'
  printed: '{{ print.result.stdout }}'
  failed: '{{ fails.error }}'
  pin: '{{ account.pin }}'
"#;

/// No secret stands in `bytes`.
#[track_caller]
fn clean(place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for secret in secrets() {
        if let Some(at) = text.find(secret) {
            let before: String = text[..at].chars().rev().take(120).collect();
            let before: String = before.chars().rev().collect();
            panic!("{place} holds `{secret}`: …{before}{secret}…");
        }
    }
}

/// Nor in any file beneath the directory.
#[track_caller]
fn clean_files(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            clean_files(&path);
        } else {
            clean(&path.to_string_lossy(), &std::fs::read(&path).unwrap());
        }
    }
}

#[track_caller]
fn clean_all(folder: &Folder, ended: &Ended) {
    clean("stdout", ended.stdout.as_bytes());
    clean("stderr", ended.stderr.as_bytes());
    assert!(folder.path().join(".orc/runs.db").exists());
    clean_files(&folder.path().join(".orc"));
}

fn document(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn statuses(document: &Value) -> String {
    let steps = document["steps"].as_object().unwrap();
    steps.iter().map(|(id, step)| format!("{id} {}", step["status"].as_str().unwrap())).collect::<Vec<_>>().join(", ")
}

#[test]
fn secrets_are_in_no_store_stream_or_document_and_steps_get_the_true_values() {
    let folder = Folder::with("p.orc.yaml", ALL);
    let token = format!("token={TOKEN}");
    let run = |more: &[&str]| {
        let mut arguments =
            vec!["run", "p.orc.yaml", "-i", &token, "--allow-env", "DEPLOY_TOKEN", "--allow-env", "DATABASE_URL"];
        arguments.extend(more);
        folder.orc_seeing(VARIABLES, &arguments)
    };
    let ended = run(&["-o", "result.json"]);
    clean_all(&folder, &ended);
    clean("-o", folder.read("result.json").as_bytes());
    let first = document(&ended);
    assert_eq!(
        statuses(&first),
        "keep completed, read completed, again completed, print completed, pieces completed, fails failed, cannot \
         failed, each completed, child completed, json completed",
        "{ended:?}"
    );
    assert_eq!(folder.read("key.txt"), TOKEN);
    assert_eq!(folder.read("again.txt"), TOKEN);
    assert_eq!(folder.read("child.txt"), format!("{TOKEN} child-only-0815"));
    assert_eq!(first["outputs"]["said"], "hello [secret token]");
    assert_eq!(first["outputs"]["pin"], "[secret account]");
    assert_eq!(first["outputs"]["failed"], "the command ended with exit code 3: no [secret token]");
    assert_eq!(first["steps"]["fails"]["attempts"], 2);
    let printed = first["steps"]["print"]["value"]["result"]["stdout"].as_str().unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "[secret token]",
            "[secret DEPLOY_TOKEN]",
            "postgres://me:[secret DATABASE_URL]@db.example/x",
            "[secret account]",
            "[secret token]"
        ]
    );
    assert_eq!(lines[7], "[secret GitHub token]");
    assert_eq!(first["steps"]["child"]["value"]["result"]["outputs"]["said"], "[secret token] [secret other]");
    assert_eq!(first["steps"]["json"]["value"]["result"], r#"{"k": "[secret token]", "n": "hello"}"#);

    // The events as they are sent, and everything that is made of them.
    let events = run(&["--format", "jsonl"]);
    clean_all(&folder, &events);
    assert!(events.stdout.contains(r#""text":"[secret token],[secret token],"#));
    clean_all(&folder, &run(&["--format", "text"]));
    clean_all(&folder, &run(&["--no-store"]));
    for arguments in [
        &["runs", "show"][..],
        &["runs", "show", "--format", "json"],
        &["runs", "logs"],
        &["runs", "logs", "--format", "jsonl"],
        &["runs", "list", "--format", "json"],
        &["runs", "diff", first["execution_id"].as_str().unwrap(), "latest"],
        &["plan", "p.orc.yaml", "-i", &token],
        &["plan", "p.orc.yaml", "-i", &token, "--format", "json"],
    ] {
        let ended = folder.orc_seeing(VARIABLES, arguments);
        assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
        assert!(!ended.stdout.is_empty(), "{arguments:?}");
        clean_all(&folder, &ended);
    }
}

/// All of it may run again.
const AGAIN: &str = r#"id: p
inputs:
  token: {type: string, secret: true}
steps:
  - {id: keep, tool: filesystem, action: write, parameters: {path: key.txt, content: '{{ token }}'}}
  - {id: read, tool: filesystem, action: read, parameters: {path: key.txt}, dependencies: [keep]}
  - id: each
    for_each: [one, two]
    steps:
      - {id: say, action: echo, parameters: {message: '{{ item }} {{ read.result.content }}'}}
    dependencies: [read]
  - id: put
    tool: filesystem
    action: write
    parameters: {path: out.txt, content: '{{ each.result.results[1].say.result }}|{{ read.result.content }}'}
    dependencies: [each]
outputs:
  size: '{{ put.result.size }}'
"#;

#[test]
fn a_run_that_was_killed_goes_on_with_the_true_values_wherever_that_was() {
    let token = format!("token={TOKEN}");
    let whole = Folder::with("p.orc.yaml", AGAIN);
    let ended = whole.orc(&["run", "p.orc.yaml", "-i", &token]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let wanted = whole.read("out.txt");
    assert_eq!(wanted, format!("two {TOKEN}|{TOKEN}"));
    let mut resumed = 0;
    for point in 1.. {
        let folder = Folder::with("p.orc.yaml", AGAIN);
        if !folder.orc_killed_at(point, &["run", "p.orc.yaml", "-i", &token]) {
            break;
        }
        clean_files(&folder.path().join(".orc"));
        let ended = folder.orc(&["resume", "latest", "-i", &token]);
        if ended.stderr.contains("there is no run here yet") {
            continue;
        }
        resumed += 1;
        assert_eq!(ended.code, Some(0), "point {point}: {ended:?}");
        assert_eq!(folder.read("out.txt"), wanted, "point {point}");
        clean_all(&folder, &ended);
        clean_all(&folder, &folder.orc(&["runs", "logs"]));
    }
    assert!(resumed > 5, "{resumed}");
}

#[test]
fn a_run_that_goes_on_asks_for_its_secrets() {
    let folder = Folder::with("p.orc.yaml", AGAIN);
    let token = format!("token={TOKEN}");
    folder.orc(&["run", "p.orc.yaml", "-i", &token]);
    folder.orc(&["resume", "latest"]).refused(
        "error: the value of input `token` is secret and not kept with the run; give it again with `-i token=…`",
    );
    folder.orc(&["resume", "latest", "-i", &token, "-i", "other=1"]).refused(
        "error: input `other` keeps the value the run began with; `-i` gives the values of secret inputs alone",
    );
}

/// Its first step may not simply run again.
const ONCE: &str = r#"id: p
inputs:
  token: {type: string, secret: true}
steps:
  - {id: call, tool: terminal, action: execute, parameters: {command: 'echo {{ token }}; echo once >> log'}}
  - {id: wait, tool: filesystem, action: read, parameters: {path: wanted.txt}, dependencies: [call]}
  - id: put
    tool: filesystem
    action: write
    parameters: {path: out.txt, content: '{{ call.result.stdout }}'}
    dependencies: [wait]
"#;

#[test]
fn what_is_not_kept_is_made_again_only_where_that_is_safe_or_wanted() {
    let folder = Folder::with("p.orc.yaml", ONCE);
    let token = format!("token={TOKEN}");
    let ended = folder.orc(&["run", "p.orc.yaml", "-i", &token]);
    assert_eq!(statuses(&document(&ended)), "call completed, wait failed, put not_run");
    folder.write("wanted.txt", "");
    let refused = folder.orc(&["resume", "latest", "-i", &token, "--retry-failed"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let run = document(&ended)["execution_id"].as_str().unwrap().to_owned();
    let message = format!(
        "error: there was a secret in what `call` came to, so it is not kept, and running `call` again may do the \
         same thing twice; look at what was done, then go on with `orc resume {run} --yes`"
    );
    assert!(refused.stderr.trim_end().ends_with(&message), "{refused:?}");
    assert_eq!(folder.read("log"), "once\n");
    let resumed = folder.orc(&["resume", "latest", "-i", &token, "--retry-failed", "--yes"]);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_eq!(folder.read("log"), "once\nonce\n");
    assert_eq!(folder.read("out.txt"), format!("{TOKEN}\n"));
    clean_all(&folder, &resumed);
}

#[test]
fn a_result_with_a_secret_is_not_used_again() {
    let folder = Folder::with(
        "p.orc.yaml",
        "id: p\ninputs: {token: {type: string, secret: true}}\nsteps:\n  - {id: with, action: echo, parameters: \
         {message: '{{ token }}'}}\n  - {id: without, action: echo, parameters: {message: hello}}\n",
    );
    let run = || document(&folder.orc(&["run", "p.orc.yaml", "-i", "token=hunter2-and-more"]));
    run();
    let second = run();
    assert_eq!(second["steps"]["with"]["cache"], Value::Null);
    assert_eq!(second["steps"]["with"]["value"]["result"], "[secret token]");
    assert_eq!(second["steps"]["without"]["cache"]["hit"], json!(true));
}

#[test]
fn the_text_of_a_pipeline_is_kept_without_its_secrets_and_compared_all_the_same() {
    let text = "id: p\ninputs: {token: {type: string, secret: true, default: swordfish!99}}\nsteps:\n  - {id: a, tool: \
                filesystem, action: write, parameters: {path: a.txt, content: '{{ token }}'}}\n  - {id: b, tool: \
                filesystem, action: read, parameters: {path: wanted.txt}}\n";
    let folder = Folder::with("p.orc.yaml", text);
    clean_all(&folder, &folder.orc(&["run", "p.orc.yaml"]));
    folder.write("wanted.txt", "");
    let resume = ["resume", "latest", "-i", "token=swordfish!99", "--retry-failed"];
    folder.write("p.orc.yaml", text.replace("a.txt", "other.txt"));
    let refused = folder.orc(&resume);
    assert!(refused.stderr.contains("the pipeline is not what it was when the run began"), "{refused:?}");
    folder.write("p.orc.yaml", text);
    let resumed = folder.orc(&resume);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    clean_all(&folder, &resumed);
    assert_eq!(folder.read("a.txt"), PASSWORD);
    std::fs::remove_file(folder.path().join("p.orc.yaml")).unwrap();
    let refused = folder.orc(&resume);
    assert!(refused.stderr.contains("there was a secret in its text, which is not kept with the run"), "{refused:?}");
}

#[test]
fn a_secret_that_does_not_fit_is_not_shown_and_a_short_one_is_warned_of() {
    let folder = Folder::with(
        "p.orc.yaml",
        "id: p\ninputs: {pin: {type: integer, secret: true}}\nsteps:\n  - {id: a, action: echo, parameters: {message: \
         hello}}\n",
    );
    folder
        .orc(&["run", "p.orc.yaml", "-i", "pin=swordfish"])
        .refused("error: input `pin` must be an integer, not the secret that was given");
    let ended = folder.orc(&["run", "p.orc.yaml", "-i", "pin=123"]);
    assert!(
        ended.stderr.starts_with(
            "warning: the secret input `pin` is shorter than 6 characters, which stand in other texts by chance; \
             where it is printed it is not hidden\n"
        ),
        "{ended:?}"
    );
    let runs = folder.orc(&["runs", "show"]).stdout;
    assert!(runs.contains("pin = \"[secret pin]\""), "{runs}");
}

#[test]
fn an_answer_with_a_secret_is_not_kept() {
    let folder = Folder::with(
        "p.orc.yaml",
        "id: p\ninputs: {token: {type: string, secret: true}}\nsteps:\n  - id: ask\n    tool: user-prompt\n    action: \
         prompt\n    parameters: {prompt: 'Is it {{ token }}?', input_type: choice, choices: ['{{ token }}', other]}\n  \
         - {id: put, tool: filesystem, action: write, parameters: {path: out.txt, content: '{{ ask.result.value }}'}}\n",
    );
    let token = format!("token={TOKEN}");
    let ended = folder.orc(&["run", "p.orc.yaml", "-i", &token]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(document(&ended)["error"], "`ask` waits for an answer: Is it [secret token]?");
    clean_all(&folder, &ended);
    let refused = folder.orc(&["runs", "approve", "latest", "--answer", "1", "--later"]);
    refused.refused(
        "error: the answer stands in place of a secret that the run does not keep; answer at the terminal where the \
         run runs: `orc resume` asks",
    );
    let kept = folder.orc(&["runs", "approve", "latest", "--answer", "other", "--later"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    let resumed = folder.orc(&["resume", "latest", "-i", &token]);
    assert_eq!((resumed.code, folder.read("out.txt")), (Some(0), "other".to_owned()), "{resumed:?}");
    clean_all(&folder, &resumed);
}
