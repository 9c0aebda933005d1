//! `orc schema`.

use std::{io, process::ExitCode};

use clap::{Args, ValueEnum};
use engine::schema;
use serde_json::Value;

use super::print;
use crate::config::Settings;

/// Options of `orc schema`.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Which document the schema describes.
    #[arg(value_enum, default_value_t = Document::Pipeline)]
    document: Document,
}

/// A document with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Document {
    /// Pipeline files.
    Pipeline,
    /// What `orc run` writes.
    Result,
    /// A line of `orc run --format jsonl`.
    Events,
    /// A line of the audit log, `.orc/audit.jsonl`.
    Audit,
    /// The settings of the language server.
    Config,
}

impl Schema {
    /// Prints the JSON Schema.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        let schema: Value = match self.document {
            Document::Pipeline => schema::pipeline(),
            Document::Result => schema::result(),
            Document::Events => schema::events(),
            Document::Audit => schema::audit(),
            Document::Config => schema::of::<Settings>(),
        };
        print::out(&format!("{schema:#}\n"))?;
        Ok(ExitCode::SUCCESS)
    }
}
