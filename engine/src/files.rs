//! The files around a pipeline, as they are on the disk. Reads only regular files of bounded size,
//! and keeps what it has read until the file changes.

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::SystemTime,
};

use camino::{Utf8Path, Utf8PathBuf};
use lang::{
    analysis::Analysis,
    registry::Registry,
    syntax::MAX_BYTES,
    workspace::{Entry, Files, Listing, Workspace, normal},
};

/// How many files and directories a search for pipelines looks at.
const MOST_SEEN: usize = 20_000;

/// How many entries of a directory are listed.
const MOST_LISTED: usize = 2_000;

/// The disk.
#[derive(Debug)]
pub struct Disk {
    registry: Arc<Registry>,
    read: RwLock<HashMap<Utf8PathBuf, Arc<Read>>>,
}

/// A file that was read.
#[derive(Debug)]
struct Read {
    stamp: Stamp,
    text: Option<Arc<str>>,
    analysis: OnceLock<Arc<Analysis>>,
}

/// Says whether a file is still the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

impl Disk {
    /// The disk, its pipelines read with `registry`.
    pub fn new(registry: Arc<Registry>) -> Arc<Self> {
        Arc::new(Self { registry, read: RwLock::default() })
    }

    /// Where a file lies: `path` and `root` made absolute against the working directory, links not
    /// followed. `None` where the working directory cannot be told or is no UTF-8.
    pub fn place(self: &Arc<Self>, path: &Utf8Path, root: Option<&Utf8Path>) -> Option<Workspace> {
        let current = Utf8PathBuf::from_path_buf(std::env::current_dir().ok()?).ok()?;
        let path = normal(&current.join(path));
        let root = normal(&root.map_or(current.clone(), |root| current.join(root)));
        Some(Workspace { path, root, files: Arc::clone(self) as Arc<dyn Files> })
    }

    fn read(&self, path: &Utf8Path) -> Option<Arc<Read>> {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let stamp = Stamp { modified: metadata.modified().ok(), length: metadata.len() };
        let known = self.read.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        if let Some(known) = known.filter(|known| known.stamp == stamp) {
            return Some(known);
        }
        let text = if stamp.length > MAX_BYTES as u64 { None } else { fs::read_to_string(path).ok() };
        let read = Arc::new(Read { stamp, text: text.map(Arc::from), analysis: OnceLock::new() });
        self.read.write().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), Arc::clone(&read));
        Some(read)
    }
}

impl Files for Disk {
    fn is_directory(&self, path: &Utf8Path) -> Option<bool> {
        fs::metadata(path).ok().map(|metadata| metadata.is_dir())
    }

    fn text(&self, path: &Utf8Path) -> Option<Arc<str>> {
        self.read(path)?.text.clone()
    }

    fn analysis(&self, path: &Utf8Path) -> Option<Arc<Analysis>> {
        let read = self.read(path)?;
        let text = read.text.as_ref()?;
        let analyse = || {
            let name = path.file_name().unwrap_or_default();
            Arc::new(Analysis::new(Arc::clone(&self.registry), name, text))
        };
        Some(Arc::clone(read.analysis.get_or_init(analyse)))
    }

    fn list(&self, directory: &Utf8Path, beginning: &str) -> Listing {
        let read = |beginning: &str, most: usize| -> Vec<_> {
            let entries = directory.read_dir_utf8().into_iter().flatten().filter_map(Result::ok);
            entries.filter(|entry| entry.file_name().starts_with(beginning)).take(most).collect()
        };
        let mut read_entries = read("", MOST_LISTED + 1);
        let cut = read_entries.len() > MOST_LISTED;
        if cut {
            read_entries = read(beginning, MOST_LISTED);
        }
        let mut entries: Vec<Entry> = read_entries
            .iter()
            .map(|entry| Entry {
                name: entry.file_name().to_owned(),
                directory: entry.path().metadata().is_ok_and(|metadata| metadata.is_dir()),
            })
            .collect();
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Listing { entries, cut }
    }

    fn pipelines(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        let mut found: Vec<Utf8PathBuf> = ignore::WalkBuilder::new(root)
            .require_git(false)
            .build()
            .filter_map(Result::ok)
            .take(MOST_SEEN)
            .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
            .filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok())
            .filter(|path| matches!(path.extension(), Some("yaml" | "yml")))
            .filter(|path| self.analysis(path).is_some_and(|analysis| analysis.recognised().is_some()))
            .collect();
        found.sort();
        found
    }
}
