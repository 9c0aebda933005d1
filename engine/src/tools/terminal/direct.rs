//! Which program a command runs, where that needs no shell.

use std::path::Path;

use lang::template::shell::plain_words;

use crate::tools::process::Direct;

/// Programs that do something else when they lead a process group, which they do not beneath a shell.
const NOT_AS_LEADERS: &[&str] = &["setsid", "daemonize", "start-stop-daemon"];

/// The program that `command` runs and its words, if they are plain and the program is there. What a
/// shell has to say otherwise (not found, no permission) the shell says.
pub(super) fn direct(command: &str, directory: &Path, environment: &[(String, String)]) -> Option<Direct> {
    if cfg!(windows) {
        return None;
    }
    let words = plain_words(command)?;
    let name = words.first()?;
    if NOT_AS_LEADERS.contains(&name.rsplit('/').next()?) {
        return None;
    }
    let program = if name.contains('/') {
        Some(directory.join(name)).filter(|program| is_program(program.as_path()))
    } else {
        let (_, path) = environment.iter().find(|(variable, _)| variable == "PATH")?;
        // Entries may be relative, and an empty one is the directory.
        std::env::split_paths(path)
            .map(|entry| directory.join(entry).join(name))
            .find(|program| is_program(program.as_path()))
    };
    program.map(|program| Direct { program, words })
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}
