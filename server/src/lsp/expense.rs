//! What a run may cost, in hovers, hints, a lens and diagnostics: as `orc plan` says it for the document's own
//! inputs. Reads the store that is there and asks nobody.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use camino::Utf8PathBuf;
use engine::{
    lock_file,
    models::estimate::{Estimate, rounded},
    plan::{self, Plan, Scope, program::StepKind},
    run::{document::Cost, resume, store},
};
use indexmap::IndexMap;
use lang::{
    analysis::Analysis,
    check::{self, Diagnostic, Severity, codes},
    ide::Hover,
    registry::{Effect, Registry},
};
use serde_json::json;
use tower_lsp::lsp_types::{self, CodeLens, Command, InlayHint, InlayHintLabel, InlayHintTooltip, Range, Url};

use super::{
    from_proto, history,
    marks::{self, Stamp},
    session::Environment,
    to_proto::Converter,
};
use crate::cli::{self, run::looked_at_in};

/// Longer pipelines take longer to plan than a hover may take.
const MOST_STEPS: usize = 300;

/// What the models of a pipeline may take, and what of that is limited.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Expected {
    /// Each step of the root that asks one.
    steps: BTreeMap<String, Estimate>,
    /// The whole.
    whole: Option<Estimate>,
    /// What exceeds a budget of the file.
    over: Vec<Over>,
}

/// What may cost more than it may.
#[derive(Debug, PartialEq)]
struct Over {
    /// A step of the root, or the whole.
    step: Option<String>,
    /// Which limit it is, in words.
    limit: String,
    /// How much it may be.
    bound: String,
}

impl Over {
    /// Where what is estimated exceeds `most` billionths of a dollar; `limit` names it.
    fn of(step: Option<&str>, estimate: &Estimate, limit: &str, most: u64) -> Option<Self> {
        let nano = estimate.nano_usd?;
        let bound = nano.high.unwrap_or(nano.low);
        if bound <= most {
            return None;
        }
        // Rounded it may look as if it were within.
        let shown = Some(rounded(bound)).filter(|shown| {
            shown.trim_start_matches('$').parse::<f64>().ok().and_then(plan::dollars).is_some_and(|it| it as u64 > most)
        });
        let shown = shown.unwrap_or_else(|| exact(bound));
        let how = if nano.high.is_some() { "may cost up to" } else { "costs at least" };
        Some(Self {
            step: step.map(str::to_owned),
            limit: format!("{limit} of {}", exact(most)),
            bound: format!("{how} {shown}"),
        })
    }

    fn diagnostic(&self, analysis: &Analysis) -> Option<Diagnostic> {
        let pipeline = analysis.pipeline();
        let (what, range) = match &self.step {
            Some(id) => {
                let scopes = analysis.scopes();
                let step = scopes.step(scopes.in_scope(None, id)?);
                let id = step.id.as_ref().map_or(step.range, |id| id.range);
                ("the step", step.key("budget").map_or(id, |key| key.range))
            }
            None => {
                let root = pipeline.keys.iter().find(|key| key.name == "budget").or(pipeline.keys.first())?;
                ("a run", root.range)
            }
        };
        let Self { limit, bound, .. } = self;
        let found = Diagnostic {
            code: codes::OVER_BUDGET,
            severity: Severity::Warning,
            message: format!("{what} {bound}, more than {limit}; lower `max_tokens`, or raise the limit"),
            range,
            related: Vec::new(),
            fixes: Vec::new(),
            tag: None,
        };
        (!check::is_ignored(&analysis.parse().tree, &found)).then_some(found)
    }
}

/// An amount of billionths of a dollar with all its digits.
fn exact(nano: u64) -> String {
    Cost::of(i64::try_from(nano).unwrap_or(i64::MAX), true, None).exact()
}

/// What is expected of open documents, until their text or what is known of their runs changes.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<IndexMap<Url, Known>>);

/// What is expected of one document.
#[derive(Debug)]
struct Known {
    basis: Basis,
    expected: Arc<Expected>,
    /// Counts how often something else was expected.
    edition: u64,
}

/// What an expectation is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Basis {
    /// The number of the text.
    revision: u64,
    store: Stamp,
    pins: Option<(SystemTime, u64)>,
}

