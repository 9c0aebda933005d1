//! What a hole is filled with: first what the registry says of the place, then what the tag's attributes
//! say, then the question's words (contract §2.18).

use serde_json::{Map, Value, json};

use super::{By, Target, words};
use crate::{
    registry::{ParamKind, ParamSpec, ValueType},
    template::auto::AutoTag,
};

/// What is known of the place a hole stands at.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// What may stand there; null where anything may.
    pub(super) schema: Value,
    /// Why, for people.
    pub(super) why: String,
    /// What the value is for.
    pub(super) doc: String,
    pub(super) by: By,
}

impl Known {
    pub(super) fn of(schema: Value, why: impl Into<String>) -> Self {
        Self { schema, why: why.into(), doc: String::new(), by: By::Model }
    }

    pub(super) fn nothing() -> Self {
        Self::of(Value::Null, "")
    }

    pub(super) fn by(by: By, why: impl Into<String>) -> Self {
        Self { by, ..Self::of(json!({"type": "string"}), why) }
    }
}

/// The schema of what a parameter takes; null where it takes anything.
pub(super) fn schema_of(spec: &ParamSpec, depth: usize) -> Value {
    let mut schema = Map::new();
    match &*spec.types {
        [] if spec.choices.is_empty() => return Value::Null,
        [] => {}
        [only] => _ = schema.insert("type".to_owned(), json!(only.name())),
        several => _ = schema.insert("type".to_owned(), json!(several.iter().map(|t| t.name()).collect::<Vec<_>>())),
    }
    if !spec.choices.is_empty() {
        schema.insert("enum".to_owned(), json!(spec.choices));
    }
    for (key, bound) in [("minimum", spec.range.0), ("maximum", spec.range.1)] {
        if let Some(bound) = bound {
            schema.insert(key.to_owned(), number(bound));
        }
    }
    if let Some(items) = spec.items.as_deref().filter(|_| depth < MAX_DEPTH)
        && let items @ Value::Object(_) = schema_of(items, depth + 1)
    {
        schema.insert("items".to_owned(), items);
    }
    if !spec.fields.is_empty() && depth < MAX_DEPTH && spec.kind != ParamKind::JsonSchema {
        let mut properties = Map::new();
        for field in &spec.fields {
            let schema = schema_of(field, depth + 1);
            properties.insert(field.name.clone(), if schema.is_null() { json!({}) } else { schema });
        }
        let required: Vec<&str> =
            spec.fields.iter().filter(|f| f.required && f.default.is_none()).map(|f| &*f.name).collect();
        schema.insert("properties".to_owned(), Value::Object(properties));
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        schema.insert("additionalProperties".to_owned(), json!(spec.open_fields));
    }
    Value::Object(schema)
}

/// How deep members of object parameters are followed.
const MAX_DEPTH: usize = 4;

/// A bound as JSON: whole where it is whole.
fn number(value: f64) -> Value {
    if value.fract().abs() < f64::EPSILON { json!(value as i64) } else { json!(value) }
}

