//! The steps as a run executes them: ids, raw parameters, edges and policies, free of the syntax
//! tree. Values are as written; templates in them are rendered when their step acts.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
    time::Duration,
};

use indexmap::IndexMap;
use lang::{auto::Hole, model::FailurePolicy, registry::OutputSpec};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Handler, RetryPlan, Terms};

/// A pipeline as a run executes it. As it is kept ([`super::kept`]), without what the registry and the tags say.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Program {
    /// As runs and documents name it.
    pub id: String,
    /// The root's steps.
    pub scope: Arc<Scope>,
    /// Declared outputs, as written.
    pub outputs: IndexMap<String, Value>,
    /// Of the outputs those that hold AUTO tags: a step each, whose one parameter is the output.
    #[serde(skip)]
    pub asking_outputs: IndexMap<String, Arc<StepPlan>>,
    /// The root's `model`.
    pub model: Option<String>,
    /// What it says about the models of all steps.
    pub terms: Arc<Terms>,
    /// Ids by level, for the document.
    pub levels: Vec<Vec<String>>,
}

/// Steps that see each other: the root's, or a loop's body.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Scope {
    /// The steps in order of declaration.
    pub steps: Vec<Arc<StepPlan>>,
    /// For each step, what it waits for, in order.
    pub dependencies: Vec<Vec<usize>>,
    /// The ids of steps that a confined run leaves out.
    #[serde(skip)]
    pub left_out: BTreeSet<String>,
}

impl Scope {
    /// The ids of the steps that `is_first` picks, and of all that wait for one of them, directly or
    /// through others.
    pub fn with_dependants(&self, is_first: impl Fn(&StepPlan) -> bool) -> BTreeSet<String> {
        let mut dependants = vec![Vec::new(); self.steps.len()];
        for (step, dependencies) in self.dependencies.iter().enumerate() {
            for dependency in dependencies {
                dependants[*dependency].push(step);
            }
        }
        let mut found = BTreeSet::new();
        let mut open: Vec<usize> = (0..self.steps.len()).filter(|at| is_first(&self.steps[*at])).collect();
        while let Some(at) = open.pop() {
            if found.insert(self.steps[at].id.clone()) {
                open.extend(&dependants[at]);
            }
        }
        found
    }
}

/// One step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepPlan {
    /// Its id.
    pub id: String,
    /// `action` as written.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub action: Option<String>,
    /// `tool` as written.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub tool: Option<String>,
    /// `parameters` as written.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub parameters: IndexMap<String, Value>,
    /// `condition` or `if` as written.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "written")]
    pub condition: Option<Value>,
    /// What its failure means for the others.
    #[serde(default = "usual_policy", skip_serializing_if = "is_usual_policy")]
    pub policy: FailurePolicy,
    /// Where the scope goes on.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub routes: Routes,
    /// How often it is tried.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub retry: RetryPlan,
    /// How long an attempt may take.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub timeout: Option<Duration>,
    /// What may save it when it failed, in order of priority.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handlers: Vec<Handler>,
    /// It is named by a handler, so it runs only as one.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub is_handler: bool,
    /// What it does.
    #[serde(default = "StepKind::act", skip_serializing_if = "is_act")]
    pub kind: Arc<StepKind>,
    /// The shape of its result.
    #[serde(skip, default = "no_shape")]
    pub output: Arc<OutputSpec>,
    /// `model` of the step itself.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub model: Option<String>,
    /// What it says about the models it asks.
    #[serde(default = "Terms::usual", skip_serializing_if = "is_usual")]
    pub terms: Arc<Terms>,
    /// The AUTO tags of the step itself; a loop's without those of its body.
    #[serde(skip)]
    pub holes: Arc<[Hole]>,
    /// `cache` of the step, or `false` of the pipeline; `None` leaves it to what the step does.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub cache: Option<bool>,
}

