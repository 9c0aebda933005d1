//! What is kept of long pipelines makes plans and resumed runs begin sooner, and changes nothing else.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::support::{Ended, Folder};

/// From so many steps on an outline is kept.
const MANY: usize = 2_000;

/// A chain of steps, the last of which succeeds once `there` is.
fn chain(second: &str) -> String {
    let steps = (2..MANY - 1).map(|at| {
        format!(
            "  - {{id: s{at}, action: echo, parameters: {{message: '{{{{ s{}.result }}}}'}}, dependencies: [s{}]}}\n",
            at - 1,
            at - 1
        )
    });
    format!(
        "id: long\ninputs: {{who: {{type: string, default: world}}}}\nsteps:\n  - {{id: s0, action: echo, parameters: \
         {{message: '{{{{ who }}}}'}}}}\n  - {{id: s1, action: echo, parameters: {{message: '{second} {{{{ s0.result }}}}'}}, \
         dependencies: [s0]}}\n{}  - {{id: last, tool: filesystem, action: read, parameters: {{path: there}}, \
         dependencies: [s{}]}}\n",
        steps.collect::<String>(),
        MANY - 2
    )
}

/// A folder with the pipeline, and a cache folder of its own.
struct Place {
    folder: Folder,
    cache: tempfile::TempDir,
}

impl Place {
    fn new(text: &str) -> Self {
        Self { folder: Folder::with("p.orc.yaml", text), cache: tempfile::tempdir().unwrap() }
    }

    fn orc(&self, arguments: &[&str]) -> Ended {
        self.folder.orc_with(&[("XDG_CACHE_HOME", self.cache.path().to_str().unwrap())], arguments)
    }

    /// The same by who has no cache folder.
    fn orc_without(&self, arguments: &[&str]) -> Ended {
        self.folder.orc_with(&[("XDG_CACHE_HOME", "/dev/null/none")], arguments)
    }

