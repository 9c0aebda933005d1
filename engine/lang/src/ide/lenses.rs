//! Commands above lines.

use super::Lens;
use crate::analysis::Analysis;

/// The commands to show in a document.
pub fn lenses(analysis: &Analysis) -> Vec<Lens> {
    let _ = analysis;
    Vec::new()
}
