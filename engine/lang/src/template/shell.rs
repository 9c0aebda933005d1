//! Where values stand in a shell command, and how they are written there so that they stay values
//! (contract, "templates in commands are passed safely").
//!
//! A command is read as a POSIX shell reads it, with a mark in place of each value. Two lines of defence
//! stand behind each other, because a reader of shell can be wrong:
//!
//! - A value of harmless characters is written in quotes where it stands. Any other is written once, as an
//!   assignment in single quotes in front of the command, and the command refers to the variable. What a
//!   variable gives is never read as program text, so that a wrong guess about quotes can at worst split a
//!   word.
//! - Where the shell does read values as a program (arithmetic, `eval`, `sh -c`) there is no place for a
//!   value: the reader says so instead of guessing.
//!
//! What this cannot see is what a program does with its arguments. The common ones that take code are known
//! ([`programs`]); values in their code are reported, and not refused.

mod plain;
mod programs;
mod reader;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use plain::plain_words;
pub use reader::read;

/// Begins the mark of a value; its number in decimal and [`MARK_END`] follow.
pub const MARK: char = '\u{F8E0}';

/// Ends the mark of a value.
pub const MARK_END: char = '\u{F8E1}';

/// What stands around a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Outside of all quotes.
    Word,
    /// Between double quotes.
    Double,
    /// Between single quotes.
    Single,
    /// In a comment.
    Comment,
    /// In a here-document, after [`Command::edits`] one that is expanded.
    Here,
    /// Where the shell calculates; why no other value can stand there.
    Integer(&'static str),
    /// Where no value can stand, and why.
    Nowhere(&'static str),
}

/// A value in a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where its mark begins and ends, in bytes.
    pub range: Range<usize>,
    /// Its number.
    pub number: usize,
    /// Where it stands.
    pub place: Place,
    /// It stands directly behind a `$`, which is meant as the character.
    pub after_dollar: bool,
    /// It is a part of code in another language, which its program runs.
    pub code_of: Option<&'static str>,
}

/// A command as it was read.
#[derive(Debug, Default)]
pub struct Command {
    /// The values, in order.
    pub values: Vec<Found>,
    /// What is written differently so that values can stand in it: here-documents with a quoted end become
    /// ones that are expanded, with the same text. In order, apart from the values.
    pub edits: Vec<(Range<usize>, String)>,
}

/// The mark that begins at `at`, and its number.
fn mark_at(text: &str, at: usize) -> Option<(Range<usize>, usize)> {
    let rest = text.get(at..)?.strip_prefix(MARK)?;
    let end = rest.find(MARK_END)?;
    let number = rest[..end].parse().ok()?;
    Some((at..at + MARK.len_utf8() + end + MARK_END.len_utf8(), number))
}

/// Whether no shell reads anything into `value`, wherever it stands in a word.
fn is_harmless(value: &str) -> bool {
    let harmless = |next: char| {
        next.is_ascii_alphanumeric()
            || matches!(next, ' ' | '_' | '-' | '.' | ',' | '/' | ':' | '@' | '+' | '%')
            || (!next.is_ascii() && !next.is_control() && !next.is_whitespace())
    };
    value.chars().all(harmless)
}

/// `value` in single quotes, in which a shell reads nothing.
fn in_quotes(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// The whole number that `value` is, in decimal.
fn integer(value: &str) -> Option<&str> {
    let value = value.trim_matches([' ', '\t', '\n']);
    let digits = value.strip_prefix('-').unwrap_or(value);
    // A leading zero would make it octal.
    let is_plain = digits == "0" || !digits.starts_with('0');
    (is_plain && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(value)
}

/// `text` with the values in place of their marks; the number of the value that cannot stand where it does,
/// and why, otherwise.
pub fn filled(text: &str, values: &[String]) -> Result<String, (usize, String)> {
    let command = read(text);
    let mut parts: Vec<(Range<usize>, String)> = command.edits;
    let name = variable(text);
    let mut assigned = Vec::new();
    for found in &command.values {
        let refuse = |why: &str| (found.number, why.to_owned());
        let Some(value) = values.get(found.number) else { continue };
        if let Place::Nowhere(why) = found.place {
            return Err(refuse(why));
        }
        if value.contains('\0') {
            return Err(refuse("a command can hold no NUL character"));
        }
        let plain = is_harmless(value);
        let referred = format!("${{{name}{}}}", found.number);
        let written = match found.place {
            Place::Integer(why) => integer(value).ok_or_else(|| refuse(why))?.to_owned(),
            Place::Word if plain => in_quotes(value),
            Place::Word => format!("\"{referred}\""),
            Place::Double | Place::Single | Place::Comment if plain => value.clone(),
            Place::Single => format!("'\"{referred}\"'"),
            Place::Double | Place::Comment | Place::Here | Place::Nowhere(_) => referred.clone(),
        };
        if written.contains(&referred) {
            assigned.push((found.number, value));
        }
        let mut range = found.range.clone();
        let mut written = written;
        if found.after_dollar && !matches!(found.place, Place::Single | Place::Comment) {
            if matches!(found.place, Place::Integer(_)) {
                return Err(refuse("a `$` stands before it"));
            }
            range.start -= 1;
            written.insert_str(0, "\\$");
        }
        parts.push((range, written));
    }
    parts.sort_by_key(|(range, _)| range.start);
    let mut filled = String::with_capacity(text.len());
    assigned.dedup_by_key(|(number, _)| *number);
    for (number, value) in assigned {
        filled.push_str(&format!("{name}{number}={}; ", in_quotes(value)));
    }
    let mut done = 0;
    for (range, written) in parts {
        filled.push_str(&text[done..range.start]);
        filled.push_str(&written);
        done = range.end;
    }
    filled.push_str(&text[done..]);
    Ok(filled)
}

/// The beginning of names that `text` does not use.
fn variable(text: &str) -> String {
    let mut name = "value_".to_owned();
    while text.contains(&name) {
        name.push('_');
    }
    name
}
