//! yaml-rust2's events → nodes, with byte offsets.
//!
//! The events say what there is; the places are found by walking the masked text in step with them,
//! because yaml-rust2 marks starts only, and some of them late.

use std::ops::Range;

use text_size::TextRange;
use yaml_rust2::{
    Event,
    parser::{Parser, Tag},
    scanner::{ScanError, TScalarStyle},
};

use super::{
    extent,
    mask::{Masked, size, text_range},
    tree::{CoreTag, Node, NodeId, NodeKind, Property, ScalarStyle, TreeInner},
};

/// Reads the masked text; the error's offset is in bytes.
pub(super) fn nodes(masked: &Masked) -> Result<TreeInner, Broken> {
    let text = masked.text();
    let mut builder = Builder {
        text: text.as_bytes(),
        masked,
        at: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 },
        inner: TreeInner::default(),
        frames: Vec::new(),
        pending: Vec::new(),
        by_anchor: Vec::new(),
        recursive: Vec::new(),
    };
    // The byte order mark is not content; without it, columns mean the same on every line.
    let mut parser = Parser::new_from_str(&text[builder.at..]);
    let skipped = builder.at;
    loop {
        let (event, _) = parser.next_token().map_err(|error| Broken::new(&text[skipped..], skipped, &error))?;
        match event {
            Event::DocumentEnd | Event::StreamEnd => break,
            event => builder.event(event),
        }
    }
    Ok(builder.finish())
}

/// yaml-rust2 could not read on.
#[derive(Debug)]
pub(super) struct Broken {
    /// Where it stopped.
    pub(super) at: usize,
    /// What it says.
    pub(super) reason: String,
}

impl Broken {
    fn new(text: &str, skipped: usize, error: &ScanError) -> Self {
        let at = if text.is_ascii() {
            error.marker().index().min(text.len())
        } else {
            text.char_indices().nth(error.marker().index()).map_or(text.len(), |(at, _)| at)
        };
        Self { at: at + skipped, reason: error.info().to_owned() }
    }
}

struct Builder<'a> {
    text: &'a [u8],
    masked: &'a Masked,
    /// Everything before is read.
    at: usize,
    inner: TreeInner,
    frames: Vec<Frame>,
    /// Children of the open collections, outermost first.
    pending: Vec<NodeId>,
    /// The node of each of yaml-rust2's anchor numbers.
    by_anchor: Vec<(usize, NodeId)>,
    recursive: Vec<NodeId>,
}

struct Frame {
    node: NodeId,
    /// Where its children begin in `pending`.
    base: usize,
    mapping: bool,
    /// With brackets of its own.
    brackets: bool,
    /// In or with brackets.
    flow: bool,
    /// The column of its keys or dashes.
    column: isize,
}

/// What stands before a node.
struct Lead {
    anchor: Option<Range<usize>>,
    /// Just after the indicator: where a missing value is.
    gap: usize,
}

