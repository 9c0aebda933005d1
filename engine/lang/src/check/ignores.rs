//! `# orc: ignore ORC204 [reason]` on a line or the one above. Inside a scalar of several lines no
//! comment can stand: one on or above its first line speaks for all of it.

use text_size::{TextRange, TextSize};

use super::{Code, Diagnostic, Severity, Tag, codes};
use crate::{
    check::Fix,
    syntax::{NodeKind, Tree},
    text::{LineIndex, TextEdit},
};

/// One code in one ignore comment.
struct Ignore {
    code: Code,
    code_range: TextRange,
    comment: TextRange,
    /// The lines it speaks for.
    lines: [u32; 2],
    used: bool,
}

/// Takes out what is ignored and adds a hint for each ignore that silences nothing.
pub(super) fn apply(tree: &Tree, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut ignores = ignores(tree);
    if ignores.is_empty() {
        return found;
    }
    let lines = LineIndex::new(tree.text());
    place(tree, &lines, &mut ignores);
    found.retain(|diagnostic| silence(tree, &lines, &mut ignores, diagnostic).is_none());
    // What editors alone report is not to be seen here.
    let unused = |ignore: &&Ignore| !ignore.used && !codes::OF_RUNS.contains(&ignore.code);
    for ignore in ignores.iter().filter(unused) {
        let known = codes::code(ignore.code).is_some();
        let message = if known {
            format!("`{}` is not found here, so there is nothing to ignore; remove the comment", ignore.code)
        } else {
            format!("there is no code `{}`", ignore.code)
        };
        found.push(Diagnostic {
            code: codes::UNUSED_IGNORE,
            severity: Severity::Hint,
            message,
            range: ignore.code_range,
            related: Vec::new(),
            fixes: vec![Fix {
                title: "Remove the comment".to_owned(),
                edits: vec![TextEdit::delete(removal(tree.text(), ignore.comment))],
                safe: ignores.iter().filter(|other| other.comment == ignore.comment).all(|other| !other.used),
            }],
            tag: Some(Tag::Unnecessary),
        });
    }
    found.sort_by_key(|diagnostic| (diagnostic.range.start(), diagnostic.range.end(), diagnostic.code));
    found
}

/// Whether a comment in the text silences `diagnostic`, which an editor reports.
pub fn is_ignored(tree: &Tree, diagnostic: &Diagnostic) -> bool {
    let mut ignores = ignores(tree);
    if ignores.is_empty() {
        return false;
    }
    let lines = LineIndex::new(tree.text());
    place(tree, &lines, &mut ignores);
    silence(tree, &lines, &mut ignores, diagnostic).is_some()
}

/// Says for which lines each comment speaks.
fn place(tree: &Tree, lines: &LineIndex, ignores: &mut [Ignore]) {
    for ignore in ignores {
        let line = lines.line_of(ignore.comment.start());
        ignore.lines = if alone_on_its_line(tree.text(), ignore.comment) { [line, line + 1] } else { [line, line] };
    }
}

/// Uses the comment that silences `diagnostic`, if there is one.
fn silence(tree: &Tree, lines: &LineIndex, ignores: &mut [Ignore], diagnostic: &Diagnostic) -> Option<()> {
    let places = [diagnostic.range.start(), anchor(tree, diagnostic)].map(|at| lines.line_of(at));
    let silences =
        |ignore: &Ignore| ignore.code == diagnostic.code && places.iter().any(|line| ignore.lines.contains(line));
    ignores.iter_mut().find(|ignore| silences(ignore)).map(|ignore| ignore.used = true)
}

/// Where a comment that silences `diagnostic` may stand: on the line of this place, or above it.
fn anchor(tree: &Tree, diagnostic: &Diagnostic) -> TextSize {
    let start = diagnostic.range.start();
    let node = tree.node_at(start);
    let around = tree.range(node);
    let scalar = matches!(tree.kind(node), NodeKind::Scalar(_)) && around.contains(start);
    if scalar { around.start() } else { start }
}

/// Finds where comments may silence diagnostics of one text.
pub(crate) struct Comments<'t> {
    tree: &'t Tree,
    lines: &'t LineIndex,
    ignores: Vec<Ignore>,
}

impl<'t> Comments<'t> {
    pub(crate) fn new(tree: &'t Tree, lines: &'t LineIndex) -> Self {
        Self { tree, lines, ignores: ignores(tree) }
    }

    /// The comment that silences `diagnostic` where it stands: one more code in a comment that speaks for
    /// its line already, or a line above it. Nothing for what is wrong with the text as YAML, which may
    /// swallow the comment, and where no comment can stand.
    pub(crate) fn silencing(&self, diagnostic: &Diagnostic) -> Option<TextEdit> {
        let code = diagnostic.code;
        if code < FIRST_BEYOND_YAML || code == codes::UNUSED_IGNORE {
            return None;
        }
        let text = self.tree.text();
        let line = self.lines.line_of(anchor(self.tree, diagnostic));
        let speaks = |ignore: &&Ignore| {
            let own = self.lines.line_of(ignore.comment.start());
            own == line || (own + 1 == line && alone_on_its_line(text, ignore.comment))
        };
        if let Some(known) = self.ignores.iter().rev().find(speaks) {
            return Some(TextEdit::insert(known.code_range.end(), format!(", {code}")));
        }
        let range = self.lines.line_range(text, line);
        let around = self.tree.node_at(range.start());
        let inside = self.tree.range(around);
        if self.tree.is_scalar(around) && inside.start() < range.start() && range.start() < inside.end() {
            return None;
        }
        let written = &text[range];
        let indent = &written[..written.len() - written.trim_start_matches(' ').len()];
        Some(TextEdit::insert(range.start(), format!("{indent}# orc: ignore {code}\n")))
    }
}

/// Codes below are about the text as YAML.
const FIRST_BEYOND_YAML: Code = Code(100);

fn ignores(tree: &Tree) -> Vec<Ignore> {
    let mut ignores = Vec::new();
    for &comment in tree.comments() {
        let text = &tree.text()[comment];
        let Some(at) = text.find("orc:") else { continue };
        if !text[..at].trim_matches(['#', ' ', '\t']).is_empty() {
            continue;
        }
        let rest = &text[at + "orc:".len()..];
        let Some(codes) = rest.trim_start().strip_prefix("ignore") else { continue };
        let mut offset = text.len() - codes.len();
        for word in codes.split_inclusive([' ', ',', '\t']) {
            let name = word.trim_matches([' ', ',', '\t', '[', ']']);
            let start = offset + word.find(name).unwrap_or(0);
            offset += word.len();
            if name.is_empty() {
                continue;
            }
            // The first word that is no code begins the reason.
            let Ok(code) = name.parse() else { break };
            let range = TextRange::at(comment.start() + TextSize::new(start as u32), TextSize::of(name));
            ignores.push(Ignore { code, code_range: range, comment, lines: [0, 0], used: false });
        }
    }
    ignores
}

fn line_start(text: &str, comment: TextRange) -> usize {
    text[..usize::from(comment.start())].rfind('\n').map_or(0, |at| at + 1)
}

fn alone_on_its_line(text: &str, comment: TextRange) -> bool {
    text[line_start(text, comment)..usize::from(comment.start())].trim().is_empty()
}

/// The comment with the blanks before it; with its line if it stands alone.
fn removal(text: &str, comment: TextRange) -> TextRange {
    if alone_on_its_line(text, comment) {
        return super::edits::whole_lines(text, comment);
    }
    let before = &text[..usize::from(comment.start())];
    TextRange::new(TextSize::of(before.trim_end_matches([' ', '\t'])), comment.end())
}
