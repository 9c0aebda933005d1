//! Fields of steps' results, of loops' iterations and of items (307, 308, 806).

use text_size::{TextRange, TextSize};

use super::{Checker, codes, templates::place, values};
use crate::{
    registry::{OutputSpec, did_you_mean, results},
    shape::{Followed, Member, Part, Shape},
    syntax::Decoded,
    template::{Access, AccessKind, Reference},
    text::TextEdit,
};

/// Follows the path of `reference`, whose root looks like `start`, and says where it leads to nothing.
pub(super) fn check(checker: &mut Checker<'_>, start: Shape<'_>, reference: &Reference, decoded: &Decoded<'_>) {
    let mut at = start;
    for (index, access) in reference.path.iter().enumerate() {
        if let Shape::Step(step) = at
            && !checker.shapes().is_certain(step)
        {
            return;
        }
        let used = Use { reference, index, access, decoded };
        let part = Part::of(&access.kind);
        let followed = checker.shapes().follow(at, part);
        match followed {
            Followed::To(shape) => {
                if let AccessKind::Field(field) = &access.kind {
                    spelling(checker, at, field, &used);
                }
                at = shape;
            }
            Followed::Missing => {
                if !reference.guarded {
                    missing(checker, at, &used);
                }
                return;
            }
            Followed::Unknown => return,
        }
    }
}

/// One access of a path.
struct Use<'u> {
    reference: &'u Reference,
    index: usize,
    access: &'u Access,
    decoded: &'u Decoded<'u>,
}

impl Use<'_> {
    fn range(&self) -> TextRange {
        place(self.decoded, self.access.range)
    }

    /// What stands before the access, as it is written.
    fn before(&self) -> String {
        let end = match self.index.checked_sub(1) {
            Some(index) => self.reference.path[index].range.end(),
            None => self.reference.root_range.end(),
        };
        let text = &self.decoded.text[TextRange::new(self.reference.root_range.start(), end)];
        match text.rfind('[') {
            Some(open) if !text[open..].contains(']') => format!("{text}]"),
            _ => text.to_owned(),
        }
    }

    /// Whether the access is the plain name (and not a quoted subscript).
    fn is_plain(&self) -> bool {
        match &self.access.kind {
            AccessKind::Field(name) => self.decoded.text[self.access.range] == *name,
            _ => false,
        }
    }
}

/// Fields that are found by an old name, or though `.result` is left out.
fn spelling(checker: &mut Checker<'_>, at: Shape<'_>, field: &str, used: &Use<'_>) {
    let direct = matches!(at, Shape::Step(_) | Shape::Turn(_) | Shape::Item(..));
    if direct && results::known(results::of_step(), field).is_some() {
        return;
    }
    let result = match at {
        Shape::Step(_) | Shape::Turn(_) | Shape::Item(..) => match checker.shapes().follow(at, Part::Name("result")) {
            Followed::To(result) => result,
            Followed::Missing | Followed::Unknown => return,
        },
        other => other,
    };
    let canonical = match result {
        Shape::Output(output) => output.field(field).map_or(field, |spec| &*spec.name),
        _ => field,
    };
    let range = used.range();
    let before = used.before();
    let insert = TextEdit::insert(before_end(used), ".result");
    if canonical != field {
        let written = if direct { format!("{before}.result.{canonical}") } else { canonical.to_owned() };
        let told = if direct { format!("; write `{written}`") } else { String::new() };
        let message = format!("`{field}` is the old name of `{canonical}`{told}");
        let diagnostic = checker.report(codes::DEPRECATED_FIELD, range, message).deprecated();
        if used.is_plain() {
            let mut edits = vec![TextEdit::replace(range, canonical)];
            if direct {
                edits.insert(0, insert);
            }
            diagnostic.safe_fix(format!("Write `{written}`"), edits);
        }
    } else if direct && !is_history(checker, at, field) {
        let message = format!("`{field}` stands in the result; write `{before}.result.{field}`");
        checker.report(codes::MISSING_RESULT, range, message).safe_fix("Insert `.result`", vec![insert]);
    }
}

/// Where the text before the access ends in the file.
fn before_end(used: &Use<'_>) -> TextSize {
    match used.index.checked_sub(1) {
        None => place(used.decoded, used.reference.root_range).end(),
        Some(index) => {
            let access = &used.reference.path[index];
            let end = place(used.decoded, access.range).end();
            let bracketed = !matches!(&access.kind, AccessKind::Field(name) if used.decoded.text[access.range] == *name)
                && used.decoded.text[usize::from(access.range.end())..].starts_with(']');
            if bracketed { end + TextSize::new(1) } else { end }
        }
    }
}

