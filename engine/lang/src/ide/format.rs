//! One way to lay a pipeline out. Only what is between the words changes: indentation, the space
//! after `:`, `-` and `,`, blank lines, the end of lines. Every scalar and every comment stays as it
//! is, and a result that would read differently is thrown away.
//!
//! The style: two spaces for each level, list items one level below their key, `[a, b]` and
//! `{a: b}`, at most one blank line in a row, one line end at the end.

use rustc_hash::FxHashMap;
use text_size::{TextRange, TextSize};

use crate::{
    syntax::{self, NodeId, NodeKind, Parse, ProblemKind, ScalarStyle, Tree},
    text::{TextEdit, apply_edits},
};

mod columns;
use columns::Columns;

mod scalars;

mod tokens;
use tokens::{Kind, Token};

/// Spaces for each level.
const STEP: usize = 2;

/// Why a text is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unformattable {
    /// What stands in the way.
    pub range: TextRange,
    /// For people.
    pub message: String,
}

/// The edits that lay out the whole text, in order of place; none if it is laid out already.
///
/// # Errors
/// A text that is not YAML, or whose layout nobody can change without changing what it says.
pub fn format(parse: &Parse) -> Result<Vec<TextEdit>, Unformattable> {
    let edits = edits(parse)?;
    check(parse, &edits)?;
    Ok(edits)
}

/// The edits that lay out the lines in `range`: as few as keep the meaning, so more than was asked
/// for where a list moves as a whole.
///
/// # Errors
/// As for [`format`].
pub fn format_range(parse: &Parse, range: TextRange) -> Result<Vec<TextEdit>, Unformattable> {
    let all = edits(parse)?;
    let lines = |range: TextRange| {
        let text = parse.tree.text();
        let start = text[..usize::from(range.start())].rfind('\n').map_or(0, |at| at + 1);
        let end = text[usize::from(range.end())..].find('\n').map_or(text.len(), |at| usize::from(range.end()) + at);
        TextRange::new(TextSize::new(start as u32), TextSize::new(end as u32))
    };
    let within = |range: TextRange| -> Vec<TextEdit> {
        let touches = |edit: &&TextEdit| edit.range.end() >= range.start() && edit.range.start() < range.end();
        all.iter().filter(touches).cloned().collect()
    };
    let narrow = within(lines(range));
    if check(parse, &narrow).is_ok() {
        return Ok(narrow);
    }
    let entries = parse.tree.entries(parse.tree.root());
    let around = entries
        .map(|entry| parse.tree.range(entry.key).cover(parse.tree.range(entry.value)))
        .filter(|entry| entry.intersect(range).is_some())
        .reduce(TextRange::cover);
    let wide = within(lines(around.unwrap_or(range)));
    check(parse, &wide)?;
    Ok(wide)
}

/// What a new line after the Enter key begins with: the edit that gives the blank line at `offset`
/// the indentation of what can stand there. Only where the line above opens something; editors
/// repeat the indentation themselves.
pub fn on_enter(parse: &Parse, offset: TextSize) -> Option<TextEdit> {
    let text = parse.tree.text();
    let at = usize::from(offset);
    let start = text.get(..at)?.rfind('\n')? + 1;
    let end = text[at..].find(['\n', '\r']).map_or(text.len(), |length| at + length);
    if !text[start..end].trim().is_empty() {
        return None;
    }
    let above = text[..start].trim_end_matches(['\n', '\r']);
    let above = &above[above.rfind('\n').map_or(0, |at| at + 1)..];
    let content = above.trim_start();
    let opens = |line: &str| {
        let line = line.trim_end();
        line.ends_with(':') || [": |", ": >", ": |-", ": >-", ": |+", ": >+"].iter().any(|end| line.ends_with(end))
    };
    if content.starts_with('#') || !opens(content) {
        return None;
    }
    let mut column = above.len() - content.len();
    let mut rest = content;
    while let Some(inner) = rest.strip_prefix("- ") {
        column += rest.len() - inner.trim_start().len();
        rest = inner.trim_start();
    }
    let range = TextRange::new(TextSize::new(start as u32), TextSize::new(end as u32));
    let wanted = " ".repeat(column + STEP);
    (text[range] != wanted).then(|| TextEdit::replace(range, wanted))
}

/// The edits, not yet checked.
fn edits(parse: &Parse) -> Result<Vec<TextEdit>, Unformattable> {
    readable(parse)?;
    let tree = &parse.tree;
    let tokens = tokens::tokens(tree);
    if let Some(question) = tokens.iter().find(|token| token.kind == Kind::Question) {
        let message = "a key written with `? ` has no layout here; write `key: value`".to_owned();
        return Err(Unformattable { range: question.range, message });
    }
    let columns = Columns::new(tree, &tokens);
    Ok(Layout::new(tree, &tokens, columns).run())
}

