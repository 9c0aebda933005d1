//! The tree says what another YAML reader says.

use lang::syntax::{ProblemKind, parse};

use crate::{invariants::check, material::pipelines};

fn normal(value: serde_yaml::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        serde_yaml::Value::Null => Value::Null,
        serde_yaml::Value::Bool(value) => Value::Bool(value),
        serde_yaml::Value::Number(number) => serde_json::to_value(number).unwrap(),
        serde_yaml::Value::String(text) => Value::String(text),
        serde_yaml::Value::Sequence(items) => Value::Array(items.into_iter().map(normal).collect()),
        serde_yaml::Value::Mapping(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let key = match key {
                        serde_yaml::Value::String(text) => text,
                        other => serde_yaml::to_string(&other).unwrap().trim_end().to_owned(),
                    };
                    (key, normal(value))
                })
                .collect(),
        ),
        serde_yaml::Value::Tagged(tagged) => normal(tagged.value),
    }
}

#[test]
fn valid_files_read_as_serde_yaml_reads_them() {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (name, text) in pipelines() {
        let parse = parse(&text);
        check(&text, &parse);
        let Ok(value) = serde_yaml::from_str::<serde_yaml::Value>(&text) else {
            eprintln!("not YAML: {name}: {:#?}", parse.problems);
            continue;
        };
        compared += 1;
        let expected = normal(value);
        let json = parse.tree.to_json(parse.tree.root()).unwrap();
        if json != expected {
            wrong.push(format!("{name}\n  {}", difference("", &expected, &json)));
        }
        let serious: Vec<_> =
            parse.problems.iter().filter(|problem| problem.kind != ProblemKind::UnquotedTemplate).collect();
        if !serious.is_empty() {
            wrong.push(format!("{name}\n  {serious:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 75, "{compared}");
}

fn difference(path: &str, one: &serde_json::Value, other: &serde_json::Value) -> String {
    use serde_json::Value;
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for (key, value) in one {
                match other.get(key) {
                    None => return format!("{path}.{key} is missing"),
                    Some(found) if found != value => return difference(&format!("{path}.{key}"), value, found),
                    Some(_) => {}
                }
            }
            format!("{path}: other keys: {:?}", other.keys().filter(|key| !one.contains_key(*key)).collect::<Vec<_>>())
        }
        (Value::Array(one), Value::Array(other)) => {
            for (index, value) in one.iter().enumerate() {
                match other.get(index) {
                    None => return format!("{path}[{index}] is missing"),
                    Some(found) if found != value => return difference(&format!("{path}[{index}]"), value, found),
                    Some(_) => {}
                }
            }
            format!("{path}: longer")
        }
        _ => format!("{path}:\n  expected {one:?}\n  found    {other:?}"),
    }
}
