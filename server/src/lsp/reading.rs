//! What helps to read a document: folds, growing selections, hints between the lines, signatures.

use lang::{
    ide::{folding, inlays, signature},
    model::{Step, StepIndex},
    text::{Spanned, TextRange},
};
use tower_lsp::lsp_types::{
    Documentation, FoldingRange, FoldingRangeKind, InlayHint, InlayHintKind, InlayHintLabel, InlayHintTooltip,
    MarkupContent, MarkupKind, ParameterInformation, ParameterLabel, Position, Range, SelectionRange, SignatureHelp,
    SignatureInformation,
};

use super::{
    from_proto,
    marks::{Count, Marks},
    to_proto::Converter,
};

/// What can be folded.
pub(crate) fn folding(converter: &Converter<'_>) -> Vec<FoldingRange> {
    let folds = folding::folds(converter.analysis).into_iter();
    folds
        .map(|fold| FoldingRange {
            start_line: fold.start,
            end_line: fold.end,
            kind: fold.comment.then_some(FoldingRangeKind::Comment),
            ..FoldingRange::default()
        })
        .collect()
}

/// The selections around each position, the innermost first.
pub(crate) fn selections(converter: &Converter<'_>, positions: &[Position]) -> Vec<SelectionRange> {
    let encoding = converter.environment.client.encoding;
    let of = |position: &Position| {
        let offset = from_proto::offset(converter.analysis, *position, encoding);
        let around = folding::selections(converter.analysis, offset).into_iter().rev();
        let nested = around.fold(None, |parent, range| {
            Some(SelectionRange { range: converter.range(range), parent: parent.map(Box::new) })
        });
        // Every position is answered (LSP 3.17): where nothing stands, by the place itself.
        nested.unwrap_or(SelectionRange { range: Range::new(*position, *position), parent: None })
    };
    positions.iter().map(of).collect()
}

/// The hints in a range: what the text implies, and how steps stand.
pub(crate) fn inlays(converter: &Converter<'_>, marks: &Marks, range: Range) -> Vec<InlayHint> {
    let range = from_proto::range(converter.analysis, range, converter.environment.client.encoding);
    let hints = inlays::inlays(converter.analysis, range).into_iter();
    hints
        .map(|hint| InlayHint {
            position: converter.position(hint.at),
            label: InlayHintLabel::String(hint.label),
            kind: hint.is_type.then_some(InlayHintKind::TYPE),
            text_edits: None,
            tooltip: Some(InlayHintTooltip::String(hint.tooltip)),
            padding_left: Some(!hint.is_type),
            padding_right: None,
            data: None,
        })
        .chain(standing(converter, marks, range))
        .chain(iterations(converter, marks, range))
        .collect()
}

/// How the steps of the root stand, behind their ids.
fn standing(converter: &Converter<'_>, marks: &Marks, range: TextRange) -> Vec<InlayHint> {
    let ids = converter.analysis.pipeline().steps.iter().filter_map(|step| step.id.as_ref());
    let shown = ids.filter(|id| range.contains_inclusive(id.range.end()));
    let known = shown.filter_map(|id| Some((id, marks.of(&id.value)?)));
    known
        .map(|(id, mark)| InlayHint {
            position: converter.position(id.range.end()),
            label: InlayHintLabel::String(mark.label()),
            kind: None,
            text_edits: None,
            tooltip: Some(InlayHintTooltip::String(mark.tooltip())),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        })
        .collect()
}

/// How often steps in loops were done, behind their ids.
fn iterations(converter: &Converter<'_>, marks: &Marks, range: TextRange) -> Vec<InlayHint> {
    let tree = &converter.analysis.parse().tree;
    let scopes = converter.analysis.scopes();
    let inner = scopes.steps().iter().filter_map(|step| Some((step, scopes.parent(step.index)?, step.id.as_ref()?)));
    let shown = inner.filter(|(_, _, id)| range.contains_inclusive(id.range.end()));
    let hint = |(step, parent, id): (&&Step, StepIndex, &Spanned<String>)| {
        let around = std::iter::successors(Some(step.index), |step| scopes.parent(*step));
        let mut path: Vec<&str> = around.map(|step| scopes.step(step).id_text()).collect();
        path.reverse();
        let (count, run) = marks.iterations(&path.join("."))?;
        // How many there are is known of a written list, unless its loop is run again and again by another.
        let outer = scopes.step(parent);
        let list = ["for_each", "foreach"].into_iter().find_map(|key| outer.key(key));
        let list = list.filter(|list| scopes.parent(parent).is_none() && tree.is_sequence(list.value));
        let Count { completed, failed, others, running } = count;
        Some(InlayHint {
            position: converter.position(id.range.end()),
            label: InlayHintLabel::String(count.label(list.map(|list| tree.items(list.value).count()))),
            kind: None,
            text_edits: None,
            tooltip: Some(InlayHintTooltip::String(format!(
                "iterations in run {run}: {completed} completed, {failed} failed, {others} passed over, {running} running"
            ))),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        })
    };
    shown.filter_map(hint).collect()
}

/// The signature of what is being called.
pub(crate) fn signature(converter: &Converter<'_>, position: Position) -> Option<SignatureHelp> {
    let offset = from_proto::offset(converter.analysis, position, converter.environment.client.encoding);
    let help = signature::signature(converter.analysis, offset)?;
    // Offsets in a label are counted in UTF-16 whatever the encoding of positions is (LSP 3.17).
    let count = |at: usize| help.label[..at].encode_utf16().count() as u32;
    let parameters = help.parameters.iter().map(|(start, end)| ParameterInformation {
        label: ParameterLabel::LabelOffsets([count(*start), count(*end)]),
        documentation: None,
    });
    let active = help.active.map(|at| at as u32);
    let information = SignatureInformation {
        parameters: Some(parameters.collect()),
        documentation: Some(Documentation::MarkupContent(MarkupContent {
            kind: MarkupKind::Markdown,
            value: help.doc.clone(),
        })),
        active_parameter: active,
        label: help.label.clone(),
    };
    Some(SignatureHelp { signatures: vec![information], active_signature: Some(0), active_parameter: active })
}
