//! What the predecessor (py-orc) was seen to do wrong, and what orc does in its place: one test each. The page
//! `docs/predecessor.md` is made of the same words; `UPDATE_EXPECT=1` writes it anew.

use std::path::Path;

use expect_test::expect_file;
use serde_json::{Value, json};

use crate::support::{Ended, Folder};

/// A behaviour in words.
struct Behaviour {
    /// The test that shows it.
    test: &'static str,
    /// What it is about.
    about: &'static str,
    /// What py-orc does, as its users see it.
    there: &'static str,
    /// What orc does.
    here: &'static str,
}

macro_rules! behaviours {
    ($($test:ident: $about:literal, $there:literal, $here:literal, $shown:block)*) => {
        $(
            #[test]
            fn $test() $shown
        )*

        const ALL: &[Behaviour] = &[$(Behaviour {
            test: stringify!($test),
            about: $about,
            there: $there,
            here: $here,
        }),*];
    };
}

fn folder(steps: &str) -> Folder {
    Folder::with("p.orc.yaml", format!("id: p\n{steps}"))
}

fn run(folder: &Folder, more: &[&str]) -> Ended {
    folder.orc(&[&["run", "p.orc.yaml", "--format", "json"], more].concat())
}

/// The result document of a run that ended with this code.
fn document(ended: &Ended, code: i32) -> Value {
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn statuses(document: &Value) -> Vec<(String, String)> {
    let steps = document["steps"].as_object().unwrap();
    steps.iter().map(|(id, step)| (id.clone(), step["status"].as_str().unwrap().to_owned())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, status)| ((*id).to_owned(), (*status).to_owned())).collect()
}

/// `validate` and `run` refuse the pipeline with these codes.
fn refused(steps: &str, codes: &[&str]) {
    let folder = folder(steps);
    let (checked, ran) = (folder.orc(&["validate", "p.orc.yaml"]), run(&folder, &[]));
    assert_eq!((checked.code, ran.code), (Some(2), Some(2)), "{}{}", checked.stdout, ran.stderr);
    for code in codes {
        let said = format!("error[{code}]");
        assert!(
            checked.stdout.contains(&said) && ran.stderr.contains(&said),
            "{code}\n{}\n{}",
            checked.stdout,
            ran.stderr
        );
    }
}

