//! The one place that writes to the terminal. Results go to stdout; everything else to stderr.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde_json::Value;

mod pretty;
pub(crate) use pretty::pretty;

/// Writes a result to stdout, as it is. That its reader has gone (`orc … | head`) is no error: the
/// exit code still says what was found.
pub(crate) fn out(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// How a list or an entry is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// A JSON document that people can read too.
pub(crate) fn json(value: &Value) -> String {
    pretty(value, 1 << 10) + "\n"
}

/// Writes a line for people to stderr. That stderr is gone is no reason to stop.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes an error for people to stderr.
pub(crate) fn error(message: &str) {
    let word = if colour(Stream::Stderr) { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
    note(&format!("{word}: {message}"));
}

/// Where something is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    /// Results.
    Stdout,
    /// Everything else.
    Stderr,
}

/// Whether a person reads the stream on a terminal.
pub(crate) fn is_terminal(stream: Stream) -> bool {
    match stream {
        Stream::Stdout => io::stdout().is_terminal(),
        Stream::Stderr => io::stderr().is_terminal(),
    }
}

/// Whether to colour what goes to the stream: only on a terminal, and never if `NO_COLOR` is set to
/// anything but the empty text.
pub(crate) fn colour(stream: Stream) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && is_terminal(stream)
}
