//! The lock files of a run: its pipeline's, and those of the pipelines it runs.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use camino::Utf8Path;
use lang::auto::Hole;

use super::{
    super::{context::RunContext, execute::lock, perform::failure},
    fits,
};
use crate::{
    lock_file::{self, LockFile, LockFileError, Pin, Standing},
    tools::Failure,
};

/// How long to wait before it is tried again to change a file that another process holds.
const MOMENT: Duration = Duration::from_millis(10);

/// The pins a run may use and make.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    /// By the pipeline's file; read when first needed.
    files: Mutex<HashMap<PathBuf, LockFile>>,
    locked: bool,
}

impl Pins {
    pub(crate) fn new(locked: bool) -> Arc<Self> {
        Arc::new(Self { files: Mutex::default(), locked })
    }

    /// Whether nothing may be asked.
    pub(crate) fn is_locked(&self) -> bool {
        self.locked
    }

    /// Where the tag stands, seen from the file of the pipeline.
    pub(crate) fn position(cx: &RunContext, hole: &Hole) -> String {
        format!("{}{}", cx.inline, hole.position)
    }

    /// The pin that answers the question, or why there is none.
    pub(crate) fn find(
        &self,
        cx: &RunContext,
        hole: &Hole,
        body: &str,
        context: &str,
    ) -> Result<Result<Box<Pin>, Standing>, Failure> {
        let Some(path) = path(cx) else { return Ok(Err(Standing::Missing)) };
        let mut files = lock(&self.files);
        let pins = match files.entry(path) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let read = LockFile::read(entry.key()).map_err(|error| failure("LockFileError", error.to_string()))?;
                entry.insert(read)
            }
        };
        let found = pins.find(&Self::position(cx, hole), body, context);
        Ok(found.and_then(|pin| {
            if fits(&hole.target.schema, &pin.value).is_ok() { Ok(Box::new(pin.clone())) } else { Err(Standing::Unfit) }
        }))
    }

    /// Keeps the answer, once no other process changes the file; whether there is a file to keep it in. After a
    /// cancel nothing is written.
    pub(crate) async fn set(&self, cx: &RunContext, pin: &Pin, is_repeated: bool) -> Result<bool, LockFileError> {
        let Some(path) = path(cx) else { return Ok(false) };
        loop {
            if cx.cancel.is_cancelled() {
                return Err(LockFileError::Cancelled(path.display().to_string()));
            }
            if self.try_set(cx, &path, pin, is_repeated)? {
                return Ok(true);
            }
            tokio::select! {
                () = cx.cancel.cancelled() => {}
                () = tokio::time::sleep(MOMENT) => {}
            }
        }
    }

    /// Whether it was kept; not while another process changes the file.
    fn try_set(&self, cx: &RunContext, path: &Path, pin: &Pin, is_repeated: bool) -> Result<bool, LockFileError> {
        // Held meanwhile, so that of two that are kept at once the later one is known to hold both.
        let mut files = lock(&self.files);
        let pins = LockFile::try_change(cx.file.as_std_path(), |pins| pins.set(pin.clone(), is_repeated))?;
        let is_kept = pins.is_some();
        files.extend(pins.map(|pins| (path.to_owned(), pins)));
        Ok(is_kept)
    }
}

/// The lock file of the pipeline that runs; none where it came on standard input.
fn path(cx: &RunContext) -> Option<PathBuf> {
    let file: &Utf8Path = &cx.file;
    (file.file_name() != Some("-")).then(|| lock_file::path_of(file.as_std_path()))
}
