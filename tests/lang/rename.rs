//! Another name for a thing: everywhere it stands, and not where it would mean something else.

use std::{collections::BTreeMap, fmt::Write, fs};

use camino::Utf8Path;
use engine::files::Disk;
use expect_test::{Expect, expect};
use lang::{
    analysis::Analysis,
    ide::{
        navigate,
        rename::{self, FileEdits},
    },
    text::{TextSize, apply_edits},
};

use crate::support::at;

/// The lines of `before` that are others in `after`, as those are.
fn changed(before: &str, after: &str) -> String {
    let mut out = String::new();
    for (number, (was, is)) in before.lines().zip(after.lines()).enumerate() {
        if was != is {
            let _ = writeln!(out, "{}: {}", number + 1, is.trim());
        }
    }
    out
}

/// Renames what stands at the cursor to `to` in a file of its own: the lines that change, or why not.
fn check(fixture: &str, to: &str, expected: &Expect) {
    let (analysis, offset) = at(fixture);
    let found = match rename::rename(&analysis, offset, to) {
        Ok(files) => {
            let [FileEdits { file: None, edits }] = files.as_slice() else { panic!("only this file: {files:?}") };
            changed(analysis.text(), &apply_edits(analysis.text(), edits))
        }
        Err(reason) => format!("refused: {reason}\n"),
    };
    expected.assert_eq(&found);
}

