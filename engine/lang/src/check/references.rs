//! Dependencies, routes, cycles (201–204, 208–211).

use indexmap::IndexMap;
use text_size::TextRange;

use super::{Checker, codes, edits};
use crate::{
    graph::{Edge, Origin},
    model::{Step, StepIndex},
    registry::did_you_mean,
    text::TextEdit,
};

pub(super) fn check(checker: &mut Checker<'_>) {
    for step in checker.scopes.steps().to_vec() {
        dependencies(checker, step);
        routes(checker, step);
        undeclared(checker, step);
    }
    cycles(checker);
    unreachable(checker);
}

fn dependencies(checker: &mut Checker<'_>, step: &Step) {
    let mut seen: rustc_hash::FxHashSet<&str> = rustc_hash::FxHashSet::default();
    for (at, dependency) in step.dependencies.iter().enumerate() {
        let id = &*dependency.value;
        if !seen.insert(id) {
            let message = format!("`{id}` is listed twice; remove one of them");
            let previous = step.dependencies[at - 1].range.end();
            let removed = TextRange::new(previous.min(dependency.range.start()), dependency.range.end());
            let simple = !checker.tree.text()[removed].contains(['\n', '"', '\'']);
            let diagnostic = checker.report(codes::REPEATED_DEPENDENCY, dependency.range, message).unnecessary();
            if simple {
                diagnostic.safe_fix("Remove it", vec![TextEdit::delete(removed)]);
            }
            continue;
        }
        let scope = checker.scopes.parent(step.index);
        match checker.scopes.visible_step(scope, id) {
            None => unknown_dependency(checker, step, id, dependency.range),
            Some(found) if found == step.index => {
                let message = format!("`{id}` depends on itself; remove it from the list");
                checker.report(codes::SELF_REFERENCE, dependency.range, message);
            }
            Some(found) if checker.scopes.ancestor_in(step.index, checker.scopes.parent(found)) == Some(found) => {
                let message = format!("`{}` stands in the body of `{id}` and cannot wait for it", step.id_text());
                checker.report(codes::SELF_REFERENCE, dependency.range, message);
            }
            Some(_) => {}
        }
    }
    if step.dynamic_dependencies.is_none()
        && let Some(key) = step.key("dependencies").or_else(|| step.key("depends_on"))
    {
        for item in checker.tree.items(key.value) {
            if !checker.tree.is_scalar(item) && !checker.is_null(item) && !checker.is_error(item) {
                let range = checker.token(item);
                checker.report(codes::WRONG_SHAPE, range, "a dependency is the id of a step");
            }
        }
    }
}

fn unknown_dependency(checker: &mut Checker<'_>, step: &Step, id: &str, range: TextRange) {
    if checker.lost(id) {
        return;
    }
    if let Some(elsewhere) = checker.scopes.anywhere(id)
        && let Some(parent) = checker.scopes.parent(elsewhere)
    {
        let outer = checker.id_of(parent);
        let message = format!("`{id}` runs inside the loop `{outer}`; depend on `{outer}`");
        checker
            .report(codes::UNKNOWN_DEPENDENCY, range, message)
            .fix(format!("Change to `{outer}`"), vec![TextEdit::replace(range, outer)]);
        return;
    }
    // One that waits for this step, or is named already, cannot have been meant.
    let candidate = near_step(checker, step, id).filter(|name| {
        let scope = checker.scopes.parent(step.index);
        let other = checker.scopes.visible_step(scope, name);
        other.is_some_and(|other| !checker.facts.graph.waits_for(other, step.index))
            && step.dependencies.iter().all(|named| named.value != *name)
    });
    checker.report(codes::UNKNOWN_DEPENDENCY, range, format!("no step is called `{id}`")).suggest(candidate);
}

/// The step that `step` sees whose id is nearest to `id`.
fn near_step<'f>(checker: &Checker<'f>, step: &Step, id: &str) -> Option<&'f str> {
    let mut scope = checker.scopes.parent(step.index);
    loop {
        let siblings = match scope {
            Some(parent) => &checker.scopes.step(parent).body,
            None => &checker.facts.pipeline.steps,
        };
        let ids = siblings.iter().filter(|sibling| sibling.index != step.index).map(Step::id_text);
        if let Some(found) = did_you_mean(id, ids.filter(|id| !id.is_empty())) {
            return Some(found);
        }
        scope = checker.scopes.parent(scope?);
    }
}

