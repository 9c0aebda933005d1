//! Texts to test with: real pipelines, and what is put into them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The files of the corpus with their names, in order of name.
pub fn pipelines() -> Vec<(String, String)> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut roots = above.map(|folder| folder.join("shared/corpus/pipelines"));
    let root = roots.find(|root| root.is_dir()).expect("the corpus is missing");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the corpus is readable") {
            let path: PathBuf = entry.expect("the corpus is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                let name = path.strip_prefix(&root).expect("invariant: the walk starts at the root");
                let text = fs::read_to_string(&path).expect("the corpus is text");
                files.push((name.to_string_lossy().into_owned(), text));
            }
        }
    }
    files.sort();
    assert!(files.len() > 80, "the corpus is incomplete");
    files
}

/// What people, editors and merges put into a text.
pub const INSERTED: &[&str] = &[
    "",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "{{",
    "}}",
    "{{ ",
    "{%",
    "%}",
    "{#",
    "<AUTO>",
    "</AUTO>",
    "<AUTO",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    ":",
    ": ",
    "- ",
    "\n- ",
    "\n  - ",
    "#",
    " #",
    "|",
    ">",
    "&",
    "*",
    "!",
    "!!",
    "? ",
    ",",
    "%",
    "@",
    "`",
    "\\",
    "---",
    "\n---\n",
    "\n...\n",
    "<<<<<<< HEAD\n",
    "\0",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "é",
    "😀",
    "a",
    "    ",
];
