//! Results that are used again: when, when not, and what is said about it.

use engine::{
    plan::Plan,
    run::{
        EventKind, RunConfig, Selection,
        forecast::{Forecast, Verdict, forecast},
        select::Mode,
    },
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Ran, Workspace, planned};

/// How runs of `workspace` run that keep what they came to.
pub(crate) fn kept(workspace: &Workspace) -> RunConfig {
    RunConfig { store: Some(workspace.root().join(".orc/runs.db").into()), ..workspace.config() }
}

fn run(workspace: &Workspace, text: &str, inputs: &[(&str, Value)]) -> Ran {
    workspace.run_with(text, inputs, kept(workspace), &CancellationToken::new())
}

fn plan(text: &str, inputs: &[(&str, Value)]) -> Plan {
    planned(text, inputs).unwrap_or_else(|problem| panic!("it does not start: {problem}"))
}

/// `id verdict: reason` of each step; the run that is named is written as `…`.
fn forecasts(workspace: &Workspace, text: &str, inputs: &[(&str, Value)]) -> Vec<String> {
    let found = forecast(&plan(text, inputs), &kept(workspace)).expect("it can be planned");
    found.iter().map(shown).collect()
}

fn shown(found: &Forecast) -> String {
    let reason = match found.reason.split_once("since the run ") {
        Some((before, _)) => format!("{before}since the run …"),
        None => found.reason.clone(),
    };
    format!("{} {:?}: {reason}", found.step, found.verdict)
}

/// The steps whose results were used again.
fn reused(ran: &Ran) -> Vec<&str> {
    let steps = ran.document.steps.values();
    steps.filter(|step| step.cache.is_some()).map(|step| &*step.id).collect()
}

const PIPELINE: &str = "\
id: p
inputs: {who: {type: string, default: world}}
steps:
  - {id: say, action: echo, parameters: {message: 'hello {{ who }}'}}
  - {id: rows, tool: data-processing, action: filter, parameters: {data: in.csv, operation: {condition: n > 1}}}
  - {id: loud, action: echo, parameters: {message: '{{ say.result }}!'}}
outputs: {loud: '{{ loud.result }}', rows: '{{ rows.result.processed_data }}'}
";

#[test]
fn what_depends_on_nothing_that_changed_is_not_done_again() {
    let workspace = Workspace::new();
    std::fs::write(workspace.root().join("in.csv"), "n\n1\n2\n").expect("a file");
    let first = run(&workspace, PIPELINE, &[]);
    assert_eq!(reused(&first), Vec::<&str>::new());
    assert_eq!(
        forecasts(&workspace, PIPELINE, &[]),
        ["say", "rows", "loud"].map(|id| format!("{id} Reuse: nothing it depends on changed since the run …"))
    );

    let second = run(&workspace, PIPELINE, &[]);
    assert_eq!(reused(&second), ["say", "rows", "loud"]);
    assert_eq!(second.document.outputs, first.document.outputs);
    let say = second.step("say");
    assert_eq!(
        say.cache,
        Some(json!({"hit": true, "run": first.document.execution_id, "reason": "nothing it depends on changed"}))
    );
    assert_eq!((say.attempts, say.success), (0, true));
    assert!(second.events.iter().all(|event| event.kind != EventKind::StepStarted), "nothing acted");

    // Also the third says which run made it, not which used it last.
    let third = run(&workspace, PIPELINE, &[]);
    assert_eq!(third.step("say").cache, say.cache);
}

#[test]
fn what_changed_is_said_and_done() {
    let workspace = Workspace::new();
    std::fs::write(workspace.root().join("in.csv"), "n\n1\n2\n").expect("a file");
    run(&workspace, PIPELINE, &[]);
    let you = [("who", json!("you"))];
    assert_eq!(
        forecasts(&workspace, PIPELINE, &you),
        [
            "say Run: `message` has another value",
            "rows Reuse: nothing it depends on changed since the run …",
            "loud Unknown: that depends on what `say` comes to",
        ]
    );
    let ran = run(&workspace, PIPELINE, &you);
    assert_eq!((reused(&ran), ran.output("loud")), (vec!["rows"], &json!("hello you!")));

    std::fs::write(workspace.root().join("in.csv"), "n\n1\n3\n").expect("a file");
    assert_eq!(forecasts(&workspace, PIPELINE, &[])[1], "rows Run: the file `in.csv` changed");
    let ran = run(&workspace, PIPELINE, &[]);
    assert_eq!((reused(&ran), ran.output("rows")), (vec!["say", "loud"], &json!([{"n": "3"}])));

    let other = PIPELINE.replace("n > 1", "n > 2").replace("hello", "bye");
    assert_eq!(
        forecasts(&workspace, &other, &[]),
        [
            "say Run: `message` is written differently",
            "rows Run: `operation` is written differently",
            "loud Unknown: that depends on what `say` comes to",
        ]
    );
}

