//! Edits that several fixes make: a new entry in a mapping, a new item in a list, quotes.

use text_size::{TextRange, TextSize};

use crate::{
    model::{KeyUse, Step},
    syntax::{NodeId, NodeKind, ScalarStyle, Tree},
    text::TextEdit,
};

/// The column at which the line of `offset` has its text, as that line's blanks; a list item's `-`
/// counts as a blank.
pub(super) fn indent_at(text: &str, offset: TextSize) -> String {
    let start = text[..usize::from(offset)].rfind('\n').map_or(0, |at| at + 1);
    text[start..usize::from(offset)].chars().map(|character| if character == '\t' { '\t' } else { ' ' }).collect()
}

/// A new line `text` after the line on which the entry of `key` ends, at the key's column. `None`
/// in a flow mapping.
pub(super) fn entry_after(tree: &Tree, mapping: NodeId, key: &KeyUse, entry: &str) -> Option<TextEdit> {
    if !matches!(tree.kind(tree.resolve(mapping)), NodeKind::Mapping { flow: false }) {
        return None;
    }
    let indent = indent_at(tree.text(), key.range.start());
    let end = tree.range(key.value).end().max(key.range.end());
    let (at, lead, trail) = end_of_line(tree.text(), end);
    Some(TextEdit::insert(at, format!("{lead}{indent}{entry}{trail}")))
}

/// Where a new line may begin after `offset`, and what must stand before and after its text.
fn end_of_line(text: &str, offset: TextSize) -> (TextSize, &'static str, &'static str) {
    let from = usize::from(offset);
    if from > 0 && text.as_bytes()[from - 1] == b'\n' {
        return (offset, "", "\n");
    }
    match text[from..].find('\n') {
        Some(at) => (TextSize::new((from + at + 1) as u32), "", "\n"),
        None => (TextSize::of(text), "\n", ""),
    }
}

/// Makes `step` depend on `ids` as well. `None` where the place for it cannot be told.
pub(super) fn add_dependencies(tree: &Tree, step: &Step, ids: &[&str]) -> Option<TextEdit> {
    let Some(key) = step.key("dependencies").or_else(|| step.key("depends_on")) else {
        let after = step.keys.iter().find(|key| key.name == "id")?;
        return entry_after(tree, step.node, after, &format!("dependencies: [{}]", ids.join(", ")));
    };
    let list = tree.resolve(key.value);
    if list != key.value {
        return None;
    }
    let items: Vec<NodeId> = tree.items(list).collect();
    match tree.kind(list) {
        NodeKind::Sequence { flow: true } => {
            let end = tree.range(list).end() - TextSize::new(1);
            let at = items.last().map_or(end, |last| tree.range(*last).end());
            let lead = if items.is_empty() { "" } else { ", " };
            Some(TextEdit::insert(at, format!("{lead}{}", ids.join(", "))))
        }
        NodeKind::Sequence { flow: false } => {
            let last = tree.range(*items.last()?);
            let indent = indent_at(tree.text(), last.start());
            let dash = indent.len().checked_sub(2)?;
            let lines: Vec<String> = ids.iter().map(|id| format!("\n{}- {id}", &indent[..dash])).collect();
            Some(TextEdit::insert(last.end(), lines.concat()))
        }
        NodeKind::Scalar(style) if !tree.source(list).is_empty() => {
            let range = tree.range(list);
            match style {
                ScalarStyle::Plain => Some(TextEdit::insert(range.end(), format!(", {}", ids.join(", ")))),
                ScalarStyle::Single | ScalarStyle::Double => {
                    Some(TextEdit::insert(range.end() - TextSize::new(1), format!(", {}", ids.join(", "))))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The whole lines on which `range` stands, for removal.
pub(super) fn whole_lines(text: &str, range: TextRange) -> TextRange {
    let start = text[..usize::from(range.start())].rfind('\n').map_or(0, |at| at + 1);
    let from = usize::from(range.end());
    let ends_with_line = from > start && text.as_bytes()[from - 1] == b'\n';
    let end = if ends_with_line { from } else { text[from..].find('\n').map_or(text.len(), |at| from + at + 1) };
    TextRange::new(TextSize::new(start as u32), TextSize::new(end as u32))
}

/// `text` as a double-quoted YAML scalar.
pub(super) fn quoted(text: &str) -> String {
    let mut result = String::with_capacity(text.len() + 2);
    result.push('"');
    for character in text.chars() {
        match character {
            '"' => result.push_str("\\\""),
            '\\' => result.push_str("\\\\"),
            '\n' => result.push_str("\\n"),
            '\t' => result.push_str("\\t"),
            '\r' => result.push_str("\\r"),
            other => result.push(other),
        }
    }
    result.push('"');
    result
}

/// The value at `node` on one line, as it may stand inside `{…}`. `None` if it cannot be read.
pub(crate) fn in_braces(tree: &Tree, node: NodeId) -> Option<String> {
    let source = tree.source(node);
    let NodeKind::Scalar(style) = tree.kind(node) else { return Some(tree.to_json(node)?.to_string()) };
    if source.contains(['\n', '\r']) {
        return Some(quoted(&tree.string(node)?));
    }
    // Letters that mean more inside of braces.
    let special = style == ScalarStyle::Plain && source.contains([',', '[', ']', '{', '}', ':', '#']);
    Some(if special { quoted(source) } else { source.to_owned() })
}
