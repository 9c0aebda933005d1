//! Commands above lines.

use super::{Lens, LensKind};
use crate::analysis::Analysis;

/// The commands to show in a document: one that runs the pipeline, above its steps. It is there also
/// when something is wrong; running then says what.
pub fn lenses(analysis: &Analysis) -> Vec<Lens> {
    if analysis.recognised().is_none() {
        return Vec::new();
    }
    let keys = &analysis.pipeline().keys;
    let place = keys.iter().find(|key| key.name == "steps").or_else(|| keys.first());
    place.map(|key| Lens { range: key.range, kind: LensKind::Run }).into_iter().collect()
}
