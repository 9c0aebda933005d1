//! A page per code: what `orc explain` prints, and what `orc validate` says of the text that the rule
//! is tested with.

use std::fmt::Write;

use lang::check::{CodeSpec, codes::codes};
use server::pages::markdown;

use super::{Pages, markdown::block};
use crate::{
    cases::{Case, cases, marked},
    support::orc,
};

pub(super) fn pages(pages: &mut Pages) {
    let cases = cases();
    for spec in codes() {
        pages.insert(format!("codes/{}.md", spec.code), page(spec, &cases));
    }
}

fn page(spec: &CodeSpec, cases: &[Case]) -> String {
    let mut out = markdown(spec);
    let own: Vec<&Case> = cases.iter().filter(|case| case.code == spec.code).collect();
    if own.is_empty() {
        return out;
    }
    let mended = own.windows(2).find(|pair| pair[0].kind == "wrong" && pair[1].kind == "fixed");
    let wrong = mended.map_or_else(|| *own.iter().find(|case| case.kind == "wrong").unwrap(), |pair| pair[0]);
    let (text, _) = marked(&wrong.text);
    out.push_str("\n## Example\n\n");
    for (name, text) in &wrong.beside {
        let _ = writeln!(out, "Beside the pipeline, `{name}`:\n\n{}", block("yaml", &shown(text)));
    }
    let _ = writeln!(out, "{}", block("yaml", &shown(&text)));
    let _ = writeln!(out, "{}", block("console", &said(&text, &wrong.beside)));
    if let Some(pair) = mended {
        let _ = writeln!(out, "The first fix makes of it:\n\n{}", block("yaml", &shown(&pair[1].text)));
    } else if let Some(fine) = own.iter().find(|case| case.kind == "fine" && case.beside == wrong.beside) {
        let _ = writeln!(out, "It does not stand here:\n\n{}", block("yaml", &shown(&fine.text)));
    }
    out
}

/// What `orc validate` says of the text.
fn said(text: &str, beside: &[(String, String)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in beside {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("pipeline.orc.yaml"), text).unwrap();
    let (said, _) = orc(folder.path(), &["validate", "pipeline.orc.yaml"]);
    format!("$ orc validate pipeline.orc.yaml\n{said}")
}

/// A text without the characters that a page cannot hold.
fn shown(text: &str) -> String {
    text.replace('\0', "␀")
}
