//! A text → its [`Template`]: segments, and the names that minijinja's own parser sees in it.

use text_size::{TextRange, TextSize};

use super::{Reading, Segment, SegmentKind, Shape, Template};

pub(super) fn parse(text: &str, reading: Reading) -> Template {
    let _ = reading;
    let range = TextRange::up_to(TextSize::of(text));
    Template {
        shape: Shape::Plain,
        segments: vec![Segment { kind: SegmentKind::Text, range, inner: range }],
        references: Vec::new(),
        filters: Vec::new(),
        tests: Vec::new(),
        autos: Vec::new(),
        errors: Vec::new(),
    }
}
