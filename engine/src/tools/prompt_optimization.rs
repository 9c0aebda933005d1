//! `prompt-optimization`: has a model rewrite a prompt, and holds what it says to a schema.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Asks, Outcome, Tool, ToolCx, ToolError, ToolFuture, params, success};
use crate::{
    catalog::ToolBuilder,
    models::{self, Request, tokens},
};

const NAME: &str = "prompt-optimization";

/// What can be worked on, with what the model is told of it.
const GOALS: [(&str, &str); 4] = [
    ("clarity", "say plainly what is to be done, in the order it is to be done"),
    ("brevity", "leave out every word that changes nothing"),
    ("specificity", "name what is vague: form, extent and audience of the answer, as far as the prompt tells them"),
    ("model_specific", "suit the model that will read it"),
];

/// Worked on where nobody says.
const USUAL: [&str; 2] = ["clarity", "model_specific"];

/// The longest new prompt where nobody says, in tokens.
const LONGEST: u64 = 2000;

/// What the answer holds besides the new prompt, in tokens at most.
const BESIDES: u64 = 500;

/// How freely the model answers.
const TEMPERATURE: f64 = 0.3;

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct PromptOptimization;

impl Tool for PromptOptimization {
    fn spec(&self) -> ToolSpec {
        spec()
    }

    fn run<'a>(&'a self, _operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move { optimize(params::read(NAME, params)?, cx).await })
    }

    fn asks(&self, _operation: &str) -> Option<Asks> {
        let goals = GOALS.map(|(goal, _)| goal);
        // The longest that it says whatever is wanted.
        let frame = format!("{}\n{}", system(&goals, true, LONGEST, Some("provider/name")), schema(&goals));
        Some(Asks::Once { frame, longest: LONGEST, besides: BESIDES })
    }
}

async fn optimize(params: Params, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let prompt = params::text(&params.prompt);
    if prompt.trim().is_empty() {
        return Err(ToolError::new(
            "ParameterError",
            format!("`prompt` of `{NAME}` is empty; there is nothing to rewrite"),
        ));
    }
    let goals = goals(params.optimization_goals)?;
    let longest = params.max_tokens.unwrap_or(LONGEST);
    // What the prompt is for is the model that rewrites it, so that both fit.
    let model = params.model.filter(|name| !name.trim().is_empty()).or_else(|| cx.model.clone());
    let request = Request {
        system: Some(system(&goals, params.preserve_intent.unwrap_or(true), longest, model.as_deref())),
        prompt: prompt.clone(),
        schema: Some(schema(&goals)),
        max_tokens: Some(longest.saturating_add(BESIDES)),
        temperature: Some(TEMPERATURE),
        ..Request::default()
    };
    let response = models::ask(model.as_deref(), request, cx).await?;
    let (served, answer) = (format!("{}/{}", response.provider, response.model), response.value.clone());
    let outcome = Outcome::answered(response);
    if outcome.failure.is_some() {
        return Ok(outcome);
    }
    match output(prompt, &answer, longest, model.unwrap_or(served)) {
        Ok(output) => Ok(Outcome { result: success(&output)?.result, ..outcome }),
        Err(ToolError(failure)) => Ok(Outcome { result: Value::Null, failure: Some(failure), ..outcome }),
    }
}

fn goals(named: Option<Vec<String>>) -> Result<Vec<&'static str>, ToolError> {
    let Some(named) = named else { return Ok(USUAL.to_vec()) };
    let mut goals = Vec::new();
    for word in &named {
        let goal = params::choice("optimization_goals", word, &GOALS.map(|(goal, _)| goal))?;
        if !goals.contains(&goal) {
            goals.push(goal);
        }
    }
    if goals.is_empty() {
        return Err(ToolError::new("ParameterError", "`optimization_goals` names nothing to work on"));
    }
    Ok(goals)
}

/// What the model is told before the prompt.
fn system(goals: &[&str], preserve_intent: bool, longest: u64, model: Option<&str>) -> String {
    let mut text =
        "The message that follows is a prompt that somebody wrote for a language model. Do not answer it and \
                    do not follow it: rewrite it.\n"
            .to_owned();
    for (goal, what) in GOALS.iter().filter(|(goal, _)| goals.contains(goal)) {
        text.push_str(&format!("- {goal}: {what}\n"));
    }
    if preserve_intent {
        text.push_str("What it asks for must stay the same: add no demands and drop none.\n");
    }
    if let Some(model) = model {
        text.push_str(&format!("It will be read by {model}.\n"));
    }
    text.push_str(&format!(
        "The new prompt has at most {longest} tokens. Give it as `optimized_prompt`, in `applied_optimizations` those of \
         the goals that you changed something for, and in `recommendations` what only its author could improve."
    ));
    text
}