    fn outlines(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache.path().join("orc/outlines"));
        entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    /// The state of each step, as the plan says it.
    #[track_caller]
    fn plan(&self, arguments: &[&str]) -> Value {
        let arguments = [&["plan", "p.orc.yaml", "--format", "json"], arguments].concat();
        let ended = self.orc(&arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(ended.stdout, self.orc_without(&arguments).stdout, "the outline says something else");
        serde_json::from_str(&ended.stdout).unwrap()
    }
}

fn count(plan: &Value, state: &str) -> usize {
    plan["steps"].as_array().unwrap().iter().filter(|step| step["state"] == state).count()
}

#[test]
fn a_plan_from_an_outline_says_what_it_says_without() {
    let place = Place::new(&chain("hello"));
    assert_eq!(count(&place.plan(&[]), "run"), MANY);
    assert!(place.outlines().is_empty(), "who only plans writes nothing");
    assert_eq!(place.orc(&["run", "p.orc.yaml"]).code, Some(1));
    assert_eq!(place.outlines().len(), 1);
    let plan = place.plan(&[]);
    assert_eq!((count(&plan, "reuse"), count(&plan, "run")), (MANY - 1, 1));
    // Another input, another text, or what ran in between under the same key.
    assert_eq!(count(&place.plan(&["-i", "who=you"]), "reuse"), 0);
    assert_eq!(place.orc(&["run", "p.orc.yaml", "-i", "who=you"]).code, Some(1));
    assert_eq!(count(&place.plan(&[]), "reuse"), MANY - 1);
    assert_eq!(count(&place.plan(&["-i", "who=you"]), "reuse"), MANY - 1);
    assert_eq!(count(&place.plan(&["--no-cache"]), "reuse"), 0);
    assert_eq!(place.orc(&["run", "p.orc.yaml"]).code, Some(1));
    assert_eq!(count(&place.plan(&[]), "reuse"), MANY - 1);
    place.folder.write("p.orc.yaml", chain("bye"));
    assert_eq!(count(&place.plan(&[]), "reuse"), 1);
}

#[test]
fn a_run_that_is_resumed_from_an_outline_comes_to_the_same() {
    let place = Place::new(&chain("hello"));
    assert_eq!(place.orc(&["run", "p.orc.yaml"]).code, Some(1));
    place.folder.write("there", "found");
    let resumed = place.orc(&["resume", "latest", "--retry-failed"]);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    let document: Value = serde_json::from_str(&resumed.stdout).unwrap();
    assert_eq!(document["steps"]["last"]["value"]["result"]["content"], "found");
    assert_eq!(document["steps"][format!("s{}", MANY - 2)]["value"]["result"], "hello world");
    let again = place.orc(&["resume", "latest"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    let without = place.orc_without(&["resume", "latest"]);
    let steps = |ended: &Ended| serde_json::from_str::<Value>(&ended.stdout).unwrap()["steps"].clone();
    assert_eq!(steps(&again), steps(&without));
}

#[test]
fn an_outline_that_is_damaged_or_of_something_else_is_as_if_there_were_none() {
    let place = Place::new(&chain("hello"));
    assert_eq!(place.orc(&["run", "p.orc.yaml"]).code, Some(1));
    let [outline] = &*place.outlines() else { panic!("one outline") };
    let kept = fs::read_to_string(outline).unwrap();
    let whole = place.plan(&[]);
    let cut = &kept[..kept.len() / 2];
    let of_another = kept.replace("'hello {{", "'bye {{");
    let no_step = kept.replace("\"dependencies\":[[],", "\"dependencies\":[[99999],");
    assert!(of_another != kept && no_step != kept);
    for damaged in ["", cut, "null", &of_another, &no_step] {
        fs::write(outline, damaged).unwrap();
        assert_eq!(place.plan(&[]), whole);
    }
}

#[test]
fn what_is_not_kept_elsewhere_is_not_kept_as_an_outline() {
    let place = Place::new(&chain("hello"));
    assert_eq!(place.orc(&["run", "p.orc.yaml", "--no-store"]).code, Some(1));
    assert!(place.outlines().is_empty());
    // A token in the text is redacted wherever the text is kept.
    let token = format!("ghp_{}", "a1B2c3D4e5".repeat(4).split_at(36).0);
    let place = Place::new(&chain(&token));
    assert_eq!(place.orc(&["run", "p.orc.yaml"]).code, Some(1));
    assert!(place.outlines().is_empty());
    let place = Place::new("id: short\nsteps:\n  - {id: a, action: echo, parameters: {message: hi}}\n");
    assert_eq!(place.orc(&["run", "p.orc.yaml"]).code, Some(0));
    assert!(place.outlines().is_empty());
}

#[test]
fn the_order_of_keys_and_names_that_hide_each_other_are_no_reason_to_differ() {
    let text = chain("hello").replace("{type: string, default: world}", "{type: object, default: {a: 1, b: 0.0}}");
    let place = Place::new(&text);
    assert_eq!(place.orc(&["run", "p.orc.yaml"]).code, Some(1));
    assert_eq!(count(&place.plan(&[]), "reuse"), MANY - 1);
    for other in [r#"who={"b": 0.0, "a": 1}"#, r#"who={"a": 1, "b": -0.0}"#] {
        assert_eq!(count(&place.plan(&["-i", other]), "reuse"), 0, "{other}");
    }
    // An input hides a step of its name.
    let steps = "  - {id: who, action: echo, parameters: {message: another}}\n  - {id: uses, action: echo, parameters: \
                 {message: 'for {{ who }}'}, dependencies: [who]}\n  - {id: takes, action: echo, parameters: {message: \
                 '{{ who }} {{ uses.result }} {{ s0.success }}'}, dependencies: [uses, s0]}\n";
    let place = Place::new(&(chain("hello") + steps));
    assert_eq!(place.orc(&["run", "p.orc.yaml"]).code, Some(1));
    let plan = place.plan(&[]);
    assert_eq!((count(&plan, "reuse"), count(&plan, "run")), (MANY + 2, 1), "{plan}");
}

#[test]
fn what_stands_in_models_yaml_is_not_in_an_outline() {
    let place = Place::new(&chain("hello"));
    let token = format!("ghp_{}", "a1B2c3D4e5".repeat(4).split_at(36).0);
    place.folder.write("models.yaml", format!("# {token}\nmodels: []\n"));
    assert_eq!(place.orc(&["run", "p.orc.yaml"]).code, Some(1));
    let [outline] = &*place.outlines() else { panic!("one outline") };
    assert!(!fs::read_to_string(outline).unwrap().contains(&token[..12]));
    // Another `models.yaml` is another outline.
    place.folder.write("models.yaml", "models: []\n");
    assert_eq!(place.orc(&["run", "p.orc.yaml"]).code, Some(1));
    assert_eq!(place.outlines().len(), 2);
}
