//! What the plan says is what the run does: random pipelines, random changes between runs.
//!
//! `ORC_HONESTY=20000` looks at that many plans; `ORC_HONESTY_SEED` begins elsewhere.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use engine::{
    lock_file::{self, LockFile, Pin},
    run::{
        RunConfig,
        forecast::{Verdict, forecast},
    },
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Ran, Workspace, outlined, planned};

/// Plans that are looked at where nobody says otherwise.
const PLANS: usize = 2_000;

/// A small generator of numbers (xorshift64*), so that a seed is a case.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

/// A step, as lines of YAML.
#[derive(Clone)]
struct Step {
    does: String,
    cache: Option<bool>,
    condition: Option<String>,
    route: Option<String>,
    policy: Option<&'static str>,
    waits_for: Vec<usize>,
}

#[derive(Clone)]
struct Case {
    steps: Vec<Step>,
    n: i64,
    data: [u8; 2],
}

impl Case {
    fn random(dice: &mut Dice) -> Self {
        let count = 3 + dice.roll(7);
        let steps = (0..count).map(|at| step(dice, at, count)).collect();
        Self { steps, n: dice.roll(4) as i64, data: [0, 0] }
    }

    fn text(&self) -> String {
        let mut text = "id: p\nmodel: simulated/m\ninputs: {n: {type: integer, default: 0}}\nsteps:\n".to_owned();
        for (at, step) in self.steps.iter().enumerate() {
            let _ = write!(text, "  - id: s{at}\n{}", step.does);
            let mut key = |name: &str, value: &str| {
                let _ = writeln!(text, "    {name}: {value}");
            };
            if let Some(cache) = step.cache {
                key("cache", &cache.to_string());
            }
            if let Some(condition) = &step.condition {
                key("condition", condition);
            }
            if let Some(policy) = step.policy {
                key("on_failure", policy);
            }
            if !step.waits_for.is_empty() {
                let ids: Vec<String> = step.waits_for.iter().map(|at| format!("s{at}")).collect();
                key("dependencies", &format!("[{}]", ids.join(", ")));
            }
            if let Some(route) = &step.route {
                let _ = writeln!(text, "    {route}");
            }
        }
        text
    }

    /// Another one that differs in something, or in nothing.
    fn changed(&self, dice: &mut Dice) -> Self {
        let mut case = self.clone();
        let count = case.steps.len();
        for _ in 0..dice.roll(3) {
            let at = dice.roll(count);
            match dice.roll(6) {
                0 => case.n = dice.roll(4) as i64,
                1 => case.data[dice.roll(2)] += 1,
                2 => case.steps[at].does = does(dice, at),
                3 => case.steps[at].condition = condition(dice, at),
                4 => case.steps[at].cache = [None, Some(true), Some(false)][dice.roll(3)],
                _ => case.steps[at].route = route(dice, at, count),
            }
        }
        case
    }
}

fn step(dice: &mut Dice, at: usize, count: usize) -> Step {
    Step {
        does: does(dice, at),
        cache: [None, None, None, None, Some(true), Some(false)][dice.roll(6)],
        condition: condition(dice, at),
        route: route(dice, at, count),
        policy: [None, None, None, Some("continue"), Some("skip")][dice.roll(5)],
        waits_for: (0..at).filter(|_| dice.one_in(3)).collect(),
    }
}

/// A value that templates can take: of an input, of nothing, or of a step before.
fn value(dice: &mut Dice, at: usize) -> String {
    match dice.roll(if at == 0 { 2 } else { 5 }) {
        0 => "{{ n }}".to_owned(),
        1 => format!("v{}", dice.roll(3)),
        _ => format!("{{{{ s{}.result | default(\"-\") | string | length }}}}", dice.roll(at)),
    }
}

