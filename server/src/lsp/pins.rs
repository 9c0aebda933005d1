//! AUTO tags in the editor: what is pinned, read from the lock file beside the pipeline each time it is
//! asked for; and the process that answers a tag when a command says so. Nothing here asks a model.

use engine::lock_file::{self, LockFile, Pin};
use lang::{
    analysis::Analysis,
    auto::{self, By, Hole},
    ide::Hover,
};
use serde_json::{Value, json};
use tower_lsp::lsp_types::{CodeLens, Command as LensCommand, InlayHint, InlayHintLabel, InlayHintTooltip, Range};

use super::{from_proto, to_proto::Converter};

mod child;
pub(crate) use child::{Job, Undone, perform};

/// How much of a value is shown between the lines.
const SHOWN: usize = 40;

/// The pins beside a document; none where there are none that can be read, which is no reason to explain less.
fn pins(analysis: &Analysis) -> Option<LockFile> {
    let place = analysis.workspace()?;
    LockFile::read(&lock_file::path_of(place.path.as_std_path())).ok()
}

/// The newest pin at the tag, and whether the tag is still written as it was then.
fn pin_of<'l>(lock: &'l LockFile, hole: &Hole) -> Option<(&'l Pin, bool)> {
    let body = lock_file::hash_of(&hole.source);
    let pins = lock.pins().iter().filter(|pin| pin.position == hole.position);
    let newest = pins.max_by(|a, b| (a.body == body, &a.date).cmp(&(b.body == body, &b.date)))?;
    // Without a template in it the question is what is asked.
    let is_fixed = !hole.body.contains("{{") && !hole.body.contains("{%") && hole.nested.is_empty();
    let fits = newest.body == body && (!is_fixed || newest.context == lock_file::hash_of(&hole.body));
    Some((newest, fits))
}

/// The value that is pinned at the tag, stale or not.
pub(crate) fn value(analysis: &Analysis, hole: &Hole) -> Option<Value> {
    Some(pin_of(&pins(analysis)?, hole)?.0.value.clone())
}

/// `hover` with what is pinned, where it is about a tag.
pub(crate) fn with_pin(converter: &Converter<'_>, mut hover: Hover) -> Hover {
    let analysis = converter.analysis;
    if !analysis.text()[hover.range].starts_with("<AUTO") {
        return hover;
    }
    let Some(hole) = auto::at(analysis, hover.range.start()).filter(|hole| hole.range == hover.range) else {
        return hover;
    };
    if hole.target.by == By::Model {
        let pinned = pins(analysis);
        let told = match pinned.as_ref().and_then(|lock| pin_of(lock, &hole)) {
            None => "Not pinned.".to_owned(),
            Some((pin, fits)) => {
                let age = pin.age().map(|age| format!(", {age}")).unwrap_or_default();
                let cost = pin.cost.as_ref().map(|cost| format!(", ${cost}")).unwrap_or_default();
                let stale = if fits { "" } else { " It is stale: the tag was written differently." };
                let context = if fits && hole.body.contains("{{") {
                    " It holds as long as what the question refers to has the same value."
                } else {
                    ""
                };
                format!("Pinned: `{}` ({}{cost}{age}).{stale}{context}", one_line(&pin.value), pin.model)
            }
        };
        hover.markdown = format!("{}\n\n{told}", hover.markdown.trim_end());
    }
    hover
}

/// What is pinned, behind each tag in `range`.
pub(crate) fn inlays(converter: &Converter<'_>, range: Range) -> Vec<InlayHint> {
    let range = from_proto::range(converter.analysis, range, converter.environment.client.encoding);
    let Some(lock) = pins(converter.analysis) else { return Vec::new() };
    let holes = asked(converter.analysis).into_iter().filter(|hole| range.contains_inclusive(hole.range.end()));
    let hint = |hole: Hole| {
        let (pin, fits) = pin_of(&lock, &hole)?;
        let value = one_line(&pin.value);
        let mut shown: String = value.chars().take(SHOWN).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        let stale = if fits { "" } else { " (stale)" };
        Some(InlayHint {
            position: converter.position(hole.range.end()),
            label: InlayHintLabel::String(format!("= {shown}{stale}")),
            kind: None,
            text_edits: None,
            tooltip: Some(InlayHintTooltip::String(format!("pinned {}: {value}", pin.age().unwrap_or_default()))),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        })
    };
    holes.filter_map(hint).collect()
}

/// The commands above the tags: answer it, or take its pin away.
pub(crate) fn lenses(converter: &Converter<'_>) -> Vec<CodeLens> {
    let holes = asked(converter.analysis);
    if holes.is_empty() {
        return Vec::new();
    }
    let lock = pins(converter.analysis).unwrap_or_default();
    let lens = |hole: Hole| {
        let arguments = json!({ "uri": converter.uri, "position": converter.position(hole.range.start()) });
        let command = |title: &str, name: &str| CodeLens {
            range: converter.range(hole.range),
            command: Some(LensCommand {
                title: title.to_owned(),
                command: name.to_owned(),
                arguments: Some(vec![arguments.clone()]),
            }),
            data: None,
        };
        match pin_of(&lock, &hole) {
            None => vec![command("◇ Resolve <AUTO>", "orc.resolveAuto")],
            Some((_, true)) => vec![command("◆ pinned — Back to <AUTO>", "orc.unpinAuto")],
            Some((_, false)) => {
                vec![command("◇ stale — Resolve <AUTO>", "orc.resolveAuto"), command("Pin as it is", "orc.pinAuto")]
            }
        }
    };
    holes.into_iter().flat_map(lens).collect()
}

/// The tags that a model answers.
fn asked(analysis: &Analysis) -> Vec<Hole> {
    if analysis.recognised().is_none() {
        return Vec::new();
    }
    auto::holes(analysis).into_iter().filter(|hole| hole.target.by == By::Model && hole.is_whole()).collect()
}

fn one_line(value: &Value) -> String {
    value.to_string().replace('`', "'")
}
