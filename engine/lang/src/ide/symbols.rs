//! The outline.

use text_size::TextRange;

use super::{Symbol, SymbolKind};
use crate::{
    analysis::Analysis,
    model::{KeyUse, Pipeline, Step},
};

/// The outline of a document: the pipeline, and in it inputs, steps with their bodies, and outputs.
/// Ranges nest. What is damaged stays in the outline with what can be read of it.
pub fn symbols(analysis: &Analysis) -> Vec<Symbol> {
    let pipeline = analysis.pipeline();
    if pipeline.keys.is_empty() {
        return Vec::new();
    }
    let tree = &analysis.parse().tree;
    let mut groups: Vec<Symbol> = Vec::new();
    for key in &pipeline.keys {
        let children = match key.name.as_str() {
            "inputs" | "parameters" => inputs(analysis, pipeline, key),
            "steps" => pipeline.steps.iter().map(step).collect(),
            "outputs" => outputs(analysis, pipeline),
            _ => continue,
        };
        let range = key.range.cover(tree.range(key.value));
        let detail = match children.len() {
            0 => String::new(),
            count => count.to_string(),
        };
        groups.push(Symbol {
            name: key.name.clone(),
            detail,
            kind: SymbolKind::Group,
            range,
            selection: key.range,
            children,
        });
    }
    let named = pipeline.name.as_ref().or(pipeline.id.as_ref());
    let first = pipeline.keys[0].range;
    let mut root = Symbol {
        name: named.map_or_else(|| "pipeline".to_owned(), |name| name.value.clone()),
        detail: String::new(),
        kind: SymbolKind::Pipeline,
        range: tree.range(pipeline.node),
        selection: named.map_or(first, |name| name.range),
        children: groups,
    };
    fit(&mut root);
    vec![root]
}

fn inputs(analysis: &Analysis, pipeline: &Pipeline, section: &KeyUse) -> Vec<Symbol> {
    let tree = &analysis.parse().tree;
    let inside = tree.range(section.value);
    pipeline
        .inputs
        .values()
        .filter(|input| inside.contains_range(input.name.range))
        .map(|input| Symbol {
            name: input.name.value.clone(),
            detail: input.type_name.as_ref().map(|name| name.value.clone()).unwrap_or_default(),
            kind: SymbolKind::Input,
            range: input.name.range.cover(tree.range(input.node)),
            selection: input.name.range,
            children: Vec::new(),
        })
        .collect()
}

fn outputs(analysis: &Analysis, pipeline: &Pipeline) -> Vec<Symbol> {
    let tree = &analysis.parse().tree;
    pipeline
        .outputs
        .iter()
        .map(|output| Symbol {
            name: output.name.value.clone(),
            detail: String::new(),
            kind: SymbolKind::Output,
            range: output.name.range.cover(tree.range(output.value)),
            selection: output.name.range,
            children: Vec::new(),
        })
        .collect()
}

/// A step, with the steps of its body.
pub(super) fn step(step: &Step) -> Symbol {
    let words = [&step.tool, &step.action].map(|word| word.as_ref().map(|word| first_line(&word.value)));
    let detail = words.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let (name, selection) = match (&step.id, step.keys.first()) {
        (Some(id), _) => (id.value.clone(), id.range),
        (None, Some(key)) => ("(no id)".to_owned(), key.range),
        (None, None) => ("(no id)".to_owned(), TextRange::empty(step.range.start())),
    };
    Symbol {
        name,
        detail,
        kind: if step.loops.is_some() { SymbolKind::Loop } else { SymbolKind::Step },
        range: step.range,
        selection,
        children: step.body.iter().map(self::step).collect(),
    }
}

/// Sentences may stand as actions; the outline shows their beginning.
fn first_line(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.char_indices().nth(60).map_or(line, |(end, _)| &line[..end])
}

/// Widens ranges so that each holds its selection and its children.
fn fit(symbol: &mut Symbol) {
    symbol.range = symbol.range.cover(symbol.selection);
    for child in &mut symbol.children {
        fit(child);
        symbol.range = symbol.range.cover(child.range);
    }
}
