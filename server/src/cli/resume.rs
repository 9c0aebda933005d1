//! `orc resume`.

use std::{collections::BTreeSet, io, path::PathBuf, process::ExitCode, sync::Arc};

use camino::Utf8Path;
use clap::Args;
use engine::{
    catalog::{self, Surroundings},
    changes::Changes,
    files::Disk,
    kept,
    plan::{Basis, Given, Plan},
    run::{
        Earlier, Past, Resumed, RunConfig,
        lock::{self, RunLock},
        resume::{self, Interrupted},
        secrets::{self, Redactor},
        store::StoredRun,
    },
};
use lang::analysis::Analysis;

use super::{
    FAILED, INVALID,
    input::Source,
    print,
    run::{self, Format, perform::Performance},
    runs, validate,
};
use crate::trust;

/// Options of `orc resume`.
#[derive(Debug, Args, Default)]
pub(crate) struct Resume {
    /// The run: its id, the beginning of it, or latest.
    run: String,

    /// The value of a secret input, which is not kept with the run.
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,

    /// Run the steps that failed again.
    #[arg(long)]
    retry_failed: bool,

    /// Go on although the pipeline is not what it was; what has changed runs again.
    #[arg(long)]
    allow_changes: bool,

    /// Run steps again that were interrupted while they changed the world.
    #[arg(long)]
    yes: bool,

    /// Write the result document to this file too.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,

    /// What to write to standard output: a summary, the result document, or the events as they
    /// happen [default: text on a terminal, else json].
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// The most that models may cost, in US$, what was spent before included [default: as before].
    #[arg(long, value_name = "USD", value_parser = run::amount)]
    max_cost: Option<i64>,

    /// How many steps may run at once [default: as before].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    max_concurrency: Option<u16>,

    /// At most N steps that use this tool, or ask models of this provider, at a time [default: as before].
    #[arg(long, value_name = "NAME=N", value_parser = run::limit)]
    limit: Vec<(String, usize)>,

    /// The caller knows that the workspace is trusted.
    #[arg(long, hide = true)]
    trusted: bool,

    /// Ask for no `<AUTO>`: do not go on where one is not pinned in the lock file.
    #[arg(long)]
    locked: bool,

    /// The end of standard input cancels the run.
    #[arg(long, hide = true)]
    follow_stdin: bool,
}

/// Why a run does not go on, and the exit code for it.
struct Refusal(u8, run::Refusal);

impl Refusal {
    fn invalid(message: String) -> Self {
        Self(INVALID, run::Refusal::Message(message))
    }
}

impl Resume {
    /// Goes on with the run `id`.
    pub(super) fn of(run: String, allow_changes: bool, yes: bool) -> Self {
        Self { run, allow_changes, yes, ..Self::default() }
    }

