//! What stands on a line of block structure: dashes, keys, properties, and the value behind them.

use super::{MAX_DEPTH, ProblemKind, Scanner};

impl Scanner<'_> {
    /// A node in block context at `at`; the levels above it are those it lies in.
    pub(super) fn block_node(&mut self, start: usize, mut at: usize) -> usize {
        let end = self.line_end(start);
        loop {
            let column = at - start;
            if self.levels.len() >= MAX_DEPTH {
                self.too_deep(at..self.trimmed_end(at, end));
                self.set_pending(false);
                return self.next_line(end);
            }
            if self.is_indicator(at, b'-') || self.is_indicator(at, b'?') {
                let sequence = self.source[at] == b'-';
                let open = self.levels.last().is_some_and(|level| level.column == column && level.sequence == sequence);
                if !open {
                    self.set_pending(false);
                    self.push_level(column, sequence);
                }
                self.set_pending(true);
                let next = self.skip_spaces(at + 1, end);
                if next == end || self.is_comment(next) {
                    self.line_comment(next, end);
                    return self.next_line(end);
                }
                at = next;
                continue;
            }
            let Some(colon) = self.entry_colon(at, end) else {
                let parent = self.levels.last().map_or(-1, |level| level.column as isize);
                return self.value(start, at, parent);
            };
            let open = self.levels.last().is_some_and(|level| level.column == column && !level.sequence);
            if !open {
                self.set_pending(false);
                self.push_level(column, false);
                if let Some(level) = self.levels.last_mut() {
                    level.first_key = (at, colon);
                }
            }
            self.hide_key(at, colon);
            self.set_pending(true);
            let next = self.skip_spaces(colon + 1, end);
            if next == end || self.is_comment(next) {
                self.line_comment(next, end);
                return self.next_line(end);
            }
            return self.value(start, next, column as isize);
        }
    }

    /// Whether a mapping entry (`key:`, `? key` or `: value`) begins at `at`.
    pub(super) fn begins_entry(&mut self, at: usize) -> bool {
        self.is_indicator(at, b'?') || self.entry_colon(at, self.line_end(at)).is_some()
    }

    /// The `:` of a key that begins at `at` and ends on this line.
    pub(super) fn entry_colon(&self, at: usize, end: usize) -> Option<usize> {
        let at = self.after_properties(at, end);
        if at >= end {
            return None;
        }
        let after = match self.source[at] {
            quote @ (b'"' | b'\'') => self.closing_quote(at, end, quote)? + 1,
            b'[' | b'{' if !self.is_region(at) => self.closing_bracket_on_line(at, end)? + 1,
            b'*' => at + 1 + self.name_length(at + 1, end),
            b'#' => return None,
            b'|' | b'>' if self.is_block_header(at, end) => return None,
            _ => return self.plain_end(at, end, false).1,
        };
        let colon = self.skip_spaces(after, end);
        (colon < end && self.source[colon] == b':' && self.is_blank_or_end(colon + 1)).then_some(colon)
    }

    /// Hides template regions inside a key and registers its anchor.
    fn hide_key(&mut self, at: usize, colon: usize) {
        let begin = self.properties(at, colon);
        match self.source.get(begin) {
            Some(b'"' | b'\'' | b'[') => {}
            Some(b'*') => self.alias(begin, colon),
            Some(b'{') if !self.is_region(begin) => {}
            Some(&first @ (b']' | b'}' | b',' | b'@' | b'`' | b'%' | b'|' | b'>')) if begin < colon => {
                let character = char::from(first);
                let message = format!("a key cannot begin with `{character}`; remove it or put the key in quotes");
                self.masked.problem(ProblemKind::Syntax, begin..self.trimmed_end(begin, colon), message);
                self.masked.mask(begin..begin + 1);
            }
            _ => self.hide_plain(begin, self.trimmed_end(begin, colon)),
        }
    }

    /// A value that begins at `at`, in a collection whose keys or dashes stand at `parent`.
    fn value(&mut self, start: usize, at: usize, parent: isize) -> usize {
        let end = self.line_end(start);
        let at = self.properties(at, end);
        if at == end || self.is_comment(at) {
            self.line_comment(at, end);
            return self.next_line(end);
        }
        let was_pending = self.levels.last().is_some_and(|level| level.pending);
        self.set_pending(false);
        match self.source[at] {
            b'"' | b'\'' => self.quoted(at, parent),
            b'|' | b'>' if self.is_block_header(at, end) => self.block_scalar(at, end, parent),
            b'[' | b'{' if !self.is_region(at) => self.flow(at, parent),
            b'*' => {
                let name_end = at + 1 + self.name_length(at + 1, end);
                self.alias(at, name_end);
                self.line_rest(name_end)
            }
            b'-' if was_pending && self.is_indicator(at, b'-') => {
                let range = at..self.content_end(at, end);
                let message = "a list item on the line of its key; begin the list on the next line".to_owned();
                self.line_comment(range.end, end);
                self.masked.damage(range, message);
                self.next_line(end)
            }
            _ => self.plain(at, parent),
        }
    }

    /// After a value that ended before the line did: only blanks and a comment may follow.
    pub(super) fn line_rest(&mut self, at: usize) -> usize {
        let end = self.line_end(at);
        let next = self.skip_spaces(at, end);
        if next < end && !(self.source[next] == b'#' && next > at) {
            let range = next..self.content_end(next, end);
            let shown: String = self.text[range.clone()].chars().take(40).collect();
            self.line_comment(range.end, end);
            self.masked.damage(range, format!("`{shown}` stands after the end of the value; quote the whole value"));
        } else {
            self.line_comment(next, end);
        }
        self.next_line(end)
    }

    /// Hides an alias that nothing stands for.
    pub(super) fn alias(&mut self, at: usize, end: usize) {
        let name = self.text[at + 1..end].trim_end();
        if !self.anchors.contains(name) {
            let range = at..at + 1 + name.len();
            let message = if name.is_empty() {
                "`*` begins an alias in YAML; quote the text".to_owned()
            } else {
                format!(
                    "`*{name}` stands for nothing: there is no `&{name}` before it; quote the text if no alias is meant"
                )
            };
            self.masked.problem(ProblemKind::UnknownAlias, range.clone(), message);
            self.masked.mask(range.clone());
            self.masked.unknown_aliases.push(range);
        }
    }

    /// Skips anchors and tags and takes note of them; tags that are not YAML's own are hidden.
    pub(super) fn properties(&mut self, mut at: usize, end: usize) -> usize {
        while at < end {
            let length = self.name_length(at + 1, end);
            match self.source[at] {
                b'&' if length > 0 => {
                    self.anchors.insert(&self.text[at + 1..at + 1 + length]);
                }
                b'!' => {
                    let tag = at..at + 1 + length;
                    if !is_core_tag(&self.text[tag.clone()]) {
                        let message = format!("unknown tag `{}`; remove it", &self.text[tag.clone()]);
                        self.masked.problem(ProblemKind::UnknownTag, tag.clone(), message);
                        self.masked.blank(tag);
                    }
                }
                _ => return at,
            }
            at = self.skip_spaces(at + 1 + length, end);
        }
        at
    }

    pub(super) fn after_properties(&self, mut at: usize, end: usize) -> usize {
        while at < end && (self.source[at] == b'!' || (self.source[at] == b'&' && self.name_length(at + 1, end) > 0)) {
            at = self.skip_spaces(at + 1 + self.name_length(at + 1, end), end);
        }
        at
    }

    /// A line that is one `{% … %}` tag, or begins with one and holds no scalar of its own.
    pub(super) fn is_block_tag_line(&self, at: usize, end: usize) -> bool {
        self.source[at..].starts_with(b"{%") && {
            let line = self.text[at..end].trim_end();
            line.ends_with("%}") || !line.contains("%}")
        }
    }

    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = &self.source[at..];
        rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(self.source.len(), |length| at + length)
    }

    pub(super) fn next_line(&self, end: usize) -> usize {
        match self.source.get(end) {
            Some(b'\r') if self.source.get(end + 1) == Some(&b'\n') => end + 2,
            Some(_) => end + 1,
            None => end,
        }
    }

    /// The indentation of the line that begins at `start`; `None` if it is blank.
    pub(super) fn indent(&self, start: usize) -> Option<usize> {
        let rest = &self.source[start..];
        let indent = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
        (!matches!(rest[indent], b'\n' | b'\r')).then_some(indent)
    }

    pub(super) fn skip_spaces(&self, at: usize, end: usize) -> usize {
        let rest = &self.source[at.min(end)..end];
        rest.iter().position(|byte| !matches!(byte, b' ' | b'\t')).map_or(end, |length| at + length)
    }

    pub(super) fn trimmed_end(&self, at: usize, end: usize) -> usize {
        at + self.text[at..end].trim_end_matches([' ', '\t']).len()
    }

    /// The end of what stands at `at`, without a comment behind it.
    pub(super) fn content_end(&self, at: usize, end: usize) -> usize {
        let comment = (at + 1..end).find(|&at| self.is_comment(at));
        self.trimmed_end(at, comment.unwrap_or(end))
    }

    pub(super) fn is_indicator(&self, at: usize, indicator: u8) -> bool {
        self.source.get(at) == Some(&indicator) && self.is_blank_or_end(at + 1)
    }

    pub(super) fn is_blank_or_end(&self, at: usize) -> bool {
        self.source.get(at).is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
    }

    pub(super) fn is_comment(&self, at: usize) -> bool {
        self.source.get(at) == Some(&b'#') && (at == 0 || self.is_blank_or_end(at - 1))
    }

    /// Takes note of the comment at `at`, which runs up to the line's end.
    pub(super) fn comment(&mut self, at: usize) {
        let end = self.line_end(at);
        self.masked.comments.push(super::text_range(&(at..end)));
    }

    pub(super) fn line_comment(&mut self, at: usize, end: usize) {
        let at = self.skip_spaces(at, end);
        if at < end && self.source[at] == b'#' {
            self.comment(at);
        }
    }

    pub(super) fn name_length(&self, at: usize, end: usize) -> usize {
        let stop = |byte: &u8| matches!(byte, b' ' | b'\t' | b',' | b'[' | b']' | b'{' | b'}' | b'\n' | b'\r');
        self.source[at.min(end)..end].iter().position(stop).unwrap_or(end - at.min(end))
    }

    fn closing_bracket_on_line(&self, at: usize, end: usize) -> Option<usize> {
        let mut depth = 0_usize;
        let mut here = at;
        while here < end {
            match self.source[here] {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(here);
                    }
                }
                quote @ (b'"' | b'\'') if matches!(self.source[here - 1], b'[' | b'{' | b',' | b' ' | b':') => {
                    here = self.closing_quote(here, end, quote)?;
                }
                _ => {}
            }
            here += 1;
        }
        None
    }

    /// The closing quote of a quoted scalar that begins at `at`, before `end`.
    pub(super) fn closing_quote(&self, at: usize, end: usize, quote: u8) -> Option<usize> {
        let mut here = at + 1;
        while here < end {
            match self.source[here] {
                b'\\' if quote == b'"' => here += 1,
                byte if byte == quote => {
                    if quote == b'\'' && self.source.get(here + 1) == Some(&b'\'') {
                        here += 1;
                    } else {
                        return Some(here);
                    }
                }
                _ => {}
            }
            here += 1;
        }
        None
    }

    /// The first line start after `from` at which a line stands that is not indented deeper than
    /// `parent`, or the end of the text.
    pub(super) fn scalar_limit(&self, from: usize, parent: isize) -> usize {
        let mut at = self.next_line(self.line_end(from));
        while at < self.source.len() {
            if let Some(indent) = self.indent(at)
                && ((indent as isize) <= parent || (indent == 0 && self.is_document_marker(at)))
            {
                return at;
            }
            at = self.next_line(self.line_end(at));
        }
        self.source.len()
    }

    pub(super) fn is_document_marker(&self, at: usize) -> bool {
        (self.source[at..].starts_with(b"---") || self.source[at..].starts_with(b"...")) && self.is_blank_or_end(at + 3)
    }

    /// Blanks an opener that is not closed, and what is indented below it.
    pub(super) fn unclosed(&mut self, at: usize, parent: isize, message: String) -> usize {
        let first = at..self.trimmed_end(at, self.line_end(at));
        self.masked.problem(ProblemKind::Syntax, first, message);
        self.drop_unclosed(at, parent)
    }

    /// The same for an opener whose problem is told elsewhere.
    pub(super) fn drop_unclosed(&mut self, at: usize, parent: isize) -> usize {
        let mut end = self.line_end(at);
        let limit = self.scalar_limit(at, parent);
        self.masked.open_ended |= parent < 0;
        let first = at..self.trimmed_end(at, end);
        self.masked.blank(first.clone());
        self.masked.damage.push(first);
        let mut next = self.next_line(end);
        while next < limit {
            end = self.line_end(next);
            let begin = self.skip_spaces(next, end);
            if begin < end {
                if self.entry_colon(begin, end).is_some() || self.is_indicator(begin, b'-') {
                    return next;
                }
                let rest = begin..self.trimmed_end(begin, end);
                self.masked.blank(rest.clone());
                self.masked.damage.push(rest);
            }
            next = self.next_line(end);
        }
        next
    }
}

fn is_core_tag(tag: &str) -> bool {
    tag == "!"
        || tag.strip_prefix("!!").is_some_and(|name| {
            matches!(
                name,
                "str"
                    | "int"
                    | "float"
                    | "bool"
                    | "null"
                    | "map"
                    | "seq"
                    | "binary"
                    | "timestamp"
                    | "set"
                    | "omap"
                    | "merge"
            )
        })
}
