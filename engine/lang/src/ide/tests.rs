//! What completion offers in whole and in broken text, without tools.
#![cfg(test)]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use text_size::TextSize;

use super::{completion, hover, lenses, symbols};
use crate::{analysis::Analysis, registry::Registry};

const HEAD: &str = "id: p\ninputs:\n  topic: {type: string}\nsteps:\n  - id: step_1\n    action: generate\n  - id: step_2\n    action: generate\n  - id: step_3\n    action: generate";
const TAIL: &str = "\n    timeout: 30\n  - id: step_4\n    action: generate\n";

fn at(typed: &str) -> (Analysis, TextSize) {
    let before = format!("{HEAD}{typed}");
    let analysis = Analysis::new(Arc::new(Registry::default()), "p.orc.yaml", &format!("{before}{TAIL}"));
    (analysis, TextSize::of(before.as_str()))
}

fn labels(typed: &str) -> Vec<String> {
    let (analysis, offset) = at(typed);
    completion::complete(&analysis, offset).into_iter().map(|item| item.label).collect()
}

#[test]
fn what_is_wanted_is_offered_also_in_broken_text() {
    let missed: Vec<&str> = [
        ("\n    ", "max_retries"),
        ("\n    max_r", "max_retries"),
        ("\n    on_failure: ", "continue"),
        ("\n    on_failure: re", "retry"),
        ("\n    dependencies:\n      - ", "step_1"),
        ("\n    dependencies: [step_1, ", "step_2"),
        ("\n    description: \"{{ ", "step_1"),
        ("\n    description: \"{{ ", "topic"),
        ("\n    description: \"{{ step_1.", "result"),
        ("\n    description: \"{{ topic | ", "truncate"),
        ("\n    condition: top", "topic"),
        ("\n    description: \"unterminated\n    ma", "max_retries"),
        ("\n    metadata: [a, b\n    ma", "max_retries"),
        ("\n    for_each: {{ topic }}\n    ma", "max_retries"),
        ("\n    for_each: {{ topic\n    ma", "max_retries"),
        ("\n    description: <AUTO>choose: fast or slow</AUTO>\n    ma", "max_retries"),
        ("\n\tdescription: x\n    ma", "max_retries"),
        ("\n    description: a\n    description: b\n    ma", "max_retries"),
        ("\n<<<<<<< HEAD\n    ma", "max_retries"),
        ("\n  - ", "id"),
        ("\n    goto: ", "step_4"),
    ]
    .into_iter()
    .filter(|(typed, wanted)| !labels(typed).iter().any(|label| label == wanted))
    .map(|(typed, _)| typed)
    .collect();
    assert_eq!(missed, Vec::<&str>::new());
}

#[test]
fn what_cannot_stand_there_is_not_offered() {
    let found = labels("\n    dependencies:\n      - step_1\n      - ");
    assert_eq!(found, ["step_2", "step_4"]);
    assert_eq!(labels("\n    goto: "), ["step_4"]);
    assert!(!labels("\n    ").iter().any(|label| label == "id" || label == "action"));
}

#[test]
fn the_outline_and_the_run_lens_survive_broken_text() {
    let (analysis, _) = at("\n    metadata: [a, b\n    ma");
    let outline = symbols::symbols(&analysis);
    let steps = outline[0].children.iter().find(|group| group.name == "steps").unwrap();
    assert_eq!(
        steps.children.iter().map(|step| &*step.name).collect::<Vec<_>>(),
        ["step_1", "step_2", "step_3", "step_4"]
    );
    // One for the pipeline, two for each of the four steps.
    assert_eq!(lenses::lenses(&analysis).len(), 9);
}

#[test]
fn a_key_and_a_name_are_explained() {
    let (analysis, offset) = at("\n    on_failure");
    assert!(hover::hover(&analysis, offset - TextSize::new(3)).is_none_or(|hover| !hover.markdown.is_empty()));
    let (analysis, offset) = at("\n    condition: \"{{ topic");
    let _ = hover::hover(&analysis, offset);
    let (analysis, offset) = at("\n    timeout: 3\n    condition: \"{{ topic == 'a' }}\"");
    let found = hover::hover(&analysis, offset - TextSize::new(16)).unwrap();
    assert_eq!(found.markdown, "input `topic`: string");
}
