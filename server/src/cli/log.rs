//! The log of the language server: warnings to stderr, more by `ORC_LOG` (e.g. `ORC_LOG=debug`).

use tracing_subscriber::EnvFilter;

/// Starts the log. Stdout is the protocol's, so nothing of it goes there.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("ORC_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_env_filter(filter).init();
}
