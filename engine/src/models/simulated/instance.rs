//! A JSON Schema → a small value that fits it, the same every time.

use serde_json::{Map, Value, json};

use super::sample;

/// Schemas that refer to themselves are followed so deep.
const MAX_DEPTH: usize = 24;

/// A value for `schema`; `seed` decides what the schema leaves open.
pub(super) fn fitting(schema: &Value, seed: &str) -> Result<Value, String> {
    Maker { root: schema, seed }.make(schema, "value", 0)
}

struct Maker<'a> {
    root: &'a Value,
    seed: &'a str,
}

impl Maker<'_> {
    fn make(&self, schema: &Value, name: &str, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(format!("it refers to itself without an end at `{name}`"));
        }
        let Value::Object(schema) = schema else {
            return if schema == &Value::Bool(false) {
                Err(format!("nothing fits `{name}`"))
            } else {
                Ok(Self::text(name))
            };
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            let target = target.ok_or_else(|| format!("the reference `{reference}` leads nowhere"))?;
            return self.make(target, name, depth + 1);
        }
        if let Some(value) = schema.get("const") {
            return Ok(value.clone());
        }
        if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
            return Ok(first.clone());
        }
        if let Some(default) = schema.get("default") {
            return Ok(default.clone());
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return self.make(&Value::Object(merged(schema, parts, self.root)), name, depth + 1);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(branches) = schema.get(key).and_then(Value::as_array) {
                return self.branch(schema, key, branches, name, depth);
            }
        }
        match type_of(schema) {
            "object" => self.object(schema, name, depth),
            "array" => self.array(schema, name, depth),
            "integer" => integer(schema).map(Value::from).ok_or_else(|| format!("no whole number fits `{name}`")),
            "number" => number(schema).ok_or_else(|| format!("no number fits `{name}`")),
            "boolean" => Ok(Value::Bool(self.bit(name))),
            "null" => Ok(Value::Null),
            _ => Self::string(schema, name),
        }
    }

    /// The first branch that something can be made for, together with what stands beside it.
    fn branch(
        &self,
        schema: &Map<String, Value>,
        key: &str,
        branches: &[Value],
        name: &str,
        depth: usize,
    ) -> Result<Value, String> {
        let mut beside = schema.clone();
        beside.shift_remove(key);
        let null = |branch: &&Value| branch.get("type") == Some(&json!("null"));
        let ordered = branches.iter().filter(|branch| !null(branch)).chain(branches.iter().filter(null));
        let mut reason = format!("`{name}` has no branch");
        for branch in ordered {
            let whole = merged(&beside, std::slice::from_ref(branch), self.root);
            match self.make(&Value::Object(whole), name, depth + 1) {
                Ok(value) => return Ok(value),
                Err(why) => reason = why,
            }
        }
        Err(reason)
    }

    fn object(&self, schema: &Map<String, Value>, name: &str, depth: usize) -> Result<Value, String> {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut object = Map::new();
        for (key, property) in properties {
            match self.make(property, key, depth + 1) {
                Ok(value) => {
                    object.insert(key.clone(), value);
                }
                // What may be left out is left out where nothing fits, e.g. at the end of a recursion.
                Err(_) if !required.contains(&key.as_str()) => {}
                Err(reason) => return Err(reason),
            }
        }
        let additional = schema.get("additionalProperties").unwrap_or(&Value::Bool(true));
        for key in required.into_iter().filter(|key| !properties.contains_key(*key)) {
            object.insert(key.to_owned(), self.make(additional, key, depth + 1)?);
        }
        let wanted = count(schema, "minProperties").unwrap_or(0);
        let mut number = 1;
        while object.len() < wanted && number <= wanted {
            let key = format!("{name}_{number}");
            object.insert(key.clone(), self.make(additional, &key, depth + 1)?);
            number += 1;
        }
        Ok(Value::Object(object))
    }

    fn array(&self, schema: &Map<String, Value>, name: &str, depth: usize) -> Result<Value, String> {
        let tuple = schema.get("prefixItems").or_else(|| schema.get("items").filter(|items| items.is_array()));
        let mut items = Vec::new();
        for (index, item) in tuple.and_then(Value::as_array).into_iter().flatten().enumerate() {
            items.push(self.make(item, &format!("{name} {}", index + 1), depth + 1)?);
        }
        let least = count(schema, "minItems").unwrap_or(0);
        let most = count(schema, "maxItems").unwrap_or(usize::MAX);
        let wanted = if tuple.is_some() { least } else { least.max(1) }.min(most);
        let any = Value::Bool(true);
        let item = schema.get("items").filter(|items| !items.is_array()).unwrap_or(&any);
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        while items.len() < wanted {
            let made = self.make(item, &format!("{name} {}", items.len() + 1), depth + 1);
            let made = match made {
                Ok(value) if unique && items.contains(&value) => another(item, &items),
                Ok(value) => Some(value),
                Err(reason) if least == 0 => {
                    // A list may be empty where its items cannot be made.
                    let _ = reason;
                    break;
                }
                Err(reason) => return Err(reason),
            };
            items.push(made.ok_or_else(|| format!("there are too few different items for `{name}`"))?);
        }
        Ok(Value::Array(items))
    }

    fn string(schema: &Map<String, Value>, name: &str) -> Result<Value, String> {
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            let least = count(schema, "minLength").unwrap_or(0);
            return sample::matching(pattern, least)
                .map(Value::from)
                .ok_or_else(|| format!("no text could be made for the pattern `{pattern}` of `{name}`"));
        }
        if let Some(text) = schema.get("format").and_then(Value::as_str).and_then(formatted) {
            return Ok(Value::from(text));
        }
        let Value::String(mut text) = Self::text(name) else { return Ok(Value::Null) };
        let least = count(schema, "minLength").unwrap_or(0);
        while text.chars().count() < least {
            text.push('.');
        }
        if let Some(most) = count(schema, "maxLength") {
            text = text.chars().take(most).collect();
        }
        Ok(Value::from(text))
    }

    fn text(name: &str) -> Value {
        Value::from(format!("simulated {name}"))
    }

    /// One bit that depends on the request and the place.
    fn bit(&self, name: &str) -> bool {
        let sum = self
            .seed
            .bytes()
            .take(8)
            .chain(name.bytes())
            .fold(0_u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
        sum % 2 == 1
    }
}

