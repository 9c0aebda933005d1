use serde_json::Value;

use super::*;

fn of_type(value: &Value, types: &[ValueType]) -> bool {
    types.is_empty()
        || types.iter().any(|value_type| match value_type {
            ValueType::String => value.is_string(),
            ValueType::Integer => value.is_i64(),
            ValueType::Number => value.is_number(),
            ValueType::Boolean => value.is_boolean(),
            ValueType::Array => value.is_array(),
            ValueType::Object => value.is_object(),
        })
}

#[test]
fn every_key_stands_once_and_is_explained() {
    for place in PLACES {
        for (index, key) in keys(place).iter().enumerate() {
            assert!(keys(place)[..index].iter().all(|other| other.name != key.name), "{place:?}: `{}` twice", key.name);
            let summary = key.doc.lines().next().unwrap_or_default();
            assert!(summary.ends_with(['.', ':', '…']) && summary.len() > 12, "{place:?}.{}: {summary:?}", key.name);
        }
    }
}

#[test]
fn defaults_are_of_the_type_and_among_the_choices() {
    for place in PLACES {
        for key in keys(place) {
            let Some(default) = key.default else { continue };
            let value: Value = serde_yaml::from_str(default).expect("defaults are YAML");
            assert!(of_type(&value, key.types), "{place:?}.{} = {default}", key.name);
            assert!(key.choices.is_empty() || key.choices.contains(&default), "{place:?}.{} = {default}", key.name);
        }
    }
}

#[test]
fn what_stands_instead_of_a_deprecated_key_is_live() {
    for place in PLACES {
        for key in keys(place) {
            let KeyStatus::Deprecated { instead } = key.status else { continue };
            let other = super::key(place, instead).expect("the replacement is a key of the same mapping");
            assert_eq!(other.status, KeyStatus::Live, "{place:?}.{}", key.name);
        }
    }
}
