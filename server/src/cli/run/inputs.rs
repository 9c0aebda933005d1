//! Inputs from the command line: `-c` files and `-i` words, the latter winning.

use std::path::Path;

use engine::plan::Given;
use serde_json::Value;

use crate::cli::input;

/// All given inputs, each name once, in the order given.
pub(in crate::cli) fn given(context: Option<&Path>, words: &[String]) -> Result<Vec<(String, Given)>, String> {
    let mut given: Vec<(String, Given)> = Vec::new();
    if let Some(path) = context {
        for (name, value) in read(path)? {
            set(&mut given, name, Given::Value(value));
        }
    }
    for word in words {
        let Some((name, value)) = word.split_once('=') else {
            return Err(format!("`-i {word}` is no `NAME=VALUE`; write `-i {word}=…`"));
        };
        set(&mut given, name.trim().to_owned(), Given::Text(value.to_owned()));
    }
    Ok(given)
}

fn set(given: &mut Vec<(String, Given)>, name: String, value: Given) {
    match given.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = value,
        None => given.push((name, value)),
    }
}

fn read(path: &Path) -> Result<serde_json::Map<String, Value>, String> {
    let source = input::read(&path.to_string_lossy())?;
    match serde_json::from_str(&source.text) {
        Ok(Value::Object(inputs)) => Ok(inputs),
        Ok(_) => Err(format!("`{}` holds no JSON object; write `{{\"name\": value}}`", source.name)),
        Err(error) => Err(format!("`{}` is no JSON: {error}", source.name)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_win_over_the_file_and_the_last_word_wins() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("inputs.json");
        std::fs::write(&path, r#"{"a": 1, "b": 2}"#).expect("a file");
        let words = ["b=x=y".to_owned(), "c=1".to_owned(), "c=2".to_owned()];
        assert_eq!(
            given(Some(&path), &words).expect("inputs"),
            [
                ("a".to_owned(), Given::Value(json!(1))),
                ("b".to_owned(), Given::Text("x=y".to_owned())),
                ("c".to_owned(), Given::Text("2".to_owned())),
            ]
        );
    }

    #[test]
    fn a_word_without_a_value_is_refused() {
        assert_eq!(
            given(None, &["name".to_owned()]),
            Err("`-i name` is no `NAME=VALUE`; write `-i name=…`".to_owned())
        );
    }
}
