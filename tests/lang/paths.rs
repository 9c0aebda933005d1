//! Paths that are completed from the directories of the workspace.

use camino::Utf8Path;
use engine::{catalog, files::Disk};
use expect_test::{Expect, expect};
use lang::{ide::completion, text::edit::apply_edits};

use crate::support::at;

/// What is offered at `$0` in `pipelines/main.orc.yaml`, each with the line that taking it leaves.
fn offered(step: &str, expected: &Expect) {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap();
    let files = ["data/in.csv", "data/old/a.json", "README.md", ".hidden", "pipelines/child.yaml", "pipelines/ask.md"];
    for name in files {
        std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        std::fs::write(root.join(name), "x").unwrap();
    }
    let (analysis, offset) = at(&format!("name: n\nsteps:\n- id: s\n{step}\n"));
    let document = root.join("pipelines/main.orc.yaml");
    std::fs::write(&document, analysis.text()).unwrap();
    let disk = Disk::new(catalog::registry());
    let analysis = analysis.within(disk.place(&document, Some(root)).unwrap());
    let mut shown = String::new();
    for item in completion::complete(&analysis, offset) {
        let after = apply_edits(analysis.text(), &[item.edit]);
        let line = analysis.lines().line_of(offset) as usize;
        shown += &format!("{} → {}\n", item.label, after.lines().nth(line).unwrap().trim());
    }
    expected.assert_eq(&shown);
}

fn read(path: &str) -> String {
    format!("  tool: filesystem\n  action: read\n  parameters:\n    path: {path}")
}

#[test]
fn a_path_goes_on_from_the_working_directory() {
    offered(
        &read("$0"),
        &expect![[r#"
        README.md → path: README.md
        data/ → path: data/
        pipelines/ → path: pipelines/
    "#]],
    );
    offered(
        &read("\"data/$0\""),
        &expect![[r#"
        in.csv → path: "data/in.csv"
        old/ → path: "data/old/"
    "#]],
    );
    offered(
        &read("data/o$0ld"),
        &expect![[r#"
        in.csv → path: data/in.csv
        old/ → path: data/old/
    "#]],
    );
    offered(
        &read(".$0"),
        &expect![[r#"
        .hidden → path: .hidden
        README.md → path: README.md
        data/ → path: data/
        pipelines/ → path: pipelines/
    "#]],
    );
}

#[test]
fn nothing_outside_is_looked_at() {
    offered(&read("../$0"), &expect![[""]]);
    offered(&read("/$0"), &expect![[""]]);
    offered(&read("data/../../$0"), &expect![[""]]);
}

#[test]
fn a_pipeline_is_a_file_of_yaml_beside_this_one_or_in_the_working_directory() {
    let step = "  tool: pipeline-executor\n  action: execute\n  parameters:\n    pipeline: $0";
    offered(
        step,
        &expect![[r#"
        child.yaml → pipeline: child.yaml
        data/ → pipeline: data/
        pipelines/ → pipeline: pipelines/
    "#]],
    );
}

#[test]
fn an_included_file_is_completed_in_its_tag() {
    let prompt = |text: &str| format!("  action: generate\n  parameters:\n    prompt: {text}");
    offered(
        &prompt("\"Read: {{ file:as$0 }}\""),
        &expect![[r#"
        ask.md → prompt: "Read: {{ file:ask.md }}"
        child.yaml → prompt: "Read: {{ file:child.yaml }}"
        README.md → prompt: "Read: {{ file:README.md }}"
        data/ → prompt: "Read: {{ file:data/ }}"
        pipelines/ → prompt: "Read: {{ file:pipelines/ }}"
    "#]],
    );
    offered(
        &prompt("\"<< $0 >>\""),
        &expect![[r#"
        ask.md → prompt: "<< ask.md >>"
        child.yaml → prompt: "<< child.yaml >>"
        README.md → prompt: "<< README.md >>"
        data/ → prompt: "<< data/ >>"
        pipelines/ → prompt: "<< pipelines/ >>"
    "#]],
    );
    offered(
        &prompt("\"{{ file:data/$0\""),
        &expect![[r#"
        in.csv → prompt: "{{ file:data/in.csv"
        old/ → prompt: "{{ file:data/old/"
    "#]],
    );
}
