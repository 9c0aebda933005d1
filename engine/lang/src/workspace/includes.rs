//! Included files: missing, outside, including themselves (316–318).

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Link, LinkKind, Resolved, Workspace};
use crate::{
    check::{Diagnostic, codes},
    template::{SegmentKind, scan},
};

/// How deep inclusions may nest (reference/language.md §4.7).
const MAX_DEPTH: usize = 10;

pub(super) fn check(workspace: &Workspace, links: &[Link], found: &mut Vec<Diagnostic>) {
    for link in links.iter().filter(|link| matches!(link.kind, LinkKind::Include | LinkKind::Data)) {
        match workspace.resolve(&link.written) {
            Resolved::Found(path) if workspace.files.is_directory(&path) == Some(true) => {
                let message = format!("`{}` is a directory; name a file in it", link.written);
                found.push(Diagnostic::new(codes::MISSING_FILE, link.range, message));
            }
            Resolved::Found(path) => {
                if link.kind == LinkKind::Include
                    && let Some(circle) = circle(workspace, &path, &mut vec![])
                {
                    let shown: Vec<String> = circle.iter().map(|path| format!("`{}`", workspace.shown(path))).collect();
                    let message = match shown.as_slice() {
                        [one, _] => format!("{one} includes itself"),
                        _ => format!("this inclusion never ends: {}", shown.join(" → ")),
                    };
                    found.push(Diagnostic::new(codes::INCLUDE_CYCLE, link.range, message));
                }
            }
            Resolved::Missing => {
                let message = format!(
                    "the file `{}` does not exist beside the pipeline or in the working directory",
                    link.written
                );
                found.push(Diagnostic::new(codes::MISSING_FILE, link.range, message));
            }
            Resolved::Outside => {
                let message = format!("the file `{}` is outside of the workspace; move it in", link.written);
                found.push(Diagnostic::new(codes::INCLUDE_OUTSIDE, link.range, message));
            }
        }
    }
}

/// The files from the first that is included again to itself, if the inclusions of `path` have no end.
fn circle(workspace: &Workspace, path: &Utf8Path, open: &mut Vec<Utf8PathBuf>) -> Option<Vec<Utf8PathBuf>> {
    if let Some(at) = open.iter().position(|earlier| earlier == path) {
        return Some(open[at..].iter().cloned().chain([path.to_owned()]).collect());
    }
    if open.len() >= MAX_DEPTH {
        return None;
    }
    let text: Arc<str> = workspace.files.text(path)?;
    if !text.contains("file:") && !text.contains("<<") {
        return None;
    }
    open.push(path.to_owned());
    let includes = scan::segments(&text);
    let found = includes
        .iter()
        .filter(|segment| matches!(segment.kind, SegmentKind::FileInclude | SegmentKind::AngleInclude))
        .find_map(|segment| match workspace.resolve(text[segment.inner].trim()) {
            Resolved::Found(next) => circle(workspace, &next, open),
            _ => None,
        });
    open.pop();
    found
}
