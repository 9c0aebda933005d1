//! Pipelines that steps run: whether they are there, what they are given, what is taken from them
//! (412–416).

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Link, LinkKind, Resolved, Workspace};
use crate::{
    analysis::Analysis,
    check::{Diagnostic, Related, Severity, codes, values},
    model::{
        Input, KeyUse, Step,
        lower::{content_range, find, key_uses},
    },
    registry::{did_you_mean, types},
    shape::written_type,
    syntax::{Scalar, Tree},
};

pub(super) fn check(analysis: &Analysis, workspace: &Workspace, links: &[Link], found: &mut Vec<Diagnostic>) {
    let steps = analysis.pipeline().all_steps();
    for link in links.iter().filter(|link| link.kind == LinkKind::Pipeline) {
        let Some(step) = link.step.and_then(|index| steps.get(index.0 as usize)) else { continue };
        match child(workspace, &link.written) {
            Child::Pipeline(path, child) => {
                broken(&link.written, &path, &child, link, found);
                given(analysis, step, link, &child, found);
                taken(analysis, step, link, &child, found);
            }
            Child::Other => {
                let message = format!("`{}` is no pipeline", link.written);
                found.push(Diagnostic::new(codes::NOT_A_PIPELINE, link.range, message));
            }
            Child::Missing(expected) => {
                found.push(Diagnostic::new(codes::MISSING_PIPELINE, link.range, expected.message(&link.written)));
            }
        }
    }
}

/// What a step's `pipeline` leads to.
pub(super) enum Child {
    Pipeline(Utf8PathBuf, Arc<Analysis>),
    Other,
    Missing(Expected),
}

/// What a child that is missing was named by.
pub(super) enum Expected {
    Path,
    Outside,
    Id,
}

impl Expected {
    fn message(&self, written: &str) -> String {
        match self {
            Self::Path => {
                format!("the pipeline `{written}` does not exist beside this one or in the working directory")
            }
            Self::Outside => format!("the pipeline `{written}` is outside of the workspace; move it in"),
            Self::Id => format!("no pipeline of this workspace has the id `{written}`, and no file has the name"),
        }
    }
}

/// The pipeline that `written`, a path or an id, names, and its file; why there is none otherwise.
pub fn pipeline(workspace: &Workspace, written: &str) -> Result<(Utf8PathBuf, Arc<Analysis>), String> {
    match child(workspace, written) {
        Child::Pipeline(path, analysis) => Ok((path, analysis)),
        Child::Other => Err(format!("`{written}` is no pipeline")),
        Child::Missing(expected) => Err(expected.message(written)),
    }
}

/// The pipeline that `written`, a path or an id, names.
pub(super) fn child(workspace: &Workspace, written: &str) -> Child {
    let pipeline = |path: Utf8PathBuf| match workspace.files.analysis(&path) {
        Some(analysis) if analysis.recognised().is_some() => Child::Pipeline(path, analysis),
        _ => Child::Other,
    };
    match workspace.resolve(written) {
        Resolved::Found(path) => return pipeline(path),
        Resolved::Missing if is_path(written) => return Child::Missing(Expected::Path),
        Resolved::Outside => return Child::Missing(Expected::Outside),
        Resolved::Missing => {}
    }
    let named =
        ["yaml", "yml"].into_iter().find_map(|ending| match workspace.resolve(&format!("{written}.{ending}")) {
            Resolved::Found(path) => Some(path),
            _ => None,
        });
    if let Some(path) = named {
        return pipeline(path);
    }
    let of_id = workspace.files.pipelines(&workspace.root).into_iter().find_map(|path| {
        let analysis = workspace.files.analysis(&path)?;
        (analysis.pipeline().id_text() == written).then_some(Child::Pipeline(path, analysis))
    });
    of_id.unwrap_or(Child::Missing(Expected::Id))
}

fn is_path(written: &str) -> bool {
    written.contains('/') || matches!(Utf8Path::new(written).extension(), Some("yaml" | "yml"))
}