impl Basis {
    fn of(analysis: &Analysis, revision: u64) -> Option<Self> {
        let place = analysis.workspace()?;
        Some(Self {
            revision,
            store: marks::of_store(&store::file(place.root.as_std_path())),
            pins: marks::stamp(&lock_file::path_of(place.path.as_std_path())),
        })
    }
}

impl Cache {
    /// What is expected of the document whose text has the number `revision`. Plans it where nobody has yet,
    /// so call it from the blocking pool.
    pub(crate) fn expected(&self, converter: &Converter<'_>, revision: u64) -> Arc<Expected> {
        // No store is opened where the client says that the workspace is not trusted.
        let basis = Basis::of(converter.analysis, revision).filter(|_| converter.environment.trusted != Some(false));
        let Some(basis) = basis else { return Arc::default() };
        if let Some(known) = self.lock().get(converter.uri).filter(|known| known.basis == basis) {
            return Arc::clone(&known.expected);
        }
        let expected = Arc::new(expected(converter.analysis).unwrap_or_default());
        let mut all = self.lock();
        let edition = match all.get(converter.uri) {
            Some(known) if known.expected == expected => known.edition,
            Some(known) => known.edition + 1,
            None => 1,
        };
        all.insert(converter.uri.clone(), Known { basis, expected: Arc::clone(&expected), edition });
        expected
    }

    /// What was expected last of a document, perhaps with an earlier text, and whether that is so no more.
    pub(crate) fn latest(&self, uri: &Url, revision: u64) -> (Arc<Expected>, bool) {
        let all = self.lock();
        let known = all.get(uri);
        let is_stale = known.is_none_or(|known| known.basis.revision != revision);
        (known.map(|known| Arc::clone(&known.expected)).unwrap_or_default(), is_stale)
    }

    /// Changes when something else is expected.
    pub(crate) fn edition(&self, uri: &Url) -> u64 {
        self.lock().get(uri).map_or(0, |known| known.edition)
    }

