//! The skeleton: name, version, ids, steps (101–108, 117, 205–207).

use rustc_hash::FxHashMap;
use text_size::TextRange;

use super::{Checker, codes};
use crate::{
    model::{KeyUse, Pipeline, Step, StepIndex, lower::find},
    syntax::{NodeId, Scalar},
    text::{Spanned, TextEdit},
};

pub(super) fn check(checker: &mut Checker<'_>) {
    let pipeline = checker.facts.pipeline;
    root(checker, pipeline);
    version(checker, pipeline);
    if let Some(id) = &pipeline.id
        && !id.value.is_empty()
    {
        id_format(checker, id);
    }
    outputs(checker, pipeline);
    if let Some(key) = find(&pipeline.keys, "steps") {
        step_list(checker, key, codes::EMPTY_STEPS);
    }
    let mut seen = FxHashMap::default();
    for step in checker.scopes.steps().to_vec() {
        identity(checker, step, &mut seen);
        something_to_do(checker, step);
        if step.loops.is_some()
            && let Some(key) = step.key("steps")
        {
            step_list(checker, key, codes::EMPTY_BODY);
        }
    }
}

/// Where the root is marked when it lacks something: its first key.
fn root_head(checker: &Checker<'_>, pipeline: &Pipeline) -> TextRange {
    pipeline.keys.first().map_or_else(|| checker.token(pipeline.node), |key| key.range)
}

fn root(checker: &mut Checker<'_>, pipeline: &Pipeline) {
    if checker.damaged_anywhere() {
        return;
    }
    let head = root_head(checker, pipeline);
    if find(&pipeline.keys, "name").is_none() && find(&pipeline.keys, "id").is_none() {
        checker.report(codes::MISSING_NAME, head, "the pipeline has no name; add `name` or `id`");
    }
    if find(&pipeline.keys, "steps").is_none() {
        let nested = pipeline
            .keys
            .iter()
            .find(|key| checker.tree.is_mapping(key.value) && checker.tree.get(key.value, "steps").is_some());
        let message = match nested {
            Some(key) => format!("the pipeline has no `steps`; move what stands beneath `{}` to the root", key.name),
            None => "the pipeline has no `steps`; add the list of what it shall do".to_owned(),
        };
        checker.report(codes::MISSING_STEPS, head, message);
    }
}

fn version(checker: &mut Checker<'_>, pipeline: &Pipeline) {
    let Some(key) = find(&pipeline.keys, "version") else { return };
    if checker.is_error(key.value) {
        return;
    }
    let range = checker.token(key.value);
    let range = if range.is_empty() { key.range } else { range };
    let text = checker.tree.string(key.value).unwrap_or_default();
    let is_text = matches!(checker.tree.scalar(key.value), Some(Scalar::Text(_)));
    let numbers: Vec<&str> = text.split('.').collect();
    let whole = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if is_text && numbers.len() == 3 && numbers.iter().all(whole) {
        return;
    }
    let message = format!("`version` is text of the form `x.y.z`, not `{text}`");
    let mended = (numbers.len() < 3 && numbers.iter().all(whole)).then(|| {
        let mut parts = numbers.clone();
        parts.resize(3, "0");
        format!("\"{}\"", parts.join("."))
    });
    let whole_value = checker.tree.range(key.value);
    let diagnostic = checker.report(codes::BAD_VERSION, range, message);
    if let Some(mended) = mended {
        diagnostic.safe_fix(format!("Write `{mended}`"), vec![TextEdit::replace(whole_value, mended)]);
    }
}

