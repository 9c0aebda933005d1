//! Layout, on every real file: stable, and nothing said otherwise.

use std::collections::BTreeMap;

use lang::{
    analysis::Analysis,
    ide::format,
    syntax::{LeafKind, Tree},
    text::edit::apply_edits,
};

use crate::{analyse, manifest};

/// All scalars and comments as they are written, the spaces at the beginning of lines left out.
fn words(tree: &Tree) -> Vec<String> {
    let leaves = tree.leaves().into_iter();
    let kept = leaves.filter(|leaf| matches!(leaf.kind, LeafKind::Node(_) | LeafKind::Comment));
    kept.map(|leaf| tree.text()[leaf.range].lines().map(str::trim_start).collect::<Vec<_>>().join("\n")).collect()
}

fn decoded(tree: &Tree) -> Vec<String> {
    let leaves = tree.leaves().into_iter();
    let scalars = leaves.filter_map(|leaf| match leaf.kind {
        LeafKind::Node(id) => Some(tree.decoded(id).text.into_owned()),
        _ => None,
    });
    scalars.collect()
}

fn said(analysis: &Analysis) -> BTreeMap<String, usize> {
    let mut said = BTreeMap::new();
    for found in analysis.diagnostics() {
        *said.entry(format!("{} {}", found.code, found.message)).or_default() += 1;
    }
    said
}

#[test]
fn every_file_that_is_yaml_is_laid_out_and_says_the_same() {
    let mut changed = 0;
    let mut refused = Vec::new();
    for row in manifest() {
        let before = analyse(&row);
        let Ok(edits) = format::format(before.parse()) else {
            refused.push(row.path);
            continue;
        };
        changed += usize::from(!edits.is_empty());
        let text = apply_edits(before.text(), &edits);
        let after = before.with_text(&text);
        assert_eq!(words(&before.parse().tree), words(&after.parse().tree), "{}", row.path);
        assert_eq!(decoded(&before.parse().tree), decoded(&after.parse().tree), "{}", row.path);
        assert_eq!(said(&before), said(&after), "{}", row.path);
        let json = |analysis: &Analysis| analysis.parse().tree.to_json(analysis.parse().tree.root());
        assert_eq!(json(&before), json(&after), "{}", row.path);
        assert_eq!(format::format(after.parse()), Ok(Vec::new()), "{} a second time", row.path);
    }
    // `{% … %}` between the items of a list is not YAML.
    assert_eq!(refused, ["examples/advanced/multi_modal_processing.yaml", "examples/integrations/cloud_services.yaml"]);
    println!("{changed} of 90 files changed");
    assert!(changed > 0);
}
