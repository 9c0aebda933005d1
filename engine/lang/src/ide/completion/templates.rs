//! Inside `{{ }}`, `{% %}` and bare conditions: names, fields, filters, tests, statements.

use std::cmp::Reverse;

use text_size::{TextRange, TextSize};

use super::{
    Completion, CompletionKind, Request,
    evidence::{self, Arguments, Evidence, Fit, Wanted},
    item,
    keys::type_names,
    line_around, spot,
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
        Expects::Filter => filters(request, word),
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
    let line = line_around(text, request.offset);
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

/// A class, how much a name is like what stands nearby, and how near it is.
type Likelihood = (u32, Reverse<u32>, u32);

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
    let shapes = request.analysis.shapes(&scopes);
    let evidence = Evidence::at(request, word, site.step);
    let mut likely: Vec<(Likelihood, Completion)> = Vec::new();
    for (index, (name, binding)) in scopes.visible(&site).into_iter().enumerate() {
        if !is_name(name) || context.locals.iter().any(|(local, _)| local == name) {
            continue;
        }
        let mut place = index as u32;
        let (kind, mut class, detail, doc) = match binding {
            Binding::Step(_) if site.place == sites::Place::Input => continue,
            Binding::Step(index) if holds(&scopes, index, site.step) => continue,
            Binding::Step(index) if waiting.get(index.0 as usize).copied().unwrap_or_default() => continue,
            Binding::Step(step) => {
                let (behind, far) = distance(Some(here), step);
                place = if behind { 1_000_000 } else { 0 } + far;
                let class = match (awaited.contains(&step), evidence.is_used(name)) {
                    (true, false) => 2,
                    (true, true) => 4,
                    (false, _) => 5,
                };
                (CompletionKind::Step, class, "step", "")
            }
            Binding::Item(..) => (CompletionKind::Step, 2, "step", ""),
            Binding::Loop(_, variable) => (CompletionKind::Variable, 1, "loop", variable.doc),
            Binding::Named(_) | Binding::State(_) => (CompletionKind::Variable, 1, "loop", ""),
            Binding::Input(name) => {
                let description = pipeline.inputs.get(name).and_then(|input| input.description.as_deref());
                (CompletionKind::Variable, 3, "input", description.unwrap_or_default())
            }
            Binding::Inputs => (CompletionKind::Variable, 6, "all inputs", ""),
            Binding::Runtime(runtime) => (CompletionKind::Variable, 6, "run", runtime.doc),
            Binding::Global(global) => {
                let rank = if global.deprecated.is_some() { 70_000 } else { 60_000 };
                let mut function = function(global.name, global.doc, &global.signature, word, rank);
                function.deprecated = global.deprecated.is_some();
                found.push(function);
                continue;
            }
        };
        if evidence.has_path() && !evidence.fits(&shapes, shapes.of_binding(&binding)) {
            class += 10;
        }
        let mut variable = named(name, kind, 0);
        variable.deprecated = matches!(binding, Binding::Runtime(runtime) if runtime.deprecated.is_some());
        if variable.deprecated {
            class += 20;
        }
        detail.clone_into(&mut variable.detail);
        variable.commits = ".";
        doc.clone_into(&mut variable.documentation);
        likely.push(((class, Reverse(evidence.likeness(name)), place), variable));
    }
    likely.sort_by_key(|(order, _)| *order);
    let likely = likely.into_iter().map(|(_, variable)| variable).enumerate();
    found.extend(likely.map(|(rank, variable)| Completion { rank: rank as u32 + 1, ..variable }));
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

/// How many places a filter falls back that is meant for other values, and one that says nothing without
/// arguments: they may be typed yet.
const MISFIT: u32 = 12;
const LATER: u32 = 4;

/// The filters, those first that fit the value before the bar and the arguments behind.
fn filters(request: &Request<'_>, word: TextRange) -> Vec<Completion> {
    let scopes = request.analysis.scopes();
    let shapes = request.analysis.shapes(&scopes);
    let site = site(request, scopes.steps());
    let text = request.analysis.text();
    let value = evidence::path_before_bar(&text[..word.start().into()]);
    let types = value.split_first().and_then(|(root, rest)| {
        let mut at = shapes.of_binding(&scopes.resolve(&site, root)?);
        for field in rest {
            let Followed::To(next) = shapes.follow(at, Part::Name(field)) else { return None };
            at = next;
        }
        Some(shapes.types(at))
    });
    let arguments = Arguments::read(&text[word.end().into()..]);
    let order = |index: usize, filter: &names::FilterSpec| {
        let takes = names::filter_takes(filter.name);
        let misfits = match &types {
            Some(types) if !types.is_empty() && !takes.is_empty() => !types.iter().any(|one| takes.contains(one)),
            _ => false,
        };
        let place = usage::place(usage::FILTERS, filter.name, index) + if misfits { MISFIT } else { 0 };
        match arguments.fit(&filter.signature) {
            // Arguments that stand there say more than any habit.
            Fit::Never => (true, place),
            Fit::Later => (false, place + LATER),
            Fit::Now => (false, place),
        }
    };
    let mut found: Vec<_> = names::filters().iter().enumerate().collect();
    found.sort_by_key(|(index, filter)| order(*index, filter));
    let found = found.into_iter().enumerate();
    found.map(|(rank, (_, filter))| function(filter.name, filter.doc, &filter.signature, word, rank as u32)).collect()
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
    let text = request.analysis.text();
    let wanted = Wanted::of(text, word, context.statement || asks(request));
    let of_step = matches!(at, Shape::Step(_) | Shape::Turn(_) | Shape::Item(..));
    let mut members: Vec<_> = members.filter(|(_, member)| is_name(&member.name)).enumerate().collect();
    members.sort_by_key(|(index, (lead, member))| {
        let class = wanted.class(&shapes, member);
        let own = of_step && lead.is_empty();
        // At a step its whole result comes first, then what the result has that is used most.
        let usual = match &*member.name {
            "result" if own => 0,
            "status" | "success" if own && wanted.is_asked() => 0,
            _ => 1,
        };
        (class, usual, usage::place(usage::RESULT_FIELDS, &member.name, *index))
    });
    members
        .into_iter()
        .map(|(_, member)| member)
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

/// Whether the value at the cursor is a condition.
fn asks(request: &Request<'_>) -> bool {
    matches!(request.cursor.key.as_deref().or(request.last_key()), Some("condition" | "if" | "while" | "until"))
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
