#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::Terminal;
use crate::tools::{OutputSink, ToolError, fixture::World, output::Stream};

/// The result without the time it took.
fn ok(world: &World, params: Value) -> Value {
    let mut result = world.ok(&Terminal, "execute", params);
    assert!(result["execution_time"].is_number());
    result.as_object_mut().unwrap().shift_remove("execution_time");
    result
}

#[test]
fn output_and_exit_code_are_in_the_result() {
    let world = World::new();
    assert_eq!(
        ok(&world, json!({"command": "! echo out; echo err >&2"})),
        json!({"command": " echo out; echo err >&2", "return_code": 0, "stdout": "out\n", "stderr": "err\n",
               "working_dir": ".", "truncated": false})
    );
}

#[test]
fn another_exit_code_is_a_reported_failure() {
    let world = World::new();
    let outcome = world.run(&Terminal, "execute", json!({"command": "echo no >&2; echo why >&2; exit 3"})).unwrap();
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.error_type, "CommandError");
    assert_eq!(failure.message, "the command ended with exit code 3: why");
    assert_eq!(failure.code, Some(3));
    assert_eq!(outcome.result["return_code"], 3);
    assert_eq!(
        world.failure(&Terminal, "execute", json!({"command": "kill -9 $$"})),
        "CommandError: the command was killed by SIGKILL"
    );
}

#[test]
fn it_runs_in_the_working_directory_and_nowhere_forbidden() {
    let world = World::new();
    world.write("work/sub/a.txt", "");
    let result = ok(&world, json!({"command": "pwd; ls", "working_dir": "./sub"}));
    assert_eq!(result["stdout"], format!("{}\na.txt\n", world.path("work/sub")));
    assert_eq!(result["working_dir"], "./sub");
    assert!(
        world
            .failure(&Terminal, "execute", json!({"command": "pwd", "working_dir": ".."}))
            .starts_with("PermissionError: ")
    );
    assert_eq!(
        world.failure(&Terminal, "execute", json!({"command": "pwd", "working_dir": "none"})),
        "FileNotFoundError: cannot run in `none`: there is no such directory"
    );
}

#[test]
fn the_environment_is_scrubbed() {
    let mut world = World::new();
    let environment = [
        ("PATH", "/usr/bin:/bin"),
        ("LC_ALL", "C"),
        ("HOME", "/home/me"),
        ("OPENAI_API_KEY", "sk-1"),
        ("AWS_SECRET", "s"),
        ("MINE", "m"),
    ];
    world.cx.environment = Arc::new(
        environment.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>(),
    );
    world.cx.permissions.env = vec!["MINE".to_owned(), "OPENAI_API_KEY".to_owned()];
    let result =
        ok(&world, json!({"command": "env | sort | cut -d= -f1 | grep -v -e '^ORC_COMMAND' -e '^PWD' -e '^_$'"}));
    assert_eq!(result["stdout"], "HOME\nLC_ALL\nMINE\nPATH\n");
}

#[test]
fn there_is_no_input_and_foreign_bytes_do_no_harm() {
    let world = World::new();
    assert_eq!(ok(&world, json!({"command": "cat; printf 'a\\377b'"}))["stdout"], "a\u{fffd}b");
}

#[test]
fn output_is_bounded() {
    let world = World::new();
    let result = ok(&world, json!({"command": "echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last"}));
    let text = result["stdout"].as_str().unwrap();
    assert!(text.len() < 1_100_000, "{}", text.len());
    assert!(text.starts_with("first\n") && text.ends_with("\nlast\n"));
    assert!(text.contains("\n[1951436 bytes left out]\n"));
    assert_eq!(result["truncated"], true);
}

/// A folder for the store that is no part of the working directory.
fn with_store(world: &mut World) -> String {
    world.write("kept/here", "");
    world.cx.store = Some(world.path("kept/runs.db").into());
    world.cx.asking.step = "a".to_owned();
    world.path("kept/output").to_string()
}

#[test]
fn all_of_a_long_output_is_in_a_file() {
    let mut world = World::new();
    let folder = with_store(&mut world);
    let command = "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last; echo short >&2";
    let result = ok(&world, json!({ "command": command }));
    let file = result["stdout_file"].as_str().unwrap();
    assert!(file.starts_with(&folder) && file.ends_with("/a.stdout.txt"), "{file}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), format!("{}\nlast\n", "x".repeat(3_000_000)));
    assert!(result.get("stderr_file").is_none() && result.get("file_error").is_none(), "{result}");
    // What the result holds whole needs no file.
    ok(&world, json!({"command": "head -c 1048576 /dev/zero >&2"}));
    ok(&world, json!({"command": "head -c 3000000 /dev/zero", "capture_output": false}));
    assert_eq!(std::fs::read_dir(std::path::Path::new(file).parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn output_that_cannot_be_kept_in_a_file_is_no_failure_and_says_why() {
    let mut world = World::new();
    let folder = with_store(&mut world);
    std::fs::write(folder, "").unwrap();
    let result = ok(&world, json!({"command": "head -c 3000000 /dev/zero >&2"}));
    assert_eq!((&result["truncated"], result.get("stderr_file")), (&json!(true), None));
    let error = result["file_error"].as_str().unwrap();
    assert!(error.starts_with("all of the output cannot be kept in a file: "), "{error}");
}

#[test]
fn output_is_passed_on_while_it_comes() {
    let mut world = World::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    world.cx.on_output =
        Some(OutputSink::new(move |stream, text: &str| sink.lock().unwrap().push((stream, text.to_owned()))));
    let result = ok(&world, json!({"command": "echo a; echo b >&2", "capture_output": false}));
    assert_eq!((&result["stdout"], &result["stderr"]), (&json!(""), &json!("")));
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_by_key(|(stream, _)| *stream == Stream::Stderr);
    assert_eq!(seen, [(Stream::Stdout, "a\n".to_owned()), (Stream::Stderr, "b\n".to_owned())]);
}

#[test]
fn running_out_of_time_is_a_reported_failure() {
    let world = World::new();
    let outcome = world.run(&Terminal, "execute", json!({"command": "echo begun; sleep 100", "timeout": 0.3})).unwrap();
    let failure = outcome.failure.unwrap();
    assert_eq!(failure.error_type, "TimeoutError");
    assert_eq!(failure.message, "the command timed out after 0.3 s and was killed; raise `timeout` if it needs longer");
    assert_eq!(outcome.result["return_code"], -1);
    assert_eq!(outcome.result["stdout"], "begun\n");
}

#[test]
fn cancelling_breaks_it_off() {
    let world = World::new();
    world.cx.cancel.cancel();
    let ToolError(failure) = world.run(&Terminal, "execute", json!({"command": "sleep 100"})).unwrap_err();
    assert_eq!(failure.error_type, "CancelledError");
}

#[test]
fn what_it_leaves_in_the_background_ends_with_it() {
    let world = World::new();
    let result = ok(&world, json!({"command": "sleep 100 & echo $!"}));
    assert!(World::is_gone(result["stdout"].as_str().unwrap()));
}
