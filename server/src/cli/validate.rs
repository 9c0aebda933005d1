//! `orc validate`.

use std::{io, process::ExitCode, sync::Arc};

use camino::Utf8Path;
use clap::{Args, ValueEnum};
use engine::files::Disk;
use lang::analysis::Analysis;

use super::{
    input::{self, Source},
    print::{self, Stream},
    report::{Checked, Format, Report},
};

/// Options of `orc validate`.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Pipeline files, directories (their *.yaml and *.yml pipelines), or - for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,

    /// How to write what was found.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// What else counts as failure.
    #[arg(long, value_enum, value_name = "WHAT")]
    deny: Option<Deny>,
}

/// What counts as failure beside errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings.
    Warnings,
}

impl Validate {
    /// Checks the files; exit code 2 if one has an error or cannot be read.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        let report = check(input::read_all(&self.files));
        for message in &report.unreadable {
            print::error(message);
        }
        print::out(&report.render(self.format, print::colour(Stream::Stdout)))?;
        let counts = report.counts();
        let failed = counts.errors > 0
            || !report.unreadable.is_empty()
            || (self.deny == Some(Deny::Warnings) && counts.warnings > 0);
        Ok(if failed { ExitCode::from(super::INVALID) } else { ExitCode::SUCCESS })
    }
}

fn check(sources: Vec<Result<Source, String>>) -> Report {
    let disk = Disk::new(engine::catalog::registry());
    let mut report = Report::default();
    for source in sources {
        match source {
            Err(message) => report.unreadable.push(message),
            Ok(source) => {
                let analysis = analyse(&source, &disk);
                if analysis.recognised().is_some() {
                    report.checked.push(Checked { file: source.name, analysis });
                } else if !source.found {
                    report.not_pipelines.push(source.name);
                }
            }
        }
    }
    report
}

/// Analyses a text as the language server does, the working directory being the workspace.
pub(crate) fn analyse(source: &Source, disk: &Arc<Disk>) -> Arc<Analysis> {
    let path = Utf8Path::new(&source.name);
    let name = path.file_name().unwrap_or_default();
    let analysis = Analysis::new(engine::catalog::registry(), name, &source.text);
    Arc::new(match disk.place(path, None) {
        Some(workspace) => analysis.within(workspace),
        None => analysis,
    })
}
