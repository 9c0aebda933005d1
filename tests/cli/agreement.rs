//! `validate` and `run` agree on what is wrong: the defects on which the predecessor's two compilers differ.
//! Each case says what py-orc's `validate` and `run` do.

use crate::support::Folder;

/// What `validate` refuses, `run` refuses with the same error, before a step runs.
#[test]
fn what_validate_refuses_run_refuses() {
    let cases = [
        // py-orc: exit 2; exit 0, the edge is dropped.
        ("steps: [{id: a, action: echo one, dependencies: [ghost]}]", "error[ORC201]: no step is called `ghost`"),
        // py-orc: exit 2; exit 0, the step is skipped.
        (
            "steps: [{id: a, action: echo one, condition: '{{ nosuchvar > 3 }}'}]",
            "error[ORC302]: `nosuchvar` is not defined here; it is no input, step or loop variable of this place",
        ),
        // py-orc: exit 0 and a warning; exit 0, writes a file that nobody asked for.
        (
            "steps: [{id: w, tool: filesystem, action: write, paramters: {path: a.txt, content: x}}]",
            "error[ORC405]: `filesystem` needs the parameter `path`; add it",
        ),
        // py-orc: exit 2; exit 1 after three attempts.
        (
            "steps: [{id: w, tool: filesytem, action: write, parameters: {path: a.txt, content: x}}]",
            "error[ORC401]: unknown tool `filesytem`; did you mean `filesystem`?",
        ),
        // py-orc: exit 2 (it takes the action for a tool); exit 1 at run time.
        (
            "steps: [{id: w, action: gernate, parameters: {prompt: x}}]",
            "error[ORC402]: unknown action `gernate`; did you mean `generate`?",
        ),
        // py-orc: exit 0 and a warning; exit 1 when the step is reached.
        (
            "steps: [{id: w, tool: filesystem, action: write, parameters: {content: x}}]",
            "error[ORC405]: `filesystem` needs the parameter `path`; add it",
        ),
        // py-orc: exit 0 and a warning; exit 1 when the step is reached.
        (
            "steps: [{id: a, tool: filesystem, action: read, parameters: {path: x}}, {id: b, action: 'echo {{ a.contnt }}', dependencies: [a]}]",
            "error[ORC307]: the result of `a` has no `contnt`; did you mean `content`?",
        ),
        // py-orc: exit 2 in both.
        (
            "steps: [{id: a, action: echo one, dependencies: [b]}, {id: b, action: echo one, dependencies: [a]}]",
            "error[ORC203]: the steps wait for each other: `a` → `b` → `a`; remove one of these dependencies",
        ),
        (
            "steps: [{id: a, action: echo one}, {id: a, action: echo two}]",
            "error[ORC205]: a second step is called `a`; rename one of them",
        ),
    ];
    for (steps, error) in cases {
        let folder = Folder::with("p.orc.yaml", format!("id: p\n{steps}\n"));
        let checked = folder.orc(&["validate", "p.orc.yaml"]);
        let ran = folder.orc(&["run", "p.orc.yaml"]);
        assert_eq!((checked.code, ran.code), (Some(2), Some(2)), "{steps}");
        assert!(checked.stdout.contains(error), "{steps}\n{}", checked.stdout);
        assert!(ran.stderr.contains(error), "{steps}\n{}", ran.stderr);
        assert_eq!(ran.stdout, "", "{steps}: nothing ran");
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["p.orc.yaml"], "{steps}: nothing is written");
    }
}

/// py-orc: a value of the wrong type is written as it is, an unknown input is ignored; both exit 0.
#[test]
fn inputs_are_checked_before_the_run() {
    let typed = Folder::with(
        "p.orc.yaml",
        "id: p\ninputs: {n: {type: integer, default: 1}}\nsteps: [{id: a, action: 'echo {{ n }}'}]\n",
    );
    typed
        .orc(&["run", "p.orc.yaml", "-i", "n=notanint"])
        .refused("error: input `n` must be an integer, not `\"notanint\"`");
    typed
        .orc(&["run", "p.orc.yaml", "-i", "nosuch=1"])
        .refused("error: unknown input `nosuch`; this pipeline declares `n`");
}

/// py-orc: both refuse the pipeline, with 229 errors of its schema.
#[test]
fn handlers_that_are_a_mapping_run() {
    let folder = Folder::with(
        "p.orc.yaml",
        "id: p\nsteps: [{id: a, tool: filesystem, action: read, parameters: {path: nothing}, on_error: {action: echo handled}}]\noutputs: {said: '{{ a.result }}'}\n",
    );
    assert_eq!(folder.orc(&["validate", "p.orc.yaml"]).code, Some(0));
    let ran = folder.orc(&["run", "p.orc.yaml", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &document["outputs"]["said"]), (Some(0), &serde_json::json!("handled")));
}
