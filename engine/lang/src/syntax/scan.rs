//! One pass over the lines of a text that knows the block structure well enough to hide template
//! regions from yaml-rust2, to find comments, and to repair what people leave broken while they
//! type, before yaml-rust2 sees it.

use std::cell::Cell;
use std::ops::Range;

use rustc_hash::FxHashSet;

use super::{
    MAX_DEPTH, ProblemKind,
    mask::{Masked, text_range},
};

mod flow;
mod item;
mod line;
mod scalars;

const BLOCK_TAG: &str = "a `{% … %}` between entries; orc does not preprocess files: use `condition`, `for_each` or a \
                         template inside a value";

/// Reads the structure of `text` and hides or blanks what yaml-rust2 must not see.
pub(super) fn scan(text: &str) -> Masked {
    let mut scanner = Scanner {
        text,
        source: text.as_bytes(),
        masked: Masked::new(text),
        levels: Vec::new(),
        anchors: FxHashSet::default(),
        passed_over: None,
        started: false,
        too_deep: false,
        unclosed: Cell::new([(usize::MAX, 0); 4]),
    };
    scanner.run();
    scanner.masked
}

/// An open block collection.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// Where its keys or dashes stand; bytes from the line's start.
    column: usize,
    /// Items rather than entries.
    sequence: bool,
    /// A `key:` or `-` was read whose value has not come yet.
    pending: bool,
    /// The text of its first key; empty for items.
    first_key: (usize, usize),
}

struct Scanner<'a> {
    text: &'a str,
    source: &'a [u8],
    masked: Masked,
    levels: Vec<Level>,
    /// Names of anchors so far.
    anchors: FxHashSet<&'a str>,
    /// The end and indentation of the line that was passed over last, and its problem.
    passed_over: Option<(usize, usize, usize)>,
    /// Content of the first document was seen.
    started: bool,
    too_deep: bool,
    /// For each kind of region a stretch in which no closer stands, so that it is not looked for again.
    unclosed: Cell<[(usize, usize); 4]>,
}

