//! Who may know whom (ARCHITECTURE.md).

use crate::support::{Source, files, none};

/// The layers of `lang`, from the ground up. A layer knows itself and those before it; those of one
/// line are one layer.
const LAYERS: [&[&str]; 10] = [
    &["text"],
    &["syntax"],
    &["template"],
    &["registry"],
    &["model"],
    &["shape"],
    &["graph"],
    &["check"],
    &["analysis", "workspace"],
    &["ide"],
];

/// Arrows against the order that are meant, each with its reason.
const MEANT: [(&str, &str, &str); 1] =
    [("engine/lang/src/template/explain.rs", "registry", "`did_you_mean` stands there")];

#[test]
fn lang_touches_no_world() {
    let forbidden = [
        "tokio",
        "reqwest",
        "tower_lsp",
        "lsp_types",
        "std::fs",
        "std::env",
        "std::process",
        "std::net",
        "SystemTime",
        "Instant::now",
        "println!",
        "eprintln!",
    ];
    forbid(&files("engine/lang/src", "rs"), &forbidden, &[]);
}

#[test]
fn the_layers_of_lang_know_only_those_below() {
    let mut complaints = Vec::new();
    for file in files("engine/lang/src", "rs") {
        let Some(own) = file.path.strip_prefix("engine/lang/src/").and_then(|path| layer(first_name(path))) else {
            continue;
        };
        if file.is_test() {
            continue;
        }
        for (line, text) in file.code() {
            for name in named_layers(text) {
                let meant = MEANT.iter().any(|(path, to, _)| *path == file.path && *to == name);
                if layer(name).is_some_and(|other| other > own) && !meant {
                    complaints.push(format!("{}:{line}: `{name}` is above", file.path));
                }
            }
        }
    }
    none(&complaints);
}

#[test]
fn engine_knows_no_server_and_no_editor_protocol() {
    forbid(&files("engine/src", "rs"), &["tower_lsp", "lsp_types", " server::", "println!", "eprintln!"], &[]);
}

#[test]
fn editor_protocol_types_stay_in_one_folder() {
    forbid(&files("server/src", "rs"), &["tower_lsp", "lsp_types"], &["server/src/lsp.rs", "server/src/lsp/"]);
}

#[test]
fn the_terminal_belongs_to_the_command_line() {
    let cli = ["server/src/cli.rs", "server/src/cli/", "server/src/main.rs"];
    let sources = files("server/src", "rs");
    forbid(&sources, &["clap::", "println!", "eprintln!"], &cli);
    // The editor talks to us over the standard streams.
    let streams = &[&cli[..], &["server/src/lsp/stdio.rs"]].concat();
    forbid(&sources, &["io::stdout", "io::stdin", "io::stderr"], streams);
}

#[test]
fn only_the_catalogue_and_the_tools_name_tools() {
    let registry = engine::catalog::registry();
    // Words that mean something else as well.
    let common = ["filesystem", "validation", "terminal", "checkpoint", "visualization"];
    let homes = ["engine/src/tools/", "engine/src/tools.rs", "engine/src/catalog", "engine/src/actions"];
    let names = registry.tools.keys().filter(|name| !common.contains(&name.as_str()));
    let words: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let sources = files("engine", "rs").into_iter().chain(files("server", "rs")).collect::<Vec<_>>();
    forbid(&sources, &words, &homes);
}

/// No file of `sources` outside `homes` has one of `words` in its code.
fn forbid(sources: &[Source], words: &[&str], homes: &[&str]) {
    let mut complaints = Vec::new();
    for file in sources.iter().filter(|file| !file.is_test() && !homes.iter().any(|home| file.path.starts_with(home))) {
        for (line, text) in file.code() {
            if let Some(word) = words.iter().find(|word| text.contains(**word)) {
                complaints.push(format!("{}:{line}: `{word}`", file.path));
            }
        }
    }
    none(&complaints);
}

fn first_name(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap_or_default()
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&name))
}

/// The layers that a line names: `crate::name`, or the first words of a `use crate::{…}` list.
fn named_layers(line: &str) -> Vec<&str> {
    let mut names: Vec<&str> = line
        .split("crate::")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
        .map(Option::unwrap_or_default)
        .collect();
    let listed = line.trim_start();
    if listed.len() + 4 == line.len()
        && let Some((name, _)) = listed.split_once("::")
        && layer(name).is_some()
    {
        names.push(name);
    }
    names
}
