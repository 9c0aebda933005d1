//! `orc cost`: what models cost so far, over the history of the workspace.

use std::{collections::BTreeMap, fmt::Write as _, io, process::ExitCode};

use clap::{Args, ValueEnum};
use engine::{
    models::Usage,
    run::{
        document::{Cost as Money, dollars},
        store::{self, SqliteStore, ledger::Entry},
    },
};
use serde_json::{Value, json};

use super::{INVALID, print, run::working_dir};

/// Options of `orc cost`.
#[derive(Debug, Args)]
pub(crate) struct Cost {
    /// What a row is.
    #[arg(long, value_enum, default_value_t)]
    by: By,

    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Count from this day on, YYYY-MM-DD (UTC).
    #[arg(long, value_name = "DAY", value_parser = day)]
    since: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum By {
    /// A day (UTC).
    #[default]
    Day,
    /// A model.
    Model,
    /// A pipeline.
    Pipeline,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Table,
    /// Comma-separated values.
    Csv,
    /// One JSON document.
    Json,
}

/// What a row adds up to.
struct Row {
    name: String,
    /// Steps that asked.
    steps: usize,
    usage: Option<Usage>,
    /// How many steps have no usage that anybody told.
    untold: usize,
    cost: Money,
}

impl Cost {
    /// Exit code 0; 2 where the store cannot be read.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        match self.rows() {
            Ok(rows) => {
                print::out(&self.shown(&rows))?;
                Ok(ExitCode::SUCCESS)
            }
            Err(message) => {
                print::error(&message);
                Ok(ExitCode::from(INVALID))
            }
        }
    }

    fn rows(&self) -> Result<Vec<Row>, String> {
        let file = store::file(working_dir()?.as_std_path());
        if !file.exists() {
            return Err("there is no run here yet: `.orc/runs.db` is missing; start one with `orc run`".to_owned());
        }
        let store = SqliteStore::open_to_read(&file).map_err(|error| error.to_string())?;
        let entries = store.ledger(self.since.as_deref()).map_err(|error| error.to_string())?;
        let mut groups: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
        for entry in &entries {
            let name = match self.by {
                By::Day => entry.day.clone(),
                By::Model if entry.model.is_empty() => "unknown".to_owned(),
                By::Model => format!("{}/{}", entry.provider, entry.model),
                By::Pipeline => entry.pipeline.clone(),
            };
            groups.entry(name).or_default().push(entry);
        }
        Ok(groups.into_iter().map(|(name, entries)| row(name, &entries)).collect())
    }

    fn shown(&self, rows: &[Row]) -> String {
        let total = Money::sum(rows.iter().map(|row| &row.cost));
        let by = match self.by {
            By::Day => "day",
            By::Model => "model",
            By::Pipeline => "pipeline",
        };
        match self.format {
            Format::Json => {
                let rows: Vec<Value> = rows
                    .iter()
                    .map(|row| json!({by: row.name, "steps": row.steps, "usage": row.usage, "cost": row.cost}))
                    .collect();
                print::json(&json!({"by": by, "rows": rows, "cost": total}))
            }
            Format::Csv => {
                let mut text = format!(
                    "{by},steps,requests,input_tokens,output_tokens,cache_read_tokens,cache_write_tokens,\
                     reasoning_tokens,nano_usd,usd,known\n"
                );
                for row in rows {
                    let usage = row.usage.unwrap_or_default();
                    let _ = writeln!(
                        text,
                        "{},{},{},{},{},{},{},{},{},{},{}",
                        quoted(&row.name),
                        row.steps,
                        usage.requests,
                        usage.input_tokens,
                        usage.output_tokens,
                        usage.cache_read_tokens,
                        usage.cache_write_tokens,
                        usage.reasoning_tokens,
                        row.cost.nano_usd,
                        row.cost.usd,
                        row.cost.known
                    );
                }
                text
            }
            Format::Table => table(by, rows, &total),
        }
    }
}

fn table(by: &str, rows: &[Row], total: &Money) -> String {
    let width = rows.iter().map(|row| row.name.chars().count()).chain([by.len(), 5]).max().unwrap_or_default();
    let mut text = format!("{by:<width$}  {:>6}  {:>12}  {:>12}  {:>12}\n", "steps", "tokens in", "tokens out", "cost");
    for row in rows {
        let tokens = |count: fn(&Usage) -> u64| match row.usage {
            Some(usage) if row.untold == 0 => count(&usage).to_string(),
            Some(usage) => format!("≥ {}", count(&usage)),
            None => "?".to_owned(),
        };
        let input = tokens(|usage| usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens);
        let output = tokens(|usage| usage.output_tokens);
        let cost = dollars(row.cost.nano_usd, row.cost.known);
        let _ = writeln!(text, "{:<width$}  {:>6}  {input:>12}  {output:>12}  {cost:>12}", row.name, row.steps);
    }
    let steps: usize = rows.iter().map(|row| row.steps).sum();
    let cost = dollars(total.nano_usd, total.known);
    let _ = writeln!(text, "{:<width$}  {steps:>6}  {:>12}  {:>12}  {cost:>12}", "total", "", "");
    text
}

fn row(name: String, entries: &[&Entry]) -> Row {
    Row {
        name,
        steps: entries.len(),
        usage: Usage::sum(entries.iter().filter_map(|entry| entry.usage)),
        untold: entries.iter().filter(|entry| entry.usage.is_none()).count(),
        cost: Money::sum(entries.iter().map(|entry| &entry.cost)),
    }
}

/// A value of CSV, in quotes where it needs some.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn day(text: &str) -> Result<String, String> {
    let is_day = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_day.then(|| text.to_owned()).ok_or_else(|| format!("`{text}` is no day like 2026-11-28"))
}
