//! `orc models check`: whether the providers answer.

use std::{collections::BTreeMap, fmt::Write as _, io, process::ExitCode, sync::Arc};

use engine::models::check::{self, Checked, State};
use lang::registry::Registry;
use serde_json::json;

use crate::{
    cli::{
        FAILED, INVALID,
        print::{self, Format},
    },
    trust,
};

/// Asks them, and says what became of it; exit code 1 where one failed, or none could be asked.
pub(super) fn run(registry: &Arc<Registry>, names: &[String], format: Format) -> io::Result<ExitCode> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let environment: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
    let is_trusted = trust::is_kept(&std::env::current_dir()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let checked = runtime.block_on(check::check(registry, environment, is_trusted, names));
    let checked = match checked {
        Ok(checked) => checked,
        Err(message) => {
            print::error(&message);
            return Ok(ExitCode::from(INVALID));
        }
    };
    match format {
        Format::Json => print::out(&print::json(&json!({ "providers": checked })))?,
        Format::Text => print::out(&table(&checked))?,
    }
    let is_bad = |one: &Checked| one.state == State::Failed || (one.is_named && one.state == State::NotConfigured);
    let none = checked.iter().all(|one| one.state == State::NotConfigured);
    Ok(if none || checked.iter().any(is_bad) { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

fn table(checked: &[Checked]) -> String {
    let rows: Vec<[String; 7]> = checked.iter().map(row).collect();
    let head = ["model", "state", "took", "models", "tokens", "cost", "address"].map(str::to_owned);
    let all = || [&head].into_iter().chain(&rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..7).map(width).collect();
    let mut text = String::new();
    let mut line = |[model, state, took, models, tokens, cost, address]: &[String; 7]| {
        let line = format!(
            "{model:<0$}  {state:<1$}  {took:>2$}  {models:>3$}  {tokens:>4$}  {cost:>5$}  {address}",
            widths[0], widths[1], widths[2], widths[3], widths[4], widths[5]
        );
        let _ = writeln!(text, "{}", line.trim_end());
    };
    line(&head);
    rows.iter().for_each(&mut line);
    for one in checked {
        if let Some(message) = &one.message {
            let _ = writeln!(text, "{}: {message}", name(one));
        }
    }
    text
}

fn row(one: &Checked) -> [String; 7] {
    let state = match one.state {
        State::Ok => "ok".to_owned(),
        State::Failed => one.error_type.clone().unwrap_or_default(),
        State::NotConfigured => "not configured".to_owned(),
    };
    let tokens = one
        .usage
        .map(|usage| usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens + usage.output_tokens);
    let unknown = if one.state == State::Ok && one.model.is_some() { "?" } else { "" };
    let cost = one.cost.as_ref().map(|cost| match (cost.known, cost.nano_usd) {
        (false, 0) => "?".to_owned(),
        _ => cost.exact(),
    });
    [
        name(one),
        state,
        one.latency_ms.map(|took| format!("{took} ms")).unwrap_or_default(),
        one.listed.map(|listed| listed.to_string()).unwrap_or_default(),
        tokens.map_or_else(|| unknown.to_owned(), |tokens| tokens.to_string()),
        cost.unwrap_or_default(),
        one.address.clone().unwrap_or_default(),
    ]
}

fn name(one: &Checked) -> String {
    match &one.model {
        Some(model) => format!("{}/{model}", one.provider),
        None => one.provider.clone(),
    }
}
