//! All keys of the language, by the mapping they stand in.

use std::fmt::Write;

use lang::registry::keys::{KeySpec, KeyStatus, Place, keys};

use super::markdown::{types, values};

/// The mappings with their titles, the root first.
const PLACES: [(Place, &str); 12] = [
    (Place::Pipeline, "A pipeline"),
    (Place::Step, "A step"),
    (Place::Input, "An input"),
    (Place::Output, "An output"),
    (Place::LoopItem, "An item of action_loop"),
    (Place::Queue, "A queue"),
    (Place::ErrorHandler, "An error handler"),
    (Place::Retry, "Retries"),
    (Place::RequiresModel, "What a model must be able to do"),
    (Place::Permissions, "Permissions"),
    (Place::Budget, "A budget"),
    (Place::Config, "Configuration"),
];

pub(super) fn page() -> String {
    let mut out = "# Keys\n\n".to_owned();
    for (place, title) in PLACES {
        let _ = writeln!(out, "- [{title}](#{}): {}", anchor(title), values(keys(place).iter().map(|key| key.name)));
    }
    for (place, title) in PLACES {
        let _ = writeln!(out, "\n## {title}");
        for key in keys(place) {
            describe(&mut out, key);
        }
    }
    out
}

fn describe(out: &mut String, key: &KeySpec) {
    let mut said = vec![types(key.types)];
    if key.required {
        said.push("required".to_owned());
    }
    if let Some(default) = key.default {
        said.push(format!("default `{default}`"));
    }
    if key.templated {
        said.push("templates are rendered".to_owned());
    }
    let _ = writeln!(out, "\n### `{}`\n\n{}.\n\n{}", key.name, capital(&said.join(", ")), key.doc.trim());
    if !key.choices.is_empty() {
        let _ = writeln!(out, "\nOne of {}.", values(key.choices));
    }
    if let Some(title) = key.below.and_then(|below| PLACES.iter().find(|(place, _)| *place == below)).map(|it| it.1) {
        let _ = writeln!(out, "\nIts keys: [{title}](#{}).", anchor(title));
    }
    let _ = match key.status {
        KeyStatus::Deprecated { instead } => writeln!(out, "\nDeprecated: write `{instead}`."),
        KeyStatus::NoEffect { instead: "" } => writeln!(out, "\nWithout effect."),
        KeyStatus::NoEffect { instead } => writeln!(out, "\nWithout effect; write {instead}."),
        KeyStatus::Inert => writeln!(out, "\nFor readers: nothing comes of it."),
        KeyStatus::Live => Ok(()),
    };
}

fn anchor(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

#[test]
fn every_mapping_below_a_key_has_its_part_of_the_page() {
    for (place, _) in PLACES {
        for key in keys(place) {
            assert!(key.below.is_none_or(|below| PLACES.iter().any(|(place, _)| *place == below)), "{}", key.name);
        }
    }
}
