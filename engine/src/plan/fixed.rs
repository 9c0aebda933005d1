//! Settings that the plan reads before anything is rendered: a template there would do nothing.

use lang::{
    analysis::Analysis,
    model::{KeyUse, Step},
    template,
};

const FIXED: [&str; 4] = ["timeout", "max_retries", "retry", "retry_config"];

/// A message for each template that stands where only a fixed value counts.
pub(super) fn templates(analysis: &Analysis) -> Vec<String> {
    let mut problems = Vec::new();
    steps(analysis, &analysis.pipeline().steps, &mut problems);
    problems
}

fn steps(analysis: &Analysis, list: &[Step], problems: &mut Vec<String>) {
    for step in list {
        keys(analysis, step.id_text(), &step.keys, problems);
        for item in &step.items {
            keys(analysis, step.id_text(), &item.keys, problems);
        }
        steps(analysis, &step.body, problems);
    }
}

fn keys(analysis: &Analysis, id: &str, keys: &[KeyUse], problems: &mut Vec<String>) {
    for key in keys.iter().filter(|key| FIXED.contains(&&*key.name)) {
        let value = analysis.parse().tree.to_json(key.value).unwrap_or_default();
        let settings = value.as_object().into_iter().flat_map(|settings| settings.values());
        if settings.chain([&value]).filter_map(|value| value.as_str()).any(|text| !template::is_plain(text)) {
            problems.push(format!("`{}` of step `{id}` takes no template yet; write the value itself", key.name));
        }
    }
}
