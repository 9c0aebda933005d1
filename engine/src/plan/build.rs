//! Analysis → [`Program`]. Total: what the rules let pass has a meaning here.

use std::{collections::HashMap, sync::Arc, time::Duration};

use indexmap::IndexMap;
use lang::{
    analysis::Analysis,
    auto::{self, Hole},
    model::{FailurePolicy, KeyUse, LoopItem, Step, StepIndex},
    registry::{LoopConstruct, Target},
    syntax::NodeId,
};
use serde_json::Value;

use super::{
    Handler, RetryPlan, Terms, duration,
    outputs::Outputs,
    program::{LoopNames, Program, Routes, Scope, StepKind, StepPlan},
};
use crate::tools::pipeline_executor;

pub(super) fn program(analysis: &Analysis) -> Program {
    let pipeline = analysis.pipeline();
    let builder = Builder {
        analysis,
        default_timeout: pipeline
            .default_timeout
            .as_ref()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds.value).ok()),
        never_cached: false,
        holes: auto::holes(analysis),
        outputs: Outputs::new(analysis.registry()),
    };
    let builder = Builder { never_cached: builder.root_key("cache") == Some(Value::Bool(false)), ..builder };
    let ids: HashMap<StepIndex, &str> = pipeline.steps.iter().map(|step| (step.index, step.id_text())).collect();
    Program {
        id: pipeline.id_text().to_owned(),
        scope: Arc::new(builder.scope(&pipeline.steps)),
        outputs: pipeline
            .outputs
            .iter()
            .map(|output| (output.name.value.clone(), builder.json(output.value)))
            .collect(),
        asking_outputs: builder.asking_outputs(),
        model: pipeline.model.as_ref().map(|model| model.value.clone()),
        terms: Arc::new(Terms::of(|name| builder.root_key(name))),
        levels: analysis
            .graph()
            .levels
            .iter()
            .map(|level| level.iter().filter_map(|step| ids.get(step).map(|id| (*id).to_owned())).collect())
            .collect(),
    }
}

struct Builder<'a> {
    analysis: &'a Analysis,
    default_timeout: Option<Duration>,
    /// Its AUTO tags.
    holes: Vec<Hole>,
    /// The pipeline says `cache: false`.
    never_cached: bool,
    outputs: Outputs<'a>,
}

/// Keys whose values are read from the typed step, or not at all, and not from the key map.
const STRUCTURAL: [&str; 11] = [
    "parameters",
    "steps",
    "action_loop",
    "id",
    "name",
    "description",
    "action",
    "tool",
    "dependencies",
    "depends_on",
    "requires",
];

