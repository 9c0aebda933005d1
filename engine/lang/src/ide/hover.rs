//! Hover.

use text_size::TextSize;

use super::Hover;
use crate::analysis::Analysis;

/// What is known about the thing at `offset`.
pub fn hover(analysis: &Analysis, offset: TextSize) -> Option<Hover> {
    let _ = (analysis, offset);
    None
}
