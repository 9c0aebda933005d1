//! The audit log: who did what to runs.

use serde_json::{Value, json};

use crate::support::Folder;

const PIPELINE: &str = "\
id: p
inputs:
  who: {type: string, default: world}
steps:
  - {id: say, action: echo, parameters: {message: 'hello {{ who }}'}}
  - {id: touch, tool: terminal, action: execute, parameters: {command: 'echo once >> log'}}
  - {id: ask, tool: user-prompt, action: prompt, parameters: {prompt: Well?}}
";

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

#[test]
fn what_is_done_to_runs_is_in_the_audit_log_without_values() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    for who in ["sesame", "sesame", "other"] {
        assert_eq!(folder.orc(&["run", "p.orc.yaml", "-i", &format!("who={who}")]).code, Some(3));
    }
    assert_eq!(folder.orc(&["runs", "approve", "latest", "--answer", "fine"]).code, Some(0));
    assert_eq!(folder.orc(&["runs", "prune", "--keep", "1"]).code, Some(0));
    let text = folder.read(".orc/audit.jsonl");
    assert!(!text.contains("sesame") && !text.contains("fine"), "{text}");
    assert_eq!(folder.orc(&["runs", "logs", "--audit"]).stdout, text);

    let log = lines(&text);
    let what: Vec<&str> = log.iter().map(|line| line["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["started", "started", "started", "approved", "resumed", "pruned", "pruned"]);
    assert_eq!(log[0]["steps"], json!({"touch": "terminal", "ask": "user-prompt"}));
    assert_eq!([&log[0]["pipeline"], &log[0]["file"], &log[0]["program"]], ["p", "p.orc.yaml", "cli"]);
    assert_eq!(log[3]["step"], "ask");
    assert_eq!(log[3]["run"], log[2]["run"]);
    // The same input has the same hash, another one another.
    assert_eq!(log[0]["inputs"], log[1]["inputs"]);
    assert_ne!(log[0]["inputs"], log[2]["inputs"]);
    assert_eq!(log[0]["inputs"]["who"].as_str().map(str::len), Some(64));
}

/// Who has the key of the hashes could try what a secret may be.
#[test]
fn nothing_is_said_of_inputs_that_are_secret() {
    let text = "\
id: p
inputs:
  who: {type: string}
  word: {type: string, secret: true}
  twice: {type: string}
steps:
  - {id: say, action: echo, parameters: {message: 'hello {{ who }}'}}
";
    let folder = Folder::with("p.orc.yaml", text);
    let inputs = ["-i", "who=world", "-i", "word=open-sesame", "-i", "twice=open-sesame, open-sesame"];
    assert_eq!(folder.orc(&[&["run", "p.orc.yaml"][..], &inputs].concat()).code, Some(0));
    let log = lines(&folder.read(".orc/audit.jsonl"));
    assert_eq!(log[0]["inputs"].as_object().unwrap().keys().collect::<Vec<_>>(), ["who"]);
}

#[test]
#[cfg(unix)]
fn it_is_for_its_owner_alone_and_nothing_is_written_without_a_store() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    folder.orc(&["run", "p.orc.yaml", "--no-store"]);
    assert!(!folder.path().join(".orc").exists());
    folder.orc(&["run", "p.orc.yaml"]);
    for file in ["audit.jsonl", "audit.key"] {
        let mode = folder.path().join(".orc").join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_run_that_cannot_be_logged_does_not_begin() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    std::fs::create_dir_all(folder.path().join(".orc/audit.jsonl")).unwrap();
    let ended = folder.orc(&["run", "p.orc.yaml"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
    assert!(ended.stderr.starts_with("error: the audit log `"), "{}", ended.stderr);
    assert!(ended.stderr.contains(".orc/audit.jsonl` cannot be written: "), "{}", ended.stderr);
    assert!(!folder.path().join("log").exists());
}

/// The command that cancels runs is run by somebody else than the run.
#[test]
#[cfg(target_os = "linux")]
fn whoever_asks_for_the_end_of_a_run_is_in_the_log_once() {
    use std::process::{Command, Stdio};

    let folder =
        Folder::with("p.orc.yaml", "id: p\nsteps:\n  - {id: a, tool: terminal, parameters: {command: sh wait.sh}}\n");
    folder.write("wait.sh", ": > began; while :; do sleep 0.01; done");
    let stopped = |stop: &dyn Fn(u32)| {
        std::fs::remove_file(folder.path().join("began")).ok();
        let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
        command.args(["run", "p.orc.yaml"]).current_dir(folder.path()).env("USER", "anna").stdin(Stdio::null());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        crate::brood::until(|| folder.path().join("began").exists(), || "it did not begin".to_owned());
        stop(child.id());
        assert_eq!(child.wait().unwrap().code(), Some(130));
    };
    stopped(&|_| {
        let ended = folder.orc_with(&[("USER", "bert")], &["runs", "cancel", "latest"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    });
    stopped(&|process| {
        let process = nix::unistd::Pid::from_raw(process.try_into().unwrap());
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).unwrap();
    });
    let log = lines(&folder.read(".orc/audit.jsonl"));
    let what: Vec<_> =
        log.iter().map(|line| (line["user"].as_str().unwrap(), line["what"].as_str().unwrap())).collect();
    assert_eq!(what, [("anna", "started"), ("bert", "cancelled"), ("anna", "started"), ("anna", "cancelled")]);
    assert_eq!((&log[0]["run"], &log[2]["run"]), (&log[1]["run"], &log[3]["run"]));
}
