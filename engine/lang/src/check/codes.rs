//! The table of codes: one row each, from which severities, pages and `orc explain` come.

use std::sync::LazyLock;

use super::Severity;

mod control;
mod names;
mod structure;
mod tools;

/// A diagnostic's stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub u16);

impl std::fmt::Display for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ORC{:03}", self.0)
    }
}

impl std::str::FromStr for Code {
    type Err = ();

    /// Reads `ORC204`; case does not count.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (prefix, number) = text.split_at_checked(3).ok_or(())?;
        if !prefix.eq_ignore_ascii_case("orc") || number.len() != 3 {
            return Err(());
        }
        number.parse().map(Code).map_err(|_| ())
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

const fn row(code: Code, name: &'static str, severity: Severity, summary: &'static str, doc: &'static str) -> CodeSpec {
    CodeSpec { code, name, severity, summary, doc }
}

static CODES: LazyLock<Vec<CodeSpec>> = LazyLock::new(|| {
    let mut codes = [structure::ROWS, names::ROWS, tools::ROWS, control::ROWS].concat();
    codes.sort_by_key(|spec| spec.code);
    codes
});

/// All codes in order.
pub fn codes() -> &'static [CodeSpec] {
    &CODES
}

/// The row of `code`.
pub fn code(code: Code) -> Option<&'static CodeSpec> {
    let at = codes().binary_search_by_key(&code, |spec| spec.code).ok()?;
    codes().get(at)
}

/// A step failed in the latest run: this speaks of a run and not of the text.
pub const STEP_FAILED: Code = Code(790);

/// A run may cost more than it may: this speaks of prices and earlier runs, too.
pub const OVER_BUDGET: Code = Code(504);

/// The codes that editors alone report, since the text alone does not tell.
pub const OF_RUNS: [Code; 2] = [STEP_FAILED, OVER_BUDGET];

/// Declares the constants by which the rules name their codes.
macro_rules! constants {
    ($($name:ident = $number:literal),* $(,)?) => {
        $(pub(crate) const $name: Code = Code($number);)*
    };
}

constants! {
    SYNTAX = 1, TAB_INDENT = 2, DUPLICATE_KEY = 3, BLOCK_TAG = 4, SECOND_DOCUMENT = 5,
    UNQUOTED_TEMPLATE = 6, UNKNOWN_ALIAS = 7, BAD_MERGE = 8, TOO_DEEP = 9, CONFLICT_MARKER = 10,
    CONTROL_CHARACTER = 11, UNKNOWN_TAG = 12,
    MISSING_NAME = 101, MISSING_STEPS = 102, WRONG_SHAPE = 103, EMPTY_STEPS = 104, UNKNOWN_KEY = 105,
    BAD_VERSION = 106, BAD_ID = 107, NOTHING_TO_DO = 108, BAD_CHOICE = 109, LIST_INPUTS = 110,
    INPUT_TWICE = 111, DEFAULT_TYPE = 112, DEFAULT_CHOICE = 113, DEFAULT_RANGE = 114, UNKNOWN_TYPE = 115,
    BAD_PATTERN = 116, EMPTY_OUTPUT = 117,
    UNKNOWN_DEPENDENCY = 201, UNKNOWN_ROUTE = 202, CYCLE = 203, SELF_REFERENCE = 204, DUPLICATE_ID = 205,
    POLICY_WORD_ID = 206, MISSING_ID = 207, UNDECLARED_DEPENDENCY = 208, UNREACHABLE = 209,
    BACKWARD_ROUTE = 210, REPEATED_DEPENDENCY = 211,
    TEMPLATE_SYNTAX = 301, UNDEFINED_NAME = 302, UNKNOWN_FILTER = 303, UNKNOWN_TEST = 304,
    WRONG_ARGUMENTS = 305, NOT_CALLED = 306, UNKNOWN_FIELD = 307, MISSING_RESULT = 308,
    HYPHENATED_ID = 309, INERT_TEMPLATE = 310, DOLLAR_NAME = 311, OUTSIDE_LOOP = 312, WRONG_LOOP = 313,
    UNDECLARED_OUTPUT_PATH = 314, UNKNOWN_RUNTIME_FIELD = 315, MISSING_FILE = 316, INCLUDE_CYCLE = 317,
    INCLUDE_OUTSIDE = 318, IDLE_DEFAULT = 319,
    UNKNOWN_TOOL = 401, UNKNOWN_ACTION = 402, UNKNOWN_OPERATION = 403, MISSING_OPERATION = 404,
    MISSING_PARAMETER = 405, UNKNOWN_PARAMETER = 406, PARAMETER_TYPE = 407, PARAMETER_CHOICE = 408,
    PARAMETER_RANGE = 409, PROSE_ACTION = 410, NOT_AVAILABLE = 411, MISSING_PIPELINE = 412,
    NOT_A_PIPELINE = 413, BROKEN_CHILD = 414, CHILD_INPUT = 415, CHILD_OUTPUT = 416, MISSING_INPUT_FILE = 417, BOTH_PARAMETERS = 418, ACTING_TOOL = 419,
    UNKNOWN_MODEL = 501, BAD_MODEL_NAME = 502, BLIND_MODEL = 503, TOOLLESS_MODEL = 505,
    UNCLOSED_AUTO = 601, BARE_AUTO = 602, UNKNOWN_ATTRIBUTE = 603, BAD_ATTRIBUTE = 604, EMPTY_AUTO = 605, DEEP_AUTO = 606,
    NOT_A_LIST = 701, TWO_LOOPS = 702, ENDLESS_LOOP = 703, BAD_COUNT = 704, EMPTY_BODY = 705,
    TWO_BODIES = 706, BAD_HANDLER = 707, BAD_TIMEOUT = 708, BAD_RETRY = 709, BODY_WITHOUT_LOOP = 710,
    DEPRECATED_KEY = 801, NO_EFFECT = 802, OVERRIDDEN_KEY = 803, DEPRECATED_NAME = 804,
    DEPRECATED_PARAMETER = 805, DEPRECATED_FIELD = 806, DEPRECATED_VARIABLE = 807, DEPRECATED_PROSE = 808,
    OPERATION_IN_PARAMETERS = 809, UNUSED_IGNORE = 890,
    PATH_OUTSIDE = 901, COMMAND_VALUE = 902, SECRET_EXPOSED = 903,
}
