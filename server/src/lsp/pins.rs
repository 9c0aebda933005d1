//! AUTO tags in the editor: what is pinned, read from the lock file beside the pipeline each time it is
//! asked for; and the process that answers a tag when a command says so. Nothing here asks a model.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use engine::lock_file::{self, LockFile, Pin};
use lang::{
    analysis::Analysis,
    auto::{self, By, Hole},
    ide::Hover,
};
use serde_json::{Map, Value, json};
use tokio::{io::AsyncWriteExt as _, process::Command};
use tower_lsp::lsp_types::{CodeLens, Command as LensCommand, InlayHint, InlayHintLabel, InlayHintTooltip, Range};

use super::{from_proto, to_proto::Converter};

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

/// What a process of its own does with a tag.
pub(crate) struct Job {
    pub(crate) folder: PathBuf,
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) inputs: Map<String, Value>,
    pub(crate) position: String,
    /// What to pin without asking.
    pub(crate) value: Option<Value>,
    pub(crate) unpin: bool,
}

/// Does it, and gives what became of the tag. Where nobody waits for that any more, the process ends.
pub(crate) async fn perform(job: Job) -> Result<Value, String> {
    let mut child = spawn(&job).map_err(|error| format!("`orc resolve` cannot start: {error}"))?;
    let request = json!({ "text": job.text, "inputs": job.inputs }).to_string();
    let mut stdin = child.stdin.take();
    if let Some(stdin) = &mut stdin {
        // A child that does not read its request has ended, which its output tells.
        let _ = stdin.write_all(format!("{}\n{request}", request.len()).as_bytes()).await;
        let _ = stdin.flush().await;
    }
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    drop(stdin);
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let own = found.into_iter().find(|answered| answered["position"] == json!(job.position));
    match own {
        Some(answered) if !matches!(answered["outcome"].as_str(), Some("failed" | "not_resolved")) => Ok(answered),
        Some(answered) => Err(answered["reason"].as_str().unwrap_or("it was not answered").to_owned()),
        None => {
            let complaint = String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("error: ").to_owned();
            Err(if complaint.is_empty() { "a tag before it was not answered".to_owned() } else { complaint })
        }
    }
}

fn spawn(job: &Job) -> std::io::Result<tokio::process::Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["resolve", "--format", "json", "--request-on-stdin"]).arg(format!("--at={}", job.position));
    if let Some(value) = &job.value {
        command.arg(format!("--value={value}"));
    }
    if job.unpin {
        command.arg("--unpin");
    }
    command.arg("--").arg(Path::new(&job.file)).current_dir(&job.folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()
}
