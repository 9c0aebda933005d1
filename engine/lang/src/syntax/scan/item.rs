//! Items whose first line is damaged: without its dash, or with something before or behind it. They
//! begin all the same, so that what follows is not taken for part of the item before.

use super::{Misfit, Scanner};
use crate::syntax::{mask::Stranded, tree::ScalarStyle};

/// How far from its column a dash or key may stand, in characters, to be one that slipped.
const SLIP: usize = 1;

/// The most bytes of damage before a dash or the first key.
const NOISE: usize = 5;

/// Where an item with a damaged first line begins.
pub(super) struct DamagedItem {
    /// The index of its sequence's level.
    sequence: usize,
    /// Where its first key begins.
    key: usize,
}

impl Scanner<'_> {
    /// Whether the line is the first of an item, and damaged: it closes the item before, and has a
    /// dash near the sequence's column or the key that the item before begins with.
    pub(super) fn damaged_item(&self, start: usize, at: usize) -> Option<DamagedItem> {
        let line_end = self.line_end(at);
        let column = at - start;
        // An intact dash that fits needs no help.
        if self.is_indicator(at, b'-') && self.levels.iter().any(|level| level.sequence && level.column == column) {
            return None;
        }
        let mut best: Option<(usize, DamagedItem)> = None;
        for (index, pair) in self.levels.windows(2).enumerate() {
            let (sequence, item) = (pair[0], pair[1]);
            let closes_item = sequence.sequence && !item.sequence && column < item.column;
            if !closes_item || start + sequence.column >= line_end {
                continue;
            }
            let dash = self.slipped_dash(start, at, sequence.column);
            let first_key = self.first_key_again(start, at, item.first_key, dash, item.column);
            let behind_dash = dash.filter(|dash| *dash == at && self.is_indicator(at, b'-')).and_then(|dash| {
                let key = self.skip_spaces(dash + 1, line_end);
                self.entry_colon(key, line_end).map(|_| key)
            });
            let Some(key) = first_key.or(behind_dash) else { continue };
            let distance = dash.map_or(NOISE, |dash| (dash - start).abs_diff(sequence.column));
            if best.as_ref().is_none_or(|(nearest, _)| distance <= *nearest) {
                best = Some((distance, DamagedItem { sequence: index, key }));
            }
        }
        best.map(|(_, item)| item)
    }

    /// The key that the item before begins with, behind the dash or near its own column.
    fn first_key_again(
        &self,
        start: usize,
        at: usize,
        (from, to): (usize, usize),
        dash: Option<usize>,
        column: usize,
    ) -> Option<usize> {
        let end = self.line_end(at);
        let name = self.text[from..to].trim_end();
        let begin = dash.unwrap_or(at);
        self.text[begin..end].char_indices().take(NOISE).map(|(length, _)| begin + length).find(|&here| {
            let near = dash.is_some() || self.width(start, here).abs_diff(column) <= SLIP;
            let word_before = self.text[at..here].ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_');
            near && !name.is_empty()
                && !word_before
                && self.text[here..end].strip_prefix(name).is_some_and(|rest| {
                    rest.strip_prefix(':').is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
                })
        })
    }

    /// A dash behind at most a little noise, intact or near the sequence's column.
    fn slipped_dash(&self, start: usize, at: usize, column: usize) -> Option<usize> {
        let end = self.line_end(at);
        (at..end).take_while(|&here| self.source[at..here].trim_ascii().len() < NOISE).find(|&here| {
            self.source[here] == b'-'
                && (self.is_indicator(here, b'-') || self.width(start, here).abs_diff(column) <= SLIP)
        })
    }

    /// How many characters stand between two places.
    fn width(&self, from: usize, to: usize) -> usize {
        self.text[from..to].chars().count()
    }

    /// Shows yaml-rust2 a dash in place of the line, and remembers the entry that stands on it.
    pub(super) fn begin_damaged_item(&mut self, start: usize, at: usize, quiet: bool, item: DamagedItem) -> usize {
        let line_end = self.line_end(start);
        let sequence_column = self.levels[item.sequence].column;
        let stranded = self.stranded(start + sequence_column, item.key, line_end);
        let content_end = self.content_end(at, line_end);
        let damage = at..stranded.as_ref().map_or(content_end, |entry| entry.key.start).max(at);
        if damage.is_empty() || quiet {
            self.masked.damage.extend((!damage.is_empty()).then(|| damage.clone()));
            if !quiet {
                let message = format!(
                    "`- ` is missing before this key, which begins an item; write it at column {}",
                    sequence_column + 1
                );
                let key = stranded.as_ref().map_or(at..content_end, |entry| entry.key.clone());
                self.masked.problem(super::ProblemKind::Syntax, key, message);
            }
        } else {
            let message = self.misfit_message(at - start, &self.text[at..content_end], Misfit::Item(sequence_column));
            self.masked.damage(damage, message);
        }
        self.masked.blank(at..line_end);
        self.line_comment(content_end, line_end);
        self.masked.bytes[start + sequence_column] = b'-';
        self.masked.stranded.extend(stranded);
        self.levels.truncate(item.sequence + 1);
        self.set_pending(true);
        self.passed_over = None;
        self.next_line(line_end)
    }

    /// The entry at `key` if its value is a scalar that ends on its line.
    fn stranded(&self, dash: usize, key: usize, line_end: usize) -> Option<Stranded> {
        let colon = self.entry_colon(key, line_end)?;
        let value = self.skip_spaces(colon + 1, line_end);
        let end = self.content_end(value.min(line_end.saturating_sub(1)), line_end).max(value);
        let style = match self.source.get(value).filter(|_| value < end)? {
            quote @ (b'"' | b'\'') => {
                let close = self.closing_quote(value, end, *quote)?;
                if close + 1 != end {
                    return None;
                }
                if *quote == b'"' { ScalarStyle::Double } else { ScalarStyle::Single }
            }
            b'|' | b'>' | b'[' | b'{' | b'&' | b'*' | b'!' | b'#' | b'@' | b'`' | b'%' | b'<' => return None,
            _ => ScalarStyle::Plain,
        };
        let key = key..self.trimmed_end(key, colon);
        Some(Stranded { dash, key, value: value..end, style, line_end })
    }
}
