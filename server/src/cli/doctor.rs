//! `orc doctor`: what this installation can do here. It reports what it tried, not what it hopes.

use std::{
    fmt::Write,
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;

use super::print;

/// Options of `orc doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

enum Finding {
    Good(String),
    Note(String),
    Bad(String),
}

impl Doctor {
    /// Prints a line per fact; exit code 1 if something is broken.
    #[expect(clippy::unused_self, reason = "a command without options yet")]
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        let registry = engine::catalog::around_file("-").registry;
        let executable = registry.tools.values().filter(|tool| tool.available).count();
        let mut findings = vec![
            Finding::Good(format!(
                "orc {}, {} {}",
                env!("CARGO_PKG_VERSION"),
                std::env::consts::OS,
                std::env::consts::ARCH
            )),
            program(),
            Finding::Good(format!(
                "{} tools known, {executable} of them executable in this version",
                registry.tools.len()
            )),
            Finding::Good(format!(
                "{} models known, prices of {}",
                registry.models.models().len(),
                registry.models.price_date()
            )),
            store(),
            shell(),
            Finding::Note(
                "sandbox: tools are confined to the working and output directories by orc itself, not by the system"
                    .to_owned(),
            ),
        ];
        findings.extend(providers());
        let mut broken = false;
        let mut text = String::new();
        for finding in findings {
            let (mark, line) = match finding {
                Finding::Good(line) => ("✔", line),
                Finding::Note(line) => ("–", line),
                Finding::Bad(line) => {
                    broken = true;
                    ("✘", line)
                }
            };
            let _ = writeln!(text, "{mark} {line}");
        }
        print::out(&text)?;
        Ok(if broken { ExitCode::from(super::FAILED) } else { ExitCode::SUCCESS })
    }
}

/// Editors start `orc` by name, so another one first on the path would be theirs.
fn program() -> Finding {
    let here = match std::env::current_exe().and_then(|path| path.canonicalize()) {
        Ok(path) => path,
        Err(error) => {
            return Finding::Bad(format!(
                "the program's own path cannot be found: {error}; editors could not start runs"
            ));
        }
    };
    let name = format!("orc{}", std::env::consts::EXE_SUFFIX);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    match std::env::split_paths(&paths).map(|folder| folder.join(&name)).find(|path| path.is_file()) {
        None => Finding::Note(format!(
            "`orc` is not on the PATH; editors need it there, or its path in their settings: {}",
            here.display()
        )),
        Some(found) if found.canonicalize().is_ok_and(|found| found == here) => {
            Finding::Good(format!("`orc` on the PATH is this one: {}", found.display()))
        }
        Some(found) => {
            Finding::Note(format!("editors will start another `orc`: {} (this is {})", found.display(), here.display()))
        }
    }
}

/// Which providers a run could ask. None is contacted.
fn providers() -> impl Iterator<Item = Finding> {
    let ready = engine::models::readiness(std::env::vars_os());
    ready.into_iter().map(|ready| {
        Finding::Note(match ready {
            Ok(who) => format!("models of {who}: nothing is missing, not tried"),
            Err((label, problem)) => format!("models of {label}: {problem}"),
        })
    })
}

/// Tries what a run would do: a file in `.orc/` of the working directory. Nothing is left behind.
fn store() -> Finding {
    let store = PathBuf::from(".orc");
    let existed = store.is_dir();
    let result = probe(&store);
    if !existed {
        // Only ever removes an empty directory, the one just made.
        let _ = std::fs::remove_dir(&store);
    }
    match result {
        Ok(()) => Finding::Good("the run store `.orc` can be written here".to_owned()),
        Err(error) => {
            Finding::Bad(format!("the run store `.orc` cannot be written here: {error}; use `orc run --no-store`"))
        }
    }
}

fn probe(store: &Path) -> io::Result<()> {
    std::fs::create_dir_all(store)?;
    let probe = store.join(format!("doctor-{}", std::process::id()));
    std::fs::write(&probe, b"")?;
    std::fs::remove_file(&probe)
}

fn shell() -> Finding {
    let shell = if cfg!(windows) { std::env::var("COMSPEC").unwrap_or_default() } else { "/bin/sh".to_owned() };
    if Path::new(&shell).is_file() {
        Finding::Good(format!("commands run by {shell}"))
    } else {
        Finding::Bad(format!("commands cannot run: there is no shell at `{shell}`"))
    }
}
