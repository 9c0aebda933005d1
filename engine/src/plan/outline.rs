//! What plans take from an analysis, kept so that a long pipeline need not be read and checked again.

use std::sync::{Arc, OnceLock};

use lang::{
    analysis::Analysis,
    registry::Registry,
    workspace::{LinkKind, links},
};
use serde::{Deserialize, Serialize};

use super::{
    Plan, PlanError,
    inputs::{self, Declared},
    outputs::Outputs,
    program::{Program, Scope, StepKind},
    reads,
};

/// A pipeline without errors and tags that takes nothing from other files before it runs, as plans need it.
#[derive(Debug, Serialize, Deserialize)]
struct Outline {
    inputs: Vec<Declared>,
    program: Arc<Program>,
    /// For each step of the root the position of the step whose value its rendering takes first, where that is sure.
    first: Vec<Option<usize>>,
    /// For each step of the root the positions of all steps whose values it takes, where it takes nothing else but
    /// inputs.
    reads: Vec<Option<Vec<usize>>>,
}

/// An outline, and the text that it is of.
#[derive(Debug)]
pub struct Kept {
    outline: Outline,
    key: String,
    registry: Arc<Registry>,
    file_name: String,
    text: String,
    analysis: OnceLock<Arc<Analysis>>,
}

/// The outline of `plan` as text, for [`Kept::read`]; nothing where an outline does not say all.
pub(crate) fn written(plan: &Plan) -> Option<String> {
    let analysis = plan.analysis();
    // What another file says may make this one wrong. That a file to be read is missing does not.
    let takes_files = links(analysis).iter().any(|link| !matches!(link.kind, LinkKind::Read | LinkKind::Write));
    if takes_files || !plan.program.asking_outputs.is_empty() || asks(&plan.program.scope) {
        return None;
    }
    let outline = Outline {
        inputs: inputs::declared(analysis),
        first: reads::first(analysis, &plan.program.scope),
        reads: reads::all(&plan.program.scope, |name| {
            matches!(name, "inputs" | "parameters") || analysis.pipeline().inputs.contains_key(name)
        }),
        program: Arc::clone(&plan.program),
    };
    serde_json::to_string(&outline).ok()
}

/// Whether a step, or one of a body, has AUTO tags.
fn asks(scope: &Scope) -> bool {
    scope.steps.iter().any(|step| !step.holes.is_empty() || step.kind.body().is_some_and(|body| asks(body)))
}

impl Kept {
    /// The outline of `plan`, whose file has this name, as a later command finds it under `key`; nothing where an
    /// outline does not say all.
    pub fn of(plan: &Plan, key: String, file_name: &str) -> Option<Arc<Self>> {
        Self::read(&written(plan)?, key, plan.registry(), (file_name, plan.text())).map(Arc::new)
    }

    /// What [`written`] wrote of the pipeline `text`; nothing where it is another version's.
    pub(crate) fn read(
        written: &str,
        key: String,
        registry: &Arc<Registry>,
        (file_name, text): (&str, &str),
    ) -> Option<Self> {
        let mut outline: Outline = serde_json::from_str(written).ok()?;
        let outputs = Outputs::new(registry);
        let program = Arc::get_mut(&mut outline.program)?;
        shaped(Arc::get_mut(&mut program.scope)?, &outputs)?;
        let (registry, file_name, text) = (Arc::clone(registry), file_name.to_owned(), text.to_owned());
        Some(Self { outline, key, registry, file_name, text, analysis: OnceLock::new() })
    }

    /// The plan with these inputs, as [`super::plan`] makes it.
    pub(super) fn plan(self: Arc<Self>, given: &[(String, super::Given)]) -> Result<Plan, PlanError> {
        let inputs = inputs::check(&self.outline.inputs, given).map_err(PlanError::Inputs)?;
        Ok(Plan {
            inputs: inputs.values,
            template_inputs: inputs.templates,
            program: Arc::clone(&self.outline.program),
            kept_as: Some(self.key.clone()),
            basis: super::Basis::Kept(self),
        })
    }

    /// The analysis, made when it is asked for.
    pub(super) fn analysis(&self) -> &Arc<Analysis> {
        let analyse = || Arc::new(Analysis::new(Arc::clone(&self.registry), &self.file_name, &self.text));
        self.analysis.get_or_init(analyse)
    }

    pub(super) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The declared inputs, and whether each is secret.
    pub(super) fn declared(&self) -> impl Iterator<Item = (&str, bool)> {
        self.outline.inputs.iter().map(|input| (&*input.name, input.secret))
    }

    pub(super) fn first(&self) -> &[Option<usize>] {
        &self.outline.first
    }

    pub(super) fn reads(&self) -> &[Option<Vec<usize>>] {
        &self.outline.reads
    }
}

/// Gives each step the shape of its result.
fn shaped(scope: &mut Scope, outputs: &Outputs<'_>) -> Option<()> {
    for step in &mut scope.steps {
        let step = Arc::get_mut(step)?;
        step.output = match *step.kind {
            StepKind::Act | StepKind::Child => {
                outputs.of(step.tool.as_deref(), step.action.as_deref(), &step.parameters)
            }
            _ => outputs.open(),
        };
        // Most share theirs, and have no body.
        if let Some(body) = Arc::get_mut(&mut step.kind).and_then(StepKind::body_mut) {
            shaped(Arc::get_mut(body)?, outputs)?;
        }
    }
    Some(())
}