fn readable(parse: &Parse) -> Result<(), Unformattable> {
    let blocks = |kind: ProblemKind| {
        !matches!(
            kind,
            ProblemKind::DuplicateKey
                | ProblemKind::UnquotedTemplate
                | ProblemKind::UnknownAlias
                | ProblemKind::BadMerge
                | ProblemKind::UnknownTag
        )
    };
    match parse.problems.iter().find(|problem| blocks(problem.kind)) {
        Some(problem) => Err(Unformattable { range: problem.range, message: problem.message.clone() }),
        None => Ok(()),
    }
}

/// Whether the text reads the same after `edits`.
fn check(parse: &Parse, edits: &[TextEdit]) -> Result<(), Unformattable> {
    if edits.is_empty() {
        return Ok(());
    }
    let after = syntax::parse(&apply_edits(parse.tree.text(), edits));
    match difference(&parse.tree, &after.tree) {
        None => Ok(()),
        Some(range) => {
            let message = "this cannot be laid out without changing what it says; it is left as it is".to_owned();
            Err(Unformattable { range, message })
        }
    }
}

/// The first place where two trees say different things.
fn difference(before: &Tree, after: &Tree) -> Option<TextRange> {
    let whole = TextRange::up_to(TextSize::of(before.text()));
    if before.len() != after.len() || before.comments().len() != after.comments().len() {
        return Some(whole);
    }
    let comments = before.comments().iter().zip(after.comments());
    for (one, other) in comments {
        if before.text()[*one] != after.text()[*other] {
            return Some(*one);
        }
    }
    for index in 0..before.len() {
        let id = NodeId(index as u32);
        let (one, other) = (before.node(id), after.node(id));
        let same = one.kind == other.kind
            && one.parent == other.parent
            && before.children(id) == after.children(id)
            && match one.kind {
                NodeKind::Scalar(_) => before.decoded(id).text == after.decoded(id).text,
                NodeKind::Alias | NodeKind::Error => before.source(id) == after.source(id),
                _ => true,
            }
            && before.anchor(id).map(|(name, _)| name) == after.anchor(id).map(|(name, _)| name);
        if !same {
            return Some(one.range);
        }
    }
    None
}

/// Decides what is between two tokens.
struct Layout<'a> {
    tree: &'a Tree,
    text: &'a str,
    tokens: &'a [Token],
    columns: Columns,
    /// The lines of block structure above, outermost first: the column they had and the one they get.
    above: Vec<(usize, usize)>,
    /// How many flow collections are open.
    flow: usize,
    /// How far the line that holds the last token of block structure moves.
    shift: isize,
    edits: Vec<TextEdit>,
}

impl<'a> Layout<'a> {
    fn new(tree: &'a Tree, tokens: &'a [Token], columns: Columns) -> Self {
        Self { tree, text: tree.text(), tokens, columns, above: Vec::new(), flow: 0, shift: 0, edits: Vec::new() }
    }

    fn run(mut self) -> Vec<TextEdit> {
        for index in 0..self.tokens.len() {
            self.before(index);
            let token = self.tokens[index];
            match token.kind {
                Kind::Open => self.flow += 1,
                Kind::Close => self.flow = self.flow.saturating_sub(1),
                Kind::Node(id) => self.scalar(id),
                _ => {}
            }
        }
        self.end();
        self.edits
    }

    /// What comes before the token.
    fn before(&mut self, index: usize) {
        let token = self.tokens[index];
        let previous = index.checked_sub(1).map(|index| self.tokens[index]);
        let from = previous.map_or(self.beginning(), |token| token.range.end());
        let gap = TextRange::new(from, token.range.start());
        let between = &self.text[gap];
        let fresh = previous.is_none_or(|previous| self.text[previous.range].ends_with('\n'));
        if !fresh && !between.contains(['\n', '\r']) {
            if let Some(wanted) = previous.and_then(|previous| self.beside(previous, token)) {
                self.replace(gap, wanted.to_owned());
            }
            return;
        }
        let old = between.len() - between.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let new = self.column(index, old);
        if self.flow == 0 && token.kind != Kind::Comment {
            self.shift = new as isize - old as isize;
            self.above.retain(|(column, _)| *column < old);
            self.above.push((old, new));
        }
        let ends = line_ends(between);
        let mut wanted = String::new();
        if previous.is_some() {
            // A line that is ended already needs one line end for a blank line, another needs two.
            let most = if fresh { 1 } else { 2 };
            ends.iter().take(most).for_each(|end| wanted.push_str(end));
        }
        wanted.extend(std::iter::repeat_n(' ', new));
        self.replace(gap, wanted);
    }

