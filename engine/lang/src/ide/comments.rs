//! Comments that speak to orc: `# orc: ignore ORC204`, `# orc: pipeline`.

use text_size::{TextRange, TextSize};

use crate::{analysis::Analysis, check::Code};

/// What a comment says to orc up to a place in it.
pub(super) struct Said {
    /// The whole comment.
    pub(super) comment: TextRange,
    /// The word around the place.
    pub(super) word: TextRange,
    /// After `ignore`: the codes it names elsewhere. `None` where the first word is written.
    pub(super) before: Option<Vec<Code>>,
}

/// What the comment at `offset` says to orc, if it speaks to it.
pub(super) fn said(analysis: &Analysis, offset: TextSize) -> Option<Said> {
    let comments = analysis.parse().tree.comments();
    let index = comments.partition_point(|comment| comment.end() < offset);
    let comment = *comments.get(index).filter(|comment| comment.start() < offset)?;
    let text = &analysis.text()[comment];
    let at = usize::from(offset - comment.start());
    let opener = text.find("orc:").filter(|at| text[..*at].trim_matches(['#', ' ', '\t']).is_empty())? + "orc:".len();
    if at < opener {
        return None;
    }
    let is_break = |character: char| character.is_whitespace() || character == ',';
    let start = text[opener..at].rfind(is_break).map_or(opener, |found| opener + found + 1);
    let end = text[at..].find(is_break).map_or(text.len(), |length| at + length);
    let word = TextRange::new(TextSize::new(start as u32), TextSize::new(end as u32)) + comment.start();
    let rest = &text[opener..start];
    if rest.trim().is_empty() {
        return Some(Said { comment, word, before: None });
    }
    let mut words = rest.split(is_break).filter(|word| !word.is_empty());
    if words.next() != Some("ignore") {
        return None;
    }
    let after = text[end..].split(is_break).filter(|word| !word.is_empty());
    let before = words.chain(after).filter_map(|word| word.parse().ok()).collect();
    Some(Said { comment, word, before: Some(before) })
}