fn does(dice: &mut Dice, at: usize) -> String {
    let value = value(dice, at);
    let file = dice.roll(2);
    match dice.roll(14) {
        12 => format!("    action: echo\n    parameters: {{message: '{}'}}\n", question(dice)),
        13 => format!("    action: echo\n    parameters: {{message: 'a <AUTO>Which {value}?</AUTO> b'}}\n"),
        0 if dice.one_in(2) => "    action: echo\n    parameters: {message: '{{ 7 // n }}'}\n".to_owned(),
        0..=4 => format!("    action: echo\n    parameters: {{message: '{value}'}}\n"),
        5 | 6 => format!(
            "    tool: data-processing\n    action: filter\n    parameters: {{data: in{file}.csv, operation: {{condition: \
             'k > {file}'}}}}\n"
        ),
        7 => format!(
            "    tool: filesystem\n    action: write\n    parameters: {{path: in{file}.csv, content: \"k\\n{}\\n\"}}\n",
            dice.roll(3)
        ),
        8 => format!("    tool: filesystem\n    action: read\n    parameters: {{path: in{file}.csv}}\n"),
        9 => format!("    action: evaluate_condition\n    parameters: {{condition: '{{{{ n > {file} }}}}'}}\n"),
        10 => format!(
            "    for_each: [1, 2]\n    steps: [{{id: b{at}, action: echo, parameters: {{message: '{value}'}}}}]\n"
        ),
        _ if dice.one_in(3) => "    tool: filesystem\n    action: read\n    parameters: {path: nowhere}\n".to_owned(),
        _ => format!(
            "    action: echo\n    parameters: {{message: '{{{{ include_file(\"in{file}.csv\") | length }}}}'}}\n"
        ),
    }
}

/// A tag that may be pinned: what it asks depends on nothing.
fn question(dice: &mut Dice) -> String {
    format!("<AUTO>Which of {}?</AUTO>", dice.roll(4) / 3)
}

/// Pins for some of the tags there may be.
fn pins(dice: &mut Dice, count: usize) -> LockFile {
    let mut lock = LockFile::default();
    for at in 0..count {
        let later = (at + 1 < count).then(|| json!(format!("s{}", at + 1 + dice.roll(count - at - 1))));
        for (place, value) in [
            ("parameters.message", Some(json!(format!("w{}", dice.roll(2))))),
            ("condition", Some(json!(dice.one_in(2)))),
            ("goto", later),
        ] {
            let tag = question(dice);
            let asked = tag.trim_start_matches("<AUTO>").trim_end_matches("</AUTO>").to_owned();
            let Some(value) = value.filter(|_| !dice.one_in(4)) else { continue };
            let pin = Pin {
                position: format!("steps.s{at}.{place}"),
                body: lock_file::hash_of(&tag),
                context: lock_file::hash_of(&asked),
                value,
                model: "somebody".to_owned(),
                cost: None,
                date: "2026-11-28T04:00:00Z".to_owned(),
            };
            lock.set(pin, false);
        }
    }
    lock
}

fn condition(dice: &mut Dice, at: usize) -> Option<String> {
    match dice.roll(9) {
        8 if dice.one_in(2) => Some(format!("'{}'", question(dice))),
        0 => Some(format!("'{{{{ n > {} }}}}'", dice.roll(3))),
        1 if at > 0 => Some(format!("'{{{{ s{} is defined }}}}'", dice.roll(at))),
        2 if at > 0 => Some(format!("'{{{{ s{}.status == \"completed\" }}}}'", dice.roll(at))),
        3 if at > 0 => Some(format!("s{}.success", dice.roll(at))),
        _ => None,
    }
}

fn route(dice: &mut Dice, at: usize, count: usize) -> Option<String> {
    if at + 1 == count {
        return None;
    }
    let target = at + 1 + dice.roll(count - at - 1);
    match dice.roll(13) {
        12 if dice.one_in(2) => Some(format!("goto: '{}'", question(dice))),
        0 => Some(format!("on_success: s{target}")),
        1 => Some(format!("on_false: s{target}")),
        2 => Some(format!("goto: '{{{{ \"s{target}\" if n > 1 else \"\" }}}}'")),
        3 if at > 0 => Some(format!("goto: '{{{{ \"s{target}\" if s{}.success else \"\" }}}}'", dice.roll(at))),
        _ => None,
    }
}

/// Says in which way the run did not do what was said, if it did not.
fn broken_promise(said: &BTreeMap<String, Verdict>, ran: &Ran) -> Option<String> {
    let steps = &ran.document.steps;
    // What runs is assumed to succeed; where it does not, what follows from that was not said.
    let surprise = steps.values().any(|step| {
        step.status == "failed" && matches!(said[&step.id], Verdict::Run | Verdict::Unknown | Verdict::Reuse)
    });
    steps.values().find_map(|step| {
        let acted = step.attempts > 0;
        let kept = match said[&step.id] {
            Verdict::Run => acted && step.cache.is_none(),
            Verdict::Reuse => step.status == "completed" && step.cache.is_some() && !acted,
            Verdict::Skip => step.status == "skipped",
            Verdict::Fail => step.status == "failed",
            Verdict::NotRun => step.status == "not_run",
            Verdict::Unknown => true,
        };
        let passed_over = matches!(&*step.status, "not_run" | "skipped") || said[&step.id] == Verdict::Skip;
        let excused = surprise && (passed_over || said[&step.id] == Verdict::Reuse);
        (!kept && !excused).then(|| {
            let (status, cache) = (&step.status, step.cache.is_some());
            format!("`{}` was to {:?}, and is {status} (from the cache: {cache})", step.id, said[&step.id])
        })
    })
}

