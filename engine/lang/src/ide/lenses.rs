//! Commands above lines.

use super::{Lens, LensKind};
use crate::analysis::Analysis;

/// The commands to show in a document: one that runs the pipeline, above its first key, where it
/// stays whatever is typed below, and two above each step of the root that has an id of its own. They
/// are there also when something is wrong; running then says what.
pub fn lenses(analysis: &Analysis) -> Vec<Lens> {
    if analysis.recognised().is_none() {
        return Vec::new();
    }
    let pipeline = analysis.pipeline();
    let first = pipeline.keys.first();
    let mut found: Vec<Lens> = first.map(|key| Lens { range: key.range, kind: LensKind::Run }).into_iter().collect();
    let scopes = analysis.scopes();
    for step in &pipeline.steps {
        let id = step.id_text();
        // Of two steps with one id the first is meant, and an id that is templated is none.
        if id.is_empty() || scopes.in_scope(None, id) != Some(step.index) || !crate::template::is_plain(id) {
            continue;
        }
        if let Some(key) = step.keys.first() {
            let lens = |kind| Lens { range: key.range, kind };
            found.extend([lens(LensKind::RunStep(id.to_owned())), lens(LensKind::RunFrom(id.to_owned()))]);
        }
    }
    found
}
