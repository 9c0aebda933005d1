//! The search from the cursor's line upwards.

use text_size::TextRange;

use super::{
    Cursor, PathSegment, Slot, flow,
    lines::{self, Key, Shape},
};
use crate::syntax::{
    mask::{size, text_range},
    tree::{NodeId, NodeKind, ScalarStyle, Tree},
};

pub(super) struct Finder<'a> {
    tree: &'a Tree,
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The cursor's line.
    start: usize,
    end: usize,
}

/// What encloses a column.
struct Climb {
    path: Vec<PathSegment>,
    /// The column of the innermost container: a key's or a dash's.
    column: Option<usize>,
    /// The innermost container is a key whose value is a block scalar.
    block_key: Option<String>,
    /// Where the innermost container's line begins.
    line: usize,
}

impl<'a> Finder<'a> {
    pub(super) fn new(tree: &'a Tree, at: usize) -> Self {
        let text = tree.text();
        let bytes = text.as_bytes();
        Self { tree, text, bytes, at, start: lines::line_start(bytes, at), end: lines::line_end(bytes, at) }
    }

    pub(super) fn find(&self) -> Cursor {
        let offset = size(self.at);
        let comment = self.tree.comments().iter().any(|range| range.start() < offset && offset <= range.end());
        if comment {
            return Self::cursor(Vec::new(), Slot::Comment, self.word(|_| true, self.start));
        }
        if let Some(scalar) = self.scalar_above() {
            return self.in_scalar(scalar);
        }
        let shape = lines::shape(self.text, self.start, self.end);
        if let Some(origin) = self.flow_above().or_else(|| self.open_flow_above(&shape)) {
            let column = self.key_column(&shape);
            let climb = self.climb(origin, column);
            return self.in_flow(origin, climb.path, None);
        }
        if let Some(key) = shape.key.as_ref().filter(|key| self.at > key.end) {
            return self.value(key, &shape);
        }
        if shape.key.is_none()
            && (self.text[shape.content..self.end].starts_with(['"', '\'', '[', '<'])
                || self.text[shape.content..].starts_with('{'))
            && self.at > shape.content
        {
            return self.lone_value(&shape);
        }
        self.key_or_item(&shape)
    }

    /// The column at which this line's key stands or would stand.
    fn key_column(&self, shape: &Shape) -> usize {
        let blank = self.text[self.start..self.end].trim().is_empty();
        if blank { self.at - self.start } else { shape.content.max(self.start) - self.start }
    }

    /// The scalar that began on a line above and holds the cursor.
    fn scalar_above(&self) -> Option<NodeId> {
        let begin = lines::skip_blanks(self.bytes, self.start, self.end);
        let id = self.tree.node_at(size(if begin < self.end { begin } else { self.start }));
        let range = self.tree.range(id);
        let inside = matches!(self.tree.kind(id), NodeKind::Scalar(_))
            && usize::from(range.start()) < self.start
            && usize::from(range.end()) > self.start;
        if inside {
            return (!self.is_slipped_key(id)).then_some(id);
        }
        // A blank line below a block scalar's text, as deep as the text.
        if begin < self.end {
            return None;
        }
        let mut line = (self.start, self.end);
        while let Some(before) = lines::line_before(self.bytes, line.0) {
            line = before;
            if !self.text[line.0..line.1].trim().is_empty() {
                break;
            }
        }
        let id = self.tree.node_at(size(line.1));
        let block = matches!(self.tree.kind(id), NodeKind::Scalar(ScalarStyle::Literal | ScalarStyle::Folded));
        let header = usize::from(self.tree.range(id).start());
        let shape = lines::shape(self.text, lines::line_start(self.bytes, header), lines::line_end(self.bytes, header));
        let column = shape.key.as_ref().map(|key| key.column).or(shape.dashes.last().map(|dash| dash.0))?;
        (block && header < self.start && self.at - self.start > column).then_some(id)
    }