/// Routes by the position of their target; a `goto` with a template is resolved at run time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Routes {
    /// `on_success`
    pub on_success: Option<usize>,
    /// `on_false`
    pub on_false: Option<usize>,
    /// `on_failure: <step id>`
    pub on_failure: Option<usize>,
    /// `goto` as written.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "written")]
    pub goto: Option<Value>,
}

/// What a step does.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub enum StepKind {
    /// It acts itself: a tool, an action, an echo.
    #[default]
    Act,
    /// Its body runs once per item.
    ForEach {
        /// `for_each` as written.
        items: Value,
        /// `max_parallel` as written.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "written")]
        max_parallel: Option<Value>,
        /// The loop's names.
        names: LoopNames,
        /// The body.
        body: Arc<Scope>,
    },
    /// Its body runs while one condition holds and until another does.
    While {
        /// Checked before an iteration.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "written")]
        condition: Option<Value>,
        /// Checked after an iteration.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "written")]
        until: Option<Value>,
        /// `max_iterations` as written.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "written")]
        max_iterations: Option<Value>,
        /// The loop's names.
        names: LoopNames,
        /// The body.
        body: Arc<Scope>,
    },
    /// A list of actions, repeated until a condition holds.
    ActionLoop {
        /// The actions in order; each waits for the one before it.
        body: Arc<Scope>,
        /// Checked after an iteration: true ends the loop.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "written")]
        until: Option<Value>,
        /// Checked after an iteration: false ends the loop.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "written")]
        while_condition: Option<Value>,
        /// `max_iterations` as written.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "written")]
        max_iterations: Option<Value>,
        /// End after an iteration with a failed action.
        break_on_error: bool,
    },
    /// Another pipeline runs, which may be known only when the step begins.
    Child,
    /// A list of actions per item of a list.
    Queue {
        /// `on` as written.
        items: Value,
        /// `max_parallel` as written.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "written")]
        max_parallel: Option<Value>,
        /// The actions in order; each waits for the one before it.
        body: Arc<Scope>,
    },
}

/// The names an author gave to a loop and its item.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LoopNames {
    /// `loop_name`
    pub loop_name: Option<String>,
    /// `loop_var`
    pub loop_var: Option<String>,
}

impl StepKind {
    /// [`Self::Act`], which most steps share.
    pub fn act() -> Arc<Self> {
        static ACT: LazyLock<Arc<StepKind>> = LazyLock::new(Arc::default);
        Arc::clone(&ACT)
    }

    fn is_act(&self) -> bool {
        matches!(self, Self::Act)
    }

    /// Whether the step runs other steps rather than acting itself.
    pub fn has_steps(&self) -> bool {
        !self.is_act()
    }

    /// The same, to be changed.
    pub(super) fn body_mut(&mut self) -> Option<&mut Arc<Scope>> {
        match self {
            Self::Act | Self::Child => None,
            Self::ForEach { body, .. }
            | Self::While { body, .. }
            | Self::ActionLoop { body, .. }
            | Self::Queue { body, .. } => Some(body),
        }
    }

    /// The steps that run again and again, if it is a loop.
    pub fn body(&self) -> Option<&Arc<Scope>> {
        match self {
            Self::Act | Self::Child => None,
            Self::ForEach { body, .. }
            | Self::While { body, .. }
            | Self::ActionLoop { body, .. }
            | Self::Queue { body, .. } => Some(body),
        }
    }
}

/// What is written, which may be null: that is something else than nothing.
pub(super) fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn is_act(kind: &Arc<StepKind>) -> bool {
    kind.is_act()
}

/// Until the shape is known.
fn no_shape() -> Arc<OutputSpec> {
    static NONE: LazyLock<Arc<OutputSpec>> = LazyLock::new(Arc::default);
    Arc::clone(&NONE)
}

/// What most steps have is not written for each of them.
fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn usual_policy() -> FailurePolicy {
    FailurePolicy::Fail
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_usual_policy(policy: &FailurePolicy) -> bool {
    *policy == usual_policy()
}
