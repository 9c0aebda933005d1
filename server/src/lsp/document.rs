//! An open document at one revision: immutable, analysed at most once, shared by all who ask.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use lang::{analysis::Analysis, registry::Registry, text::Buffer};
use tower_lsp::lsp_types::Url;

use super::files::{Around, Place, View, registry_of};

/// A document's text at one revision.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its address.
    pub(crate) uri: Url,
    /// The editor's number for this text.
    pub(crate) version: i32,
    /// Our number for this text; no two texts of a session share one.
    pub(crate) revision: u64,
    buffer: Buffer,
    registry: Arc<Registry>,
    place: Option<Place>,
    view: Arc<View>,
    /// The last analysis of the document before this one, until this one is made of it.
    basis: Mutex<Option<Arc<Analysis>>>,
    analysis: OnceLock<Arc<Analysis>>,
    /// How the revisions before went.
    pace: Arc<Pace>,
}

/// What the last finished analysis of a document took; shared by its revisions.
#[derive(Debug, Default)]
struct Pace {
    /// Zero before the first.
    micros: AtomicU64,
    /// Other files were looked at, and a disk may be slow.
    reads: AtomicBool,
}

/// A document that is analysed faster is answered where the question arrives: another thread costs
/// as much as the answer.
const ON_THE_SPOT: Duration = Duration::from_millis(3);

impl Document {
    /// A document just opened. `place` is where it is stored, if it is.
    pub(crate) fn open(
        (uri, version): (Url, i32),
        revision: u64,
        text: &str,
        (place, around): (Option<Place>, &Arc<Around>),
    ) -> Self {
        Self {
            uri,
            version,
            revision,
            buffer: Buffer::new(text),
            registry: registry_of(place.as_ref()),
            place,
            view: View::new(around),
            basis: Mutex::default(),
            analysis: OnceLock::new(),
            pace: Arc::default(),
        }
    }

    /// The same document with other text.
    pub(crate) fn changed(&self, version: i32, revision: u64, buffer: Buffer) -> Self {
        Self { version, buffer, ..self.touched(revision, self.place.clone()) }
    }

    /// The same text, stored at `place`, after files it looked at have changed.
    pub(crate) fn touched(&self, revision: u64, place: Option<Place>) -> Self {
        let registry = if self.place == place { Arc::clone(&self.registry) } else { registry_of(place.as_ref()) };
        self.with_registry(revision, place, registry)
    }

    /// The same after a `models.yaml` has changed.
    pub(crate) fn with_models(&self, revision: u64) -> Self {
        self.with_registry(revision, self.place.clone(), registry_of(self.place()))
    }

    fn with_registry(&self, revision: u64, place: Option<Place>, registry: Arc<Registry>) -> Self {
        // What was analysed with other models is not a basis.
        let is_same = Arc::ptr_eq(&registry, &self.registry);
        let basis = || self.analysis.get().cloned().or_else(|| self.basis().clone());
        Self {
            uri: self.uri.clone(),
            version: self.version,
            revision,
            buffer: self.buffer.clone(),
            registry,
            place,
            view: View::new(self.view.around()),
            basis: Mutex::new(if is_same { basis() } else { None }),
            analysis: OnceLock::new(),
            pace: Arc::clone(&self.pace),
        }
    }

    /// Whether what is known is the same for both.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.registry, &other.registry)
    }

    /// Where it is stored, if it is.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Whether its analysis looked at one of `paths`.
    pub(crate) fn looked_at(&self, paths: &[Utf8PathBuf]) -> bool {
        self.view.asked_for(paths)
    }

    /// The text to edit further; cheap to clone.
    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// The analysis of this text. Computes on the calling thread if nobody has yet, so call it from
    /// the blocking pool.
    pub(crate) fn analysis(&self) -> &Arc<Analysis> {
        self.analysis.get_or_init(|| {
            let basis = self.basis().take();
            let text = self.buffer.text();
            let analysis = match basis {
                Some(same) if same.text() == text => same,
                Some(other) => Arc::new(other.with_text(&text)),
                None => Arc::new(Analysis::new(Arc::clone(&self.registry), self.file_name(), &text)),
            };
            match &self.place {
                Some(place) => Arc::new(analysis.within(self.view.workspace(place))),
                None => analysis,
            }
        })
    }

    fn basis(&self) -> MutexGuard<'_, Option<Arc<Analysis>>> {
        self.basis.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The analysis with its diagnostics computed, the time it took remembered.
    pub(crate) fn checked(&self) -> &Arc<Analysis> {
        let start = Instant::now();
        let fresh = self.analysis.get().is_none();
        let analysis = self.analysis();
        analysis.diagnostics();
        if fresh {
            self.pace.micros.store(start.elapsed().as_micros().max(1) as u64, Ordering::Relaxed);
            self.pace.reads.store(self.view.has_looked(), Ordering::Relaxed);
        }
        analysis
    }

    /// What checking an earlier revision cost.
    pub(crate) fn expected_cost(&self) -> Duration {
        Duration::from_micros(self.pace.micros.load(Ordering::Relaxed))
    }

    /// Whether it is small and read nothing else so far, so that what is asked about it may be
    /// computed on the task that all handlers share.
    pub(crate) fn is_quick(&self) -> bool {
        let cost = self.expected_cost();
        !cost.is_zero() && cost < ON_THE_SPOT && !self.pace.reads.load(Ordering::Relaxed)
    }

    /// The last part of the path.
    pub(crate) fn file_name(&self) -> &str {
        self.uri.path().rsplit('/').next().unwrap_or_default()
    }
}
