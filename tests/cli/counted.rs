//! Runs that change the world, killed at every point there is: what was done is counted. A step that ended is
//! not done again, one that was interrupted is done again only when that is allowed, none is left out. Runs
//! that ask a person wait, whatever happened before and while they were answered.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    crash::{folder, is_unknown, long, normalized, successes},
    support::Folder,
};

/// Each command adds its step's path to `log.txt`.
const PIPELINES: [(&str, &str); 5] = [
    (
        "chain and fan",
        "
steps:
  - {id: a, tool: terminal, action: execute, parameters: {command: 'echo a >> log.txt'}}
  - {id: b, tool: terminal, action: execute, parameters: {command: 'echo b >> log.txt'}, dependencies: [a]}
  - {id: c, tool: terminal, action: execute, parameters: {command: 'echo c >> log.txt'}, dependencies: [a]}
  - {id: d, tool: terminal, action: execute, parameters: {command: 'echo d >> log.txt'}, dependencies: [b, c]}",
    ),
    (
        "loop side by side",
        "
steps:
  - id: l
    for_each: [1, 2]
    max_parallel: 2
    steps:
      - {id: a, tool: terminal, action: execute, parameters: {command: 'echo \"l[{{ index }}].a\" >> log.txt'}}
  - {id: z, tool: terminal, action: execute, parameters: {command: 'echo z >> log.txt'}, dependencies: [l]}",
    ),
    (
        "turns",
        "
steps:
  - id: w
    while: '{{ iteration < 2 }}'
    steps:
      - {id: a, tool: terminal, action: execute, parameters: {command: 'echo \"w[{{ iteration }}].a\" >> log.txt'}}",
    ),
    (
        "failure and handler",
        "
steps:
  - id: f
    tool: terminal
    action: execute
    parameters: {command: 'echo f >> log.txt; exit 3'}
    on_error: [{handler_task_id: h}]
  - {id: h, tool: terminal, action: execute, parameters: {command: 'echo h >> log.txt'}}
  - {id: z, tool: terminal, action: execute, parameters: {command: 'echo z >> log.txt'}, dependencies: [f]}",
    ),
    (
        "a child",
        "
steps:
  - id: c
    tool: pipeline-executor
    action: execute
    parameters:
      pipeline: |
        id: inner
        steps:
          - {id: a, tool: terminal, action: execute, parameters: {command: 'echo \"c[0].a\" >> log.txt'}}
  - {id: z, tool: terminal, action: execute, parameters: {command: 'echo z >> log.txt'}, dependencies: [c]}",
    ),
];

/// How often each step was done.
fn done(folder: &Folder) -> BTreeMap<String, usize> {
    let mut done = BTreeMap::new();
    for line in std::fs::read_to_string(folder.path().join("log.txt")).unwrap_or_default().lines() {
        *done.entry(line.to_owned()).or_default() += 1;
    }
    done
}

