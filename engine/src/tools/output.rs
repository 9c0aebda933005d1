//! What a command prints: passed on while it runs, and kept within bounds.

use std::{collections::VecDeque, fmt, sync::Arc};

pub mod full;

/// One of a command's two output streams, or what a model says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The answer of a model.
    Model,
}

/// Takes what a command prints, as it comes; must not block.
#[derive(Clone)]
pub struct OutputSink(Arc<Take>);

type Take = dyn Fn(Stream, &str) + Send + Sync;

impl OutputSink {
    /// A sink that calls `take`.
    pub fn new(take: impl Fn(Stream, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Passes on what was printed.
    pub fn send(&self, stream: Stream, text: &str) {
        (self.0)(stream, text);
    }
}

impl fmt::Debug for OutputSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutputSink")
    }
}

/// Takes what must not be kept out of one stream: the next text goes in, `None` at its end; what is certain
/// by now comes out.
pub type Clean = Box<dyn FnMut(Option<&str>) -> String + Send>;

/// Makes a [`Clean`] per stream.
#[derive(Clone)]
pub struct Cleaner(Arc<dyn Fn() -> Clean + Send + Sync>);

impl Cleaner {
    /// One that makes them with `make`.
    pub fn new(make: impl Fn() -> Clean + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// For a stream that begins.
    pub fn start(&self) -> Clean {
        (self.0)()
    }
}

impl fmt::Debug for Cleaner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cleaner")
    }
}

/// Output of any length in bounded memory: its beginning and its end.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
    /// How much is kept of each end.
    limit: usize,
}

impl Kept {
    /// Keeps `limit` bytes of the beginning and as much of the end.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(self.limit - self.head.len()));
        self.head.extend_from_slice(head);
        // Of a long piece only its end can stay.
        let (skipped, rest) = rest.split_at(rest.len().saturating_sub(self.limit));
        let over = (self.tail.len() + rest.len()).saturating_sub(self.limit);
        self.left_out += (skipped.len() + over) as u64;
        self.tail.drain(..over);
        self.tail.extend(rest);
    }

    /// Whether `more` bytes leave nothing out.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        self.left_out == 0 && self.head.len() + self.tail.len() + more <= 2 * self.limit
    }

    /// What is kept, in one piece; all there was as long as nothing is left out.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        bytes.extend(&self.tail);
        bytes
    }

    /// Something is missing in the middle.
    pub(crate) fn is_truncated(&self) -> bool {
        self.left_out > 0
    }

    /// The text, with a line where something is left out; what is no UTF-8 is replaced.
    pub(crate) fn text(mut self) -> String {
        if self.left_out == 0 {
            self.head.extend(self.tail);
            return String::from_utf8_lossy(&self.head).into_owned();
        }
        let tail: Vec<u8> = self.tail.into();
        let head = String::from_utf8_lossy(&self.head);
        let tail = String::from_utf8_lossy(&tail);
        format!("{head}\n[{} bytes left out]\n{tail}", self.left_out)
    }
}

/// Bytes in pieces → text in pieces, cut only between characters.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    pending: Vec<u8>,
}

impl Decoder {
    /// The text that is complete with these bytes; what is no UTF-8 is replaced.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let complete = self.pending.len() - unfinished(&self.pending);
        let rest = self.pending.split_off(complete);
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending = rest;
        text
    }

    /// What is left at the end.
    pub(crate) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

/// The length of a character at the end that may go on in the next piece.
fn unfinished(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let byte = bytes[bytes.len() - back];
        let wanted = match byte {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            0x80..=0xBF => continue,
            _ => 1,
        };
        return if back < wanted { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_output_is_kept_whole() {
        let mut kept = Kept::new(4);
        kept.push(b"abc");
        kept.push(b"defg");
        assert!(!kept.is_truncated());
        assert_eq!(kept.text(), "abcdefg");
    }

    #[test]
    fn long_output_keeps_both_ends_and_counts_the_middle() {
        let mut kept = Kept::new(4);
        for piece in [&b"0123"[..], b"45", b"6789abcdef", b"XY"] {
            kept.push(piece);
        }
        assert!(kept.is_truncated());
        assert_eq!(kept.text(), "0123\n[10 bytes left out]\nefXY");
    }

    #[test]
    fn characters_are_not_cut_between_pieces() {
        let mut decoder = Decoder::default();
        let bytes = "aé😀".as_bytes();
        let text: String = bytes.iter().map(|byte| decoder.push(&[*byte])).collect();
        assert_eq!(text + &decoder.finish(), "aé😀");
        assert_eq!(decoder.push(&[0xff, b'x', 0xe2]), "\u{fffd}x");
        assert_eq!(decoder.finish(), "\u{fffd}");
    }
}
