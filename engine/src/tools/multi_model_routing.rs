//! `multi-model-routing`: spreads tasks over models. Choosing asks nobody; only `optimize_batch` asks.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Asks, Call, Outcome, Tool, ToolCx, ToolError, ToolFuture, params, success, unknown_operation};
use crate::catalog::ToolBuilder;

mod single;
pub(crate) use single::Loads;

mod assign;
use assign::{Assigned, Limits, assigned};

mod batch;

use super::task_delegation::score::usd;

/// Its canonical name.
pub(crate) const NAME: &str = "multi-model-routing";

/// What counts most, with the strategy of the router.
const STRATEGIES: [(&str, &str); 6] = [
    ("cost", "cost"),
    ("speed", "latency"),
    ("quality", "quality"),
    ("balanced", "balanced"),
    ("cost_optimized", "cost"),
    ("quality_optimized", "quality"),
];

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct MultiModelRouting;

impl Tool for MultiModelRouting {
    fn spec(&self) -> ToolSpec {
        spec()
    }

    fn run<'a>(&'a self, operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move {
            match operation {
                "single" => single::single(params::read(NAME, params)?, cx),
                "route" => route(params::read(NAME, params)?, cx),
                "optimize_batch" => batch::batch(params::read(NAME, params)?, cx).await,
                other => Err(unknown_operation(&spec(), other)),
            }
        })
    }

    // What `single` chooses depends on what was chosen before it in the run.
    fn foreseen(&self, operation: &str, params: &Map<String, Value>, cx: &ToolCx) -> Option<Value> {
        let params = params::read(NAME, params.clone()).ok().filter(|_| operation == "route")?;
        route(params, cx).ok().map(|outcome| outcome.result)
    }

    fn asks(&self, operation: &str) -> Option<Asks> {
        (operation == "optimize_batch").then_some(Asks::Each { list: "tasks", longest: batch::LONGEST_ANSWER })
    }

    fn calls(&self, operation: &str, params: &Map<String, Value>, cx: &ToolCx) -> Option<Vec<Call>> {
        self.asks(operation)?;
        let (all, _) = batch::requests(params::read(NAME, params.clone()).ok()?, cx).ok()?;
        let call = |one: Assigned| Call {
            model: one.model().to_owned(),
            max_tokens: one.task.analysis.max_tokens,
            prompt: one.task.text,
        };
        Some(all.into_iter().map(call).collect())
    }
}

fn route(params: RouteParams, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let word = match &params.routing_strategy {
        Some(word) => params::choice("routing_strategy", word, &STRATEGIES.map(|(word, _)| word))?,
        None => "balanced",
    };
    let strategy = STRATEGIES.iter().find(|(known, _)| *known == word).map_or("balanced", |(_, strategy)| strategy);
    let limits = Limits::of(params.constraints)?;
    let all = assigned(params.tasks, strategy, params.models, limits, None, cx)?;
    let total = all.iter().try_fold(0_u64, |sum, one| Some(sum.saturating_add(one.cost()?)));
    let models_selected = distinct(all.iter().map(|one| one.model().to_owned()).collect());
    let recommendations: Vec<Recommendation> = all
        .into_iter()
        .map(|one| Recommendation {
            model: one.model().to_owned(),
            estimated_cost: one.cost().map(usd),
            estimated_latency: None,
            task_type: one.task.analysis.task_type,
            complexity: one.task.analysis.complexity,
            task: one.words,
            reasons: one.reasons,
        })
        .collect();
    success(&RouteOutput {
        tasks_count: recommendations.len() as u64,
        recommendations,
        total_estimated_cost: total.map(usd),
        models_selected,
        routing_strategy: word.to_owned(),
    })
}

/// The models to choose among; none = all.
fn among(models: Option<Vec<String>>, cx: &ToolCx) -> Result<Vec<String>, ToolError> {
    let models = models.unwrap_or_default();
    single::check(&models, cx)?;
    Ok(models)
}

