//! Traces of runs for a collector of OpenTelemetry, made from the events that everybody else reads too.
//! Configured by the standard variables alone; without an address nothing is made and nothing is sent.

#[cfg(feature = "otlp")]
mod send;

#[cfg(feature = "otlp")]
mod spans;

use std::env;

use engine::run::Event;

use crate::cli::print;

/// The variables that name the collector, the more special one first.
const ADDRESSES: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The trace of one run, as it grows.
pub(super) struct Telemetry {
    #[cfg(feature = "otlp")]
    trace: spans::Trace,
    #[cfg(feature = "otlp")]
    sending: send::Sending,
}

/// The variable that names a collector, if traces are wanted.
fn wanted() -> Option<&'static str> {
    let says = |name: &str, word: &str| env::var(name).is_ok_and(|value| value.trim().eq_ignore_ascii_case(word));
    if says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none") {
        return None;
    }
    ADDRESSES.into_iter().find(|name| env::var(name).is_ok_and(|value| !value.trim().is_empty()))
}

#[cfg(feature = "otlp")]
impl Telemetry {
    /// Where the environment asks for it. What keeps it from beginning is said; the run does not depend on it.
    pub(super) fn begin() -> Option<Self> {
        let variable = wanted()?;
        match send::Sending::begin(variable) {
            Ok((sending, provider)) => Some(Self { trace: spans::Trace::new(provider), sending }),
            Err(problem) => {
                print::note(&format!("warning: no trace of this run is sent: {problem}"));
                None
            }
        }
    }

    /// Takes in what happened.
    pub(super) fn note(&mut self, events: &[Event]) {
        for event in events {
            self.trace.note(event);
        }
    }

    /// Sends what is left, in [`send::PATIENCE`], or hardly at all where somebody wants the run to end; says what
    /// could not be sent.
    pub(super) fn end(self, is_cancelled: bool) {
        drop(self.trace);
        let patience = if is_cancelled { send::LITTLE_PATIENCE } else { send::PATIENCE };
        if let Some(problem) = self.sending.end(patience) {
            print::note(&format!("warning: {problem}"));
        }
    }
}

#[cfg(not(feature = "otlp"))]
impl Telemetry {
    /// Nothing is made here; who asks for it is told so.
    pub(super) fn begin() -> Option<Self> {
        if let Some(variable) = wanted() {
            print::note(&format!(
                "warning: `{variable}` is set, but this orc was built without traces; build it with `--features otlp`, \
                 or set `OTEL_SDK_DISABLED=true`"
            ));
        }
        None
    }

    #[expect(clippy::unused_self, reason = "there is none of it")]
    pub(super) fn note(&mut self, _: &[Event]) {}

    #[expect(clippy::unused_self, reason = "there is none of it")]
    pub(super) fn end(self, _: bool) {}
}
