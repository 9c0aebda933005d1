//! AUTO tags: `<AUTO attrs>body</AUTO>`, nested, and the bare `<AUTO>` (contract §2.18).

use text_size::{TextRange, TextSize};

/// One AUTO tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoTag {
    /// Opener to closer, both included.
    pub range: TextRange,
    /// The opener `<AUTO …>`.
    pub opener: TextRange,
    /// Between opener and closer; empty for a bare or unclosed tag.
    pub body: TextRange,
    /// Attributes in order.
    pub attributes: Vec<AutoAttribute>,
    /// Whether and how it ends.
    pub closing: Closing,
    /// Tags inside the body, outermost first.
    pub nested: Vec<AutoTag>,
}

/// One attribute of an AUTO tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoAttribute {
    /// Its name, e.g. `type`.
    pub name: String,
    /// The name's place.
    pub name_range: TextRange,
    /// Its value without quotes.
    pub value: String,
    /// The value's place without quotes.
    pub value_range: TextRange,
}

/// How a tag ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// By `</AUTO>`.
    Closed,
    /// The text is the opener alone: the bare form, legal only for `model`.
    Bare,
    /// No `</AUTO>` follows though text does.
    Unclosed,
}

impl AutoTag {
    /// The value of the attribute `name`, if it is given.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|attribute| attribute.name == name).map(|attribute| &*attribute.value)
    }
}

/// The AUTO tags of `text`, outermost only. A tag without its closer ends with its opener, and what
/// it would have held stands beside it.
pub fn tags(text: &str) -> Vec<AutoTag> {
    let mut open: Vec<AutoTag> = Vec::new();
    let mut done: Vec<AutoTag> = Vec::new();
    // Tags that stand too deep are text of the one around them, and so are their ends.
    let mut too_deep = 0_usize;
    let mut at = 0;
    while let Some(found) = text[at..].find('<') {
        let start = at + found;
        if let Some(opener) = opener_at(text, start) {
            at = opener.opener.end().into();
            if open.len() == DEEPEST {
                too_deep += 1;
            } else {
                open.push(opener);
            }
        } else if text[start..].starts_with(CLOSER) {
            at = start + CLOSER.len();
            if too_deep > 0 {
                too_deep -= 1;
                continue;
            }
            let Some(mut tag) = open.pop() else { continue };
            tag.body = TextRange::new(tag.opener.end(), offset(start));
            tag.range = TextRange::new(tag.opener.start(), offset(at));
            tag.closing = Closing::Closed;
            match open.last_mut() {
                Some(outer) => outer.nested.push(tag),
                None => done.push(tag),
            }
        } else {
            at = start + 1;
        }
    }
    let bare = done.is_empty() && open.len() == 1;
    for mut tag in open {
        if bare && text.trim() == &text[tag.opener] {
            tag.closing = Closing::Bare;
        }
        let nested = std::mem::take(&mut tag.nested);
        done.push(tag);
        done.extend(nested);
    }
    done.sort_by_key(|tag| tag.range.start());
    done
}

/// The places of `</AUTO>` that close nothing.
pub(super) fn stray_closers(text: &str) -> Vec<TextRange> {
    let mut depth = 0_usize;
    let mut found = Vec::new();
    for (start, _) in text.match_indices('<') {
        if text[start..].starts_with(CLOSER) {
            match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => found.push(TextRange::at(offset(start), TextSize::of(CLOSER))),
            }
        } else if opener_at(text, start).is_some() {
            depth += 1;
        }
    }
    found
}

/// How deep tags may stand in each other.
pub(crate) const DEEPEST: usize = 16;

const OPENER: &str = "<AUTO";
const CLOSER: &str = "</AUTO>";

