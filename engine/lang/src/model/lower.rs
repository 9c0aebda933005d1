//! Tree → [`Pipeline`]. Total: every tree has one.

use indexmap::IndexMap;

use super::Pipeline;
use crate::{registry::Registry, syntax::Tree};

pub(super) fn lower(tree: &Tree, registry: &Registry) -> Pipeline {
    let _ = registry;
    Pipeline {
        node: tree.root(),
        id: None,
        name: None,
        description: None,
        version: None,
        model: None,
        inputs: IndexMap::new(),
        steps: Vec::new(),
        outputs: Vec::new(),
        default_timeout: None,
        keys: Vec::new(),
    }
}

/// Parses the template of every scalar that is rendered (inert fields left out), conditions as
/// conditions.
pub fn templates(tree: &Tree, pipeline: &Pipeline) -> crate::analysis::Templates {
    let _ = (tree, pipeline);
    crate::analysis::Templates::default()
}
