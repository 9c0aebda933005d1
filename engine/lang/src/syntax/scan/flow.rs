//! Flow collections: `[…]` and `{…}`.

use std::ops::Range;

use super::{BLOCK_TAG, MAX_DEPTH, ProblemKind, Scanner};

impl Scanner<'_> {
    /// A flow collection as a value; returns the start of the line after it.
    pub(super) fn flow(&mut self, at: usize, parent: isize) -> usize {
        let mut tag = None;
        let end = self.flow_end(at, parent, &mut tag);
        let tagged = match (&tag, &end) {
            (Some(_), Ok(end)) => {
                self.masked.blank(at..end + 1);
                self.masked.damage.push(at..end + 1);
                Some(self.line_rest(end + 1))
            }
            // A tag behind what is given up of an open collection stands in something else.
            (Some(tag), Err(_)) => Some(self.drop_unclosed(at, parent)).filter(|next| tag.start < *next),
            (None, _) => None,
        };
        if let (Some(tag), Some(next)) = (tag, tagged) {
            self.masked.problem(ProblemKind::BlockTagBetweenEntries, tag, BLOCK_TAG.to_owned());
            return next;
        }
        match end {
            Ok(end) => {
                self.hide_flow(at + 1, end);
                self.line_rest(end + 1)
            }
            Err(FlowError::TooDeep) => {
                self.too_deep(at..self.trimmed_end(at, self.line_end(at)));
                self.next_line(self.line_end(at))
            }
            Err(FlowError::Open(opener)) => {
                let bracket = char::from(self.source[opener]);
                let close = if bracket == '[' { ']' } else { '}' };
                self.unclosed(at, parent, format!("this `{bracket}` is not closed; add `{close}`"))
            }
            Err(FlowError::Wrong(place)) => {
                let bracket = char::from(self.source[place]);
                self.unclosed(at, parent, format!("the `{bracket}` in this value does not fit the bracket it closes"))
            }
        }
    }

    /// The bracket that closes the collection at `at`. `tag` becomes the first block tag in it, if one
    /// stands between its items.
    fn flow_end(&self, at: usize, parent: isize, tag: &mut Option<Range<usize>>) -> Result<usize, FlowError> {
        let limit = self.scalar_limit(at, parent);
        let limit = self.closing_line(limit, parent);
        let mut open: Vec<usize> = Vec::new();
        let mut here = at;
        // Whether a scalar may begin here.
        let mut fresh = true;
        let mut first_tag = None;
        // Where a quoted scalar ended last.
        let mut quoted = 0;
        while here < limit {
            if self.source[here] == b'{' && self.source.get(here + 1) == Some(&b'%') {
                let end = self.region_end(here, limit).unwrap_or(here + 2);
                let first = first_tag.get_or_insert(here..end);
                let beside_quoted = quoted != 0 && self.text[quoted..here].trim().is_empty();
                if tag.is_some() || beside_quoted || (fresh && self.begins_no_text(end, limit)) {
                    tag.get_or_insert_with(|| first.clone());
                    here = end;
                    continue;
                }
            }
            match self.source[here] {
                b'[' | b'{' if fresh && self.is_region(here) => {
                    here = self.region_end(here, limit).unwrap_or(here + 2);
                    fresh = false;
                    continue;
                }
                b'[' | b'{' => {
                    if self.is_region(here) {
                        here = self.region_end(here, limit).unwrap_or(here + 2);
                        continue;
                    }
                    open.push(here);
                    if self.levels.len() + open.len() > MAX_DEPTH {
                        return Err(FlowError::TooDeep);
                    }
                    fresh = true;
                }
                b']' | b'}' => {
                    let Some(opener) = open.pop() else { return Err(FlowError::Wrong(here)) };
                    if (self.source[opener] == b'[') != (self.source[here] == b']') {
                        return Err(FlowError::Wrong(here));
                    }
                    if open.is_empty() {
                        return Ok(here);
                    }
                    fresh = false;
                }
                quote @ (b'"' | b'\'') if fresh => {
                    here = self.closing_quote(here, limit, quote).ok_or(FlowError::Open(at))?;
                    quoted = here + 1;
                    fresh = false;
                }
                b'<' if self.is_region(here) => {
                    here = self.region_end(here, limit).unwrap_or(here + 1);
                    fresh = false;
                    continue;
                }
                b'#' if self.is_comment(here) => here = self.line_end(here),
                b',' => fresh = true,
                b':' if self.is_blank_or_end(here + 1) || !fresh => fresh = true,
                b' ' | b'\t' | b'\n' | b'\r' => {}
                _ => fresh = false,
            }
            here += 1;
        }
        Err(FlowError::Open(open.first().copied().unwrap_or(at)))
    }

    /// Whether what comes after a block tag is not the text of the same scalar.
    fn begins_no_text(&self, at: usize, limit: usize) -> bool {
        let rest = self.text[at..limit.max(at)].trim_start();
        rest.starts_with(['"', '\'', ',', ']', '}', '[']) || (rest.starts_with('{') && !rest.starts_with("{{"))
    }

    /// A bracket that closes may stand at the column of the key.
    fn closing_line(&self, limit: usize, parent: isize) -> usize {
        match self.indent(limit.min(self.source.len())) {
            Some(indent)
                if limit < self.source.len()
                    && indent as isize == parent
                    && matches!(self.source[limit + indent], b']' | b'}') =>
            {
                limit + indent + 1
            }
            _ => limit,
        }
    }

    /// Hides regions and takes note of comments, anchors and aliases inside a flow collection.
    fn hide_flow(&mut self, from: usize, end: usize) {
        let mut here = from;
        let mut fresh = true;
        while here < end {
            match self.source[here] {
                b' ' | b'\t' => {}
                // A closing bracket below its key is too far left for yaml-rust2.
                b'\n' | b'\r' => {
                    let next = self.next_line(here);
                    if self.skip_spaces(next, end) == end {
                        self.masked.bytes[here..next].fill(b' ');
                    }
                    here = next;
                    continue;
                }
                b',' | b'[' | b'{' | b']' | b'}' if !self.is_region(here) => fresh = true,
                b':' if self.is_blank_or_end(here + 1) || !fresh => fresh = true,
                quote @ (b'"' | b'\'') if fresh => {
                    here = self.closing_quote(here, end, quote).unwrap_or(end);
                    fresh = false;
                }
                b'#' if self.is_comment(here) => {
                    self.comment(here);
                    here = self.line_end(here);
                    continue;
                }
                b'*' if fresh => {
                    let length = self.name_length(here + 1, end);
                    self.alias(here, here + 1 + length);
                    here += length;
                    fresh = false;
                }
                b'&' | b'!' if fresh && self.after_properties(here, end) > here => {
                    here = self.properties(here, end.min(self.line_end(here)));
                    continue;
                }
                _ if fresh => {
                    here = self.flow_plain(here, end);
                    fresh = false;
                    continue;
                }
                _ => {}
            }
            here += 1;
        }
    }
}

enum FlowError {
    Open(usize),
    Wrong(usize),
    TooDeep,
}
