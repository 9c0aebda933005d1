//! Inside `{{ }}`, `{% %}` and bare conditions: names, fields, filters, tests, statements.

use text_size::{TextRange, TextSize};

use super::{Completion, CompletionKind, Request, item, spot};
use crate::{
    model::{
        Step, StepIndex,
        lower::sites,
        scope::{Binding, Scopes},
    },
    registry::{FieldSpec, names},
    syntax::NodeKind,
    template::{
        self, Reading,
        context::{Expects, ExprContext},
    },
};

pub(super) fn complete(request: &Request<'_>, bare: bool) -> Vec<Completion> {
    let text = request.analysis.text();
    let tree = &request.analysis.parse().tree;
    let node = tree.node_at(request.offset);
    let scalar = matches!(tree.kind(node), NodeKind::Scalar(_)).then(|| tree.range(node));
    let windows = [scalar.filter(|range| range.contains_inclusive(request.offset)), Some(line(text, request.offset))];
    let found = windows.into_iter().flatten().find_map(|window| {
        let context = template::context_at(&text[window], request.offset - window.start())?;
        Some((window.start(), context))
    });
    let (base, context) = match found {
        Some(found) => found,
        None if bare => {
            let window = TextRange::new(request.cursor.word.start(), request.cursor.word.end());
            let before = value_start(text, window.start());
            (
                before,
                template::condition_context_at(&text[TextRange::new(before, window.end())], request.offset - before),
            )
        }
        None => return Vec::new(),
    };
    let word = context.word + base;
    match &context.expects {
        Expects::Name => variables(request, word, &context),
        Expects::Field(path) => fields(request, word, path),
        Expects::Filter => names::filters()
            .iter()
            .map(|filter| function(filter.name, filter.doc, &filter.signature, word, 0))
            .collect(),
        Expects::Test => {
            names::tests().iter().map(|test| function(test.name, test.doc, &test.signature, word, 0)).collect()
        }
        Expects::Statement => template::statement_words()
            .iter()
            .enumerate()
            .map(|(rank, name)| {
                item((*name).to_owned(), CompletionKind::Keyword, word, (*name).to_owned(), rank as u32)
            })
            .collect(),
        Expects::Nothing => Vec::new(),
    }
}

fn line(text: &str, offset: TextSize) -> TextRange {
    let at = usize::from(offset);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    TextRange::new(TextSize::new(start as u32), TextSize::new(end as u32))
}

/// Where the value on the line of `offset` begins.
fn value_start(text: &str, offset: TextSize) -> TextSize {
    let start = usize::from(line(text, offset).start());
    let before = &text[start..usize::from(offset)];
    let value = before.find(": ").map_or(0, |at| at + 2);
    let quote = usize::from(before[value..].starts_with(['"', '\'']));
    TextSize::new((start + value + quote) as u32)
}

fn function(name: &str, doc: &str, signature: &names::Signature, word: TextRange, rank: u32) -> Completion {
    let mut found = item(name.to_owned(), CompletionKind::Function, word, name.to_owned(), rank);
    found.detail = signature.describe(name);
    doc.clone_into(&mut found.documentation);
    found
}

fn variables(request: &Request<'_>, word: TextRange, context: &ExprContext) -> Vec<Completion> {
    let named = |name: &str, kind, rank| item(name.to_owned(), kind, word, name.to_owned(), rank);
    let mut found: Vec<Completion> =
        context.locals.iter().map(|name| named(name, CompletionKind::Variable, 0)).collect();
    let pipeline = request.analysis.pipeline();
    let scopes = Scopes::new(pipeline, &request.analysis.parse().tree);
    let own = own_step(request, scopes.steps()).map(|step| step.index);
    for (name, binding) in scopes.visible(&site(request, own)) {
        let (kind, rank, detail, doc) = match binding {
            Binding::Step(index) if Some(index) == own => continue,
            Binding::Step(_) | Binding::Item(..) => (CompletionKind::Step, 3, "step", ""),
            Binding::Loop(_, variable) => (CompletionKind::Variable, 1, "loop", variable.doc),
            Binding::Named(_) => (CompletionKind::Variable, 1, "loop", ""),
            Binding::Input(_) => (CompletionKind::Variable, 2, "input", ""),
            Binding::Inputs => (CompletionKind::Variable, 4, "all inputs", ""),
            Binding::Runtime(runtime) => (CompletionKind::Variable, 4, "run", runtime.doc),
            Binding::Global(global) => {
                let mut function = function(global.name, global.doc, &global.signature, word, 5);
                function.deprecated = global.deprecated.is_some();
                found.push(function);
                continue;
            }
        };
        let mut variable = named(name, kind, rank);
        detail.clone_into(&mut variable.detail);
        doc.clone_into(&mut variable.documentation);
        variable.deprecated = matches!(binding, Binding::Runtime(runtime) if runtime.deprecated.is_some());
        found.push(variable);
    }
    found
}

