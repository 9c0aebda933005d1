//! JSON as `serde_json` writes it for people, with fewer and longer writes: a document of many steps is written at
//! the end of every run.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// The text, of about so many bytes, without a line break at its end. The keys of maps must be texts.
pub(crate) fn pretty(value: &impl Serialize, length: usize) -> String {
    let mut text = Vec::with_capacity(length);
    let lines = Lines { depth: 0, is_empty: true, is_key: false };
    let written = value.serialize(&mut Serializer::with_formatter(&mut text, lines));
    written.expect("invariant: the keys are texts, and memory takes every write");
    String::from_utf8(text).expect("invariant: JSON is written as UTF-8")
}

/// A comma, a line break, and the blanks of the line that begins.
const LINE: &[u8] = b",\n                                ";

/// Two blanks for each level, as [`serde_json::ser::PrettyFormatter`] writes them.
struct Lines {
    depth: usize,
    /// Nothing stands in the list or map yet.
    is_empty: bool,
    /// A key is written, whose quotes are written with what stands around them.
    is_key: bool,
}

impl Lines {
    /// Begins a line, behind a comma unless it is the `first` of its list or map.
    fn line<W: ?Sized + Write>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        let from = usize::from(first);
        let end = 2 + 2 * self.depth;
        writer.write_all(&LINE[from..end.min(LINE.len())])?;
        (LINE.len()..end).try_for_each(|_| writer.write_all(b" "))
    }

    fn end<W: ?Sized + Write>(&mut self, writer: &mut W, closing: u8) -> io::Result<()> {
        self.depth -= 1;
        if !self.is_empty {
            self.line(writer, true)?;
        }
        self.is_empty = false;
        writer.write_all(&[closing])
    }

    fn begin<W: ?Sized + Write>(&mut self, writer: &mut W, opening: u8) -> io::Result<()> {
        self.depth += 1;
        self.is_empty = true;
        writer.write_all(&[opening])
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b'[')
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b']')
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.line(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_empty = false;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b'{')
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b'}')
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.line(writer, first)?;
        self.is_key = true;
        Ok(())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_empty = false;
        Ok(())
    }

    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\"")
    }

    fn end_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        // That of a key is written with what follows it.
        if std::mem::take(&mut self.is_key) { Ok(()) } else { writer.write_all(b"\"") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn same(value: &Value) {
        assert_eq!(pretty(value, 0), serde_json::to_string_pretty(value).expect("JSON"));
    }

    #[test]
    fn it_is_written_as_serde_json_writes_it() {
        same(&json!(null));
        same(&json!([]));
        same(&json!({}));
        same(&json!({"": {"a \"b\"\n": [1, -2.5, true, null, "c\t\u{1}ü", [], {}, [[]], {"d": {}}]}, "e": []}));
        let deep =
            (0..40).fold(json!("end"), |inner, at| if at % 2 == 0 { json!([inner]) } else { json!({"k": inner}) });
        same(&deep);
        let numbers = std::collections::BTreeMap::from([(1, "one"), (2, "two")]);
        assert_eq!(pretty(&numbers, 0), serde_json::to_string_pretty(&numbers).expect("JSON"));
    }
}
