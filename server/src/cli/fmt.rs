//! `orc fmt`.

use std::{fmt::Write, io, process::ExitCode};

use clap::Args;
use lang::{
    analysis::Analysis,
    ide::format::{self, Unformattable},
    text::{Encoding, edit::apply_edits},
};

use super::{
    input::{self, Source},
    print, rewrite,
};

/// Options of `orc fmt`.
#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Pipeline files, directories (their *.yaml and *.yml pipelines), or - for standard input, whose
    /// layout goes to standard output.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,

    /// Write nothing; name the files that would change, and exit with 1 if there are any.
    #[arg(long)]
    check: bool,

    /// Write nothing; show what would change, and exit with 1 if anything would.
    #[arg(long)]
    diff: bool,
}

/// What became of the files.
#[derive(Debug, Default)]
struct Counts {
    changed: usize,
    unchanged: usize,
    failed: usize,
}

impl Fmt {
    /// Lays the files out; exit code 2 if one cannot be read, laid out or written.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        let mut counts = Counts::default();
        let mut shown = String::new();
        for source in input::read_all(&self.files) {
            let outcome = source.and_then(|source| self.file(&source, &mut shown));
            match outcome {
                Ok(None) => {}
                Ok(Some(true)) => counts.changed += 1,
                Ok(Some(false)) => counts.unchanged += 1,
                Err(message) => {
                    counts.failed += 1;
                    print::error(&message);
                }
            }
        }
        print::out(&shown)?;
        let from_stdin = self.files.iter().all(|file| file == "-");
        if !(self.diff || from_stdin) {
            print::note(&self.summary(&counts));
        }
        Ok(match (counts.failed, counts.changed) {
            (0, 1..) if self.check || self.diff => ExitCode::from(super::FAILED),
            (0, _) => ExitCode::SUCCESS,
            _ => ExitCode::from(super::INVALID),
        })
    }

    /// Lays one file out; whether it changes, or nothing for a found file that is no pipeline.
    fn file(&self, source: &Source, shown: &mut String) -> Result<Option<bool>, String> {
        let name = source.name.rsplit('/').next().unwrap_or_default();
        let analysis = Analysis::new(engine::catalog::registry(), name, &source.text);
        if source.found && analysis.recognised().is_none() {
            return Ok(None);
        }
        let edits = format::format(analysis.parse()).map_err(|why| refusal(source, &analysis, &why))?;
        let after = apply_edits(&source.text, &edits);
        let changed = after != source.text;
        if self.diff {
            shown.push_str(&rewrite::diff(source, &after));
        } else if self.check {
            if changed {
                let _ = writeln!(shown, "{}", source.name);
            }
        } else if source.is_stdin() {
            shown.push_str(&after);
        } else if changed {
            rewrite::rewrite(source, &after)?;
            let _ = writeln!(shown, "{}", source.name);
        }
        Ok(Some(changed))
    }

    fn summary(&self, counts: &Counts) -> String {
        let files = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        let verb = if self.check { "would change" } else { "changed" };
        let mut line = format!("{} {verb}, {} left as they were", files(counts.changed), counts.unchanged);
        if counts.unchanged == 1 {
            line = format!("{} {verb}, 1 left as it was", files(counts.changed));
        }
        if counts.failed > 0 {
            let _ = write!(line, ", {} could not be laid out", counts.failed);
        }
        line
    }
}

fn refusal(source: &Source, analysis: &Analysis, why: &Unformattable) -> String {
    let place = analysis.lines().position(analysis.text(), why.range.start(), Encoding::Utf32);
    format!("{}:{}:{}: {}", source.name, place.line + 1, place.column + 1, why.message)
}
