//! Trust in a workspace folder (contract §7): without it nothing runs from an editor, and its `models.yaml`
//! sends no key anywhere (contract §6.1). What the client says at the
//! start counts; where it says nothing, the folders that a person trusted before, kept in
//! `$XDG_STATE_HOME/orc/trusted.json`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// The folders trusted in this session.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    session: Mutex<Vec<PathBuf>>,
}

/// The file of trusted folders.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Trusted {
    folders: Vec<PathBuf>,
}

impl Trust {
    /// Whether what is in `folder` may run. `said` is what the client said at the start, about the
    /// workspace `folders`; a no is final.
    pub(crate) fn covers(&self, folder: &Path, said: Option<bool>, folders: &[PathBuf]) -> bool {
        let folder = canonical(folder);
        // A file opened without any folder is the whole workspace.
        let of_workspace = folders.is_empty() || folders.iter().any(|known| folder.starts_with(canonical(known)));
        match said {
            Some(false) => return false,
            Some(true) if of_workspace => return true,
            _ => {}
        }
        let beneath = |trusted: &Vec<PathBuf>| trusted.iter().any(|trusted| folder.starts_with(trusted));
        beneath(&self.session.lock().unwrap_or_else(PoisonError::into_inner))
            || load().is_ok_and(|trusted| beneath(&trusted.folders))
    }

    /// Trusts `folders`, now and in later sessions.
    pub(crate) fn add(&self, folders: &[PathBuf]) -> Result<(), String> {
        let folders: Vec<PathBuf> = folders.iter().map(|folder| canonical(folder)).collect();
        self.session.lock().unwrap_or_else(PoisonError::into_inner).extend(folders.iter().cloned());
        keep(folders).map_err(|error| {
            format!("trusted until the server ends, but the list of trusted folders cannot be kept: {error}")
        })
    }
}

/// Whether a person said before that `folder`, or one above it, is trusted.
pub(crate) fn is_kept(folder: &Path) -> bool {
    let folder = canonical(folder);
    load().is_ok_and(|trusted| trusted.folders.iter().any(|trusted| folder.starts_with(trusted)))
}

/// Trusts folders, whose links were followed, from now on.
pub(crate) fn keep(folders: Vec<PathBuf>) -> io::Result<()> {
    let mut trusted = load()?;
    trusted.folders.extend(folders);
    trusted.folders.sort();
    trusted.folders.dedup();
    store(&trusted)
}

/// `path` with its symbolic links followed; what does not exist yet stays beneath what does.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => canonical(parent).join(name),
        _ => path.to_owned(),
    }
}

fn load() -> io::Result<Trusted> {
    match fs::read(file()?) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Trusted::default()),
        Err(error) => Err(error),
    }
}

/// Replaces the file as a whole, so that a crash leaves the old list or the new one.
fn store(trusted: &Trusted) -> io::Result<()> {
    let file = file()?;
    let folder = file.parent().map_or_else(PathBuf::new, Path::to_owned);
    fs::create_dir_all(&folder)?;
    let fresh = folder.join(format!("trusted.{}.tmp", std::process::id()));
    fs::write(&fresh, serde_json::to_vec_pretty(trusted)?)?;
    fs::rename(&fresh, &file)
}

fn file() -> io::Result<PathBuf> {
    match engine::home::state(|name| std::env::var_os(name).map(PathBuf::from)) {
        Some(state) => Ok(state.join("trusted.json")),
        None => Err(io::Error::new(io::ErrorKind::NotFound, "neither XDG_STATE_HOME nor HOME is set")),
    }
}
