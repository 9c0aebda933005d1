//! Running a plan.

use std::{path::PathBuf, sync::Arc};

use camino::Utf8PathBuf;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    lock_file::LockFileError,
    models::tape::Recording,
    plan::Plan,
    tools::{Permissions, person::Person},
};

pub mod schedule;

pub mod audit;

pub mod auto;

mod begin;
pub use begin::{UNRECORDED, new_id};

pub mod cache;
pub use cache::Earlier;

pub mod forecast;

mod child;
mod context;

pub mod limits;

mod execute;
pub(crate) use execute::lock;
mod loops;
mod perform;
mod step;

pub(crate) mod clock;
pub(crate) mod journal;

pub mod secrets;

pub mod lock;

pub mod resume;

pub mod past;
pub use past::Past;

pub mod select;
pub use select::Selection;

mod render;

mod route;

pub mod event;
pub use event::{Event, EventKind};

pub mod document;
pub use document::ResultDocument;

pub mod store;
pub use store::Store;

/// How to run.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// The run's id where the caller has announced one already; made by the engine otherwise.
    pub run_id: Option<String>,
    /// The pipeline file, as the user named it; for the record and for messages.
    pub file: String,
    /// Where relative paths start.
    pub working_dir: Utf8PathBuf,
    /// `--output-dir`; default `output/<pipeline id>` beneath the working directory.
    pub output_dir: Option<Utf8PathBuf>,
    /// What is allowed beyond the two directories.
    pub permissions: Permissions,
    /// `--max-concurrency`; default 2 × cores.
    pub max_concurrency: Option<usize>,
    /// `--limit`: how many steps may use one tool or one provider at a time.
    pub limits: limits::Limits,
    /// `--simulate`: every model call goes to the simulated provider.
    pub simulate: bool,
    /// The workspace is trusted: its `models.yaml` may say where keys are sent.
    pub is_trusted: bool,
    /// `--max-cost`: the most that models may cost, in billionths of a dollar.
    pub max_cost: Option<i64>,
    /// Who can be asked while it runs; without anybody, steps that ask wait for `orc runs approve`.
    pub person: Option<Arc<dyn Person>>,
    /// The store's file; `None` = `--no-store`, in memory.
    pub store: Option<PathBuf>,
    /// Whether earlier results in the store may be used again; `--no-cache` says no.
    pub cache: bool,
    /// Those results, where they were opened already.
    pub earlier: Earlier,
    /// `--record` or `--replay`.
    pub tape: Option<Recording>,
    /// What the plan was confined to, for the record.
    pub selection: Option<Selection>,
    /// What is known from before.
    pub past: Arc<Past>,
    /// How it began, if it is resumed.
    pub resumed: Option<Resumed>,
    /// `--locked`: no `<AUTO>` may be asked for.
    pub locked: bool,
    /// The right to run it, where the caller has it already.
    pub lock: Option<Arc<lock::RunLock>>,
}

/// How a run began that is resumed.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// When: RFC 3339.
    pub began: String,
    /// Its text is the one that is stored.
    pub is_same: bool,
}

/// Runs `plan` to its end and returns the result document; never fails once it has begun. Events are
/// stored first, then sent to `events` (a slow or closed receiver never stops the run). Cancelling
/// `cancel` stops it as contract §5.7 says.
pub async fn run(
    plan: Plan,
    config: RunConfig,
    events: mpsc::UnboundedSender<Event>,
    cancel: CancellationToken,
) -> Result<Arc<ResultDocument>, RunError> {
    begin::run(plan, config, events, cancel).await
}

/// Why a run could not begin.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The store cannot be used.
    #[error("the run store cannot be used: {0}")]
    Store(String),
    /// The default of an input cannot be rendered.
    #[error("{0}")]
    Inputs(String),
    /// What is to be recorded into or replayed cannot be used.
    #[error("{0}")]
    Recording(String),
    /// A directory cannot be used.
    #[error("{0}")]
    Directory(String),
    /// The answers to tags cannot be read.
    #[error(transparent)]
    LockFile(#[from] LockFileError),
}

/// The models a run may ask.
pub type Models = Arc<dyn crate::models::Provider>;
