//! Times as the documents write them.

use jiff::Timestamp;

/// This instant, RFC 3339 UTC with milliseconds.
pub(crate) fn now() -> String {
    text(Timestamp::now())
}

/// `time`, RFC 3339 UTC with milliseconds.
pub(crate) fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
