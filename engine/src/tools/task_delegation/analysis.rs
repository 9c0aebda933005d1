//! What a task looks like, by plain rules: no model is asked, the same text always looks the same.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    models::{Need, tokens},
    tools::{ToolError, params},
};

/// Kinds of tasks, each with the beginnings of the words that make a task one; the first that fits counts.
const KINDS: [(&str, &[&str]); 7] = [
    ("code_analysis", &["debug", "bug", "refactor"]),
    ("code_generation", &["code", "function", "program", "script", "implement", "sql", "algorithm"]),
    ("translation", &["translat"]),
    ("summarization", &["summar", "tldr", "condense", "abridge"]),
    ("creative_writing", &["story", "stories", "poem", "haiku", "novel", "creative", "slogan"]),
    ("data_processing", &["extract", "parse", "transform", "convert", "csv"]),
    ("analysis", &["analy", "examin", "investigat", "evaluat", "assess", "compare", "review", "prove"]),
];

/// Words that make a task a question, if it is nothing else.
const QUESTION: (&str, [&str; 7]) = ("question_answering", ["what", "why", "how", "when", "where", "who", "which"]);

/// What a task is that is none of these.
const GENERAL: &str = "general";

/// Beginnings of words that make a task complex.
const COMPLEX: [&str; 6] = ["complex", "advanced", "detailed", "comprehensive", "thorough", "prove"];

/// Kinds of tasks that are more than simple.
const MODERATE: [&str; 4] = ["code_analysis", "code_generation", "data_processing", "analysis"];

/// Texts of more tokens than these are complex, or moderate.
const LONG: (u64, u64) = (400, 100);

/// The levels of complexity, and the grade of a model that is enough for each.
const LEVELS: [(&str, u8); 3] = [("simple", 2), ("moderate", 3), ("complex", 5)];

/// What a task looks like.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TaskAnalysis {
    /// The kind of task.
    pub task_type: String,
    /// How hard it is: `simple`, `moderate` or `complex`.
    pub complexity: String,
    /// What the model must be able to do, as `requirements` says.
    pub required_capabilities: Vec<String>,
    /// The longest answer, in tokens, as `requirements` says.
    pub max_tokens: Option<u64>,
    /// The form of the answer, as `requirements` says.
    pub response_format: Option<String>,
    /// The language, as `requirements` says.
    pub language: Option<String>,
    /// The field of knowledge, as `requirements` says.
    pub domain: Option<String>,
    /// About how many tokens the task is.
    pub input_tokens: u64,
}

/// A task, and what it wants of a model.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// All that is said.
    pub(crate) text: String,
    /// What it looks like.
    pub(crate) analysis: TaskAnalysis,
    /// What it wants.
    pub(crate) need: Need,
    /// The grade that is enough.
    pub(crate) enough: u8,
}

impl Task {
    /// Looks at `text`; what `requirements` says counts more.
    pub(crate) fn of(text: String, requirements: &Map<String, Value>) -> Result<Self, ToolError> {
        let said = |name: &str| requirements.get(name).and_then(Value::as_str).map(str::to_owned);
        let size = tokens::of(&text);
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower.split(|letter: char| !letter.is_alphanumeric()).collect();
        let has = |stems: &[&str]| words.iter().any(|word| stems.iter().any(|stem| word.starts_with(stem)));
        let task_type = said("task_type").unwrap_or_else(|| {
            let kind = KINDS.iter().find(|(_, stems)| has(stems)).map(|(kind, _)| *kind);
            let question = || words.iter().any(|word| QUESTION.1.contains(word)).then_some(QUESTION.0);
            kind.or_else(question).unwrap_or(GENERAL).to_owned()
        });
        let complexity = match requirements.get("complexity").filter(|value| !value.is_null()) {
            Some(value) => {
                let word = params::text(value);
                params::choice("complexity", &word, &LEVELS.map(|(level, _)| level))?
            }
            None if size.expected > LONG.0 || has(&COMPLEX) => "complex",
            None if size.expected > LONG.1 || MODERATE.contains(&&*task_type) => "moderate",
            None => "simple",
        };
        let enough = LEVELS.iter().find(|(level, _)| *level == complexity).map_or(LEVELS[0].1, |(_, grade)| *grade);
        let max_tokens = match requirements.get("max_tokens").filter(|value| !value.is_null()) {
            Some(value) => Some(value.as_u64().filter(|tokens| *tokens > 0).ok_or_else(|| {
                let shown = value.to_string();
                let message = format!("`max_tokens` is a number of tokens from 1, not {}", params::brief(&shown));
                ToolError::new("ParameterError", message)
            })?),
            None => None,
        };
        let response_format = said("response_format");
        let mut need = Need::of(Some(&Value::Object(requirements.clone())));
        need.task = Some(task_type.clone());
        need.schema |= response_format.as_deref().is_some_and(|form| matches!(form, "json" | "structured"));
        need.prompt = size.high.unwrap_or(u64::MAX);
        need.answer = max_tokens;
        let required_capabilities = match requirements.get("capabilities") {
            Some(Value::Array(names)) => names.iter().map(params::text).collect(),
            Some(Value::String(name)) => vec![name.clone()],
            _ => Vec::new(),
        };
        let analysis = TaskAnalysis {
            task_type,
            complexity: complexity.to_owned(),
            required_capabilities,
            max_tokens,
            response_format,
            language: said("language"),
            domain: said("domain"),
            input_tokens: size.expected,
        };
        Ok(Self { text, analysis, need, enough })
    }
}
