//! Documents among other files, in a folder that is made up.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
};

use camino::{Utf8Path, Utf8PathBuf};
use expect_test::{Expect, expect};
use indexmap::IndexMap;

use super::{Entry, Files, Listing, Workspace};
use crate::{
    analysis::Analysis,
    registry::{
        Effect, OperationSource, OperationSpec, OutputSpec, ParamKind, ParamSpec, Registry, ToolSpec, ValueType,
    },
};

/// Files by path.
#[derive(Debug)]
struct Made {
    own: Weak<Made>,
    files: BTreeMap<Utf8PathBuf, String>,
}

impl Files for Made {
    fn is_directory(&self, path: &Utf8Path) -> Option<bool> {
        if self.files.contains_key(path) {
            return Some(false);
        }
        self.files.keys().any(|file| file.starts_with(path)).then_some(true)
    }

    fn text(&self, path: &Utf8Path) -> Option<Arc<str>> {
        self.files.get(path).map(|text| text.as_str().into())
    }

    fn analysis(&self, path: &Utf8Path) -> Option<Arc<Analysis>> {
        let files = self.own.upgrade()?;
        self.files.get(path).map(|_| Arc::new(analysis(&files, path)))
    }

    fn list(&self, directory: &Utf8Path, _: &str) -> Listing {
        let beneath = self.files.keys().filter_map(|file| file.strip_prefix(directory).ok());
        let entry = |rest: &Utf8Path| {
            let first = rest.components().next()?;
            Some(Entry { name: first.to_string(), directory: rest.components().count() > 1 })
        };
        let mut found: Vec<Entry> = beneath.filter_map(entry).collect();
        found.dedup();
        Listing { entries: found, cut: false }
    }

    fn pipelines(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        self.files.keys().filter(|file| file.starts_with(root) && file.extension() == Some("yaml")).cloned().collect()
    }
}

fn param(name: &str, kind: ParamKind, types: &[ValueType]) -> ParamSpec {
    ParamSpec {
        name: name.to_owned(),
        doc: String::new(),
        types: types.to_vec(),
        instead: None,
        required: false,
        default: None,
        choices: Vec::new(),
        range: (None, None),
        kind,
        items: None,
        fields: Vec::new(),
        open_fields: true,
        aliases: Vec::new(),
        deprecated: None,
    }
}

fn registry() -> Registry {
    let operation = OperationSpec {
        name: "do".to_owned(),
        doc: String::new(),
        params: vec![
            param("pipeline", ParamKind::Pipeline, &[ValueType::String]),
            param("inputs", ParamKind::Plain, &[ValueType::Object]),
            param("output_mapping", ParamKind::Plain, &[ValueType::Object]),
            param("inherit_context", ParamKind::Plain, &[ValueType::Boolean]),
            param("text", ParamKind::Prompt, &[ValueType::String]),
        ],
        output: OutputSpec::default(),
        effect: Effect::Effectful,
    };
    let tool = ToolSpec {
        name: "child".to_owned(),
        doc: String::new(),
        version: 1,
        operation_source: OperationSource::Single,
        operations: vec![operation],
        available: true,
        default_operation: None,
        example: String::new(),
    };
    Registry { tools: IndexMap::from_iter([("child".to_owned(), tool)]), ..Registry::default() }
}

fn analysis(files: &Arc<Made>, path: &Utf8Path) -> Analysis {
    let text = &files.files[path];
    let workspace = Workspace { path: path.to_owned(), root: "/w".into(), files: Arc::clone(files) as Arc<dyn Files> };
    Analysis::new(Arc::new(registry()), path.file_name().unwrap(), text).within(workspace)
}

/// Checks `/w/p/main.orc.yaml`, whose one step has `parameters`, among `others`.
fn check(parameters: &str, others: &[(&str, &str)], expected: &Expect) {
    let text = format!(
        "id: main\ninputs: {{topic: {{type: string}}}}\nsteps:\n  - id: s\n    tool: child\n    parameters:\n{}",
        parameters.lines().map(|line| format!("      {line}\n")).collect::<Vec<_>>().concat()
    );
    let main: Utf8PathBuf = "/w/p/main.orc.yaml".into();
    let mut files: BTreeMap<Utf8PathBuf, String> =
        others.iter().map(|(path, text)| ((*path).into(), (*text).to_owned())).collect();
    files.insert(main.clone(), text);
    let files = Arc::new_cyclic(|own| Made { own: own.clone(), files });
    let analysis = analysis(&files, &main);
    let mut shown = String::new();
    for found in analysis.diagnostics() {
        let place = &analysis.text()[found.range];
        shown.extend([format!("{:?} {} «{place}» {}\n", found.severity, found.code, found.message)]);
        for related in &found.related {
            shown.extend([format!("  {}: {}\n", related.file.as_ref().unwrap(), related.message)]);
        }
    }
    expected.assert_eq(&shown);
}

const CHILD: &str = "\
id: little
inputs:
  count: {type: integer, required: true}
  note: {type: string, default: none}