    /// Goes on with the run; exit code 0, 1 failed or not safe to go on, 2 not possible, 130
    /// interrupted.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        match self.prepare() {
            Ok((plan, config)) => {
                let (output, format) = (self.output.clone(), self.format.unwrap_or_else(Format::usual));
                Performance { config, output, format, follows_stdin: self.follow_stdin }.run(plan)
            }
            Err(Refusal(code, refusal)) => {
                refusal.print();
                Ok(ExitCode::from(code))
            }
        }
    }

    fn prepare(&self) -> Result<(Plan, RunConfig), Refusal> {
        let invalid = Refusal::invalid;
        let workspace = runs::Workspace::open().map_err(invalid)?;
        let id = resume::find_id(&workspace.store, &self.run).map_err(invalid)?;
        // Held from here on, so that what is read stays true.
        let lock = match RunLock::take(&workspace.file, &id) {
            Ok(Some(lock)) => lock,
            Ok(None) => {
                let process = lock::holder(&workspace.file, &id);
                let process = process.map_or_else(String::new, |process| format!(", in the process {process}"));
                return Err(invalid(format!("the run `{id}` is running now{process}")));
            }
            Err(error) => return Err(invalid(format!("the run `{id}` cannot be locked: {error}"))),
        };
        let run = resume::known(&workspace.store, &id).map_err(invalid)?;
        if !run.is_resumable() {
            let message = "was recorded by a version of orc that kept too little to go on; run the pipeline again";
            return Err(invalid(format!("the run `{}` {message}", run.id)));
        }
        let here = run::working_dir().map_err(invalid)?;
        if run.config.working_dir.canonicalize_utf8().ok() != here.canonicalize_utf8().ok() {
            let message = format!(
                "the run `{}` worked in `{}`, which is not this directory; resume it there, or run the pipeline here",
                run.id, run.config.working_dir
            );
            return Err(invalid(message));
        }
        let runs::Workspace { file, store, .. } = workspace;
        let is_whole = !secrets::is_marked(&run.source);
        // What came of a long run takes as long to read as its pipeline.
        let (attempts, planned) = store.attempts_beside(&id, || self.planned(&run, is_whole));
        let attempts = attempts.map_err(|error| invalid(error.to_string()))?;
        let plan = planned?;
        let earlier = Earlier::open(&file, None);
        // What is kept is compared with what would be kept.
        let kept = if is_whole { plan.text().to_owned() } else { Redactor::of(&plan).text(plan.text()) };
        let is_same = kept == run.source;
        let changes = if is_same {
            Changes::default()
        } else {
            Changes::between(&analysis(&run, &run.source), &analysis(&run, &kept))
        };
        let steps = resume::Steps::new(&plan.program, &catalog::registry(), &attempts);
        let interrupted = resume::interrupted(&steps, &catalog::registry(), &attempts);
        let lost = resume::redacted(&steps, &catalog::registry(), &attempts);
        let mut past = Past::of_run(attempts).map_err(invalid)?;
        past.forget_redacted(&steps);
        let mut again = self.again(&plan, &changes);
        past.forget(&again);
        if self.retry_failed {
            again.extend(past.forget_failed(&steps));
        }
        let interrupted: Vec<Interrupted> =
            interrupted.into_iter().filter(|step| !past.begins_again(&step.step)).collect();
        print::note(&explain(&run, &plan, &past, &changes, &again, &interrupted));
        if !changes.is_empty() && !self.allow_changes {
            let message = "the pipeline is not what it was when the run began; `--allow-changes` goes on with it as \
                           it is now, or take the change back";
            return Err(invalid(message.to_owned()));
        }
        let lost: Vec<&Interrupted> = lost.iter().filter(|step| !step.may_run_again()).collect();
        if !lost.is_empty() && !self.yes {
            let names: Vec<String> = lost.iter().map(|step| format!("`{}`", step.step)).collect();
            let message = format!(
                "there was a secret in what {} came to, so it is not kept, and running {} again may do the same thing \
                 twice; look at what was done, then go on with `orc resume {} --yes`",
                names.join(", "),
                if lost.len() == 1 { &*names[0] } else { "them" },
                run.id,
            );
            return Err(Refusal(FAILED, run::Refusal::Message(message)));
        }
        let unsafe_ones: Vec<&Interrupted> = interrupted.iter().filter(|step| !step.may_run_again()).collect();
        if let [first, ..] = unsafe_ones.as_slice()
            && !self.yes
        {
            let names: Vec<String> = unsafe_ones.iter().map(|step| format!("`{}`", step.step)).collect();
            let message = format!(
                "{} had begun when the run was broken off, and running {} again may do the same thing twice; look at \
                 what was done, then go on with `orc resume {} --yes`",
                names.join(", "),
                if unsafe_ones.len() == 1 { format!("`{}`", first.step) } else { "them".to_owned() },
                run.id,
            );
            return Err(Refusal(FAILED, run::Refusal::Message(message)));
        }
        let config = RunConfig { earlier, ..self.config(&run, (file, is_same), past, lock) };
        run::pinned(&plan, &config).map_err(|refusal| Refusal(INVALID, refusal))?;
        Ok((plan, config))
    }

    /// The plan of the pipeline that the run goes on with.
    fn planned(&self, run: &StoredRun, is_whole: bool) -> Result<Plan, Refusal> {
        let invalid = Refusal::invalid;
        let now = match now(run) {
            Ok(Some(now)) => now,
            other if is_whole => {
                if let Err(problem) = &other {
                    print::note(&format!("{problem}; going on with the text of the run"));
                }
                Basis::Analysis(Arc::new(analysis(run, &run.source)))
            }
            other => {
                let problem = other.err().unwrap_or_else(|| "the pipeline came on standard input".to_owned());
                let message = "there was a secret in its text, which is not kept with the run; run the pipeline again";
                return Err(invalid(format!("{problem}; {message}")));
            }
        };
        let given = run::inputs::given(None, &self.inputs).map_err(invalid)?;
        plan_of(run, &now, given)
    }

    /// The steps of the root that begin again because the pipeline is another one, with all that wait for
    /// them.
    fn again(&self, plan: &Plan, changes: &Changes) -> BTreeSet<String> {
        let all = changes.root && self.allow_changes;
        plan.program.scope.with_dependants(|step| all || changes.changed.contains(&step.id))
    }

    fn config(&self, run: &StoredRun, (store, is_same): (PathBuf, bool), past: Past, lock: RunLock) -> RunConfig {
        let stored = &run.config;
        RunConfig {
            run_id: Some(run.id.clone()),
            file: run.file.clone(),
            working_dir: stored.working_dir.clone(),
            output_dir: Some(stored.output_dir.clone()),
            permissions: stored.permissions.clone(),
            max_concurrency: self.max_concurrency.map(usize::from).or(stored.max_concurrency),
            limits: stored.limits.clone().into_iter().chain(self.limit.iter().cloned()).collect(),
            simulate: stored.simulate,
            max_cost: self.max_cost.or(stored.max_cost),
            is_trusted: self.trusted || trust::is_kept(stored.working_dir.as_std_path()),
            person: run::person::at_terminal().filter(|_| !self.follow_stdin),
            cache: !run.config.no_cache,
            earlier: Earlier::default(),
            store: Some(store),
            tape: stored.tape.clone(),
            selection: stored.selection.clone(),
            past: Arc::new(past),
            resumed: Some(Resumed { began: run.started_at.clone(), is_same }),
            locked: self.locked,
            lock: Some(Arc::new(lock)),
        }
    }
}

