//! What a run may cost, in hovers, hints, a lens and diagnostics: as `orc plan` says it for the document's own
//! inputs. Reads the store that is there and asks nobody.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use camino::Utf8PathBuf;
use engine::{lock_file, models::estimate::Estimate, plan, run::store};
use indexmap::IndexMap;
use lang::{analysis::Analysis, ide::Hover};
use serde_json::json;
use tower_lsp::lsp_types::{CodeLens, Command, InlayHint, InlayHintLabel, InlayHintTooltip, Range, Url};

use super::{
    from_proto, history,
    marks::{self, Stamp},
    to_proto::Converter,
};
use crate::cli::{self, run::looked_at_in};

/// Longer pipelines take longer to plan than a hover may take.
const MOST_STEPS: usize = 300;

/// What the models of a pipeline may take.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// Each step of the root that asks one.
    steps: BTreeMap<String, Estimate>,
    /// The whole.
    whole: Option<Estimate>,
}

/// What is expected of open documents, until their text or what is known of their runs changes.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<IndexMap<Url, (Basis, Arc<Expected>)>>);

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
        if let Some((of, expected)) = self.lock().get(converter.uri)
            && *of == basis
        {
            return Arc::clone(expected);
        }
        let expected = Arc::new(expected(converter.analysis).unwrap_or_default());
        self.lock().insert(converter.uri.clone(), (basis, Arc::clone(&expected)));
        expected
    }

    /// Forgets a closed document.
    pub(crate) fn forget(&self, uri: &Url) {
        self.lock().swap_remove(uri);
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<Url, (Basis, Arc<Expected>)>> {
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

/// `None` where the pipeline could not run as it stands: then it has diagnostics, or inputs that nobody gave yet.
fn expected(analysis: &Analysis) -> Option<Expected> {
    if analysis.pipeline().steps.len() > MOST_STEPS {
        return None;
    }
    let place = analysis.workspace()?;
    let file = place.path.strip_prefix(&place.root).map_or(place.path.as_str(), |file| file.as_str()).to_owned();
    let folder = Utf8PathBuf::from(place.root.as_str());
    let plan = plan::plan(Arc::new(analysis.clone()), &[]).ok()?;
    // What it would cost to ask, also where runs of the editor are simulated.
    let (_, reasons) = cli::plan::reasons(plan, None, looked_at_in(folder, &file, true)).ok()?;
    let whole = cli::plan::whole(&reasons);
    let steps = reasons.into_iter().filter_map(|(step, found)| Some((step, *found.estimate?)));
    Some(Expected { steps: steps.collect(), whole })
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
