//! Problems of the text as YAML (0xx).

use super::{Checker, codes, edits};
use crate::{
    syntax::{NodeId, NodeKind, ProblemKind, Scalar},
    text::TextEdit,
};

pub(super) fn check(checker: &mut Checker<'_>) {
    let facts = checker.facts;
    for problem in &facts.parse.problems {
        // Around damage a template is unquoted because the text there is no scalar at all.
        if problem.kind == ProblemKind::UnquotedTemplate && after_damage(checker, problem.range) {
            continue;
        }
        let code = match problem.kind {
            ProblemKind::Syntax => codes::SYNTAX,
            ProblemKind::TabIndent => codes::TAB_INDENT,
            ProblemKind::DuplicateKey => codes::DUPLICATE_KEY,
            ProblemKind::BlockTagBetweenEntries => codes::BLOCK_TAG,
            ProblemKind::SecondDocument => codes::SECOND_DOCUMENT,
            ProblemKind::UnquotedTemplate => codes::UNQUOTED_TEMPLATE,
            ProblemKind::UnknownAlias => codes::UNKNOWN_ALIAS,
            ProblemKind::BadMerge => codes::BAD_MERGE,
            ProblemKind::TooDeep => codes::TOO_DEEP,
            ProblemKind::ConflictMarker => codes::CONFLICT_MARKER,
            ProblemKind::Control => codes::CONTROL_CHARACTER,
            ProblemKind::UnknownTag => codes::UNKNOWN_TAG,
        };
        let source = &facts.parse.tree.text()[problem.range];
        let fix = match problem.kind {
            ProblemKind::UnquotedTemplate => quote(checker, problem.range),
            ProblemKind::TabIndent => {
                Some(("Indent with spaces", TextEdit::replace(problem.range, source.replace('\t', "  "))))
            }
            _ => None,
        };
        let diagnostic = checker.report(code, problem.range, problem.message.clone());
        if let Some(related) = problem.related {
            diagnostic.related(related, "the first one is here");
        }
        if let Some((title, edit)) = fix {
            diagnostic.safe_fix(title, vec![edit]);
        }
    }
    not_a_mapping(checker);
}

/// Whether the template stands where the text could not be read, or in what is left of it.
fn after_damage(checker: &Checker<'_>, range: text_size::TextRange) -> bool {
    if !checker.damaged_anywhere() {
        return false;
    }
    let tree = checker.tree;
    let node = tree.node_at(range.start());
    if !tree.is_scalar(node) || !tree.range(node).contains_range(range) {
        return true;
    }
    let flow =
        |id: &NodeId| matches!(tree.kind(*id), NodeKind::Mapping { flow: true } | NodeKind::Sequence { flow: true });
    tree.ancestors(node).skip(1).take_while(flow).any(|around| checker.damaged(tree.range(around)))
}

/// Quotes around the scalar in which an unquoted template stands.
fn quote(checker: &Checker<'_>, range: text_size::TextRange) -> Option<(&'static str, TextEdit)> {
    let tree = checker.tree;
    let node = tree.node_at(range.start());
    if !tree.is_scalar(node) || !tree.range(node).contains_range(range) {
        return None;
    }
    let Scalar::Text(text) = tree.scalar(node)? else { return None };
    Some(("Put it in quotes", TextEdit::replace(tree.range(node), edits::quoted(&text))))
}

/// The file holds something, but no mapping.
fn not_a_mapping(checker: &mut Checker<'_>) {
    let root = checker.tree.root();
    if checker.tree.is_mapping(root) || checker.damaged_anywhere() {
        return;
    }
    let range = checker.token(root);
    checker.report(codes::WRONG_SHAPE, range, "a pipeline is a mapping with `name` and `steps`");
}
