//! A tree made from an earlier one is the tree of the text.

use lang::{
    ide::format,
    syntax::{Parse, parse, reparse},
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

use crate::{
    generated::{config, edit, pipeline},
    invariants::dump,
    material::{INSERTED, pipelines},
    support::Dice,
};

/// Whether anything was kept of the earlier tree.
fn check(old: &Parse, text: &str) -> (Parse, bool) {
    let (new, splice) = reparse(old, text);
    if splice.is_some() {
        let fresh = parse(text);
        same(old, text, &format!("{:#?}", fresh.problems), &format!("{:#?}", new.problems));
        same(old, text, &dump(&fresh.tree), &dump(&new.tree));
        same(old, text, &format!("{:#?}", format::format(&fresh)), &format!("{:#?}", format::format(&new)));
    }
    (new, splice.is_some())
}

/// Fails with the lines around the edit and the first line that differs.
fn same(old: &Parse, text: &str, fresh: &str, new: &str) {
    if fresh == new {
        return;
    }
    let before = old.tree.text();
    let at = before.bytes().zip(text.bytes()).take_while(|(one, other)| one == other).count();
    let around =
        |text: &str| -> String { text.bytes().skip(at.saturating_sub(300)).take(700).map(char::from).collect() };
    let line = fresh.lines().zip(new.lines()).find(|(fresh, new)| fresh != new);
    panic!("{}\n=====>\n{}\n=====\n{line:#?}", around(before), around(text));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn edits_one_after_the_other_leave_the_tree_of_the_text(
        mut text in pipeline(),
        edits in vec((any::<Index>(), 0..8_usize, select(INSERTED)), 1..=8),
    ) {
        let mut tree = parse(&text);
        for change in &edits {
            edit(&mut text, change);
            tree = check(&tree, &text).0;
        }
    }
}

/// Types and deletes in the files of the corpus.
#[test]
fn typing_in_real_files_leaves_the_tree_of_the_text() {
    let mut kept = 0;
    let mut all = 0;
    for (number, (_, text)) in pipelines().into_iter().enumerate() {
        let mut dice = Dice::new(number);
        let mut tree = parse(&text);
        let mut text = text;
        for _ in 0..40 {
            let at = dice.place(&text);
            let mut end = (at + dice.below(4)).min(text.len());
            while !text.is_char_boundary(end) {
                end += 1;
            }
            let before = text.clone();
            text.replace_range(at..end, INSERTED[dice.below(INSERTED.len())]);
            let (next, was_kept) = check(&tree, &text);
            (kept, all) = (kept + usize::from(was_kept), all + 1);
            // Damage does not pile up: most edits are taken back, as people do.
            (tree, text) = if dice.below(40) == 0 { (next, text) } else { (check(&next, &before).0, before) };
        }
    }
    println!("{kept} of {all} edits read one step");
    assert!(kept * 4 > all, "{kept} of {all}");
}

#[test]
fn a_text_is_laid_out_after_a_step_of_it_was_typed() {
    let text = "id: p\nsteps:\n  - id: one\n    action:   x\n  - id: two\n    action: y\n";
    let typed = text.replace("action: y", "action: z");
    let (kept, was_kept) = reparse(&parse(text), &typed);
    assert!(was_kept.is_some());
    assert_eq!(format::format(&kept).map(|edits| edits.len()), Ok(1));
}

#[test]
fn what_is_typed_in_a_step_may_belong_to_a_bracket_left_open_before_all() {
    let text = "[a\nid: p\nsteps:\n  - id: one\n    action: x\n  - id: two\n    action: y\n";
    let typed = text.replace("action: x", "action: x}");
    assert_eq!(parse(text).problems[0].message, "this `[` is not closed; add `]`");
    let (kept, _) = reparse(&parse(text), &typed);
    assert_eq!(kept.problems[0].message, "the `}` in this value does not fit the bracket it closes");
    assert_eq!(kept.problems, parse(&typed).problems);
}