fn routes(checker: &mut Checker<'_>, step: &Step) {
    for route in &step.routes {
        let id = &*route.target.value;
        let key = route.key;
        let range = route.target.range;
        let scope = checker.scopes.parent(step.index);
        let Some(target) = checker.scopes.in_scope(scope, id) else {
            if checker.lost(id) {
                continue;
            }
            let mut message = format!("`{key}` leads to `{id}`, but no step is called that");
            if checker.scopes.anywhere(id).is_some() {
                message =
                    format!("`{key}` leads to `{id}`, which is in another scope; a route stays among its siblings");
            }
            let policies = ["fail", "continue", "skip", "retry"];
            let policy = if key == "on_failure" { did_you_mean(id, policies) } else { None };
            let candidate = near_step(checker, step, id).or(policy);
            checker.report(codes::UNKNOWN_ROUTE, range, message).suggest(candidate);
            continue;
        };
        if target == step.index {
            let message = format!("`{key}` leads back to `{id}` itself; to repeat a step use `while` or `retry`");
            checker.report(codes::BACKWARD_ROUTE, range, message);
        } else if checker.facts.graph.waits_for(step.index, target) {
            let message = format!(
                "`{key}` leads backward: `{}` waits for `{id}`; routes lead forward, to repeat use `while`",
                step.id_text()
            );
            checker.report(codes::BACKWARD_ROUTE, range, message);
        }
    }
}

/// References that make a step wait although its dependencies do not say so.
fn undeclared(checker: &mut Checker<'_>, step: &Step) {
    let mut missing: IndexMap<StepIndex, &Edge> = IndexMap::new();
    for edge in checker.facts.graph.incoming(step.index) {
        // The declared edge of a pair comes first.
        if edge.origin == Origin::Declared {
            missing.insert(edge.from, edge);
        } else {
            missing.entry(edge.from).or_insert(edge);
        }
    }
    missing.retain(|_, edge| edge.origin != Origin::Declared);
    if missing.is_empty() || step.dynamic_dependencies.is_some() {
        return;
    }
    missing.sort_by(|_, one, _, other| one.range.start().cmp(&other.range.start()));
    let ids: Vec<&str> = missing.keys().map(|from| checker.id_of(*from)).collect();
    let edit = edits::add_dependencies(checker.tree, step, &ids);
    let title = match &ids[..] {
        [one] => format!("Add `{one}` to the dependencies"),
        _ => "Add them to the dependencies".to_owned(),
    };
    for (at, (from, edge)) in missing.iter().enumerate() {
        let id = checker.id_of(*from);
        let message = format!("`{}` waits for `{id}` by this reference; name it in `dependencies` too", step.id_text());
        let diagnostic = checker.report(codes::UNDECLARED_DEPENDENCY, edge.range, message);
        if let Some(edit) = edit.clone() {
            // All of a step's are mended by one edit, which must not be made twice unasked.
            if at == 0 {
                diagnostic.safe_fix(title.clone(), vec![edit]);
            } else {
                diagnostic.fix(title.clone(), vec![edit]);
            }
        }
    }
}

fn cycles(checker: &mut Checker<'_>) {
    for cycle in &checker.facts.graph.cycles {
        // Told from the waiting side: `a` waits for `b`, which waits for `a`.
        let mut path: Vec<&Edge> = cycle.iter().rev().collect();
        let Some(first) = (0..path.len()).min_by_key(|at| path[*at].to) else { continue };
        path.rotate_left(first);
        let mut names: Vec<&str> = path.iter().map(|edge| checker.id_of(edge.to)).collect();
        names.push(names[0]);
        let arrows = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ");
        let related: Vec<(TextRange, String)> = path
            .iter()
            .map(|edge| {
                (edge.range, format!("`{}` waits for `{}` here", checker.id_of(edge.to), checker.id_of(edge.from)))
            })
            .collect();
        let message = format!("the steps wait for each other: {arrows}; remove one of these dependencies");
        let diagnostic = checker.report(codes::CYCLE, path[0].range, message);
        for (range, message) in related {
            diagnostic.related(range, message);
        }
    }
}

/// Steps that an unconditional `goto` always jumps over.
fn unreachable(checker: &mut Checker<'_>) {
    let graph = checker.facts.graph;
    let mut position = rustc_hash::FxHashMap::default();
    for (at, step) in graph.levels.iter().flatten().enumerate() {
        position.insert(*step, at);
    }
    for step in &checker.facts.pipeline.steps {
        let Some(route) = step.routes.iter().find(|route| route.key == "goto") else { continue };
        let always = step.condition.is_none() && step.on_failure.is_none() && step.routes.len() == 1;
        let Some(target) = checker.scopes.in_scope(None, &route.target.value).filter(|_| always) else { continue };
        let (Some(from), Some(to)) = (position.get(&step.index), position.get(&target)) else { continue };
        let skipped: Vec<StepIndex> = graph
            .dependants(step.index)
            .into_iter()
            .filter(|step| position.get(step).is_some_and(|at| from < at && at < to))
            .collect();
        for index in skipped {
            let head = checker.head(checker.scopes.step(index));
            let message = format!(
                "`{}` never runs: `{}` always goes on at `{}`",
                checker.id_of(index),
                step.id_text(),
                route.target.value
            );
            checker
                .report(codes::UNREACHABLE, head, message)
                .unnecessary()
                .related(route.target.range, "the route is here");
        }
    }
}
