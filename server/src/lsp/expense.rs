//! What a run may cost, in hovers: as `orc plan` says it for the document's own inputs. Reads the store that
//! is there and asks nobody.

use std::sync::Arc;

use camino::Utf8PathBuf;
use engine::{models::estimate::Estimate, plan};
use lang::ide::Hover;

use super::{history, to_proto::Converter};
use crate::cli::{self, run::looked_at_in};

/// Longer pipelines take longer to plan than a hover may take.
const MOST_STEPS: usize = 300;

/// `hover` with what the step it is about may cost, where that asks a model and the pipeline could run.
pub(crate) fn with_estimate(converter: &Converter<'_>, mut hover: Hover) -> Hover {
    if let Some(step) = history::step_of(converter.analysis, &hover)
        && let Some(estimate) = estimate(converter, step)
    {
        hover.markdown = format!("{}\n\n{}", hover.markdown.trim_end(), described(&estimate));
    }
    hover
}

fn estimate(converter: &Converter<'_>, step: &str) -> Option<Estimate> {
    let analysis = converter.analysis;
    if analysis.pipeline().steps.len() > MOST_STEPS {
        return None;
    }
    let place = analysis.workspace()?;
    let file = place.path.strip_prefix(&place.root).map_or(place.path.as_str(), |file| file.as_str()).to_owned();
    let folder = Utf8PathBuf::from(place.root.as_str());
    // What cannot run has diagnostics, or inputs that nobody gave yet: there is nothing to count.
    let plan = plan::plan(Arc::new(analysis.clone()), &[]).ok()?;
    // What it would cost to ask, also where runs of the editor are simulated.
    let (_, mut reasons) = cli::plan::reasons(plan, None, looked_at_in(folder, &file, true)).ok()?;
    reasons.remove(step)?.estimate.map(|estimate| *estimate)
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