/// What the tag is filled with at a place that is `known`.
pub(super) fn of(tag: &AutoTag, body: &str, known: Known) -> Target {
    let Known { schema, why, doc, by } = known;
    let mut found = Found { schema, why: Vec::new() };
    if !why.is_empty() {
        found.why.push(why);
    }
    if by != By::Model {
        return Target { schema: found.schema, why: found.why, doc, by };
    }
    let attribute = |name: &str| tag.attribute(name).map(str::trim).filter(|value| !value.is_empty());
    if let Some(wanted) = attribute("type") {
        found.narrow(wanted, &format!("the attribute `type` says {wanted}"));
    }
    let listed = attribute("choices").map(|choices| {
        choices.split(',').map(str::trim).filter(|choice| !choice.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    });
    if let Some(listed) = &listed {
        found.choices(listed);
    }
    for (name, of_number, of_list) in [("min", "minimum", "minItems"), ("max", "maximum", "maxItems")] {
        if let Some(bound) = attribute(name).and_then(|value| value.parse::<f64>().ok()) {
            found.bound(name, bound, of_number, of_list);
        }
    }
    if let Some(pattern) = attribute("pattern") {
        found.pattern(pattern);
    }
    found.words(body);
    Target { schema: found.schema, why: found.why, doc, by }
}

struct Found {
    schema: Value,
    why: Vec<String>,
}

impl Found {
    fn types(&self) -> Vec<&str> {
        match &self.schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn is_open(&self) -> bool {
        self.schema.is_null()
    }

    /// Only values of `wanted` from now on, as far as those may stand here.
    fn narrow(&mut self, wanted: &str, why: &str) {
        if !ValueType::ALL.iter().any(|known| known.name() == wanted) {
            return;
        }
        let types = self.types();
        let is_whole_of_number = wanted == "integer" && types.contains(&"number");
        if self.is_open() {
            self.schema = json!({"type": wanted});
            self.why.push(why.to_owned());
        } else if types == [wanted] {
            self.why.push(format!("{why} too"));
        } else if types.contains(&wanted) || is_whole_of_number {
            self.schema["type"] = json!(wanted);
            self.why.push(why.to_owned());
        } else {
            self.why.push(format!("{why}, which does not fit there and does not count"));
        }
    }

    fn choices(&mut self, listed: &[String]) {
        let why = format!("the attribute `choices` lists {}", listed.join(", "));
        let types = self.types();
        // Read as what they are where no text may stand; else they are words.
        let words = self.is_open() || types.contains(&"string");
        let read = |choice: &String| {
            if words { json!(choice) } else { serde_json::from_str(choice).unwrap_or_else(|_| json!(choice)) }
        };
        let mut choices: Vec<Value> = listed.iter().map(read).collect();
        if let Some(known) = self.schema["enum"].as_array() {
            choices.retain(|choice| known.contains(choice));
            if choices.is_empty() {
                self.why.push(format!("{why}, none of which may stand there, so it does not count"));
                return;
            }
        }
        if types == ["array"] {
            self.schema["items"] = json!({"type": "string", "enum": choices});
        } else if self.is_open() {
            self.schema = json!({"type": "string", "enum": choices});
        } else {
            if types.len() > 1 && words {
                self.schema["type"] = json!("string");
            }
            self.schema["enum"] = json!(choices);
        }
        self.why.push(why);
    }

    fn bound(&mut self, name: &str, bound: f64, of_number: &str, of_list: &str) {
        if self.is_open() {
            self.schema = json!({"type": "number"});
        }
        let (key, is_list) = match &*self.types() {
            ["integer" | "number"] => (of_number, false),
            ["array"] => (of_list, true),
            _ => {
                self.why.push(format!("the attribute `{name}` bounds numbers and lists, and does not count"));
                return;
            }
        };
        let known = self.schema[key].as_f64();
        let tighter = known.is_none_or(|known| if name == "min" { bound > known } else { bound < known });
        let bound = if is_list { bound.max(0.0).trunc() } else { bound };
        if tighter {
            self.schema[key] = number(bound);
            self.why.push(format!("the attribute `{name}` says {bound}"));
        }
    }

    fn pattern(&mut self, pattern: &str) {
        if self.is_open() {
            self.schema = json!({"type": "string"});
        }
        if self.types() == ["string"] {
            self.schema["pattern"] = json!(pattern);
            self.why.push("the attribute `pattern`".to_owned());
        } else {
            self.why.push("the attribute `pattern` is for text, and does not count".to_owned());
        }
    }

    /// What the question says, where that is still open.
    fn words(&mut self, body: &str) {
        let types = self.types();
        if !self.is_open() && types.len() < 2 {
            return;
        }
        let asked = words::asked_for(body);
        let Some((schema, word)) = asked else {
            if self.is_open() {
                self.schema = json!({"type": "string"});
                self.why.push("nothing says more, so it is text".to_owned());
            }
            return;
        };
        let why = format!("the question says “{word}”");
        if self.is_open() {
            self.schema = schema;
            self.why.push(why);
        } else if let Some(wanted) = schema["type"].as_str().map(str::to_owned)
            && types.contains(&&*wanted)
        {
            self.narrow(&wanted, &why);
            if let (Some(choices), true) = (schema.get("enum"), self.schema.get("enum").is_none()) {
                self.schema["enum"] = choices.clone();
            }
        }
    }
}
