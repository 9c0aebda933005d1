//! Where a person keeps what is theirs in every workspace.

use std::path::PathBuf;

/// orc's configuration folder, of the person whose environment has these variables: `$XDG_CONFIG_HOME/orc`, else
/// `~/.config/orc`; on Windows beneath `%APPDATA%`. Nothing where there is no home.
pub(crate) fn config(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME")
        .or_else(|| folder("APPDATA").filter(|_| cfg!(windows)))
        .or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(config.join("orc"))
}