    /// Whether the cursor's line, which YAML reads as more of the plain scalar above it, is rather a
    /// key that stands one column too far right: nobody folds a text like that.
    fn is_slipped_key(&self, scalar: NodeId) -> bool {
        if self.tree.kind(scalar) != NodeKind::Scalar(ScalarStyle::Plain) {
            return false;
        }
        let above = usize::from(self.tree.range(scalar).start());
        let above = lines::shape(self.text, lines::line_start(self.bytes, above), lines::line_end(self.bytes, above));
        let line = &self.text[self.start..self.end];
        let column = line.len() - line.trim_start().len();
        !line.trim().contains(' ') && above.key.is_some_and(|key| key.column + 1 == column)
    }

    /// In the body of a scalar over several lines.
    fn in_scalar(&self, id: NodeId) -> Cursor {
        let from = usize::from(self.tree.range(id).start());
        let header_start = lines::line_start(self.bytes, from);
        let shape = lines::shape(self.text, header_start, lines::line_end(self.bytes, from));
        let quote = match self.tree.kind(id) {
            NodeKind::Scalar(ScalarStyle::Double) => Some('"'),
            NodeKind::Scalar(ScalarStyle::Single) => Some('\''),
            _ => None,
        };
        let owner = shape.key.filter(|key| key.end < from);
        let (path, slot, column) = match owner {
            Some(key) => (
                self.climb_from(header_start, &shape.dashes, key.column).path,
                Slot::Value { key: key.name },
                key.column,
            ),
            None => {
                let column = shape.dashes.last().map_or(0, |dash| dash.0);
                let climb = self
                    .climb(header_start, if shape.dashes.is_empty() { shape.content - header_start } else { column });
                Self::owner_slot(climb, shape.dashes.is_empty(), column)
            }
        };
        self.text_slot(from, path, slot, column, quote)
    }

    /// The slot of a value that stands on a line of its own.
    fn owner_slot(climb: Climb, alone: bool, column: usize) -> (Vec<PathSegment>, Slot, usize) {
        let mut path = climb.path;
        if alone && let Some(PathSegment::Key(key)) = path.last().cloned() {
            path.pop();
            return (path, Slot::Value { key }, climb.column.unwrap_or(column));
        }
        (path, Slot::Item, column)
    }

    /// A value, or the template or AUTO tag in it that the cursor is in.
    fn text_slot(&self, from: usize, path: Vec<PathSegment>, slot: Slot, column: usize, quote: Option<char>) -> Cursor {
        let before = &self.text[from.min(self.at)..self.at];
        let opened = before.rfind("{{").max(before.rfind("{%"));
        let closed = before.rfind("}}").max(before.rfind("%}"));
        let in_template = opened.is_some_and(|opened| closed.is_none_or(|closed| closed < opened));
        let in_auto = before.rfind("<AUTO").is_some_and(|tag| !before[tag..].contains('>'));
        let key = match &slot {
            Slot::Value { key } => Some(key.clone()),
            _ => None,
        };
        let (slot, word) = if in_template {
            let begin = from + opened.unwrap_or(0) + 2;
            (
                Slot::Template,
                self.word(|character| character.is_alphanumeric() || matches!(character, '_' | '$'), begin),
            )
        } else if in_auto {
            (Slot::Auto, self.word(|character| character.is_alphanumeric() || character == '_', from))
        } else {
            let begin = if quote.is_some() && from < self.at { from + 1 } else { from };
            let begin = begin.max(self.start).min(self.at);
            (slot, self.word(|character| !character.is_whitespace() && Some(character) != quote, begin))
        };
        let mut cursor = Self::cursor(path, slot, word);
        cursor.indent = column as u32;
        cursor.quote = quote;
        cursor.key = key;
        cursor
    }

