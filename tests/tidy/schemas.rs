//! The committed schemas are those the code makes, and real pipelines fit them.

use std::fs;

use engine::schema;
use serde_json::Value;

use crate::support::root;

/// Compares, and under `UPDATE_EXPECT=1` writes.
fn check(name: &str, schema: &Value) {
    let text = format!("{schema:#}\n");
    expect_test::expect_file![root().join("schemas").join(name)].assert_eq(&text);
}

#[test]
fn pipeline_schema_is_fresh() {
    check("pipeline.schema.json", &schema::pipeline());
}

#[test]
fn result_schema_is_fresh() {
    check("result.schema.json", &schema::result());
}

#[test]
fn events_schema_is_fresh() {
    check("events.schema.json", &schema::events());
}

#[test]
fn audit_schema_is_fresh() {
    check("audit.schema.json", &schema::audit());
}

/// The first complaint of the pipeline schema about `yaml`.
fn complaint(yaml: &str) -> Option<String> {
    let value: Value = serde_yaml::from_str(yaml).expect("the example is YAML");
    let validator = jsonschema::validator_for(&schema::pipeline()).expect("the schema is one");
    let error = validator.iter_errors(&value).next()?;
    Some(format!("{}: {error}", error.instance_path()))
}

#[test]
fn contract_pipelines_fit_the_schema() {
    let corpus = root().join("../shared/corpus/pipelines");
    if !corpus.is_dir() {
        return;
    }
    let mut seen = 0;
    for folder in ["examples/supported", "tests/golden"] {
        for entry in fs::read_dir(corpus.join(folder)).expect("the corpus has the folder") {
            let path = entry.expect("the folder is readable").path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = fs::read_to_string(&path).expect("the pipeline is text");
                assert_eq!(complaint(&text), None, "{}", path.display());
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 9);
}

#[test]
fn every_example_of_a_tool_or_action_fits_the_schema() {
    let registry = engine::catalog::registry();
    let tools = registry.tools.values().map(|tool| (&tool.name, &tool.example));
    for (name, example) in tools.chain(registry.actions.values().map(|action| (&action.name, &action.example))) {
        let steps = example.replace('\n', "\n  ");
        assert_eq!(complaint(&format!("id: example\nsteps:\n  {steps}\n")), None, "{name}");
    }
}

#[test]
fn a_wrong_parameter_does_not_fit_the_schema() {
    let step = "id: x\nsteps:\n  - {id: a, tool: web-search, parameters: {query: q, max_results: many}}\n";
    assert!(complaint(step).is_some());
    assert_eq!(complaint(&step.replace("many", "'{{ n }}'")), None);
    assert!(complaint(&step.replace("query: q, max_results: many", "max_results: 3")).is_some(), "query is missing");
}
