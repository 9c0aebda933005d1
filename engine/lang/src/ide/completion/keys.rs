//! Keys of mappings: those of the language's tables, and the parameters of what a step does.

use super::evidence::Habits;
use super::{Completion, CompletionKind, Request, Spot, item, snippets, spot};
use crate::registry::{KeySpec, KeyStatus, ParamSpec, Place, ValueType, keys, usage};

pub(super) fn complete(request: &Request<'_>) -> Vec<Completion> {
    match request.located.spot {
        // Where a list of steps is expected and nothing stands yet, its first item begins.
        Spot::Items(place @ (Place::Step | Place::LoopItem)) => of_place(request, place, Put::item(request)),
        Spot::Keys(place) | Spot::Items(place) => of_place(request, place, Put::here(request)),
        Spot::Parameters(from) => parameters(request, from),
        Spot::Names(_) | Spot::Value(..) | Spot::Free => Vec::new(),
    }
}

/// What comes before a key, and the column at which the keys of its mapping then stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Put {
    pub(super) lead: &'static str,
    pub(super) column: usize,
}

impl Put {
    /// In the mapping at the cursor.
    fn here(request: &Request<'_>) -> Self {
        Self { lead: "", column: request.cursor.indent as usize }
    }

    /// In an item of its own, behind the dash that may be typed already.
    pub(super) fn item(request: &Request<'_>) -> Self {
        let before = &request.analysis.text()[..usize::from(request.cursor.word.start())];
        let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
        let dash = line.trim_end_matches(' ').ends_with('-') && line.trim_matches([' ', '-']).is_empty();
        if dash && line.ends_with(' ') {
            return Self { lead: "", column: line.len() };
        }
        Self { lead: "- ", column: request.cursor.indent as usize + 2 }
    }
}

/// The keys of `place` that do not stand there yet, in this or another spelling.
pub(super) fn of_place(request: &Request<'_>, place: Place, put: Put) -> Vec<Completion> {
    let stands = |name: &str| request.cursor.siblings.iter().any(|key| key == name);
    let spelled = |name: &str| {
        let mut pairs = keys::SPELLINGS.iter().filter(|_| place == Place::Step);
        pairs.any(|(first, second)| (*first == name && stands(second)) || (*second == name && stands(first)))
    };
    let frequent = usage::keys(place);
    let habits = Habits::of(request, place);
    let specs = keys::keys(place).iter().enumerate();
    let mut specs: Vec<_> = specs.filter(|(_, spec)| !stands(spec.name) && !spelled(spec.name)).collect();
    specs.sort_by_key(|(index, spec)| {
        let late = match spec.status {
            KeyStatus::NoEffect { .. } => 2,
            KeyStatus::Deprecated { .. } => 1,
            KeyStatus::Live | KeyStatus::Inert => 0,
        };
        (late, !spec.required, habits.rank(spec.name), usage::place(frequent, spec.name, *index))
    });
    let keys = specs.into_iter().enumerate().map(|(order, (_, spec))| key(request, spec, order as u32, put));
    keys.chain(snippets::of_place(request, place, put)).collect()
}

fn key(request: &Request<'_>, spec: &KeySpec, order: u32, put: Put) -> Completion {
    let useless = matches!(spec.status, KeyStatus::NoEffect { .. });
    let old = matches!(spec.status, KeyStatus::Deprecated { .. });
    let rank = order;
    let nested = spec.below.is_some() || spec.types == [ValueType::Object];
    // A list is the usual form, unless a template is.
    let listed = spec.types.first() == Some(&ValueType::Array) && !spec.templated;
    let tail = tail(request, put.column, nested, listed || spec.types == [ValueType::Array]);
    let mut found = item(
        spec.name.to_owned(),
        CompletionKind::Key,
        request.cursor.word,
        format!("{}{}{tail}", put.lead, spec.name),
        rank,
    );
    found.detail = detail(spec.types, spec.required, spec.default);
    spec.doc.clone_into(&mut found.documentation);
    found.deprecated = useless || old;
    found
}

fn parameters(request: &Request<'_>, from: usize) -> Vec<Completion> {
    let target = request.target();
    let rest = &request.cursor.path[from..];
    let params = match rest {
        [] => spot::params(&target),
        rest => match spot::param_at(spot::params(&target), rest) {
            Some(param) => param.fields.as_slice(),
            None => return Vec::new(),
        },
    };
    let known =
        |param: &ParamSpec| request.cursor.siblings.iter().any(|key| *key == param.name || param.aliases.contains(key));
    params
        .iter()
        .enumerate()
        .filter(|(_, param)| !known(param))
        .map(|(index, param)| {
            let tail = tail(
                request,
                request.cursor.indent as usize,
                param.types == [ValueType::Object],
                param.types == [ValueType::Array],
            );
            let rank = index as u32 + if param.required { 0 } else { 100 };
            let new_text = format!("{}{tail}", param.name);
            let mut found = item(param.name.clone(), CompletionKind::Key, request.cursor.word, new_text, rank);
            let default = param.default.as_ref().map(ToString::to_string);
            found.detail = detail(&param.types, param.required, default.as_deref());
            found.documentation.clone_from(&param.doc);
            found.deprecated = param.deprecated.is_some();
            found
        })
        .collect()
}

/// What follows a key: nothing where a colon stands already, a new line for what is nested.
fn tail(request: &Request<'_>, column: usize, mapping: bool, sequence: bool) -> String {
    let after = &request.analysis.text()[usize::from(request.cursor.word.end())..];
    let quote = request.cursor.quote.map(String::from).unwrap_or_default();
    let unquoted = after.strip_prefix(['"', '\'']).unwrap_or(after);
    // Behind the quote that the editor closed itself nothing can be added from before it.
    let closed = request.cursor.quote.is_some_and(|quote| after.starts_with(quote));
    if closed || unquoted.trim_start_matches(' ').starts_with(':') {
        return String::new();
    }
    let deeper = " ".repeat(column + 2);
    match (mapping, sequence) {
        _ if request.cursor.flow => format!("{quote}: "),
        (_, true) => format!("{quote}:\n{deeper}- "),
        (true, false) => format!("{quote}:\n{deeper}"),
        (false, false) => format!("{quote}: "),
    }
}

pub(in crate::ide) fn detail(types: &[ValueType], required: bool, default: Option<&str>) -> String {
    let names: Vec<&str> = types.iter().map(|value_type| ValueType::name(*value_type)).collect();
    let mut text = if names.is_empty() { "any".to_owned() } else { names.join(" | ") };
    if required {
        text.push_str(", required");
    }
    if let Some(default) = default {
        text.push_str(", default ");
        text.push_str(default);
    }
    text
}

/// Types as people read them: `string | array`.
pub(in crate::ide) fn type_names(types: &[ValueType]) -> String {
    types.iter().map(|one| one.name()).collect::<Vec<_>>().join(" | ")
}
