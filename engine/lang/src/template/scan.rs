//! A resilient scanner over text with templates in it: finds the pieces, whatever is unclosed.

use std::borrow::Cow;

use text_size::{TextRange, TextSize};

use super::{Segment, SegmentKind, auto, lex};

/// Splits `text` into its pieces, which tile it. What stands inside an AUTO tag is one piece.
pub fn segments(text: &str) -> Vec<Segment> {
    let tags = if text.contains("<AUTO") { auto::tags(text) } else { Vec::new() };
    Scanner { text, tags: &tags, found: Vec::new(), text_start: 0, comments_end: true }.run()
}

/// The pieces of `text` when AUTO tags are taken as plain text: what minijinja sees.
pub(super) fn template_segments(text: &str) -> Vec<Segment> {
    Scanner { text, tags: &[], found: Vec::new(), text_start: 0, comments_end: true }.run()
}

pub(super) fn normalise(text: &str) -> Cow<'_, str> {
    let dollar = text.contains('$');
    if !dollar && !text.as_bytes().windows(5).any(|word| word.eq_ignore_ascii_case(b"file:")) {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    let mut changed = false;
    for segment in template_segments(text) {
        match segment.kind {
            SegmentKind::FileInclude => {
                bytes[usize::from(segment.range.start())..usize::from(segment.range.end())].fill(b' ');
                changed = true;
            }
            SegmentKind::Expression | SegmentKind::Statement if dollar => {
                changed |= blank_dollars(text, segment.inner, &mut bytes);
            }
            _ => {}
        }
    }
    match String::from_utf8(bytes) {
        Ok(normal) if changed => Cow::Owned(normal),
        _ => Cow::Borrowed(text),
    }
}

/// Blanks each `$` that stands before a name in `text[range]`, outside of quoted texts.
pub(super) fn blank_dollars(text: &str, range: TextRange, bytes: &mut [u8]) -> bool {
    let mut changed = false;
    for pair in lex::tokens(text, range).windows(2) {
        let [sign, name] = pair else { continue };
        let adjacent = sign.range.end() == name.range.start();
        if adjacent && name.kind == lex::TokenKind::Name && &text[sign.range] == "$" {
            bytes[usize::from(sign.range.start())] = b' ';
            changed = true;
        }
    }
    changed
}

struct Scanner<'t> {
    text: &'t str,
    tags: &'t [auto::AutoTag],
    found: Vec<Segment>,
    /// Where the literal text before the cursor begins.
    text_start: usize,
    /// Whether a `#}` may still follow; once none does, it is not looked for again.
    comments_end: bool,
}

impl Scanner<'_> {
    fn run(mut self) -> Vec<Segment> {
        let text = self.text;
        let mut at = 0;
        while let Some(next) = text[at..].find(['{', '<']) {
            at += next;
            match self.piece_at(at) {
                Some(segment) => {
                    at = segment.range.end().into();
                    let raw = segment.kind == SegmentKind::Statement && text[segment.inner].trim() == "raw";
                    self.push(segment);
                    if raw {
                        at = raw_end(text, at);
                    }
                }
                None => at += 1,
            }
        }
        self.flush(text.len());
        self.found
    }

    fn push(&mut self, segment: Segment) {
        self.flush(segment.range.start().into());
        self.text_start = segment.range.end().into();
        self.found.push(segment);
    }

    fn flush(&mut self, end: usize) {
        if self.text_start < end {
            let range = range(self.text_start, end);
            self.found.push(Segment { kind: SegmentKind::Text, range, inner: range });
            self.text_start = end;
        }
    }

    fn piece_at(&mut self, at: usize) -> Option<Segment> {
        let bytes = self.text.as_bytes();
        match (bytes[at], bytes.get(at + 1)?) {
            (b'{', b'{') => Some(self.tag(at, SegmentKind::Expression, "}}")),
            (b'{', b'%') => Some(self.tag(at, SegmentKind::Statement, "%}")),
            (b'{', b'#') => Some(self.comment(at)),
            (b'<', b'<') => angle_include(self.text, at),
            (b'<', b'A') => self.auto(at),
            _ => None,
        }
    }

    fn comment(&mut self, at: usize) -> Segment {
        let length = if self.comments_end { self.text[at + 2..].find("#}") } else { None };
        self.comments_end = length.is_some();
        match length {
            Some(length) => closed(self.text, SegmentKind::Comment, at, at + 2 + length),
            None => unclosed(self.text, at),
        }
    }

    fn tag(&self, at: usize, kind: SegmentKind, closer: &str) -> Segment {
        let Some(end) = tag_end(self.text, at + 2, closer) else { return unclosed(self.text, at) };
        let segment = closed(self.text, kind, at, end);
        let inner = &self.text[segment.inner];
        let path = inner.trim_start();
        match path.get(..5) {
            Some(word) if kind == SegmentKind::Expression && word.eq_ignore_ascii_case("file:") => {
                let start = usize::from(segment.inner.end()) - path[5..].trim_start().len();
                let path = self.text[start..segment.inner.end().into()].trim_end();
                Segment { kind: SegmentKind::FileInclude, inner: range(start, start + path.len()), ..segment }
            }
            _ => segment,
        }
    }

    fn auto(&mut self, at: usize) -> Option<Segment> {
        let start = TextSize::new(at as u32);
        let skip = self.tags.iter().take_while(|tag| tag.range.start() < start).count();
        self.tags = &self.tags[skip..];
        let tag = self.tags.first().filter(|tag| tag.range.start() == start)?;
        let kind = match tag.closing {
            auto::Closing::Unclosed => SegmentKind::Unclosed,
            auto::Closing::Closed | auto::Closing::Bare => SegmentKind::Auto,
        };
        Some(Segment { kind, range: tag.range, inner: tag.body })
    }
}

