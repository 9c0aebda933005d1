//! The files as they are after edits that nobody has made yet.

use std::{collections::BTreeMap, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};

use super::apply_edits;
use crate::{
    analysis::Analysis,
    text::TextEdit,
    workspace::{Files, Listing, Workspace},
};

/// The files around a document, some of them edited.
#[derive(Debug, Clone)]
pub(super) struct Edited {
    /// The new text of the document that is edited, which may have no place.
    own: Arc<str>,
    texts: BTreeMap<Utf8PathBuf, Arc<str>>,
    base: Option<Arc<dyn Files>>,
}

impl Edited {
    /// The files around `analysis` after `edits`; those of no file are its own.
    pub(super) fn new(analysis: &Analysis, edits: &BTreeMap<Option<Utf8PathBuf>, Vec<TextEdit>>) -> Self {
        let workspace = analysis.workspace();
        let base = workspace.map(|workspace| Arc::clone(&workspace.files));
        let own: Arc<str> =
            edits.get(&None).map_or(analysis.text().into(), |edits| apply_edits(analysis.text(), edits).into());
        let mut texts = BTreeMap::new();
        for (file, edits) in edits {
            let Some(file) = file else { continue };
            if let Some(text) = base.as_ref().and_then(|base| base.text(file)) {
                texts.insert(file.clone(), apply_edits(&text, edits).into());
            }
        }
        texts.extend(workspace.map(|workspace| (workspace.path.clone(), Arc::clone(&own))));
        Self { own, texts, base }
    }

    /// `analysis`, the document or another one of the files, as it is among them.
    pub(super) fn document(&self, analysis: &Analysis) -> Analysis {
        let Some(workspace) = analysis.workspace() else { return analysis.with_text(&self.own) };
        let files: Arc<dyn Files> = Arc::new(self.clone());
        let place = Workspace { files, ..workspace.clone() };
        match self.texts.get(&workspace.path) {
            Some(text) => analysis.with_text(text).within(place),
            None => analysis.within(place),
        }
    }
}

impl Files for Edited {
    fn is_directory(&self, path: &Utf8Path) -> Option<bool> {
        self.base.as_ref()?.is_directory(path)
    }

    fn text(&self, path: &Utf8Path) -> Option<Arc<str>> {
        self.texts.get(path).cloned().or_else(|| self.base.as_ref()?.text(path))
    }

    fn analysis(&self, path: &Utf8Path) -> Option<Arc<Analysis>> {
        let analysis = self.base.as_ref()?.analysis(path)?;
        match self.texts.get(path) {
            Some(text) => Some(Arc::new(analysis.with_text(text))),
            None => Some(analysis),
        }
    }

    fn list(&self, directory: &Utf8Path, beginning: &str) -> Listing {
        self.base.as_ref().map(|base| base.list(directory, beginning)).unwrap_or_default()
    }

    fn pipelines(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        self.base.as_ref().map(|base| base.pipelines(root)).unwrap_or_default()
    }
}