/// `loop.iterations`, which is how the history of a `while` is written (contract §2.13).
fn is_history(checker: &Checker<'_>, at: Shape<'_>, field: &str) -> bool {
    let Shape::Step(index) = at else { return false };
    field == "iterations" && matches!(checker.shapes().result(index), Shape::LoopResult(_))
}

fn missing(checker: &mut Checker<'_>, at: Shape<'_>, used: &Use<'_>) {
    let AccessKind::Field(field) = &used.access.kind else { return };
    let result = match at {
        Shape::Step(_) | Shape::Turn(_) | Shape::Item(..) => match checker.shapes().follow(at, Part::Name("result")) {
            Followed::To(result) => result,
            Followed::Missing | Followed::Unknown => return,
        },
        other => other,
    };
    if let Shape::Output(output) = result
        && output.fields.is_empty()
    {
        return of_text(checker, output, field, used);
    }
    let shapes = checker.shapes();
    let known: Vec<String> = shapes.members(result).iter().map(|member| member.name.to_string()).collect();
    let types = shapes.types(result);
    let names = || known.iter().map(String::as_str);
    let what = match at {
        Shape::Step(index) => format!("the result of `{}`", checker.id_of(index)),
        Shape::Turn(_) | Shape::Item(..) => format!("the result of `{}`", used.before()),
        Shape::Output(_) | Shape::LoopResult(_) => {
            let before = used.before();
            format!("the result of `{}`", before.strip_suffix(".result").unwrap_or(&before))
        }
        Shape::Steps(Some(index)) => format!("an iteration of `{}`", checker.id_of(index)),
        Shape::Field(field) => format!("`{}`", field.name),
        Shape::ItemOf(field) => format!("`{}`", field.name),
        _ => format!("`{}`", used.before()),
    };
    if let Shape::Steps(Some(_)) = at
        && let Some(path) = in_only_step(checker, at, field)
    {
        let range = used.range();
        let diagnostic =
            checker.report(codes::UNKNOWN_FIELD, range, format!("{what} has no `{field}`; write `{path}`"));
        if used.is_plain() {
            diagnostic.fix(format!("Write `{path}`"), vec![TextEdit::replace(range, path)]);
        }
        return;
    }
    let candidate = did_you_mean(field, names());
    let message = match (candidate, known.is_empty(), types.as_slice()) {
        (Some(_), ..) => format!("{what} has no `{field}`"),
        (None, false, _) => {
            format!("{what} has no `{field}`; it has {}", values::coded(names()).replace(" or ", " and "))
        }
        (None, true, [one]) => format!("{what} is {}, which has no `{field}`", values::noun(*one)),
        (None, true, _) => format!("{what} has no `{field}`"),
    };
    checker.report(codes::UNKNOWN_FIELD, used.range(), message).suggest(candidate);
}

/// The way to `field` through the only step of a loop's body.
fn in_only_step(checker: &Checker<'_>, iteration: Shape<'_>, field: &str) -> Option<String> {
    let shapes = checker.shapes();
    let [only] = shapes.members(iteration).try_into().ok()?;
    let only: Member<'_> = only;
    if results::known(results::of_step(), field).is_some() {
        return Some(format!("{}.{field}", only.name));
    }
    let found = matches!(shapes.follow(only.shape, Part::Name(field)), Followed::To(_));
    found.then(|| format!("{}.result.{field}", only.name))
}

/// A field of a result that is plain text.
fn of_text(checker: &mut Checker<'_>, output: &OutputSpec, field: &str, used: &Use<'_>) {
    if !output.scalar {
        return;
    }
    let before = used.before();
    let behind_result = before.ends_with(".result");
    let step = before.strip_suffix(".result").unwrap_or(&before);
    let message = format!("the result of `{step}` is text and has no `{field}`; write `{step}.result`");
    let range = used.range();
    let whole = TextRange::new(before_end(used), range.end());
    let plain = used.is_plain() && used.decoded.text[..usize::from(used.access.range.start())].ends_with('.');
    let diagnostic = checker.report(codes::UNKNOWN_FIELD, range, message);
    if plain && !behind_result {
        diagnostic.fix(format!("Write `{step}.result`"), vec![TextEdit::replace(whole, ".result")]);
    }
}