impl Builder<'_> {
    fn event(&mut self, event: Event) {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart | Event::DocumentEnd => {}
            Event::Alias(anchor) => {
                let lead = self.lead();
                let start = self.at;
                self.at = extent::name_end(self.text, start + 1);
                let id = self.push(NodeKind::Alias, start..self.at, lead);
                let target = self.by_anchor.iter().rev().find(|(number, _)| *number == anchor).map(|(_, node)| *node);
                match target {
                    Some(target) if self.frames.iter().any(|frame| frame.node == target) => self.recursive.push(id),
                    Some(target) => self.inner.targets.push((id, target)),
                    None => {}
                }
            }
            Event::Scalar(value, style, anchor, tag) => self.scalar(&value, style, anchor, tag.as_ref()),
            Event::SequenceStart(anchor, tag) => self.open(false, anchor, tag.as_ref()),
            Event::MappingStart(anchor, tag) => self.open(true, anchor, tag.as_ref()),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
        }
    }

    fn scalar(&mut self, value: &str, style: TScalarStyle, anchor: usize, tag: Option<&Tag>) {
        let lead = self.lead();
        let (kind, range) = match style {
            TScalarStyle::Plain if value.is_empty() => (NodeKind::Missing, lead.gap..lead.gap),
            TScalarStyle::Plain => {
                let range = self.at..extent::plain_end(self.text, self.at, value);
                self.at = range.end;
                // The scanner hid an alias that stands for nothing.
                let alias = self.masked.unknown_aliases.binary_search_by_key(&range.start, |alias| alias.start).is_ok();
                (if alias { NodeKind::Alias } else { NodeKind::Scalar(ScalarStyle::Plain) }, range)
            }
            TScalarStyle::SingleQuoted | TScalarStyle::DoubleQuoted => {
                let single = style == TScalarStyle::SingleQuoted;
                let range = self.at..extent::quoted_end(self.text, self.at);
                self.at = range.end;
                (NodeKind::Scalar(if single { ScalarStyle::Single } else { ScalarStyle::Double }), range)
            }
            TScalarStyle::Literal | TScalarStyle::Folded => {
                let parent = self.frames.last().map_or(-1, |frame| frame.column);
                let range = self.at..extent::block_end(self.text, self.at, parent);
                self.at = range.end;
                let literal = style == TScalarStyle::Literal;
                (NodeKind::Scalar(if literal { ScalarStyle::Literal } else { ScalarStyle::Folded }), range)
            }
        };
        let id = self.push(kind, range, lead);
        self.properties(id, anchor, tag);
    }

    fn open(&mut self, mapping: bool, anchor: usize, tag: Option<&Tag>) {
        let lead = self.lead();
        let flow_above = self.frames.last().is_some_and(|frame| frame.flow);
        let bracket = if mapping { b'{' } else { b'[' };
        let mut brackets = self.text.get(self.at) == Some(&bracket);
        let flow = brackets || flow_above;
        let kind = if mapping { NodeKind::Mapping { flow } } else { NodeKind::Sequence { flow } };
        let mut start = self.at;
        // `[{a: b}: c]`: what looked like the braces of the pair are those of its key.
        if let Some(pair) = self.frames.last_mut()
            && mapping
            && !brackets
            && pair.mapping
            && pair.brackets
            && pair.base == self.pending.len()
        {
            (pair.brackets, brackets) = (false, true);
            start = usize::from(self.inner.nodes[pair.node.0 as usize].range.start());
            self.at = start;
        }
        let column = if flow {
            self.frames.last().map_or(-1, |frame| frame.column)
        } else {
            extent::column(self.text, start) as isize
        };
        if brackets {
            self.at += 1;
        }
        let id = self.push(kind, start..self.at.max(start), lead);
        self.properties(id, anchor, tag);
        self.frames.push(Frame { node: id, base: self.pending.len(), mapping, brackets, flow, column });
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        let children = self.pending.split_off(frame.base);
        let node = &self.inner.nodes[frame.node.0 as usize];
        let mut range = node.range;
        if frame.brackets {
            self.at = extent::skip_trivia(self.text, self.at);
            // A comma may follow the last item.
            if self.text.get(self.at) == Some(&b',') {
                self.at = extent::skip_trivia(self.text, self.at + 1);
            }
            self.at = (self.at + 1).min(self.text.len());
            range = TextRange::new(range.start(), size(self.at));
        } else if let (Some(first), Some(last)) = (children.first(), children.last()) {
            let first = self.inner.nodes[first.0 as usize].range.start();
            let last = self.inner.nodes[last.0 as usize].range.end();
            range = TextRange::new(range.start().min(first).min(last), last);
        }
        let links = self.inner.links.len() as u32;
        let node = &mut self.inner.nodes[frame.node.0 as usize];
        node.range = range;
        node.links = (links, children.len() as u32);
        self.inner.links.extend(children);
    }

    /// Moves to where the next node begins.
    fn lead(&mut self) -> Lead {
        let (mapping, flow, entries) = match self.frames.last() {
            Some(frame) => (frame.mapping, frame.flow, self.pending.len() - frame.base),
            None => (false, false, 0),
        };
        let mut gap = self.at;
        if !self.frames.is_empty() {
            let indicator = match (mapping, entries % 2) {
                (true, 1) => b':',
                (true, _) => b'?',
                (false, _) if flow => b',',
                (false, _) => b'-',
            };
            let mut next = extent::skip_trivia(self.text, self.at);
            if self.text.get(next) == Some(&b',') && flow && indicator != b':' {
                gap = next + 1;
                next = extent::skip_trivia(self.text, gap);
            }
            let found = self.text.get(next) == Some(&indicator)
                && indicator != b','
                && (indicator == b':' || extent::is_blank_or_end(self.text, next + 1));
            if found {
                gap = next + 1;
            }
            self.at = gap.max(self.at);
        }
        let mut anchor = None;
        loop {
            let next = extent::skip_trivia(self.text, self.at);
            match self.text.get(next) {
                Some(b'&') => {
                    let end = extent::name_end(self.text, next + 1);
                    anchor = Some(next + 1..end);
                    (self.at, gap) = (end, end);
                }
                Some(b'!') => {
                    let end = extent::name_end(self.text, next + 1);
                    (self.at, gap) = (end, end);
                }
                _ => {
                    self.at = next;
                    return Lead { anchor, gap };
                }
            }
        }
    }

    fn push(&mut self, kind: NodeKind, range: Range<usize>, lead: Lead) -> NodeId {
        // A missing value must not move on: what follows belongs to the next event.
        if kind == NodeKind::Missing {
            self.at = range.start;
        }
        let id = NodeId(self.inner.nodes.len() as u32);
        let parent = self.frames.last().map(|frame| frame.node);
        self.inner.nodes.push(Node { kind, range: text_range(&range), parent, links: (0, 0) });
        if parent.is_some() {
            self.pending.push(id);
        }
        if let Some(anchor) = lead.anchor {
            self.inner.properties.push(Property { node: id, anchor: Some(text_range(&anchor)), tag: None });
        }
        id
    }

    fn properties(&mut self, id: NodeId, anchor: usize, tag: Option<&Tag>) {
        if anchor > 0 {
            self.by_anchor.push((anchor, id));
        }
        let Some(tag) = tag.and_then(core_tag) else { return };
        match self.inner.properties.last_mut() {
            Some(property) if property.node == id => property.tag = Some(tag),
            _ => self.inner.properties.push(Property { node: id, anchor: None, tag: Some(tag) }),
        }
    }

    fn finish(mut self) -> TreeInner {
        while !self.frames.is_empty() {
            self.close();
        }
        if self.inner.nodes.is_empty() {
            let end = size(self.text.len());
            self.inner.nodes.push(Node {
                kind: NodeKind::Missing,
                range: TextRange::empty(end),
                parent: None,
                links: (0, 0),
            });
        }
        self.inner.recursive = self.recursive;
        self.inner.nodes.shrink_to_fit();
        self.inner
    }
}

fn core_tag(tag: &Tag) -> Option<CoreTag> {
    if tag.handle == "!" && tag.suffix.is_empty() {
        return Some(CoreTag::Text);
    }
    match tag.suffix.as_str() {
        "str" => Some(CoreTag::Text),
        "int" => Some(CoreTag::Int),
        "float" => Some(CoreTag::Float),
        "bool" => Some(CoreTag::Bool),
        "null" => Some(CoreTag::Null),
        _ => None,
    }
}
