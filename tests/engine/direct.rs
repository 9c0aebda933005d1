//! Commands that need no shell have none around them, and nobody can tell by what comes of them.

use std::{os::unix::fs::PermissionsExt as _, process::Command};

use lang::template::shell::plain_words;
use serde_json::{Value, json};

use crate::support::{Ran, Workspace};

/// Runs one command, with the input `value`.
fn ran(workspace: &Workspace, command: &str, value: &str) -> Ran {
    let text = format!(
        "id: p\ninputs: {{value: {{type: string, default: ''}}}}\nsteps:\n  - id: s\n    tool: terminal\n    action: \
         execute\n    parameters: {{command: {}}}\n",
        json!(command)
    );
    workspace.run(&text, &[("value", json!(value))])
}

fn printed(command: &str, value: &str) -> String {
    let ran = ran(&Workspace::new(), command, value);
    ran.result("s")["stdout"].as_str().unwrap_or_else(|| panic!("{}", ran.summary())).to_owned()
}

/// The process that started what prints its own `stat`.
#[cfg(target_os = "linux")]
fn parent(command: &str, value: &str) -> u32 {
    let stat = printed(command, value);
    let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
    parent.and_then(|parent| parent.parse().ok()).unwrap_or_else(|| panic!("{stat}"))
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_with_plain_arguments_is_started_by_orc_itself() {
    let own = std::process::id();
    for (command, value) in [
        ("cat /proc/self/stat", ""),
        ("  'cat'  \"/proc/self/stat\"\n", ""),
        ("/bin/cat /proc/self/stat", ""),
        ("cat {{ value }}", "/proc/self/stat"),
    ] {
        assert_eq!(parent(command, value), own, "{command}");
    }
    // What a shell reads has one around it.
    for (command, value) in [
        ("cat /proc/self/stat; true", ""),
        ("cat /proc/self/stat 2> /dev/null && true", ""),
        ("if true; then cat /proc/self/stat; fi; true", ""),
        ("x=1 cat \"/proc/self/stat\"; true", ""),
    ] {
        assert_ne!(parent(command, value), own, "{command}");
    }
}

#[test]
fn values_arrive_as_they_are_with_a_shell_and_without() {
    for value in ["plain", "two words", "", "a'b", "$HOME", "x; id", "a\nb"] {
        assert_eq!(printed("env printf '<%s>' {{ value }}", value), format!("<{value}>"));
    }
}

/// The exit code and the error of `command`, whose program lies in `bin` if it is none of the system's.
fn ends(workspace: &Workspace, command: &str) -> (Value, String) {
    let ran = ran(workspace, command, "");
    (ran.result("s")["return_code"].clone(), ran.step("s").error.clone().unwrap_or_default())
}

#[test]
fn what_cannot_be_started_is_told_as_the_shell_tells_it() {
    let workspace = Workspace::new();
    let write = |name: &str, text: &str, mode: u32| {
        let path = workspace.root().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("its mode");
    };
    write("plain.sh", "echo \"$0 $1\"; exit 4\n", 0o755);
    write("closed.sh", "exit 5\n", 0o644);
    write("dies.sh", "#!/bin/sh\nkill -9 $$\n", 0o755);
    write("fails.sh", "#!/bin/sh\necho why >&2\nexit 7\n", 0o755);
    let said = |command: &str| {
        let output = Command::new("/bin/sh").args(["-c", command]).current_dir(workspace.root()).output().expect("sh");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), stderr.lines().last().unwrap_or_default().to_owned())
    };
    for command in ["no-such-program a", "./none a", "./closed.sh", "./plain.sh a", "./fails.sh", ". a b", "ls /none"] {
        let (code, line) = said(command);
        let error = if line.is_empty() { String::new() } else { format!(": {line}") };
        let wanted = format!("the command ended with exit code {}{error}", code.expect("a code"));
        assert_eq!(ends(&workspace, command), (json!(code), wanted), "{command}");
    }
    assert_eq!(
        ends(&workspace, "./dies.sh"),
        (json!(137), "the command ended with exit code 137: it was killed by SIGKILL".to_owned())
    );
}