#[test]
fn the_run_does_what_the_plan_said() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let plans = number("ORC_HONESTY").unwrap_or(PLANS);
    let seed = number("ORC_HONESTY_SEED").unwrap_or(1);
    let mut dice = Dice(seed as u64 * 2 + 1);
    let (mut looked_at, mut outlines, mut verdicts) = (0, 0, BTreeMap::<Verdict, usize>::new());
    while looked_at < plans {
        // On a disk in memory, where there is one: what is proven here is not that it survives.
        let store = Path::new("/dev/shm").is_dir().then(|| tempfile::tempdir_in("/dev/shm").expect("a directory"));
        let workspace = Workspace::new();
        let file = store.as_ref().map_or(workspace.root().as_std_path(), |store| store.path()).join("runs.db");
        let config = RunConfig { store: Some(file), ..workspace.config() };
        // Of pipelines with tags no outline is kept.
        let has_tags = |case: &Case| case.text().contains("<AUTO>");
        let may_ask = dice.one_in(2);
        let draw = |next: &mut dyn FnMut(&mut Dice) -> Case, dice: &mut Dice| {
            std::iter::repeat_with(|| next(dice)).find(|case| may_ask || !has_tags(case)).expect("some have none")
        };
        let mut case = draw(&mut Case::random, &mut dice);
        for round in 0..4 {
            if round > 0 {
                case = draw(&mut |dice| case.changed(dice), &mut dice);
            }
            for (at, number) in case.data.iter().enumerate() {
                let text = format!("k\n{number}\n{}\n", number + 1);
                std::fs::write(workspace.root().join(format!("in{at}.csv")), text).expect("a file");
            }
            let pinned = pins(&mut dice, case.steps.len());
            let file = workspace.root().join(&config.file);
            LockFile::change(file.as_std_path(), |pins| *pins = pinned).expect("a lock file");
            let text = case.text();
            let inputs: [(&str, Value); 1] = [("n", json!(case.n))];
            let plan = planned(&text, &inputs).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
            let said = forecast(&plan, &config).expect("a plan");
            // What is planned from an outline is the same, and so is what runs.
            let outlined = outlined(&plan, &inputs);
            if let Some(outlined) = &outlined {
                outlines += 1;
                let again = forecast(outlined, &config).expect("a plan");
                assert_eq!(again, said, "plan {looked_at}, round {round}, n = {}\n{text}", case.n);
            }
            let said: BTreeMap<String, Verdict> = said.into_iter().map(|said| (said.step, said.verdict)).collect();
            let ran = workspace.run_plan(outlined.unwrap_or(plan), config.clone(), &CancellationToken::new());
            if let Some(broken) = broken_promise(&said, &ran) {
                let summary = ran.summary();
                panic!(
                    "plan {looked_at}, round {round}: {broken}\nn = {}\n{text}\nsaid: {said:?}\nran: {summary}",
                    case.n
                );
            }
            looked_at += 1;
            for verdict in said.into_values() {
                *verdicts.entry(verdict).or_default() += 1;
            }
        }
    }
    let all: usize = verdicts.values().sum();
    let unknown = verdicts.get(&Verdict::Unknown).copied().unwrap_or_default();
    println!("{looked_at} plans, {outlines} of outlines, {all} steps: {verdicts:?}");
    assert!(outlines * 3 > looked_at, "only {outlines} outlines");
    // A plan that says nothing is never wrong; this one says something of more than half of the steps, in
    // pipelines that are made to be hard to foretell.
    assert!(unknown * 2 < all, "{verdicts:?}");
    for verdict in [Verdict::Run, Verdict::Reuse, Verdict::Skip, Verdict::Fail, Verdict::NotRun] {
        assert!(verdicts.contains_key(&verdict), "{verdict:?} was never said: {verdicts:?}");
    }
}
