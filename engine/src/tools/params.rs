//! Rendered parameters → a tool's parameter struct, with an error that names the parameter.

use std::{borrow::Cow, cell::RefCell};

use lang::registry::did_you_mean;
use serde::de::{DeserializeOwned, value::MapDeserializer};
use serde_json::{Map, Value};

use super::ToolError;

/// Reads `params` into the struct of an operation; `what` names that operation in messages.
/// A parameter that is null counts as not given. Unknown parameters are the checker's concern.
pub(crate) fn read<T: DeserializeOwned>(what: &str, params: Map<String, Value>) -> Result<T, ToolError> {
    let current = RefCell::new(String::new());
    let given = params.into_iter().filter(|(_, value)| !value.is_null()).inspect(|(name, _)| {
        name.clone_into(&mut current.borrow_mut());
    });
    let deserializer: MapDeserializer<'_, _, serde_json::Error> = MapDeserializer::new(given);
    T::deserialize(deserializer).map_err(|error| {
        let message = error.to_string();
        if let Some(name) = message.strip_prefix("missing field ") {
            return ToolError::new("ParameterError", format!("`{what}` needs the parameter {name}"));
        }
        let name = current.borrow();
        ToolError::new("ParameterError", format!("the parameter `{name}` of `{what}` does not fit: {message}"))
    })
}

/// Text as a file or a prompt takes it: text as it is, anything else as JSON.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// How much of a value a message shows.
const SHOWN: usize = 60;

/// The beginning of a text, for messages.
pub(crate) fn brief(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// The one of `choices` that `word` is, whatever its case; `name` is the parameter, for the error.
pub(crate) fn choice<'c>(name: &str, word: &str, choices: &[&'c str]) -> Result<&'c str, ToolError> {
    let word = word.trim();
    choices.iter().find(|known| known.eq_ignore_ascii_case(word)).copied().ok_or_else(|| {
        let remedy = match did_you_mean(word, choices.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it is one of `{}`", choices.join("`, `")),
        };
        ToolError::new("ParameterError", format!("unknown `{name}` `{}`; {remedy}", brief(word)))
    })
}

/// A JSON Schema: a mapping, or the JSON text of one.
pub(crate) fn schema(given: Value) -> Result<Value, ToolError> {
    match given {
        Value::String(text) => serde_json::from_str(&text)
            .map_err(|error| ToolError::new("ParameterError", format!("`schema` is text but no JSON: {error}"))),
        schema => Ok(schema),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Params {
        path: String,
        #[serde(default)]
        limit: u32,
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn null_counts_as_not_given() {
        let params: Params = read("x.y", object(json!({"path": "a", "limit": null, "else": 1}))).unwrap();
        assert_eq!((params.path.as_str(), params.limit), ("a", 0));
    }

    #[test]
    fn a_long_word_is_shown_by_its_beginning() {
        let error = choice("role", &"é".repeat(500), &["reader"]).unwrap_err();
        let begins = "é".repeat(SHOWN);
        assert_eq!(error.to_string(), format!("unknown `role` `{begins}…`; it is one of `reader`"));
    }

    #[test]
    fn errors_name_the_parameter() {
        let missing = read::<Params>("x.y", object(json!({}))).unwrap_err();
        assert_eq!(missing.to_string(), "`x.y` needs the parameter `path`");
        let wrong = read::<Params>("x.y", object(json!({"path": "a", "limit": "b"}))).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "the parameter `limit` of `x.y` does not fit: invalid type: string \"b\", expected u32"
        );
    }
}