/// The pipeline as it is now; none where it came on standard input. An error says that its file cannot
/// be read any more.
fn now(run: &StoredRun) -> Result<Option<Basis>, String> {
    if run.file == "-" {
        return Ok(None);
    }
    let text = std::fs::read_to_string(run.config.working_dir.join(&run.file))
        .map_err(|error| format!("`{}` cannot be read: {error}", run.file))?;
    let around = around(run);
    if let Some(kept) = kept::look(&around, file_name(run), &text) {
        return Ok(Some(Basis::Kept(kept)));
    }
    let source = Source { name: run.file.clone(), text, found: false };
    Ok(Some(Basis::Analysis(validate::analyse(&source, &Disk::new(around.registry)))))
}

/// What is known where the run runs.
fn around(run: &StoredRun) -> Surroundings {
    let root = &run.config.working_dir;
    let path = lang::workspace::normal(&root.join(&run.file));
    catalog::around(root, path.parent().unwrap_or(root))
}

fn file_name(run: &StoredRun) -> &str {
    Utf8Path::new(&run.file).file_name().unwrap_or(&run.file)
}

/// The run's pipeline, as `text` says it, alone.
fn analysis(run: &StoredRun, text: &str) -> Analysis {
    Analysis::new(around(run).registry, file_name(run), text)
}

