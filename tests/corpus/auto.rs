//! Every AUTO tag of the corpus, what it is filled with and why: `auto.txt`, read line by line against the
//! contract (§2.18). `UPDATE_EXPECT=1` rewrites it.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use engine::models::{Provider as _, Request, Simulated};
use lang::{
    analysis::Analysis,
    auto::{self, By, Hole},
    text::Encoding,
};

use tokio_util::sync::CancellationToken;

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

/// Each is a schema that the checker of answers understands and that some value fits.
#[tokio::test]
async fn every_tag_of_the_corpus_that_is_asked_for_can_be_answered() {
    let mut answered = 0;
    for row in manifest() {
        let analysis = analyse(&row);
        let holes = auto::holes(&analysis);
        for hole in holes.iter().flat_map(Hole::with_nested).filter(|hole| hole.target.by == By::Model) {
            let schema = Some(hole.target.schema.clone());
            let request = Request { prompt: hole.prompt(&hole.body), schema, ..Request::default() };
            let response = Simulated.call(&request, &CancellationToken::new()).await;
            let response = response.unwrap_or_else(|error| panic!("{} {}: {error:?}", row.path, hole.position));
            assert_eq!(response.failure, None, "{} {}", row.path, hole.position);
            answered += 1;
        }
    }
    assert!(answered > 30, "{answered}");
}