/// `base` with all of `parts` in it: members and required names add up, the rest is overwritten.
fn merged(base: &Map<String, Value>, parts: &[Value], root: &Value) -> Map<String, Value> {
    let mut whole = base.clone();
    whole.shift_remove("allOf");
    for part in parts {
        let reference = part.get("$ref").and_then(Value::as_str);
        let part = reference.and_then(|it| it.strip_prefix('#')).and_then(|it| root.pointer(it)).unwrap_or(part);
        for (key, value) in part.as_object().into_iter().flatten() {
            match (whole.get_mut(key), value) {
                (Some(Value::Object(members)), Value::Object(more)) if key == "properties" => {
                    members.extend(more.clone());
                }
                (Some(Value::Array(names)), Value::Array(more)) if key == "required" => names.extend(more.clone()),
                _ => {
                    whole.insert(key.clone(), value.clone());
                }
            }
        }
    }
    whole
}

fn type_of(schema: &Map<String, Value>) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("null")
        }
        _ if schema.contains_key("properties") || schema.contains_key("required") => "object",
        _ if schema.contains_key("items") || schema.contains_key("prefixItems") => "array",
        _ if schema.contains_key("minimum") || schema.contains_key("maximum") => "number",
        _ => "string",
    }
}

fn count(schema: &Map<String, Value>, key: &str) -> Option<usize> {
    schema.get(key).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok())
}

fn integer(schema: &Map<String, Value>) -> Option<i64> {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let least =
        bound("minimum").map(f64::ceil).into_iter().chain(bound("exclusiveMinimum").map(|low| low.floor() + 1.0));
    let most =
        bound("maximum").map(f64::floor).into_iter().chain(bound("exclusiveMaximum").map(|high| high.ceil() - 1.0));
    let least = least.fold(f64::NEG_INFINITY, f64::max);
    let most = most.fold(f64::INFINITY, f64::min);
    let step = bound("multipleOf").filter(|step| *step >= 1.0).unwrap_or(1.0);
    let wanted = 1.0_f64.clamp(least.min(most), most.max(least));
    let up = (wanted / step).ceil() * step;
    let down = (wanted / step).floor() * step;
    [up, down].into_iter().find(|value| (least..=most).contains(value)).map(|value| value as i64)
}

fn number(schema: &Map<String, Value>) -> Option<Value> {
    if let Some(whole) = integer(schema) {
        return Some(Value::from(whole));
    }
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let least = bound("minimum").or_else(|| bound("exclusiveMinimum"))?;
    let most = bound("maximum").or_else(|| bound("exclusiveMaximum"))?;
    (least <= most).then(|| Value::from(f64::midpoint(least, most)))
}

/// A value of a small schema that is not among `used`.
fn another(schema: &Value, used: &[Value]) -> Option<Value> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().find(|value| !used.contains(value)).cloned();
    }
    let largest = used.iter().filter_map(Value::as_i64).max()?;
    Some(Value::from(largest + 1))
}

fn formatted(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => "2000-01-01",
        "date-time" => "2000-01-01T00:00:00Z",
        "time" => "00:00:00Z",
        "duration" => "PT1S",
        "email" | "idn-email" => "simulated@example.com",
        "hostname" | "idn-hostname" => "example.com",
        "uri" | "uri-reference" | "iri" | "iri-reference" => "https://example.com/simulated",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "json-pointer" => "/simulated",
        "regex" => "simulated",
        _ => return None,
    })
}
