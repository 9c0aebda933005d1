//! `orc plan`: what would run, in which order and why, without running anything.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    io,
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use engine::{
    catalog,
    models::estimate::Estimate,
    plan::{
        Plan, StepPlan,
        picture::{Node, Picture},
    },
    run::{
        Earlier, RunConfig, Selection,
        forecast::{Forecast, Verdict, forecast},
        resume,
        secrets::Redactor,
    },
};
use serde_json::{Value, json};

use super::{
    INVALID, print,
    run::{self, selection},
};

/// Options of `orc plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanCommand {
    /// The pipeline file, or - for standard input.
    file: String,

    /// An input: the value is read as JSON unless the input is declared as a string.
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,

    /// A JSON file with inputs, an object by name; -i wins.
    #[arg(short = 'c', long = "context", value_name = "FILE")]
    context: Option<PathBuf>,

    /// As if no earlier result could be used again.
    #[arg(long)]
    no_cache: bool,

    #[command(flatten)]
    selection: selection::Options,

    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people.
    #[default]
    Text,
    /// Everything, for programs.
    Json,
    /// A Mermaid flowchart.
    Mermaid,
    /// A Graphviz digraph.
    Dot,
    /// A picture.
    Svg,
}

impl PlanCommand {
    /// Exit code 0; 2 where the pipeline could not start.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        let mut config = match run::looked_at(&self.file, !self.no_cache) {
            Ok(config) => config,
            Err(message) => {
                print::error(&message);
                return Ok(ExitCode::from(INVALID));
            }
        };
        if let Some(store) = config.store.as_deref().filter(|_| config.cache) {
            config.earlier = Earlier::open(store, Some(&self.file));
        }
        let planned = run::planned(&self.file, self.context.as_deref(), &self.inputs);
        let plan = match planned {
            Ok(plan) => plan,
            Err(refusal) => {
                refusal.print();
                return Ok(ExitCode::from(INVALID));
            }
        };
        match reasons(plan, self.selection.read(), config) {
            Ok((plan, reasons)) => {
                print::out(&self.shown(&plan, &reasons))?;
                // The process ends here; taking a large plan apart piece by piece would hold it up.
                std::mem::forget((plan, reasons));
                Ok(ExitCode::SUCCESS)
            }
            Err(message) => {
                print::error(&message);
                Ok(ExitCode::from(INVALID))
            }
        }
    }

    fn shown(&self, plan: &Plan, reasons: &Reasons) -> String {
        let (inputs, _) = Redactor::of(plan).inputs(plan, &Value::Object(plan.inputs.clone()));
        let picture = Picture::of(plan, &|_| None);
        match self.format {
            Format::Text => text(&inputs, &picture, reasons),
            Format::Json => json_text(plan, &picture, reasons),
            Format::Mermaid => picture.mermaid(),
            Format::Dot => picture.dot(),
            Format::Svg => picture.svg(),
        }
    }
}

/// What would become of each step.
pub(crate) type Reasons = BTreeMap<String, Forecast>;

/// The plan as it would run, confined to the selection, and for each step what would become of it and why.
pub(crate) fn reasons(
    plan: Plan,
    selection: Option<Selection>,
    mut config: RunConfig,
) -> Result<(Plan, Reasons), String> {
    let plan = match selection {
        Some(selection) => selection::preview(plan, selection, &mut config)?,
        None => plan,
    };
    let found = forecast(&plan, &config).map_err(|error| error.to_string())?;
    let reasons = found.into_iter().map(|found| (found.step.clone(), found)).collect();
    Ok((plan, reasons))
}

fn verb(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Run => "run",
        Verdict::Reuse => "reuse",
        Verdict::Skip => "skip",
        Verdict::Unknown => "run?",
        Verdict::Fail => "fail",
        Verdict::NotRun => "-",
    }
}

/// What running the step does to the world, in a word; a loop does what its body does.
fn effect(step: &StepPlan) -> Value {
    resume::effect(&catalog::registry(), step).map_or(Value::Null, |effect| json!(effect))
}

fn text(inputs: &Value, picture: &Picture, reasons: &Reasons) -> String {
    let width = |of: &dyn Fn(&Node) -> usize| picture.steps.iter().map(of).max().unwrap_or_default();
    let (ids, does) = (width(&|step| step.id.chars().count()), width(&|step| step.does.chars().count().min(40)));
    let does_of: HashMap<&str, &str> = picture.steps.iter().map(|step| (&*step.id, &*step.does)).collect();
    let count = picture.steps.len();
    let noun = if count == 1 { "step" } else { "steps" };
    let stages =
        if picture.stages.len() == 1 { "1 stage".to_owned() } else { format!("{} stages", picture.stages.len()) };
    let mut text = format!("{}: {count} {noun} in {stages}\n", picture.pipeline);
    for (stage, steps) in picture.stages.iter().enumerate() {
        for id in steps {
            let Some(found) = reasons.get(id) else { continue };
            let (verb, why) = (verb(found.verdict), &found.reason);
            let what: String = does_of[&**id].chars().take(40).collect();
            let line = format!("{:>3}  {id:<ids$}  {what:<does$}  {verb:<5}  {why}", stage + 1);
            let _ = writeln!(text, "{}", line.trim_end());
            for ahead in &found.auto {
                let _ = writeln!(text, "     {:ids$}  {}", "", ahead.sentence());
            }
            if let Some(estimate) = &found.estimate {
                let model = estimate.model.as_ref().map_or_else(String::new, |model| format!("{model}  "));
                let _ = writeln!(text, "     {:ids$}  {model}{}", "", estimate.shown());
            }
        }
    }
    if let Some(whole) = whole(reasons) {
        let of = whole.price_date.as_ref().map_or_else(String::new, |date| format!(", at the prices of {date}"));
        let _ = writeln!(text, "     models: {}{of}", whole.shown());
    }
    for (name, value) in inputs.as_object().into_iter().flatten() {
        let _ = writeln!(text, "     {name} = {value}");
    }
    text
}

/// What all models together may take; nothing where none is asked.
pub(crate) fn whole(reasons: &Reasons) -> Option<Estimate> {
    reasons.values().filter_map(|found| found.estimate.as_deref().cloned()).reduce(Estimate::and)
}

fn json_text(plan: &Plan, picture: &Picture, reasons: &Reasons) -> String {
    print::json(&as_json(plan, picture, reasons))
}

/// Everything, for programs.
pub(crate) fn as_json(plan: &Plan, picture: &Picture, reasons: &Reasons) -> Value {
    let mut shown = json!(picture);
    for (node, step) in shown["steps"].as_array_mut().into_iter().flatten().zip(&plan.program.scope.steps) {
        node["effect"] = effect(step);
        if let Some(found) = reasons.get(&step.id) {
            node["state"] = json!(found.verdict);
            node["cause"] = json!(found.cause);
            node["reason"] = json!(found.reason);
            if !found.auto.is_empty() {
                node["auto"] = json!(found.auto);
            }
            if let Some(estimate) = &found.estimate {
                node["estimate"] = json!(estimate);
            }
        }
    }
    let (inputs, _) = Redactor::of(plan).inputs(plan, &Value::Object(plan.inputs.clone()));
    shown["inputs"] = inputs;
    if let Some(whole) = whole(reasons) {
        shown["estimate"] = json!(whole);
    }
    shown
}
