//! `orc cost`: what the models took that this workspace's runs and `orc resolve` asked, by day, model or pipeline.

use std::{collections::BTreeMap, fmt::Write as _, io, process::ExitCode};

use clap::{Args, ValueEnum};
use engine::{
    models::Usage,
    run::{
        document::Cost,
        store::{self, SqliteStore, sqlite::SpentStep},
    },
};
use serde::Serialize;
use serde_json::json;

use super::{INVALID, print, run::working_dir};

/// Options of `orc cost`.
#[derive(Debug, Args)]
pub(crate) struct CostCommand {
    /// What to sum up by.
    #[arg(long, value_enum, default_value_t)]
    by: By,

    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum By {
    /// The day a step ended, in UTC.
    #[default]
    Day,
    /// The model that answered.
    Model,
    /// The pipeline.
    Pipeline,
}

impl By {
    fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Model => "model",
            Self::Pipeline => "pipeline",
        }
    }

    fn of(self, spent: &SpentStep) -> String {
        match self {
            Self::Day => spent.at.chars().take(10).collect(),
            // Of what only tags asked, the model is named with its provider.
            Self::Model if spent.provider.is_empty() => spent.model.clone(),
            Self::Model => format!("{}/{}", spent.provider, spent.model),
            Self::Pipeline => spent.pipeline.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// A line per row, for spreadsheets.
    Csv,
    /// One JSON document.
    Json,
}

/// A row: what was asked under one name, or all of it.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    /// Steps that asked a model, and tags that were answered without a run.
    steps: usize,
    /// What providers said; of some of the steps where `usage_known` is false.
    usage: Usage,
    usage_known: bool,
    cost: Cost,
}

impl Row {
    fn of<'s>(name: &str, spent: impl Iterator<Item = &'s SpentStep> + Clone) -> Self {
        Self {
            name: name.to_owned(),
            steps: spent.clone().count(),
            usage: Usage::sum(spent.clone().filter_map(|spent| spent.usage)).unwrap_or_default(),
            usage_known: spent.clone().all(|spent| spent.usage.is_some()),
            cost: Cost::sum(spent.map(|spent| &spent.cost)),
        }
    }
}

impl CostCommand {
    /// Exit code 0; 2 where the store cannot be read.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        match self.told() {
            Ok(text) => {
                print::out(&text)?;
                Ok(ExitCode::SUCCESS)
            }
            Err(message) => {
                print::error(&message);
                Ok(ExitCode::from(INVALID))
            }
        }
    }

    fn told(&self) -> Result<String, String> {
        let file = store::file(working_dir()?.as_std_path());
        // Where nothing ran, nothing was spent.
        let spent = if file.exists() {
            let store = SqliteStore::open_to_read(&file).map_err(|error| error.to_string())?;
            store.spent().map_err(|error| error.to_string())?
        } else {
            Vec::new()
        };
        let mut by_name: BTreeMap<String, Vec<&SpentStep>> = BTreeMap::new();
        for spent in &spent {
            by_name.entry(self.by.of(spent)).or_default().push(spent);
        }
        let mut rows: Vec<Row> = by_name.iter().map(|(name, spent)| Row::of(name, spent.iter().copied())).collect();
        if self.by != By::Day {
            // What costs most comes first.
            rows.sort_by_key(|row| std::cmp::Reverse(row.cost.nano_usd));
        }
        let total = Row::of("total", spent.iter());
        match self.format {
            Format::Text => Ok(self.text(&rows, &total)),
            Format::Csv => self.csv(&rows).map_err(|error| error.to_string()),
            Format::Json => Ok(print::json(&json!({"by": self.by.word(), "rows": rows, "total": total}))),
        }
    }

    fn text(&self, rows: &[Row], total: &Row) -> String {
        if rows.is_empty() {
            return "no model was asked here yet\n".to_owned();
        }
        let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default().max(8);
        let mut text = format!(
            "{:<width$}  {:>7}  {:>10}  {:>10}  {:>10}  {:>12}\n",
            self.by.word(),
            "calls",
            "input",
            "cached",
            "output",
            "cost"
        );
        for row in rows.iter().chain([total]) {
            let least = |count: u64| if row.usage_known { count.to_string() } else { format!("≥ {count}") };
            let Usage { requests, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, .. } = row.usage;
            let _ = writeln!(
                text,
                "{:<width$}  {:>7}  {:>10}  {:>10}  {:>10}  {:>12}",
                row.name,
                least(requests),
                least(input_tokens),
                least(cache_read_tokens.saturating_add(cache_write_tokens)),
                least(output_tokens),
                row.cost.exact()
            );
        }
        text
    }

    fn csv(&self, rows: &[Row]) -> Result<String, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record([
            self.by.word(),
            "steps",
            "requests",
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
            "reasoning_tokens",
            "usage_known",
            "nano_usd",
            "usd",
            "cost_known",
        ])?;
        for Row { name, steps, usage, usage_known, cost } in rows {
            let counts = [
                usage.requests,
                usage.input_tokens,
                usage.output_tokens,
                usage.cache_read_tokens,
                usage.cache_write_tokens,
                usage.reasoning_tokens,
            ];
            let mut record = vec![name.clone(), steps.to_string()];
            record.extend(counts.map(|count| count.to_string()));
            record.extend([usage_known.to_string(), cost.nano_usd.to_string()]);
            record.extend([cost.usd.to_string(), cost.known.to_string()]);
            writer.write_record(record)?;
        }
        let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
