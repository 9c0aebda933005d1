//! `task-delegation`: chooses a model for a task. Nobody is asked; the same task, files and environment give the
//! same choice.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Outcome, Tool, ToolCx, ToolError, ToolFuture, params, success};
use crate::{catalog::ToolBuilder, models::router};

pub(crate) mod analysis;
use analysis::{Task, TaskAnalysis};

pub(crate) mod score;
use score::{Weights, scored, usd};

const NAME: &str = "task-delegation";

/// How many models are named to fall back on.
const FALLBACKS: usize = 3;

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct TaskDelegation;

impl Tool for TaskDelegation {
    fn spec(&self) -> ToolSpec {
        spec()
    }

    fn run<'a>(&'a self, _operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move { delegate(params::read(NAME, params)?, cx) })
    }

    fn foreseen(&self, _operation: &str, params: &Map<String, Value>, cx: &ToolCx) -> Option<Value> {
        delegate(params::read(NAME, params.clone()).ok()?, cx).ok().map(|outcome| outcome.result)
    }
}

fn delegate(params: Params, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let weights = Weights::of(params.cost_weight, params.quality_weight)?;
    let task = Task::of(params::text(&params.task), &params.requirements.unwrap_or_default())?;
    let scored = scored(&task, weights, cx)?;
    let best = &scored[0];
    let mut reasons = best.reasons.clone();
    if cx.simulate {
        reasons.push(SIMULATED.to_owned());
    }
    reasons.extend(router::not_looked_at(&task.need.unknown));
    let others = scored.iter().skip(1).take(FALLBACKS).filter(|_| params.fallback_enabled.unwrap_or(true));
    success(&Output {
        selected_model: best.choice.model.clone(),
        score: best.score,
        reasons,
        estimated_cost: best.cost.map(usd),
        estimated_latency: None,
        task_analysis: task.analysis,
        fallback_models: others.map(|other| other.choice.model.clone()).collect(),
        all_scores: scored
            .iter()
            .map(|one| Score { model: one.choice.model.clone(), score: one.score, reasons: one.reasons.clone() })
            .collect(),
        success: true,
    })
}

/// Why models are among them that cannot be asked here.
pub(crate) const SIMULATED: &str = "simulated: nobody is asked, so whose key is there does not matter";

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new(NAME, DOC)
        .operation::<Params, Output>("delegate", "Chooses a model for the task.", Effect::Read)
        .primary("selected_model")
        .single()
        .example(EXAMPLE)
        .available()
        .build()
}

const DOC: &str = r#"
Weighs a task and chooses the model that suits it, without asking one.

It chooses among the models that the router may choose, after its hard filters; with `--simulate`, whose key is there
does not matter. The score is the mean, by the two weights, of quality and cost. Quality is the grade of the model
(low 1 to very-high 5), as far as it is of use, divided by what is enough: 2 for a simple task, 3 for a moderate one, 5
for a complex one; a model whose `expertise` is something else has four fifths of it. Cost is the lowest of all costs
divided by that of the model; 0 where its price is not known.

What `requirements` does not say is read off the words of the text, the first of these that fits: "debug" or "refactor"
make it `code_analysis`; "code", "function", "script" or "sql" `code_generation`; "translate" `translation`; "summarise"
`summarization`; "story" or "poem" `creative_writing`; "extract", "parse" or "convert" `data_processing`;
"analyse", "evaluate" or "compare" `analysis`; a question word `question_answering`; nothing of it `general`. It is
complex with a word like "complex", "advanced", "detailed" or "prove", or beyond 400 tokens; moderate beyond 100, or if
it is about code, data or an analysis; else simple. The cost is that of an answer of 300 tokens, or of `max_tokens` if
those are fewer.
"#;

const EXAMPLE: &str = r#"
- id: pick
  tool: task-delegation
  action: delegate
  parameters:
    task: "Summarise {{ topic }} in one paragraph"
    requirements: {complexity: simple}
"#;

/// Parameters of a choice.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// The task, in words.
    #[schemars(with = "String", extend("x-kind" = "prompt"))]
    pub task: Value,
    /// What the model must be able to do, such as `complexity: simple`; besides these all that `requires_model` takes.
    #[schemars(with = "Option<Requirements>")]
    pub requirements: Option<Map<String, Value>>,
    /// Whether to name models to fall back on.
    #[schemars(extend("default" = true))]
    pub fallback_enabled: Option<bool>,
    /// How much a low price counts, between 0 and 1.
    #[schemars(range(min = 0.0, max = 1.0), extend("default" = 0.3))]
    pub cost_weight: Option<f64>,
    /// How much quality counts, between 0 and 1.
    #[schemars(range(min = 0.0, max = 1.0), extend("default" = 0.7))]
    pub quality_weight: Option<f64>,
}

/// What is said of a task.
#[derive(Debug, Clone, JsonSchema)]
#[expect(dead_code, reason = "described for the checker; read by name")]
pub(crate) struct Requirements {
    /// The kind of task, in a word.
    task_type: Option<String>,
    /// How hard it is.
    #[schemars(extend("enum" = ["simple", "moderate", "complex"]))]
    complexity: Option<String>,
    /// What the model must be able to do: `vision`, `tools`, `json_schema`.
    capabilities: Option<Vec<String>>,
    /// The longest answer, in tokens.
    #[schemars(range(min = 1))]
    max_tokens: Option<u64>,
    /// The form of the answer; `json` and `structured` want a model that can be held to a schema.
    response_format: Option<String>,
    /// The language of the task.
    language: Option<String>,
    /// The field of knowledge.
    domain: Option<String>,
    /// Anything that `requires_model` takes.
    #[schemars(flatten)]
    more: Map<String, Value>,
}

/// The choice.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The model that suits best, as `provider/name`.
    pub selected_model: String,
    /// How well it suits, between 0 and 1.
    pub score: f64,
    /// Why it was chosen.
    pub reasons: Vec<String>,
    /// What the task would cost, in US$; null where the price is not known.
    pub estimated_cost: Option<f64>,
    /// How long it would take; null, because nobody knows that of a model.
    pub estimated_latency: Option<f64>,
    /// What the task looks like.
    pub task_analysis: TaskAnalysis,
    /// The next best ones, three at most.
    pub fallback_models: Vec<String>,
    /// The scores of all models, the best first.
    pub all_scores: Vec<Score>,
    /// That there is a choice; else the step fails.
    pub success: bool,
}

/// How well a model suits.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Score {
    /// The model, as `provider/name`.
    pub model: String,
    /// Between 0 and 1.
    pub score: f64,
    /// Why.
    pub reasons: Vec<String>,
}

#[cfg(test)]
mod tests;
