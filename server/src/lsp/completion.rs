//! Completion lists in the protocol's words. What is read of one item at most, its documentation,
//! stays here until the editor asks for it, where it can.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use lang::ide::completion;
use serde_json::json;
use tower_lsp::lsp_types::{CompletionItem, CompletionList, CompletionResponse, Documentation, Position};

use super::{from_proto, to_proto::Converter};

/// How many lists are remembered: an editor asks about the one it shows.
const REMEMBERED: usize = 4;

/// The documentation of the items of the last lists.
#[derive(Debug, Default)]
pub(crate) struct Lists(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// The number of the newest list.
    newest: u64,
    lists: VecDeque<(u64, Vec<Option<Documentation>>)>,
}

impl Lists {
    fn remember(&self, documentation: Vec<Option<Documentation>>) -> u64 {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.newest += 1;
        let number = remembered.newest;
        remembered.lists.push_back((number, documentation));
        if remembered.lists.len() > REMEMBERED {
            remembered.lists.pop_front();
        }
        number
    }

    /// The item with its documentation; as it came, if its list is not known any more.
    pub(crate) fn resolve(&self, mut item: CompletionItem) -> CompletionItem {
        let remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = |name: &str| item.data.as_ref()?.get(name)?.as_u64();
        let list = number("list").and_then(|list| remembered.lists.iter().find(|known| known.0 == list));
        let found = list.zip(number("item")).and_then(|(list, at)| list.1.get(at as usize)?.clone());
        if found.is_some() {
            item.documentation = found;
        }
        item
    }
}

/// What may be typed at `position`. Where nothing is left out an editor goes on filtering what it has.
pub(crate) fn complete(converter: &Converter<'_>, lists: &Lists, position: Position) -> CompletionResponse {
    let client = &converter.environment.client;
    let offset = from_proto::offset(converter.analysis, position, client.encoding);
    let found = completion::completions(converter.analysis, offset);
    let mut items: Vec<CompletionItem> = found.items.into_iter().map(|item| converter.completion(item)).collect();
    if client.resolves_documentation {
        let list = lists.remember(items.iter_mut().map(|item| item.documentation.take()).collect());
        for (at, item) in items.iter_mut().enumerate() {
            item.data = Some(json!({ "list": list, "item": at }));
        }
    }
    if found.cut {
        return CompletionResponse::List(CompletionList { is_incomplete: true, items });
    }
    CompletionResponse::Array(items)
}
