//! Literal paths that lead out of the working directory (901, contract §2.22).

use super::{Checker, codes};
use crate::{
    model::{files, lower},
    registry::ParamKind,
    syntax::Tree,
};

pub(super) fn check(checker: &mut Checker<'_>) {
    for step in checker.scopes.steps().to_vec() {
        let specs = super::parameters::specs(checker, step).unwrap_or_default();
        for parameter in &step.parameters {
            let Some(spec) = specs.iter().find(|spec| spec.name == parameter.name) else { continue };
            for (node, kind) in files::named(checker.tree, spec, parameter.value) {
                let permission = match kind {
                    ParamKind::ReadPath => "read",
                    ParamKind::WritePath => "write",
                    _ => continue,
                };
                let Some(path) = checker.tree.string(node) else { continue };
                // The literal part before a template says enough if it leads out already.
                let literal = path.split("{{").next().unwrap_or_default();
                if !leads_out(literal, literal.len() == path.len()) || permitted(checker, permission, literal) {
                    continue;
                }
                let range = checker.token(node);
                let message = format!(
                    "`{path}` is outside of the working directory; list its directory in `permissions.{permission}` or use a path inside"
                );
                checker.report(codes::PATH_OUTSIDE, range, message);
            }
        }
    }
}

/// Whether a path leaves the directory it is relative to. `whole` tells a path from the beginning
/// of one.
fn leads_out(path: &str, whole: bool) -> bool {
    if path.starts_with(['/', '\\']) || path.starts_with("~/") {
        return true;
    }
    let bytes = path.as_bytes();
    if bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && matches!(bytes[2], b'/' | b'\\') {
        return true;
    }
    let mut depth = 0;
    let mut parts = path.split(['/', '\\']).peekable();
    while let Some(part) = parts.next() {
        // The last part of a beginning may go on.
        if parts.peek().is_none() && !whole {
            break;
        }
        match part {
            ".." => depth -= 1,
            "" | "." => {}
            _ => depth += 1,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

/// Whether the pipeline asks for the directory (`write` includes `read`).
fn permitted(checker: &Checker<'_>, permission: &str, path: &str) -> bool {
    let tree: &Tree = checker.tree;
    let Some(permissions) = lower::find(&checker.facts.pipeline.keys, "permissions") else { return false };
    let keys = lower::key_uses(tree, permissions.value);
    let granted = keys.iter().filter(|key| key.name == permission || key.name == "write");
    granted.flat_map(|key| tree.items(key.value)).any(|item| {
        tree.string(item).is_some_and(|directory| {
            let directory = directory.trim_end_matches('/');
            path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    })
}