/// Each once, in the order they come in.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new(NAME, DOC)
        .operation::<SingleParams, SingleOutput>("single", "Chooses a model for one request.", Effect::Read)
        .primary("selected_model")
        .operation::<RouteParams, RouteOutput>("route", "Recommends a model for each of several tasks.", Effect::Read)
        .primary("recommendations")
        .operation::<BatchParams, BatchOutput>(
            "optimize_batch",
            "Asks a model for each of several tasks, within a budget.",
            Effect::Model,
        )
        .primary("results")
        .operation_in("action")
        .default_operation("single")
        .example(EXAMPLE)
        .available()
        .build()
}

const DOC: &str = "
Spreads tasks over models by price, speed or quality.

The operation stands in `parameters.action`: `route` recommends models for several tasks and `single` (taken without a
word) chooses one for a request, both without asking anybody; `optimize_batch` asks, as py-orc did.

They choose among the models that the router may choose, after its hard filters, or among `models`; with `--simulate`,
whose key is there does not matter. What a task is like is found out as by `task-delegation`. How long a model takes,
and how much others ask of it, nobody knows: latencies are null, and a load is the number of requests that this tool
sent its way in this run.

`constraints` are kept. Where all tasks together would cost more than `total_budget`, those that save most by it go to
their cheapest model; where that is not enough the step fails. A model whose price is not known fits no budget.
`optimize_batch` sends no call that may cost more than is left, and gives up one that takes longer than `max_latency`;
`route` cannot look at `max_latency`, and says so. Once a task has failed no further one is asked, and the step fails.
";

const EXAMPLE: &str = r#"
- id: assign
  tool: multi-model-routing
  action: execute
  parameters:
    action: route
    tasks:
      - {task: "Summarise the text", complexity: simple}
      - {task: "Prove the claim", complexity: complex}
    routing_strategy: balanced
"#;

/// Parameters of `single`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct SingleParams {
    /// What the model is to do.
    #[schemars(with = "Option<String>", extend("x-kind" = "prompt"))]
    pub request: Option<Value>,
    /// The models to choose from; without it, all.
    #[schemars(with = "Option<Vec<ModelName>>")]
    pub models: Option<Vec<String>>,
    /// How to choose: in turn, the one that was chosen least in this run, the cheapest, or as `task-delegation` does.
    #[schemars(extend("enum" = ["round_robin", "least_loaded", "cost_optimized", "capability_based"], "default" = "capability_based"))]
    pub strategy: Option<String>,
    /// At most this many requests at a time.
    #[serde(default, rename = "max_concurrent")]
    #[schemars(extend("x-deprecated" = "it has no effect; choosing asks nobody"))]
    _max_concurrent: Option<Value>,
    /// Seconds a request may take.
    #[serde(default, rename = "timeout")]
    #[schemars(extend("x-deprecated" = "it has no effect; choosing asks nobody"))]
    _timeout: Option<Value>,
}

/// The name of a model.
#[derive(Debug, JsonSchema)]
#[schemars(transparent, extend("x-kind" = "model"))]
#[expect(dead_code, reason = "described for the checker")]
struct ModelName(String);

/// A task, as text or with what is known about it.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "described for the checker; read by name")]
enum Task {
    /// In words.
    Text(String),
    /// With more.
    Object(Box<TaskFields>),
}

/// What is known about a task. All that `requirements` of `task-delegation` takes may stand here too.
#[derive(Debug, JsonSchema)]
#[expect(dead_code, reason = "described for the checker; read by name")]
struct TaskFields {
    /// The task, in words.
    task: String,
    /// What it is about; it goes to the model with the task.
    context: Option<Value>,
    /// The kind of task, in a word.
    task_type: Option<String>,
    /// How hard it is.
    #[schemars(extend("enum" = ["simple", "moderate", "complex"]))]
    complexity: Option<String>,
    /// The longest answer, in tokens.
    #[schemars(range(min = 1))]
    max_tokens: Option<u64>,
    /// Anything else.
    #[schemars(flatten)]
    more: Map<String, Value>,
}

