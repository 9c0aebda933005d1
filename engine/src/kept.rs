//! Outlines of long pipelines, kept from one command to the next in the person's own cache folder: a run, a
//! resume or a plan of the same text begins without reading and checking it again.
//!
//! An outline is found by what it was made from: the text, the `models.yaml` files around it and this very
//! program. One that is missing, damaged or of another version is as if there had never been one. It is kept
//! where the person's own programs keep such things, not in the workspace: who hands over a workspace could
//! else hand over another pipeline than its text says.

use std::{
    env,
    fs::{self, OpenOptions},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::{self, JoinHandle},
    time::UNIX_EPOCH,
};

use serde_json::json;

use crate::{
    catalog::Surroundings,
    home,
    plan::{Kept, Plan, outline},
    run::secrets::Redactor,
};

/// From this many steps on an outline is read much faster than the pipeline.
const MANY: usize = 2_000;

/// No pipeline of [`MANY`] steps is shorter, in bytes.
const SHORTEST: usize = 40_000;

/// How many outlines are kept.
const MOST: usize = 16;

/// The outline of the pipeline `text` in the file `file_name` (the last part of its path).
pub fn look(around: &Surroundings, file_name: &str, text: &str) -> Option<Arc<Kept>> {
    let (key, made_from) = key(around, file_name, text)?;
    let written = fs::read_to_string(folder()?.join(&key)).ok()?;
    // The name of the file is a short hash: it says where to look, not what is there.
    let (sum, outline) = written.strip_prefix(&made_from)?.strip_prefix(text)?.split_at_checked(SUM)?;
    if sum != sum_of(outline) {
        return None;
    }
    Kept::read(outline, key, &around.registry, (file_name, text)).map(Arc::new)
}

/// Keeps the outline of `plan` on a thread of its own. Under which key it will be
/// found, if it can be kept; where writing fails, it will not be, and nothing else happens.
pub fn keep(around: &Surroundings, file_name: &str, plan: &Plan) -> Option<String> {
    if plan.program.scope.steps.len() < MANY {
        return None;
    }
    let (key, made_from) = key(around, file_name, plan.text())?;
    let (folder, plan, name) = (folder()?, plan.clone(), key.clone());
    let write = move || {
        // What is not kept anywhere else is not kept here.
        if Redactor::of(&plan).text(plan.text()) != plan.text() {
            return;
        }
        if let Some(outline) = outline::written(&plan) {
            let parts = [&made_from, plan.text(), &sum_of(&outline), &outline];
            // The next command reads the pipeline itself.
            let _ = put(&folder, &name, parts);
        }
    };
    let writer = thread::Builder::new().name("outline".to_owned()).spawn(write).ok()?;
    *writers() = Some(writer);
    Some(key)
}

/// Waits until what [`keep`] began is written: before the process ends.
pub fn settle() {
    if let Some(writer) = writers().take() {
        // What broke down there is not kept.
        let _ = writer.join();
    }
}

fn writers() -> MutexGuard<'static, Option<JoinHandle<()>>> {
    static WRITER: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);
    WRITER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Under which name the outline is found, and what it was made from besides the text, in a line; nothing for what
/// is too short to have one.
fn key(around: &Surroundings, file_name: &str, text: &str) -> Option<(String, String)> {
    if text.len() < SHORTEST {
        return None;
    }
    let made_from = format!("{}\n", json!([program()?, around.made_of, file_name, text.len()]));
    let half = |seed: u8| {
        let mut hasher = DefaultHasher::new();
        (seed, &made_from, text).hash(&mut hasher);
        hasher.finish()
    };
    Some((format!("{:016x}{:016x}", half(0), half(1)), made_from))
}

/// The length of [`sum_of`] in bytes.
const SUM: usize = 16;

/// Tells a whole outline from a damaged one.
fn sum_of(outline: &str) -> String {
    let mut hasher = DefaultHasher::new();
    outline.hash(&mut hasher);
    format!("{:0SUM$x}", hasher.finish())
}

/// Says which program this is: another one may read the same text otherwise.
fn program() -> Option<&'static str> {
    static PROGRAM: OnceLock<Option<String>> = OnceLock::new();
    let stamp = || {
        let file = fs::metadata(env::current_exe().ok()?).ok()?;
        let modified = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(format!("{} {} {}", env!("CARGO_PKG_VERSION"), file.len(), modified.as_nanos()))
    };
    PROGRAM.get_or_init(stamp).as_deref()
}

fn folder() -> Option<PathBuf> {
    Some(home::cache(|name| env::var_os(name).map(PathBuf::from))?.join("outlines"))
}

/// Writes the file as a whole or not at all, and removes the oldest beyond [`MOST`].
fn put(folder: &Path, name: &str, parts: [&str; 4]) -> io::Result<()> {
    let mut making = fs::DirBuilder::new();
    making.recursive(true);
    let mut writing = OpenOptions::new();
    writing.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        making.mode(0o700);
        writing.mode(0o600);
    }
    making.create(folder)?;
    remove_oldest(folder)?;
    let beside = folder.join(format!("{name}.{}", std::process::id()));
    let written = writing.open(&beside).and_then(|mut file| file.write_all(parts.concat().as_bytes()));
    let placed = written.and_then(|()| fs::rename(&beside, folder.join(name)));
    if placed.is_err() {
        fs::remove_file(&beside)?;
    }
    placed
}

fn remove_oldest(folder: &Path) -> io::Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Another process may have removed it.
        if let Ok(modified) = entry.metadata().and_then(|entry| entry.modified()) {
            found.push((modified, entry.path()));
        }
    }
    found.sort();
    let more = (found.len() + 1).saturating_sub(MOST);
    for (_, path) in found.into_iter().take(more) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