/// Where the closer of a tag stands whose inside begins at `from`. Brackets and quotes are heeded as
/// minijinja does; where that leads nowhere, the next closer before another opener ends the tag.
fn tag_end(text: &str, from: usize, closer: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut open: Vec<u8> = Vec::new();
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        let at_closer = byte == closer.as_bytes()[0] && bytes[at..].starts_with(closer.as_bytes());
        match byte {
            _ if at_closer && open.last().is_none_or(|bracket| closer == "}}" && *bracket != b'{') => return Some(at),
            b'\'' | b'"' => match lex::quoted_length(&bytes[at..]) {
                Some(length) => {
                    at += length;
                    continue;
                }
                None => break,
            },
            b'{' if matches!(bytes.get(at + 1), Some(b'{' | b'%' | b'#')) => break,
            b'(' | b'[' | b'{' => open.push(byte),
            b')' | b']' | b'}' => {
                open.pop();
            }
            _ => {}
        }
        at += 1;
    }
    let rest = &text[from..];
    let limit = nearest(rest, &["{{", "{%", "{#"]);
    rest[..limit].find(closer).map(|length| from + length)
}

/// The piece from `at` whose closer (two bytes) stands at `end`.
fn closed(text: &str, kind: SegmentKind, at: usize, end: usize) -> Segment {
    let bytes = text.as_bytes();
    let mut start = at + 2;
    let mut stop = end;
    if start < stop && matches!(bytes[start], b'-' | b'+') {
        start += 1;
    }
    if start < stop && matches!(bytes[stop - 1], b'-' | b'+') {
        stop -= 1;
    }
    Segment { kind, range: range(at, end + 2), inner: range(start, stop) }
}

/// The piece from the unclosed opener at `at` to the end of its line or the next opener.
fn unclosed(text: &str, at: usize) -> Segment {
    let inner = at + 2;
    let rest = &text[inner..];
    let end = inner + nearest(rest, &["\n", "{{", "{%", "{#", "<AUTO", "</AUTO"]);
    Segment { kind: SegmentKind::Unclosed, range: range(at, end), inner: range(inner, end) }
}

/// Where the nearest of `stops`, which begin with a line end, `{` or `<`, stands; else the length.
/// It does not look further than that: many openers in one text each ask for the next.
fn nearest(text: &str, stops: &[&str]) -> usize {
    text.match_indices(['\n', '{', '<'])
        .map(|(at, _)| at)
        .find(|at| stops.iter().any(|stop| text[*at..].starts_with(stop)))
        .unwrap_or(text.len())
}

/// `<< path >>` at `at`. Shell redirections, here-documents, merge keys and shifts are no paths: a
/// path is one word that names a folder or an ending.
fn angle_include(text: &str, at: usize) -> Option<Segment> {
    let rest = &text[at + 2..];
    let length = rest.find(['>', '<', '\n'])?;
    let (inner, after) = rest.split_at(length);
    let path = inner.trim();
    let is_path = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./~@+".contains(&byte))
        && path.contains(['.', '/'])
        && path.bytes().any(|byte| byte.is_ascii_alphabetic());
    if !is_path || !after.starts_with(">>") {
        return None;
    }
    let start = at + 2 + (inner.len() - inner.trim_start().len());
    Some(Segment {
        kind: SegmentKind::AngleInclude,
        range: range(at, at + 2 + length + 2),
        inner: range(start, start + path.len()),
    })
}

