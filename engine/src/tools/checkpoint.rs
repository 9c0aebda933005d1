//! `checkpoint`: looks at earlier runs.

use std::{collections::BTreeMap, fmt::Write as _};

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Outcome, Tool, ToolCx, ToolError, ToolFuture, filesystem, params, success, unknown_operation};
use crate::{
    catalog::ToolBuilder,
    run::{
        resume,
        store::{SqliteStore, Store, StoreError, StoredAttempt, StoredRun},
    },
};

const NAME: &str = "checkpoint";

/// How many runs are listed.
const MOST: usize = 100;

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checkpoint;

impl Tool for Checkpoint {
    fn spec(&self) -> ToolSpec {
        spec()
    }

    fn run<'a>(&'a self, operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move {
            match operation {
                "list" => list(params::read(NAME, params)?, cx),
                "inspect" => {
                    let InspectParams { checkpoint_file, pipeline_name } = params::read(NAME, params)?;
                    success(&inspected(&found(cx, checkpoint_file, pipeline_name)?))
                }
                "extract" => extract(params::read(NAME, params)?, cx),
                other => Err(unknown_operation(&spec(), other)),
            }
        })
    }
}

/// The store of the workspace, to read.
fn store(cx: &ToolCx) -> Result<SqliteStore, ToolError> {
    let Some(file) = &cx.store else {
        let message = "this run keeps nothing (`--no-store`), so there are no records to look at";
        return Err(ToolError::new("FileNotFoundError", message));
    };
    SqliteStore::open_to_read(file).map_err(|error| broken(&error))
}

fn broken(error: &StoreError) -> ToolError {
    ToolError::new("OSError", error.to_string())
}

/// Whether the run is another than the one that asks, and of this pipeline if one is named.
fn is_meant(cx: &ToolCx, run: &StoredRun, pipeline: Option<&str>) -> bool {
    run.id != cx.run_id && pipeline.is_none_or(|wanted| run.pipeline == wanted)
}

fn list(params: ListParams, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let runs = store(cx)?.runs().map_err(|error| broken(&error))?;
    let meant: Vec<&StoredRun> = runs.iter().filter(|run| is_meant(cx, run, params.pipeline_name.as_deref())).collect();
    let shown = meant.iter().take(MOST).map(|run| {
        json!({
            "checkpoint_file": run.id, "pipeline_id": run.pipeline, "execution_id": run.id, "status": run.status,
            "timestamp": run.started_at, "file": run.file,
        })
    });
    let checkpoints: Vec<Value> = shown.collect();
    success(&ListOutput { total: meant.len() as u64, showing: checkpoints.len() as u64, checkpoints })
}

/// The run that is named, or the latest of the pipeline, and its steps.
fn found(
    cx: &ToolCx,
    named: Option<String>,
    pipeline: Option<String>,
) -> Result<(StoredRun, Vec<StoredAttempt>), ToolError> {
    let store = store(cx)?;
    let run = match &named {
        Some(named) => resume::find(&store, named).map_err(|message| ToolError::new("FileNotFoundError", message))?,
        None => {
            let runs = store.runs().map_err(|error| broken(&error))?;
            runs.into_iter().find(|run| is_meant(cx, run, pipeline.as_deref())).ok_or_else(|| {
                let of = pipeline.map_or_else(String::new, |pipeline| format!(" of the pipeline `{pipeline}`"));
                ToolError::new("FileNotFoundError", format!("there is no earlier run{of} here"))
            })?
        }
    };
    let attempts = store.attempts(&run.id).map_err(|error| broken(&error))?;
    Ok((run, attempts))
}

fn inspected((run, attempts): &(StoredRun, Vec<StoredAttempt>)) -> InspectOutput {
    let mut ends = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| !attempt.forgotten) {
        ends.insert(&attempt.step, attempt.status.as_deref().unwrap_or("open"));
    }
    let mut summary: BTreeMap<&str, u64> = BTreeMap::new();
    for status in ends.values() {
        *summary.entry(status).or_default() += 1;
    }
    InspectOutput {
        checkpoint_file: run.id.clone(),
        pipeline_id: run.pipeline.clone(),
        execution_id: run.id.clone(),
        timestamp: run.started_at.clone(),
        total_tasks: ends.len() as u64,
        task_summary: json!(summary),
    }
}