#[test]
fn a_step_behind_a_changed_one_that_gave_the_same_is_not_done_again() {
    let workspace = Workspace::new();
    let text = |filter: &str| {
        format!(
            "id: p\nsteps:\n  - {{id: rows, tool: data-processing, action: filter, parameters: {{data: [{{n: 1}}, {{n: \
             5}}], operation: {{condition: n > {filter}}}}}}}\n  - {{id: count, action: echo, parameters: {{message: \
             '{{{{ rows.result.processed_data | length }}}}'}}}}\n"
        )
    };
    run(&workspace, &text("2"), &[]);
    assert_eq!(reused(&run(&workspace, &text("3"), &[])), ["count"]);
}

#[test]
fn who_says_no_gets_no_earlier_result() {
    let workspace = Workspace::new();
    let step = "id: p\nsteps:\n  - {id: a, action: echo, parameters: {message: hi}}\n";
    run(&workspace, step, &[]);
    let never = step.replace("hi}}", "hi}, cache: false}");
    assert_eq!(reused(&run(&workspace, &never, &[])), Vec::<&str>::new());
    assert_eq!(forecasts(&workspace, &never, &[]), ["a Run: `cache: false`"]);
    let root = step.replace("id: p", "id: p\ncache: false");
    assert_eq!(reused(&run(&workspace, &root, &[])), Vec::<&str>::new());

    let config = RunConfig { cache: false, ..kept(&workspace) };
    let ran = workspace.run_with(step, &[], config.clone(), &CancellationToken::new());
    assert_eq!(reused(&ran), Vec::<&str>::new());
    let said = forecast(&plan(step, &[]), &config).expect("a plan");
    assert_eq!(said.iter().map(shown).collect::<Vec<_>>(), ["a Run: `--no-cache`"]);
    assert_eq!(reused(&run(&workspace, step, &[])), ["a"]);
}

#[test]
fn what_acts_on_the_world_is_done_each_time_unless_its_author_says_otherwise() {
    let workspace = Workspace::new();
    let text = "id: p\nsteps:\n  - {id: a, tool: terminal, action: execute, parameters: {command: echo x >> log}}\n";
    for _ in 0..2 {
        run(&workspace, text, &[]);
    }
    assert_eq!(workspace.read("log"), "x\nx\n");
    let cached = text.replace(">> log}}", ">> log}, cache: true}");
    assert_eq!(forecasts(&workspace, &cached, &[]), ["a Run: new"]);
    for _ in 0..2 {
        run(&workspace, &cached, &[]);
    }
    assert_eq!(workspace.read("log"), "x\nx\nx\n");
    assert_eq!(forecasts(&workspace, &cached, &[])[0].split(':').next(), Some("a Reuse"));
}

#[test]
fn a_file_that_is_read_counts_for_a_step_that_is_cached_on_request() {
    let workspace = Workspace::new();
    std::fs::write(workspace.root().join("f"), "one").expect("a file");
    let text = "id: p\nsteps:\n  - {id: a, tool: filesystem, action: read, parameters: {path: f}, cache: true}\n";
    run(&workspace, text, &[]);
    assert_eq!(reused(&run(&workspace, text, &[])), ["a"]);
    std::fs::write(workspace.root().join("f"), "two").expect("a file");
    let ran = run(&workspace, text, &[]);
    assert_eq!((reused(&ran), &ran.result("a")["content"]), (vec![], &json!("two")));
}

#[test]
fn failures_and_simulated_answers_are_never_used_again() {
    let workspace = Workspace::new();
    let text = "id: p\nsteps:\n  - {id: a, tool: data-processing, action: filter, parameters: {data: none.csv}}\n";
    for _ in 0..2 {
        assert_eq!(run(&workspace, text, &[]).step("a").attempts, 1);
    }
    let text =
        "id: p\nsteps:\n  - {id: a, action: generate, parameters: {prompt: hi, model: simulated/m, temperature: 0}}\n";
    for _ in 0..2 {
        assert_eq!(reused(&run(&workspace, text, &[])), Vec::<&str>::new());
    }
}

