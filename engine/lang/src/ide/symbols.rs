//! The outline.

use super::Symbol;
use crate::analysis::Analysis;

/// The outline of a document.
pub fn symbols(analysis: &Analysis) -> Vec<Symbol> {
    let _ = analysis;
    Vec::new()
}