#[test]
fn a_step_is_renamed_in_handlers_and_jumps() {
    check(
        "\
name: x
steps:
  - id: a
    action: generate
    parameters: {prompt: hi}
    on_error: $0save
  - id: b
    action: generate
    parameters: {prompt: hi}
    goto: \"{{ 'save' if a.result == 'save' else \\\"save\\\" | default('save') }}\"
    on_error:
      - error_types: [TimeoutError]
        handler_task_id: 'save'
  - id: save
    action: generate
    parameters: {prompt: save}
",
        "keep",
        &expect![[r#"
            6: on_error: keep
            10: goto: "{{ 'keep' if a.result == 'save' else \"keep\" | default('keep') }}"
            13: handler_task_id: 'keep'
            14: - id: keep
        "#]],
    );
}

#[test]
fn a_step_is_renamed_in_every_scalar_style() {
    check(
        "\
name: x
steps:
  - id: \"$0a\"
    action: generate
    parameters: {prompt: hi}
  - id: b
    dependencies: >-
      a
    action: generate
    condition: a.success and {{ a.success }}
    parameters:
      plain: {{ a.result }}
      single: 'it''s {{ a.result }} {{ previous_results[''a''].result }}'
      double: \"\\t{{ a.result }} {{ previous_results[\\\"a\\\"].result }} {{ step_results.a.result }}\"
      prompt: |
        - {{ a.result
             | trim }}
      folded: >
        text {{ [1, 2]
        | length }}
        {{ $a }} <AUTO>from {{ a.result }} to a</AUTO>
",
        "first",
        &expect![[r#"
            3: - id: "first"
            8: first
            10: condition: first.success and {{ first.success }}
            12: plain: {{ first.result }}
            13: single: 'it''s {{ first.result }} {{ previous_results[''first''].result }}'
            14: double: "\t{{ first.result }} {{ previous_results[\"first\"].result }} {{ step_results.first.result }}"
            16: - {{ first.result
            21: {{ $first }} <AUTO>from {{ first.result }} to a</AUTO>
        "#]],
    );
}

const LOOPS: &str = "\
name: x
steps:
  - id: one
    for_each: [a]
    loop_var: $ROW
    loop_name: rows
    steps:
      - id: s
        action: generate
        parameters: {prompt: \"{{ row }} {{ $row }} {{ rows.item }} {{ loop_var('rows', 'row') }} {{ loop_item_at('one', 0) }}\"}
  - id: two
    for_each: [b]
    loop_var: row
    steps:
      - id: s
        action: generate
        parameters: {prompt: \"{{ row }}\"}
";

#[test]
fn the_name_a_loop_gives_its_item_is_its_own() {
    let fixture = LOOPS.replace("$ROW", "$row");
    check(
        &fixture.replacen("$row", "$ro$0w", 1),
        "line",
        &expect![[r#"
            5: loop_var: $line
            10: parameters: {prompt: "{{ line }} {{ $line }} {{ rows.item }} {{ loop_var('rows', 'line') }} {{ loop_item_at('one', 0) }}"}
        "#]],
    );
    check(
        &fixture.replacen("loop_var: row", "loop_var: $0row", 1),
        "line",
        &expect![[r#"
            13: loop_var: line
            17: parameters: {prompt: "{{ line }}"}
        "#]],
    );
    check(
        &fixture.replacen("rows.item", "$0rows.item", 1),
        "all",
        &expect![[r#"
            6: loop_name: all
            10: parameters: {prompt: "{{ row }} {{ $row }} {{ all.item }} {{ loop_var('all', 'row') }} {{ loop_item_at('one', 0) }}"}
        "#]],
    );
    check(
        &fixture.replacen("id: one", "id: $0one", 1),
        "uno",
        &expect![[r#"
            3: - id: uno
            10: parameters: {prompt: "{{ row }} {{ $row }} {{ rows.item }} {{ loop_var('rows', 'row') }} {{ loop_item_at('uno', 0) }}"}
        "#]],
    );
    check(
        &fixture.replacen("id: s", "id: $0s", 1),
        "row",
        &expect!["refused: `row` would mean something else in line 10\n"],
    );
}

#[test]
fn an_item_is_renamed_with_that_of_the_round_before() {
    check(
        "\
name: x
steps:
  - id: a
    action_loop:
      - name: draft
        action: generate
        parameters: {prompt: \"{{ prev_draft.result | default('') }}\"}
      - action: generate
        parameters: {prompt: \"{{ $0draft.result }}\"}
    until: \"{{ draft.success }}\"
",
        "text",
        &expect![[r#"
            5: - name: text
            7: parameters: {prompt: "{{ prev_text.result | default('') }}"}
            9: parameters: {prompt: "{{ text.result }}"}
            10: until: "{{ text.success }}"
        "#]],
    );
}

#[test]
fn a_name_of_a_template_is_renamed_where_its_scope_binds_it() {
    let prompt = |prompt: &str| {
        format!(
            "name: x\ninputs: {{n: 1, s: {{type: string, default: ''}}}}\nsteps:\n  - id: a\n    action: generate\n    parameters: {{prompt: \"{prompt}\"}}\n"
        )
    };
    check(
        &prompt("{% if n %}{% set $0s = s + 'a' %}{% else %}{% set s = 'b' %}{% endif %}{{ s }}"),
        "t",
        &expect![[r#"
            6: parameters: {prompt: "{% if n %}{% set t = s + 'a' %}{% else %}{% set t = 'b' %}{% endif %}{{ t }}"}
        "#]],
    );
    check(
        &prompt("{% for x in [1] %}{{ x }}{% endfor %}{% for x in [2] %}{{ $0x }}{% endfor %}"),
        "y",
        &expect![[r#"
            6: parameters: {prompt: "{% for x in [1] %}{{ x }}{% endfor %}{% for y in [2] %}{{ y }}{% endfor %}"}
        "#]],
    );
    check(
        &prompt("{% set $0t = 1 %}"),
        "u",
        &expect![[r#"
        6: parameters: {prompt: "{% set u = 1 %}"}
    "#]],
    );
    check(
        &prompt("{% set $0t = 1 %}{{ t }} {{ n }}"),
        "n",
        &expect!["refused: `n` would mean something else in line 6\n"],
    );
    check(
        &prompt("{% for n in [1] %}{{ $0s }}{% endfor %}"),
        "n",
        &expect!["refused: `n` would mean something else in line 6\n"],
    );
}

#[test]
fn an_input_that_is_declared_twice_is_one() {
    check(
        "\
name: x
inputs: {$0topic: tea}
parameters: {topic: tea}
steps:
  - id: a
    action: generate
    parameters: {prompt: \"{{ parameters['topic'] }}\"}
",
        "subject",
        &expect![[r#"
            2: inputs: {subject: tea}
            3: parameters: {subject: tea}
            7: parameters: {prompt: "{{ parameters['subject'] }}"}
        "#]],
    );
}

#[test]
fn a_hyphen_stands_where_no_template_needs_the_name() {
    let fixture = |prompt: &str| {
        format!(
            "name: x\nsteps:\n  - id: $0a\n    action: generate\n    parameters: {{prompt: hi}}\n  - id: b\n    dependencies: [a]\n    action: generate\n    parameters: {{prompt: \"{prompt}\"}}\n"
        )
    };
    check(
        &fixture("{{ previous_results['a'].result }}"),
        "a-b",
        &expect![[r#"
            3: - id: a-b
            7: dependencies: [a-b]
            9: parameters: {prompt: "{{ previous_results['a-b'].result }}"}
        "#]],
    );
    let refused = expect!["refused: templates name it, and they read `a-b` as a subtraction; write `_`\n"];
    check(&fixture("{{ a.result }}"), "a-b", &refused);
    check(&fixture("{{ previous_results.a.result }}"), "a-b", &refused);
}

#[test]
fn the_rules_say_why_a_name_is_none() {
    let fixture = "name: x\nsteps:\n  - id: $0a\n    action: generate\n    parameters: {prompt: hi}\n  - id: b\n    action: generate\n    parameters: {prompt: hi}\n";
    check(fixture, "b", &expect!["refused: a second step is called `b`; rename one of them\n"]);
    check(
        fixture,
        "fail",
        &expect!["refused: `fail` is a policy of `on_failure`, so no step can be called that; rename it\n"],
    );
    check(
        fixture,
        "_a",
        &expect!["refused: `_a` is no id; begin with a letter and go on with letters, digits, `_` and `-`\n"],
    );
    check(fixture, "null", &expect!["refused: `null` is a word of the language; choose another name\n"]);
}

#[test]
fn one_of_two_steps_of_the_same_name_can_be_renamed() {
    check(
        "name: x\nsteps:\n  - id: a\n    action: generate\n    parameters: {prompt: hi}\n  - id: $0a\n    action: generate\n    parameters: {prompt: hi}\n    dependencies: []\n  - id: c\n    dependencies: [a]\n    action: generate\n    parameters: {prompt: hi}\n",
        "b",
        &expect![[r#"
            6: - id: b
        "#]],
    );
}

#[test]
fn a_shared_text_in_which_the_name_means_two_things_is_kept() {
    check(
        "\
name: x
steps:
  - id: one
    for_each: [a]
    steps:
      - id: $0s
        action: generate
        parameters: {prompt: hi}
      - id: t
        action: generate
        parameters: &told {prompt: \"{{ s.result }}\"}
  - id: s
    action: generate
    parameters: {prompt: hi}
  - id: u
    action: generate
    parameters: *told
",
        "r",
        &expect!["refused: `r` would mean something else in line 12\n"],
    );
}

/// The files of a folder; the one with the cursor, and where it stands.
struct Folder {
    directory: tempfile::TempDir,
    files: BTreeMap<String, String>,
    open: String,
    offset: TextSize,
}

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (open, marked) = files.iter().find(|(_, text)| text.contains("$0")).unwrap();
        let offset = TextSize::new(marked.find("$0").unwrap() as u32);
        let files: BTreeMap<String, String> =
            files.iter().map(|(name, text)| ((*name).to_owned(), text.replacen("$0", "", 1))).collect();
        for (name, text) in &files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        Self { directory, open: (*open).to_owned(), files, offset }
    }

    fn analysis(&self) -> Analysis {
        let root = Utf8Path::from_path(self.directory.path()).unwrap();
        let place = Disk::new(engine::catalog::registry()).place(&root.join(&self.open), Some(root)).unwrap();
        Analysis::new(engine::catalog::registry(), &self.open, &self.files[&self.open]).within(place)
    }

    /// The lines of all files that change under the name `to`, or why none do.
    fn check(&self, to: &str, expected: &Expect) {
        let files = match rename::rename(&self.analysis(), self.offset, to) {
            Ok(files) => files,
            Err(reason) => return expected.assert_eq(&format!("refused: {reason}\n")),
        };
        let mut found = String::new();
        for FileEdits { file, edits } in files {
            let name = file.as_ref().map_or(self.open.as_str(), |file| file.file_name().unwrap());
            let text = &self.files[name];
            let _ = write!(found, "{name}\n{}", changed(text, &apply_edits(text, &edits)));
        }
        expected.assert_eq(&found);
    }

    /// All places of what stands at the cursor: file, offset.
    fn references(&self) -> String {
        let found = navigate::references(&self.analysis(), self.offset, true).into_iter();
        let shown = |one: navigate::Occurrence| {
            let name = one.file.as_ref().map_or(self.open.as_str(), |file| file.file_name().unwrap());
            let before = &self.files[name][..usize::from(one.range.start())];
            format!("{name}:{} {:?}\n", before.matches('\n').count() + 1, one.role)
        };
        found.map(shown).collect()
    }
}

const INCLUDING: &str = "\
id: main
inputs:
  $0topic: tea
steps:
  - id: a
    action: generate
    parameters:
      prompt: \"{{ file:prompt.md }}\"
";

#[test]
fn names_in_included_files_are_those_of_the_pipeline() {
    let folder = Folder::new(&[
        ("main.orc.yaml", INCLUDING),
        ("prompt.md", "About {{ topic }},\n{{ inputs.topic }} and << more.md >>.\n"),
        ("more.md", "again {{ topic }}\n"),
    ]);
    expect![[r#"
        main.orc.yaml:3 Declaration
        more.md:1 Use
        prompt.md:1 Use
        prompt.md:2 Use
    "#]]
    .assert_eq(&folder.references());
    folder.check(
        "subject",
        &expect![[r#"
            main.orc.yaml
            3: subject: tea
            more.md
            1: again {{ subject }}
            prompt.md
            1: About {{ subject }},
            2: {{ inputs.subject }} and << more.md >>.
        "#]],
    );
}

#[test]
fn a_name_that_the_text_around_an_included_file_binds_is_not_the_pipelines() {
    let around = |template: &str| INCLUDING.replace("{{ file:prompt.md }}", template);
    let folder =
        |template: &str| Folder::new(&[("main.orc.yaml", &around(template)), ("prompt.md", "About {{ topic }}.\n")]);
    folder("{% for topic in [1] %}<< prompt.md >>{% endfor %}").check(
        "subject",
        &expect![[r#"
            main.orc.yaml
            3: subject: tea
        "#]],
    );
    folder("{% for topic in [1] %}{% endfor %}<< prompt.md >>").check(
        "subject",
        &expect![[r#"
            main.orc.yaml
            3: subject: tea
            prompt.md
            1: About {{ subject }}.
        "#]],
    );
}

#[test]
fn a_text_that_another_pipeline_includes_too_is_kept() {
    let other = INCLUDING.replace("$0", "").replace("id: main", "id: other");
    Folder::new(&[("main.orc.yaml", INCLUDING), ("other.orc.yaml", &other), ("prompt.md", "About {{ topic }}.\n")])
        .check(
            "subject",
            &expect!["refused: in `other.orc.yaml`: `subject` would mean something else in `prompt.md`\n"],
        );
}

const CHILD: &str = "\
id: child
inputs:
  topic: {type: string, required: true}
steps:
  - id: a
    action: generate
    parameters: {prompt: \"{{ topic }}\"}
outputs:
  text: \"{{ a.result }}\"
";

const PARENT: &str = "\
id: parent
inputs: {topic: tea}
steps:
  - id: run
    tool: pipeline-executor # orc: ignore ORC411
    parameters:
      pipeline: child.orc.yaml
      inputs: {topic: \"{{ topic }}\"}
  - id: again
    tool: pipeline-executor # orc: ignore ORC411
    parameters:
      pipeline: child
      inputs: {\"topic\": x}
      output_mapping: {text: said}
outputs:
  said: \"{{ run.result.outputs.text }}{{ run.outputs['text'] }}{{ again.result.outputs.text }}\"
";

#[test]
fn an_input_of_a_pipeline_is_named_by_those_that_run_it() {
    let from_child =
        Folder::new(&[("child.orc.yaml", &CHILD.replace("  topic:", "  $0topic:")), ("parent.orc.yaml", PARENT)]);
    expect![[r#"
        child.orc.yaml:3 Declaration
        child.orc.yaml:7 Use
        parent.orc.yaml:8 Use
        parent.orc.yaml:13 Use
    "#]]
    .assert_eq(&from_child.references());
    let from_parent = Folder::new(&[
        ("child.orc.yaml", CHILD),
        ("parent.orc.yaml", &PARENT.replace("inputs: {topic: \"", "inputs: {$0topic: \"")),
    ]);
    expect![[r#"
        parent.orc.yaml:8 Use
        parent.orc.yaml:13 Use
        child.orc.yaml:3 Declaration
        child.orc.yaml:7 Use
    "#]]
    .assert_eq(&from_parent.references());
    from_parent.check(
        "subject",
        &expect![[r#"
            parent.orc.yaml
            8: inputs: {subject: "{{ topic }}"}
            13: inputs: {"subject": x}
            child.orc.yaml
            3: subject: {type: string, required: true}
            7: parameters: {prompt: "{{ subject }}"}
        "#]],
    );
    // In the other file the name is taken.
    from_parent.check("a", &expect!["refused: in `child.orc.yaml`: `a` would mean something else in line 7\n"]);
}

#[test]
fn an_output_of_a_pipeline_is_named_by_those_that_run_it() {
    Folder::new(&[("child.orc.yaml", &CHILD.replace("  text:", "  $0text:")), ("parent.orc.yaml", PARENT)]).check(
        "summary",
        &expect![[r#"
            child.orc.yaml
            9: summary: "{{ a.result }}"
            parent.orc.yaml
            14: output_mapping: {summary: said}
            16: said: "{{ run.result.outputs.summary }}{{ run.outputs['summary'] }}{{ again.result.outputs.text }}"
        "#]],
    );
}

#[test]
fn a_name_of_another_file_leads_there() {
    let folder = Folder::new(&[
        ("child.orc.yaml", CHILD),
        ("parent.orc.yaml", &PARENT.replace("{text: said}", "{$0text: said}")),
    ]);
    let found = navigate::definition(&folder.analysis(), folder.offset);
    let [location] = found.as_slice() else { panic!("one place: {found:?}") };
    assert_eq!(location.file.as_ref().unwrap().file_name(), Some("child.orc.yaml"));
    assert_eq!(&CHILD[location.range], "text");
}

#[test]
fn names_are_typed_over_at_once_where_it_is_safe() {
    let linked = |fixture: &str| {
        let (analysis, offset) = at(fixture);
        navigate::linked(&analysis, offset).len()
    };
    let text = "name: x\nsteps:\n  - id: a\n    action: generate\n    parameters: {prompt: hi}\n  - id: b\n    dependencies: [a]\n    action: generate\n    parameters: {prompt: \"{{ a.result }}\"}\n";
    assert_eq!(linked(&text.replace("id: a", "id: $0a")), 3);
    // A use may be typed over to name another step.
    assert_eq!(linked(&text.replace("[a]", "[$0a]")), 0);
    // A step that was just copied still has the name of the other.
    assert_eq!(linked(&text.replace("id: a", "id: $0a").replace("id: b", "id: a")), 0);
    // Nothing else is named by it.
    assert_eq!(linked(&text.replace("id: b", "id: $0b")), 0);
}