#[test]
fn two_steps_of_one_run_that_do_the_same_both_do_it() {
    let workspace = Workspace::new();
    let text = "id: p
steps:
  - {id: a, action: echo, parameters: {message: same}}
  - {id: b, action: echo, parameters: {message: same}, dependencies: [a]}
  - id: l
    for_each: [1, 2]
    steps: [{id: c, action: echo, parameters: {message: same}}]
";
    let ran = run(&workspace, text, &[]);
    let started = ran.events.iter().filter(|event| event.kind == EventKind::StepStarted);
    let started: Vec<&str> = started.filter_map(|event| event.step.as_deref()).collect();
    assert_eq!(started.len(), 5, "{started:?}");
    let ran = run(&workspace, text, &[]);
    let started = ran.events.iter().filter(|event| event.kind == EventKind::StepStarted);
    assert_eq!(started.filter_map(|event| event.step.as_deref()).collect::<Vec<_>>(), ["l"]);
}

#[test]
fn a_step_that_is_asked_for_runs_in_any_case() {
    let workspace = Workspace::new();
    let text = "id: p\nsteps:\n  - {id: a, action: echo, parameters: {message: hi}}\n";
    run(&workspace, text, &[]);
    let selection = Selection { mode: Mode::Step, step: "a".to_owned() };
    let config = RunConfig { selection: Some(selection), ..kept(&workspace) };
    let said = forecast(&plan(text, &[]), &config).expect("a plan");
    assert_eq!((said[0].verdict, &*said[0].reason), (Verdict::Run, "asked for"));
    let ran = workspace.run_with(text, &[], config, &CancellationToken::new());
    assert_eq!((reused(&ran), ran.step("a").attempts), (vec![], 1));
}

#[test]
fn what_another_step_may_write_first_is_not_promised() {
    let workspace = Workspace::new();
    std::fs::write(workspace.root().join("in.csv"), "n\n1\n").expect("a file");
    let text = "id: p
steps:
  - {id: write, tool: filesystem, action: write, parameters: {path: in.csv, content: \"n\\n7\\n\"}}
  - {id: rows, tool: data-processing, action: filter, parameters: {data: in.csv, operation: {condition: n > 0}}, dependencies: [write]}
";
    run(&workspace, text, &[]);
    std::fs::write(workspace.root().join("in.csv"), "n\n1\n").expect("a file");
    assert_eq!(
        forecasts(&workspace, text, &[]),
        ["write Run: acts each time", "rows Unknown: it reads `in.csv`, which another step may write first"]
    );
    assert_eq!(reused(&run(&workspace, text, &[])), ["rows"]);
}

#[test]
fn conditions_routes_and_failures_are_foretold() {
    let workspace = Workspace::new();
    let text = "id: p
inputs: {n: {type: integer, default: 1}}
steps:
  - {id: a, action: echo, parameters: {message: hi}, condition: '{{ n > 1 }}', on_false: d}
  - {id: b, action: echo, parameters: {message: b}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: c}}
  - {id: d, action: echo, parameters: {message: '{{ nowhere.x | default(1) }}'}, dependencies: [b]}
  - {id: e, tool: terminal, action: execute, parameters: {command: 'true'}, dependencies: [d]}
  - {id: f, action: echo, parameters: {message: '{{ e.result.stdout[0].x }}'}, condition: '{{ e.success }}'}
";
    let text = text.replace("{{ nowhere.x | default(1) }}", "d");
    assert_eq!(
        forecasts(&workspace, &text, &[]),
        [
            "a Skip: its condition is false",
            "b Skip: `a` goes on behind it",
            "c Unknown: `a` may pass over it, if it ends before this begins",
            "d Run: new",
            "e Run: new",
            "f Unknown: if {{ e.success }}",
        ]
    );
}

#[test]
fn where_a_step_cannot_succeed_only_what_it_waits_for_is_sure_to_run() {
    let workspace = Workspace::new();
    let text = "id: p
inputs: {n: {type: integer, default: 0}}
steps:
  - {id: a, action: echo, parameters: {message: hi}}
  - {id: beside, action: echo, parameters: {message: '{{ a.result }}'}}
  - {id: b, action: echo, parameters: {message: '{{ 7 // n }}'}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: '{{ b.result }}'}}
";
    assert_eq!(
        forecasts(&workspace, text, &[]),
        [
            "a Run: new",
            "beside Unknown: `b` fails, and this may have run by then",
            "b Fail: parameters.message: unable to calculate 7 // 0 in `7 // n`",
            "c NotRun: `b` fails before it",
        ]
    );
}