    /// After `key:`.
    fn value(&self, key: &Key, shape: &Shape) -> Cursor {
        let path = self.climb_from(self.start, &shape.dashes, key.column).path;
        let value = key.value.min(self.at);
        let written = &self.text[value..self.at];
        if written.starts_with('[')
            || (written.starts_with('{') && !written.starts_with("{{") && !written.starts_with("{%"))
        {
            return self.in_flow(value, path, Some(key));
        }
        let quote = open_quote(written);
        self.text_slot(value, path, Slot::Value { key: key.name.clone() }, key.column, quote)
    }

    /// A value on a line without a key: an item, or below its key.
    fn lone_value(&self, shape: &Shape) -> Cursor {
        let from = shape.content.min(self.at);
        let column = shape.dashes.last().map_or(from - self.start, |dash| dash.0);
        let climb = self.climb(self.start, column);
        let written = &self.text[from..self.at];
        let is_flow = written.starts_with('[')
            || (written.starts_with('{') && !written.starts_with("{{") && !written.starts_with("{%"));
        if is_flow {
            let mut path = climb.path;
            if let Some((_, dash)) = shape.dashes.last() {
                path.push(PathSegment::Item { index: self.item_index(column, self.start), start: size(*dash) });
            }
            return self.in_flow(from, path, None);
        }
        let quote = open_quote(written);
        let siblings = if shape.dashes.is_empty() { self.keys(column, false) } else { Vec::new() };
        if quote.is_some() && !siblings.is_empty() {
            // Among keys a quote begins a key.
            let mut cursor = self.text_slot(from, climb.path, Slot::Key, column, quote);
            cursor.siblings = siblings;
            return cursor;
        }
        let (path, slot, column) = Self::owner_slot(climb, shape.dashes.is_empty(), column);
        self.text_slot(from, path, slot, column, quote)
    }

    /// The same where no bracket closes it, so that the tree ends it with its line: what stands
    /// deeper than its key is still in it.
    fn open_flow_above(&self, shape: &Shape) -> Option<usize> {
        let column = Some(self.key_column(shape)).filter(|column| *column > 0)?;
        let mut line = self.start;
        while let Some((begin, end)) = lines::line_before(self.bytes, line) {
            line = begin;
            let content = lines::skip_blanks(self.bytes, begin, end);
            if content == end || self.bytes[content] == b'#' || content - begin >= column {
                continue;
            }
            let key = lines::shape(self.text, begin, end).key.filter(|key| key.column < column)?;
            let value = &self.text[key.value..end];
            let is_flow = value.starts_with('[')
                || (value.starts_with('{') && !value.starts_with("{{") && !value.starts_with("{%"));
            let is_open = is_flow && !flow::open_at(self.text, key.value, self.at).0.is_empty();
            return is_open.then_some(key.value);
        }
        None
    }

    /// The start of the flow collection that began on a line above and holds the cursor.
    fn flow_above(&self) -> Option<usize> {
        let offset = size(self.at);
        let mut id = self.tree.node_at(offset);
        let mut found = None;
        loop {
            let node = self.tree.node(id);
            let is_flow = matches!(node.kind, NodeKind::Mapping { flow: true } | NodeKind::Sequence { flow: true });
            let begin = usize::from(node.range.start());
            if is_flow && begin < self.start && offset < node.range.end() && matches!(self.bytes[begin], b'[' | b'{') {
                found = Some(begin);
            }
            match node.parent {
                Some(parent) => id = parent,
                None => return found,
            }
        }
    }

