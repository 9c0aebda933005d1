//! Where a person keeps what is theirs in every workspace.

use std::path::PathBuf;

/// orc's configuration folder, of the person whose environment has these variables: `$XDG_CONFIG_HOME/orc`, else
/// `~/.config/orc`; on Windows beneath `%APPDATA%`. Nothing where there is no home.
pub(crate) fn config(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    own(variable, ["XDG_CONFIG_HOME", "APPDATA"], ".config")
}

/// The folder of what orc can make anew at any time: `$XDG_CACHE_HOME/orc`, else `~/.cache/orc`; on Windows beneath
/// `%LOCALAPPDATA%`. Nothing where there is no home.
pub(crate) fn cache(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    own(variable, ["XDG_CACHE_HOME", "LOCALAPPDATA"], ".cache")
}

fn own(variable: impl Fn(&str) -> Option<PathBuf>, [unix, windows]: [&str; 2], beneath_home: &str) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).filter(|path| path.is_absolute());
    let found = folder(unix)
        .or_else(|| folder(windows).filter(|_| cfg!(windows)))
        .or_else(|| Some(folder("HOME")?.join(beneath_home)))?;
    Some(found.join("orc"))
}

/// orc's state folder, of the same person: `$XDG_STATE_HOME/orc`, else `~/.local/state/orc`; on Windows beneath
/// `%LOCALAPPDATA%`. Nothing where there is no home.
pub fn state(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    own(variable, ["XDG_STATE_HOME", "LOCALAPPDATA"], ".local/state")
}
