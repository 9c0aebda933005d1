//! Whatever a file is, there is an answer: an error for people, never a crash and never a wait.

use std::fmt::Write;

use crate::support::Folder;

const PIPELINE: &str = "name: a\nsteps:\n  - id: s\n    action: echo hello\n";

#[test]
fn a_missing_file_is_named() {
    Folder::new().orc(&["validate", "a.orc.yaml"]).refused("error: cannot read `a.orc.yaml`: there is no such file");
}

#[test]
fn a_single_line_of_50_megabytes_is_too_large() {
    let folder = Folder::with("a.orc.yaml", vec![b'a'; 50 * 1024 * 1024]);
    let message = "error: `a.orc.yaml` is larger than 32 MB, the most that is read; split it";
    folder.orc(&["validate", "a.orc.yaml"]).refused(message);
    folder.orc(&["run", "a.orc.yaml"]).refused(message);
}

#[test]
fn ten_thousand_levels_of_nesting_end_in_order() {
    for text in [
        format!("name: a\nsteps: {}", "[".repeat(10_000)),
        format!("name: a\nsteps: {}{}", "[".repeat(10_000), "]".repeat(10_000)),
        format!("name: a\nsteps: {}", "{a: ".repeat(10_000)),
        format!("name: a\nsteps:\n{}", "- ".repeat(10_000)),
        (0..10_000).map(|level| " ".repeat(level) + "a:\n").collect(),
    ] {
        let ended = Folder::with("a.orc.yaml", text).orc(&["validate", "a.orc.yaml"]);
        ended.in_order();
    }
}

#[test]
fn an_alias_bomb_ends_in_order() {
    let mut text = "name: a\na0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(text, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    text.push_str("steps:\n  - id: s\n    action: echo hello\n    parameters: {text: *a29}\n");
    Folder::with("a.orc.yaml", text).orc(&["validate", "a.orc.yaml"]).in_order();
}

#[test]
fn bodies_that_aliases_repeat_end_in_order() {
    let mut text = "name: a\nx0: &x0 []\n".to_owned();
    for level in 1..=12 {
        let step = format!("{{id: s, for_each: [1], steps: *x{}}}", level - 1);
        writeln!(text, "x{level}: &x{level} [{}]", vec![step; 4].join(", ")).unwrap();
    }
    text.push_str("steps: *x12\n");
    Folder::with("a.orc.yaml", text).orc(&["validate", "a.orc.yaml"]).in_order();
}

#[test]
fn thousands_of_openers_that_are_never_closed_end_in_order() {
    for opener in ["<AUTO> ", "x {{ y ", "x {# ", "x {% if y "] {
        let text = format!("name: a\nsteps:\n  - id: s\n    action: x {}\n", opener.repeat(4000));
        Folder::with("a.orc.yaml", text).orc(&["validate", "a.orc.yaml"]).in_order();
    }
}

#[test]
fn control_characters_and_mixed_line_ends_end_in_order() {
    for text in [
        "name: a\0b\nsteps:\n  - id: s\n    action: echo\0hello\n",
        "name: a\r\nsteps:\r  - id: s\n    action: echo hello\r\n",
        "\u{feff}name: a\nsteps:\n  - id: s\n    action: echo hello\n",
        "\u{feff}",
        "",
        "\r",
        "\u{1b}[31mname: a\u{2028}\nsteps: \u{85}\n",
    ] {
        Folder::with("a.orc.yaml", text).orc(&["validate", "a.orc.yaml"]).in_order();
    }
}

#[test]
fn a_byte_order_mark_is_no_error() {
    let ended = Folder::with("a.orc.yaml", format!("\u{feff}{PIPELINE}")).orc(&["validate", "a.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn invalid_utf_8_is_placed() {
    Folder::with("a.orc.yaml", b"name: a\nsteps: \xff\n")
        .orc(&["validate", "a.orc.yaml"])
        .refused("error: `a.orc.yaml` is no UTF-8 text: byte 0xff at offset 15, line 2; save the file as UTF-8");
}

#[test]
fn a_directory_is_no_pipeline_to_run() {
    let folder = Folder::with("pipelines/a.orc.yaml", PIPELINE);
    folder.orc(&["run", "pipelines"]).refused("error: `pipelines` is a directory; name a pipeline file in it");
}

#[cfg(unix)]
#[test]
fn a_fifo_is_refused_and_not_waited_for() {
    let folder = Folder::new();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
    assert!(made.success());
    let message = "error: `pipe` is no regular file; to read from a pipe, name `-` and redirect it to standard input";
    folder.orc(&["validate", "pipe"]).refused(message);
    folder.orc(&["run", "pipe"]).refused(message);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with("a.orc.yaml", PIPELINE);
    let path = folder.path().join("a.orc.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        return; // The superuser reads everything.
    }
    folder.orc(&["validate", "a.orc.yaml"]).refused("error: cannot read `a.orc.yaml`: its permissions forbid it");
}

#[test]
fn inputs_that_are_no_inputs_are_refused() {
    let folder = Folder::with("a.orc.yaml", PIPELINE);
    folder.write("list.json", "[1]");
    folder.write("broken.json", "{");
    folder.orc(&["run", "a.orc.yaml", "-i", "x"]).refused("error: `-i x` is no `NAME=VALUE`; write `-i x=…`");
    folder
        .orc(&["run", "a.orc.yaml", "-c", "list.json"])
        .refused("error: `list.json` holds no JSON object; write `{\"name\": value}`");
    folder
        .orc(&["run", "a.orc.yaml", "-c", "broken.json"])
        .refused("error: `broken.json` is no JSON: EOF while parsing an object at line 1 column 1");
}
