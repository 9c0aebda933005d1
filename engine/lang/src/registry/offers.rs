//! Tools that a model may call: which of their operations, under which names, with which arguments.
//!
//! What a model chooses may be done again, after a crash or by another attempt, so only what changes nothing is
//! offered. The checker, completion and execution ask here.

use serde_json::{Map, Value, json};

use super::{
    Effect, OperationSource, OperationSpec, ParamKind, ParamSpec, Registry, ToolSpec, ValueType, did_you_mean,
};

/// An operation that a model may call.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'r> {
    /// Its tool.
    pub tool: &'r ToolSpec,
    /// The operation.
    pub operation: &'r OperationSpec,
}

/// Why a tool, or an operation of it, cannot be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What kind of a problem it is.
    pub reason: Reason,
    /// Of the operations that were named, the one that is meant; else the tool.
    pub operation: Option<usize>,
    /// What is wrong and what to do.
    pub message: String,
    /// What was probably meant.
    pub candidate: Option<String>,
    /// The operations of the tool that may be offered, where there are some.
    pub others: Vec<String>,
}

/// The kinds of [`Refused`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no such tool.
    UnknownTool,
    /// The tool has no such operation.
    UnknownOperation,
    /// It does more than to compute or to read.
    Acts,
    /// This version cannot execute it.
    NotAvailable,
}

impl Effect {
    /// Whether a model may choose to do it: it changes nothing, costs nothing and waits for nobody.
    pub fn may_be_offered(self) -> bool {
        matches!(self, Self::Pure | Self::Read)
    }

    /// What it does that a model may not choose.
    fn offence(self) -> Option<&'static str> {
        match self {
            Self::Pure | Self::Read => None,
            Self::Idempotent | Self::Effectful => Some("changes something"),
            Self::Model => Some("asks a model itself"),
            Self::Human => Some("waits for a person"),
        }
    }
}

impl<'r> Offered<'r> {
    /// What is offered by naming the tool, with the operations if only some are meant. A tool that is named alone
    /// offers whatever changes nothing and asks no model itself; one that can act must be narrowed, so that it is seen
    /// what is meant.
    ///
    /// # Errors
    ///
    /// Where there is no such tool or operation, or it may not be offered.
    pub fn of(registry: &'r Registry, name: &str, operations: Option<&[&str]>) -> Result<Vec<Self>, Refused> {
        let refused =
            |reason, message: String| Refused { reason, operation: None, message, candidate: None, others: Vec::new() };
        let Some(tool) = registry.tools.get(name) else {
            let candidate = did_you_mean(name, registry.tools.keys().map(String::as_str)).map(str::to_owned);
            let message = format!("there is no tool `{name}`");
            return Err(Refused { candidate, ..refused(Reason::UnknownTool, message) });
        };
        let others: Vec<String> = tool
            .operations
            .iter()
            .filter(|operation| operation.effect.may_be_offered())
            .map(|operation| operation.name.clone())
            .collect();
        let chosen: Vec<&OperationSpec> = match operations {
            None => {
                let acts = |operation: &&OperationSpec| {
                    !matches!(operation.effect, Effect::Model) && !operation.effect.may_be_offered()
                };
                let acting: Vec<&OperationSpec> = tool.operations.iter().filter(acts).collect();
                let first = acting.first().copied().or_else(|| tool.operations.first().filter(|_| others.is_empty()));
                if let Some(offence) = first.and_then(|operation| operation.effect.offence()) {
                    let which = if others.is_empty() || acting.is_empty() {
                        String::new()
                    } else {
                        let names = acting.iter().map(|operation| operation.name.as_str()).collect::<Vec<_>>();
                        format!(" (`{}`)", names.join("`, `"))
                    };
                    let message = format!("`{name}` {offence}{which}, {}", advice(name, &others));
                    return Err(Refused { others, ..refused(Reason::Acts, message) });
                }
                tool.operations.iter().filter(|operation| operation.effect.may_be_offered()).collect()
            }
            Some(named) => {
                let mut chosen = Vec::new();
                for (index, wanted) in named.iter().enumerate() {
                    let Some(operation) = tool.operation(wanted) else {
                        let names = tool.operations.iter().map(|operation| operation.name.as_str());
                        let candidate = did_you_mean(wanted, names).map(str::to_owned);
                        let message = format!("`{name}` has no action `{wanted}`");
                        let unknown = refused(Reason::UnknownOperation, message);
                        return Err(Refused { operation: Some(index), candidate, ..unknown });
                    };
                    if let Some(offence) = operation.effect.offence() {
                        let message = format!("`{name}.{wanted}` {offence}, {}", advice(name, &[]));
                        return Err(Refused { operation: Some(index), others, ..refused(Reason::Acts, message) });
                    }
                    if !chosen.contains(&operation) {
                        chosen.push(operation);
                    }
                }
                chosen
            }
        };
        if !tool.available {
            let message = format!("`{name}` is known but cannot run in this version");
            return Err(refused(Reason::NotAvailable, message));
        }
        Ok(chosen.into_iter().map(|operation| Self { tool, operation }).collect())
    }

