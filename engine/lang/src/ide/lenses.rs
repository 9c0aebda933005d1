//! Commands above lines.

use super::{Lens, LensKind};
use crate::analysis::Analysis;

/// The commands to show in a document: one that runs the pipeline, above its first key, where it
/// stays whatever is typed below. It is there also when something is wrong; running then says what.
pub fn lenses(analysis: &Analysis) -> Vec<Lens> {
    if analysis.recognised().is_none() {
        return Vec::new();
    }
    let first = analysis.pipeline().keys.first();
    first.map(|key| Lens { range: key.range, kind: LensKind::Run }).into_iter().collect()
}
