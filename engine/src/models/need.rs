//! What a step wants of a model that it does not name: `requires_model`, the attributes of `<AUTO>`, the size of
//! what is asked.

use lang::{
    registry::overlay::{STRATEGIES, billions},
    template,
};
use serde_json::{Map, Value};

/// Levels of `expertise`, the least first.
const LEVELS: [(&str, u8); 5] = [("low", 1), ("medium", 2), ("medium-high", 3), ("high", 4), ("very-high", 5)];

/// What is wanted. Whatever is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Need {
    /// What it is for, in a word.
    pub task: Option<String>,
    /// What counts; `None` leaves it to `models.yaml`.
    pub strategy: Option<String>,
    /// The least grade, 1 to 5.
    pub grade: Option<u8>,
    /// Fields it must be good at.
    pub fields: Vec<String>,
    /// The least and the largest size, in billions.
    pub size: (Option<f64>, Option<f64>),
    /// Reads images.
    pub vision: bool,
    /// Calls tools.
    pub tools: bool,
    /// Is held to a schema.
    pub schema: bool,
    /// The most a call may cost, in billionths of a dollar.
    pub cost_limit: Option<i64>,
    /// Models to take first.
    pub preferred: Vec<String>,
    /// The only models to choose among; where there are none, all.
    pub among: Vec<String>,
    /// Models never to take.
    pub excluded: Vec<String>,
    /// What to do where no model fits: `fail`, `best_available`, `cheapest`.
    pub otherwise: Option<String>,
    /// Tokens of the prompt, at most.
    pub prompt: u64,
    /// Tokens of the answer, at most.
    pub answer: Option<u64>,
    /// What was said that nothing is known about.
    pub unknown: Vec<String>,
}

impl Need {
    /// What `requires_model` says.
    pub fn of(requires: Option<&Value>) -> Self {
        let mut need = Self::default();
        let Some(Value::Object(keys)) = requires else { return need };
        need.task = text(keys, "task");
        need.strategy = text(keys, "strategy").or_else(|| text(keys, "selection_strategy")).and_then(|name| {
            let name = match name.as_str() {
                "cost_optimized" => "cost".to_owned(),
                "performance_optimized" => "latency".to_owned(),
                "accuracy_optimized" => "quality".to_owned(),
                _ => name,
            };
            STRATEGIES.contains(&&*name).then_some(name)
        });
        match keys.get("expertise") {
            Some(Value::String(level)) => match LEVELS.iter().find(|(name, _)| name == level) {
                Some((_, grade)) => need.grade = Some(*grade),
                None => need.fields = vec![level.clone()],
            },
            Some(Value::Array(_)) => need.fields = texts(keys, "expertise"),
            _ => {}
        }
        let size = |key: &str| keys.get(key).and_then(|value| billions(&crate::tools::params::text(value)));
        need.size = (size("min_size"), size("max_size"));
        for name in texts(keys, "capabilities").iter().chain(&texts(keys, "modalities")) {
            match name.as_str() {
                "vision" | "image" | "images" | "multimodal" => need.vision = true,
                "tools" | "function_calling" | "supports_tools" => need.tools = true,
                "json_schema" | "json_mode" | "structured_output" | "generate_structured" => need.schema = true,
                "text" | "generate" | "streaming" => {}
                "code" | "code_specialized" => need.fields.push("code".to_owned()),
                other => need.unknown.push(other.to_owned()),
            }
        }
        need.cost_limit = keys.get("cost_limit").and_then(Value::as_f64).and_then(crate::plan::dollars);
        need.preferred = texts(keys, "preferred");
        need.excluded = texts(keys, "excluded");
        need.otherwise = text(keys, "fallback_strategy");
        for key in ["max_latency_ms", "min_tokens_per_second", "min_accuracy_score"] {
            if keys.contains_key(key) {
                need.unknown.push(key.to_owned());
            }
        }
        need
    }

    /// With what `<AUTO task=… strategy=…>` says.
    #[must_use]
    pub fn with_tag(mut self, written: Option<&str>) -> Self {
        let Some(tag) = written.and_then(|text| template::auto::tags(text).into_iter().next()) else { return self };
        if let Some(task) = tag.attribute("task") {
            self.task = Some(task.to_owned());
        }
        if let Some(strategy) = tag.attribute("strategy").filter(|name| STRATEGIES.contains(name)) {
            self.strategy = Some(strategy.to_owned());
        }
        if let Some(hint) = tag.attribute("model_hint") {
            self.preferred.insert(0, hint.to_owned());
        }
        self
    }

    /// The field that the task is of, as `expertise` of `models.yaml` would name it.
    pub(crate) fn field(&self) -> Option<&'static str> {
        let task = self.task.as_deref()?.to_lowercase();
        let of = |words: &[&str]| words.iter().any(|word| task.contains(word));
        if of(&["code", "program", "debug", "sql"]) {
            Some("code")
        } else if of(&["image", "vision", "photo", "screenshot"]) {
            Some("vision")
        } else if of(&["reason", "analy", "plan", "math", "prove", "assess", "evaluat", "validat"]) {
            Some("reasoning")
        } else {
            Some("general")
        }
    }
}

fn text(keys: &Map<String, Value>, key: &str) -> Option<String> {
    keys.get(key)?.as_str().map(str::to_owned)
}

fn texts(keys: &Map<String, Value>, key: &str) -> Vec<String> {
    match keys.get(key) {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
