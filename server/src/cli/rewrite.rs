//! Changing files of the user: shown as a diff, or written so that nothing is ever lost.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use similar::TextDiff;

use super::input::{self, Source};

/// What would change, as a unified diff; empty if nothing does.
pub(crate) fn diff(source: &Source, after: &str) -> String {
    if source.text == after {
        return String::new();
    }
    let name = &source.name;
    let diff = TextDiff::from_lines(source.text.as_str(), after);
    diff.unified_diff().context_radius(3).header(&format!("a/{name}"), &format!("b/{name}")).to_string()
}

/// Puts `after` in place of what was read: whole or not at all, with the same permissions, and only
/// if nobody has changed the file since. A link stays a link; what it leads to is written.
pub(crate) fn rewrite(source: &Source, after: &str) -> Result<(), String> {
    let name = &source.name;
    let now = input::read(name)?;
    if now.text != source.text {
        return Err(format!("`{name}` has changed since it was read; it is left as it is, try again"));
    }
    write(Path::new(name), after).map_err(|error| format!("cannot write `{name}`: {error}; it is left as it was"))
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let path = fs::canonicalize(path)?;
    let permissions = fs::metadata(&path)?.permissions();
    if permissions.readonly() {
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, "its permissions forbid it"));
    }
    let folder = path.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}
