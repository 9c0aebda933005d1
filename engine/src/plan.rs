//! An analysed pipeline and its inputs → a [`Plan`]: what would run, in which order. Pure.

use std::sync::Arc;

use lang::{analysis::Analysis, beside::beside, check::Severity, registry::Registry};
use serde_json::{Map, Value};

pub mod program;
pub use program::{Program, Scope, StepPlan};

mod build;
mod duration;
mod fixed;
mod handlers;
mod inputs;
mod outputs;
mod reads;
mod retry;

pub(crate) mod outline;
pub use outline::Kept;

pub mod terms;

pub mod picture;

pub use handlers::Handler;
pub use retry::{Backoff, RetryPlan};
pub use terms::{Budget, Terms, dollars};

/// What may run: a pipeline without errors and checked inputs.
#[derive(Debug, Clone)]
pub struct Plan {
    basis: Basis,
    /// Every declared input with its value (given, or default), plus nothing else. A default that
    /// itself holds a template is still that template; the run renders it.
    pub inputs: Map<String, Value>,
    /// Inputs whose value is the declared default and holds a template, in an order in which each
    /// can be rendered with those before it.
    pub(crate) template_inputs: Vec<String>,
    /// The steps as the run executes them.
    pub program: Arc<Program>,
    /// Under which key its outline is kept, if it is ([`crate::kept`]).
    pub kept_as: Option<String>,
}

/// What a plan is made from: a pipeline that was read.
#[derive(Debug, Clone)]
pub enum Basis {
    /// Read and analysed now.
    Analysis(Arc<Analysis>),
    /// What was kept of an earlier analysis without errors.
    Kept(Arc<Kept>),
}

impl Basis {
    /// Checks the inputs and makes the plan, as [`plan`] does.
    pub fn plan(&self, given: &[(String, Given)]) -> Result<Plan, PlanError> {
        match self {
            Self::Analysis(analysis) => plan(Arc::clone(analysis), given),
            Self::Kept(kept) => Arc::clone(kept).plan(given),
        }
    }

    /// The analysed pipeline; analysed now, where an outline was enough so far.
    pub fn analysis(&self) -> &Arc<Analysis> {
        match self {
            Self::Analysis(analysis) => analysis,
            Self::Kept(kept) => kept.analysis(),
        }
    }

    /// The declared inputs in order, and whether each is secret.
    pub fn declared(&self) -> impl Iterator<Item = (&str, bool)> {
        let (analysed, kept) = match self {
            Self::Analysis(analysis) => (Some(analysis), None),
            Self::Kept(kept) => (None, Some(kept)),
        };
        let analysed = analysed.into_iter().flat_map(|analysis| &analysis.pipeline().inputs);
        analysed.map(|(name, input)| (&**name, input.secret)).chain(kept.into_iter().flat_map(|kept| kept.declared()))
    }
}

impl Plan {
    /// The analysed pipeline; analysed now, where an outline was enough so far.
    pub fn analysis(&self) -> &Arc<Analysis> {
        self.basis.analysis()
    }

    /// The text of the pipeline.
    pub fn text(&self) -> &str {
        match &self.basis {
            Basis::Analysis(analysis) => analysis.text(),
            Basis::Kept(kept) => kept.text(),
        }
    }

    /// What exists where it runs.
    pub fn registry(&self) -> &Arc<Registry> {
        match &self.basis {
            Basis::Analysis(analysis) => analysis.shared_registry(),
            Basis::Kept(kept) => kept.registry(),
        }
    }

    /// The declared inputs in order, and whether each is secret.
    pub fn declared(&self) -> impl Iterator<Item = (&str, bool)> {
        self.basis.declared()
    }

    /// For each step of the root the position of the step whose value its rendering takes first, where that is sure.
    pub(crate) fn first_read(&self) -> Vec<Option<usize>> {
        match &self.basis {
            Basis::Kept(kept) if self.is_whole(kept) => kept.first().to_vec(),
            _ => reads::first(self.analysis(), &self.program.scope),
        }
    }

    /// For each step of the root the positions of all steps whose values its rendering takes, where it takes
    /// nothing else but inputs; nothing where no outline is kept.
    pub(crate) fn reads(&self) -> Option<&[Option<Vec<usize>>]> {
        match &self.basis {
            Basis::Kept(kept) if self.is_whole(kept) => Some(kept.reads()),
            _ => None,
        }
    }

    /// Whether no step was left out.
    fn is_whole(&self, kept: &Kept) -> bool {
        kept.reads().len() == self.program.scope.steps.len()
    }
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
    build::program(analysis).scope
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
    Ok(Plan {
        basis: Basis::Analysis(analysis),
        inputs: inputs.values,
        template_inputs: inputs.templates,
        program: Arc::new(program),
        kept_as: None,
    })
}

/// From so many steps on a thread of its own pays.
const MANY: usize = 500;

/// The inputs and the program of an analysis, as far as that has no errors.
fn make(analysis: &Analysis, given: &[(String, Given)]) -> Result<(inputs::Inputs, Program), Vec<String>> {
    let inputs = inputs::check(&inputs::declared(analysis), given)?;
    let unsupported = fixed::templates(analysis);
    if !unsupported.is_empty() {
        return Err(unsupported);
    }
    Ok((inputs, build::program(analysis)))
}
