//! Running `orc`, and comparing with what is committed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Whether what is committed shall be written anew.
pub(crate) fn updates() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

/// What is at `path`, with the ends of lines of the repository; nothing if there is no such file.
pub(crate) fn committed(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n")
}

/// What `orc` answers (its standard output), and its exit code.
pub(crate) fn orc(folder: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_orc")).args(arguments).current_dir(folder).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}
