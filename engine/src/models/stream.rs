//! Answers that come in pieces: server-sent events, and JSON by the line. Nothing here touches the network.
//!
//! A dialect folds the pieces into the reply it would have sent whole, so that there is one place that reads
//! replies. What was told of the answer on the way is its text as it grew.

use std::borrow::Cow;

use serde_json::Value;

use super::{Request, trouble::Class};

/// How a dialect streams.
#[derive(Debug)]
pub(super) struct Streaming {
    /// How the pieces are told apart.
    pub(super) framing: Framing,
    /// Makes the body of a request one whose answer streams.
    pub(super) ask: fn(&mut Value),
    /// The path beneath the address; a query may follow it.
    pub(super) path: fn(&Request) -> String,
    /// Takes a piece in.
    pub(super) fold: fn(&mut Folded, Value),
}

/// How pieces are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// `data: …` and an empty line.
    Events,
    /// A line each.
    Lines,
}

/// The answer as far as it came.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Folded {
    /// The reply as it would have come whole.
    pub(super) reply: Value,
    /// The text that was added since somebody looked.
    pub(super) news: String,
    /// The answer is whole; its usage may still follow.
    pub(super) is_whole: bool,
    /// Nothing follows.
    pub(super) is_over: bool,
    /// Something of it came, which is paid for.
    pub(super) has_begun: bool,
    /// What the provider said went wrong, as it says it.
    pub(super) error: Option<Value>,
}

impl Folded {
    /// Adds text at this place of the reply; it is news where `is_news`.
    pub(super) fn append(&mut self, pointer: &[&str], text: &str, is_news: bool) {
        match self.at(pointer) {
            Value::String(there) => there.push_str(text),
            other => *other = Value::from(text),
        }
        self.has_begun |= !text.is_empty();
        if is_news {
            self.news.push_str(text);
        }
    }

    /// Puts a value at this place of the reply.
    pub(super) fn set(&mut self, pointer: &[&str], value: Value) {
        *self.at(pointer) = value;
    }

    fn at(&mut self, pointer: &[&str]) -> &mut Value {
        pointer.iter().fold(&mut self.reply, |place, name| match name.parse() {
            Ok(index) => item(place, index),
            Err(_) => field(place, name),
        })
    }
}

/// The field, which is made where there is none.
fn field<'v>(value: &'v mut Value, name: &str) -> &'v mut Value {
    if !value.is_object() {
        *value = Value::Object(serde_json::Map::new());
    }
    &mut value[name]
}

/// The item, which is made where there is none.
fn item(value: &mut Value, index: usize) -> &mut Value {
    // A provider's index is not trusted to be a small one.
    let index = index.min(MOST_ITEMS);
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    let items = value.as_array_mut().expect("invariant: it was made one");
    while items.len() <= index {
        items.push(Value::Null);
    }
    &mut items[index]
}

/// How many parts an answer may have.
const MOST_ITEMS: usize = 10_000;

/// Tells pieces apart in what arrives.
#[derive(Debug)]
pub(super) struct Frames {
    framing: Framing,
    /// The line that is not at its end yet.
    line: Vec<u8>,
    /// The last byte ended a line as `\r`, which a `\n` may belong to.
    after_return: bool,
    /// The data of the event that is not at its end yet.
    data: Option<String>,
    /// What came is no text.
    pub(super) is_garbled: bool,
}

impl Frames {
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, line: Vec::new(), after_return: false, data: None, is_garbled: false }
    }

    /// The pieces that end in these bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut pieces = Vec::new();
        for byte in bytes {
            let is_second = *byte == b'\n' && std::mem::take(&mut self.after_return);
            if is_second {
                continue;
            }
            self.after_return = *byte == b'\r';
            if matches!(byte, b'\n' | b'\r') {
                pieces.extend(self.end_of_line());
            } else {
                self.line.push(*byte);
            }
        }
        pieces
    }

    /// The piece that ends because nothing more comes.
    pub(super) fn finish(&mut self) -> Option<String> {
        match self.framing {
            Framing::Lines => self.end_of_line(),
            Framing::Events => {
                let last = self.end_of_line();
                last.or_else(|| self.data.take())
            }
        }
    }

    fn end_of_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        // Nothing stands in the place of what cannot be read without this being said.
        self.is_garbled |= matches!(line, Cow::Owned(_));
        if self.framing == Framing::Lines {
            return (!line.trim().is_empty()).then(|| line.trim().to_owned());
        }
        if line.is_empty() {
            return self.data.take();
        }
        // Other fields say how events are called and counted, which their data says too.
        if let Some(data) = line.strip_prefix("data:") {
            let data = data.strip_prefix(' ').unwrap_or(data);
            match &mut self.data {
                Some(all) => {
                    all.push('\n');
                    all.push_str(data);
                }
                None => self.data = Some(data.to_owned()),
            }
        }
        None
    }
}

/// The class of an error that is told in a stream, which began with a good status.
pub(super) fn class_of(error: &Value, said: &super::trouble::Said) -> Class {
    let status = error["code"].as_u64().or_else(|| error["status"].as_u64()).and_then(|code| u16::try_from(code).ok());
    let status = status.unwrap_or_else(|| match error["type"].as_str().unwrap_or_default() {
        "overloaded_error" => 529,
        "rate_limit_error" | "rate_limit_exceeded" | "insufficient_quota" => 429,
        "authentication_error" => 401,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "invalid_request_error" => 400,
        _ => 500,
    });
    Class::of(status, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of `text`, however it is cut.
    #[track_caller]
    fn pieces(framing: Framing, text: &str) -> Vec<String> {
        let of = |size: usize| -> Vec<String> {
            let mut frames = Frames::new(framing);
            let mut found: Vec<String> = text.as_bytes().chunks(size).flat_map(|bytes| frames.push(bytes)).collect();
            found.extend(frames.finish());
            found
        };
        let whole = of(text.len());
        for size in 1..text.len() {
            assert_eq!(of(size), whole, "in pieces of {size} bytes");
        }
        whole
    }

    #[test]
    fn events_are_told_apart_however_they_arrive() {
        let text = "\u{feff}: hello\r\nevent: a\r\ndata: {\"text\": \"ä😀\"}\r\n\r\ndata:one\rdata: two\r\rid: 7\n\n\ndata: last";
        assert_eq!(pieces(Framing::Events, text), ["{\"text\": \"ä😀\"}", "one\ntwo", "last"]);
    }

    #[test]
    fn lines_are_told_apart_however_they_arrive() {
        assert_eq!(pieces(Framing::Lines, "{\"a\": \"ä\"}\n\n {} \r\n[]"), ["{\"a\": \"ä\"}", "{}", "[]"]);
    }

    #[test]
    fn what_is_no_text_is_noticed() {
        let mut frames = Frames::new(Framing::Events);
        assert_eq!((frames.push("data: \u{fffd}\n\n".as_bytes()).len(), frames.is_garbled), (1, false));
        assert_eq!(frames.push(b"data: \xff\xfe\n\n"), ["\u{fffd}\u{fffd}"]);
        assert!(frames.is_garbled);
    }
}
