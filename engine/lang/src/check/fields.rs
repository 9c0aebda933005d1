//! Fields of steps' results (307, 308, 806).

use text_size::{TextRange, TextSize};

use super::{Checker, codes, templates::place, values};
use crate::{
    model::StepIndex,
    registry::{FieldSpec, OutputSpec, ValueType, did_you_mean},
    syntax::Decoded,
    template::{Access, AccessKind, Reference},
    text::TextEdit,
};

/// What every step has beside its result.
const OF_EVERY_STEP: [&str; 7] = ["result", "status", "success", "error", "error_type", "recovered", "reason"];

pub(super) fn check(checker: &mut Checker<'_>, step: StepIndex, reference: &Reference, decoded: &Decoded<'_>) {
    let Some(output) = checker.output(step) else { return };
    let Some(access) = reference.path.first() else { return };
    let AccessKind::Field(field) = &access.kind else { return };
    if field == "result" {
        result(checker, step, output, reference, decoded, 1);
        return;
    }
    if OF_EVERY_STEP.contains(&field.as_str()) {
        return;
    }
    if output.field(field).is_none() {
        unknown(checker, step, output, reference, access, decoded);
        return;
    }
    let id = checker.id_of(step);
    let root = place(decoded, reference.root_range);
    let range = place(decoded, access.range);
    let canonical = output.field(field).map_or(field.as_str(), |spec| &*spec.name);
    let insert = TextEdit::insert(root.end(), ".result");
    if canonical != field {
        let message = format!("`{field}` is the old name of `{canonical}`; write `{id}.result.{canonical}`");
        let diagnostic = checker.report(codes::DEPRECATED_FIELD, range, message).deprecated();
        if decoded_is(decoded, access.range, field) {
            let rename = TextEdit::replace(range, canonical);
            diagnostic.safe_fix(format!("Write `{id}.result.{canonical}`"), vec![insert, rename]);
        }
        return;
    }
    let message = format!("`{field}` stands in the result; write `{id}.result.{field}`");
    checker.report(codes::MISSING_RESULT, range, message).safe_fix("Insert `.result`", vec![insert]);
    result(checker, step, output, reference, decoded, 0);
}

/// The path behind `.result`, which begins at `from`.
fn result(
    checker: &mut Checker<'_>,
    step: StepIndex,
    output: &OutputSpec,
    reference: &Reference,
    decoded: &Decoded<'_>,
    from: usize,
) {
    let Some(access) = reference.path.get(from) else { return };
    let AccessKind::Field(field) = &access.kind else { return };
    let Some(spec) = output.field(field) else {
        unknown(checker, step, output, reference, access, decoded);
        return;
    };
    if spec.name != *field {
        let message = format!("`{field}` is the old name of `{}`", spec.name);
        let range = place(decoded, access.range);
        let diagnostic = checker.report(codes::DEPRECATED_FIELD, range, message).deprecated();
        if decoded_is(decoded, access.range, field) {
            diagnostic.safe_fix(format!("Write `{}`", spec.name), vec![TextEdit::replace(range, spec.name.clone())]);
        }
    }
    inner(checker, spec, &reference.path[from + 1..], reference.guarded, decoded);
}

/// Whether the range of the decoded text is the plain name (and not a quoted subscript).
fn decoded_is(decoded: &Decoded<'_>, range: TextRange, name: &str) -> bool {
    decoded.text.get(usize::from(range.start())..usize::from(range.end())) == Some(name)
}

/// Members of a field whose shape is closed.
fn inner(checker: &mut Checker<'_>, spec: &FieldSpec, path: &[Access], guarded: bool, decoded: &Decoded<'_>) {
    let Some(access) = path.first() else { return };
    let (members, rest) = match &access.kind {
        AccessKind::Field(_) => (&spec.fields, path),
        AccessKind::Index(_) if spec.types == [ValueType::Array] => (&spec.items, &path[1..]),
        _ => return,
    };
    let Some(access) = rest.first() else { return };
    let AccessKind::Field(field) = &access.kind else { return };
    if let Some(member) = members.iter().find(|member| member.name == *field) {
        inner(checker, member, &rest[1..], guarded, decoded);
        return;
    }
    if guarded || spec.open {
        return;
    }
    let range = place(decoded, access.range);
    if members.is_empty() {
        let plain = [ValueType::String, ValueType::Integer, ValueType::Number, ValueType::Boolean];
        if rest.len() == path.len() && spec.types.len() == 1 && plain.contains(&spec.types[0]) {
            let message = format!("`{}` is {}, which has no `{field}`", spec.name, values::noun(spec.types[0]));
            checker.report(codes::UNKNOWN_FIELD, range, message);
        }
        return;
    }
    let candidate = did_you_mean(field, members.iter().map(|member| &*member.name));
    checker.report(codes::UNKNOWN_FIELD, range, format!("`{}` has no `{field}`", spec.name)).suggest(candidate);
}

fn unknown(
    checker: &mut Checker<'_>,
    step: StepIndex,
    output: &OutputSpec,
    reference: &Reference,
    access: &Access,
    decoded: &Decoded<'_>,
) {
    if output.open || reference.guarded {
        return;
    }
    let AccessKind::Field(field) = &access.kind else { return };
    let id = checker.id_of(step);
    let range = place(decoded, access.range);
    if output.fields.is_empty() {
        if !output.scalar {
            return;
        }
        let behind_result = reference.path.first().is_some_and(|first| first != access);
        let message = format!("the result of `{id}` is text and has no `{field}`; write `{id}.result`");
        let root = place(decoded, reference.root_range);
        let whole = TextRange::new(root.end(), range.end());
        let diagnostic = checker.report(codes::UNKNOWN_FIELD, range, message);
        let plain = decoded_is(decoded, access.range, field)
            && decoded.text[..usize::from(access.range.start())].ends_with('.')
            && access.range.start() > TextSize::new(0);
        if plain && !behind_result {
            diagnostic.fix(format!("Write `{id}.result`"), vec![TextEdit::replace(whole, ".result")]);
        }
        return;
    }
    let known: Vec<&str> = output.fields.iter().map(|field| &*field.name).collect();
    let candidate = did_you_mean(field, known.iter().copied());
    let mut message = format!("the result of `{id}` has no `{field}`");
    if candidate.is_none() {
        message.extend([format!("; it has {}", values::coded(known).replace(" or ", " and "))]);
    }
    checker.report(codes::UNKNOWN_FIELD, range, message).suggest(candidate);
}
