//! Inside `{{ }}`, `{% %}` and bare conditions: names, fields, filters, tests, statements.

use text_size::{TextRange, TextSize};

use super::{
    Completion, CompletionKind, Request, item,
    keys::type_names,
    spot,
    values::{distance, waiting_for},
};
use crate::{
    model::{
        Step, StepIndex,
        lower::sites,
        scope::{Binding, Scopes},
    },
    registry::{LoopConstruct, names, usage},
    shape::{Followed, Part, Shape},
    syntax::NodeKind,
    template::{
        self, Reading,
        context::{Expects, ExprContext},
    },
};

pub(super) fn complete(request: &Request<'_>, bare: bool) -> Vec<Completion> {
    let Some((context, word)) = context(request, bare) else { return Vec::new() };
    match &context.expects {
        Expects::Name => {
            let mut found = variables(request, word, &context);
            // A condition is often a constant.
            let constants = ["true", "false"].into_iter().filter(|_| bare);
            found.extend(
                constants.map(|name| item(name.to_owned(), CompletionKind::Keyword, word, name.to_owned(), 59_999)),
            );
            found
        }
        Expects::Field(path) => fields(request, word, path, &context),
        Expects::Filter => names::filters()
            .iter()
            .enumerate()
            .map(|(index, filter)| {
                let rank = usage::place(usage::FILTERS, filter.name, index);
                function(filter.name, filter.doc, &filter.signature, word, rank)
            })
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

/// What is being typed, and the word's place in the file.
fn context(request: &Request<'_>, bare: bool) -> Option<(ExprContext, TextRange)> {
    in_scalar(request, bare).or_else(|| in_line(request, bare))
}

/// The same where the scalar could be read: its escapes and folds are undone.
fn in_scalar(request: &Request<'_>, bare: bool) -> Option<(ExprContext, TextRange)> {
    let tree = &request.analysis.parse().tree;
    let node = tree.node_at(request.offset);
    let is_value =
        matches!(tree.kind(node), NodeKind::Scalar(_)) && tree.range(node).contains_inclusive(request.offset);
    if !is_value || tree.range(node).is_empty() {
        return None;
    }
    let decoded = tree.decoded(node);
    let offset = decoded.text_offset(request.offset)?;
    let context = match template::context_at(&decoded.text, offset) {
        Some(context) => context,
        None if bare => template::condition_context_at(&decoded.text, offset),
        None => return None,
    };
    // A cursor in the indentation of a line has the word behind that beside it in the scalar, but not
    // in the file.
    let word = decoded.source_range(context.word);
    let here = !context.word.is_empty() && word.contains_inclusive(request.offset);
    Some((context, if here { word } else { TextRange::empty(request.offset) }))
}

/// The same read from the line alone, where the text is broken.
fn in_line(request: &Request<'_>, bare: bool) -> Option<(ExprContext, TextRange)> {
    let text = request.analysis.text();
    let line = line(text, request.offset);
    let plain = match request.cursor.quote {
        // As wide as before, so that places stay true.
        Some('"') => text[line].replace("\\\"", " \""),
        _ => text[line].to_owned(),
    };
    let at = request.offset - line.start();
    if let Some(context) = template::context_at(&plain, at) {
        let word = context.word + line.start();
        return Some((context, word));
    }
    if !bare {
        return None;
    }
    let start = value_start(&plain, at);
    let end = request.cursor.word.end().max(request.offset).min(line.end()) - line.start();
    let context = template::condition_context_at(&plain[TextRange::new(start, end)], at - start);
    let word = context.word + start + line.start();
    Some((context, word))
}

fn line(text: &str, offset: TextSize) -> TextRange {
    let at = usize::from(offset);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    TextRange::new(TextSize::new(start as u32), TextSize::new(end as u32))
}

/// Where the value on a line begins, before `offset`.
fn value_start(line: &str, offset: TextSize) -> TextSize {
    let before = &line[..usize::from(offset)];
    let value = before.find(": ").map_or(0, |at| at + 2);
    let quote = usize::from(before[value..].starts_with(['"', '\'']));
    TextSize::new((value + quote) as u32)
}

fn function(name: &str, doc: &str, signature: &names::Signature, word: TextRange, rank: u32) -> Completion {
    let mut found = item(name.to_owned(), CompletionKind::Function, word, name.to_owned(), rank);
    found.detail = signature.describe(name);
    doc.clone_into(&mut found.documentation);
    // What takes nothing is seldom called.
    found.commits = if signature.params.is_empty() { "" } else { "(" };
    found
}

fn variables(request: &Request<'_>, word: TextRange, context: &ExprContext) -> Vec<Completion> {
    let named = |name: &str, kind, rank| item(name.to_owned(), kind, word, name.to_owned(), rank);
    let mut found: Vec<Completion> =
        context.locals.iter().map(|(name, _)| named(name, CompletionKind::Variable, 0)).collect();
    let pipeline = request.analysis.pipeline();
    let scopes = request.analysis.scopes();
    let site = site(request, scopes.steps());
    let waiting = site.step.map(|own| waiting_for(request, own)).unwrap_or_default();
    let awaited = awaited(request, &scopes, site.step);
    let here = site.step.unwrap_or(StepIndex(scopes.steps().len() as u32));
    for (mut index, (name, binding)) in scopes.visible(&site).into_iter().enumerate() {
        if !is_name(name) || context.locals.iter().any(|(local, _)| local == name) {
            continue;
        }
        let (kind, rank, detail, doc) = match binding {
            Binding::Step(_) if site.place == sites::Place::Input => continue,
            Binding::Step(index) if holds(&scopes, index, site.step) => continue,
            Binding::Step(index) if waiting.get(index.0 as usize).copied().unwrap_or_default() => continue,
            Binding::Step(step) => {
                let (behind, far) = distance(Some(here), step);
                index = if behind { 5_000 } else { 0 } + far.min(4_999) as usize;
                (CompletionKind::Step, if awaited.contains(&step) { 2 } else { 4 }, "step", "")
            }
            Binding::Item(..) => (CompletionKind::Step, 2, "step", ""),
            Binding::Loop(_, variable) => (CompletionKind::Variable, 1, "loop", variable.doc),
            Binding::Named(_) | Binding::State(_) => (CompletionKind::Variable, 1, "loop", ""),
            Binding::Input(name) => {
                let description = pipeline.inputs.get(name).and_then(|input| input.description.as_deref());
                (CompletionKind::Variable, 3, "input", description.unwrap_or_default())
            }
            Binding::Inputs => (CompletionKind::Variable, 5, "all inputs", ""),
            Binding::Runtime(runtime) => (CompletionKind::Variable, 5, "run", runtime.doc),
            Binding::Global(global) => {
                let rank = if global.deprecated.is_some() { 70_000 } else { 60_000 };
                let mut function = function(global.name, global.doc, &global.signature, word, rank);
                function.deprecated = global.deprecated.is_some();
                found.push(function);
                continue;
            }
        };
        let deprecated = matches!(binding, Binding::Runtime(runtime) if runtime.deprecated.is_some());
        // Within its kind each name keeps its place: that of the file, or of the table; steps are
        // ordered by how near they are.
        let place = if deprecated { 9_999 } else { index.min(9_998) as u32 };
        let mut variable = named(name, kind, rank * 10_000 + place);
        variable.deprecated = deprecated;
        detail.clone_into(&mut variable.detail);
        variable.commits = ".";
        doc.clone_into(&mut variable.documentation);
        found.push(variable);
    }
    found
}

/// The steps that the step at the cursor, or a loop around it, waits for anyway: most likely one of
/// them is meant.
fn awaited(request: &Request<'_>, scopes: &Scopes<'_>, own: Option<StepIndex>) -> Vec<StepIndex> {
    let around = std::iter::successors(own, |step| scopes.parent(*step));
    around.flat_map(|step| request.analysis.graph().dependencies(step)).collect()
}

/// Whether the step `outer` is a loop around `inner` that gives nothing back before it ended; a
/// `while` loop shows its iterations so far.
fn holds(scopes: &Scopes<'_>, outer: StepIndex, inner: Option<StepIndex>) -> bool {
    let around = inner.and_then(|inner| scopes.ancestor_in(inner, scopes.parent(outer))) == Some(outer);
    around && inner != Some(outer) && scopes.step(outer).loops != Some(LoopConstruct::While)
}

/// Whether `name` reads as one name in an expression; a hyphen would be a minus.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_alphanumeric() || character == '_')
}

/// The place of the cursor as the scopes know it.
fn site(request: &Request<'_>, steps: &[&Step]) -> sites::Site {
    let (path, key) = (&request.cursor.path, request.cursor.key.as_deref());
    let (step, place) = spot::surroundings(request.analysis, steps, &request.located, path, key);
    let node = request.analysis.parse().tree.node_at(request.offset);
    sites::Site { node, reading: Reading::Template, step, place }
}

/// The fields after a dot.
fn fields(request: &Request<'_>, word: TextRange, path: &[String], context: &ExprContext) -> Vec<Completion> {
    let Some((root, rest)) = path.split_first() else { return Vec::new() };
    let scopes = request.analysis.scopes();
    let shapes = request.analysis.shapes(&scopes);
    let site = site(request, scopes.steps());
    let mut at = match context.locals.iter().find(|(local, _)| local == root) {
        Some((name, None)) if name == "loop" => return jinja_loop(word),
        Some((_, None)) => return Vec::new(),
        Some((_, Some(origin))) => shapes.of_origin(&site, origin),
        None => match scopes.resolve(&site, root) {
            Some(binding) => shapes.of_binding(&binding),
            None => return Vec::new(),
        },
    };
    for part in rest {
        let part = match part.trim_start_matches('-').parse::<u64>() {
            Ok(_) => Part::Item,
            Err(_) => Part::Name(part),
        };
        let Followed::To(next) = shapes.follow(at, part) else { return Vec::new() };
        at = next;
    }
    // What a step gave back may be named at the step; it is written in full.
    let result = match (at, shapes.follow(at, Part::Name("result"))) {
        (Shape::Step(_) | Shape::Turn(_) | Shape::Item(..), Followed::To(result)) => shapes.members(result),
        _ => Vec::new(),
    };
    let own = shapes.members(at);
    let beyond = result.into_iter().filter(|member| own.iter().all(|own| own.name != member.name));
    let members = own.iter().map(|member| ("", member.clone())).chain(beyond.map(|member| ("result.", member)));
    members
        .filter(|(_, member)| is_name(&member.name))
        .enumerate()
        .map(|(rank, (lead, member))| {
            let name = member.name.into_owned();
            let mut found = item(name.clone(), CompletionKind::Field, word, format!("{lead}{name}"), rank as u32);
            found.detail = type_names(&shapes.types(member.shape));
            shapes.doc(member.shape).clone_into(&mut found.documentation);
            found.commits = ".";
            found
        })
        .collect()
}

/// What `loop` has inside `{% for %}`.
fn jinja_loop(word: TextRange) -> Vec<Completion> {
    let fields = names::jinja_loop_fields().iter().enumerate();
    fields
        .map(|(rank, (name, value_type, doc))| {
            let mut found = item((*name).to_owned(), CompletionKind::Field, word, (*name).to_owned(), rank as u32);
            found.detail = type_names(&[*value_type]);
            (*doc).clone_into(&mut found.documentation);
            found
        })
        .collect()
}