/// The child's own errors, by which the step would fail.
fn broken(written: &str, path: &Utf8Path, child: &Analysis, link: &Link, found: &mut Vec<Diagnostic>) {
    let errors: Vec<&Diagnostic> =
        child.own_diagnostics().iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
    let Some(first) = errors.first() else { return };
    let count = if errors.len() == 1 { "an error".to_owned() } else { format!("{} errors", errors.len()) };
    let mut diagnostic = Diagnostic::new(
        codes::BROKEN_CHILD,
        link.range,
        format!("`{written}` has {count}, so the step will fail: {}", first.message),
    );
    diagnostic.related = errors
        .iter()
        .take(10)
        .map(|error| Related { message: error.message.clone(), range: error.range, file: Some(path.to_owned()) })
        .collect();
    found.push(diagnostic);
}

fn parameter<'s>(step: &'s Step, name: &str) -> Option<&'s KeyUse> {
    find(&step.parameters, name)
}

/// The inputs the child is given: known, of the declared type, and all that must be there.
fn given(analysis: &Analysis, step: &Step, link: &Link, child: &Analysis, found: &mut Vec<Diagnostic>) {
    let tree = &analysis.parse().tree;
    let inputs = &child.pipeline().inputs;
    let key = parameter(step, "inputs");
    let given = key.map(|key| key_uses(tree, key.value)).unwrap_or_default();
    for one in &given {
        match inputs.get(&one.name) {
            Some(input) => {
                if let Some(message) = misfit(analysis, one, input) {
                    let range = content_range(tree, one.value);
                    found.push(Diagnostic::new(codes::CHILD_INPUT, range, message));
                }
            }
            None => {
                let candidate = did_you_mean(&one.name, inputs.keys().map(String::as_str));
                let message = format!("`{}` declares no input `{}`", link.written, one.name);
                let mut diagnostic = Diagnostic::new(codes::CHILD_INPUT, one.range, message);
                diagnostic.severity = Severity::Warning;
                diagnostic.suggest(candidate);
                found.push(diagnostic);
            }
        }
    }
    // What is filled in later may hold anything.
    let open = key.is_some_and(|key| !tree.is_mapping(key.value));
    let inherits =
        parameter(step, "inherit_context").is_none_or(|key| tree.scalar(key.value) != Some(Scalar::Bool(false)));
    for input in inputs.values().filter(|input| input.required && input.default.is_none()) {
        let name = &input.name.value;
        let inherited = inherits && analysis.pipeline().inputs.contains_key(name);
        if open || inherited || given.iter().any(|one| one.name == *name) {
            continue;
        }
        let range = key.map_or(link.range, |key| key.range);
        let message = format!("`{}` needs the input `{name}`; add it beneath `inputs`", link.written);
        found.push(Diagnostic::new(codes::CHILD_INPUT, range, message));
    }
}

/// Why a literal cannot be the value of `input`.
fn misfit(analysis: &Analysis, one: &KeyUse, input: &Input) -> Option<String> {
    let tree: &Tree = &analysis.parse().tree;
    if analysis.templates().contains_key(&tree.resolve(one.value)) {
        return None;
    }
    let wanted = types::types_named(&input.type_name.as_ref()?.value)?;
    let is = written_type(tree, one.value)?;
    let name = &input.type_name.as_ref()?.value;
    (!values::fits(is, wanted)).then(|| format!("the type of `{}` is `{name}`, not {}", one.name, values::noun(is)))
}

/// The outputs that are taken from the child.
fn taken(analysis: &Analysis, step: &Step, link: &Link, child: &Analysis, found: &mut Vec<Diagnostic>) {
    let tree = &analysis.parse().tree;
    let Some(key) = parameter(step, "output_mapping") else { return };
    let outputs: Vec<&str> = child.pipeline().outputs.iter().map(|output| &*output.name.value).collect();
    for one in key_uses(tree, key.value) {
        if outputs.contains(&one.name.as_str()) {
            continue;
        }
        let candidate = did_you_mean(&one.name, outputs.iter().copied());
        let mut message = format!("`{}` has no output `{}`", link.written, one.name);
        if candidate.is_none() && !outputs.is_empty() {
            message.extend([format!("; it has {}", values::coded(outputs.iter().copied()).replace(" or ", " and "))]);
        }
        let mut diagnostic = Diagnostic::new(codes::CHILD_OUTPUT, one.range, message);
        diagnostic.suggest(candidate);
        found.push(diagnostic);
    }
}