steps: [{id: a, tool: child, parameters: {text: hi}}]
outputs: {total: '{{ a.result }}'}
";

#[test]
fn an_included_file_stands_beside_the_pipeline_or_in_the_working_directory() {
    check(
        "text: |\n  {{ file:near.md }} << far.md >> {{ include_file('near.md') }}",
        &[("/w/p/near.md", "x"), ("/w/far.md", "y")],
        &expect![[""]],
    );
}

#[test]
fn a_missing_file_a_directory_and_one_outside_are_told() {
    check(
        "text: |\n  {{ file: gone.md }} << sub.d >>\n  {{ include_file('also/gone.md') }} {{ file:../../etc/hosts }}",
        &[("/w/p/sub.d/x", "x")],
        &expect![[r#"
            Warning ORC316 «gone.md» the file `gone.md` does not exist beside the pipeline or in the working directory
            Warning ORC316 «sub.d» `sub.d` is a directory; name a file in it
            Warning ORC316 «also/gone.md» the file `also/gone.md` does not exist beside the pipeline or in the working directory
            Error ORC318 «../../etc/hosts» the file `../../etc/hosts` is outside of the workspace; move it in
        "#]],
    );
}

#[test]
fn a_circle_of_inclusions_is_told_with_its_way() {
    check(
        "text: '{{ file:a.md }}'",
        &[("/w/p/a.md", "<< b.md >>"), ("/w/p/b.md", "{{ file:a.md }}")],
        &expect![[r#"
            Error ORC317 «a.md» this inclusion never ends: `p/a.md` → `p/b.md` → `p/a.md`
        "#]],
    );
    check(
        "text: '<< own.md >>'",
        &[("/w/p/own.md", "<< own.md >>")],
        &expect![[r#"
        Error ORC317 «own.md» `p/own.md` includes itself
    "#]],
    );
}

#[test]
fn a_child_is_found_by_path_by_name_and_by_id() {
    let others = [("/w/p/child.yaml", CHILD), ("/w/deep/other.yaml", "id: far\nsteps: [{id: x, tool: child}]\n")];
    for name in ["child.yaml", "p/child.yaml", "child", "little", "far"] {
        check(&format!("pipeline: {name}\ninputs: '{{{{ topic }}}}'"), &others, &expect![[""]]);
    }
}

#[test]
fn a_child_that_is_missing_or_no_pipeline_is_told() {
    check(
        "pipeline: sub/gone.yaml",
        &[],
        &expect![[r#"
            Warning ORC412 «sub/gone.yaml» the pipeline `sub/gone.yaml` does not exist beside this one or in the working directory
        "#]],
    );
    check(
        "pipeline: nobody",
        &[],
        &expect![[r#"
        Warning ORC412 «nobody» no pipeline of this workspace has the id `nobody`, and no file has the name
    "#]],
    );
    check(
        "pipeline: notes.yaml",
        &[("/w/p/notes.yaml", "a: 1\n")],
        &expect![[r#"
        Error ORC413 «notes.yaml» `notes.yaml` is no pipeline
    "#]],
    );
}

#[test]
fn the_inputs_and_outputs_of_a_child_are_judged() {
    check(
        "pipeline: child.yaml\ninputs: {count: many, nte: x}\noutput_mapping: {totl: t, total: u}",
        &[("/w/p/child.yaml", CHILD)],
        &expect![[r#"
            Error ORC415 «many» the type of `count` is `integer`, not text
            Warning ORC415 «nte» `child.yaml` declares no input `nte`; did you mean `note`?
            Warning ORC416 «totl» `child.yaml` has no output `totl`; did you mean `total`?
        "#]],
    );
    check(
        "pipeline: child.yaml",
        &[("/w/p/child.yaml", CHILD)],
        &expect![[r#"
        Error ORC415 «child.yaml» `child.yaml` needs the input `count`; add it beneath `inputs`
    "#]],
    );
    let inherits = CHILD.replace("count", "topic").replace("integer", "string");
    check("pipeline: child.yaml", &[("/w/p/child.yaml", &inherits)], &expect![[""]]);
    check(
        "pipeline: child.yaml\ninherit_context: false",
        &[("/w/p/child.yaml", &inherits)],
        &expect![[r#"
        Error ORC415 «child.yaml» `child.yaml` needs the input `topic`; add it beneath `inputs`
    "#]],
    );
}

#[test]
fn the_errors_of_a_child_are_told_where_it_is_named() {
    let child = CHILD.replace("{{ a.result }}", "{{ b.result }}");
    check(
        "pipeline: child.yaml\ninputs: {count: 1}",
        &[("/w/p/child.yaml", &child)],
        &expect![[r#"
        Error ORC414 «child.yaml» `child.yaml` has an error, so the step will fail: `b` is not defined here; did you mean `a`?
          /w/p/child.yaml: `b` is not defined here; did you mean `a`?
    "#]],
    );
}
