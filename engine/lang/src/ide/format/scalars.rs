//! Scalars over several lines: what they say stays, where their lines begin moves with the structure.

use super::{NodeId, STEP, TextEdit, TextRange, TextSize, Tree};

/// The lines of a block scalar (`|`, `>`) that lies in a collection at column `parent`.
pub(super) fn block(tree: &Tree, id: NodeId, parent: usize, edits: &mut Vec<TextEdit>) {
    let range = tree.range(id);
    let source = tree.source(id);
    let Some(header) = source.find(['\n', '\r']) else { return };
    let mut content = lines(source).filter(|(at, line)| *at > header && !line.trim().is_empty());
    let Some(first) = content.next().map(|(_, line)| spaces(line)) else { return };
    let digit = source[..header].split('#').next().and_then(|header| header.bytes().find(u8::is_ascii_digit));
    let (old, new) = match digit {
        // Counted from the column of the collection: what is further right is content.
        Some(digit) => {
            let decoded = tree.decoded(id);
            let inside = decoded.text.lines().find(|line| !line.trim().is_empty()).map_or(0, spaces);
            (first.saturating_sub(inside), parent + usize::from(digit - b'0'))
        }
        None => (first, parent + STEP),
    };
    for (at, line) in lines(source).filter(|(at, _)| *at > header) {
        let has = spaces(line);
        let wanted = if line.trim().is_empty() && has <= old { has.min(new) } else { (has + new).saturating_sub(old) };
        edit(range.start(), at, has, wanted, edits);
    }
}

/// The later lines of a plain or quoted scalar, whose line moves by `shift`.
pub(super) fn flowing(tree: &Tree, id: NodeId, shift: isize, edits: &mut Vec<TextEdit>) {
    if shift == 0 {
        return;
    }
    let range = tree.range(id);
    for (at, line) in lines(tree.source(id)).skip(1) {
        let start = range.start() + TextSize::new(at as u32);
        // A template that is not quoted is kept to the byte.
        let kept = tree.inner.regions.partition_point(|region| region.start() < start);
        let inside = kept.checked_sub(1).is_some_and(|index| tree.inner.regions[index].end() > start);
        if inside || line.trim().is_empty() {
            continue;
        }
        let has = spaces(line);
        edit(range.start(), at, has, has.saturating_add_signed(shift), edits);
    }
}

fn edit(start: TextSize, at: usize, has: usize, wanted: usize, edits: &mut Vec<TextEdit>) {
    if has == wanted {
        return;
    }
    let start = start + TextSize::new(at as u32);
    edits.push(TextEdit::replace(TextRange::at(start, TextSize::new(has as u32)), " ".repeat(wanted)));
}

/// Each line, with where it begins.
fn lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line.trim_end_matches(['\n', '\r'])))
    })
}

fn spaces(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
