//! `orc validate` and its formats.

use serde_json::{Value, json};

use crate::support::Folder;

const CLEAN: &str =
    "name: a\nsteps:\n  - id: s\n    tool: terminal\n    action: execute\n    parameters:\n      command: echo hello\n";
/// The root key `name` stands twice; the second is on line 2.
const BROKEN: &str = "name: a\nname: b\nsteps:\n  - id: s\n    tool: terminal\n    action: execute\n    parameters:\n      command: echo hello\n";

#[test]
fn a_clean_pipeline_says_so() {
    let ended = Folder::with("a.orc.yaml", CLEAN).orc(&["validate", "a.orc.yaml"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
        (Some(0), "1 pipeline checked: no problems\n", "")
    );
}

#[test]
fn a_file_that_is_no_pipeline_is_named_and_is_no_failure() {
    let ended = Folder::with("values.yaml", "a: 1\na: 2\n").orc(&["validate", "values.yaml"]);
    let expected = "values.yaml: not a pipeline\nno pipeline checked\n";
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), expected, ""));
}

#[test]
fn text_shows_the_source_and_marks_the_token() {
    let ended = Folder::with("a.orc.yaml", BROKEN).orc(&["validate", "a.orc.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stdout.contains(" --> a.orc.yaml:2:1\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("\n2 | name: b\n  | ^^^^"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("\n1 pipeline checked: 1 error\n"), "{}", ended.stdout);
}

#[test]
fn json_has_the_shape_of_the_contract() {
    let ended = Folder::with("a.orc.yaml", BROKEN).orc(&["validate", "--format", "json", "a.orc.yaml"]);
    assert_eq!(ended.code, Some(2));
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let found = &document["diagnostics"][0];
    let keys: Vec<&String> = found.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["file", "code", "severity", "message", "line", "column", "end_line", "end_column", "related", "fix", "url"]
    );
    assert_eq!(found["file"], "a.orc.yaml");
    assert_eq!(found["severity"], "error");
    assert_eq!(json!([found["line"], found["column"], found["end_line"], found["end_column"]]), json!([2, 1, 2, 5]));
    assert_eq!(document["summary"]["errors"], 1);
}

#[test]
fn columns_count_characters() {
    let text = "name: a\nsteps:\n  - {id: s, tool: terminal, action: é🎈, id: t}\n";
    let ended = Folder::with("a.orc.yaml", text).orc(&["validate", "--format", "json", "a.orc.yaml"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let columns: Vec<&Value> =
        document["diagnostics"].as_array().unwrap().iter().map(|found| &found["column"]).collect();
    assert!(columns.contains(&&json!(41)), "{}", ended.stdout);
}

#[test]
fn sarif_names_tool_rule_level_and_region() {
    let ended = Folder::with("a b.orc.yaml", BROKEN).orc(&["validate", "--format", "sarif", "a b.orc.yaml"]);
    let log: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "orc");
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], run["tool"]["driver"]["rules"][0]["id"]);
    assert_eq!(result["level"], "error");
    assert_eq!(result["properties"]["severity"], "error");
    assert_eq!(
        result["locations"][0]["physicalLocation"],
        json!({
            "artifactLocation": { "uri": "a%20b.orc.yaml" },
            "region": { "startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 5 },
        })
    );
}

#[test]
fn github_and_junit_name_file_and_line() {
    let folder = Folder::with("a.orc.yaml", BROKEN);
    let github = folder.orc(&["validate", "--format", "github", "a.orc.yaml"]);
    assert!(
        github.stdout.starts_with("::error file=a.orc.yaml,line=2,endLine=2,col=1,endColumn=5,title=ORC"),
        "{github:?}"
    );
    let junit = folder.orc(&["validate", "--format", "junit", "a.orc.yaml"]);
    assert!(
        junit.stdout.contains("<testsuite name=\"a.orc.yaml\" tests=\"1\" failures=\"1\" errors=\"0\">"),
        "{junit:?}"
    );
}

#[test]
fn a_directory_stands_for_its_pipelines() {
    let folder = Folder::with("p/b.yaml", CLEAN);
    folder.write("p/deep/a.yml", BROKEN);
    folder.write("p/values.yaml", "a: 1\n");
    let ended = folder.orc(&["validate", "--format", "json", "p"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["summary"]["files"], 2);
    assert_eq!(document["summary"]["not_pipelines"], json!([]));
    let files: Vec<&Value> = document["diagnostics"].as_array().unwrap().iter().map(|found| &found["file"]).collect();
    assert_eq!(files, ["p/deep/a.yml"]);
}

#[test]
fn standard_input_is_a_file() {
    let ended = Folder::new().orc_reading(&["validate", "-"], BROKEN.as_bytes());
    assert_eq!(ended.code, Some(2));
    assert!(ended.stdout.contains(" --> <stdin>:2:1\n"), "{}", ended.stdout);
}

#[test]
fn one_file_that_cannot_be_read_does_not_hide_the_others() {
    let ended = Folder::with("a.orc.yaml", CLEAN).orc(&["validate", "gone.yaml", "a.orc.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert_eq!(ended.stderr, "error: cannot read `gone.yaml`: there is no such file\n");
    assert_eq!(ended.stdout, "1 pipeline checked: no problems; 1 file not read\n");
}
