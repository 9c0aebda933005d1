//! The text format: rustc's look, by annotate-snippets, on the lines that matter.

use std::fmt::Write;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use lang::{
    analysis::Analysis,
    check::{Diagnostic, Severity},
    text::{TextRange, TextSize},
};

use super::{Checked, Place, Report, plural};

/// Longer lines are cut around what is marked. What is shorter the renderer cuts by itself, which
/// takes time in proportion to the line.
const WIDTH: usize = 4096;

/// All diagnostics, the files that are no pipelines, and a summary line.
pub(super) fn render(report: &Report, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for checked in &report.checked {
        for diagnostic in checked.analysis.diagnostics() {
            text.push_str(&one(&renderer, checked, diagnostic));
            text.push_str("\n\n");
        }
    }
    for file in &report.not_pipelines {
        let _ = writeln!(text, "{file}: not a pipeline");
    }
    text.push_str(&summary(report));
    text.push('\n');
    text
}

fn one(renderer: &Renderer, checked: &Checked, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Information => Level::INFO.with_name("information"),
        Severity::Hint => Level::HELP.with_name("hint"),
    };
    let code = diagnostic.code.to_string();
    let mut groups = vec![excerpt(
        checked,
        level.primary_title(diagnostic.message.as_str()).id(code).into_group(),
        diagnostic.range,
        AnnotationKind::Primary,
    )];
    let others: Vec<Option<Checked>> = diagnostic.related.iter().map(|related| checked.other(related)).collect();
    for (related, other) in diagnostic.related.iter().zip(&others) {
        let title = Level::NOTE.secondary_title(related.message.as_str());
        let file = other.as_ref().unwrap_or(checked);
        groups.push(excerpt(file, title.into_group(), related.range, AnnotationKind::Context));
    }
    if let Some(fix) = diagnostic.fixes.first()
        && let Some(last) = groups.pop()
    {
        groups.push(last.element(Level::HELP.message(fix.title.as_str())));
    }
    without_empty_places(&renderer.render(&groups))
}

/// The place is given by an [`Origin`], since the excerpt may be cut and would count columns from the
/// cut; the renderer then draws a second, empty place (`:::`) above the excerpt.
fn without_empty_places(rendered: &str) -> String {
    let kept: Vec<&str> = rendered
        .lines()
        .filter(|line| !line.strip_suffix("\u{1b}[0m").unwrap_or(line).trim_end().ends_with(":::"))
        .collect();
    kept.join("\n")
}

trait IntoGroup<'a> {
    fn into_group(self) -> Group<'a>;
}

impl<'a> IntoGroup<'a> for annotate_snippets::Title<'a> {
    fn into_group(self) -> Group<'a> {
        Group::with_title(self)
    }
}

/// Adds the place and the marked lines.
fn excerpt<'a>(checked: &'a Checked, group: Group<'a>, range: TextRange, kind: AnnotationKind) -> Group<'a> {
    let place = Place::of(&checked.analysis, range);
    let window = Window::around(&checked.analysis, range);
    let cut = window.cut;
    let snippet = Snippet::source(window.text)
        .line_start(place.line as usize)
        .fold(false)
        .annotation(kind.span(window.start..window.end));
    if cut {
        let origin = Origin::path(checked.file.as_str()).line(place.line as usize).char_column(place.column as usize);
        return group.element(origin).element(snippet);
    }
    group.element(snippet.path(checked.file.as_str()))
}

/// The first marked line, cut to a readable length, and where the mark stands in it.
struct Window {
    text: String,
    start: usize,
    end: usize,
    cut: bool,
}

impl Window {
    fn around(analysis: &Analysis, range: TextRange) -> Self {
        let text = analysis.text();
        let line = analysis.lines().line_range(text, analysis.lines().line_of(range.start()));
        let start = range.start().min(line.end());
        let end = range.end().clamp(start, line.end());
        let mut from = line.start();
        let mut to = line.end();
        if usize::from(line.len()) > WIDTH {
            from = boundary(text, usize::from(start).saturating_sub(WIDTH / 4).max(usize::from(line.start())));
            to = boundary(text, (usize::from(from) + WIDTH).min(usize::from(line.end())));
        }
        let (start, end) = (start.clamp(from, to), end.clamp(from, to));
        let before = if from > line.start() { "…" } else { "" };
        let after = if to < line.end() { "…" } else { "" };
        // Control characters would be drawn, or would move the cursor; each becomes one that shows.
        let part: String = text[TextRange::new(from, to)].chars().map(visible).collect();
        let width = |until: TextSize| {
            before.len() + text[TextRange::new(from, until)].chars().map(|c| visible(c).len_utf8()).sum::<usize>()
        };
        let cut = !(before.is_empty() && after.is_empty());
        Self { cut, start: width(start), end: width(end), text: format!("{before}{part}{after}") }
    }
}

fn visible(character: char) -> char {
    match character {
        '\t' => '\t',
        character if character.is_control() => '\u{fffd}',
        character => character,
    }
}

fn boundary(text: &str, mut at: usize) -> TextSize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    TextSize::new(at as u32)
}

fn summary(report: &Report) -> String {
    let files = plural(report.checked.len(), "pipeline");
    let counts = report.counts();
    let found = [
        (counts.errors, plural(counts.errors, "error")),
        (counts.warnings, plural(counts.warnings, "warning")),
        (counts.information, format!("{} information", counts.information)),
        (counts.hints, plural(counts.hints, "hint")),
    ];
    let found: Vec<String> = found.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
    let mut line = match found.as_slice() {
        [] if report.checked.is_empty() => "no pipeline checked".to_owned(),
        [] => format!("{files} checked: no problems"),
        found => format!("{files} checked: {}", found.join(", ")),
    };
    if !report.unreadable.is_empty() {
        let _ = write!(line, "; {} not read", plural(report.unreadable.len(), "file"));
    }
    line
}
