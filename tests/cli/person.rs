//! Steps that ask a person.

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::Folder;

const PIPELINE: &str = "\
id: p
steps:
  - {id: before, tool: terminal, action: execute, parameters: {command: 'echo once >> log'}}
  - id: ask
    tool: user-prompt
    action: prompt
    parameters: {prompt: Which language?, input_type: choice, choices: [English, German]}
  - {id: beside, action: echo, parameters: {message: goes on}}
  - {id: after, action: echo, parameters: {message: '{{ ask.result.value }}!'}}
outputs: {said: '{{ after.result }}'}
";

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// `id status` of each step.
fn statuses(document: &Value) -> Vec<String> {
    let steps = document["steps"].as_object().unwrap();
    steps.iter().map(|(id, step)| format!("{id} {}", step["status"].as_str().unwrap())).collect()
}

#[test]
fn without_anybody_to_ask_the_run_waits_and_an_answer_goes_on_with_it() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    let ended = folder.orc(&["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let waiting = document(&ended.stdout);
    assert_eq!((&waiting["status"], &waiting["success"]), (&json!("waiting"), &json!(false)));
    assert_eq!(waiting["error"], "`ask` waits for an answer: Which language?");
    assert_eq!(statuses(&waiting), ["before completed", "ask waiting", "beside completed", "after not_run"]);
    assert_eq!(waiting["outputs"], json!({"said": null}));

    let run = waiting["execution_id"].as_str().unwrap();
    let shown = folder.orc(&["runs", "show"]).stdout;
    let asked = format!("`ask` asks: Which language?\n    orc runs approve {run} ask --answer English|German\n");
    assert!(shown.ends_with(&asked), "{shown}");
    assert!(folder.orc(&["runs", "list"]).stdout.contains("waiting"));

    // Without an answer it waits on, and asks nothing anew.
    let again = folder.orc(&["resume", "latest"]);
    assert_eq!((again.code, statuses(&document(&again.stdout))), (Some(3), statuses(&waiting)));

    let wrong = folder.orc(&["runs", "approve", "latest", "ask", "--answer", "French"]);
    assert_eq!(wrong.code, Some(2));
    expect![[r#"
        error: the answer does not fit: `French` is none of `English`, `German`
    "#]]
    .assert_eq(&wrong.stderr);
    assert_eq!(folder.orc(&["runs", "approve", "latest", "beside", "--answer", "x"]).code, Some(2));
    assert_eq!(folder.orc(&["runs", "approve", "latest"]).code, Some(2));

    let ended = folder.orc(&["runs", "approve", "latest", "ask", "--answer", "German"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let done = document(&ended.stdout);
    assert_eq!((&done["execution_id"], &done["outputs"]), (&json!(run), &json!({"said": "German!"})));
    assert_eq!(std::fs::read_to_string(folder.path().join("log")).unwrap(), "once\n");
    let steps = document(&folder.orc(&["runs", "show", "--format", "json"]).stdout)["steps"].clone();
    let answer = steps.as_array().unwrap().iter().find(|step| !step["answer"].is_null()).unwrap();
    assert_eq!(answer["answer"]["answers"], json!({"answer": "German"}));
}

#[test]
fn an_answer_is_kept_whatever_happens_to_the_run() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    folder.orc(&["run", "p.orc.yaml"]);
    let kept = folder.orc(&["runs", "approve", "latest", "--answer", "1", "--later"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    for point in 1.. {
        if !folder.orc_killed_at(point, &["resume", "latest"]) {
            break;
        }
    }
    let done = document(&folder.orc(&["runs", "show", "--format", "json"]).stdout);
    assert_eq!(done["result"]["outputs"], json!({"said": "English!"}));
    // Whoever went on with it, it was asked once.
    let events = folder.orc(&["runs", "logs", "--format", "jsonl"]).stdout;
    assert_eq!(events.matches(r#""type":"approval""#).count(), 1);
}

const GATE: &str = "\
id: p
steps:
  - id: gate
    tool: approval-gate
    action: approve
    parameters: {title: Publish?, content: the report}
  - {id: publish, action: echo, parameters: {message: '{{ gate.result.modified_content | default(\"as it is\", true) }}'}, condition: '{{ gate.result.approved }}'}
outputs: {action: '{{ gate.result.action }}', why: '{{ gate.result.rejection_reason }}', said: '{{ publish.result | default(\"\") }}'}
";

#[test]
fn what_is_to_be_approved_can_be_approved_changed_and_refused() {
    let outputs = |arguments: &[&str]| {
        let folder = Folder::with("p.orc.yaml", GATE);
        assert_eq!(folder.orc(&["run", "p.orc.yaml"]).code, Some(3));
        let ended = folder.orc(&[&["runs", "approve", "latest"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        document(&ended.stdout)["outputs"].clone()
    };
    assert_eq!(outputs(&[]), json!({"action": "approved", "why": null, "said": "as it is"}));
    assert_eq!(outputs(&["--answer", "better"]), json!({"action": "modified", "why": null, "said": "better"}));
    assert_eq!(
        outputs(&["--reject", "--reason", "too long"]),
        json!({"action": "rejected", "why": "too long", "said": ""})
    );
    let folder = Folder::with("p.orc.yaml", GATE);
    folder.orc(&["run", "p.orc.yaml"]);
    let refused = folder.orc(&["runs", "approve", "latest", "--reject"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("a refusal needs a reason"), "{}", refused.stderr);
}

#[test]
fn steps_ask_in_loops_in_children_and_beside_each_other() {
    let text = "\
id: p
steps:
  - id: each
    for_each: [a, b]
    max_parallel: 2
    steps:
      - {id: ask, tool: user-prompt, action: prompt, parameters: {prompt: 'What about {{ item }}?'}}
      - {id: keep, action: echo, parameters: {message: '{{ item }} {{ ask.result.value }}'}}
  - id: child
    tool: pipeline-executor
    action: execute
    parameters:
      pipeline: |
        id: inner
        steps:
          - {id: n, tool: user-prompt, action: prompt, parameters: {prompt: How many?, input_type: number}}
        outputs: {n: '{{ n.result.value + 1 }}'}
outputs: {all: '{{ each.result.results }}', n: '{{ child.result.outputs.n }}'}
";
    let folder = Folder::with("p.orc.yaml", text);
    assert_eq!(folder.orc(&["run", "p.orc.yaml"]).code, Some(3));
    let several = folder.orc(&["runs", "approve", "latest"]);
    expect![[r#"
        error: name the step: `child[0].n`, `each[0].ask`, `each[1].ask` ask
    "#]]
    .assert_eq(&several.stderr);
    for (step, answer, code) in [("each[1].ask", "two", 3), ("child[0].n", "41", 3), ("each[0].ask", "one", 0)] {
        let ended = folder.orc(&["runs", "approve", "latest", step, "--answer", answer]);
        assert_eq!(ended.code, Some(code), "{step}: {ended:?}");
    }
    let done = document(&folder.orc(&["runs", "show", "--format", "json"]).stdout);
    let outputs = &done["result"]["outputs"];
    assert_eq!(outputs["n"], 42);
    let said = |at: usize| outputs["all"][at]["keep"]["result"].clone();
    assert_eq!([said(0), said(1)], ["a one", "b two"]);
}

#[test]
fn a_question_may_run_out_of_time() {
    let text = |more: &str| {
        format!(
            "id: p\nsteps:\n  - {{id: ask, tool: user-prompt, action: prompt, parameters: {{prompt: Well?, timeout: \
             0.001{more}}}}}\noutputs: {{v: '{{{{ ask.result.value }}}}', d: '{{{{ ask.result.used_default }}}}'}}\n"
        )
    };
    let folder = Folder::with("p.orc.yaml", text(", default: yes"));
    assert_eq!(folder.orc(&["run", "p.orc.yaml"]).code, Some(3));
    let ended = folder.orc(&["resume", "latest"]);
    assert_eq!(document(&ended.stdout)["outputs"], json!({"v": "yes", "d": true}), "{ended:?}");

    let folder = Folder::with("p.orc.yaml", text(""));
    folder.orc(&["run", "p.orc.yaml"]);
    let ended = folder.orc(&["resume", "latest"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let step = &document(&ended.stdout)["steps"]["ask"];
    assert_eq!(step["error_type"], "TimeoutError");
}

#[test]
fn several_questions_are_answered_as_an_object() {
    let text = "\
id: p
steps:
  - id: f
    tool: feedback-collection
    action: collect
    parameters:
      title: How was it?
      required_questions: [stars]
      save_to_file: answers.json
      questions:
        - {id: stars, text: How good?, type: rating}
        - {id: why, text: Why?, type: text}
outputs: {r: '{{ f.result.responses }}', mean: '{{ f.result.summary.average_rating }}', share: '{{ f.result.completion_rate }}'}
";
    let folder = Folder::with("p.orc.yaml", text);
    assert_eq!(folder.orc(&["run", "p.orc.yaml"]).code, Some(3));
    let wrong = folder.orc(&["runs", "approve", "latest", "--answer", r#"{"stars": 9, "whom": 1}"#]);
    expect![[r#"
        error: the answer to `f` does not fit: nobody asked for `whom`; `stars`: `9` is no whole number from 1 to 5
    "#]]
    .assert_eq(&wrong.stderr);
    let ended = folder.orc(&["runs", "approve", "latest", "--answer", r#"{"stars": 4}"#]);
    assert_eq!(document(&ended.stdout)["outputs"], json!({"r": {"stars": 4}, "mean": 4.0, "share": 0.5}));
    assert_eq!(std::fs::read_to_string(folder.path().join("answers.json")).unwrap(), "{\n  \"stars\": 4\n}\n");
}

/// Runs orc with a terminal of its own, typing `typed` as it is asked (after a NUL: making the file of that
/// name instead); what stood on the terminal and the exit code.
#[cfg(unix)]
fn at_a_terminal(folder: &Folder, arguments: &[&str], typed: &[(&str, &str)]) -> (String, i32) {
    let script = "
import os, pty, sys, json
exe, arguments, typed = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.execv(exe, [exe] + arguments)
seen, place = '', 0
while True:
    try:
        chunk = os.read(fd, 4096)
    except OSError:
        break
    if not chunk:
        break
    seen += chunk.decode(errors='replace')
    while typed and seen.find(typed[0][0], place) >= 0:
        place = seen.find(typed[0][0], place) + len(typed[0][0])
        text = typed.pop(0)[1]
        if text.startswith(chr(0)):
            open(text[1:], 'w').close()
        else:
            os.write(fd, text.encode())
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps([seen, code]))
";
    let call = json!([env!("CARGO_BIN_EXE_orc"), arguments, typed]).to_string();
    let mut python = std::process::Command::new("python3");
    python.args(["-c", script, &call]).current_dir(folder.path()).env("TERM", "xterm");
    let ran = python.output().unwrap();
    let (seen, code): (String, i32) = serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&ran.stderr)));
    (seen.replace("\r\n", "\n"), code)
}

#[test]
#[cfg(unix)]
fn at_a_terminal_the_person_is_asked_until_the_answer_fits() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    let typed = [("› ", "French\n"), ("none of", ""), ("› ", "2\n")];
    let (seen, code) = at_a_terminal(&folder, &["run", "p.orc.yaml", "--format", "json", "-o", "r.json"], &typed);
    assert_eq!(code, 0, "{seen}");
    for line in ["? Which language?  (ask)", "  1  English", "  2  German", "`French` is none of `English`, `German`"] {
        assert!(seen.contains(line), "{line}: {seen}");
    }
    let done = document(&std::fs::read_to_string(folder.path().join("r.json")).unwrap());
    assert_eq!(done["outputs"], json!({"said": "German!"}));
}

#[test]
#[cfg(unix)]
fn running_steps_have_rows_on_a_terminal_and_none_while_a_question_is_asked() {
    // `slow` runs until the terminal has shown that it does.
    let text = "\
id: p
steps:
  - {id: slow, tool: terminal, action: execute, parameters: {command: 'until test -e go; do sleep 0.01; done'}}
  - {id: ask, tool: user-prompt, action: prompt, dependencies: [slow], parameters: {prompt: Well?}}
";
    let folder = Folder::with("p.orc.yaml", text);
    let typed = [(" slow  ", "\0go"), ("› ", "fine\n")];
    let (seen, code) = at_a_terminal(&folder, &["run", "p.orc.yaml", "--format", "text"], &typed);
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("0/2 steps  "), "{seen}");
    // Whatever was drawn before, the question stands alone.
    let question = seen.find("? Well?").unwrap();
    let answered = question + seen[question..].find("fine").unwrap();
    assert!(!seen[question..answered].contains('\u{1b}'), "{seen}");
    let rows = seen[..question].rfind("steps  ").unwrap();
    assert!(seen[rows..question].contains("\r\u{1b}["), "{seen}");
    // In the end the rows are gone: nothing moves the cursor any more.
    let summary = seen.rfind(" p completed in ").unwrap();
    assert!(!seen[summary..].contains("\u{1b}[J"), "{seen}");
    assert!(seen[..summary].rfind("\u{1b}[J") >= seen[..summary].rfind("steps  "), "{seen}");
}

#[test]
fn elsewhere_progress_is_plain_lines() {
    let text = "id: p\nsteps:\n  - {id: a, action: echo, parameters: {message: hi}}\n";
    let ended = Folder::with("p.orc.yaml", text).orc(&["run", "p.orc.yaml"]);
    let shown = &ended.stderr;
    assert!(shown.starts_with("✔ a ") && shown.ends_with(" s\n") && shown.lines().count() == 1, "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    assert!(ended.stdout.starts_with('{'), "{}", ended.stdout);
}
