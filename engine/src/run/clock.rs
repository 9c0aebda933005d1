//! Times as the documents write them.

use jiff::Timestamp;

/// This instant, RFC 3339 UTC with milliseconds.
pub(crate) fn now() -> String {
    text(Timestamp::now())
}

/// `time`, RFC 3339 UTC with milliseconds.
pub(crate) fn text(time: Timestamp) -> String {
    format!("{time:.3}")
}
