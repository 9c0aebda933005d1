//! Every AUTO tag of the corpus, what it is filled with and why: `auto.txt`, read line by line against the
//! contract (§2.18). `UPDATE_EXPECT=1` rewrites it.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use lang::{
    analysis::Analysis,
    auto::{self, By, Hole},
    text::Encoding,
};

use crate::{analyse, diff, manifest, root, updating};

fn line(analysis: &Analysis, hole: &Hole) -> String {
    let place = analysis.lines().position(analysis.text(), hole.range.start(), Encoding::Utf32);
    let what = match hole.target.by {
        By::Model => auto::describe(&hole.target.schema),
        By::Router => "a model, by the router".to_owned(),
        By::Action => "the step's result".to_owned(),
        By::Nobody(_) => "nothing".to_owned(),
    };
    let mut why = hole.target.why.clone();
    if let By::Nobody(reason) = hole.target.by {
        why.push(reason.to_owned());
    }
    let why = if why.is_empty() { String::new() } else { format!("  ({})", why.join("; ")) };
    format!("{}:{} {} = {what}{why}", place.line + 1, place.column + 1, hole.position)
}

#[test]
fn every_tag_of_the_corpus_is_filled_with_what_the_contract_says() {
    let mut rendered = String::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in manifest() {
        let analysis = analyse(&row);
        let holes = auto::holes(&analysis);
        if holes.is_empty() {
            continue;
        }
        writeln!(rendered, "{}", row.path).unwrap();
        for hole in holes.iter().flat_map(Hole::with_nested) {
            writeln!(rendered, "  {}", line(&analysis, hole)).unwrap();
            let by = match hole.target.by {
                By::Model => "asked",
                By::Router => "router",
                By::Action => "action",
                By::Nobody(_) => "nobody",
            };
            *counts.entry(by).or_default() += 1;
        }
    }
    println!("{counts:?}");
    let file = root().join("tests/corpus/auto.txt");
    let old = fs::read_to_string(&file).unwrap_or_default();
    if updating() {
        fs::write(&file, rendered).unwrap();
    } else {
        assert_eq!(old, rendered, "{}", diff(&old, &rendered).join("\n"));
    }
}
