//! Paths: what stands in the directory that is being typed. Only directories of the workspace are read.

use camino::{Utf8Path, Utf8PathBuf};
use text_size::{TextRange, TextSize};

use super::{Completion, CompletionKind, Request, item};
use crate::workspace::{Workspace, normal};

/// Which files may be meant, and from where their paths count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Any file of the working directory, where the paths of parameters begin.
    File,
    /// A pipeline, beside the document or in the working directory (contract §2.16).
    Pipeline,
    /// Any file, beside the document or in the working directory (contract §2.16).
    Included,
}

/// The path in `{{ file:… }}` or `<< … >>` that the cursor is in, from its first letter to its last.
pub(super) fn included(request: &Request<'_>) -> Option<TextRange> {
    let text = request.analysis.text();
    let offset = usize::from(request.offset);
    let line = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let before = &text[line..offset];
    let opened = |opener: &str, prefix: &str| {
        let at = before.rfind(opener)? + opener.len();
        let rest = before[at..].trim_start().strip_prefix(prefix)?.trim_start();
        // `<<:` is a merge key.
        let other = rest.contains(['}', '>', '{', '"', '\'', ' ']) || rest.starts_with(':');
        (!other).then_some(offset - rest.len())
    };
    let start = opened("{{", "file:").or_else(|| opened("<<", ""))?;
    let after = text[offset..].find([' ', '\n', '\r', '}', '>', '"', '\'']).unwrap_or(text.len() - offset);
    Some(TextRange::new(TextSize::new(start as u32), TextSize::new((offset + after) as u32)))
}

/// What may follow in the path at `word`.
pub(super) fn complete(request: &Request<'_>, word: TextRange, wanted: Wanted) -> Vec<Completion> {
    let Some(workspace) = request.analysis.workspace() else { return Vec::new() };
    let text = request.analysis.text();
    let typed = &text[TextRange::new(word.start(), request.offset.clamp(word.start(), word.end()))];
    if typed.contains("{{") || typed.starts_with(['/', '~']) {
        return Vec::new();
    }
    let directory = typed.rfind('/').map_or("", |at| &typed[..=at]);
    let segment = TextRange::new(word.start() + TextSize::of(directory), word.end());
    let mut found: Vec<Completion> = Vec::new();
    for place in places(workspace, wanted, directory) {
        let listing = workspace.files.list(&place, &typed[directory.len()..]);
        request.cut.set(request.cut.get() || listing.cut);
        for entry in listing.entries {
            let path = place.join(&entry.name);
            // Hidden files are seldom meant, and the document itself never.
            let hidden = entry.name.starts_with('.') && !typed[directory.len()..].starts_with('.');
            let fits = entry.directory || wanted != Wanted::Pipeline || is_yaml(&path);
            let known = found.iter().any(|other| other.label.trim_end_matches('/') == entry.name);
            if hidden || !fits || known || path == workspace.path {
                continue;
            }
            let label = if entry.directory { format!("{}/", entry.name) } else { entry.name };
            let rank = u32::from(entry.directory) * 1_000 + found.len() as u32;
            let new_text = if directory.is_empty() { request.lead() + &label } else { label.clone() };
            found.push(item(label, CompletionKind::Path, segment, new_text, rank));
        }
    }
    found
}

/// The directories that are looked into, all inside the workspace.
fn places(workspace: &Workspace, wanted: Wanted, directory: &str) -> Vec<Utf8PathBuf> {
    let mut bases = vec![workspace.root.clone()];
    if wanted != Wanted::File {
        bases.insert(0, workspace.folder().to_owned());
    }
    let mut places: Vec<Utf8PathBuf> = bases.iter().map(|base| normal(&base.join(directory))).collect();
    places.retain(|place| bases.iter().any(|base| place.starts_with(base)));
    places.dedup();
    places
}

fn is_yaml(path: &Utf8Path) -> bool {
    matches!(path.extension(), Some("yaml" | "yml"))
}
