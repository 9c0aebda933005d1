//! The files around the open documents: what an editor shows comes before what the disk holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use camino::{Utf8Path, Utf8PathBuf};
use dashmap::DashMap;
use engine::{catalog, files::Disk};
use lang::{
    analysis::Analysis,
    registry::Registry,
    workspace::{Files, Listing, Workspace, normal},
};
use tower_lsp::lsp_types::Url;

use super::{document::Document, from_proto};

/// The open documents by address.
pub(crate) type Documents = DashMap<Url, Arc<Document>>;

/// All files there are.
#[derive(Debug)]
pub(crate) struct Around {
    /// Weak, because the documents hold what they lie among.
    documents: Weak<Documents>,
    disk: Arc<Disk>,
}

impl Around {
    pub(crate) fn new(documents: &Arc<Documents>) -> Arc<Self> {
        Arc::new(Self { documents: Arc::downgrade(documents), disk: Disk::new(catalog::registry()) })
    }

    /// All pipelines: those in `folders`, and those open elsewhere.
    pub(crate) fn pipelines(self: &Arc<Self>, folders: &[Url]) -> Vec<(Url, Arc<Analysis>)> {
        let view = View::new(self);
        let mut found: BTreeMap<Url, Arc<Analysis>> = BTreeMap::new();
        for path in folders.iter().filter_map(path_of).flat_map(|folder| view.pipelines(&folder)) {
            let uri = self.open(&path).map(|open| open.uri.clone()).or_else(|| Url::from_file_path(&path).ok());
            if let Some((uri, analysis)) = uri.zip(view.analysis(&path)) {
                found.insert(uri, analysis);
            }
        }
        for document in self.all_open() {
            if document.analysis().recognised().is_some() {
                found.insert(document.uri.clone(), Arc::clone(document.analysis()));
            }
        }
        found.into_iter().collect()
    }

    fn all_open(&self) -> Vec<Arc<Document>> {
        let documents = self.documents.upgrade();
        documents.map(|documents| documents.iter().map(|entry| Arc::clone(entry.value())).collect()).unwrap_or_default()
    }

    /// The open document stored at `path`. Editors escape addresses in different ways, so paths are
    /// compared.
    pub(crate) fn open(&self, path: &Utf8Path) -> Option<Arc<Document>> {
        let documents = self.documents.upgrade()?;
        let found = documents.iter().find(|entry| entry.place().is_some_and(|place| place.path == path))?;
        Some(Arc::clone(found.value()))
    }
}

/// What is known where a document is stored: the models of its workspace among it.
pub(crate) fn registry_of(place: Option<&Place>) -> Arc<Registry> {
    match place {
        Some(Place { path, root }) => catalog::around(root, path.parent().unwrap_or(root)).registry,
        None => catalog::registry(),
    }
}

/// Where a document is stored and which folder it is worked on in; absolute and normal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: Utf8PathBuf,
    pub(crate) root: Utf8PathBuf,
}

impl Place {
    /// The place of a stored document: in the innermost of `folders`, else in the folder it lies in.
    pub(crate) fn of(uri: &Url, folders: &[Url]) -> Option<Self> {
        let path = path_of(uri)?;
        let inside = folders.iter().filter_map(path_of).filter(|folder| path.starts_with(folder));
        let root = inside.max_by_key(|folder| folder.as_str().len()).or_else(|| Some(path.parent()?.to_owned()))?;
        Some(Self { path, root })
    }
}

/// The normal path of a stored document.
pub(crate) fn path_of(uri: &Url) -> Option<Utf8PathBuf> {
    Some(normal(&Utf8PathBuf::from_path_buf(from_proto::path(uri)?).ok()?))
}

/// The files as one revision of a document sees them. Remembers what was asked for, so that a change
/// elsewhere is known to matter.
#[derive(Debug)]
pub(crate) struct View {
    around: Arc<Around>,
    asked: Mutex<BTreeSet<Utf8PathBuf>>,
}

impl View {
    pub(crate) fn new(around: &Arc<Around>) -> Arc<Self> {
        Arc::new(Self { around: Arc::clone(around), asked: Mutex::default() })
    }

    /// The surroundings of a document at `place`.
    pub(crate) fn workspace(self: &Arc<Self>, place: &Place) -> Workspace {
        Workspace {
            path: place.path.clone(),
            root: place.root.clone(),
            files: Arc::<Self>::clone(self) as Arc<dyn Files>,
        }
    }

    /// The files it sees.
    pub(crate) fn around(&self) -> &Arc<Around> {
        &self.around
    }

    /// Whether what is at one of `paths`, or beneath it, was asked for.
    pub(crate) fn asked_for(&self, paths: &[Utf8PathBuf]) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().any(|known| paths.iter().any(|path| known.starts_with(path)))
    }

    /// Whether anything was asked for.
    pub(crate) fn has_looked(&self) -> bool {
        !self.asked.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Before anything is read: a change that comes in between is then found by `asked_for`, and one
    /// that came before is what is read.
    fn note(&self, path: &Utf8Path) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
    }
}

impl Files for View {
    fn is_directory(&self, path: &Utf8Path) -> Option<bool> {
        self.note(path);
        if self.around.open(path).is_some() {
            return Some(false);
        }
        self.around.disk.is_directory(path)
    }

    fn text(&self, path: &Utf8Path) -> Option<Arc<str>> {
        self.note(path);
        match self.around.open(path) {
            Some(document) => Some(Arc::from(document.buffer().text().as_ref())),
            None => self.around.disk.text(path),
        }
    }

    fn analysis(&self, path: &Utf8Path) -> Option<Arc<Analysis>> {
        self.note(path);
        match self.around.open(path) {
            Some(document) => Some(Arc::clone(document.analysis())),
            None => self.around.disk.analysis(path),
        }
    }

    fn list(&self, directory: &Utf8Path, beginning: &str) -> Listing {
        self.around.disk.list(directory, beginning)
    }

    fn pipelines(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        let mut found = self.around.disk.pipelines(root);
        for document in self.around.all_open() {
            let Some(place) = document.place().filter(|place| place.path.starts_with(root)) else { continue };
            found.retain(|path| *path != place.path);
            if document.analysis().recognised().is_some() {
                found.push(place.path.clone());
            }
        }
        found.sort();
        found
    }
}
