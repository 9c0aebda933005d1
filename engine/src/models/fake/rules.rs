//! What providers refuse: each one's rules for what it is sent, with the status and the words it refuses with, as
//! their public APIs have them. Every request of every test is held to them; a mistake that a real provider would
//! not take, no test can take either.

use serde_json::{Map, Value};

use super::Asked;

mod anthropic;

mod called;

mod gemini;

mod ollama;

mod openai;

mod strict;

/// Whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Api {
    OpenAi,
    HuggingFace,
    Anthropic,
    Gemini,
    Ollama,
}

impl Api {
    /// That of the provider of this name.
    fn of(provider: &str) -> Self {
        match provider {
            "huggingface" => Self::HuggingFace,
            "anthropic" => Self::Anthropic,
            "google" => Self::Gemini,
            "ollama" => Self::Ollama,
            _ => Self::OpenAi,
        }
    }

    /// That which this path belongs to; OpenAI's is spoken by most.
    fn at(path: &str) -> Self {
        match path {
            _ if path.contains("/v1beta/") => Self::Gemini,
            _ if path.ends_with("/messages") => Self::Anthropic,
            _ if path.contains("/api/") => Self::Ollama,
            _ => Self::OpenAi,
        }
    }
}

/// What holds at a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// Whose rules; nothing = by the path that is asked.
    api: Option<Api>,
    /// The key it wants; nothing = any, or none.
    pub(crate) key: Option<String>,
    /// The models it has; nothing = all that are asked for.
    pub(crate) models: Option<Vec<&'static str>>,
}

impl Rules {
    /// Those of the provider of this name, which wants this key.
    pub(crate) fn of(provider: &str, key: Option<&str>) -> Self {
        Self { api: Some(Api::of(provider)), key: key.map(str::to_owned), models: None }
    }

    /// The same where only these models are served.
    pub(crate) fn serving(mut self, models: &[&'static str]) -> Self {
        self.models = Some(models.to_vec());
        self
    }
}

/// How a request is refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Refusal {
    fn json(status: u16, body: &Value) -> Self {
        Self { status, content_type: "application/json", body: body.to_string() }
    }
}

/// A request as a provider looks at it.
struct Sent<'a> {
    api: Api,
    rules: &'a Rules,
    asked: &'a Asked,
    method: &'a str,
    /// Without the query.
    path: &'a str,
    query: &'a str,
    body: &'a Value,
    is_json: bool,
}

impl Sent<'_> {
    fn header(&self, name: &str) -> &str {
        self.asked.header(name).unwrap_or_default()
    }

    fn has_json_type(&self) -> bool {
        let kind = self.header("content-type");
        kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json")
    }

    /// Whether the key is none that is wanted.
    fn is_wrong_key(&self, key: &str) -> bool {
        key.contains(char::is_whitespace) || self.rules.key.as_deref().is_some_and(|wanted| wanted != key)
    }

    /// A key is wanted, and there is none.
    fn lacks_key(&self, key: &str) -> bool {
        self.rules.key.is_some() && key.is_empty()
    }

    fn has_model(&self, model: &str) -> bool {
        self.rules.models.as_ref().is_none_or(|models| models.contains(&model))
    }
}

/// Why the request is refused, where it is.
pub(super) fn refusal(rules: &Rules, asked: &Asked, body: &[u8]) -> Option<Refusal> {
    let (method, target) = asked.line.split_once(' ').unwrap_or((&asked.line, ""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    // Who looks at the list of models sends nothing.
    if method == "GET" && body.is_empty() && (path.ends_with("/models") || path.ends_with("/api/tags")) {
        return None;
    }
    let api = rules.api.unwrap_or_else(|| Api::at(path));
    let is_json = serde_json::from_slice::<Value>(body).is_ok();
    let sent = Sent { api, rules, asked, method, path, query, body: &asked.body, is_json };
    let checked = match api {
        Api::OpenAi | Api::HuggingFace => openai::check(&sent),
        Api::Anthropic => anthropic::check(&sent),
        Api::Gemini => gemini::check(&sent),
        Api::Ollama => ollama::check(&sent),
    };
    checked.err()
}

/// The first field that is none of the known ones.
fn unknown<'v>(value: &'v Value, known: &[&str]) -> Option<&'v str> {
    value.as_object()?.keys().map(String::as_str).find(|name| !known.contains(name))
}

/// The value of a field, where it is there and not null.
fn given<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).filter(|value| !value.is_null())
}

/// The items of a list that is not empty.
fn items(value: &Value) -> Option<&[Value]> {
    value.as_array().map(Vec::as_slice).filter(|items| !items.is_empty())
}

/// What the first bytes of an image in base64 say it is.
fn image_type(data: &str) -> Option<&'static str> {
    let known =
        [("iVBORw0KGgo", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")];
    let is_base64 = data.len().is_multiple_of(4)
        && data.trim_end_matches('=').bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
    known.into_iter().find(|(start, _)| is_base64 && data.starts_with(start)).map(|(_, kind)| kind)
}

/// The objects of a schema, with the place each stands at.
fn each_schema(schema: &Value, place: &str, look: &mut dyn FnMut(&Map<String, Value>, &str)) {
    let Value::Object(fields) = schema else { return };
    look(fields, place);
    for (name, value) in fields {
        match (&**name, value) {
            ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(members)) => {
                for (member, schema) in members {
                    each_schema(schema, &format!("{place}.{name}.{member}"), look);
                }
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(branches)) => {
                for (index, schema) in branches.iter().enumerate() {
                    each_schema(schema, &format!("{place}.{name}.{index}"), look);
                }
            }
            ("items" | "additionalProperties" | "not" | "if" | "then" | "else", schema) => {
                each_schema(schema, &format!("{place}.{name}"), look);
            }
            _ => {}
        }
    }
}