impl Scanner<'_> {
    fn run(&mut self) {
        let mut at = if self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        self.control_characters(at);
        while at < self.source.len() && at < self.masked.end {
            at = self.line(at);
        }
    }

    /// Characters that YAML does not allow anywhere are hidden behind letters.
    fn control_characters(&mut self, from: usize) {
        let mut first: Option<usize> = None;
        for at in from..self.source.len() {
            let byte = self.source[at];
            let width = match byte {
                0..0x09 | 0x0B | 0x0C | 0x0E..0x20 | 0x7F => 1,
                0xC2 if matches!(self.source.get(at + 1), Some(0x80..=0x84 | 0x86..=0x9F)) => 2,
                0xEF if self.text[at..].starts_with(['\u{feff}', '\u{fffe}', '\u{ffff}']) => 3,
                _ => continue,
            };
            self.masked.mask(at..at + width);
            // A run of them is one problem.
            if first != Some(at) {
                let code = self.text[at..].chars().next().map_or(0, u32::from);
                let message = format!("the character U+{code:04X} is not allowed in YAML; remove it");
                self.masked.problem(ProblemKind::Control, at..at + width, message);
            }
            first = Some(at + width);
        }
    }

    /// Reads one logical line that begins at `start`; returns where the next one begins.
    fn line(&mut self, start: usize) -> usize {
        let end = self.line_end(start);
        let mut at = start;
        let mut tabs: Option<Range<usize>> = None;
        while at < end && matches!(self.source[at], b' ' | b'\t') {
            if self.source[at] == b'\t' {
                tabs = Some(tabs.map_or(at, |range| range.start)..at + 1);
            }
            at += 1;
        }
        if at == end {
            return self.next_line(end);
        }
        let indent = at - start;
        if self.source[at] == b'#' {
            self.comment(at);
            return self.next_line(end);
        }
        if let Some(tabs) = tabs.clone() {
            let message = "a tab in the indentation; YAML wants spaces".to_owned();
            self.masked.problem(ProblemKind::TabIndent, tabs.clone(), message);
            self.masked.blank(tabs);
        }
        if indent == 0
            && let Some(next) = self.document_line(start, end)
        {
            return next;
        }
        if self.is_block_tag_line(at, end) {
            let range = at..self.trimmed_end(at, end);
            self.masked.problem(ProblemKind::BlockTagBetweenEntries, range.clone(), BLOCK_TAG.to_owned());
            self.masked.blank(range.clone());
            self.masked.damage.push(range);
            return self.next_line(end);
        }
        self.structure_line(start, at, tabs.is_some())
    }

    /// Document markers, directives and conflict markers, which all begin a line.
    fn document_line(&mut self, start: usize, end: usize) -> Option<usize> {
        let line = &self.text[start..end];
        let conflict = ["<<<<<<< ", ">>>>>>> ", "||||||| "].iter().any(|marker| line.starts_with(marker))
            || matches!(line.trim_end(), "<<<<<<<" | "=======" | ">>>>>>>" | "|||||||");
        if conflict {
            let message = "a git conflict marker; keep one side and remove the markers".to_owned();
            let range = start..self.trimmed_end(start, end);
            self.masked.problem(ProblemKind::ConflictMarker, range.clone(), message);
            self.masked.blank(range.clone());
            self.masked.damage.push(range);
            return Some(self.next_line(end));
        }
        let marker =
            |word: &str| line.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        if marker("---") {
            if self.started {
                self.second_document(start, start..start + 3);
                return Some(self.source.len());
            }
            // The marker itself carries nothing; without it, columns mean the same on every line.
            self.masked.blank(start..start + 3);
            self.started = true;
            let rest = self.skip_spaces(start + 3, end);
            if rest == end || self.source[rest] == b'#' {
                self.line_comment(rest, end);
                return Some(self.next_line(end));
            }
            return Some(self.structure_line(start, rest, false));
        }
        if marker("...") {
            self.masked.end = start;
            let rest =
                self.text[end..].lines().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
            if let Some(rest) = rest {
                let at = rest.as_ptr() as usize - self.text.as_ptr() as usize;
                self.second_document(start, at..at + rest.len());
            }
            return Some(self.source.len());
        }
        if line.starts_with('%') && !self.started {
            self.masked.blank(start..end);
            return Some(self.next_line(end));
        }
        None
    }

    fn second_document(&mut self, end: usize, marker: Range<usize>) {
        self.masked.end = end;
        let message = "a second document begins here; only the first one counts".to_owned();
        self.masked.problem(ProblemKind::SecondDocument, marker, message);
    }

    /// A line of block structure whose first character is at `at`.
    fn structure_line(&mut self, start: usize, at: usize, quiet: bool) -> usize {
        self.started = true;
        let column = at - start;
        let dash = self.is_indicator(at, b'-');
        let mut keep = self.levels.len();
        while keep > 0 {
            let level = self.levels[keep - 1];
            if level.column > column || (level.column == column && level.sequence && !dash) {
                keep -= 1;
            } else {
                break;
            }
        }
        if let Some(item) = self.damaged_item(start, at) {
            return self.begin_damaged_item(start, at, quiet, item);
        }
        let top = keep.checked_sub(1).map(|index| self.levels[index]);
        let fits = match top {
            None => self.levels.is_empty(),
            Some(level) if level.column == column => level.sequence || !dash || level.pending,
            Some(level) => level.pending && keep == self.levels.len(),
        };
        if !fits {
            return self.pass_over(start, at, quiet, Misfit::Indentation);
        }
        let is_entry = top.is_some_and(|level| level.column == column && !level.sequence);
        if is_entry && !dash && !self.begins_entry(at) {
            return self.pass_over(start, at, quiet, Misfit::NoEntry);
        }
        self.levels.truncate(keep);
        self.passed_over = None;
        self.block_node(start, at)
    }

    /// Blanks a line that has no place in the structure.
    fn pass_over(&mut self, start: usize, at: usize, quiet: bool, misfit: Misfit) -> usize {
        let line_end = self.line_end(start);
        let content = at..self.content_end(at, line_end);
        let indent = at - start;
        let next = self.next_line(line_end);
        self.line_comment(content.end, line_end);
        // What is indented below a line that was passed over belongs to it: one problem.
        if let Some((end, above, problem)) = self.passed_over
            && indent > above
            && self.text[end..start].trim().is_empty()
        {
            self.masked.blank(content.clone());
            self.masked.damage.push(content.clone());
            if let Some(problem) = self.masked.problems.get_mut(problem) {
                problem.range = problem.range.cover(text_range(&content));
            }
            self.passed_over = Some((line_end, above, self.passed_over.map_or(0, |passed| passed.2)));
            return next;
        }
        let index = self.masked.problems.len();
        let word = &self.text[content.clone()];
        if quiet {
            self.masked.blank(content.clone());
            self.masked.damage.push(content);
        } else {
            let message = self.misfit_message(indent, word, misfit);
            self.masked.damage(content, message);
            self.passed_over = Some((line_end, indent, index));
        }
        next
    }

    fn misfit_message(&self, indent: usize, word: &str, misfit: Misfit) -> String {
        match misfit {
            Misfit::Indentation => self.indentation_message(indent),
            Misfit::NoEntry => no_entry_message(word),
            Misfit::Item(column) if word.starts_with("- ") => {
                format!("wrong indentation: {indent} spaces, where {column} are expected")
            }
            Misfit::Item(_) if word.starts_with('-') => "a space is missing after `-`".to_owned(),
            Misfit::Item(_) => "text before the `-` of an item; remove it".to_owned(),
        }
    }

    fn indentation_message(&self, indent: usize) -> String {
        let mut columns: Vec<usize> = self.levels.iter().map(|level| level.column).collect();
        columns.dedup();
        columns.sort_by_key(|column| column.abs_diff(indent));
        match columns.first() {
            Some(nearest) if *nearest != indent => {
                format!("wrong indentation: {indent} spaces, where {nearest} are expected")
            }
            _ => "wrong indentation: a list item or text where a key is expected".to_owned(),
        }
    }

    fn push_level(&mut self, column: usize, sequence: bool) {
        self.levels.push(Level { column, sequence, pending: false, first_key: (0, 0) });
    }

    fn set_pending(&mut self, pending: bool) {
        if let Some(level) = self.levels.last_mut() {
            level.pending = pending;
        }
    }

    /// Too many open collections: the rest of the line is passed over, with one problem in all.
    fn too_deep(&mut self, range: Range<usize>) {
        if !self.too_deep {
            let message = format!("nested deeper than {MAX_DEPTH} levels; flatten it");
            self.masked.problem(ProblemKind::TooDeep, range.clone(), message);
        }
        self.too_deep = true;
        self.masked.blank(range.clone());
        self.masked.damage.push(range);
    }
}

/// Why a line has no place.
#[derive(Debug, Clone, Copy)]
enum Misfit {
    Indentation,
    NoEntry,
    /// A line that should begin an item of the sequence at this column.
    Item(usize),
}

fn no_entry_message(word: &str) -> String {
    if let Some((key, _)) = word.split_once(':')
        && !key.is_empty()
        && !key.contains([' ', '"', '\'', '{', '['])
    {
        return format!("a space is missing after `{key}:`");
    }
    if word.starts_with(['"', '\'']) {
        return "this text is no `key: value` pair; is a quote missing?".to_owned();
    }
    let short: String = word.chars().take(40).collect();
    let dots = if short.len() < word.len() { "…" } else { "" };
    format!("`{short}{dots}` is no `key: value` pair; add `:`")
}
