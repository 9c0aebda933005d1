//! The table of codes: one row each, from which severities, pages and `orc explain` come.

use super::Severity;

/// A diagnostic's stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u16);

impl std::fmt::Display for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ORC{:03}", self.0)
    }
}

/// What stands on a code's page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CodeSpec {
    /// The code.
    pub code: Code,
    /// A short name, e.g. `unknown-dependency`.
    pub name: &'static str,
    /// Its severity unless configured otherwise.
    pub severity: Severity,
    /// One line: what it is about.
    pub summary: &'static str,
    /// Why it matters and how to mend it (Markdown, with an example).
    pub doc: &'static str,
}

/// All codes in order.
pub fn codes() -> &'static [CodeSpec] {
    &[]
}

/// The row of `code`.
pub fn code(code: Code) -> Option<&'static CodeSpec> {
    codes().iter().find(|spec| spec.code == code)
}
