//! Nobody pays twice: a run of 20 calls is killed at every point, resumed, replayed and run again, and the
//! server counts.
//!
//! The one exception is a call that was on its way when the run was killed: it was sent, and its answer is
//! not recorded. Which calls those are is read in the store, and no other may reach the server again.
//!
//! `ORC_CRASH_LONG=1` kills at every point, without it at every fifth. See docs/durability.md.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::{
    crash::long,
    models::{Asked, CANARY, Fake, Reply, orc, says},
    support::Folder,
    tape::comparable,
};

/// 20 requests: 14 of a loop, four of steps, and two of a step whose first answer does not fit.
const TWENTY: &str = "\
id: twenty
model: openai/gpt-4o-mini
steps:
  - id: all
    for_each: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    max_parallel: 3
    action: generate
    parameters: {prompt: '<item {{ item }}>', temperature: 0}
  - {id: a, action: generate, parameters: {prompt: '<a>', temperature: 0}}
  - {id: b, action: generate, parameters: {prompt: '<b> {{ a.result }}', temperature: 0}}
  - {id: c, action: generate, parameters: {prompt: '<c>', temperature: 0}}
  - {id: d, action: analyze_text, parameters: {text: '{{ c.result }}', prompt: '<d>', temperature: 0}}
  - id: e
    action: generate_structured
    parameters: {prompt: '<e>', temperature: 0, schema: {type: object, required: [n]}}
outputs:
  all: '{{ all.results | length }}'
  b: '{{ b.result }}'
";

const CALLS: usize = 20;

/// What was asked, in a word: what stands in the first brackets, and how often an answer was sent back.
fn word(asked: &Asked) -> String {
    let turns = asked.body["messages"].as_array().unwrap();
    let first = turns[0]["content"].as_str().unwrap();
    let word = first.split(['<', '>']).nth(1).unwrap();
    format!("<{word}{}>", "+".repeat(turns.len() / 2))
}

/// An answer that tells what was asked.
fn answer(asked: &Asked) -> Reply {
    match &*word(asked) {
        "<e+>" => says("{\"n\": \"<e+>\"}"),
        word => says(word),
    }
}

fn counts(fake: &Fake) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for asked in fake.asked() {
        *counts.entry(word(&asked)).or_default() += 1;
    }
    counts
}

/// The answers that the store knows.
fn recorded(folder: &Folder, of: &BTreeMap<String, usize>) -> BTreeSet<String> {
    let path = folder.path().join(".orc/runs.db");
    if !path.exists() {
        return BTreeSet::new();
    }
    let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    // A run that has ended needs its answers no more: its steps have them.
    let ended = store.query_row("SELECT count(*) FROM runs WHERE status IS NOT NULL", [], |row| row.get::<_, i64>(0));
    if ended.is_ok_and(|ended| ended > 0) {
        return of.keys().cloned().collect();
    }
    let mut found = match store.prepare("SELECT answer FROM answers") {
        Ok(found) => found,
        // It was killed before it had made any.
        Err(error) if error.to_string().contains("no such table") => return BTreeSet::new(),
        Err(error) => panic!("{error}"),
    };
    let found: Vec<String> = found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    of.keys().filter(|word| found.iter().any(|answer| answer.contains(*word))).cloned().collect()
}

/// Kills the pipeline at every `every`-th point from `first` on: how many points there were, and how many
/// calls were on their way.
fn matrix(text: &str, (first, every): (u32, u32), again: bool) -> (u32, usize) {
    let whole = Folder::with("p.orc.yaml", text);
    let wanted = orc(&whole, &Fake::always(answer), &["run", "p.orc.yaml"]);
    assert_eq!(wanted.code, Some(0), "{wanted:?}");
    let (mut points, mut lost) = (0, 0);
    for point in (first..).step_by(every as usize) {
        let folder = Folder::with("p.orc.yaml", text);
        let fake = Fake::always(answer);
        let base = fake.base("/v1");
        let variables = [("OPENAI_BASE_URL", &*base), ("OPENAI_API_KEY", CANARY)];
        if !folder.orc_seeing_killed_at(point, &variables, &["run", "p.orc.yaml", "--record", "tape"]) {
            break;
        }
        points += 1;
        // What it had sent may not have been looked at yet.
        fake.settle();
        let sent = counts(&fake);
        let known = recorded(&folder, &sent);
        let listed = folder.orc(&["runs", "list", "--format", "json"]);
        let arguments: &[&str] = if listed.stdout.trim() == "[]" {
            &["run", "p.orc.yaml", "--record", "tape"]
        } else {
            &["resume", "latest"]
        };
        let resumed = orc(&folder, &fake, arguments);
        assert_eq!(resumed.code, Some(0), "at {point}: {resumed:?}");
        assert_eq!(comparable(&resumed.stdout), comparable(&wanted.stdout), "at {point}");
        let now = counts(&fake);
        assert_eq!(now.len(), CALLS, "at {point}: {now:?}");
        for (word, count) in &now {
            let was_on_its_way = sent.contains_key(word) && !known.contains(word);
            lost += usize::from(was_on_its_way);
            assert_eq!(*count, 1 + usize::from(was_on_its_way), "{word} at {point}; known: {known:?}");
        }
        // What the resumed run says it cost is what the answers cost that it has.
        let document: Value = serde_json::from_str(&resumed.stdout).unwrap();
        assert_eq!(document["usage"]["requests"], CALLS, "at {point}");
        let replayed = orc(&folder, &fake, &["run", "p.orc.yaml", "--replay", "tape"]);
        assert_eq!(comparable(&replayed.stdout), comparable(&wanted.stdout), "at {point}");
        if again {
            let again = orc(&folder, &fake, &["run", "p.orc.yaml"]);
            assert_eq!(comparable(&again.stdout)["outputs"], comparable(&wanted.stdout)["outputs"], "at {point}");
        }
        assert_eq!(counts(&fake), now, "at {point}: replayed or run again, and asked");
    }
    (points, lost)
}

#[test]
fn no_answer_is_paid_twice_wherever_the_run_is_killed() {
    let every = if long() { 1 } else { 5 };
    // At a temperature no other run may use the answers, and the run itself all the same.
    let warm = TWENTY.replace("temperature: 0", "temperature: 0.7");
    let ((cold, lost), (warm, lost_warm)) = std::thread::scope(|scope| {
        let warm = scope.spawn(move || matrix(&warm, (4, 2 * every), false));
        (matrix(TWENTY, (1, every), true), warm.join().unwrap())
    });
    println!("{cold} and {warm} points; {lost} and {lost_warm} calls were on their way and were made again");
    assert!(cold > 12 && warm > 5, "only {cold} and {warm} points");
}
