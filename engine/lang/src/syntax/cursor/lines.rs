//! One line by itself: its dashes and its key.

/// What a line of block structure begins with.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Column and offset of each `-`.
    pub(super) dashes: Vec<(usize, usize)>,
    /// The key after them.
    pub(super) key: Option<Key>,
    /// Where the text after dashes begins.
    pub(super) content: usize,
}

/// A key of a line.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) column: usize,
    /// Just before the `:`.
    pub(super) end: usize,
    pub(super) name: String,
    /// The first character after the `:` that is no blank.
    pub(super) value: usize,
    /// Something is written as its value on this line, and it is no block scalar's header.
    pub(super) has_value: bool,
    /// The value is a block scalar.
    pub(super) block: bool,
}

/// Reads the line that begins at `start` up to `end`.
pub(super) fn shape(text: &str, start: usize, end: usize) -> Shape {
    let bytes = text.as_bytes();
    let mut at = skip_blanks(bytes, start, end);
    let mut shape = Shape { content: at, ..Shape::default() };
    while at < end && bytes[at] == b'-' && (at + 1 == end || bytes[at + 1] == b' ') {
        shape.dashes.push((at - start, at));
        at = skip_blanks(bytes, at + 1, end);
        shape.content = at;
    }
    if let Some(colon) = key_colon(bytes, at, end) {
        let value = skip_blanks(bytes, colon + 1, end);
        let rest = text[value..end].trim_end();
        let bare = rest.trim_start_matches(|character: char| !character.is_whitespace()).trim();
        let property = rest.starts_with(['&', '!']) && bare.is_empty();
        let block = rest.starts_with(['|', '>']) && rest.len() <= 4;
        let name = text[at..colon].trim().trim_matches(['"', '\'']).to_owned();
        shape.key = Some(Key {
            column: at - start,
            end: at + text[at..colon].trim_end().len(),
            name,
            value,
            has_value: !rest.is_empty() && !rest.starts_with('#') && !property && !block,
            block,
        });
    }
    shape
}

/// The `:` that makes what begins at `at` a key.
fn key_colon(bytes: &[u8], at: usize, end: usize) -> Option<usize> {
    let mut quote: Option<u8> = None;
    for here in at..end {
        let byte = bytes[here];
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if here == at && matches!(byte, b'"' | b'\'') => quote = Some(byte),
            None if here == at && matches!(byte, b'[' | b'{' | b'#' | b'|' | b'>') => return None,
            None if byte == b'#' && bytes[here - 1] == b' ' => return None,
            None if byte == b':' && (here + 1 == end || matches!(bytes[here + 1], b' ' | b'\t')) => return Some(here),
            None if byte == b'<' && bytes[here..end].starts_with(b"<AUTO") => return None,
            None => {}
        }
    }
    None
}

pub(super) fn skip_blanks(bytes: &[u8], at: usize, end: usize) -> usize {
    let mut here = at;
    while here < end && matches!(bytes[here], b' ' | b'\t') {
        here += 1;
    }
    here
}

pub(super) fn line_start(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |found| found + 1)
}

pub(super) fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(bytes.len(), |length| at + length)
}

/// Start and end of the line before the one that begins at `start`.
pub(super) fn line_before(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    let mut end = start.checked_sub(1)?;
    if bytes[end] == b'\n' && end > 0 && bytes[end - 1] == b'\r' {
        end -= 1;
    }
    Some((line_start(bytes, end), end))
}

/// Start and end of the line after the one that ends at `end`.
pub(super) fn line_after(bytes: &[u8], end: usize) -> Option<(usize, usize)> {
    let start = if bytes[end.min(bytes.len())..].starts_with(b"\r\n") { end + 2 } else { end + 1 };
    (start < bytes.len()).then(|| (start, line_end(bytes, start)))
}
