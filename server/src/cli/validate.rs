//! `orc validate`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use camino::Utf8Path;
use clap::{Args, ValueEnum};
use engine::{catalog, files::Disk};
use lang::{analysis::Analysis, ide::actions};

use super::{
    input::{self, Source},
    print::{self, Stream},
    report::{Checked, Format, Report},
    rewrite,
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

    /// Apply every fix that keeps the meaning, then check again.
    #[arg(long)]
    fix: bool,

    /// Show what the fixes change, as a unified diff; without --fix nothing is written, and nothing
    /// else is printed.
    #[arg(long)]
    diff: bool,

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
        let mut sources = input::read_all(&self.files);
        let mut failures = Vec::new();
        if self.fix || self.diff {
            let shown = self.mend(&mut sources, &mut failures);
            // What machines read is not mixed with what people read.
            if self.fix && self.format != Format::Text {
                if !shown.is_empty() {
                    print::note(shown.trim_end());
                }
            } else {
                print::out(&shown)?;
            }
        }
        let mut report = check(sources);
        report.unreadable.append(&mut failures);
        for message in &report.unreadable {
            print::error(message);
        }
        if !self.diff || self.fix {
            print::out(&report.render(self.format, print::colour(Stream::Stdout)))?;
        }
        let exit = self.exit(&report);
        // The process ends here; taking large analyses apart piece by piece would hold it up.
        std::mem::forget(report);
        Ok(exit)
    }

    fn exit(&self, report: &Report) -> ExitCode {
        let counts = report.counts();
        let failed = counts.errors > 0
            || !report.unreadable.is_empty()
            || (self.deny == Some(Deny::Warnings) && counts.warnings > 0);
        if failed { ExitCode::from(super::INVALID) } else { ExitCode::SUCCESS }
    }

    /// Fixes what was read; returns the diff, if one is wanted. With `--fix` the files are written and
    /// the sources say what they hold then; why one cannot be goes to `failures`.
    fn mend(&self, sources: &mut [Result<Source, String>], failures: &mut Vec<String>) -> String {
        let disk = Disk::new(catalog::registry());
        let mut shown = String::new();
        // What files hold that were fixed already, under another name for the same one.
        let mut fixed: BTreeMap<PathBuf, String> = BTreeMap::new();
        for source in sources.iter_mut().filter_map(|source| source.as_mut().ok()) {
            let path = fs::canonicalize(&source.name).ok().filter(|_| !source.is_stdin());
            if let Some(after) = path.as_ref().and_then(|path| fixed.get(path)) {
                source.text.clone_from(after);
                continue;
            }
            let analysis = analyse(source, &disk);
            if analysis.recognised().is_none() {
                continue;
            }
            let after = actions::fix_all(&analysis, &|_| true);
            if after == source.text {
                continue;
            }
            if self.diff {
                shown.push_str(&rewrite::diff(source, &after));
            }
            if !self.fix {
                continue;
            }
            if source.is_stdin() {
                failures.push("standard input cannot be fixed in place; name a file, or use --diff".to_owned());
                continue;
            }
            match rewrite::rewrite(source, &after) {
                Ok(()) => {
                    fixed.extend(path.map(|path| (path, after.clone())));
                    source.text = after;
                }
                Err(message) => failures.push(message),
            }
        }
        if self.fix {
            print::note(&match fixed.len() {
                1 => "fixed 1 file".to_owned(),
                count => format!("fixed {count} files"),
            });
        }
        shown
    }
}

fn check(sources: Vec<Result<Source, String>>) -> Report {
    let disk = Disk::new(catalog::registry());
    let mut report = Report::default();
    let wrong: BTreeSet<String> = sources
        .iter()
        .filter_map(|source| source.as_ref().ok())
        .flat_map(|source| {
            catalog::around_file(&source.name).problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        })
        .collect();
    report.unreadable.extend(wrong);
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
    let analysis = Analysis::new(catalog::around_file(&source.name).registry, name, &source.text);
    Arc::new(match disk.place(path, None) {
        Some(workspace) => analysis.within(workspace),
        None => analysis,
    })
}
