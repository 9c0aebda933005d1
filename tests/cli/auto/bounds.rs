//! What bounds the answers to tags: the step's time, another attempt, a person who stops the run.

use serde_json::json;

use super::{CANARY, EACH, STYLE, document, has_lock, lock, orc, says};
use crate::{
    models::fake::{Fake, Reply},
    support::Folder,
};

#[test]
fn the_timeout_of_a_step_bounds_the_answers_to_its_tags() {
    let fake = Fake::new(vec![Reply::Stall]);
    let folder = Folder::with("p.orc.yaml", STYLE.replace("action: echo", "action: echo\n    timeout: 0.3"));
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    let step = &document(&ended)["steps"]["say"];
    assert_eq!((&step["error_type"], &step["timed_out"]), (&json!("TimeoutError"), &json!(true)), "{ended:?}");
    assert_eq!(step["error"], json!("the `<AUTO>` of `say` was not answered within 0.3 s; raise the step's `timeout`"));
    let news: Vec<&str> = (0..2).map(|_| fake.news.recv().unwrap()).collect();
    assert_eq!(news, ["asked", "gone"]);
    assert!(!has_lock(&folder));
}

#[test]
fn a_step_that_is_tried_again_after_a_handler_asks_for_its_tags_anew() {
    let text = STYLE.replace(
        "action: echo",
        "action: echo\n    on_error: {handler_action: 'echo mended', retry_with_handler: true, max_handler_retries: 2}",
    );
    // Two answers that do not fit, and again, and one that does.
    let mut replies: Vec<Reply> = (0..4).map(|_| says(r#"{"value": "gothic"}"#)).collect();
    replies.push(says(r#"{"value": "ornate"}"#));
    let fake = Fake::new(replies);
    let folder = Folder::with("p.orc.yaml", text);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    let step = &document(&ended)["steps"]["say"];
    assert_eq!((ended.code, &step["value"]["result"]), (Some(0), &json!("in the style ornate of rust")), "{ended:?}");
    // What was of no use was paid for.
    assert_eq!((fake.asked().len(), &step["cost"]["nano_usd"]), (5, &json!(5 * EACH)));
    assert!(lock(&folder).contains("value: ornate"));
}

#[test]
#[cfg(unix)]
fn a_run_that_waits_for_the_lock_file_is_stopped_all_the_same() {
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    let fake = Fake::new(vec![says(r#"{"value": "ornate"}"#)]);
    let folder = Folder::with("p.orc.yaml", STYLE);
    // Another process changes the pins, and does not come to an end.
    let held = std::fs::File::open(folder.path().join("p.orc.yaml")).unwrap();
    held.lock().unwrap();
    let mut command = std::process::Command::new("env");
    command.arg("--default-signal").arg(env!("CARGO_BIN_EXE_orc")).args(["run", "p.orc.yaml"]);
    command.current_dir(folder.path()).stdin(std::process::Stdio::null());
    command.env("OPENAI_BASE_URL", fake.base("/v1")).env("OPENAI_API_KEY", CANARY);
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    assert_eq!(fake.news.recv(), Ok("asked"));
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!has_lock(&folder));
    drop(held);
}
