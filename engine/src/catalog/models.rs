//! The built-in table of models and prices.

use lang::registry::ModelTable;

/// The table; nothing is parsed before somebody asks.
pub(super) fn table() -> ModelTable {
    ModelTable::default()
}
