//! Values in shell commands (902): they are quoted where they stand, which is not possible everywhere and
//! not always what is meant. Where a step that is sure to run is refused by it, it is an error.

use text_size::{TextRange, TextSize};

use super::{Checker, Diagnostic, Severity, codes, templates::place};
use crate::{
    model::{known::known, provided::Provided},
    registry::ParamKind,
    syntax::{Decoded, NodeId},
    template::{
        Segment, SegmentKind, Shape, Template,
        shell::{self, MARK, MARK_END, Place},
    },
    text::TextEdit,
};

pub(super) fn check(checker: &mut Checker<'_>) {
    let facts = checker.facts;
    let provided = Provided::new(checker.tree, facts.graph, &checker.scopes);
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
                let is_provided_for = provided.is_for(&checker.scopes, step.index);
                command(checker, node, template, &decoded, is_provided_for);
            }
        }
    }
}

fn command(checker: &mut Checker<'_>, node: NodeId, template: &Template, decoded: &Decoded<'_>, is_provided_for: bool) {
    let is_value = |segment: &&Segment| segment.kind == SegmentKind::Expression && !is_raw(template, segment);
    let values: Vec<&Segment> = template.segments.iter().filter(is_value).collect();
    if template.shape == Shape::Expression {
        if let [only] = values.as_slice() {
            let default = default_command(checker, node, template);
            let word =
                default.as_deref().map_or_else(String::new, |text| format!(", and no program is called `{text}`"));
            let message = format!(
                "the whole command is one value, which is quoted as one word{word}; write the command here and the \
                 values in it, or mark it with `| shell_raw`"
            );
            // An error it is not: another default may be given with `-i`, or by the pipeline that runs this one.
            report(checker, only, decoded, message);
        }
        return;
    }
    // A value between statements may not be written at all.
    let is_certain =
        !is_provided_for && !template.segments.iter().any(|segment| segment.kind == SegmentKind::Statement);
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
        let (severity, message) = match (found.place, found.code_of) {
            (Place::Nowhere(why), _) => {
                let severity = if is_certain { Severity::Error } else { Severity::Warning };
                (severity, format!("a value cannot stand here as a value: {why}"))
            }
            (_, Some(program)) => {
                let message = format!(
                    "the value becomes a part of the code that `{program}` runs: whoever can write it can run \
                     anything; give it to the program as an argument, in a variable or in a file"
                );
                (Severity::Warning, message)
            }
            _ => continue,
        };
        report(checker, segment, decoded, message).severity = severity;
    }
}

/// The default of the input that is the whole command, if it is surely the name of no program.
fn default_command(checker: &Checker<'_>, node: NodeId, template: &Template) -> Option<String> {
    let facts = checker.facts;
    let site = facts.sites.iter().find(|site| site.node == node)?;
    let known = known(checker.tree, facts.pipeline, &checker.scopes, node, Some((template, site)));
    let text = known.text()?;
    let (first, _) = text.trim().split_once(char::is_whitespace)?;
    // A path may have blanks in it.
    (!first.contains('/')).then(|| text.lines().next().unwrap_or_default().to_owned())
}

/// Whether the last filter of the segment is `shell_raw`.
fn is_raw(template: &Template, segment: &Segment) -> bool {
    let inside = template.filters.iter().filter(|filter| segment.inner.contains_range(filter.range));
    inside.max_by_key(|filter| filter.range.start()).is_some_and(|filter| filter.name == "shell_raw")
}

fn report<'c>(
    checker: &'c mut Checker<'_>,
    segment: &Segment,
    decoded: &Decoded<'_>,
    message: String,
) -> &'c mut Diagnostic {
    let end = segment.range.end() - TextSize::of("}}");
    let before = &decoded.text[TextRange::new(segment.range.start(), end)];
    let end = segment.range.start() + TextSize::of(before.trim_end_matches([' ', '-', '+', '\n']));
    let at = place(decoded, TextRange::new(segment.range.start(), end)).end();
    // What whoever writes the value may then do is for the author to judge.
    let edit = TextEdit::insert(at, " | shell_raw");
    checker
        .report(codes::COMMAND_VALUE, place(decoded, segment.range), message)
        .fix("Make the value a part of the command", vec![edit])
}
