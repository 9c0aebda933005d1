//! The shape of source files.

use crate::support::{none, rust_files};

/// Lines a file may have.
const MAX_LINES: usize = 600;

#[test]
fn no_file_is_longer_than_600_lines() {
    let long = rust_files().into_iter().filter(|file| file.text.lines().count() > MAX_LINES);
    none(&long.map(|file| format!("{}: {} lines", file.path, file.text.lines().count())).collect::<Vec<_>>());
}

#[test]
fn every_file_says_what_it_is() {
    let silent = rust_files().into_iter().filter(|file| !file.is_test() && !file.text.starts_with("//!"));
    none(&silent.map(|file| format!("{}: begin with `//!`", file.path)).collect::<Vec<_>>());
}

#[test]
fn no_test_is_switched_off_and_nothing_is_left_to_do() {
    let words = [concat!("#[ig", "nore"), concat!("to", "do!("), concat!("unimple", "mented!("), concat!("db", "g!(")];
    let mut complaints = Vec::new();
    for file in rust_files() {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                complaints.push(format!("{}:{}: `{word}`", file.path, index + 1));
            }
        }
    }
    none(&complaints);
}

#[test]
fn modules_stand_beside_their_folder() {
    let wrong = rust_files().into_iter().filter(|file| file.path.ends_with("/mod.rs"));
    none(&wrong.map(|file| format!("{}: name it after its folder", file.path)).collect::<Vec<_>>());
}