/// Where `{% endraw %}` begins after `from`; the end of the text if it does not stand there.
fn raw_end(text: &str, from: usize) -> usize {
    text[from..]
        .match_indices("{%")
        .map(|(start, _)| from + start)
        .find(|start| text[start + 2..].trim_start_matches(['-', '+']).trim_start().starts_with("endraw"))
        .unwrap_or(text.len())
}

fn range(start: usize, end: usize) -> TextRange {
    TextRange::new(TextSize::new(start as u32), TextSize::new(end as u32))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: &Expect) {
        use std::fmt::Write;
        let found = segments(text);
        let joined: String = found.iter().map(|segment| &text[segment.range]).collect();
        assert_eq!(joined, text, "pieces tile the text");
        let mut out = String::new();
        for segment in found {
            let _ = writeln!(out, "{:?} {:?} {:?}", segment.kind, segment.range, &text[segment.inner]);
        }
        expected.assert_eq(&out);
    }

    #[test]
    fn pieces_of_every_kind() {
        check(
            "a {{ b }}{%- if c -%}d{# e #}{% endif %}",
            &expect![[r#"
            Text 0..2 "a "
            Expression 2..9 " b "
            Statement 9..21 " if c "
            Text 21..22 "d"
            Comment 22..29 " e "
            Statement 29..40 " endif "
        "#]],
        );
    }

    #[test]
    fn quotes_and_brackets_do_not_end_a_tag() {
        check(
            "{{ '}}' ~ {'a': {'b': 1}} }}x",
            &expect![[r#"
            Expression 0..28 " '}}' ~ {'a': {'b': 1}} "
            Text 28..29 "x"
        "#]],
        );
    }

    #[test]
    fn an_unclosed_tag_ends_with_its_line() {
        check(
            "{{ a\nb {{ c }}",
            &expect![[r#"
            Unclosed 0..4 " a"
            Text 4..7 "\nb "
            Expression 7..14 " c "
        "#]],
        );
        check(
            "{{ a {% if b %}",
            &expect![[r#"
            Unclosed 0..5 " a "
            Statement 5..15 " if b "
        "#]],
        );
        check(
            "{{ len(a }} and {{ it's }} b",
            &expect![[r#"
            Expression 0..11 " len(a "
            Text 11..16 " and "
            Expression 16..26 " it's "
            Text 26..28 " b"
        "#]],
        );
    }

    #[test]
    fn openers_that_are_never_closed_are_pieces_each() {
        for opener in ["{# ", "{{ x ", "{% x "] {
            let found = segments(&opener.repeat(4000));
            assert_eq!(found.len(), 4000);
            assert!(found.iter().all(|segment| segment.kind == SegmentKind::Unclosed));
        }
        check(
            "{# a #}{# b {{ c }}{# d",
            &expect![[r#"
            Comment 0..7 " a "
            Unclosed 7..12 " b "
            Expression 12..19 " c "
            Unclosed 19..23 " d"
        "#]],
        );
    }

    #[test]
    fn files_are_included_two_ways() {
        check(
            "{{ file: prompts/intro.md }}<< templates/footer.txt >>",
            &expect![[r#"
            FileInclude 0..28 "prompts/intro.md"
            AngleInclude 28..54 "templates/footer.txt"
        "#]],
        );
    }

    #[test]
    fn redirections_and_merge_keys_are_text() {
        check(
            "cat <<EOF\nx >> a.log\nEOF\n<<: *base\n1 << 2 >> 3",
            &expect![[r#"
            Text 0..46 "cat <<EOF\nx >> a.log\nEOF\n<<: *base\n1 << 2 >> 3"
        "#]],
        );
    }

    #[test]
    fn raw_text_holds_no_templates() {
        check(
            "{% raw %}{{ a }}{% endraw %}{{ b }}",
            &expect![[r#"
            Statement 0..9 " raw "
            Text 9..16 "{{ a }}"
            Statement 16..28 " endraw "
            Expression 28..35 " b "
        "#]],
        );
    }

    #[test]
    fn auto_tags_are_one_piece() {
        check(
            "x <AUTO>{{ a }}</AUTO> {{ b }} <AUTO> {{ c }}",
            &expect![[r#"
            Text 0..2 "x "
            Auto 2..22 "{{ a }}"
            Text 22..23 " "
            Expression 23..30 " b "
            Text 30..31 " "
            Unclosed 31..37 ""
            Text 37..38 " "
            Expression 38..45 " c "
        "#]],
        );
    }

    #[test]
    fn normalised_text_keeps_its_length() {
        let text = "$a {{ $item.x ~ '$b' }} {{ file:ä.md }} {% if $i %}";
        let normal = normalise(text);
        expect!["$a {{  item.x ~ '$b' }}                  {% if  i %}"].assert_eq(&normal);
        assert_eq!(normal.len(), text.len());
    }
}
