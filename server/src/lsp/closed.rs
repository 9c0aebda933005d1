//! Pipelines of the workspace that are not open. Each is read when somebody asks for the diagnostics of
//! the whole workspace, and kept until something changes that it looked at: editors ask every few
//! seconds, and nothing may be read again for that.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use camino::Utf8PathBuf;
use engine::catalog;
use lang::workspace::Files;
use tower_lsp::lsp_types::Url;

use super::{
    document::Document,
    files::{Around, Place, View, path_of},
};

/// How many are reported at most.
pub(crate) const MOST: usize = 2_000;

/// What is known of them.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The pipelines of the folders, while no file has come or gone.
    list: Option<(Vec<Url>, Vec<Utf8PathBuf>)>,
    known: HashMap<Utf8PathBuf, (Arc<str>, Arc<Document>)>,
    /// Counts the changes: what was read before one is not kept after it.
    changes: u64,
    /// How many more there are than are reported, until it is told.
    left_out: usize,
    told: bool,
}

impl Closed {
    /// Something at `paths` is other than before, or came, or went.
    pub(crate) fn changed(&self, paths: &[Utf8PathBuf]) {
        let mut state = self.state();
        state.list = None;
        state.changes += 1;
        if paths.iter().any(|path| path.file_name() == Some(catalog::around::FILE)) {
            state.known.clear();
        }
        state.known.retain(|path, (_, document)| !paths.contains(path) && !document.looked_at(paths));
    }

    /// All of them, as they are now. Reads the disk, so it is called from the blocking pool; what is
    /// `watched` is read again only after [`Self::changed`]. `revision` numbers those that are new.
    pub(crate) fn documents(
        &self,
        around: &Arc<Around>,
        folders: &[Url],
        watched: bool,
        revision: &dyn Fn() -> u64,
    ) -> Vec<Arc<Document>> {
        let (listed, changes) = {
            let mut state = self.state();
            if state.list.as_ref().is_some_and(|(of, _)| of != folders) {
                // They lie in another folder now, or in none.
                *state = State { changes: state.changes, ..State::default() };
            }
            (state.list.clone().filter(|_| watched), state.changes)
        };
        let paths = listed.map_or_else(|| self.list(around, folders, changes), |(_, paths)| paths);
        let mut found = Vec::new();
        for path in paths.into_iter().filter(|path| around.open(path).is_none()) {
            let known = self.state().known.get(&path).cloned();
            let document = match known {
                Some((_, document)) if watched => document,
                known => {
                    let Some(text) = View::new(around).text(&path) else { continue };
                    match known {
                        Some((same, document)) if Arc::ptr_eq(&same, &text) => document,
                        _ => {
                            let Some(document) = read(around, folders, &path, &text, revision()) else { continue };
                            let mut state = self.state();
                            if state.changes == changes {
                                state.known.insert(path, (text, Arc::clone(&document)));
                            }
                            drop(state);
                            document
                        }
                    }
                }
            };
            found.push(document);
        }
        found
    }

    /// How many there are beyond those that are reported, if there are any; said once.
    pub(crate) fn left_out(&self) -> Option<usize> {
        let mut state = self.state();
        if state.told || state.left_out == 0 {
            return None;
        }
        state.told = true;
        Some(state.left_out)
    }

    fn list(&self, around: &Arc<Around>, folders: &[Url], changes: u64) -> Vec<Utf8PathBuf> {
        let view = View::new(around);
        let mut paths: Vec<Utf8PathBuf> =
            folders.iter().filter_map(path_of).flat_map(|folder| view.pipelines(&folder)).collect();
        paths.sort();
        paths.dedup();
        let left_out = paths.len().saturating_sub(MOST);
        paths.truncate(MOST);
        let mut state = self.state();
        state.left_out = left_out;
        if paths.iter().any(|path| path.file_name() == Some(catalog::around::FILE)) {
            state.known.clear();
        }
        state.known.retain(|path, _| paths.binary_search(path).is_ok());
        if state.changes == changes {
            state.list = Some((folders.to_vec(), paths.clone()));
        }
        paths
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(around: &Arc<Around>, folders: &[Url], path: &Utf8PathBuf, text: &str, revision: u64) -> Option<Arc<Document>> {
    let uri = Url::from_file_path(path).ok()?;
    let place = Place::of(&uri, folders);
    Some(Arc::new(Document::open((uri, 0), revision, text, (place, around))))
}