fn plan_of(stored: &StoredRun, basis: &Basis, mut written: Vec<(String, Given)>) -> Result<Plan, Refusal> {
    let kept_back = &stored.config.secret_inputs;
    if let Some((name, _)) = written.iter().find(|(name, _)| !kept_back.contains(name)) {
        let message =
            format!("input `{name}` keeps the value the run began with; `-i` gives the values of secret inputs alone");
        return Err(Refusal::invalid(message));
    }
    let inputs = stored.inputs.as_object().into_iter().flatten();
    // What is not declared any more is nobody's input.
    let declared: BTreeSet<&str> = basis.declared().map(|(name, _)| name).collect();
    written.retain(|(name, _)| declared.contains(&**name));
    let mut missing = Vec::new();
    let mut given = Vec::new();
    for (name, value) in inputs.filter(|(name, _)| declared.contains(&***name)) {
        if !kept_back.contains(name) {
            given.push((name.clone(), Given::Value(value.clone())));
        } else if !written.iter().any(|(other, _)| other == name) {
            missing.push(format!(
                "the value of input `{name}` is secret and not kept with the run; give it again with `-i {name}=…`"
            ));
        }
    }
    if !missing.is_empty() {
        return Err(Refusal(INVALID, run::Refusal::Inputs(missing)));
    }
    given.extend(written);
    let refused = |error| run::Refusal::of(error, stored.file.clone(), Arc::clone(basis.analysis()));
    let plan = basis.plan(&given).map_err(|error| Refusal(INVALID, refused(error)))?;
    match &stored.config.selection {
        Some(selection) => selection.apply(plan).map_err(Refusal::invalid),
        None => Ok(plan),
    }
}

/// How many steps a line of the plan names.
const MOST_SHOWN: usize = 40;

/// Steps of which the plan says the same.
struct Group<'a> {
    verb: &'static str,
    why: &'static str,
    /// The first of them.
    shown: Vec<&'a str>,
    count: usize,
}

impl<'a> Group<'a> {
    fn new(verb: &'static str, why: &'static str) -> Self {
        Self { verb, why, shown: Vec::new(), count: 0 }
    }

    fn add(&mut self, id: &'a str) {
        self.count += 1;
        if self.count <= MOST_SHOWN {
            self.shown.push(id);
        }
    }

    fn line(&self) -> Option<String> {
        let Self { verb, why, shown, count } = self;
        let more = count - shown.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        (!shown.is_empty()).then(|| format!("  {verb:<6} {}{more} – {why}", shown.join(", ")))
    }
}

/// What will happen and why, a line per kind.
fn explain(
    run: &StoredRun,
    plan: &Plan,
    past: &Past,
    changes: &Changes,
    again: &BTreeSet<String>,
    interrupted: &[Interrupted],
) -> String {
    let mut lines = vec![format!("resuming {} ({}, begun {})", run.id, run.file, run.started_at)];
    let broken: BTreeSet<&str> =
        interrupted.iter().map(|step| step.step.split('[').next().unwrap_or_default()).collect();
    let mut groups = [
        Group::new("keep", "ended before"),
        Group::new("run", "changed since"),
        Group::new("run", "again: it failed, what it waits for is another, or what it depends on has changed"),
        Group::new("run", "was interrupted"),
        Group::new("run", "is new"),
        Group::new("run", "had not begun"),
        Group::new("drop", "is gone"),
    ];
    let [keep, changed, repeated, interrupted, new, fresh, gone] = &mut groups;
    for id in plan.program.scope.steps.iter().map(|step| &*step.id) {
        let is_changed = changes.changed.iter().any(|changed| changed == id);
        let is_added = changes.added.iter().any(|added| added == id);
        let (is_known, is_again) = (past.is_known(id), again.contains(id));
        if is_known {
            keep.add(id);
        }
        if is_changed {
            changed.add(id);
        } else if is_again {
            repeated.add(id);
        }
        if !is_again && !is_known {
            if broken.contains(id) {
                interrupted.add(id);
            } else if !is_added {
                fresh.add(id);
            }
        }
        if is_added {
            new.add(id);
        }
    }
    for id in &changes.removed {
        gone.add(id);
    }
    lines.extend(groups.iter().filter_map(Group::line));
    if changes.root {
        lines.push("  inputs keep the values the run began with".to_owned());
    }
    lines.join("\n")
}
