//! The commands above lines.

use lang::{
    analysis::Analysis,
    ide::{Lens, LensKind, lenses},
};

use crate::support::analysis;

/// The lenses of a text: what they offer, and the word they stand above.
fn shown(analysis: &Analysis) -> Vec<String> {
    let lens = |lens: Lens| {
        let what = match lens.kind {
            LensKind::Run => "run".to_owned(),
            LensKind::RunStep(step) => format!("step {step}"),
            LensKind::RunFrom(step) => format!("from {step}"),
        };
        let line = analysis.lines().line_of(lens.range.start()) + 1;
        format!("{line}: {what} above `{}`", &analysis.text()[lens.range])
    };
    lenses::lenses(analysis).into_iter().map(lens).collect()
}

const TEXT: &str = "id: p\nname: n\nsteps:\n  - id: a\n    action: generate\n  - id: b\n    action: generate\n";

#[test]
fn one_lens_runs_the_pipeline_and_two_each_step() {
    let found = shown(&analysis(TEXT));
    let wanted = ["1: run above `id`", "4: step a above `id`", "4: from a above `id`", "6: step b above `id`"];
    assert_eq!(found[..4], wanted);
    assert_eq!(found[4..], ["6: from b above `id`"]);
}

#[test]
fn they_stay_in_their_places_while_something_is_broken() {
    for (good, bad, wanted) in [
        ("steps:", "steps", "1: run"),
        ("name: n", "name: \"n", "1: run, 4: step a, 6: step b"),
        ("  - id: a", "  - id: [a", "1: run, 6: step b"),
        ("action: generate\n  - id: b", "action: {{\n  - id: b", "1: run, 4: step a, 6: step b"),
        ("  - id: b", "<<<<<<< HEAD\n  - id: b", "1: run, 4: step a, 7: step b"),
        ("  - id: b", "  - id: a", "1: run, 4: step a"),
        ("  - id: b", "  - id: '{{ b }}'", "1: run, 4: step a"),
    ] {
        let found = shown(&analysis(&TEXT.replace(good, bad)));
        let found = found.iter().filter(|lens| !lens.contains("from ")).filter_map(|lens| lens.split(" above").next());
        assert_eq!(found.collect::<Vec<_>>().join(", "), wanted, "{bad}");
    }
}

#[test]
fn the_steps_of_a_loop_have_none() {
    let text = "id: p\nsteps:\n  - id: each\n    for_each: [1]\n    steps:\n      - id: t\n        action: echo\n";
    assert_eq!(shown(&analysis(text)), ["1: run above `id`", "3: step each above `id`", "3: from each above `id`"]);
}

#[test]
fn a_file_that_is_no_pipeline_has_none() {
    let other = Analysis::new(engine::catalog::registry(), "compose.yaml", "services:\n  web: {}\n");
    assert_eq!(shown(&other), Vec::<String>::new());
    assert_eq!(shown(&analysis("")), Vec::<String>::new());
}