    /// In a flow collection that begins at `from`; `path` leads to it, but for `key`.
    fn in_flow(&self, from: usize, mut path: Vec<PathSegment>, key: Option<&Key>) -> Cursor {
        let (open, quote) = flow::open_at(self.text, from, self.at);
        if key.is_none() && !path.is_empty() && open.is_empty() {
            return Self::cursor(path, Slot::Item, self.word(|character| !character.is_whitespace(), self.start));
        }
        let Some(top) = open.last() else {
            let slot = key.map_or(Slot::Item, |key| Slot::Value { key: key.name.clone() });
            return Self::cursor(path, slot, self.word(|character| !character.is_whitespace(), from));
        };
        path.extend(key.map(|key| PathSegment::Key(key.name.clone())));
        flow::path(self.text, &open, &mut path);
        let blanks = self.text[top.start..self.at].len() - self.text[top.start..self.at].trim_start().len();
        let begin = top.start + blanks;
        let slot = match &top.key {
            _ if top.sequence => Slot::Item,
            Some(key) => Slot::Value { key: key.clone() },
            None => Slot::Key,
        };
        let column = key.map_or(0, |key| key.column);
        let mut cursor = self.text_slot(begin, path, slot, column, quote);
        if cursor.slot != Slot::Template && cursor.slot != Slot::Auto {
            let is_word = |character: char| !character.is_whitespace() && !",[]{}:\"'".contains(character);
            let (word, prefix) = self.word(is_word, begin);
            cursor.word = word;
            cursor.prefix = prefix;
            cursor.siblings.clone_from(&top.done);
            cursor.siblings.extend(flow::following(self.text, self.at, self.end));
        }
        cursor.flow = true;
        cursor
    }

    /// A key is being typed, or an item, or a line is still blank.
    fn key_or_item(&self, shape: &Shape) -> Cursor {
        let column = self.key_column(shape);
        let is_word = |character: char| !character.is_whitespace() && !":\"'".contains(character);
        let word = self.word(is_word, shape.content.min(self.at));
        if let Some(&(dash_column, dash)) = shape.dashes.last().filter(|dash| dash.1 < self.at) {
            let climb = if shape.dashes.len() > 1 {
                self.climb_from(self.start, &shape.dashes[..shape.dashes.len() - 1], dash_column)
            } else {
                self.climb(self.start, dash_column)
            };
            let mut path = climb.path;
            let others = self.items(dash_column);
            if shape.key.is_some() || others.iter().any(|item| item.mapping) {
                path.push(PathSegment::Item { index: self.item_index(dash_column, self.start), start: size(dash) });
                let key_column =
                    if self.text[shape.content..self.end].trim().is_empty() { dash_column + 2 } else { column };
                let mut cursor = Self::cursor(path, Slot::Key, word);
                cursor.indent = key_column as u32;
                cursor.siblings = self.keys(key_column, true);
                return cursor;
            }
            let mut cursor = Self::cursor(path, Slot::Item, word);
            cursor.indent = dash_column as u32;
            cursor.siblings = others.into_iter().map(|item| item.text).collect();
            return cursor;
        }
        let climb = self.climb(self.start, column);
        if let Some(key) = climb.block_key {
            let mut path = climb.path;
            path.pop();
            return self.text_slot(self.at, path, Slot::Value { key }, climb.column.unwrap_or(0), None);
        }
        // Where the collection has dashes at this very column, an item begins.
        if shape.key.is_none() && self.dashes_at(column, climb.line) {
            let items = self.items(column);
            let mut cursor = Self::cursor(climb.path, Slot::Item, word);
            cursor.indent = column as u32;
            cursor.siblings = items.into_iter().map(|item| item.text).collect();
            return cursor;
        }
        let column = self.mapping_column(column, climb.column, climb.line);
        let mut cursor = Self::cursor(climb.path, Slot::Key, word);
        cursor.indent = column as u32;
        cursor.siblings = self.keys(column, false);
        cursor
    }

    fn cursor(path: Vec<PathSegment>, slot: Slot, (word, prefix): (TextRange, String)) -> Cursor {
        Cursor { path, slot, key: None, prefix, word, indent: 0, quote: None, flow: false, siblings: Vec::new() }
    }

    /// The word around the cursor that begins at `from` or later.
    fn word(&self, is_word: impl Fn(char) -> bool, from: usize) -> (TextRange, String) {
        let from = from.min(self.at).max(self.start.min(self.at));
        let before = &self.text[from..self.at];
        let begin = before
            .char_indices()
            .rev()
            .take_while(|(_, character)| is_word(*character))
            .last()
            .map_or(self.at, |(at, _)| from + at);
        let after = &self.text[self.at..self.end];
        let length = after.find(|character| !is_word(character)).unwrap_or(after.len());
        (text_range(&(begin..self.at + length)), self.text[begin..self.at].to_owned())
    }

