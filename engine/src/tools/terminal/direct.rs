//! Which program a command runs, where that needs no shell.

use std::path::Path;

use lang::template::shell::plain_words;

use crate::tools::process::Direct;

/// Words of programs that do something else when they lead a process group, which they do not beneath a shell;
/// others may start them, or speak of them (`env setsid …`, `python3 -c 'import os; os.setsid()'`).
const NOT_AS_LEADERS: &[&str] = &["setsid", "setpgid", "setpgrp", "daemon"];

/// The program that `command` runs and its words, if they are plain and the program is there. What a
/// shell has to say otherwise (not found, no permission) the shell says.
pub(super) fn direct(command: &str, directory: &Path, environment: &[(String, String)]) -> Option<Direct> {
    if cfg!(windows) {
        return None;
    }
    if NOT_AS_LEADERS.iter().any(|word| command.contains(word)) {
        return None;
    }
    let words = plain_words(command)?;
    let name = words.first()?;
    let program = if name.contains('/') {
        // As it was given: a script sees its own name, and it is looked for where it runs.
        is_program(&directory.join(name)).then(|| name.into())
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
