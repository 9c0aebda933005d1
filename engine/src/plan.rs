//! An analysed pipeline and its inputs → a [`Plan`]: what would run, in which order. Pure.

use std::sync::Arc;

use lang::{analysis::Analysis, beside::beside, check::Severity};
use serde_json::{Map, Value};

pub mod program;
pub use program::{Program, Scope, StepPlan};

mod build;
mod duration;
mod fixed;
mod handlers;
mod inputs;
mod retry;

pub mod terms;

pub mod picture;

pub use handlers::Handler;
pub use retry::{Backoff, RetryPlan};
pub use terms::{Budget, Terms, dollars};

/// What may run: an analysis without errors and checked inputs.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The analysed pipeline.
    pub analysis: Arc<Analysis>,
    /// Every declared input with its value (given, or default), plus nothing else. A default that
    /// itself holds a template is still that template; the run renders it.
    pub inputs: Map<String, Value>,
    /// The steps as the run executes them.
    pub program: Arc<Program>,
}

/// Why a pipeline cannot start (exit 2, nothing executed).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// The file is no pipeline.
    #[error("not a pipeline")]
    NotAPipeline,
    /// It has diagnostics of severity error; they are in the analysis.
    #[error("the pipeline has errors")]
    Invalid,
    /// The inputs do not fit, or are used where none can be: all problems at once, one message each.
    #[error("{}", .0.join("\n"))]
    Inputs(Vec<String>),
}

/// How an input was given.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// `-i name=text`: read as JSON if the declared type is not string.
    Text(String),
    /// From a JSON file or an editor: taken as it is.
    Value(Value),
}

/// The steps of a pipeline, without looking at its inputs.
pub(crate) fn scope(analysis: &Analysis) -> Arc<Scope> {
    build::program(analysis, &inputs::Inputs::default()).scope
}

/// Checks the inputs and makes the plan. Where a name is given twice, the later one counts.
pub fn plan(analysis: Arc<Analysis>, given: &[(String, Given)]) -> Result<Plan, PlanError> {
    if analysis.recognised().is_none() {
        return Err(PlanError::NotAPipeline);
    }
    let is_invalid = || analysis.diagnostics().iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    let made = if analysis.pipeline().steps.len() < MANY {
        if is_invalid() {
            return Err(PlanError::Invalid);
        }
        make(&analysis, given)
    } else {
        // The steps are read beside the templates and the rules.
        let (made, is_invalid) = beside(|| make(&analysis, given), is_invalid);
        if is_invalid {
            return Err(PlanError::Invalid);
        }
        made
    };
    let (inputs, program) = made.map_err(PlanError::Inputs)?;
    Ok(Plan { analysis, inputs: inputs.values, program: Arc::new(program) })
}

/// From so many steps on a thread of its own pays.
const MANY: usize = 500;

/// The inputs and the program of an analysis, as far as that has no errors.
fn make(analysis: &Analysis, given: &[(String, Given)]) -> Result<(inputs::Inputs, Program), Vec<String>> {
    let inputs = inputs::check(analysis, given)?;
    let unsupported = fixed::templates(analysis);
    if !unsupported.is_empty() {
        return Err(unsupported);
    }
    let program = build::program(analysis, &inputs);
    Ok((inputs, program))
}