/// The steps of which it is said that they had begun.
fn interrupted(stderr: &str) -> BTreeSet<String> {
    let said = stderr.lines().find_map(|line| line.split_once(" had begun when")).map_or("", |(steps, _)| steps);
    said.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Kills `text` at every point; at how many it was killed. Each command is in flight at some of them.
fn counted((name, text): (&str, &str)) -> u32 {
    let whole = folder(text);
    let ended = whole.orc(&["run", "p.orc.yaml"]);
    let (code, wanted) = (ended.code, done(&whole));
    assert!(wanted.len() > 1 && wanted.values().all(|times| *times == 1), "{name}: {wanted:?} {ended:?}");
    let (mut points, mut survived) = (0, 0);
    let mut stopped = BTreeSet::new();
    for point in 1.. {
        let broken = folder(text);
        if !broken.orc_killed_at(point, &["run", "p.orc.yaml"]) {
            // What waits to be written is written together, so that there may be a point more.
            survived += 1;
            if survived == 3 {
                break;
            }
            continue;
        }
        points += 1;
        if is_unknown(&broken) {
            continue;
        }
        let before = done(&broken);
        let mut resumed = broken.orc(&["resume", "latest"]);
        let mut again = BTreeSet::new();
        if resumed.stderr.contains("had begun when the run was broken off") {
            assert_eq!(resumed.code, Some(1), "{name} at {point}: {resumed:?}");
            assert_eq!(done(&broken), before, "{name} at {point}: nobody allowed it");
            again = interrupted(&resumed.stderr);
            stopped.extend(again.iter().cloned());
            resumed = broken.orc(&["resume", "latest", "--yes"]);
        }
        assert_eq!(resumed.code, code, "{name} at {point}: {resumed:?}");
        let after = done(&broken);
        assert_eq!(after.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{name} at {point}");
        for (step, times) in &after {
            let most = if again.contains(step) { 2 } else { 1 };
            assert!(*times <= most, "{name} at {point}: {after:?}, had begun {again:?}: {}", resumed.stderr);
        }
    }
    assert!(stopped.iter().eq(wanted.keys()), "{name}: only {stopped:?} were interrupted at some point");
    points
}

#[test]
fn what_is_done_is_done_once_unless_it_was_interrupted_and_may_be_done_again() {
    let points: u32 = PIPELINES.into_iter().map(counted).sum();
    println!("{points} crash points in pipelines of commands");
    // Around each of the twelve commands there are three, besides those of the store.
    assert!(points > 80, "only {points} points");
}

const ASKS: [(&str, &str); 2] = [
    (
        "a question",
        "
steps:
  - {id: a, tool: filesystem, action: write, parameters: {path: a.txt, content: one}}
  - {id: ask, tool: user-prompt, action: prompt, parameters: {prompt: Well?, input_type: text}, dependencies: [a]}
  - {id: beside, action: echo, parameters: {message: goes on}}
  - {id: b, tool: filesystem, action: write, parameters: {path: b.txt, content: '{{ ask.result.value }}'}, dependencies: [ask]}
outputs: {size: '{{ b.result.size }}'}",
    ),
    (
        "a question in a loop in a child",
        "
steps:
  - id: c
    tool: pipeline-executor
    action: execute
    parameters:
      pipeline: |
        id: inner
        steps:
          - id: l
            for_each: [1]
            steps:
              - {id: a, action: echo, parameters: {message: '{{ item }}'}}
              - {id: ask, tool: user-prompt, action: prompt, parameters: {prompt: Well?, input_type: text}, dependencies: [a]}
        outputs: {n: '{{ l.result.count }}'}
outputs: {n: '{{ c.result.outputs.n }}'}",
    ),
];

#[test]
fn what_waits_for_a_person_waits_and_an_answer_that_was_kept_stays() {
    const APPROVE: [&str; 5] = ["runs", "approve", "latest", "--answer", "fine"];
    let every = if long() { 1 } else { 4 };
    let mut all = 0;
    for (name, text) in ASKS {
        let whole = folder(text);
        let ended = whole.orc(&["run", "p.orc.yaml"]);
        assert_eq!(ended.code, Some(3), "{name}: {ended:?}");
        let waiting = normalized(&ended.stdout);
        let ended = whole.orc(&APPROVE);
        assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
        let (wanted, wanted_successes) = (normalized(&ended.stdout), successes(&whole));

        let mut asked = 0;
        for point in (1..).step_by(every) {
            let broken = folder(text);
            if !broken.orc_killed_at(point, &["run", "p.orc.yaml"]) {
                break;
            }
            asked += 1;
            let again = broken.orc(if is_unknown(&broken) { &["run", "p.orc.yaml"] } else { &["resume", "latest"] });
            assert_eq!((again.code, normalized(&again.stdout)), (Some(3), waiting.clone()), "{name} at {point}");
        }
        let mut answered = 0;
        for point in (1..).step_by(every) {
            let broken = folder(text);
            assert_eq!(broken.orc(&["run", "p.orc.yaml"]).code, Some(3));
            if !broken.orc_killed_at(point, &APPROVE) {
                break;
            }
            answered += 1;
            let mut resumed = broken.orc(&["resume", "latest"]);
            if resumed.code == Some(3) {
                assert_eq!(normalized(&resumed.stdout), waiting, "{name} at {point} of the answer");
                resumed = broken.orc(&APPROVE);
            }
            assert_eq!(resumed.code, Some(0), "{name} at {point} of the answer: {resumed:?}");
            assert_eq!(normalized(&resumed.stdout), wanted, "{name} at {point} of the answer");
            assert_eq!(successes(&broken), wanted_successes, "{name} at {point} of the answer");
        }
        // What waits to be written is written together: a fast disk has more writes, a slow one fewer.
        assert!(asked > 2 && answered > 2, "{name}: only {asked} points of the question, {answered} of the answer");
        all += asked + answered;
    }
    println!("{all} crash points in pipelines that ask");
}