impl Builder<'_> {
    fn scope(&self, steps: &[Step]) -> Scope {
        let by_id: HashMap<&str, usize> =
            steps.iter().enumerate().map(|(position, step)| (step.id_text(), position)).collect();
        let by_index: HashMap<StepIndex, usize> =
            steps.iter().enumerate().map(|(position, step)| (step.index, position)).collect();
        let mut plans: Vec<StepPlan> = steps.iter().map(|step| self.step(step, &by_id)).collect();
        let mut dependencies: Vec<Vec<usize>> = steps
            .iter()
            .map(|step| {
                let found = self.analysis.graph().dependencies(step.index);
                found.iter().filter_map(|from| by_index.get(from).copied()).collect()
            })
            .collect();
        // A step named by a handler is looked at when all that may call for it have ended.
        for caller in 0..plans.len() {
            let tasks: Vec<usize> = plans[caller]
                .handlers
                .iter()
                .filter_map(|handler| by_id.get(handler.task.as_deref()?).copied())
                .filter(|task| *task != caller)
                .collect();
            for task in tasks {
                plans[task].is_handler = true;
                dependencies[task].push(caller);
            }
        }
        for list in &mut dependencies {
            list.sort_unstable();
            list.dedup();
        }
        Scope { steps: plans.into_iter().map(Arc::new).collect(), dependencies, ..Scope::default() }
    }

    fn step(&self, step: &Step, by_id: &HashMap<&str, usize>) -> StepPlan {
        let keys = self.keys(&step.keys);
        let policy = step.on_failure.as_ref().map_or(FailurePolicy::Fail, |policy| policy.value);
        let route = |key: &str| {
            let route = step.routes.iter().find(|route| route.key == key)?;
            by_id.get(route.target.value.as_str()).copied()
        };
        let parameters: IndexMap<String, Value> =
            step.parameters.iter().map(|parameter| (parameter.name.clone(), self.json(parameter.value))).collect();
        let own_timeout = keys
            .get("timeout")
            .and_then(duration::read)
            .or_else(|| keys.get("metadata").and_then(|metadata| duration::read(metadata.get("timeout")?)));
        let mut plan = StepPlan {
            id: step.id_text().to_owned(),
            action: step.action.as_ref().map(|action| action.value.clone()),
            tool: step.tool.as_ref().map(|tool| tool.value.clone()),
            condition: step.condition.map(|node| self.json(node)),
            policy,
            routes: Routes {
                on_success: route("on_success"),
                on_false: route("on_false"),
                on_failure: route("on_failure"),
                goto: keys.get("goto").cloned(),
            },
            retry: RetryPlan::read(&keys, policy),
            timeout: own_timeout,
            handlers: Handler::read(&keys, |name| by_id.contains_key(name)),
            is_handler: false,
            kind: StepKind::act(),
            output: self.outputs.of(
                step.tool.as_ref().map(|tool| &*tool.value),
                step.action.as_ref().map(|action| &*action.value),
                &parameters,
            ),
            model: keys.get("model").and_then(Value::as_str).map(str::to_owned),
            terms: Terms::read(&keys).shared(),
            holes: self.holes(|hole| hole.step == Some(step.index) && hole.item.is_none()),
            cache: self.cache(&keys),
            parameters,
        };
        match step.loops {
            None if self.runs_pipeline(&plan) => plan = child(plan, &keys),
            None => plan.timeout = plan.timeout.or(self.default_timeout),
            Some(construct) => {
                plan = self.looped(plan, construct, step, &keys);
                plan.holes = only(&plan.holes, |hole| !is_of_body(hole));
            }
        }
        plan
    }

    fn looped(
        &self,
        plan: StepPlan,
        construct: LoopConstruct,
        step: &Step,
        keys: &IndexMap<String, Value>,
    ) -> StepPlan {
        let key = |names: &[&str]| names.iter().find_map(|name| keys.get(*name)).cloned();
        let names = LoopNames {
            loop_name: keys.get("loop_name").and_then(Value::as_str).map(str::to_owned),
            loop_var: keys.get("loop_var").and_then(Value::as_str).map(|name| name.trim_start_matches('$').to_owned()),
        };
        match construct {
            LoopConstruct::ForEach => {
                let (plan, body) = self.body(plan, step);
                let items = key(&["for_each", "foreach"]).unwrap_or(Value::Null);
                StepPlan {
                    kind: StepKind::ForEach { items, max_parallel: key(&["max_parallel"]), names, body }.into(),
                    output: self.outputs.open(),
                    ..plan
                }
            }
            LoopConstruct::While => {
                let (plan, body) = self.body(plan, step);
                StepPlan {
                    kind: StepKind::While {
                        condition: key(&["while"]),
                        until: key(&["until"]),
                        max_iterations: key(&["max_iterations"]),
                        names,
                        body,
                    }
                    .into(),
                    output: self.outputs.open(),
                    ..plan
                }
            }
            LoopConstruct::ActionLoop => StepPlan {
                kind: StepKind::ActionLoop {
                    body: Arc::new(self.items(step.index, &step.items)),
                    until: key(&["until"]),
                    while_condition: key(&["while_condition", "while"]),
                    max_iterations: key(&["max_iterations"]),
                    break_on_error: keys.get("break_on_error").and_then(Value::as_bool).unwrap_or(false),
                }
                .into(),
                output: self.outputs.open(),
                ..plan
            },
            LoopConstruct::Queue => {
                let queue = keys.get("create_parallel_queue").cloned().unwrap_or_default();
                let field = |names: &[&str]| names.iter().find_map(|name| queue.get(*name)).cloned();
                let from_parameters = |name: &str| plan.parameters.get(name).cloned();
                StepPlan {
                    kind: StepKind::Queue {
                        items: field(&["on", "true"]).or_else(|| from_parameters("on")).unwrap_or(Value::Null),
                        max_parallel: field(&["max_parallel"]).or_else(|| key(&["max_parallel"])),
                        body: Arc::new(self.items(step.index, &step.items)),
                    }
                    .into(),
                    output: self.outputs.open(),
                    ..plan
                }
            }
        }
    }

    /// The body of a loop. Without `steps` the step's own action is the body: then its retries and
    /// its timeout are those of each iteration.
    fn body(&self, plan: StepPlan, step: &Step) -> (StepPlan, Arc<Scope>) {
        if !step.body.is_empty() || (plan.action.is_none() && plan.tool.is_none()) {
            return (plan, Arc::new(self.scope(&step.body)));
        }
        let inner = StepPlan {
            condition: None,
            holes: only(&plan.holes, is_of_body),
            // Under `fail`, a failed iteration admits no further one.
            policy: if plan.policy == FailurePolicy::Fail { FailurePolicy::Fail } else { FailurePolicy::Continue },
            routes: Routes::default(),
            handlers: Vec::new(),
            timeout: plan.timeout.or(self.default_timeout),
            ..plan.clone()
        };
        let body = Scope { steps: vec![Arc::new(inner)], dependencies: vec![Vec::new()], ..Scope::default() };
        (StepPlan { retry: RetryPlan::default(), timeout: None, ..plan }, Arc::new(body))
    }

    /// The items of an action loop or queue: each waits for the one before it.
    fn items(&self, index: StepIndex, items: &[LoopItem]) -> Scope {
        let steps = items
            .iter()
            .enumerate()
            .map(|(position, item)| {
                let keys = self.keys(&item.keys);
                let parameters: IndexMap<String, Value> = item
                    .parameters
                    .iter()
                    .map(|parameter| (parameter.name.clone(), self.json(parameter.value)))
                    .collect();
                let action = item.action.as_ref().map(|action| action.value.clone());
                Arc::new(StepPlan {
                    id: item.name.as_ref().map_or_else(|| format!("action_{position}"), |name| name.value.clone()),
                    output: self.outputs.of(
                        item.tool.as_ref().map(|tool| &*tool.value),
                        action.as_deref(),
                        &parameters,
                    ),
                    action,
                    tool: item.tool.as_ref().map(|tool| tool.value.clone()),
                    parameters,
                    condition: keys.get("condition").or_else(|| keys.get("if")).cloned(),
                    policy: FailurePolicy::Continue,
                    routes: Routes::default(),
                    retry: RetryPlan::read(&keys, FailurePolicy::Continue),
                    timeout: keys.get("timeout").and_then(duration::read).or(self.default_timeout),
                    handlers: Vec::new(),
                    is_handler: false,
                    kind: StepKind::act(),
                    model: None,
                    terms: Terms::read(&keys).shared(),
                    holes: self.holes(|hole| hole.step == Some(index) && hole.item == Some(position)),
                    cache: self.cache(&keys),
                })
            })
            .collect();
        let dependencies = (0..items.len()).map(|at| at.checked_sub(1).into_iter().collect()).collect();
        Scope { steps, dependencies, ..Scope::default() }
    }

    fn holes(&self, is_own: impl Fn(&Hole) -> bool) -> Arc<[Hole]> {
        self.holes.iter().filter(|hole| is_own(hole)).cloned().collect()
    }

    /// The outputs with tags, each as the parameter of a step that does nothing.
    fn asking_outputs(&self) -> IndexMap<String, Arc<StepPlan>> {
        let outputs = self.analysis.pipeline().outputs.iter();
        let asking = outputs.filter_map(|output| {
            let name = &output.name.value;
            let own = |hole: &&Hole| {
                let rest = hole.place.strip_prefix(&**name);
                hole.step.is_none()
                    && hole.position.starts_with("outputs.")
                    && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            let renamed = |hole: &Hole| Hole { place: format!("parameters.{}", hole.place), ..hole.clone() };
            let holes: Arc<[Hole]> = self.holes.iter().filter(own).map(renamed).collect();
            let step = StepPlan {
                id: format!("outputs.{name}"),
                action: None,
                tool: None,
                parameters: IndexMap::from([(name.clone(), self.json(output.value))]),
                condition: None,
                policy: FailurePolicy::Continue,
                routes: Routes::default(),
                retry: RetryPlan::default(),
                timeout: None,
                handlers: Vec::new(),
                is_handler: false,
                kind: StepKind::act(),
                output: self.outputs.open(),
                model: None,
                cache: None,
                terms: Terms::default().shared(),
                holes,
            };
            (!step.holes.is_empty()).then(|| (name.clone(), Arc::new(step)))
        });
        asking.collect()
    }

    fn runs_pipeline(&self, plan: &StepPlan) -> bool {
        let target = self.analysis.registry().resolve(plan.tool.as_deref(), plan.action.as_deref(), None);
        matches!(target, Target::Operation { tool, .. } if tool.name == pipeline_executor::NAME)
    }

    fn cache(&self, keys: &IndexMap<String, Value>) -> Option<bool> {
        if self.never_cached { Some(false) } else { keys.get("cache").and_then(Value::as_bool) }
    }

    fn root_key(&self, name: &str) -> Option<Value> {
        let key = self.analysis.pipeline().keys.iter().find(|key| key.name == name)?;
        Some(self.json(key.value))
    }

    fn keys(&self, keys: &[KeyUse]) -> IndexMap<String, Value> {
        keys.iter()
            .filter(|key| !STRUCTURAL.contains(&&*key.name))
            .map(|key| (key.name.clone(), self.json(key.value)))
            .collect()
    }

    /// A node's value; null where its aliases would grow beyond all bounds, which the rules refuse.
    fn json(&self, node: NodeId) -> Value {
        self.analysis.parse().tree.to_json(node).unwrap_or_default()
    }
}