fn is_id(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn id_format(checker: &mut Checker<'_>, id: &Spanned<String>) {
    if is_id(&id.value) {
        return;
    }
    let message = format!("`{}` is no id; begin with a letter and go on with letters, digits, `_` and `-`", id.value);
    checker.report(codes::BAD_ID, id.range, message);
}

/// The words that `on_failure` takes, which are therefore no ids.
const POLICY_WORDS: [&str; 4] = ["fail", "continue", "skip", "retry"];

fn identity<'f>(
    checker: &mut Checker<'f>,
    step: &'f Step,
    seen: &mut FxHashMap<(Option<StepIndex>, &'f str), TextRange>,
) {
    let Some(id) = step.id.as_ref().filter(|id| !id.value.is_empty()) else {
        if !checker.damaged(step.range) && step.key("id").is_none_or(|key| checker.is_null(key.value)) {
            let head = step.key("id").map_or_else(|| checker.head(step), |key| key.range);
            checker.report(codes::MISSING_ID, head, "the step has no `id`; results are kept under it");
        }
        return;
    };
    if POLICY_WORDS.contains(&id.value.to_ascii_lowercase().as_str()) {
        let message = format!("`{}` is a policy of `on_failure`, so no step can be called that; rename it", id.value);
        checker.report(codes::POLICY_WORD_ID, id.range, message);
    } else if !crate::template::is_plain(&id.value) {
        // The template in it is reported as inert.
    } else {
        id_format(checker, id);
    }
    let scope = checker.scopes.parent(step.index);
    if let Some(first) = seen.get(&(scope, &*id.value)) {
        let message = format!("a second step is called `{}`; rename one of them", id.value);
        let first = *first;
        checker.report(codes::DUPLICATE_ID, id.range, message).related(first, "the first one is here");
    } else {
        seen.insert((scope, &id.value), id.range);
    }
}

fn something_to_do(checker: &mut Checker<'_>, step: &Step) {
    let has = |name: &str| step.key(name).is_some();
    if has("action") || has("tool") || step.loops.is_some() || has("steps") || checker.damaged(step.range) {
        return;
    }
    let head = checker.head(step);
    let message = "the step does nothing; give it an `action`, a `tool` or a loop such as `for_each`";
    checker.report(codes::NOTHING_TO_DO, head, message);
}

/// `steps` must be a list of mappings with something in it.
fn step_list(checker: &mut Checker<'_>, key: &KeyUse, when_empty: codes::Code) {
    let tree = checker.tree;
    if checker.is_error(key.value) {
        return;
    }
    if !tree.is_sequence(key.value) {
        if checker.is_null(key.value) {
            if !checker.damaged(tree.range(key.value)) {
                checker.report(when_empty, key.range, "`steps` is empty; add at least one step");
            }
            return;
        }
        let range = checker.token(key.value);
        checker.report(codes::WRONG_SHAPE, range, "`steps` takes a list; begin each step with `- `");
        return;
    }
    let items: Vec<NodeId> = tree.items(key.value).collect();
    if items.is_empty() {
        checker.report(when_empty, key.range, "`steps` is empty; add at least one step");
    }
    for item in items {
        if tree.is_mapping(item) || checker.is_error(item) || checker.damaged(tree.range(item)) {
            continue;
        }
        let mut range = checker.token(item);
        if range.is_empty() {
            // Nothing stands after the dash; mark the dash.
            let before = tree.text()[..usize::from(range.start())].trim_end();
            range = TextRange::at((before.len().saturating_sub(1) as u32).into(), 1.into());
        }
        checker.report(codes::WRONG_SHAPE, range, "a step is a mapping with `id` and `action`");
    }
}

fn outputs(checker: &mut Checker<'_>, pipeline: &Pipeline) {
    let Some(key) = find(&pipeline.keys, "outputs") else { return };
    for output in crate::model::lower::key_uses(checker.tree, key.value) {
        if checker.damaged(checker.tree.range(output.value)) {
            continue;
        }
        let message = format!("output `{}` has no value; give it an expression", output.name);
        if checker.is_null(output.value) {
            let entry = format!("\"{{{{ {}.result }}}}\"", pipeline.steps.last().map_or("step", Step::id_text));
            let at = checker.tree.range(output.value);
            checker.report(codes::EMPTY_OUTPUT, output.range, message).fix(
                "Use the result of the last step",
                vec![TextEdit::replace(at, if at.is_empty() { format!(" {entry}") } else { entry })],
            );
        } else if checker.tree.is_mapping(output.value) && checker.tree.get(output.value, "value").is_none() {
            let message = format!("output `{}` has no `value`, so it is always null", output.name);
            checker.report(codes::EMPTY_OUTPUT, output.range, message);
        }
    }
}