    fn beginning(&self) -> TextSize {
        if self.text.starts_with('\u{feff}') { TextSize::of('\u{feff}') } else { TextSize::new(0) }
    }

    /// The column of a token that begins a line, where it stood at `old`.
    fn column(&self, index: usize, old: usize) -> usize {
        let token = self.tokens[index];
        if self.flow > 0 {
            return old.saturating_add_signed(self.shift);
        }
        match token.kind {
            Kind::Comment => self.comment_column(index, old),
            Kind::Marker => 0,
            _ => self.content_column(index).unwrap_or(old),
        }
    }

    fn content_column(&self, index: usize) -> Option<usize> {
        // An anchor or a tag stands where its node would.
        let token = self.tokens[index..].iter().find(|token| token.kind != Kind::Property)?;
        self.columns.of(token.range.start())
    }

    /// A comment goes with the line it was level with: the next one, else one above.
    fn comment_column(&self, index: usize, old: usize) -> usize {
        let rest = &self.tokens[index..];
        let next = rest.iter().position(|token| token.kind != Kind::Comment);
        if let Some(next) = next.map(|next| index + next) {
            let start = usize::from(self.tokens[next].range.start());
            let was = start - self.text[..start].rfind('\n').map_or(0, |at| at + 1);
            if old <= was
                && let Some(column) = self.content_column(next)
            {
                return column;
            }
        }
        match self.above.iter().rev().find(|(column, _)| *column <= old) {
            Some((column, new)) if *column == old => *new,
            Some((_, new)) => new + STEP,
            None => 0,
        }
    }

    /// What is between two tokens of one line; `None` for whatever is there.
    fn beside(&self, previous: Token, next: Token) -> Option<&'static str> {
        let alias = |token: Token| matches!(token.kind, Kind::Node(id) if self.tree.kind(id) == NodeKind::Alias);
        let (before, after) = (&self.text[previous.range], &self.text[next.range]);
        match (previous.kind, next.kind) {
            (_, Kind::Comment) => None,
            // `*a :` is an alias and a colon, `*a:` an alias with a longer name.
            (_, Kind::Colon | Kind::Comma | Kind::Close) if alias(previous) => None,
            // Together they would begin or end a template.
            (Kind::Open, _) if before == "{" && after.starts_with(['{', '%', '#']) => None,
            (_, Kind::Close) if after == "}" && before.ends_with(['}', '%', '#']) => None,
            (Kind::Open, _) | (_, Kind::Colon | Kind::Comma | Kind::Close) => Some(""),
            (Kind::Dash | Kind::Colon | Kind::Comma | Kind::Property, _) => Some(" "),
            _ => None,
        }
    }

    /// The lines of a scalar after its first.
    fn scalar(&mut self, id: NodeId) {
        let NodeKind::Scalar(style) = self.tree.kind(id) else { return };
        if !self.tree.source(id).contains(['\n', '\r']) {
            return;
        }
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            if let Some(parent) = self.columns.parent_of(id) {
                scalars::block(self.tree, id, parent, &mut self.edits);
            }
        } else {
            scalars::flowing(self.tree, id, self.shift, &mut self.edits);
        }
    }

    /// The end of the text.
    fn end(&mut self) {
        let Some(last) = self.tokens.last() else { return };
        let gap = TextRange::new(last.range.end(), TextSize::of(self.text));
        if self.text[last.range].ends_with('\n') {
            self.replace(gap, String::new());
            return;
        }
        let block = matches!(last.kind, Kind::Node(id) if is_block_scalar(self.tree, id));
        if block && gap.is_empty() {
            // A line end would become part of what the scalar says.
            return;
        }
        let end = line_ends(&self.text[gap]).first().copied();
        let usual = end.or_else(|| line_ends(self.text).first().copied()).unwrap_or("\n");
        self.replace(gap, usual.to_owned());
    }

    fn replace(&mut self, range: TextRange, new_text: String) {
        if self.text[range] != new_text {
            self.edits.push(TextEdit { range, new_text });
        }
    }
}

fn is_block_scalar(tree: &Tree, id: NodeId) -> bool {
    matches!(tree.kind(id), NodeKind::Scalar(ScalarStyle::Literal | ScalarStyle::Folded))
}

/// The line ends in a text, as they are written.
fn line_ends(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\n', '\r']) {
        let length = if rest[at..].starts_with("\r\n") { 2 } else { 1 };
        found.push(&rest[at..at + length]);
        rest = &rest[at + length..];
    }
    found
}
