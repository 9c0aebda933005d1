//! Where the page of a diagnostic code stands.

use lang::check::{Code, CodeSpec, Severity};

/// The folder of the pages. Builds for release set `ORC_PAGES`; without it the name is one that is
/// reserved and never resolves (RFC 2606), so that no link leads to a stranger. `orc explain` prints
/// the same page offline.
const PAGES: &str = match option_env!("ORC_PAGES") {
    Some(pages) => pages,
    None => "https://orc.example/codes",
};

/// The address of the page of `code`.
pub fn url(code: Code) -> String {
    format!("{PAGES}/{code}")
}

/// The page of a code as Markdown.
pub fn markdown(spec: &CodeSpec) -> String {
    format!(
        "# {} – {}\n\n{} ({})\n\n{}\n",
        spec.code,
        spec.name,
        spec.summary,
        severity_name(spec.severity),
        spec.doc.trim()
    )
}

/// The word for a severity, as the contract's formats spell it.
pub fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information => "information",
        Severity::Hint => "hint",
    }
}
