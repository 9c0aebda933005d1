//! Code actions: fixes, ignores, refactorings, and all safe fixes at once.

use lang::ide::{self, ActionKind, actions};
use tower_lsp::lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, TextEdit, WorkspaceEdit,
};

use super::{from_proto, to_proto::Converter};

/// All safe fixes of a document; editors run it on saving.
const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.orc");

/// The kinds that are answered.
pub(crate) fn kinds() -> Vec<CodeActionKind> {
    vec![CodeActionKind::QUICKFIX, CodeActionKind::REFACTOR_EXTRACT, CodeActionKind::REFACTOR_REWRITE, FIX_ALL]
}

/// What is offered for the range.
pub(crate) fn actions(converter: &Converter<'_>, params: &CodeActionParams) -> CodeActionResponse {
    let range = from_proto::range(converter.analysis, params.range, converter.environment.client.encoding);
    let only = params.context.only.as_deref();
    let wanted = |kind: &CodeActionKind| only.is_none_or(|only| only.iter().any(|asked| is_of(kind, asked)));
    let mut found: Vec<CodeAction> = Vec::new();
    let all = [ActionKind::Fix, ActionKind::Extract, ActionKind::Rewrite];
    let offered = if all.into_iter().any(|one| wanted(&kind(one))) {
        actions::actions(converter.analysis, range)
    } else {
        Vec::new()
    };
    for action in offered {
        let kind = kind(action.kind);
        if wanted(&kind)
            && let Some(action) = action_of(converter, action, kind)
        {
            found.push(action);
        }
    }
    // Only to those who ask for it by name: in the menu it would stand at every place.
    let asked = only.is_some_and(|only| only.iter().any(|asked| is_of(&FIX_ALL, asked)));
    if asked && let Some(action) = fix_all(converter) {
        found.push(action);
    }
    found.into_iter().map(CodeActionOrCommand::CodeAction).collect()
}

/// `quickfix` covers itself and what follows it and a dot; the empty kind covers all.
fn is_of(kind: &CodeActionKind, asked: &CodeActionKind) -> bool {
    let (kind, asked) = (kind.as_str(), asked.as_str());
    asked.is_empty() || kind.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn kind(kind: ActionKind) -> CodeActionKind {
    match kind {
        ActionKind::Fix | ActionKind::Ignore => CodeActionKind::QUICKFIX,
        ActionKind::Extract => CodeActionKind::REFACTOR_EXTRACT,
        ActionKind::Rewrite => CodeActionKind::REFACTOR_REWRITE,
    }
}

fn action_of(converter: &Converter<'_>, action: ide::Action, kind: CodeActionKind) -> Option<CodeAction> {
    let about = action.diagnostic.and_then(|index| converter.analysis.diagnostics().get(index));
    let shown = about.map(|diagnostic| converter.diagnostic(diagnostic, &converter.severities()));
    // What the settings turn off is not offered to be mended either.
    if shown.as_ref().is_some_and(Option::is_none) {
        return None;
    }
    let first = about.and_then(|diagnostic| diagnostic.fixes.first()) == Some(&action.fix);
    Some(CodeAction {
        is_preferred: (action.kind == ActionKind::Fix).then_some(first && action.fix.safe),
        title: action.fix.title,
        kind: Some(kind),
        diagnostics: shown.flatten().map(|shown| vec![shown]),
        edit: Some(edit(converter, action.fix.edits.iter().map(|edit| converter.edit(edit)).collect())),
        ..CodeAction::default()
    })
}

fn fix_all(converter: &Converter<'_>) -> Option<CodeAction> {
    // What the settings turn off is nobody's wish to mend.
    let severities = converter.severities();
    let after = actions::fix_all(converter.analysis, &|found| severities.of(found).is_some());
    let change = actions::replacement(converter.analysis.text(), &after)?;
    Some(CodeAction {
        title: "Fix all that orc can mend safely".to_owned(),
        kind: Some(FIX_ALL),
        edit: Some(edit(converter, vec![converter.edit(&change)])),
        ..CodeAction::default()
    })
}

fn edit(converter: &Converter<'_>, edits: Vec<TextEdit>) -> WorkspaceEdit {
    WorkspaceEdit { changes: Some([(converter.uri.clone(), edits)].into()), ..WorkspaceEdit::default() }
}
