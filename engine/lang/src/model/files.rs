//! The files that parameters name.

use crate::{
    registry::{ParamKind, ParamSpec, is_path_of_image},
    syntax::{NodeId, Tree},
};

/// Where the value of the parameter `spec` names files, and what each is named for: [`ParamKind::ReadPath`],
/// [`ParamKind::WritePath`] or [`ParamKind::Pipeline`]. The text there may be a template.
pub(crate) fn named(tree: &Tree, spec: &ParamSpec, value: NodeId) -> Vec<(NodeId, ParamKind)> {
    let node = tree.resolve(value);
    if let Some(item) = spec.items.as_deref().filter(|_| !tree.is_scalar(node)) {
        return tree.items(node).flat_map(|node| named(tree, item, node)).collect();
    }
    let kind = match spec.kind {
        ParamKind::ReadPath | ParamKind::WritePath | ParamKind::Pipeline => spec.kind,
        ParamKind::Image if tree.string(node).is_some_and(|text| is_path_of_image(&text)) => ParamKind::ReadPath,
        _ => return Vec::new(),
    };
    if tree.is_scalar(node) { vec![(value, kind)] } else { Vec::new() }
}
