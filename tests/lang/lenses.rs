//! The commands above lines.

use lang::{
    analysis::Analysis,
    ide::{Lens, LensKind, lenses},
};

use crate::support::analysis;

/// The lenses of a text: what they offer, and the word they stand above.
fn shown(analysis: &Analysis) -> Vec<String> {
    let lens = |lens: Lens| {
        let LensKind::Run = lens.kind;
        format!("run above `{}`", &analysis.text()[lens.range])
    };
    lenses::lenses(analysis).into_iter().map(lens).collect()
}

const TEXT: &str = "id: p\nname: n\nsteps:\n  - id: a\n    action: generate\n  - id: b\n    action: generate\n";

#[test]
fn one_lens_runs_the_pipeline() {
    assert_eq!(shown(&analysis(TEXT)), ["run above `id`"]);
}

#[test]
fn it_stays_in_its_place_while_something_is_broken() {
    for (good, bad) in [
        ("steps:", "steps"),
        ("steps:", "step:"),
        ("name: n", "name: \"n"),
        ("  - id: a", "  - id: [a"),
        ("action: generate\n  - id: b", "action: {{\n  - id: b"),
        ("  - id: b", "<<<<<<< HEAD\n  - id: b"),
        ("steps:", "steps:\nsteps:"),
        ("  - id: b", "  - id: a"),
    ] {
        assert_eq!(shown(&analysis(&TEXT.replace(good, bad))), ["run above `id`"], "{bad}");
    }
}

#[test]
fn a_file_that_is_no_pipeline_has_none() {
    let other = Analysis::new(engine::catalog::registry(), "compose.yaml", "services:\n  web: {}\n");
    assert_eq!(shown(&other), Vec::<String>::new());
    assert_eq!(shown(&analysis("")), Vec::<String>::new());
}
