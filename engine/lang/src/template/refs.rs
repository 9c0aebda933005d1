//! A text → its [`Template`]: segments, and the names that minijinja's own parser sees in it.

use minijinja::machinery::{self, ast::Stmt};
use text_size::{TextRange, TextSize};

use super::{
    Reading, Segment, SegmentKind, Shape, Template, TemplateError, auto, condition, explain, scan, walk::Walk,
};

pub(super) fn parse(text: &str, reading: Reading) -> Template {
    match reading {
        Reading::Template => template(text),
        Reading::Condition => condition::template(text),
    }
}

/// Reads `text` as text with templates in it.
pub(super) fn template(text: &str) -> Template {
    let segments = scan::segments(text);
    let autos = if text.contains("<AUTO") { auto::tags(text) } else { Vec::new() };
    let shape = shape(text, &segments);
    let mut walk = Walk::new(text);
    let mut errors = Vec::new();
    if text.contains("{{") || text.contains("{%") || text.contains("{#") {
        collect(text, &mut walk, &mut errors);
    }
    if text.contains("</AUTO") {
        errors.extend(auto::stray_closers(text).into_iter().map(|range| TemplateError {
            message: "`</AUTO>` closes nothing; write `<AUTO>` before it".to_owned(),
            range,
        }));
    }
    finish(shape, segments, autos, walk, errors)
}

/// What `text` is and its pieces, without looking into them. `None` where that takes a closer look: there
/// may be something in it that does not parse.
pub(super) fn outline(text: &str) -> Option<(Shape, Vec<Segment>)> {
    let segments = scan::segments(text);
    let shape = shape(text, &segments);
    let is_sound = |segment: &Segment| {
        segment.kind != SegmentKind::Unclosed && usize::from(segment.inner.len()) <= explain::MOST_TOKENS
    };
    let is_clear = matches!(shape, Shape::Expression | Shape::Mixed)
        && segments.len() <= explain::MOST_TOKENS / 4
        && segments.iter().all(is_sound)
        && !text.contains("AUTO");
    is_clear.then_some((shape, segments))
}

/// How many errors one text reports; whoever mends these is told of the next ones.
const MAX_ERRORS: usize = 20;

/// Puts a template together, everything in order of place.
pub(super) fn finish(
    shape: Shape,
    segments: Vec<Segment>,
    autos: Vec<auto::AutoTag>,
    mut walk: Walk<'_>,
    mut errors: Vec<TemplateError>,
) -> Template {
    walk.sort();
    errors.sort_by_key(|error| error.range.start());
    errors.truncate(MAX_ERRORS);
    let Walk { references, locals, bound, value, filters, tests, .. } = walk;
    let value = value.filter(|_| shape == Shape::Expression);
    Template { shape, segments, references, locals, bound, value, filters, tests, autos, errors }
}

/// Parses the whole of `text`; where that fails, tag by tag.
fn collect(text: &str, walk: &mut Walk<'_>, errors: &mut Vec<TemplateError>) {
    let segments = scan::template_segments(text);
    let too_long = explain::too_long(text, &segments);
    if let Some(error) = too_long {
        errors.push(error);
        return;
    }
    let normal = scan::normalise(text);
    let unclosed = segments.iter().any(|segment| segment.kind == SegmentKind::Unclosed);
    let whole =
        if unclosed { None } else { Some(machinery::parse(&normal, "", minijinja::syntax::SyntaxConfig::default())) };
    match whole {
        Some(Ok(tree)) => walk.statement(&tree),
        failed => {
            let before = errors.len();
            explain::tag_by_tag(text, &normal, &segments, walk, errors);
            if errors.len() == before
                && let Some(Err(error)) = failed
            {
                errors.push(explain::whole(text, &error));
            }
        }
    }
}

/// The children of a parsed template.
pub(super) fn children<'t, 'a>(tree: &'t Stmt<'a>) -> &'t [Stmt<'a>] {
    match tree {
        Stmt::Template(template) => &template.children,
        _ => &[],
    }
}

fn shape(text: &str, segments: &[Segment]) -> Shape {
    let is = |kind: SegmentKind| segments.iter().any(|segment| segment.kind == kind);
    match segments {
        [only] if only.kind == SegmentKind::Expression => return Shape::Expression,
        _ => {}
    }
    if is(SegmentKind::Auto) {
        let alone = segments.iter().all(|segment| {
            segment.kind == SegmentKind::Auto
                || (segment.kind == SegmentKind::Text && text[segment.range].trim().is_empty())
        });
        let count = segments.iter().filter(|segment| segment.kind == SegmentKind::Auto).count();
        return if alone && count == 1 { Shape::Auto } else { Shape::MixedAuto };
    }
    if segments.iter().all(|segment| segment.kind == SegmentKind::Text) { Shape::Plain } else { Shape::Mixed }
}

/// All of `text` as one range.
pub(super) fn whole_range(text: &str) -> TextRange {
    TextRange::up_to(TextSize::of(text))
}
