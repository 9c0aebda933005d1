//! Reading our own sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A source file: its path from the root, with `/`, and its text.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("invariant: crates stand beneath the root").to_owned()
}

/// The files beneath `folder` with this extension, by path. Build output is left out.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root().join(folder), extension, &mut found);
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

/// The Rust files of the three crates and of `tests/`.
pub(crate) fn rust_files() -> Vec<Source> {
    ["engine", "server", "tests"].iter().flat_map(|folder| files(folder, "rs")).collect()
}

impl Source {
    /// The lines that are no comment, with their numbers from 1, up to the unit tests.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
        lines
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// Whether it holds nothing but tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

fn walk(folder: &Path, extension: &str, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("the folder is readable").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules", "dist"].contains(&name) {
                walk(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let inside = path.strip_prefix(root()).expect("invariant: the walk starts at the root");
            found.push(Source { path: inside.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

/// Fails with all of `complaints`, one per line.
pub(crate) fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
