//! Functions that a model may call, its calls, and what came of them (docs/models.md).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::estimate::Range;
use super::tokens;

/// A function that a model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// Its name: letters, digits and `_`.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The JSON Schema of its arguments, an object.
    pub arguments: Value,
}

/// A call that a model asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionCall {
    /// Which one of several it is; of a provider that gives none, one of our own.
    pub id: String,
    /// The function, as the model called it.
    pub name: String,
    /// Its arguments: an object, or the text that came where that is none.
    pub arguments: Value,
    /// What the provider wants to see again with the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionResult {
    /// The result as text, or what went wrong.
    pub content: String,
    /// It is what went wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_error: bool,
}

/// An answer of a model that called functions, and what came of that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// What it said besides.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub said: String,
    /// What it thought, as the provider wants to see it again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thoughts: Vec<Value>,
    /// The calls.
    pub calls: Vec<FunctionCall>,
    /// What came of each, in the same order.
    pub results: Vec<FunctionResult>,
}

/// A call of a tool by a model, as the document of a step tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// Tool and action, `data-processing.filter`; of what was not offered the name that the model said.
    pub name: String,
    /// The arguments that the model gave.
    pub arguments: Value,
    /// What it was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Or what went wrong, which it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub error: Option<String>,
}

/// How the ids begin that are made here. Who gave none is told none.
const OWN_ID: &str = "orc_call_";

impl FunctionCall {
    /// A call as a provider tells it.
    pub(super) fn new(id: Option<&str>, name: &Value, arguments: Value) -> Self {
        Self {
            id: id.unwrap_or_default().to_owned(),
            name: name.as_str().unwrap_or_default().to_owned(),
            arguments,
            signature: None,
        }
    }

    /// Arguments as text or as an object: servers that speak alike write them in either way, or not at all.
    pub(super) fn arguments(written: &Value) -> Value {
        match written {
            Value::String(text) => Self::read(text),
            Value::Null => Self::read(""),
            other => other.clone(),
        }
    }

    /// Arguments that came as text.
    pub(super) fn read(text: &str) -> Value {
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Value::Object(fields),
            // Who calls a function that needs none may say nothing.
            _ if text.trim().is_empty() => Value::Object(Map::new()),
            _ => Value::from(text),
        }
    }

    /// The arguments as text that holds them.
    pub(super) fn text(&self) -> String {
        match &self.arguments {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// The arguments where nothing but an object is taken: one without fields where they are none.
    pub(super) fn object(&self) -> Value {
        match &self.arguments {
            Value::Object(_) => self.arguments.clone(),
            _ => Value::Object(Map::new()),
        }
    }

    /// The id, where the provider gave it.
    pub(super) fn given_id(&self) -> Option<&str> {
        Some(&*self.id).filter(|id| !id.starts_with(OWN_ID))
    }
}

/// The calls of an answer, with ids that tell them apart in the whole conversation, and names that can be sent again.
pub(crate) fn told_apart(mut calls: Vec<FunctionCall>, before: &[Round]) -> Vec<FunctionCall> {
    let earlier = before.iter().flat_map(|round| &round.calls).map(|call| call.id.clone());
    let mut ids: Vec<String> = earlier.collect();
    for (index, call) in calls.iter_mut().enumerate() {
        if call.id.is_empty() || ids.contains(&call.id) {
            call.id = format!("{OWN_ID}{}_{index}", before.len());
        }
        ids.push(call.id.clone());
        let is_known = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
        let name = call.name.chars().map(|letter| if is_known(letter) { letter } else { '_' });
        call.name = name.take(64).collect();
        if call.name.is_empty() {
            "unnamed".clone_into(&mut call.name);
        }
    }
    calls
}

/// How long all of it is as JSON, in bytes: no token is shorter.
pub(super) fn length(of: &impl Serialize) -> usize {
    serde_json::to_string(of).map_or(usize::MAX >> 1, |text| text.len())
}

/// About how many tokens it is.
pub(crate) fn tokens_of(of: &impl Serialize) -> Range {
    serde_json::to_string(of).map_or_else(|_| Range::open(), |text| tokens::of(&text))
}
