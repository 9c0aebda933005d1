//! The actions that need no tool, in the order completion offers them.

use lang::registry::ActionSpec;

/// All of them.
pub(super) fn specs() -> Vec<ActionSpec> {
    Vec::new()
}
