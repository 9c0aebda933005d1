//! The lock files of a run: its pipeline's, and those of the pipelines it runs.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
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

    /// Keeps the answer; whether there is a file to keep it in.
    pub(crate) fn set(&self, cx: &RunContext, pin: Pin, is_repeated: bool) -> Result<bool, LockFileError> {
        let Some(path) = path(cx) else { return Ok(false) };
        let mut files = lock(&self.files);
        // Another run, or a person, may have changed it since.
        let mut pins = LockFile::read(&path)?;
        pins.set(pin, is_repeated);
        let written = pins.write(&path);
        files.insert(path, pins);
        written.map(|()| true)
    }
}

/// The lock file of the pipeline that runs; none where it came on standard input.
fn path(cx: &RunContext) -> Option<PathBuf> {
    let file: &Utf8Path = &cx.file;
    (file.file_name() != Some("-")).then(|| lock_file::path_of(file.as_std_path()))
}
