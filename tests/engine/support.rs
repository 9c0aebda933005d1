//! A workspace of its own per test, and a pipeline run in it.

use std::{fmt::Write as _, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
use engine::{
    catalog, plan,
    plan::{Basis, Given, Kept, PlanError},
    run::{self, Earlier, Event, ResultDocument, RunConfig, document::StepDocument, limits},
    tools::Permissions,
};
use lang::analysis::Analysis;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A directory that goes away with the test.
pub(crate) struct Workspace {
    directory: tempfile::TempDir,
}

/// What a run left.
pub(crate) struct Ran {
    pub(crate) document: ResultDocument,
    pub(crate) events: Vec<Event>,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    pub(crate) fn root(&self) -> &Utf8Path {
        Utf8Path::from_path(self.directory.path()).expect("a UTF-8 path")
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap_or_else(|error| format!("<{error}>"))
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.root().join(path).exists()
    }

    pub(crate) fn config(&self) -> RunConfig {
        RunConfig {
            run_id: None,
            file: "pipeline.orc.yaml".to_owned(),
            working_dir: self.root().to_owned(),
            output_dir: None,
            permissions: Permissions::default(),
            max_concurrency: Some(4),
            limits: limits::Limits::new(),
            simulate: false,
            is_trusted: false,
            max_cost: None,
            cache: true,
            person: None,
            store: None,
            tape: None,
            selection: None,
            past: Arc::default(),
            resumed: None,
            earlier: Earlier::default(),
            locked: false,
            lock: None,
        }
    }

    /// Runs `text` with these inputs to its end.
    pub(crate) fn run(&self, text: &str, inputs: &[(&str, Value)]) -> Ran {
        self.run_with(text, inputs, self.config(), &CancellationToken::new())
    }

    pub(crate) fn run_with(
        &self,
        text: &str,
        inputs: &[(&str, Value)],
        config: RunConfig,
        cancel: &CancellationToken,
    ) -> Ran {
        match planned(text, inputs) {
            Ok(plan) => self.run_plan(plan, config, cancel),
            Err(problem) => panic!("the pipeline does not start: {problem}"),
        }
    }

    pub(crate) fn run_plan(&self, plan: plan::Plan, config: RunConfig, cancel: &CancellationToken) -> Ran {
        assert_eq!(config.working_dir, self.root(), "a test stays in its own directory");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (sender, mut receiver) = mpsc::unbounded_channel();
            let document = run::run(plan, config, sender, cancel.clone()).await.expect("the run begins");
            let mut events = Vec::new();
            while let Some(event) = receiver.recv().await {
                events.push(event);
            }
            Ran { document: Arc::unwrap_or_clone(document), events }
        })
    }
}

/// The same plan, as a later command makes it from the outline that is kept of its pipeline.
pub(crate) fn outlined(plan: &plan::Plan, inputs: &[(&str, Value)]) -> Option<plan::Plan> {
    let kept = Kept::of(plan, plan.text().to_owned(), "pipeline.orc.yaml")?;
    Some(Basis::Kept(kept).plan(&given(inputs)).expect("the inputs fitted"))
}

fn given(inputs: &[(&str, Value)]) -> Vec<(String, Given)> {
    inputs.iter().map(|(name, value)| ((*name).to_owned(), Given::Value(value.clone()))).collect()
}

/// The plan of `text`, or every reason why it cannot start.
pub(crate) fn planned(text: &str, inputs: &[(&str, Value)]) -> Result<plan::Plan, String> {
    let analysis = Arc::new(Analysis::new(catalog::registry(), "pipeline.orc.yaml", text));
    plan::plan(Arc::clone(&analysis), &given(inputs)).map_err(|error| match error {
        PlanError::Invalid => {
            analysis.diagnostics().iter().map(|found| found.message.clone()).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    })
}

impl Ran {
    /// A line per step: id, status, and the error if there is one.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        for (id, step) in &self.document.steps {
            let _ = write!(text, "{id}: {}", step.status);
            if let Some(error) = &step.error {
                let _ = write!(text, " – {error}");
            }
            text.push('\n');
        }
        let _ = write!(text, "run: {}, exit {}", self.document.status, self.document.exit_code());
        text
    }

    pub(crate) fn step(&self, id: &str) -> &StepDocument {
        &self.document.steps[id]
    }

    pub(crate) fn result(&self, id: &str) -> &Value {
        &self.step(id).value["result"]
    }

    pub(crate) fn output(&self, name: &str) -> &Value {
        &self.document.outputs[name]
    }
}

/// The workspace's root folder of the repository.
pub(crate) fn repository() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
