//! Values in shell commands (902): they are quoted where they stand, which is not possible everywhere and
//! not always what is meant.

use text_size::{TextRange, TextSize};

use super::{Checker, codes, templates::place};
use crate::{
    registry::ParamKind,
    syntax::Decoded,
    template::{
        Segment, SegmentKind, Shape, Template,
        shell::{self, MARK, MARK_END, Place},
    },
    text::TextEdit,
};

pub(super) fn check(checker: &mut Checker<'_>) {
    let facts = checker.facts;
    for step in checker.scopes.steps().to_vec() {
        let specs = super::parameters::specs(checker, step).unwrap_or_default();
        for parameter in &step.parameters {
            let is_command = |name: &str| {
                specs.iter().any(|spec| {
                    spec.kind == ParamKind::Command && (spec.name == name || spec.aliases.iter().any(|old| old == name))
                })
            };
            let node = checker.tree.resolve(parameter.value);
            let Some(template) = facts.templates.get(&node).filter(|_| is_command(&parameter.name)) else { continue };
            if template.errors.is_empty() {
                let decoded = checker.tree.decoded(node);
                command(checker, template, &decoded);
            }
        }
    }
}

fn command(checker: &mut Checker<'_>, template: &Template, decoded: &Decoded<'_>) {
    let is_value = |segment: &&Segment| segment.kind == SegmentKind::Expression && !is_raw(template, segment);
    let values: Vec<&Segment> = template.segments.iter().filter(is_value).collect();
    if template.shape == Shape::Expression {
        if let [only] = values.as_slice() {
            let message = "the whole command is one value, which is quoted as one word; write the command here and \
                           the values in it, or mark it with `| shell_raw`";
            report(checker, only, decoded, message.to_owned());
        }
        return;
    }
    let mut marked = String::new();
    for segment in &template.segments {
        match values.iter().position(|value| value.range == segment.range) {
            Some(number) => marked.extend([MARK.to_string(), number.to_string(), MARK_END.to_string()]),
            None => match segment.kind {
                SegmentKind::Text => marked.push_str(&decoded.text[segment.range]),
                SegmentKind::Statement | SegmentKind::Comment => {}
                _ => marked.push('x'),
            },
        }
    }
    for found in shell::read(&marked).values {
        let Some(segment) = values.get(found.number) else { continue };
        let message = match (found.place, found.code_of) {
            (Place::Nowhere(why), _) => format!("a value cannot stand here as a value: {why}"),
            (_, Some(program)) => format!(
                "the value becomes a part of the code that `{program}` runs: whoever can write it can run anything; \
                 give it to the program as an argument, in a variable or in a file"
            ),
            _ => continue,
        };
        report(checker, segment, decoded, message);
    }
}

/// Whether the last filter of the segment is `shell_raw`.
fn is_raw(template: &Template, segment: &Segment) -> bool {
    let inside = template.filters.iter().filter(|filter| segment.inner.contains_range(filter.range));
    inside.max_by_key(|filter| filter.range.start()).is_some_and(|filter| filter.name == "shell_raw")
}

fn report(checker: &mut Checker<'_>, segment: &Segment, decoded: &Decoded<'_>, message: String) {
    let end = segment.range.end() - TextSize::of("}}");
    let before = &decoded.text[TextRange::new(segment.range.start(), end)];
    let end = segment.range.start() + TextSize::of(before.trim_end_matches([' ', '-', '+', '\n']));
    let at = place(decoded, TextRange::new(segment.range.start(), end)).end();
    // What whoever writes the value may then do is for the author to judge.
    let edit = TextEdit::insert(at, " | shell_raw");
    checker
        .report(codes::COMMAND_VALUE, place(decoded, segment.range), message)
        .fix("Make the value a part of the command", vec![edit]);
}
