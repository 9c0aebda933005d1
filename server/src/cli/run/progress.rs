//! A run for people: a line per event, and a summary at the end.

use std::fmt::Write;

use engine::run::{
    Event, EventKind, ResultDocument,
    document::{StepDocument, dollars},
    event::StepFinished,
};
use serde_json::Value;

/// The line to show for an event, if it is one to show.
pub(super) fn line(event: &Event, colour: bool) -> Option<String> {
    let step = event.step.as_deref().unwrap_or_default();
    let text = |field: &str| event.data.get(field).and_then(Value::as_str);
    match event.kind {
        EventKind::StepFinished => {
            let StepFinished { status, error, cached, duration_ms, .. } = &*event.data.ended()?;
            let mark = mark(status, colour);
            Some(match error {
                Some(error) => format!("{mark} {step}: {error}"),
                None if *cached => format!("{mark} {step} unchanged"),
                None if status == "completed" => {
                    format!("{mark} {step} {:.1} s", *duration_ms as f64 / 1000.0)
                }
                None => format!("{mark} {step} {status}"),
            })
        }
        EventKind::AutoResolved => {
            let value = event.data.get("value").map(Value::to_string).unwrap_or_default();
            let shown: String = value.chars().take(80).collect();
            let more = if shown.len() < value.len() { "…" } else { "" };
            let reason = text("reason").map(|reason| format!(" – {reason}")).unwrap_or_default();
            let by = match text("by")? {
                "pin" | "only" => return None,
                "default" => "by `default`",
                by => text("model").filter(|model| !model.is_empty()).unwrap_or(by),
            };
            Some(format!("◆ {step}: `{}` = {shown}{more} ({by}){reason}", text("position")?))
        }
        EventKind::StepRetrying => {
            let attempt = event.data.get("attempt").and_then(Value::as_u64).unwrap_or_default();
            Some(format!(
                "↻ {step}: attempt {attempt} failed, trying again: {}",
                text("error").unwrap_or("no reason given")
            ))
        }
        _ => None,
    }
}

/// The result in a few lines: how it ended, each step, the outputs.
pub(super) fn summary(document: &ResultDocument, colour: bool) -> String {
    let cost = match document.usage {
        Some(_) => format!(", {}", dollars(document.cost.nano_usd, document.cost.known)),
        None => String::new(),
    };
    let mut text = format!(
        "{} {} {} in {:.1} s{cost}\n",
        mark(if document.success { "completed" } else { &document.status }, colour),
        document.pipeline_id,
        document.status,
        document.duration
    );
    if let Some(error) = &document.error {
        let _ = writeln!(text, "  {error}");
    }
    for (id, step) in &document.steps {
        let _ = writeln!(text, "  {} {id}{}", mark(&step.status, colour), note(step));
    }
    if !document.outputs.is_empty() {
        text.push_str("outputs:\n");
        for (name, value) in &document.outputs {
            let shown = match value {
                Value::String(string) => string.trim_end().replace('\n', "\n    "),
                other => other.to_string(),
            };
            let _ = writeln!(text, "  {name}: {shown}");
        }
    }
    text
}

fn note(step: &StepDocument) -> String {
    match (&step.error, &*step.status) {
        (Some(error), _) => format!(": {error}"),
        (None, "completed") if step.is_reused() => " unchanged".to_owned(),
        (None, "completed") => String::new(),
        (None, status) => format!(" {}", status.replace('_', " ")),
    }
}

fn mark(status: &str, colour: bool) -> String {
    let (mark, code) = match status {
        "completed" => ("✔", "32"),
        "failed" => ("✘", "31"),
        "cancelled" => ("■", "33"),
        "waiting" => ("?", "36"),
        _ => ("–", "2"),
    };
    if colour { format!("\u{1b}[{code}m{mark}\u{1b}[0m") } else { mark.to_owned() }
}
