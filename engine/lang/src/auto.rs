//! AUTO tags as typed holes (contract §2.18–2.20): where each stands, what it is filled with and why, and
//! what is asked. Asking itself is for the engine; nothing here sends anything.

use std::fmt::Write as _;

use serde_json::Value;
use text_size::TextRange;

use crate::{
    model::StepIndex,
    syntax::NodeId,
    template::auto::{AutoTag, Closing},
};

mod target;

mod walk;
pub use walk::holes;

mod words;

mod explain;
pub use explain::{at, markdown};

/// What the model is told before each question.
pub const SYSTEM: &str = "You fill in one value of a pipeline before a step of it runs. Answer with that value \
                          alone: no explanation, no quotes around it, no code fence.";

/// One AUTO tag that stands where a value does.
#[derive(Debug, Clone, PartialEq)]
pub struct Hole {
    /// Its path in the file, e.g. `steps.summary.parameters.style`. Several tags in one text are counted
    /// (`#2`), nested ones beneath them (`#2.1`).
    pub position: String,
    /// The scalar it stands in.
    pub node: NodeId,
    /// The step it belongs to; `None` at the root.
    pub step: Option<StepIndex>,
    /// Of the step's `action_loop` or queue, the item it belongs to.
    pub item: Option<usize>,
    /// Where in the step (or item, or root) its text stands, e.g. `parameters.sections[0].content`.
    pub place: String,
    /// It is answered anew for each iteration, so it may have several pins.
    pub in_loop: bool,
    /// The tag; ranges are those of the scalar's text.
    pub tag: AutoTag,
    /// The tag as it is written.
    pub source: String,
    /// The question as it is written.
    pub body: String,
    /// The tag in the file.
    pub range: TextRange,
    /// What it is filled with.
    pub target: Target,
    /// The tags inside the question, which are answered before it.
    pub nested: Vec<Hole>,
}

/// What a hole is filled with, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// What the answer must fit, as JSON Schema.
    pub schema: Value,
    /// Where that is from, the strongest reason first.
    pub why: Vec<String>,
    /// What the value is for, as the registry describes it.
    pub doc: String,
    /// Who fills it in.
    pub by: By,
}

/// Who fills a hole in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A model, when the step is about to run.
    Model,
    /// The router, which asks nobody: it names a model.
    Router,
    /// A model, as the action: the question is its prompt, and the answer the step's result.
    Action,
    /// Nobody, for this reason.
    Nobody(&'static str),
}

impl Hole {
    /// The value of the attribute `name`.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.tag.attribute(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The value of the attribute `default`, read as what the hole is filled with.
    pub fn default(&self) -> Option<Value> {
        let text = self.tag.attribute("default")?;
        let is_text = self.target.schema["type"] == "string";
        let read = if is_text { None } else { serde_json::from_str(text.trim()).ok() };
        Some(read.unwrap_or_else(|| Value::from(text)))
    }

    /// What is asked, where the question reads `body`.
    pub fn prompt(&self, body: &str) -> String {
        let mut prompt = body.trim().to_owned();
        prompt.push_str("\n\n");
        let _ = write!(prompt, "The answer is the value of `{}`", self.position);
        if !self.target.doc.is_empty() {
            let _ = write!(prompt, " ({})", self.target.doc.trim_end_matches('.'));
        }
        let _ = write!(prompt, ". It must be {}.", describe(&self.target.schema));
        prompt
    }

    /// This and all tags inside it, those inside first.
    pub fn with_nested(&self) -> Vec<&Hole> {
        let mut found: Vec<&Hole> = self.nested.iter().flat_map(Hole::with_nested).collect();
        found.push(self);
        found
    }

    /// Whether it can be answered: only what is closed asks something.
    pub fn is_whole(&self) -> bool {
        self.tag.closing == Closing::Closed && !self.body.trim().is_empty()
    }
}

/// What a value of `schema` is, for people and models: `text`, `a whole number from 1 to 10`.
pub fn describe(schema: &Value) -> String {
    if let Some(choices) = schema["enum"].as_array() {
        let words: Vec<String> = choices.iter().map(written).collect();
        return format!("one of {}", words.join(", "));
    }
    if let Some(types) = schema["type"].as_array() {
        let each: Vec<String> =
            types.iter().map(|one| describe(&serde_json::json!({"type": one, "items": schema["items"]}))).collect();
        return each.join(" or ");
    }
    let (least, most) = (schema.get("minimum"), schema.get("maximum"));
    let range = match (least, most) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(", {least} or more"),
        (None, Some(most)) => format!(", {most} or less"),
        (None, None) => String::new(),
    };
    match schema["type"].as_str() {
        Some("string") => match schema["pattern"].as_str() {
            Some(pattern) => format!("text that matches `{pattern}`"),
            None => "text".to_owned(),
        },
        Some("integer") => format!("a whole number{range}"),
        Some("number") => format!("a number{range}"),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => {
            let (least, most) = (schema["minItems"].as_u64(), schema["maxItems"].as_u64());
            let count = match (least, most) {
                (Some(least), Some(most)) => format!(" of {least} to {most} items"),
                (Some(least), None) => format!(" of {least} or more items"),
                (None, Some(most)) => format!(" of {most} or fewer items"),
                (None, None) => String::new(),
            };
            match schema["items"].get("type") {
                Some(_) => format!("a list{count}, each item {}", describe(&schema["items"])),
                None => format!("a list{count}"),
            }
        }
        Some("object") => {
            let names: Vec<&str> =
                schema["properties"].as_object().into_iter().flatten().map(|(name, _)| &**name).collect();
            if names.is_empty() { "an object".to_owned() } else { format!("an object with {}", names.join(", ")) }
        }
        _ => "a value".to_owned(),
    }
}

/// A value in a sentence: text as it is, all else as JSON.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