fn schema(goals: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": {
            "optimized_prompt": {"type": "string"},
            "applied_optimizations": {"type": "array", "items": {"type": "string", "enum": goals}},
            "recommendations": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["optimized_prompt", "applied_optimizations", "recommendations"],
        "additionalProperties": false,
    })
}

/// What the answer says, if it is of use.
fn output(original: String, answer: &Value, longest: u64, model: String) -> Result<Output, ToolError> {
    let optimized = answer["optimized_prompt"].as_str().unwrap_or_default().trim().to_owned();
    if optimized.is_empty() {
        return Err(ToolError::new(
            "ValueError",
            format!("`{model}` gave back an empty prompt; ask again, or another model"),
        ));
    }
    let (before, after) = (tokens::of(&original), tokens::of(&optimized));
    if after.low > longest {
        let message = format!(
            "the new prompt is of at least {} tokens, more than `max_tokens` ({longest}) allows; raise it, or ask again",
            after.low
        );
        return Err(ToolError::new("ValueError", message));
    }
    let texts = |name: &str| -> Vec<String> {
        answer[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut applied = texts("applied_optimizations");
    applied.dedup();
    if optimized == original.trim() {
        applied.clear();
    }
    let (before, after) = (before.expected, after.expected);
    let reduction = i64::try_from(before).unwrap_or(i64::MAX).saturating_sub(i64::try_from(after).unwrap_or(i64::MAX));
    let metrics = Metrics {
        original_tokens: before,
        optimized_tokens: after,
        token_reduction: reduction,
        reduction_percentage: (before > 0).then(|| (reduction as f64 / before as f64 * 1000.0).round() / 10.0),
    };
    Ok(Output {
        original_prompt: original,
        optimized_prompt: optimized,
        model,
        applied_optimizations: applied,
        metrics,
        recommendations: texts("recommendations"),
        success: true,
    })
}

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new(NAME, DOC)
        .operation::<Params, Output>("optimize", "Has a model rewrite the prompt.", Effect::Model)
        .primary("optimized_prompt")
        .single()
        .example(EXAMPLE)
        .available()
        .build()
}

const DOC: &str = "
Has a model rewrite a prompt to be clearer, shorter or better suited to a model.

The model that the prompt is for is asked to rewrite it: `model`, or else that of the step, of the pipeline, or the
router's choice. It is a call like that of `generate`, with a schema for the answer; one that does not fit is asked for
once more, and then the step fails. It fails too where the new prompt is empty or surely longer than `max_tokens`.
Whether it is any better, nobody judges; the metrics are counts of tokens, without the tokenizer of the model.
";

const EXAMPLE: &str = r#"
- id: better
  tool: prompt-optimization
  action: optimize
  parameters:
    prompt: "tell me stuff about {{ topic }}"
    optimization_goals: [clarity, brevity]
"#;

/// Parameters of a rewrite.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// The prompt to rewrite.
    #[schemars(with = "String", extend("x-kind" = "prompt"))]
    pub prompt: Value,
    /// The model it is meant for, which rewrites it.
    #[schemars(extend("x-kind" = "model"))]
    pub model: Option<String>,
    /// What to work on.
    #[schemars(with = "Option<Vec<Goal>>", extend("default" = ["clarity", "model_specific"]))]
    pub optimization_goals: Option<Vec<String>>,
    /// The length of the new prompt, at most, in tokens.
    #[schemars(range(min = 1), extend("default" = 2000))]
    pub max_tokens: Option<u64>,
    /// Whether its meaning must stay.
    #[schemars(extend("default" = true))]
    pub preserve_intent: Option<bool>,
}

/// What can be worked on.
#[derive(Debug, JsonSchema)]
#[schemars(transparent, extend("enum" = ["clarity", "brevity", "specificity", "model_specific"]))]
#[expect(dead_code, reason = "described for the checker")]
struct Goal(String);

/// The new prompt.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The prompt as it was.
    pub original_prompt: String,
    /// The prompt as it is now.
    pub optimized_prompt: String,
    /// The model it is meant for.
    pub model: String,
    /// The goals that something was changed for, as the model says.
    pub applied_optimizations: Vec<String>,
    /// How long it was and is.
    pub metrics: Metrics,
    /// What else could be done, as the model says.
    pub recommendations: Vec<String>,
    /// That there is a new prompt; else the step fails.
    pub success: bool,
}

/// How long a prompt was and is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Metrics {
    /// About how many tokens it was.
    pub original_tokens: u64,
    /// About how many tokens it is.
    pub optimized_tokens: u64,
    /// How many fewer that is; below 0 where it is longer.
    pub token_reduction: i64,
    /// The same in per cent of what it was.
    pub reduction_percentage: Option<f64>,
}
