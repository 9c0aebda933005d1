//! A long text in two parts at once: a stretch of steps, and everything else.
//!
//! What the lines of steps say depends on nothing but themselves ([`super::splice`]), so one half of a long
//! pipeline is read beside the other. The tree is exactly that of the whole text; where that cannot be
//! promised, or anything is wrong with the text, there is none.

use super::{
    Parse, Problem, ProblemKind, recover,
    splice::{self, Item, Read},
};
use crate::beside::beside;

/// From here on it pays.
const LONG: usize = 256 << 10;

/// The parse of a long text, if it can be read in two parts.
pub(super) fn parse_long(text: &str) -> Option<Parse> {
    if text.len() < LONG { None } else { parse(text) }
}

/// The parse of a text of any length, if it can be read in two parts.
pub(super) fn parse(text: &str) -> Option<Parse> {
    let (start, column) = item_after(text, text.len() / 2)?;
    let end = start + splice::length_inside(&text[start..], column)?;
    let rest = [&text[..start], &text[end..]].concat();
    let (read, rest) = beside(|| recover::parse_local(&text[start..end]), || recover::parse(&rest));
    let (inner, problems) = read?;
    // Damage may reach further than its line.
    let is_whole = |problem: &Problem| problem.kind == ProblemKind::UnquotedTemplate;
    if !problems.iter().chain(&rest.problems).all(is_whole) || !splice::is_apart(&rest) {
        return None;
    }
    let item = Item::before(&rest.tree, start, column)?;
    let read = Read::new(inner, problems, start)?;
    Some(splice::join(&rest, text, &item, read).0)
}

/// The first line from `from` that begins an item of a list as far left as a pipeline's steps, and the column
/// of its dash.
fn item_after(text: &str, from: usize) -> Option<(usize, usize)> {
    let first = text.find("\nsteps:\n")? + "\nsteps:\n".len();
    let column = text[first..].find(|character| character != ' ').filter(|at| text[first + at..].starts_with("- "))?;
    let dash = format!("\n{}- ", " ".repeat(column));
    let from = (from.max(first)..text.len()).find(|at| text.is_char_boundary(*at))?;
    Some((from + text[from..].find(&dash)? + 1, column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::NodeId;

    /// The parse of the text in two parts, which is that of the whole.
    #[track_caller]
    fn halves(text: &str) -> bool {
        let Some(parts) = parse(text) else { return false };
        let whole = recover::parse(text);
        let dump = |Parse { tree, problems }: &Parse| {
            let nodes: Vec<_> = (0..tree.len() as u32).map(NodeId).collect();
            let nodes =
                nodes.iter().map(|id| (tree.kind(*id), tree.range(*id), tree.node(*id).parent, tree.children(*id)));
            let (nodes, of) = (nodes.collect::<Vec<_>>(), &tree.inner);
            let more = (&of.comments, &of.regions, &of.errors, of.local, &of.text);
            format!("{problems:#?} {nodes:#?} {more:#?}")
        };
        let (parts, whole) = (dump(&parts), dump(&whole));
        let line = parts.lines().zip(whole.lines()).find(|(part, whole)| part != whole);
        assert!(parts.len() == whole.len() && line.is_none(), "{line:#?}");
        true
    }

    fn steps(count: usize, step: &str) -> String {
        (0..count).map(|at| step.replace("AT", &at.to_string())).collect()
    }

    #[test]
    fn two_halves_are_the_whole() {
        let flow = "  - {id: sAT, action: echo, parameters: {message: '{{ x }} AT'}} # one\n";
        let block = "  - id: sAT\n    action: echo\n\n    # two\n    parameters:\n      message: |+\n        - {{ x }}\n        AT\n\n";
        let unquoted = "  - id: sAT\n    action: {{ x }} AT\n";
        for step in [flow, block, unquoted] {
            for (head, tail) in [
                ("id: p\nsteps:\n", ""),
                ("id: p\nsteps:\n", "# end"),
                ("# p\nid: p\nsteps:\n", "outputs:\n  o: \"{{ s1 }}\"\n"),
            ] {
                for count in [3, 8, 9] {
                    assert!(halves(&format!("{head}{}{tail}", steps(count, step))), "{head} {step} {tail}");
                }
            }
        }
        assert!(halves(&format!("id: p\nsteps:\n{}", steps(9, "- id: é\n  action: |\n    a\n\n"))));
    }

    #[test]
    fn what_depends_on_more_than_its_lines_is_read_as_a_whole() {
        let plain = steps(6, "  - {id: sAT, action: echo}\n");
        for text in [
            format!("id: p\nsteps:\n{plain}  - {{id: [\n{plain}"),
            format!("x: &a 1\nid: p\nsteps:\n{plain}  - {{id: *a}}\n{plain}"),
            format!("id: p\nx: |\n{}steps:\n  - {{id: a}}\n", steps(6, "  - AT\n")),
            format!("id: p\nx: |\n  a\nsteps:\n{plain}y:\n{}", steps(9, "  - AT\n")),
            "id: p\nsteps:\n  - {id: a}\n".to_owned(),
            "id: p\nsteps: []\n".to_owned(),
            String::new(),
        ] {
            halves(&text);
        }
        assert!(!halves(&format!("id: p\nsteps:\n{plain}  - {{id: [\n{plain}")));
        assert!(!halves(&format!("x: &a 1\nid: p\nsteps:\n{plain}  - {{id: *a}}\n{plain}")));
    }
}
