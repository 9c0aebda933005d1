//! `docs/reference`: pages made of what the program knows, so that they cannot say something else.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::support::{committed, root, updates};

mod codes;
mod index;
mod keys;
mod markdown;
mod settings;
mod templates;
mod tools;

/// Pages by their path in `docs/reference`.
type Pages = BTreeMap<String, String>;

const NOTE: &str = "<!-- Made by `UPDATE_EXPECT=1 cargo test -p orc --test docs`: do not edit it. -->\n";

fn pages() -> Pages {
    let mut pages = Pages::new();
    codes::pages(&mut pages);
    tools::pages(&mut pages);
    templates::pages(&mut pages);
    pages.insert("keys.md".to_owned(), keys::page());
    pages.insert("settings.md".to_owned(), settings::page());
    pages.insert("README.md".to_owned(), index::page());
    for text in pages.values_mut() {
        *text = format!("{NOTE}\n{}\n", text.trim_end());
    }
    pages
}

#[test]
fn the_reference_is_fresh() {
    let folder = root().join("docs/reference");
    let pages = pages();
    let mut stale: Vec<String> = Vec::new();
    for (path, text) in &pages {
        if committed(&folder.join(path)) != *text {
            stale.push(path.clone());
        }
    }
    let mut found = Vec::new();
    walk(&folder, &mut found);
    let gone: Vec<PathBuf> = found.into_iter().filter(|path| !pages.contains_key(&name(&folder, path))).collect();
    if updates() {
        for path in &gone {
            fs::remove_file(path).unwrap();
        }
        for path in &stale {
            fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
            fs::write(folder.join(path), &pages[path]).unwrap();
        }
        return;
    }
    stale.extend(gone.iter().map(|path| name(&folder, path)));
    assert!(stale.is_empty(), "stale in docs/reference; UPDATE_EXPECT=1 rewrites them:\n{}", stale.join("\n"));
}

fn name(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/")
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}
