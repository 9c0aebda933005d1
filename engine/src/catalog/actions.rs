//! The actions that need no tool, in the order completion offers them.

use lang::registry::{ActionSpec, Effect};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ActionBuilder, build::NoParams};

/// All of them.
pub(super) fn specs() -> Vec<ActionSpec> {
    let mut specs: Vec<ActionSpec> = crate::actions::specs().cloned().collect();
    specs.extend([queue(), action_loop()]);
    specs.extend(bookkeeping());
    specs
}

/// What a parallel queue gives back. It may hold more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct QueueOutput {
    /// The id of the queue.
    parallel_queue_id: String,
    /// How many items there were.
    total_items: u64,
    /// How many of them succeeded.
    successful_items: u64,
    /// How many of them failed.
    failed_items: u64,
    /// Items that succeeded as a share of all, between 0 and 1.
    completion_rate: f64,
    /// Items that failed as a share of all, between 0 and 1.
    failure_rate: f64,
    /// What came of each item, in order.
    results: Vec<QueueResult>,
    /// Anything else.
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// What came of one item.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct QueueResult {
    /// The id of the item's run.
    subtask_id: String,
    /// Its place, from 0.
    queue_index: u64,
    /// The item.
    item: Value,
    /// The results of its actions.
    result: Value,
    /// Anything else.
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// What an action loop gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct LoopOutput {
    /// The id of the loop.
    loop_id: String,
    /// How many iterations ran.
    iterations_completed: u64,
    /// Why it ended: `condition`, `max_iterations`, `error` or `timeout`.
    terminated_by: String,
    /// Seconds it took.
    total_duration: f64,
    /// The results of every iteration, in order.
    all_results: Vec<Value>,
    /// The results of the last iteration, by the name of the action.
    final_results: Map<String, Value>,
    /// Anything else.
    #[serde(flatten)]
    more: Map<String, Value>,
}

fn queue() -> ActionSpec {
    ActionBuilder::new::<NoParams, QueueOutput>("create_parallel_queue", QUEUE, Effect::Effectful)
        .open_params()
        .primary("results")
        .example(QUEUE_EXAMPLE)
        .available()
        .build()
}

fn action_loop() -> ActionSpec {
    ActionBuilder::new::<NoParams, LoopOutput>("action_loop", LOOP, Effect::Effectful)
        .open_params()
        .primary("final_results")
        .example(LOOP_EXAMPLE)
        .available()
        .build()
}

/// Words that py-orc's compiler puts into its own steps.
fn bookkeeping() -> impl Iterator<Item = ActionSpec> {
    ["control_flow", "loop_complete", "capture_result"].into_iter().map(|name| {
        ActionBuilder::new::<NoParams, Value>(name, BOOKKEEPING, Effect::Pure)
            .open_params()
            .internal()
            .example(&format!("- id: marker\n  action: {name}\n"))
            .build()
    })
}

const QUEUE: &str = "
Runs a list of actions once for each item of a queue, several items at a time.

What to run stands in the step's key `create_parallel_queue`; as an action the word is not needed.
";

const QUEUE_EXAMPLE: &str = r#"
- id: pages
  create_parallel_queue:
    on: "{{ urls }}"
    max_parallel: 4
    action_loop:
      - name: keep
        tool: filesystem
        action: write
        parameters: {path: "output/{{ index }}.txt", content: "{{ item }}"}
"#;

const LOOP: &str = "
Runs a list of actions again and again until a condition holds.

What to run stands in the step's key `action_loop`; as an action the word is not needed.
";

const LOOP_EXAMPLE: &str = r#"
- id: wait
  action_loop:
    - name: look
      tool: terminal
      action: execute
      parameters: {command: "test -e done && echo yes || echo no"}
  until: "{{ 'yes' in look.result.stdout }}"
  max_iterations: 5
"#;

const BOOKKEEPING: &str = "A marker of py-orc's own runtime; it means nothing in a pipeline.";