    /// The containers of a key at `column` of a line with `dashes` before it.
    fn climb_from(&self, start: usize, dashes: &[(usize, usize)], column: usize) -> Climb {
        let Some(&(first, _)) = dashes.first() else { return self.climb(start, column) };
        let mut climb = self.climb(start, first);
        for (depth, &(dash, offset)) in dashes.iter().enumerate() {
            let index = if depth == 0 { self.item_index(dash, start) } else { 0 };
            climb.path.push(PathSegment::Item { index, start: size(offset) });
            climb.column = Some(dash);
        }
        climb
    }

    /// Walks up from the line that begins at `start` to what encloses `column`.
    fn climb(&self, start: usize, column: usize) -> Climb {
        let mut climb = Climb { path: Vec::new(), column: None, block_key: None, line: 0 };
        let mut bound = column;
        // The line asked for begins an item, whose key may stand at the same column.
        let begins = lines::skip_blanks(self.bytes, start, lines::line_end(self.bytes, start));
        let mut of_item = self.bytes.get(begins) == Some(&b'-') && begins - start == column;
        let mut line = start;
        while bound > 0 || of_item {
            let Some((begin, end)) = lines::line_before(self.bytes, line) else { break };
            line = begin;
            let content = lines::skip_blanks(self.bytes, begin, end);
            if content == end || self.bytes[content] == b'#' || content - begin > bound {
                continue;
            }
            if self.is_passed_over(begin, content) {
                continue;
            }
            let shape = lines::shape(self.text, begin, end);
            if let Some(key) = &shape.key {
                let encloses = key.column < bound || (of_item && key.column == bound && shape.dashes.is_empty());
                if encloses && !key.has_value {
                    if climb.path.is_empty() {
                        climb.line = begin;
                        climb.column = Some(key.column);
                        climb.block_key = key.block.then(|| key.name.clone());
                    }
                    climb.path.push(PathSegment::Key(key.name.clone()));
                }
                if encloses {
                    // A key with a value encloses nothing, but what is deeper is not beside it.
                    bound = key.column.max(if key.has_value { key.column + 1 } else { 0 }).min(bound);
                    if !key.has_value {
                        of_item = false;
                    }
                }
            }
            for &(dash, offset) in shape.dashes.iter().rev() {
                if dash < bound {
                    if climb.path.is_empty() {
                        climb.line = begin;
                        climb.column = Some(dash);
                    }
                    climb.path.push(PathSegment::Item { index: self.item_index(dash, begin), start: size(offset) });
                    bound = dash;
                    of_item = true;
                }
            }
        }
        climb.path.reverse();
        climb
    }

    /// Whether the line lies within a scalar that began above, or holds damage.
    fn is_passed_over(&self, begin: usize, content: usize) -> bool {
        let id = self.tree.node_at(size(content));
        let range = self.tree.range(id);
        match self.tree.kind(id) {
            NodeKind::Scalar(_) => usize::from(range.start()) < begin && usize::from(range.end()) > content,
            NodeKind::Error => usize::from(range.start()) <= content,
            _ => self.bytes[begin..content].contains(&b'\t'),
        }
    }

    /// The position of the item whose dash stands at `column` of the line at `start`.
    fn item_index(&self, column: usize, start: usize) -> usize {
        let mut index = 0;
        let mut line = start;
        while let Some((begin, end)) = lines::line_before(self.bytes, line) {
            line = begin;
            let content = lines::skip_blanks(self.bytes, begin, end);
            if content == end
                || self.bytes[content] == b'#'
                || content - begin > column
                || self.is_passed_over(begin, content)
            {
                continue;
            }
            let dash = self.bytes[content] == b'-' && (content + 1 == end || self.bytes[content + 1] == b' ');
            if content - begin < column {
                // `- - x`: the first inner item stands on its parent's line.
                let shape = lines::shape(self.text, begin, end);
                return index + usize::from(shape.dashes.iter().any(|inner| inner.0 == column));
            }
            if !dash {
                return index;
            }
            index += 1;
        }
        index
    }

