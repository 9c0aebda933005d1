//! Every file of the corpus against its expectation, `expected/<path>.txt`: each diagnostic with its
//! exact place. `UPDATE_EXPECT=1` rewrites them; hand-written `# why` and `# note` lines stay.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use camino::Utf8PathBuf;
use engine::{catalog, files::Disk};
use lang::{
    analysis::Analysis,
    check::Severity,
    text::{Encoding, TextSize},
};

#[path = "../fuzz/harness.rs"]
pub mod harness;

mod auto;

mod completion;

mod editing;

mod fixes;

mod fuzzed;

mod layout;

mod rename;

mod summary;

/// One line of the corpus's manifest, as far as it is needed here.
pub(crate) struct Row {
    pub(crate) path: String,
    pub(crate) parses: bool,
    pub(crate) validates: bool,
    pub(crate) runs: bool,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn corpus() -> PathBuf {
    root().join("../shared/corpus")
}

fn expected() -> PathBuf {
    root().join("tests/corpus/expected")
}

pub(crate) fn updating() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

pub(crate) fn manifest() -> Vec<Row> {
    let text = fs::read_to_string(corpus().join("manifest.csv")).unwrap();
    text.lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let yes = |at: usize| cells[at] == "yes";
            Row { path: cells[0].to_owned(), parses: yes(2), validates: yes(3), runs: yes(4) }
        })
        .collect()
}

pub(crate) fn analyse(row: &Row) -> Analysis {
    let path = corpus().join("pipelines").join(&row.path);
    let text = fs::read_to_string(&path).unwrap();
    let disk = Disk::new(catalog::registry());
    let pipelines = Utf8PathBuf::from_path_buf(corpus().join("pipelines")).unwrap();
    let workspace = disk.place(&pipelines.join(&row.path), Some(&pipelines)).unwrap();
    Analysis::new(catalog::registry(), path.file_name().unwrap().to_str().unwrap(), &text).within(workspace)
}

fn word(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// The expectation of one file, its hand-written lines left out.
fn render(row: &Row, analysis: &Analysis) -> String {
    let mut text =
        format!("# py-orc: YAML {}, validates {}, runs {}\n", word(row.parses), word(row.validates), word(row.runs));
    let pipeline = analysis.pipeline();
    let outline: Vec<&str> = pipeline.all_steps().iter().map(|step| step.id_text()).collect();
    writeln!(text, "# outline: {}", outline.join(", ")).unwrap();
    if analysis.recognised().is_none() {
        text.push_str("# not a pipeline\n");
    }
    let place = |offset: TextSize| {
        let position = analysis.lines().position(analysis.text(), offset, Encoding::Utf32);
        format!("{}:{}", position.line + 1, position.column + 1)
    };
    for diagnostic in analysis.diagnostics() {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Information => "information",
            Severity::Hint => "hint",
        };
        let (start, end) = (place(diagnostic.range.start()), place(diagnostic.range.end()));
        writeln!(text, "{start}-{end} {severity} {} {}", diagnostic.code, diagnostic.message).unwrap();
    }
    text
}

/// The lines a person wrote into an expectation.
fn by_hand(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("# why:") || line.starts_with("# note:")).collect()
}

/// Puts the hand-written lines behind the generated head.
fn with_hand_lines(rendered: &str, hand: &[&str]) -> String {
    let mut lines: Vec<&str> = rendered.lines().collect();
    let head = lines.iter().take_while(|line| line.starts_with('#')).count();
    lines.splice(head..head, hand.iter().copied());
    lines.join("\n") + "\n"
}

#[test]
fn every_file_has_the_diagnostics_of_its_expectation() {
    let mut stale = Vec::new();
    for row in manifest() {
        let rendered = render(&row, &analyse(&row));
        let file = expected().join(format!("{}.txt", row.path));
        let old = fs::read_to_string(&file).unwrap_or_default();
        let new = with_hand_lines(&rendered, &by_hand(&old));
        if old == new {
            continue;
        }
        if updating() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, new).unwrap();
        } else {
            let changed: Vec<String> = diff(&old, &new);
            stale.push(format!("{}\n{}", row.path, changed.join("\n")));
        }
    }
    assert!(stale.is_empty(), "not as expected (UPDATE_EXPECT=1 rewrites):\n{}", stale.join("\n"));
}

fn diff(old: &str, new: &str) -> Vec<String> {
    let gone = old.lines().filter(|line| !new.lines().any(|other| other == *line)).map(|line| format!("  - {line}"));
    let come = new.lines().filter(|line| !old.lines().any(|other| other == *line)).map(|line| format!("  + {line}"));
    gone.chain(come).collect()
}

#[test]
fn an_error_in_a_file_that_py_orc_accepts_says_why() {
    for row in manifest().iter().filter(|row| row.validates) {
        let analysis = analyse(row);
        let codes: BTreeMap<String, &str> = analysis
            .diagnostics()
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
            .map(|diagnostic| (diagnostic.code.to_string(), diagnostic.message.as_str()))
            .collect();
        let file = expected().join(format!("{}.txt", row.path));
        let text = fs::read_to_string(&file).unwrap_or_default();
        let why = by_hand(&text).join("\n");
        for (code, message) in codes {
            assert!(why.contains(&code), "{}: no `# why:` line names {code} ({message})", row.path);
        }
    }
}

#[test]
fn every_range_lies_in_the_text_and_marks_something() {
    for row in manifest() {
        harness::check_ranges(&analyse(&row));
    }
}

#[test]
fn safe_fixes_leave_no_new_error() {
    for row in manifest() {
        let analysis = analyse(&row);
        let errors = |analysis: &Analysis| {
            analysis.diagnostics().iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
        };
        let edits: Vec<lang::text::TextEdit> = analysis
            .diagnostics()
            .iter()
            .filter_map(|diagnostic| diagnostic.fixes.iter().find(|fix| fix.safe))
            .flat_map(|fix| fix.edits.clone())
            .collect();
        let mended = lang::text::apply_edits(analysis.text(), &edits);
        let name = Path::new(&row.path).file_name().unwrap().to_str().unwrap();
        let after = Analysis::new(catalog::registry(), name, &mended);
        let new: Vec<_> = after.diagnostics().iter().filter(|one| one.severity == Severity::Error).collect();
        assert!(new.len() <= errors(&analysis), "{}: fixes made errors\n{new:#?}\n{mended}", row.path);
    }
}