    /// What the operation is called in orc: `data-processing.filter`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.tool.name, self.operation.name)
    }

    /// What the model calls it: letters, digits and `_`, which every provider takes.
    pub fn function(&self) -> String {
        let name = match self.tool.operation_source {
            OperationSource::Single => self.tool.name.clone(),
            _ => format!("{}_{}", self.tool.name, self.operation.name),
        };
        name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).take(64).collect()
    }

    /// What the model is told of it.
    pub fn description(&self) -> String {
        let doc = self.tool.doc.trim();
        let of_tool = if self.tool.operations.len() == 1 { doc } else { doc.split("\n\n").nth(1).unwrap_or_default() };
        let all = format!("{}\n\n{of_tool}", self.operation.doc.trim());
        all.trim().to_owned()
    }

    /// The JSON Schema of its arguments, in words that every provider understands.
    pub fn arguments(&self) -> Value {
        object(&self.operation.params, false)
    }
}

/// Why it is not offered, and what to do.
fn advice(tool: &str, others: &[String]) -> String {
    let narrow = match others {
        [] => String::new(),
        names => format!("offer what only reads, `{{name: {tool}, actions: [{}]}}`, or ", names.join(", ")),
    };
    format!(
        "and what a model chooses may be done again after a crash or by another attempt; {narrow}let a step of its own do \
         it with the model's answer, after an `approval-gate` where a person shall decide"
    )
}

fn object(params: &[ParamSpec], open: bool) -> Value {
    let params = || params.iter().filter(|param| param.deprecated.is_none());
    let properties: Map<String, Value> = params().map(|param| (param.name.clone(), described(param))).collect();
    let required = params().filter(|param| param.required && param.default.is_none() && param.instead.is_none());
    let required: Vec<&str> = required.map(|param| param.name.as_str()).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !open {
        schema["additionalProperties"] = json!(false);
    }
    schema
}

/// A parameter with what it means. Not all providers know `default`, so it is said in words.
fn described(param: &ParamSpec) -> Value {
    let mut schema = value(param);
    let default = param.default.as_ref().map(|default| format!("Default: {default}."));
    let doc: Vec<&str> = [param.doc.trim(), default.as_deref().unwrap_or_default()]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    if !doc.is_empty() {
        schema["description"] = json!(doc.join(" "));
    }
    schema
}

fn value(param: &ParamSpec) -> Value {
    match &param.types[..] {
        _ if param.kind == ParamKind::JsonSchema => json!({"type": "object"}),
        [] if param.choices.is_empty() => json!({}),
        [] => json!({"enum": param.choices}),
        [one] => of_type(param, *one),
        several => json!({"anyOf": several.iter().map(|one| of_type(param, *one)).collect::<Vec<_>>()}),
    }
}

fn of_type(param: &ParamSpec, of: ValueType) -> Value {
    let mut schema = match of {
        // Some providers take no list without its items.
        ValueType::Array => {
            json!({"type": "array", "items": param.items.as_deref().map_or_else(|| json!({}), described)})
        }
        ValueType::Object if param.fields.is_empty() => json!({"type": "object"}),
        ValueType::Object => object(&param.fields, param.open_fields),
        other => json!({"type": other.name()}),
    };
    if !param.choices.is_empty() {
        schema["enum"] = json!(param.choices);
    }
    if matches!(of, ValueType::Integer | ValueType::Number) {
        let (low, high) = param.range;
        for (name, bound) in [("minimum", low), ("maximum", high)] {
            if let Some(bound) = bound {
                schema[name] = if bound.fract() == 0.0 { json!(bound as i64) } else { json!(bound) };
            }
        }
    }
    schema
}
