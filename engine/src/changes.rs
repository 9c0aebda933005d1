//! How a pipeline differs from an earlier text of it. Comments and layout are no difference.

use indexmap::IndexMap;
use lang::analysis::Analysis;
use serde_json::Value;

/// The steps of the root that differ, by id, in order of declaration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Steps that were not there before.
    pub added: Vec<String>,
    /// Steps that say something else than before.
    pub changed: Vec<String>,
    /// Steps that are gone.
    pub removed: Vec<String>,
    /// Something beside the steps differs that they may depend on: inputs, the model, settings.
    pub root: bool,
    /// The outputs differ.
    pub outputs: bool,
}

impl Changes {
    /// What became of `before`.
    pub fn between(before: &Analysis, after: &Analysis) -> Self {
        let (old, new) = (steps(before), steps(after));
        Self {
            added: new.keys().filter(|id| !old.contains_key(*id)).cloned().collect(),
            changed: new
                .iter()
                .filter(|(id, step)| old.get(*id).is_some_and(|old| old != *step))
                .map(|(id, _)| id.clone())
                .collect(),
            removed: old.keys().filter(|id| !new.contains_key(*id)).cloned().collect(),
            root: root(before) != root(after),
            outputs: outputs(before) != outputs(after),
        }
    }

    /// Whether nothing that counts has changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn steps(analysis: &Analysis) -> IndexMap<String, Option<Value>> {
    let tree = &analysis.parse().tree;
    let steps = analysis.pipeline().steps.iter();
    steps.map(|step| (step.id_text().to_owned(), tree.to_json(step.node))).collect()
}

/// What stands beside the steps and says how they run; names and descriptions are for people.
fn root(analysis: &Analysis) -> Vec<(String, Option<Value>)> {
    let tree = &analysis.parse().tree;
    let keys = analysis.pipeline().keys.iter();
    let acting = keys.filter(|key| !matches!(&*key.name, "steps" | "outputs" | "name" | "description" | "version"));
    acting.map(|key| (key.name.clone(), tree.to_json(key.value))).collect()
}

fn outputs(analysis: &Analysis) -> Option<Value> {
    let written = analysis.pipeline().keys.iter().find(|key| key.name == "outputs")?;
    analysis.parse().tree.to_json(written.value)
}
