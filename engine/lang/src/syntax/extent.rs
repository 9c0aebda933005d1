//! True ends of nodes in the masked text; yaml-rust2 gives start marks only.

/// Just after the plain scalar that begins at `at` and reads `value`: its characters but for blanks
/// stand in the text as they are.
pub(super) fn plain_end(text: &[u8], at: usize, value: &str) -> usize {
    let value = value.as_bytes();
    if text[at..].starts_with(value) {
        return at + value.len();
    }
    let mut here = at;
    for byte in value.iter().filter(|byte| !is_blank(**byte)) {
        while here < text.len() && is_blank(text[here]) {
            here += 1;
        }
        if text.get(here) != Some(byte) {
            return here;
        }
        here += 1;
    }
    here
}

/// Just after the quoted scalar that begins at `at`.
pub(super) fn quoted_end(text: &[u8], at: usize) -> usize {
    let Some(&quote) = text.get(at) else { return at.min(text.len()) };
    let mut here = at + 1;
    while let Some(&byte) = text.get(here) {
        here += 1;
        if byte == b'\\' && quote == b'"' {
            here += 1;
        } else if byte == quote {
            if quote == b'\'' && text.get(here) == Some(&quote) {
                here += 1;
            } else {
                return here;
            }
        }
    }
    text.len()
}

/// Just after the block scalar whose header begins at `at`, in a collection at column `parent`.
pub(super) fn block_end(text: &[u8], at: usize, parent: isize) -> usize {
    let mut end = line_end(text, at);
    let header_end = trimmed_header(text, at, end);
    let header = &text[at..header_end];
    let keep = header.contains(&b'+');
    let mut body: Option<usize> = header
        .iter()
        .find(|byte| byte.is_ascii_digit())
        .map(|digit| parent.max(0) as usize + usize::from(digit - b'0'));
    let mut last = header_end;
    loop {
        let start = next_line(text, end);
        if start >= text.len() {
            return last;
        }
        end = line_end(text, start);
        let content = skip_spaces(text, start, end);
        let column = content - start;
        let blank = content == end;
        // Blank lines that reach into the text's column are text.
        if blank && body.is_none_or(|body| column <= body) {
            if keep {
                last = next_line(text, end);
            }
            continue;
        }
        if column as isize <= parent && !blank {
            return last;
        }
        let body = *body.get_or_insert(column);
        if column < body {
            return last;
        }
        last = next_line(text, end);
    }
}

fn trimmed_header(text: &[u8], at: usize, end: usize) -> usize {
    let rest = &text[at + 1..end];
    let length = rest.iter().position(|byte| !matches!(byte, b'+' | b'-' | b'0'..=b'9')).unwrap_or(rest.len());
    at + 1 + length
}

/// The first place from `at` that holds no blank, comment or line end.
pub(super) fn skip_trivia(text: &[u8], at: usize) -> usize {
    let mut here = at;
    let mut blank_before = true;
    while let Some(&byte) = text.get(here) {
        match byte {
            b' ' | b'\t' => blank_before = true,
            b'\n' | b'\r' => blank_before = true,
            b'#' if blank_before || here == 0 || is_blank(text[here - 1]) => {
                here = line_end(text, here);
                continue;
            }
            _ => break,
        }
        here += 1;
    }
    here
}

/// Just after an anchor's or alias' name or a tag that goes on at `at`.
pub(super) fn name_end(text: &[u8], at: usize) -> usize {
    let stop = |byte: &u8| is_blank(*byte) || matches!(byte, b',' | b'[' | b']' | b'{' | b'}');
    text[at.min(text.len())..].iter().position(stop).map_or(text.len(), |length| at + length)
}

pub(super) fn is_blank_or_end(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|byte| is_blank(*byte))
}

/// How many bytes stand before `at` on its line.
pub(super) fn column(text: &[u8], at: usize) -> usize {
    text[..at].iter().rev().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count()
}

pub(super) fn line_end(text: &[u8], at: usize) -> usize {
    text[at.min(text.len())..]
        .iter()
        .position(|byte| matches!(byte, b'\n' | b'\r'))
        .map_or(text.len(), |length| at + length)
}

pub(super) fn next_line(text: &[u8], end: usize) -> usize {
    match text.get(end) {
        Some(b'\r') if text.get(end + 1) == Some(&b'\n') => end + 2,
        Some(_) => end + 1,
        None => end,
    }
}

pub(super) fn skip_spaces(text: &[u8], at: usize, end: usize) -> usize {
    text[at..end].iter().position(|byte| *byte != b' ').map_or(end, |length| at + length)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
