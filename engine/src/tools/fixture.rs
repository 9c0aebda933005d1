//! A world of its own for a tool's test.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, sync::Arc};

use camino::Utf8PathBuf;
use serde_json::Value;
use tempfile::TempDir;

use super::{
    Outcome, Permissions, Tool, ToolCx, ToolError, multi_model_routing::Loads, person::Asking,
    recursion_control::Recursion,
};

/// A temporary directory with `work` in it as working directory, and what is beside it forbidden.
pub(crate) struct World {
    directory: TempDir,
    pub(crate) cx: ToolCx,
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let root = Utf8PathBuf::from_path_buf(directory.path().canonicalize().unwrap()).unwrap();
        std::fs::create_dir(root.join("work")).unwrap();
        let cx = ToolCx {
            working_dir: root.join("work"),
            output_dir: root.join("work/output"),
            permissions: Permissions::default(),
            cancel: tokio_util::sync::CancellationToken::new(),
            timeout: None,
            environment: Arc::new(BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())])),
            registry: crate::catalog::registry(),
            is_trusted: false,
            simulate: false,
            models: None,
            model: None,
            purse: Arc::default(),
            fallback: Arc::default(),
            on_output: None,
            caller: None,
            cleaner: None,
            asking: Asking::default(),
            run_id: "run".to_owned(),
            store: None,
            above: Vec::new(),
            recursion: Recursion::default(),
            loads: Loads::default(),
        };
        Self { directory, cx }
    }

    /// A path beside the working directory, or `work/…` in it.
    pub(crate) fn path(&self, path: &str) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.directory.path().canonicalize().unwrap()).unwrap().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    /// Runs a tool to its end on a runtime of its own.
    pub(crate) fn run(&self, tool: &dyn Tool, operation: &str, params: Value) -> Result<Outcome, ToolError> {
        let Value::Object(params) = params else { panic!("params are an object") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(tool.run(operation, params, &self.cx))
    }

    /// The result of a run that succeeds.
    pub(crate) fn ok(&self, tool: &dyn Tool, operation: &str, params: Value) -> Value {
        let outcome = self.run(tool, operation, params).unwrap();
        assert_eq!(outcome.failure, None);
        outcome.result
    }

    /// `class: message` of a run that fails, reported or broken off.
    pub(crate) fn failure(&self, tool: &dyn Tool, operation: &str, params: Value) -> String {
        let failure = match self.run(tool, operation, params) {
            Ok(outcome) => outcome.failure.unwrap(),
            Err(ToolError(failure)) => failure,
        };
        format!("{}: {}", failure.error_type, failure.message)
            .replace(self.path("").as_str().trim_end_matches('/'), "<dir>")
    }
}

#[cfg(unix)]
impl World {
    /// Whether the process `pid` dies; a killed one that nobody has reaped yet counts as dead.
    pub(crate) fn is_gone(pid: &str) -> bool {
        let pid = nix::unistd::Pid::from_raw(pid.trim().parse().unwrap());
        let dead = || {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let zombie = state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
            zombie || nix::sys::signal::kill(pid, None).is_err()
        };
        // A bound on the number of looks, not on time; each gives way to others.
        (0..100_000).any(|_| {
            dead() || {
                std::thread::yield_now();
                false
            }
        })
    }
}
