//! Here-documents: the word that ends one, and values in its text.

use std::ops::Range;

use super::{
    super::{Found, Place, mark_at, programs},
    Frame, Kind, Reader,
};

pub(in super::super) const HERE: &str = "it stands in the word that ends a here-document";
pub(in super::super) const NO_END: &str = "the here-document around it has no line that ends it";

/// A here-document whose body begins with the next line.
#[derive(Debug)]
pub(super) struct Here {
    end: String,
    /// Where the word that ends it stands.
    word: Range<usize>,
    is_quoted: bool,
    strips_tabs: bool,
    /// What reads it runs it.
    pub(super) is_code: bool,
}

impl Reader<'_> {
    /// The word behind `<<`: `END`, `-END`, `'END'`.
    pub(super) fn here(&mut self) {
        let strips_tabs = self.take("-");
        while self.take(" ") || self.take("\t") {}
        self.at = self.skipped();
        let begin = self.at;
        let (mut end, mut is_quoted) = (String::new(), false);
        let mut quote = None;
        while let Some(next) = self.next() {
            if mark_at(self.text, self.at).is_some() || (next == '$' || next == '`') && quote != Some('\'') {
                self.lost = self.lost.or(Some(HERE));
                return;
            }
            match (quote, next) {
                (Some(open), next) if open == next => quote = None,
                (None, '\'' | '"') => (quote, is_quoted) = (Some(next), true),
                (None, '\\') => {
                    self.at += 1;
                    is_quoted = true;
                    if let Some(next) = self.next().filter(|next| *next != '\n') {
                        end.push(next);
                    }
                }
                (None, ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')') => break,
                (Some('"'), '\\') => {
                    self.lost = self.lost.or(Some(HERE));
                    return;
                }
                _ => end.push(next),
            }
            self.at += self.next().map_or(0, char::len_utf8);
        }
        if (end.is_empty() && !is_quoted) || end.contains('\n') {
            self.lost = self.lost.or(Some(HERE));
        } else {
            self.here.push(Here { end, word: begin..self.at, is_quoted, strips_tabs, is_code: false });
        }
    }

    /// The bodies of the here-documents that the line before began.
    pub(super) fn bodies(&mut self) {
        for here in std::mem::take(&mut self.here) {
            let begin = self.at;
            let (mut body, mut last) = (self.stop, self.stop..self.stop);
            let mut at = begin;
            while at < self.stop {
                let line = self.text[at..self.stop].split('\n').next().unwrap_or_default();
                let bare = if here.strips_tabs { line.trim_start_matches('\t') } else { line };
                if bare == here.end {
                    (body, last) = (at, at + line.len() - bare.len()..at + line.len());
                    break;
                }
                at += line.len() + 1;
            }
            self.body(&here, begin..body, &last);
            self.at = (last.end + 1).min(self.stop);
        }
    }

    fn body(&mut self, here: &Here, body: Range<usize>, last: &Range<usize>) {
        let first = self.command.values.len();
        if here.is_quoted {
            let (mut at, mut edits) = (body.start, Vec::new());
            while at < body.end {
                self.at = at;
                if self.mark_in_body() {
                    at = self.at;
                    continue;
                }
                let next = self.text[at..].chars().next().unwrap_or_default();
                if matches!(next, '\\' | '$' | '`') {
                    edits.push((at..at, "\\".to_owned()));
                }
                at += next.len_utf8().max(1);
            }
            if self.command.values.len() > first {
                let mut end = "END".to_owned();
                while self.text.contains(&end) {
                    end.push('_');
                }
                self.command.edits.push((here.word.clone(), end.clone()));
                self.command.edits.append(&mut edits);
                self.command.edits.push((last.clone(), end));
            }
        } else {
            let (stop, frames) = (self.stop, std::mem::replace(&mut self.frames, vec![Frame::new(Kind::Here)]));
            (self.at, self.stop) = (body.start, body.end);
            self.all();
            (self.stop, self.frames) = (stop, frames);
        }
        for index in first..self.command.values.len() {
            if here.is_code {
                self.set_place(index, Place::Nowhere(programs::READ));
            }
        }
        // In a line that a value completes, the end would not be seen; variables are expanded later.
        if last.is_empty() && self.command.values.len() > first {
            for index in first..self.command.values.len() {
                self.set_place(index, Place::Nowhere(NO_END));
            }
        }
    }

    /// A value in a here-document that is not expanded as it stands: its `$` is escaped by an edit.
    fn mark_in_body(&mut self) -> bool {
        let Some((range, number)) = mark_at(self.text, self.at) else { return false };
        let place = self.lost.map_or(Place::Here, Place::Nowhere);
        self.at = range.end;
        self.command.values.push(Found { range, number, place, after_dollar: false, code_of: None });
        true
    }
}
