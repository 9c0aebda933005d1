//! A regular expression → a short text that matches it.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A text of at least `least` characters that `pattern` matches; `None` where the pattern cannot be
/// read, or says more than a walk through it shows.
pub(super) fn matching(pattern: &str, least: usize) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    for extra in [0, 1, least as u32] {
        let mut text = String::new();
        append(&hir, extra, &mut text)?;
        let open_ended = !pattern.ends_with('$');
        while open_ended && text.chars().count() < least {
            text.push('x');
        }
        let fits = regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(&text));
        if fits && text.chars().count() >= least {
            return Some(text);
        }
    }
    None
}

/// Writes the least the pattern asks for, and `extra` rounds of each repetition beyond that.
fn append(hir: &Hir, extra: u32, text: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(Class::Unicode(class)) => {
            let wanted =
                |letter: char| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&letter));
            let first = class.ranges().first()?.start();
            text.push(['a', 'A', '1', '0', '-', ' '].into_iter().find(|letter| wanted(*letter)).unwrap_or(first));
        }
        HirKind::Class(Class::Bytes(class)) => text.push(char::from(class.ranges().first()?.start())),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            for _ in 0..repetition.min.saturating_add(extra).min(most).min(10_000) {
                append(&repetition.sub, extra, text)?;
            }
        }
        HirKind::Capture(capture) => append(&capture.sub, extra, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| append(part, extra, text))?,
        HirKind::Alternation(branches) => append(branches.first()?, extra, text)?,
    }
    Some(())
}