fn own_step<'p>(request: &Request<'_>, steps: &[&'p Step]) -> Option<&'p Step> {
    request.located.step.and_then(|start| spot::step_at(request.analysis, steps, start))
}

/// The place of the cursor as the scopes know it.
fn site(request: &Request<'_>, step: Option<StepIndex>) -> sites::Site {
    let place = match &request.cursor.slot {
        _ if step.is_none() => sites::Place::Output,
        crate::syntax::cursor::Slot::Value { key } if matches!(key.as_str(), "while" | "until" | "while_condition") => {
            sites::Place::Condition
        }
        _ => sites::Place::Body,
    };
    let node = request.analysis.parse().tree.node_at(request.offset);
    sites::Site { node, reading: Reading::Template, step, place }
}

/// The fields after a dot.
fn fields(request: &Request<'_>, word: TextRange, path: &[String]) -> Vec<Completion> {
    let Some((root, rest)) = path.split_first() else { return Vec::new() };
    let pipeline = request.analysis.pipeline();
    let plain = |name: &str, doc: &str, kind, rank: usize| {
        let mut found = item(name.to_owned(), kind, word, name.to_owned(), rank as u32);
        doc.clone_into(&mut found.documentation);
        found
    };
    if matches!(root.as_str(), "inputs" | "parameters") && rest.is_empty() {
        return pipeline
            .inputs
            .keys()
            .enumerate()
            .map(|(rank, name)| plain(name, "", CompletionKind::Variable, rank))
            .collect();
    }
    let steps = pipeline.all_steps();
    let step = steps.iter().find(|step| step.id_text() == root.as_str());
    let Some(step) = step else {
        let runtime = names::runtime_names().iter().find(|name| name.name == root.as_str() && rest.is_empty());
        let fields = runtime.map_or(&[][..], |runtime| runtime.fields).iter().enumerate();
        return fields.map(|(rank, (name, doc))| plain(name, doc, CompletionKind::Field, rank)).collect();
    };
    match rest.split_first() {
        None => [
            ("result", "What the step gave back."),
            ("status", "`completed`, `failed` or `skipped`."),
            ("success", "Whether it succeeded."),
            ("error", "Why it failed; none if it did not."),
        ]
        .iter()
        .enumerate()
        .map(|(rank, (name, doc))| plain(name, doc, CompletionKind::Field, rank))
        .collect(),
        Some((first, rest)) if first == "result" => {
            if step.loops.is_some() {
                let names = ["count", "results", "succeeded", "failed"];
                let names = if rest.is_empty() { &names[..] } else { &[] };
                return names
                    .iter()
                    .enumerate()
                    .map(|(rank, name)| plain(name, "", CompletionKind::Field, rank))
                    .collect();
            }
            let actor = spot::Actor::of(
                request.analysis,
                step.tool.as_ref().map(|tool| &*tool.value),
                step.action.as_ref().map(|action| &*action.value),
                &step.parameters,
            );
            let target = actor.target(request.analysis);
            let Some(output) = spot::output(&target) else { return Vec::new() };
            let fields = field_at(&output.fields, rest);
            fields
                .iter()
                .enumerate()
                .map(|(rank, field)| plain(&field.name, &field.doc, CompletionKind::Field, rank))
                .collect()
        }
        Some(_) => Vec::new(),
    }
}

/// The members that a path through fields leads to; a number is an item of a list.
fn field_at<'r>(fields: &'r [FieldSpec], path: &[String]) -> &'r [FieldSpec] {
    let mut fields = fields;
    let mut items: &[FieldSpec] = &[];
    for part in path {
        if part.trim_start_matches('-').parse::<u64>().is_ok() {
            fields = items;
            items = &[];
        } else {
            let Some(field) = fields.iter().find(|field| field.name == *part) else { return &[] };
            fields = &field.fields;
            items = &field.items;
        }
    }
    fields
}