fn extract(params: ExtractParams, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let (run, attempts) = found(cx, params.checkpoint_file, params.pipeline_name)?;
    let steps = attempts.iter().filter(|attempt| !attempt.forgotten).filter_map(|attempt| {
        let document = &attempt.last.as_ref()?.document;
        Some((attempt.step.clone(), json!({"status": document.status, "value": document.value})))
    });
    let steps: Map<String, Value> = steps.collect();
    let whole = json!({
        "run": run.id, "pipeline": run.pipeline, "status": run.status, "started_at": run.started_at,
        "inputs": run.inputs, "steps": steps,
    });
    let format = params.output_format.unwrap_or_else(|| "markdown".to_owned());
    let content = match &*format {
        "json" => format!("{whole:#}\n"),
        "yaml" => serde_yaml::to_string(&whole).map_err(|error| ToolError::new("ValueError", error.to_string()))?,
        _ => markdown(&run, &steps),
    };
    let size = content.len() as u64;
    let (output_file, content) = match params.output_file {
        Some(path) => {
            filesystem::write_text(&path, &content, cx)?;
            (Some(path), None)
        }
        None => (None, Some(content)),
    };
    success(&ExtractOutput { output_file, content, format, size })
}

fn markdown(run: &StoredRun, steps: &Map<String, Value>) -> String {
    let status = run.status.as_deref().unwrap_or("open");
    let mut text = format!("# {}\n\n{status}, begun {}\n", run.id, run.started_at);
    for (id, step) in steps {
        let status = step["status"].as_str().unwrap_or_default();
        let _ = write!(text, "\n## {id}\n\n{status}\n\n```json\n{:#}\n```\n", step["value"]);
    }
    text
}

/// What the registry knows about it.
fn spec() -> ToolSpec {
    ToolBuilder::new(NAME, DOC)
        .operation::<ListParams, ListOutput>("list", "Lists the records.", Effect::Read)
        .primary("checkpoints")
        .operation::<InspectParams, InspectOutput>("inspect", "Shows one record.", Effect::Read)
        .open()
        .operation::<ExtractParams, ExtractOutput>("extract", "Writes one record as text.", Effect::Idempotent)
        .primary("content")
        .example(EXAMPLE)
        .available()
        .build()
}

const DOC: &str = "
Looks at the records of earlier runs in this workspace: the store that `orc runs` shows.
";

const EXAMPLE: &str = "
- id: earlier
  tool: checkpoint
  action: list
  parameters:
    pipeline_name: weekly-report
";

/// Parameters of `list`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ListParams {
    /// Only runs of this pipeline.
    pub pipeline_name: Option<String>,
}

/// Parameters of `inspect`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct InspectParams {
    /// The run: its id, the beginning of it, or latest.
    pub checkpoint_file: Option<String>,
    /// The latest earlier run of this pipeline; without it, of any.
    pub pipeline_name: Option<String>,
}

/// Parameters of `extract`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ExtractParams {
    /// The run: its id, the beginning of it, or latest.
    pub checkpoint_file: Option<String>,
    /// The latest earlier run of this pipeline; without it, of any.
    pub pipeline_name: Option<String>,
    /// The form of the answer.
    #[schemars(extend("enum" = ["markdown", "yaml", "json"], "default" = "markdown"))]
    pub output_format: Option<String>,
    /// The file to write; without it the text is given back.
    #[schemars(extend("x-kind" = "write-path"))]
    pub output_file: Option<String>,
}

/// What `list` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ListOutput {
    /// How many there are.
    pub total: u64,
    /// How many are listed.
    pub showing: u64,
    /// The records, newest first.
    pub checkpoints: Vec<Value>,
}

/// What `inspect` gives back. It may hold more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct InspectOutput {
    /// The record.
    pub checkpoint_file: String,
    /// The pipeline.
    pub pipeline_id: String,
    /// The run.
    pub execution_id: String,
    /// When it was written.
    pub timestamp: String,
    /// How many steps there are.
    pub total_tasks: u64,
    /// How they went.
    pub task_summary: Value,
}

/// What `extract` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExtractOutput {
    /// The file that was written.
    pub output_file: Option<String>,
    /// The text.
    pub content: Option<String>,
    /// Its form.
    pub format: String,
    /// Its size in bytes.
    pub size: u64,
}
