//! Every file of the corpus, cut and with single characters deleted and inserted at seeded places.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering},
};

use lang::{
    syntax::{NodeId, Parse, cursor, parse},
    text::TextSize,
};

use crate::{invariants::check, material::pipelines, support::Dice};

/// How often each file is damaged in each way.
const PLACES: usize = 200;

/// Every how many of them are looked at leaf by leaf; no multiple of the three ways.
const THOROUGH: usize = 4;

/// The id and the place of a step.
pub(crate) type Outline = BTreeSet<(String, usize, usize)>;

/// All steps of all lists of steps.
pub(crate) fn outline(parse: &Parse) -> Outline {
    let tree = &parse.tree;
    let mut found = Outline::new();
    let mut waiting: Vec<NodeId> = vec![tree.root()];
    while let Some(id) = waiting.pop() {
        waiting.extend(tree.children(id));
        for entry in tree.entries(id) {
            if tree.source(entry.key) == "steps" {
                for item in tree.items(entry.value) {
                    let name = tree.get(item, "id").map_or_else(String::new, |id| tree.source(id.value).to_owned());
                    let range = tree.range(item);
                    found.insert((name, range.start().into(), range.end().into()));
                }
            }
        }
    }
    found
}

/// The steps of `whole` that end before the line above the one `at` stands on.
fn steps_before<'a>(whole: &'a Outline, text: &str, at: usize) -> impl Iterator<Item = &'a (String, usize, usize)> {
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |end| end + 1);
    let limit = line_start(line_start(at).saturating_sub(1));
    whole.iter().filter(move |(.., end)| *end <= limit)
}

/// Whether the damage made its line a comment. If it was the first line of a step, the step's other
/// lines are then, by the letter, the step before's: one step is lost, and nothing is wrong with that.
fn is_commented_out(text: &str, at: usize) -> bool {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    text[start..].trim_start_matches(' ').starts_with('#')
}

/// One way to damage a text at a place.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Cut,
    Delete,
    Insert(char),
}

fn damaged(text: &str, at: usize, damage: Damage) -> String {
    let (before, after) = text.split_at(at);
    match damage {
        Damage::Cut => before.to_owned(),
        Damage::Delete => {
            let width = after.chars().next().map_or(0, char::len_utf8);
            format!("{before}{}", &after[width..])
        }
        Damage::Insert(character) => format!("{before}{character}{after}"),
    }
}

const INSERTED: &[char] = &[
    '"', '\'', '[', ']', '{', '}', ':', ',', '-', '|', '>', '#', '&', '*', '!', '%', '@', '`', '<', '?', '\\', ' ',
    '\t', '\n', '\r', 'a', '0', '\0', 'é', '😀',
];

#[test]
fn damage_leaves_the_steps_before_it_as_they_were() {
    let files = pipelines();
    let next = AtomicUsize::new(0);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..std::thread::available_parallelism().map_or(2, usize::from))
            .map(|_| {
                scope.spawn(|| {
                    let mut wrong = Vec::new();
                    while let Some((index, (name, text))) = {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        files.get(index).map(|file| (index, file))
                    } {
                        damage_file(index, name, text, &mut wrong);
                    }
                    wrong
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}

fn damage_file(index: usize, name: &str, text: &str, wrong: &mut Vec<String>) {
    let mut dice = Dice::new(index);
    let whole = outline(&parse(text));
    for round in 0..3 * PLACES {
        let at = dice.place(text);
        let damage = match round % 3 {
            0 => Damage::Cut,
            1 => Damage::Delete,
            _ => Damage::Insert(INSERTED[dice.below(INSERTED.len())]),
        };
        let broken = damaged(text, at, damage);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let parse = parse(&broken);
            if round % THOROUGH == 0 {
                check(&broken, &parse);
                let _ = parse.tree.to_json(parse.tree.root());
                let _ = cursor(&parse, TextSize::new(at as u32));
            }
            outline(&parse)
        }));
        let Ok(found) = outcome else {
            wrong.push(format!("{name} at {at}: {damage:?}: panic"));
            continue;
        };
        let lost: Vec<&str> =
            steps_before(&whole, text, at).filter(|step| !found.contains(*step)).map(|step| &*step.0).collect();
        let allowed = usize::from(is_commented_out(&broken, at));
        if lost.len() > allowed {
            let line = text[..at].matches('\n').count() + 1;
            wrong.push(format!("{name}:{line} (at {at}): {damage:?}: lost {lost:?}"));
        }
    }
}
