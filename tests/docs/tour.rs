//! `docs/first-pipeline.md` is followed as a reader would: each file is written, checked and run, each
//! command is typed, and what it answers is compared.

use std::{fmt::Write, fs, path::Path};

use crate::support::{committed, orc, root, updates};

const FILE: &str = "digest.orc.yaml";

/// The page as it would be with what the commands answer today.
fn followed(page: &str, folder: &Path) -> String {
    let mut out = String::new();
    let mut lines = page.lines();
    fs::write(folder.join(FILE), "").unwrap();
    while let Some(line) = lines.next() {
        let _ = writeln!(out, "{line}");
        let Some(kind) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match kind {
            "yaml" | "yaml wrong" => {
                let text = block.join("\n") + "\n";
                fs::write(folder.join(FILE), &text).unwrap();
                tried(folder, &text, kind == "yaml");
                out.push_str(&text);
            }
            "console" => {
                for command in block.iter().filter_map(|line| line.strip_prefix("$ ")) {
                    let _ = write!(out, "$ {command}\n{}", answer(folder, command));
                }
            }
            other => panic!("`{other}`: what is this block?"),
        }
        out.push_str("```\n");
    }
    out
}

/// A file that is right has no problem and runs to its end; a wrong one is refused.
fn tried(folder: &Path, text: &str, right: bool) {
    let (said, code) = orc(folder, &["validate", FILE]);
    assert_eq!(code, Some(if right { 0 } else { 2 }), "{text}\n{said}");
    assert!(!right || said == "1 pipeline checked: no problems\n", "{text}\n{said}");
    let (said, code) = orc(folder, &["run", FILE, "--simulate"]);
    assert_eq!(code, Some(if right { 0 } else { 2 }), "{text}\n{said}");
}

/// What a reader would see; how long something took is not told.
fn answer(folder: &Path, command: &str) -> String {
    let words = words(command);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let text = match *words {
        ["cat", path] => fs::read_to_string(folder.join(path)).unwrap(),
        ["orc", ref arguments @ ..] => orc(folder, arguments).0,
        _ => panic!("`{command}`: only `orc` and `cat` are typed here"),
    };
    text.trim_end().lines().fold(String::new(), |out, line| out + timeless(line).trim_end() + "\n")
}

/// The line with a time of its own instead of the one the run took.
fn timeless(line: &str) -> String {
    match line.split_once(" completed in ") {
        Some((run, _)) => format!("{run} completed in 0.1 s"),
        None => line.to_owned(),
    }
}

/// The words of a command, quotes read as a shell reads them.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in command.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

#[test]
fn the_tour_of_the_first_pipeline_is_true() {
    let path = root().join("docs/first-pipeline.md");
    let page = committed(&path);
    let folder = tempfile::tempdir().unwrap();
    let fresh = followed(&page, folder.path());
    assert!(page.matches("```yaml").count() > 3, "the page has its files");
    if updates() {
        fs::write(&path, fresh).unwrap();
        return;
    }
    expect_test::expect_file![path].assert_eq(&fresh);
}