    /// Lines beside the cursor's at `column`, upwards then downwards, until a line further left.
    fn beside(&self, column: usize, mut visit: impl FnMut(usize, usize) -> bool) {
        for forward in [false, true] {
            let mut line = (self.start, self.end);
            loop {
                let next = if forward {
                    lines::line_after(self.bytes, line.1)
                } else {
                    lines::line_before(self.bytes, line.0)
                };
                let Some(next) = next else { break };
                line = next;
                let content = lines::skip_blanks(self.bytes, line.0, line.1);
                if content == line.1 || self.bytes[content] == b'#' || content - line.0 > column {
                    continue;
                }
                if self.is_passed_over(line.0, content) {
                    continue;
                }
                if !visit(line.0, line.1) || content - line.0 < column {
                    break;
                }
            }
        }
    }

    /// Keys of the mapping whose keys stand at `column`, the cursor's line left out.
    fn keys(&self, column: usize, first_line: bool) -> Vec<String> {
        let mut above: Vec<String> = Vec::new();
        let mut below: Vec<String> = Vec::new();
        self.beside(column, |start, end| {
            let shape = lines::shape(self.text, start, end);
            let begins_item = !shape.dashes.is_empty();
            let upwards = start < self.start;
            if upwards && first_line {
                return false;
            }
            if !upwards && begins_item {
                return false;
            }
            if let Some(key) = shape.key.filter(|key| key.column == column) {
                if upwards {
                    above.push(key.name);
                } else {
                    below.push(key.name);
                }
            }
            !begins_item
        });
        above.reverse();
        above.extend(below);
        above
    }

    /// Items of the sequence whose dashes stand at `column`, the cursor's line left out.
    fn items(&self, column: usize) -> Vec<Item> {
        let mut above: Vec<Item> = Vec::new();
        let mut below: Vec<Item> = Vec::new();
        self.beside(column, |start, end| {
            let shape = lines::shape(self.text, start, end);
            if shape.dashes.first().is_none_or(|dash| dash.0 != column) {
                return false;
            }
            let text = self.text[shape.content..end].trim().trim_matches(['"', '\'']).to_owned();
            let item = Item { mapping: shape.key.is_some(), text };
            if start < self.start {
                above.push(item);
            } else {
                below.push(item);
            }
            true
        });
        above.reverse();
        above.extend(below);
        above
    }

    /// Whether a line beside the cursor's has its dash at `column`, below the container's line.
    fn dashes_at(&self, column: usize, container: usize) -> bool {
        let mut found = false;
        self.beside(column, |start, end| {
            let shape = lines::shape(self.text, start, end);
            if start < container {
                return false;
            }
            match shape.dashes.first() {
                Some(dash) if dash.0 == column => found = true,
                _ if shape.key.as_ref().is_some_and(|key| key.column == column) => return false,
                _ => {}
            }
            !found
        });
        found
    }

    /// Where the keys of the mapping stand that a line at `column` belongs to.
    fn mapping_column(&self, column: usize, container: Option<usize>, line: usize) -> usize {
        let Some(container) = container else { return if self.tree.text().is_empty() { 0 } else { column } };
        let shape = lines::shape(self.text, line, lines::line_end(self.bytes, line));
        if let Some(key) = shape.key.filter(|key| key.column > container && line < self.start) {
            return key.column;
        }
        column
    }
}

struct Item {
    mapping: bool,
    text: String,
}

/// The quote that a value begins with and that is still open at its end.
fn open_quote(written: &str) -> Option<char> {
    let quote = written.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let mut escaped = false;
    let mut open = true;
    for character in written.chars().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' && quote == '"' {
            escaped = true;
        } else if character == quote {
            open = !open;
        }
    }
    open.then_some(quote)
}