/// Parameters of `route`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct RouteParams {
    /// The tasks, each an object with `task` and what is known about it, or text.
    #[schemars(with = "Vec<Task>")]
    pub tasks: Vec<Value>,
    /// What counts most.
    #[schemars(extend("enum" = ["cost", "speed", "quality", "balanced", "cost_optimized", "quality_optimized"], "default" = "balanced"))]
    pub routing_strategy: Option<String>,
    /// Limits over all tasks.
    #[schemars(with = "Option<Constraints>")]
    pub constraints: Option<Map<String, Value>>,
    /// The models to choose from; without it, all.
    #[schemars(with = "Option<Vec<ModelName>>")]
    pub models: Option<Vec<String>>,
}

/// Parameters of `optimize_batch`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct BatchParams {
    /// The tasks, each an object with `task`, or text. An answer has at most the `max_tokens` of its task, else 1000.
    #[schemars(with = "Vec<Task>")]
    pub tasks: Vec<Value>,
    /// What counts most.
    #[schemars(extend("enum" = ["minimize_cost", "maximize_quality", "minimize_latency", "balanced"], "default" = "minimize_cost"))]
    pub optimization_goal: Option<String>,
    /// Limits over all tasks.
    #[schemars(with = "Option<Constraints>")]
    pub constraints: Option<Map<String, Value>>,
    /// The models to choose from; without it, all.
    #[schemars(with = "Option<Vec<ModelName>>")]
    pub models: Option<Vec<String>>,
    /// At most this many requests at a time.
    #[schemars(range(min = 1), extend("default" = 5))]
    pub max_concurrent: Option<u64>,
}

/// Limits; without one nothing is limited.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Constraints {
    /// US$ for all tasks together. As with a step's `budget`, the attempts and iterations of the step share it.
    #[schemars(range(min = 0.0))]
    pub total_budget: Option<f64>,
    /// US$ for one task.
    #[schemars(range(min = 0.0))]
    pub max_budget_per_task: Option<f64>,
    /// Seconds one task may take.
    #[schemars(range(min = 0.0))]
    pub max_latency: Option<f64>,
}

/// What `single` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SingleOutput {
    /// The model, as `provider/name`.
    pub selected_model: String,
    /// Why this one.
    pub routing_reason: String,
    /// How it was chosen.
    pub strategy: String,
    /// How many requests of this run were sent its way, with this one.
    pub current_load: u64,
    /// How long it takes, in seconds; null, because nobody knows that of a model.
    pub average_latency: Option<f64>,
    /// The loads of all that could be chosen.
    pub all_loads: Map<String, Value>,
}

/// What `route` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RouteOutput {
    /// A model for each task, in order.
    pub recommendations: Vec<Recommendation>,
    /// What all tasks would cost, in US$; null where a price is not known.
    pub total_estimated_cost: Option<f64>,
    /// The models that were chosen, each once.
    pub models_selected: Vec<String>,
    /// What counted most.
    pub routing_strategy: String,
    /// How many tasks there are.
    pub tasks_count: u64,
}

/// The model for one task.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Recommendation {
    /// The task, in words.
    pub task: String,
    /// The model, as `provider/name`.
    pub model: String,
    /// What the task would cost, in US$; null where the price is not known.
    pub estimated_cost: Option<f64>,
    /// How long it would take; null, because nobody knows that of a model.
    pub estimated_latency: Option<f64>,
    /// Why this model.
    pub reasons: Vec<String>,
    /// The kind of task.
    pub task_type: String,
    /// How hard it is.
    pub complexity: String,
}

/// What `optimize_batch` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BatchOutput {
    /// The answers, in order.
    pub results: Vec<Value>,
    /// What they cost, in US$; null where that is not known.
    pub total_cost: Option<f64>,
    /// What one cost, in US$; null where that is not known.
    pub average_cost: Option<f64>,
    /// The models that answered, each once.
    pub models_used: Vec<String>,
    /// The strategy of the router that chose them.
    pub strategy: String,
    /// What counted most.
    pub optimization_goal: String,
    /// How many tasks there were.
    pub task_count: u64,
}
