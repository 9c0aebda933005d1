//! Texts with a cursor in them, and what is shown there.

use lang::{
    analysis::Analysis,
    ide::{Completion, completion, hover},
    text::{TextSize, edit::apply_edits},
};

/// The analysis of a text without its `$0`, and where that stood.
pub(crate) fn at(fixture: &str) -> (Analysis, TextSize) {
    let offset = fixture.find("$0").unwrap();
    let text = fixture.replacen("$0", "", 1);
    (analysis(&text), TextSize::new(offset as u32))
}

/// The analysis of a text.
pub(crate) fn analysis(text: &str) -> Analysis {
    Analysis::new(engine::catalog::registry(), "fixture.orc.yaml", text)
}

/// What is offered, best first.
pub(crate) fn offered(fixture: &str) -> Vec<Completion> {
    let (analysis, offset) = at(fixture);
    let mut items = completion::complete(&analysis, offset);
    items.sort_by(|left, right| (left.rank, &left.label).cmp(&(right.rank, &right.label)));
    items
}

/// The labels offered, best first, on one line.
pub(crate) fn labels(fixture: &str) -> String {
    offered(fixture).into_iter().map(|item| item.label).collect::<Vec<_>>().join(" ")
}

/// The items offered, best first, one on a line: label, kind, detail.
pub(crate) fn items(fixture: &str) -> String {
    let line = |item: Completion| {
        let struck = if item.deprecated { " (deprecated)" } else { "" };
        format!("{} · {:?} · {}{struck}", item.label, item.kind, item.detail).trim_end_matches(" · ").to_owned() + "\n"
    };
    offered(fixture).into_iter().map(line).collect()
}

/// The text after the item `label` is taken.
pub(crate) fn taken(fixture: &str, label: &str) -> String {
    let (analysis, _) = at(fixture);
    let item = offered(fixture).into_iter().find(|item| item.label == label);
    let item = item.unwrap_or_else(|| panic!("`{label}` is not offered, but: {}", labels(fixture)));
    apply_edits(analysis.text(), &[item.edit])
}

/// The line of the cursor after the item `label` is taken, from there on.
pub(crate) fn line_taken(fixture: &str, label: &str) -> String {
    let (analysis, offset) = at(fixture);
    let line = analysis.text()[..usize::from(offset)].matches('\n').count();
    taken(fixture, label).lines().nth(line).unwrap_or_default().to_owned()
}

/// What is explained at the cursor: the text it is about, then the explanation.
pub(crate) fn explained(fixture: &str) -> String {
    let (analysis, offset) = at(fixture);
    match hover::hover(&analysis, offset) {
        Some(hover) => format!("[{}]\n{}\n", &analysis.text()[hover.range], hover.markdown),
        None => "nothing\n".to_owned(),
    }
}
