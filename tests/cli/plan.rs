//! `orc plan`: what would run, in which order and why.

use expect_test::expect;
use serde_json::Value;

use crate::support::Folder;

const PIPELINE: &str = "\
id: p
inputs:
  who: {type: string, default: world}
steps:
  - id: a
    tool: filesystem
    action: write
    parameters: {path: a.txt, content: 'hello {{ who }}'}
  - id: b
    tool: filesystem
    action: read
    parameters: {path: '{{ a.result.path }}'}
    dependencies: [a]
    on_failure: d
  - id: each
    for_each: [1, 2]
    steps:
      - {id: t, action: echo, parameters: {message: '{{ item }}'}}
  - id: d
    action: echo
    condition: '{{ who == \"you\" }}'
    parameters: {message: '<{{ b.result.content }}>'}
    dependencies: [b]
";

#[test]
fn the_steps_stand_by_stage_with_what_they_do_and_why_they_run() {
    let ended = Folder::with("p.orc.yaml", PIPELINE).orc(&["plan", "p.orc.yaml", "-i", "who=you"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    expect![[r#"
        p: 4 steps in 3 stages
          1  a     filesystem.write  run    new
          1  each  for_each          run    its steps are looked at as it runs
          2  b     filesystem.read   run    new
          3  d     echo              run    new
             who = "you"
    "#]]
    .assert_eq(&ended.stdout);
}

#[test]
fn nothing_is_run_and_nothing_is_kept() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    folder.orc(&["plan", "p.orc.yaml"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_step_whose_result_is_there_is_not_run_again_and_the_run_does_as_the_plan_said() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    folder.orc(&["run", "p.orc.yaml"]);
    let planned = folder.orc(&["plan", "p.orc.yaml", "--step", "b", "--format", "json"]);
    let planned: Value = serde_json::from_str(&planned.stdout).unwrap();
    let of = |state: &str| -> Vec<&str> {
        let steps = planned["steps"].as_array().unwrap().iter();
        steps.filter(|step| step["state"] == state).map(|step| step["id"].as_str().unwrap()).collect()
    };
    assert_eq!((of("reuse"), of("run")), (vec!["a"], vec!["b"]));
    let ran = folder.orc(&["run", "p.orc.yaml", "--step", "b", "--format", "jsonl"]);
    let started = ran.stdout.lines().filter(|line| line.contains("\"step.started\"")).count();
    assert_eq!((started, ran.stdout.contains("\"reused\":true")), (1, true), "{}", ran.stdout);
}

#[test]
fn a_tool_that_cannot_run_is_named_before_anything_runs() {
    let text = "id: p\nsteps:\n  - {id: a, tool: web-search, action: search, parameters: {query: x}}\n";
    let ended = Folder::with("p.orc.yaml", text).orc(&["plan", "p.orc.yaml"]);
    let line = ended.stdout.lines().nth(1).unwrap();
    assert!(line.ends_with("fail   the tool `web-search` cannot be executed by this version of orc"), "{line}");
}

#[test]
fn pictures_show_steps_edges_and_routes() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    let picture = |format: &str| folder.orc(&["plan", "p.orc.yaml", "--format", format]).stdout;
    expect![[r#"
        flowchart TD
          s0["a<br/>filesystem.write"]
          s1["b<br/>filesystem.read"]
          s2[["each<br/>for_each · 1 step"]]
          s3["d<br/>echo"]
          s0 --> s1
          s1 -. on_failure .-> s3
          s1 --> s3
    "#]]
    .assert_eq(&picture("mermaid"));
    expect![[r##"
        digraph "p" {
          node [shape=box, style="rounded,filled", fillcolor=white];
          "a" [label="a\nfilesystem.write", fillcolor="#f8fafc", color="#334155"];
          "b" [label="b\nfilesystem.read", fillcolor="#f8fafc", color="#334155"];
          "each" [label="each\nfor_each · 1 step", fillcolor="#f8fafc", color="#334155", peripheries=2];
          "d" [label="d\necho", fillcolor="#f8fafc", color="#334155"];
          "a" -> "b";
          "b" -> "d" [style=dashed, label="on_failure"];
          "b" -> "d";
        }
    "##]]
    .assert_eq(&picture("dot"));
    let svg = picture("svg");
    assert_eq!((svg.matches("<g>").count(), svg.matches("<path d=\"M").count()), (4, 4), "{svg}");
    for text in [">a</text>", ">filesystem.write</text>", ">for_each · 1 step</text>", "<title>b on_failure d</title>"]
    {
        assert!(svg.contains(text), "{text} is not in {svg}");
    }
}

#[test]
fn what_could_not_start_is_refused_with_the_reason() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    let ended = folder.orc(&["plan", "p.orc.yaml", "-i", "whom=you"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("did you mean `who`?"), "{ended:?}");
    folder
        .orc(&["plan", "p.orc.yaml", "--step", "nowhere"])
        .refused("error: the pipeline has no step `nowhere` at its root; the steps are `a`, `b`, `each`, `d`");
}