behaviours! {
    paths_stay_inside: "A path that leads out of the workspace (`../outside.txt`)",
        "writes there",
        "refuses it, naming the option that would allow it; nothing is written",
    {
        let folder = folder("steps:\n  - {id: up, tool: filesystem, action: write, parameters: {path: ../orc-outside.txt, content: x}}\n");
        let document = document(&run(&folder, &[]), 1);
        let error = document["steps"]["up"]["error"].as_str().unwrap();
        assert!(error.starts_with("writing `../orc-outside.txt` is not allowed"), "{error}");
        assert!(error.contains("allow it with `--allow-write "), "{error}");
        assert!(!folder.path().join("../orc-outside.txt").exists());
    }

    keys_stay_hidden: "A command that prints a provider's key from the environment",
        "prints the key",
        "commands see a short list of variables, never a key",
    {
        let folder = folder("steps:\n  - {id: env, tool: terminal, action: execute, parameters: {command: 'echo \"<$ORC_PROBE_API_KEY>\"'}}\n");
        let ended = folder.orc_seeing(&[("ORC_PROBE_API_KEY", "planted-key")], &["run", "p.orc.yaml", "--format", "json"]);
        let document = document(&ended, 0);
        assert_eq!(document["steps"]["env"]["value"]["result"]["stdout"], "<>\n");
    }

    a_failure_keeps_the_document: "A step fails under the policy `fail`",
        "leaves no document at all",
        "leaves the whole document; what did not run is `not_run`; exit 1",
    {
        let folder = folder("steps:\n  - {id: a, action: echo one}\n  - {id: b, tool: filesystem, action: read, parameters: {path: nothing}, dependencies: [a]}\n  - {id: c, action: echo three, dependencies: [b]}\n");
        let document = document(&run(&folder, &[]), 1);
        assert_eq!(statuses(&document), pairs(&[("a", "completed"), ("b", "failed"), ("c", "not_run")]));
    }

    a_command_that_fails_stops_the_run: "A command ends with exit code 7",
        "goes on with the next step",
        "stops, and the error names the exit code",
    {
        let folder = folder("steps:\n  - {id: a, tool: terminal, action: execute, parameters: {command: exit 7}}\n  - {id: b, action: echo two, dependencies: [a]}\n");
        let document = document(&run(&folder, &[]), 1);
        assert_eq!(statuses(&document), pairs(&[("a", "failed"), ("b", "not_run")]));
        assert_eq!(document["steps"]["a"]["error"], "the command ended with exit code 7");
    }

    as_many_at_once_as_allowed: "60 steps that are ready at once",
        "runs all 60 at once",
        "never more than the limit: twice the cores, or `--max-concurrency`",
    {
        let step = |at: usize| format!("  - {{id: s{at}, tool: terminal, action: execute, parameters: {{command: 'mkdir -p in; touch in/{at}; ls in | wc -l; rm in/{at}'}}}}\n");
        let folder = folder(&format!("steps:\n{}", (0..60).map(step).collect::<String>()));
        let document = document(&run(&folder, &["--max-concurrency", "3"]), 0);
        let wide = document["steps"].as_object().unwrap().values().map(|step| {
            step["value"]["result"]["stdout"].as_str().unwrap().trim().parse::<u32>().unwrap()
        });
        assert!(wide.max().unwrap() <= 3);
    }

    what_runs_validates: "A loop over an input",
        "`validate` refuses what `run` runs",
        "`validate` and `run` agree: they ask the same function",
    {
        let folder = folder("inputs: {names: {type: array, default: [a, b]}}\nsteps:\n  - id: each\n    for_each: '{{ names }}'\n    steps:\n      - {id: w, tool: filesystem, action: write, parameters: {path: '{{ item }}.txt', content: '{{ index }}'}}\n");
        assert_eq!(folder.orc(&["validate", "p.orc.yaml"]).code, Some(0));
        document(&run(&folder, &[]), 0);
        assert_eq!((folder.read("a.txt"), folder.read("b.txt")), ("0".to_owned(), "1".to_owned()));
    }

    literal_lists_are_lists: "`for_each: [\"p\", \"q\"]`, and a step in it that names a file after the item (also B.4)",
        "refuses the list with 159 errors, or writes one file `['p', 'q'].txt`",
        "writes `p.txt` and `q.txt`",
    {
        let folder = folder("steps:\n  - id: each\n    for_each: [\"p\", \"q\"]\n    steps:\n      - {id: w, tool: filesystem, action: write, parameters: {path: '{{ item }}.txt', content: '{{ item }}'}}\n");
        document(&run(&folder, &[]), 0);
        assert_eq!((folder.read("p.txt"), folder.read("q.txt")), ("p".to_owned(), "q".to_owned()));
    }

    siblings_run: "A step of an iteration fails beside others",
        "loses the siblings of the failed step",
        "siblings run in each iteration; the loop says how many failed and where first",
    {
        let folder = folder("steps:\n  - id: each\n    for_each: [1, 2]\n    steps:\n      - {id: bad, tool: filesystem, action: read, parameters: {path: nothing}, on_failure: continue}\n      - {id: good, tool: filesystem, action: write, parameters: {path: 'good{{ item }}.txt', content: ok}}\n");
        let document = document(&run(&folder, &[]), 1);
        assert_eq!((folder.read("good1.txt"), folder.read("good2.txt")), ("ok".to_owned(), "ok".to_owned()));
        let error = document["steps"]["each"]["error"].as_str().unwrap();
        assert!(error.starts_with("2 of 2 items failed, the first in `each[0].bad`"), "{error}");
    }

    no_answer_is_invented: "`<AUTO>` without a model",
        "makes up a canned list, or runs the placeholder itself",
        "the step fails and says that a model is needed; with `--simulate` the answer says that it is simulated",
    {
        let folder = folder("steps:\n  - {id: list, action: '<AUTO>three colours</AUTO>'}\n");
        let failed = document(&run(&folder, &[]), 1);
        assert_eq!(failed["steps"]["list"]["value"]["result"], Value::Null);
        let simulated = document(&run(&folder, &["--simulate", "--no-cache"]), 0);
        assert_eq!(simulated["provenance"]["simulated"], json!(true));
    }

    outputs_keep_their_type: "An output that is the text `007`; outputs that name nothing",
        "`7`, null, null, and success",
        "`\"007\"`; an output that cannot be made fails the run; an unknown name is found before it starts",
    {
        let folder = folder("steps:\n  - {id: a, action: echo 007}\noutputs: {number: '{{ a.result }}', nothing: '{{ a.result.nope }}'}\n");
        let document = document(&run(&folder, &[]), 1);
        assert_eq!(document["outputs"]["number"], "007");
        assert_eq!(document["error_type"], "OutputError");
        refused("steps:\n  - {id: a, action: echo 007}\noutputs: {ghost: '{{ ghost.result }}'}\n", &["ORC302"]);
    }

    required_inputs_are_asked_for_first: "A required input is missing (also B.12)",
        "fails late, after 30 warnings that list all it knows",
        "does not start: one line names the input and the option; exit 2",
    {
        let folder = folder("inputs: {topic: {type: string, required: true}}\nsteps:\n  - {id: a, action: 'echo {{ topic }}'}\n");
        let ended = run(&folder, &[]);
        assert_eq!((ended.code, &*ended.stderr), (Some(2), "error: input `topic` is required; give it with `-i topic=…`\n"));
    }

    sub_pipelines_run: "A pipeline that runs another (also B.15)",
        "cannot start it from the command line, and calls the step `completed`",
        "runs it; its outputs are the step's",
    {
        let folder = folder("steps:\n  - {id: child, tool: pipeline-executor, action: execute, parameters: {pipeline: child.orc.yaml, inputs: {n: 2}}}\n");
        folder.write("child.orc.yaml", "id: child\ninputs: {n: {type: integer}}\nsteps:\n  - {id: a, action: 'echo {{ n }}'}\noutputs: {said: '{{ a.result }}'}\n");
        let document = document(&run(&folder, &[]), 0);
        assert_eq!(document["steps"]["child"]["value"]["result"]["outputs"], json!({"said": "2"}));
    }

    resume_runs_what_is_missing: "A run that failed at a gate is resumed after the cause was mended",
        "fails again, or cannot be resumed",
        "runs the gate and what waits for it, nothing that ended before",
    {
        let folder = folder("steps:\n  - {id: paid, tool: terminal, action: execute, parameters: {command: echo paid >> log}}\n  - {id: gate, tool: terminal, action: execute, parameters: {command: test -e open}, dependencies: [paid]}\n  - {id: use, tool: terminal, action: execute, parameters: {command: echo used >> log}, dependencies: [gate]}\n");
        document(&run(&folder, &[]), 1);
        folder.write("open", "");
        let ended = folder.orc(&["resume", "latest", "--retry-failed", "--format", "json"]);
        assert_eq!(document(&ended, 0)["status"], "completed");
        assert_eq!(folder.read("log"), "paid\nused\n");
    }

    step_names_and_routes_are_checked: "A step called `retry`; `on_success` to no step (B.1, B.2)",
        "`validate` refuses it, `run` runs it and ignores the route",
        "both refuse it",
    {
        refused("steps:\n  - {id: retry, action: echo one}\n", &["ORC206"]);
        refused("steps:\n  - {id: a, action: echo one, on_success: ghost}\n", &["ORC202"]);
    }

    a_tool_with_one_operation_needs_no_word_for_it: "`tool: terminal` without `action` (B.3)",
        "139 schema errors, none of which says what is missing",
        "runs: the tool has one operation",
    {
        let folder = folder("steps:\n  - {id: a, tool: terminal, parameters: {command: echo hi}}\n");
        assert_eq!(document(&run(&folder, &[]), 0)["steps"]["a"]["value"]["result"]["stdout"], "hi\n");
    }

    values_are_no_commands: "What one command prints stands in another: `x; echo INJECTED` (B.5)",
        "the second command runs, and `validate` says nothing",
        "it is a value; where a shell would run it all the same, the run does not begin (ORC902)",
    {
        let folder = folder("steps:\n  - {id: a, tool: terminal, action: execute, parameters: {command: \"printf '%s' 'x; echo INJECTED'\"}}\n  - {id: b, tool: terminal, action: execute, parameters: {command: 'echo {{ a.result.stdout }}'}}\n");
        let document = document(&run(&folder, &[]), 0);
        assert_eq!(document["steps"]["b"]["value"]["result"]["stdout"], "x; echo INJECTED\n");
        let folder = self::folder("inputs: {g: {type: string, default: x}}\nsteps:\n  - {id: a, tool: terminal, action: execute, parameters: {command: 'sh -c \"echo {{ g }}\"'}}\n");
        let refused = run(&folder, &[]);
        assert_eq!((refused.code, refused.stderr.contains("error[ORC902]")), (Some(2), true), "{refused:?}");
    }

    data_is_no_template: "An input that holds a template: `-i 'g={{ 7*7 }}'` (B.6)",
        "writes 49; `{{ \"\".__class__ }}` is stopped by the sandbox",
        "writes `{{ 7*7 }}`: what comes out of a template is never one; attributes of that kind are undefined",
    {
        let folder = folder("inputs: {g: {type: string, default: x}}\nsteps:\n  - {id: a, tool: filesystem, action: write, parameters: {path: g.txt, content: '{{ g }}'}}\n  - {id: b, action: 'echo {{ \"\".__class__ }}', on_failure: continue}\n");
        let document = document(&run(&folder, &["-i", "g={{ 7*7 }}"]), 1);
        assert_eq!(folder.read("g.txt"), "{{ 7*7 }}");
        assert_eq!(document["steps"]["b"]["error_type"], "UnresolvedTemplateError");
    }

    skipping_goes_on: "`on_failure: skip` (B.7)",
        "dependants are skipped, the document is there, exit 1",
        "the same",
    {
        let folder = folder("steps:\n  - {id: a, tool: filesystem, action: read, parameters: {path: nothing}, on_failure: skip}\n  - {id: b, action: 'echo {{ a.result }}', dependencies: [a]}\n  - {id: c, action: echo on}\n");
        let document = document(&run(&folder, &[]), 1);
        assert_eq!(statuses(&document), pairs(&[("a", "failed"), ("b", "skipped"), ("c", "completed")]));
    }

    what_is_stored_can_be_read_by_its_owner_alone: "What a run leaves behind to be resumed (B.8)",
        "a file of mode 0644 that holds rendered parameters, so that a resumed run cannot render again",
        "a store of mode 0600 that holds the pipeline's text and the results",
    {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder("steps:\n  - {id: a, action: echo one}\n");
        document(&run(&folder, &[]), 0);
        let mode = std::fs::metadata(folder.path().join(".orc/runs.db")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    keys_that_describe_do_nothing: "`produces`, `location`, `format`, `output_schema` (B.9)",
        "are read and stored, and used by nothing",
        "describe the output for readers; nothing is written or checked by them, and their documentation says so",
    {
        let folder = folder("steps:\n  - {id: a, action: echo one, produces: text, location: out.txt}\n");
        document(&run(&folder, &[]), 0);
        assert!(!folder.path().join("out.txt").exists());
        assert!(folder.orc(&["schema", "pipeline"]).stdout.contains("Nothing is written there by this key."));
    }

    stdout_is_the_document: "A model step without a key (B.11)",
        "words about its index and debug lines stand before the JSON",
        "standard output is one JSON document, whatever happens",
    {
        let folder = folder("steps:\n  - {id: a, action: generate, parameters: {prompt: hi}}\n");
        let ended = run(&folder, &[]);
        assert_eq!(document(&ended, 1)["steps"]["a"]["status"], "failed");
        assert!(ended.stdout.starts_with("{\n") && ended.stdout.ends_with("}\n"));
    }

    much_output_is_bounded: "A step prints 30 MB (B.14)",
        "237 MB of memory and a document of 30 MB",
        "the document holds the beginning and the end and says that something was left out",
    {
        let folder = folder("steps:\n  - {id: a, tool: terminal, action: execute, parameters: {command: 'head -c 30000000 /dev/zero | tr \"\\\\0\" x'}}\n");
        let ended = run(&folder, &[]);
        assert_eq!(document(&ended, 0)["steps"]["a"]["value"]["result"]["truncated"], json!(true));
        assert!(ended.stdout.len() < 4_000_000, "{}", ended.stdout.len());
    }

    while_loops_are_one_step: "`while: \"{{ iteration < 3 }}\"` with `max_iterations: 5` (B.16)",
        "three iterations, and steps nobody wrote in the document",
        "three iterations, which stand in the loop's own result",
    {
        let folder = folder("steps:\n  - id: wl\n    while: '{{ iteration < 3 }}'\n    max_iterations: 5\n    steps:\n      - {id: s, action: 'echo {{ iteration }}'}\n");
        let document = document(&run(&folder, &[]), 0);
        assert_eq!(statuses(&document), pairs(&[("wl", "completed")]));
        assert_eq!(document["steps"]["wl"]["value"]["result"]["iteration_count"], json!(3));
    }

    loops_count: "An iteration knows where it is in the list (B.17)",
        "right",
        "the same",
    {
        let folder = folder("steps:\n  - id: each\n    for_each: [x, y, z]\n    max_parallel: 1\n    steps:\n      - {id: w, tool: filesystem, action: write, parameters: {path: '{{ item }}.txt', content: '{{ item }} {{ index + 1 }} {{ is_last }}'}}\n");
        document(&run(&folder, &[]), 0);
        assert_eq!((folder.read("x.txt"), folder.read("z.txt")), ("x 1 False".to_owned(), "z 3 True".to_owned()));
    }

    skipped_steps_say_why: "A condition that does not hold (B.18)",
        "the value is null, or says `skipped` and why",
        "always says `skipped` and why; what waits for it runs; success",
    {
        let folder = folder("steps:\n  - {id: a, action: echo no, condition: '{{ 1 > 2 }}'}\n  - {id: b, action: echo yes, dependencies: [a]}\n");
        let document = document(&run(&folder, &[]), 0);
        assert_eq!(document["steps"]["a"]["value"], json!({"status": "skipped", "reason": "condition_false"}));
        assert_eq!(document["steps"]["b"]["status"], "completed");
    }
}

#[test]
fn the_page_says_the_same() {
    let mut page = "<!-- Made by `UPDATE_EXPECT=1 cargo test -p orc --test cli predecessor`: do not edit it. -->

# orc and its predecessor

What py-orc was seen to do, and what orc does. Each line is held by the test of that name in
`tests/cli/predecessor.rs`. That signals leave no process behind (B.13) is held by `tests/cli/cancel.rs`; how long the
start takes (B.10) stands in [performance](performance.md).

| | py-orc | orc | test |
|---|---|---|---|
"
    .to_owned();
    for Behaviour { test, about, there, here } in ALL {
        page.push_str(&format!("| {about} | {there} | {here} | `{test}` |\n"));
    }
    expect_file![Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/predecessor.md")].assert_eq(&page);
}
