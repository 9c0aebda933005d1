//! Scalars: plain ones with template regions and AUTO tags in them, quoted and block scalars.

use std::ops::Range;

use super::{ProblemKind, Scanner, text_range};

impl Scanner<'_> {
    /// Whether a template region or an AUTO tag begins at `at`.
    pub(super) fn is_region(&self, at: usize) -> bool {
        let rest = &self.source[at..];
        rest.starts_with(b"{{") || rest.starts_with(b"{%") || rest.starts_with(b"{#") || is_auto_open(rest)
    }

    /// Just after the region that begins at `at`, if it closes before `limit`.
    pub(super) fn region_end(&self, at: usize, limit: usize) -> Option<usize> {
        let rest = &self.source[at..limit.max(at)];
        let (kind, close): (usize, &[u8]) = match rest.get(..2)? {
            b"{{" => (0, b"}}"),
            b"{%" => (1, b"%}"),
            b"{#" => (2, b"#}"),
            _ => (3, b"</AUTO>"),
        };
        let mut unclosed = self.unclosed.get();
        if unclosed[kind].0 <= at && limit <= unclosed[kind].1 {
            return None;
        }
        let found = memchr::memmem::find(&rest[2..], close);
        match found {
            None => {
                unclosed[kind] = (at, limit);
                self.unclosed.set(unclosed);
                None
            }
            Some(_) if kind == 3 => auto_end(rest).map(|length| at + length),
            Some(found) => Some(at + 2 + found + 2),
        }
    }

    /// A plain scalar with its continuation lines; returns the start of the line after it.
    pub(super) fn plain(&mut self, at: usize, parent: isize) -> usize {
        let limit = self.scalar_limit(at, parent);
        let mut spots = Spots::default();
        let first_end = self.line_end(at);
        let mut end = self.plain_piece(at, first_end, limit, &mut spots);
        let mut next = self.next_line(self.line_end(end));
        let stopped_by_comment = self.is_comment(self.skip_spaces(end, self.line_end(end)));
        self.line_comment(end, self.line_end(end));
        if stopped_by_comment {
            self.finish_plain(at..end, &spots);
            return next;
        }
        while next < limit {
            let line_end = self.line_end(next);
            let begin = self.skip_spaces(next, line_end);
            if begin == line_end {
                next = self.next_line(line_end);
                continue;
            }
            if self.source[begin] == b'#' {
                break;
            }
            if self.plain_end(begin, line_end, false).1.is_some() {
                // The text of a value cannot hold `key:` lines.
                next = self.misplaced_entry(next, begin, limit);
                continue;
            }
            end = self.plain_piece(begin, line_end, limit, &mut spots);
            let line_end = self.line_end(end);
            next = self.next_line(line_end);
            if self.is_comment(self.skip_spaces(end, line_end)) {
                self.line_comment(end, line_end);
                break;
            }
        }
        self.finish_plain(at..end, &spots);
        next
    }

    fn finish_plain(&mut self, scalar: Range<usize>, spots: &Spots) {
        if spots.unportable || self.source[scalar.start] == b'{' {
            self.masked.regions.extend(spots.lines.iter().map(text_range));
            let message = "an unquoted template: other YAML readers see something else here; put the value in quotes";
            self.masked.problem(ProblemKind::UnquotedTemplate, scalar, message.to_owned());
        }
    }

    /// One line (or more, if a region runs over line ends) of a plain scalar; returns its end.
    fn plain_piece(&mut self, at: usize, line_end: usize, limit: usize, spots: &mut Spots) -> usize {
        let mut here = at;
        let mut line_end = line_end;
        let first = self.source[at];
        if matches!(first, b'@' | b'`' | b'%' | b'&' | b'|' | b'>' | b'?' | b',' | b']' | b'}')
            && !self.starts_plain(at)
        {
            let character = char::from(first);
            let message = format!("text that begins with `{character}` is special in YAML; put the value in quotes");
            self.masked.problem(ProblemKind::Syntax, at..self.content_end(at, line_end), message);
            self.masked.mask(at..at + 1);
        }
        while here < line_end {
            match self.source[here] {
                b'{' | b'<' if self.is_region(here) => {
                    let closed = self.region_end(here, limit);
                    let region_end = closed.unwrap_or_else(|| self.open_region_end(here, line_end));
                    spots.add(self, here..region_end);
                    self.masked.mask(here..region_end);
                    if region_end > line_end {
                        line_end = self.line_end(region_end);
                    }
                    here = region_end;
                }
                b'#' if self.is_comment(here) && here > at => break,
                b':' if self.is_blank_or_end(here + 1) => {
                    let message = "`: ` inside unquoted text; put the value in quotes".to_owned();
                    self.masked.problem(ProblemKind::Syntax, here..here + 1, message);
                    self.masked.mask(here..here + 1);
                    here += 1;
                }
                _ => here += 1,
            }
        }
        self.trimmed_end(at, here)
    }

    /// How much an unclosed region hides: of AUTO the opening tag, of a template the line.
    fn open_region_end(&self, at: usize, line_end: usize) -> usize {
        if self.source[at] == b'<' {
            let close = self.source[at..line_end].iter().position(|byte| *byte == b'>');
            return close.map_or(line_end, |length| at + length + 1);
        }
        self.trimmed_end(at, line_end)
    }

    /// Lines of a `key:` where the text of a plain scalar goes on.
    fn misplaced_entry(&mut self, start: usize, begin: usize, limit: usize) -> usize {
        let indent = begin - start;
        let mut end = self.line_end(start);
        let message = self.indentation_message(indent);
        self.masked.damage(begin..self.content_end(begin, end), message);
        self.line_comment(self.content_end(begin, end), end);
        let mut next = self.next_line(end);
        while next < limit && self.indent(next).is_none_or(|deeper| deeper > indent) {
            end = self.line_end(next);
            let begin = self.skip_spaces(next, end);
            if begin < end {
                let content = begin..self.trimmed_end(begin, end);
                self.masked.blank(content.clone());
                self.masked.damage.push(content);
            }
            next = self.next_line(end);
        }
        next
    }

    /// Where plain text that begins at `at` ends on this line, and the `:` that makes it a key.
    pub(super) fn plain_end(&self, at: usize, end: usize, flow: bool) -> (usize, Option<usize>) {
        let mut here = at;
        while here < end {
            match self.source[here] {
                b'{' | b'<' if self.is_region(here) => match self.region_end(here, end) {
                    Some(after) => {
                        here = after;
                        continue;
                    }
                    None if self.source[here] == b'{' => return (end, None),
                    None => {}
                },
                b':' if self.is_blank_or_end(here + 1) => return (here, Some(here)),
                b'#' if self.is_comment(here) && here > at => return (here, None),
                b',' | b']' | b'}' | b'[' | b'{' if flow => return (here, None),
                _ => {}
            }
            here += 1;
        }
        (end, None)
    }

    /// Hides the regions of plain text that is a key.
    pub(super) fn hide_plain(&mut self, at: usize, end: usize) {
        let mut spots = Spots::default();
        let mut here = at;
        while here < end {
            if matches!(self.source[here], b'{' | b'<')
                && self.is_region(here)
                && let Some(after) = self.region_end(here, end)
            {
                spots.add(self, here..after);
                self.masked.mask(here..after);
                here = after;
            } else {
                here += 1;
            }
        }
        if at < end {
            self.finish_plain(at..end, &spots);
        }
    }

    /// A plain scalar in a flow collection; returns its end.
    pub(super) fn flow_plain(&mut self, at: usize, end: usize) -> usize {
        let mut spots = Spots::default();
        let mut here = at;
        while here < end {
            match self.source[here] {
                b'{' | b'<' if self.is_region(here) => {
                    let after = self.region_end(here, end).unwrap_or(here + 1);
                    if self.source[here..after].iter().any(|byte| matches!(byte, b',' | b'[' | b']' | b'{' | b'}')) {
                        spots.unportable = true;
                    }
                    spots.add(self, here..after);
                    self.masked.mask(here..after);
                    here = after;
                }
                b',' | b'[' | b']' | b'{' | b'}' | b'\n' | b'\r' => break,
                b':' if self.is_blank_or_end(here + 1)
                    || matches!(self.source.get(here + 1), Some(b',' | b']' | b'}')) =>
                {
                    break;
                }
                b'#' if self.is_comment(here) => break,
                _ => here += 1,
            }
        }
        let text_end = self.trimmed_end(at, here);
        if at < text_end {
            self.finish_plain(at..text_end, &spots);
        }
        // A character that begins nothing must not stop the walk.
        if here == at { here + 1 } else { here }
    }

    fn starts_plain(&self, at: usize) -> bool {
        matches!(self.source[at], b'?') && !self.is_blank_or_end(at + 1)
    }

    /// A quoted scalar as a value; returns the start of the line after it.
    pub(super) fn quoted(&mut self, at: usize, parent: isize) -> usize {
        let quote = self.source[at];
        let limit = self.quoted_limit(at, parent);
        let line_end = self.line_end(at);
        let close = self.closing_quote(at, limit, quote).filter(|&close| {
            close < line_end || {
                // A quote on a later line that does not end the value belongs to something else.
                let rest = self.skip_spaces(close + 1, self.line_end(close));
                rest == self.line_end(close) || self.is_comment(rest)
            }
        });
        match close {
            Some(close) => {
                // Lines left of the key are legal for other readers; yaml-rust2 must not see them.
                if close > self.scalar_limit(at, parent) {
                    self.masked.mask(at + 1..close);
                }
                self.line_rest(close + 1)
            }
            None => {
                let quote = char::from(quote);
                self.unclosed(at, parent, format!("this quote is not closed; add `{quote}`"))
            }
        }
    }

    /// Up to where a quoted scalar may go on: the first line that is not indented deeper than its
    /// collection and reads as structure.
    fn quoted_limit(&self, at: usize, parent: isize) -> usize {
        let mut limit = self.scalar_limit(at, parent);
        while limit < self.source.len() {
            let begin = limit + self.indent(limit).unwrap_or(0);
            let structure = self.is_indicator(begin, b'-')
                || matches!(self.source[begin], b'#' | b'<')
                || self.is_document_marker(begin)
                || self.entry_colon(begin, self.line_end(begin)).is_some();
            if structure || begin == limit {
                return limit;
            }
            limit = self.scalar_limit(limit, parent);
        }
        limit
    }

    /// Whether `|` or `>` at `at` is a block scalar's header.
    pub(super) fn is_block_header(&self, at: usize, end: usize) -> bool {
        let rest = self.text[at + 1..end].trim_start_matches(['+', '-', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        let length = end - at - 1 - rest.len();
        length <= 2
            && (rest.trim_start().is_empty() || (rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#')))
    }

    /// A block scalar; returns the start of the line after its body.
    pub(super) fn block_scalar(&mut self, at: usize, end: usize, parent: isize) -> usize {
        if let Some(comment) = (at..end).find(|&at| self.is_comment(at)) {
            self.comment(comment);
        }
        let explicit =
            self.source[at + 1..end].iter().find(|byte| byte.is_ascii_digit()).map(|digit| usize::from(digit - b'0'));
        let mut next = self.next_line(end);
        let mut body: Option<usize> = explicit.map(|digit| (parent.max(0) as usize) + digit);
        while next < self.source.len() {
            if let Some(indent) = self.spaces(next) {
                if indent as isize <= parent {
                    break;
                }
                let body = *body.get_or_insert(indent);
                if indent < body {
                    let begin = next + indent;
                    let line_end = self.line_end(next);
                    if self.source[begin] == b'#' {
                        break;
                    }
                    let range = begin..self.trimmed_end(begin, line_end);
                    let message =
                        format!("wrong indentation: this line stands left of its block's text ({body} spaces)");
                    self.masked.damage(range, message);
                }
            }
            next = self.next_line(self.line_end(next));
        }
        next
    }

    /// The indentation in spaces of a line that holds more than blanks.
    fn spaces(&self, start: usize) -> Option<usize> {
        self.indent(start)?;
        self.source[start..].iter().position(|byte| *byte != b' ')
    }
}

/// What stands out in the regions of one scalar.
#[derive(Debug, Default)]
pub(super) struct Spots {
    /// Another YAML reader would see something else.
    unportable: bool,
    /// Regions that hold a line end: kept to the byte if the scalar is not portable.
    lines: Vec<Range<usize>>,
}

impl Spots {
    fn add(&mut self, scanner: &Scanner<'_>, region: Range<usize>) {
        let text = &scanner.text[region.clone()];
        if text.contains(['\n', '\r']) {
            self.lines.push(region);
        }
        self.unportable |= [": ", ":\n", ":\r", " #", "\n#"].iter().any(|special| text.contains(special));
    }
}

fn is_auto_open(rest: &[u8]) -> bool {
    rest.starts_with(b"<AUTO") && matches!(rest.get(5), Some(b'>' | b' ' | b'\t' | b'\n' | b'\r'))
}

/// The length of an AUTO tag with its body, tags inside the body included.
fn auto_end(rest: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut here = 0;
    while here < rest.len() {
        if rest[here] == b'<' {
            if is_auto_open(&rest[here..]) {
                depth += 1;
            } else if rest[here..].starts_with(b"</AUTO>") {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(here + b"</AUTO>".len());
                }
            }
        }
        here += 1;
    }
    None
}
