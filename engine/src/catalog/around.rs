//! The registry as it is around a pipeline: the built-in table of models beneath the person's `models.yaml`
//! and those of the workspace (contract §6.2). Checks, completion, plans and runs all take this one.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use camino::{Utf8Path, Utf8PathBuf};
use lang::{
    registry::{
        Registry,
        overlay::{self, Origin, Overlay, Problem},
    },
    syntax::MAX_BYTES,
};
use sha2::{Digest, Sha256};

use crate::{home, run::cache::hex};

/// The name of the file, in the person's configuration and in a workspace.
pub const FILE: &str = "models.yaml";

/// How many registries are kept: those of the folders that are worked in.
const KEPT: usize = 8;

/// The registry of a place, and what is wrong with the files it is made of.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The registry.
    pub registry: Arc<Registry>,
    /// What is wrong; entries that are right count all the same.
    pub problems: Arc<[Problem]>,
    /// The files it was made of, as a text that another such registry does not have.
    pub made_of: Arc<str>,
}

/// A file that was read, or why it was not.
type Text = Result<String, String>;

/// What a registry was made of.
#[derive(Debug, PartialEq)]
struct Source {
    shown: String,
    origin: Origin,
    text: Text,
}

static KNOWN: Mutex<Vec<(Vec<Source>, Surroundings)>> = Mutex::new(Vec::new());

/// The registry for pipelines in `folder` of the workspace `root`. Reads up to three small files; where there
/// is none, it is the one of every place.
pub fn around(root: &Utf8Path, folder: &Utf8Path) -> Surroundings {
    let own = person_file().map(|path| (path, Origin::Person));
    let nearer = (folder != root).then(|| folder.join(FILE));
    let theirs = [Some(root.join(FILE)), nearer].into_iter().flatten().map(|path| (path, Origin::Workspace));
    let sources: Vec<Source> =
        own.into_iter().chain(theirs).filter_map(|(path, origin)| source(&path, root, origin)).collect();
    if sources.is_empty() {
        return Surroundings { registry: super::registry(), problems: Arc::default(), made_of: Arc::from("") };
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, found)) = known.iter().find(|(of, _)| *of == sources) {
        return found.clone();
    }
    let made = made(&sources);
    if known.len() >= KEPT {
        known.remove(0);
    }
    known.push((sources, made.clone()));
    made
}

/// As [`around`], for a file that was named in the working directory.
pub fn around_file(file: &str) -> Surroundings {
    let here = std::env::current_dir().ok().and_then(|here| Utf8PathBuf::from_path_buf(here).ok()).unwrap_or_default();
    let path = lang::workspace::normal(&here.join(file));
    let folder = path.parent().filter(|_| file != "-").unwrap_or(&here);
    around(&here, folder)
}

/// The person's own file, in orc's configuration folder.
fn person_file() -> Option<Utf8PathBuf> {
    let config = home::config(|name| std::env::var_os(name).map(PathBuf::from))?;
    Some(Utf8PathBuf::from_path_buf(config).ok()?.join(FILE))
}

fn source(path: &Utf8Path, root: &Utf8Path, origin: Origin) -> Option<Source> {
    let shown = match origin {
        Origin::Person => path.to_string(),
        Origin::Workspace => path.strip_prefix(root).unwrap_or(path).to_string(),
    };
    let text = match fs::metadata(path) {
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return None;
        }
        // Who may not look into a home is not the person whose file it is.
        Err(error) if origin == Origin::Person && error.kind() == std::io::ErrorKind::PermissionDenied => return None,
        Err(error) => Err(format!("it cannot be read: {error}")),
        Ok(found) if !found.is_file() => Err("it is no file".to_owned()),
        Ok(found) if found.len() > MAX_BYTES as u64 => Err("it is too large".to_owned()),
        Ok(_) => fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}")),
    };
    Some(Source { shown, origin, text })
}

fn made(sources: &[Source]) -> Surroundings {
    let overlays: Vec<Overlay> = sources
        .iter()
        .map(|source| match &source.text {
            Ok(text) => overlay::read(text, &source.shown, source.origin),
            Err(why) => {
                let problem = Problem { file: Arc::from(&*source.shown), line: 1, column: 1, message: why.clone() };
                Overlay::wrong(problem)
            }
        })
        .collect();
    let known = super::registry();
    let models = known.models.overlaid(&overlays.iter().collect::<Vec<_>>());
    let problems = overlays.into_iter().flat_map(|overlay| overlay.problems).collect();
    // A hash, for there may be a secret in them.
    let made_of = Arc::from(hex(&Sha256::digest(format!("{sources:?}"))));
    Surroundings { registry: Arc::new(Registry { models, ..Registry::clone(&known) }), problems, made_of }
}