/// The opener at `start`, as a tag that is not closed yet.
fn opener_at(text: &str, start: usize) -> Option<AutoTag> {
    let bytes = text.as_bytes();
    let mut at = start + OPENER.len();
    if !text[start..].starts_with(OPENER) || !bytes.get(at).is_some_and(|byte| *byte == b'>' || is_blank(*byte)) {
        return None;
    }
    let mut attributes = Vec::new();
    loop {
        at += bytes[at..].iter().take_while(|byte| is_blank(**byte)).count();
        match bytes.get(at)? {
            b'>' => break,
            b'<' | b'{' => return None,
            _ => {}
        }
        let name_start = at;
        at += bytes[at..].iter().take_while(|byte| !is_blank(**byte) && !b"=><{".contains(byte)).count();
        let name_range = TextRange::new(offset(name_start), offset(at));
        let mut value_range = TextRange::empty(offset(at));
        if bytes.get(at) == Some(&b'=') {
            at += 1;
            let quote = bytes.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\''));
            let value_start = at + usize::from(quote.is_some());
            let length = match quote {
                Some(quote) => bytes[value_start..].iter().position(|byte| *byte == quote)?,
                None => bytes[value_start..].iter().take_while(|byte| !is_blank(**byte) && **byte != b'>').count(),
            };
            value_range = TextRange::at(offset(value_start), offset(length));
            at = value_start + length + usize::from(quote.is_some());
        } else if name_range.is_empty() {
            return None;
        }
        attributes.push(AutoAttribute {
            name: text[name_range].to_owned(),
            name_range,
            value: text[value_range].to_owned(),
            value_range,
        });
    }
    let opener = TextRange::new(offset(start), offset(at + 1));
    Some(AutoTag {
        range: opener,
        opener,
        body: TextRange::empty(opener.end()),
        attributes,
        closing: Closing::Unclosed,
        nested: Vec::new(),
    })
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn offset(at: usize) -> TextSize {
    TextSize::new(at as u32)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn show(text: &str, tags: &[AutoTag], depth: usize, out: &mut String) {
        use std::fmt::Write;
        for tag in tags {
            let attributes: Vec<String> = tag
                .attributes
                .iter()
                .map(|a| format!("{}={}@{:?}", &text[a.name_range], &text[a.value_range], a.value_range))
                .collect();
            let (range, closing) = (tag.range, tag.closing);
            let _ = writeln!(
                out,
                "{:depth$}{range:?} {closing:?} {:?} body {:?}",
                "",
                attributes.join(" "),
                &text[tag.body],
                depth = depth * 2
            );
            show(text, &tag.nested, depth + 1, out);
        }
    }

    fn check(text: &str, expected: &Expect) {
        let mut out = String::new();
        show(text, &tags(text), 0, &mut out);
        expected.assert_eq(&out);
    }

    #[test]
    fn a_tag_has_a_body_and_attributes() {
        check(
            r#"<AUTO task="analyze" min=1 max='9'>how many?</AUTO>"#,
            &expect![[r#"
                0..51 Closed "task=analyze@12..19 min=1@25..26 max=9@32..33" body "how many?"
            "#]],
        );
    }

    #[test]
    fn tags_nest() {
        check(
            "a <AUTO>out <AUTO>in</AUTO> er</AUTO> b <AUTO>c</AUTO>",
            &expect![[r#"
            2..37 Closed "" body "out <AUTO>in</AUTO> er"
              12..27 Closed "" body "in"
            40..54 Closed "" body "c"
        "#]],
        );
    }

    #[test]
    fn a_lone_opener_is_bare() {
        check(
            "<AUTO>",
            &expect![[r#"
            0..6 Bare "" body ""
        "#]],
        );
        check(
            r#"<AUTO task="summarize">"#,
            &expect![[r#"
            0..23 Bare "task=summarize@12..21" body ""
        "#]],
        );
    }

    #[test]
    fn an_unclosed_tag_does_not_take_what_follows() {
        check(
            "<AUTO>pick one of <AUTO>these</AUTO>",
            &expect![[r#"
            0..6 Unclosed "" body ""
            18..36 Closed "" body "these"
        "#]],
        );
    }

    #[test]
    fn other_words_and_lower_case_are_text() {
        check("<AUTOMATIC> <auto>x</auto> <AUTO/> <AUTO task=\"x", &expect![[""]]);
        assert_eq!(stray_closers("a </AUTO> <AUTO>b</AUTO>"), vec![TextRange::new(2.into(), 9.into())]);
    }
}