#[test]
fn a_program_is_told_where_it_runs() {
    let workspace = Workspace::new();
    let told = |command: &str| ran(&workspace, command, "").result("s")["stdout"].clone();
    assert_eq!(told("printenv PWD"), json!(format!("{}\n", workspace.root())));
    assert_eq!(told("printenv PWD; true"), told("printenv PWD"));
}

/// Words made of pieces at random: where they count as plain, `sh` reads the same words.
/// A program that leads its group cannot leave it; beneath a shell it does not lead.
#[test]
#[cfg(target_os = "linux")]
fn what_leaves_its_group_does_so_with_a_shell_around_it() {
    assert_eq!(printed("env setsid sh -c 'sleep 0.3; echo done'", ""), "done\n");
    assert_eq!(printed("setsid -w echo done", ""), "done\n");
}

#[test]
fn a_script_is_called_as_it_was_given() {
    let workspace = Workspace::new();
    let script = workspace.root().join("say.sh");
    std::fs::write(&script, "#!/bin/sh\necho $0 $1\n").expect("a file");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let ran = ran(&workspace, "./say.sh 'a b'", "");
    assert_eq!(ran.result("s")["stdout"], "./say.sh a b\n", "{}", ran.summary());
}

#[test]
fn plain_words_are_the_words_that_a_shell_reads() {
    const PIECES: &[&str] = &[
        "a",
        "B7",
        " ",
        " ",
        "  ",
        "\t",
        "'",
        "'",
        "\"",
        "\"",
        "-",
        "--x=y",
        "_",
        ".",
        "/",
        ":",
        "=",
        ",",
        "+",
        "@",
        "%",
        "é",
        "ß",
        "'$x `'",
        "\"it's\"",
        "'\"'",
        "\"*?[~#;&|<>(){}!\"",
        "'\\n'",
        "\n",
        "\\",
        "$x",
        "`",
        "*",
        "?",
        "~",
        "#",
        "!",
        "{",
        "}",
        "\u{a0}",
        "^",
    ];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut pick = |of: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % of as u64) as usize
    };
    let mut plain = Vec::new();
    while plain.len() < 2_000 {
        let text: String = (0..2 + pick(9)).map(|_| PIECES[pick(PIECES.len())]).collect();
        let text = format!("program {text}");
        if let Some(words) = plain_words(&text) {
            plain.push((text, words));
        }
    }
    for shell in ["/bin/sh", "/bin/bash"].into_iter().filter(|shell| std::path::Path::new(shell).exists()) {
        let script: Vec<&str> = plain.iter().map(|(text, _)| &**text).collect();
        let script = format!("program() {{ printf '<%s>' \"$@\"; printf '\\001'; }}\n{}\n", script.join("\n"));
        let output = Command::new(shell).args(["-c", &script]).output().expect("a shell");
        let printed = String::from_utf8(output.stdout).expect("text");
        let read: Vec<&str> = printed.trim_end_matches('\u{1}').split('\u{1}').collect();
        assert_eq!(read.len(), plain.len(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
        for ((text, words), read) in plain.iter().zip(read) {
            // `printf` prints its format once even without arguments.
            assert_eq!(format!("<{}>", words[1..].join("><")), read, "{shell} reads {text:?} otherwise");
        }
    }
}

#[test]
fn what_only_a_shell_knows_needs_one() {
    for text in [
        "",
        " ",
        "echo a",
        "cd /",
        "x=1",
        "x=1 ls",
        "'x=1' ls",
        ". file",
        ": a",
        "true",
        "if a",
        "ls | cat",
        "ls; ls",
        "ls &",
        "ls > f",
        "ls $x",
        "ls \"$x\"",
        "ls `id`",
        "ls *",
        "ls a?",
        "ls ~",
        "ls # x",
        "ls \\a",
        "ls 'a",
        "ls \"a\\\"b\"",
        "ls (a)",
        "ls {a,b}",
        "ls\nls",
        "! ls",
        "[ a ]",
        "'' a",
        "ls !",
        "ls ^",
    ] {
        assert_eq!(plain_words(text), None, "{text:?}");
    }
}
