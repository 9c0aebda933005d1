//! Output that comes in pieces: a secret that stands in two of them is found all the same.

use std::sync::Arc;

use super::{Known, Redactor, shapes};
use crate::tools::output::Cleaner;

/// A token of this length is none.
const LONGEST_TOKEN: usize = 8 << 10;

/// So is a block with a key.
const LONGEST_BLOCK: usize = 64 << 10;

/// One stream of output on its way to the journal. What may be the beginning of a secret is held back
/// until it is known.
#[derive(Debug)]
pub(crate) struct Passage {
    redactor: Arc<Redactor>,
    held: String,
}

impl Passage {
    /// The way of a stream.
    pub(crate) fn new(redactor: Arc<Redactor>) -> Self {
        Self { redactor, held: String::new() }
    }

    /// Takes the next piece; what is certain by now, without secrets.
    pub(crate) fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        let known = self.redactor.known();
        let rest = self.held.split_off(known.certain(&self.held));
        let certain = std::mem::replace(&mut self.held, rest);
        known.text(&certain).unwrap_or(certain)
    }

    /// What is left when there is no more to come.
    pub(crate) fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.held);
        self.redactor.known().text(&rest).unwrap_or(rest)
    }
}

/// Takes what `redactor` knows out of output on its way into a file.
pub(crate) fn cleaner(redactor: &Arc<Redactor>) -> Cleaner {
    let redactor = Arc::clone(redactor);
    Cleaner::new(move || {
        let mut passage = Passage::new(Arc::clone(&redactor));
        Box::new(move |text| match text {
            Some(text) => passage.push(text),
            None => passage.finish(),
        })
    })
}

impl Known {
    /// Up to where nothing that may follow changes what `text` holds.
    fn certain(&self, text: &str) -> usize {
        let mut end = text.len();
        if let Some((begin, _)) = self.begun(text) {
            end = begin;
        }
        // The shortest beginning of a token is its first character, at the beginning of a word.
        let first = text.len().saturating_sub(LONGEST_TOKEN);
        let may_begin = |at: &usize| {
            shapes::begins_word(text.as_bytes(), *at) && text.is_char_boundary(*at) && {
                let rest = &text[*at..];
                shapes::may_go_on(rest) || shapes::openings().any(|opening| opening.starts_with(rest))
            }
        };
        if text.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '))
            && let Some(begin) = (first..end).find(may_begin)
        {
            end = begin;
        }
        let unfinished = shapes::tokens(text).last().filter(|(block, name)| {
            *name == "private key" && block.end == text.len() && !text.trim_end().ends_with("PRIVATE KEY-----")
        });
        if let Some((block, _)) = unfinished.filter(|(block, _)| block.len() < LONGEST_BLOCK) {
            end = end.min(block.start);
        }
        // Nothing that is whole is cut in two.
        let places = self.places(text);
        places.iter().rev().fold(end, |end, (range, _)| if range.contains(&end) { range.start } else { end })
    }
}
