//! Inside comments: what `# orc:` may say, and the codes that `# orc: ignore` may name.

use text_size::TextRange;

use super::{Completion, CompletionKind, Request, item};
use crate::{check::codes, ide::comments};

pub(super) fn complete(request: &Request<'_>) -> Vec<Completion> {
    let Some(said) = comments::said(request.analysis, request.offset) else { return Vec::new() };
    let word = said.word;
    let Some(before) = said.before else {
        let words = [
            (
                "ignore",
                "Silences the findings with these codes on this line, or on the next one if the comment stands alone.",
            ),
            ("pipeline", "In the first lines of a file: it is a pipeline, whatever its name."),
        ];
        return words
            .iter()
            .enumerate()
            .map(|(rank, (name, doc))| {
                let mut found =
                    item((*name).to_owned(), CompletionKind::Keyword, word, (*name).to_owned(), rank as u32);
                (*doc).clone_into(&mut found.documentation);
                found
            })
            .collect();
    };
    let here = near(request, said.comment);
    let codes = codes::codes().iter().enumerate();
    codes
        .filter(|(_, spec)| !before.contains(&spec.code))
        .map(|(rank, spec)| {
            let rank = rank as u32 + if here.contains(&spec.code) { 0 } else { 1_000 };
            let code = spec.code.to_string();
            let mut found = item(code.clone(), CompletionKind::Value, word, code, rank);
            spec.summary.clone_into(&mut found.detail);
            spec.doc.clone_into(&mut found.documentation);
            found
        })
        .collect()
}

/// The codes found on the comment's line and the one below.
fn near(request: &Request<'_>, comment: TextRange) -> Vec<codes::Code> {
    let lines = request.analysis.lines();
    let line = lines.line_of(comment.start());
    let findings = request.analysis.diagnostics().iter();
    findings
        .filter(|finding| (line..=line + 1).contains(&lines.line_of(finding.range.start())))
        .map(|finding| finding.code)
        .collect()
}