    /// Forgets a closed document.
    pub(crate) fn forget(&self, uri: &Url) {
        self.lock().swap_remove(uri);
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<Url, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `hover` with what the step it is about may cost, where that asks a model and the pipeline could run.
pub(crate) fn with_estimate(converter: &Converter<'_>, mut hover: Hover) -> Hover {
    if let Some(step) = history::step_of(converter.analysis, &hover)
        && let Some(estimate) = expected(converter.analysis).and_then(|mut expected| expected.steps.remove(step))
    {
        hover.markdown = format!("{}\n\n{}", hover.markdown.trim_end(), described(&estimate));
    }
    hover
}

/// What the steps in `range` may cost, behind their ids.
pub(crate) fn inlays(converter: &Converter<'_>, expected: &Expected, range: Range) -> Vec<InlayHint> {
    let range = from_proto::range(converter.analysis, range, converter.environment.client.encoding);
    let ids = converter.analysis.pipeline().steps.iter().filter_map(|step| step.id.as_ref());
    let shown = ids.filter(|id| range.contains_inclusive(id.range.end()));
    let hint = |id: &lang::text::Spanned<String>| {
        let estimate = expected.steps.get(&id.value)?;
        Some(InlayHint {
            position: converter.position(id.range.end()),
            label: InlayHintLabel::String(estimate.brief()?),
            kind: None,
            text_edits: None,
            tooltip: Some(InlayHintTooltip::String(described(estimate).replace("  \n", "\n"))),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        })
    };
    shown.filter_map(hint).collect()
}

/// What the whole may cost, above its first key beside the lens that runs it.
pub(crate) fn lens(converter: &Converter<'_>, expected: &Expected) -> Option<CodeLens> {
    let title = expected.whole.as_ref()?.brief()?;
    let first = converter.analysis.pipeline().keys.first()?;
    Some(CodeLens {
        range: converter.range(first.range),
        command: Some(Command {
            // Not what a click on `Run` costs: that may be simulated.
            title: format!("{title} for a run that asks the models"),
            command: "orc.estimate".to_owned(),
            arguments: Some(vec![json!({ "uri": converter.uri })]),
        }),
        data: None,
    })
}

/// Whether a limit is declared, so that it can be exceeded.
pub(crate) fn is_limited(analysis: &Analysis, environment: &Environment) -> bool {
    let pipeline = analysis.pipeline();
    environment.settings.cost.limit.is_some()
        || pipeline.keys.iter().any(|key| key.name == "budget")
        || pipeline.steps.iter().any(|step| step.key("budget").is_some())
}

/// What may cost more than it may.
pub(crate) fn diagnostics(converter: &Converter<'_>, expected: &Expected) -> Vec<lsp_types::Diagnostic> {
    let setting = converter.environment.settings.cost.limit_in_nano_usd().zip(expected.whole.as_ref());
    let setting = setting.and_then(|(most, whole)| Over::of(None, whole, "`orc.cost.limit`", most));
    let severities = converter.severities();
    let found = expected.over.iter().chain(&setting).filter_map(|over| over.diagnostic(converter.analysis));
    found.filter_map(|found| converter.diagnostic(&found, &severities)).collect()
}

/// `None` where the pipeline could not run as it stands: then it has diagnostics, or inputs that nobody gave yet.
fn expected(analysis: &Analysis) -> Option<Expected> {
    if analysis.pipeline().steps.len() > MOST_STEPS {
        return None;
    }
    let place = analysis.workspace()?;
    let file = place.path.strip_prefix(&place.root).map_or(place.path.as_str(), |file| file.as_str()).to_owned();
    let folder = Utf8PathBuf::from(place.root.as_str());
    let plan = plan::plan(Arc::new(analysis.clone()), &[]).ok()?;
    // Most pipelines ask no model, and then there is nothing to look up.
    if !may_ask(&plan.program.scope, plan.registry()) {
        return None;
    }
    // What it would cost to ask, also where runs of the editor are simulated.
    let (plan, reasons) = cli::plan::reasons(plan, None, looked_at_in(folder, &file, true)).ok()?;
    let whole = cli::plan::whole(&reasons);
    let steps = reasons.into_iter().filter_map(|(step, found)| Some((step, *found.estimate?)));
    let steps: BTreeMap<String, Estimate> = steps.collect();
    let over = exceeding(&plan, &steps, whole.as_ref());
    Some(Expected { steps, whole, over })
}

/// Whether a step, or one of a body, asks a model, or runs a pipeline that may.
fn may_ask(scope: &Scope, registry: &Registry) -> bool {
    scope.steps.iter().any(|step| {
        let asks = match &*step.kind {
            StepKind::Act => resume::effect(registry, step) == Some(Effect::Model),
            StepKind::Child => true,
            _ => step.kind.body().is_some_and(|body| may_ask(body, registry)),
        };
        asks || !step.holes.is_empty()
    })
}

/// What exceeds the budgets of the file, as a run opens its accounts.
fn exceeding(plan: &Plan, steps: &BTreeMap<String, Estimate>, whole: Option<&Estimate>) -> Vec<Over> {
    let over = |step, estimate: Option<&Estimate>, limit: &str, most: Option<i64>| {
        Over::of(step, estimate?, limit, u64::try_from(most?).ok()?)
    };
    let budget = plan.program.terms.budget;
    let mut found =
        vec![over(None, whole, "the budget", budget.run), over(None, whole, "the budget for a day", budget.day)];
    found.extend(plan.program.scope.steps.iter().map(|step| {
        let (id, own) = (step.id.as_str(), step.terms.budget);
        match [own.run, own.step].into_iter().flatten().min() {
            Some(most) => over(Some(id), steps.get(id), "its budget", Some(most)),
            None => over(Some(id), steps.get(id), "the budget for a step", budget.step),
        }
    }));
    found.into_iter().flatten().collect()
}

fn described(estimate: &Estimate) -> String {
    let input = estimate.input_tokens;
    let most = |most: Option<u64>| most.map_or_else(|| "?".to_owned(), |most| most.to_string());
    let from = match estimate.basis {
        "history" => "as long as earlier answers",
        _ => "as long as answers usually are",
    };
    let date = estimate.price_date.as_ref().map(|date| format!(", prices of {date}")).unwrap_or_default();
    format!(
        "A run that asks the model: {}{date}  \n{} to {} tokens are sent, {} to {} come back; about {}, {from}.",
        estimate.shown(),
        input.low,
        most(input.high),
        estimate.output_tokens.low,
        most(estimate.output_tokens.high),
        estimate.output_tokens.expected
    )
}