/// Those of `holes` that `is_own` picks.
fn only(holes: &[Hole], is_own: impl Fn(&Hole) -> bool) -> Arc<[Hole]> {
    holes.iter().filter(|hole| is_own(hole)).cloned().collect()
}

/// Whether a tag of a loop without steps belongs to its action.
fn is_of_body(hole: &Hole) -> bool {
    hole.place == "action" || hole.place.starts_with("parameters.")
}

/// The step runs a pipeline. What the tool calls retrying is what steps call so; the step's own keys win.
fn child(mut plan: StepPlan, keys: &IndexMap<String, Value>) -> StepPlan {
    let parameter = |name: &str| plan.parameters.get(name);
    let has_own = ["retry", "retry_config", "max_retries"].iter().any(|key| keys.contains_key(*key));
    if !has_own && parameter("error_handling").and_then(Value::as_str) == Some("retry") {
        let more = parameter("retry_count").and_then(Value::as_u64).unwrap_or(pipeline_executor::RETRIES);
        let delay = parameter("retry_delay").and_then(Value::as_f64).unwrap_or(pipeline_executor::RETRY_DELAY);
        plan.retry = RetryPlan {
            attempts: u32::try_from(more).unwrap_or(u32::MAX).saturating_add(1),
            delay: Duration::try_from_secs_f64(delay).unwrap_or_default(),
            ..RetryPlan::default()
        };
    }
    plan.kind = StepKind::Child.into();
    plan
}
