//! A document among other files: those its templates include, the pipelines it runs, the folder it
//! lies in.
//!
//! Nothing here reads a disk: whoever makes an analysis hands in [`Files`], which says what there is
//! (open editors before the disk). A file that is not there yet may be written before it is needed,
//! so its absence is a warning, never an error.

use std::{fmt::Debug, sync::Arc};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::{analysis::Analysis, check::Diagnostic};

mod links;
pub use links::{Link, LinkKind, links};

mod includes;

mod children;
pub use children::pipeline;

mod reads;

/// What a directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// It is a directory.
    pub directory: bool,
}

/// The entries of a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// In order of name.
    pub entries: Vec<Entry>,
    /// Some are left out.
    pub cut: bool,
}

/// The files around a document. Paths are absolute and normal (no `.` or `..`).
pub trait Files: Debug + Send + Sync {
    /// Whether there is a file (`Some(false)`) or a directory (`Some(true)`) at `path`.
    fn is_directory(&self, path: &Utf8Path) -> Option<bool>;

    /// The text at `path`; `None` if there is none or it cannot be read.
    fn text(&self, path: &Utf8Path) -> Option<Arc<str>>;

    /// The file at `path`, analysed; `None` if it cannot be read.
    fn analysis(&self, path: &Utf8Path) -> Option<Arc<Analysis>>;

    /// What stands in a directory; nothing if it cannot be read. Of one that is too long only what
    /// begins with `beginning`.
    fn list(&self, directory: &Utf8Path, beginning: &str) -> Listing;

    /// The pipelines beneath `root`, in order of path.
    fn pipelines(&self, root: &Utf8Path) -> Vec<Utf8PathBuf>;
}

/// Where a document lies.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The document's own path, absolute and normal.
    pub path: Utf8PathBuf,
    /// The folder it is worked on in, which is the working directory of its runs.
    pub root: Utf8PathBuf,
    /// The files around it.
    pub files: Arc<dyn Files>,
}

/// What a path written in a pipeline leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// This file or directory.
    Found(Utf8PathBuf),
    /// Nothing yet.
    Missing,
    /// Something outside of the workspace, which is never read (contract §2.16).
    Outside,
}

impl Workspace {
    /// The folder of the document.
    pub fn folder(&self) -> &Utf8Path {
        self.path.parent().unwrap_or(&self.root)
    }

    /// What `written` leads to: beside the document first, then in the working directory
    /// (contract §2.16).
    pub fn resolve(&self, written: &str) -> Resolved {
        let places = [self.folder(), &self.root].map(|folder| normal(&folder.join(written)));
        let mut inside = places.into_iter().filter(|path| self.holds(path));
        let Some(first) = inside.next() else { return Resolved::Outside };
        let second = inside.next().filter(|second| *second != first);
        let there = |path: &Utf8PathBuf| self.files.is_directory(path).is_some();
        if there(&first) {
            return Resolved::Found(first);
        }
        match second {
            Some(second) if there(&second) => Resolved::Found(second),
            _ => Resolved::Missing,
        }
    }

    /// Whether `path` lies in the working directory or beside the document.
    fn holds(&self, path: &Utf8Path) -> bool {
        path.starts_with(&self.root) || path.starts_with(self.folder())
    }

    /// `path` as a person in the working directory names it.
    pub fn shown<'p>(&self, path: &'p Utf8Path) -> &'p Utf8Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

/// `path` without `.` and `..`, links not followed.
pub fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut found = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir if found.parent().is_some() => {
                found.pop();
            }
            other => found.push(other),
        }
    }
    found
}

/// The file that `link` leads to, if it is there.
pub fn target(workspace: &Workspace, link: &Link) -> Option<Utf8PathBuf> {
    if link.kind == LinkKind::Pipeline {
        return match children::child(workspace, &link.written) {
            children::Child::Pipeline(path, _) => Some(path),
            _ => None,
        };
    }
    match workspace.resolve(&link.written) {
        Resolved::Found(path) => Some(path),
        Resolved::Missing | Resolved::Outside => None,
    }
}

/// What is wrong between `analysis` and the files it names, in no particular order.
pub(crate) fn check(analysis: &Analysis, workspace: &Workspace) -> Vec<Diagnostic> {
    let links = links(analysis);
    let mut found = Vec::new();
    includes::check(workspace, &links, &mut found);
    children::check(analysis, workspace, &links, &mut found);
    reads::check(analysis, workspace, &mut found);
    found
}

#[cfg(test)]
mod tests;
