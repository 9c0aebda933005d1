//! The result document (contract §4): py-orc's keys, and ours.

use std::{borrow::Cow, sync::Arc};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::models::Usage;

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ResultDocument {
    /// The pipeline's id.
    pub pipeline_id: String,
    /// The run's id: `<pipeline id>_<unix seconds>_<8 hex>`.
    pub execution_id: String,
    /// `completed` or `failed`; `cancelled` when it was stopped, `waiting` when a person must answer first.
    pub status: String,
    /// All steps succeeded, all outputs rendered.
    pub success: bool,
    /// Per step, in order of declaration.
    pub steps: IndexMap<String, Arc<StepDocument>>,
    /// Declared outputs; null where one failed.
    pub outputs: IndexMap<String, Value>,
    /// Ids of the steps that ran: by level, then by declaration, so that it is the same every time.
    pub execution_order: Vec<String>,
    /// Ids by level.
    pub execution_levels: Vec<Vec<String>>,
    /// RFC 3339 UTC.
    pub started_at: String,
    /// RFC 3339 UTC.
    pub completed_at: String,
    /// Seconds.
    pub duration: f64,
    /// Why it failed.
    pub error: Option<String>,
    /// The failure's class.
    pub error_type: Option<String>,
    /// What the models cost.
    pub cost: Cost,
    /// Tokens spent; null where no model was asked.
    pub usage: Option<Usage>,
    /// What made this document.
    pub provenance: Provenance,
}

/// What models cost (contract §6.6).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Cost {
    /// Billionths of a US dollar.
    pub nano_usd: i64,
    /// The same in US dollars, as a decimal text.
    pub usd: Cow<'static, str>,
    /// All prices were known.
    pub known: bool,
    /// The day of the prices.
    pub price_date: Option<String>,
}

impl Cost {
    /// Nothing was asked of a model that costs.
    pub fn free() -> Self {
        Self { nano_usd: 0, usd: Cow::Borrowed("0"), known: true, price_date: None }
    }

    /// A model was asked whose price nobody knows.
    pub fn unknown() -> Self {
        Self { known: false, ..Self::free() }
    }

    /// So many billionths of a dollar, at the prices of this day; at least so many where not all prices are
    /// `known`.
    pub fn of(nano_usd: i64, known: bool, price_date: Option<String>) -> Self {
        let usd = match format!("{}.{:09}", nano_usd / 1_000_000_000, nano_usd % 1_000_000_000) {
            _ if nano_usd == 0 => Cow::Borrowed("0"),
            digits => Cow::Owned(digits.trim_end_matches('0').trim_end_matches('.').to_owned()),
        };
        Self { nano_usd, usd, known, price_date }
    }

    /// All digits, e.g. `$0.000024`; `≥` stands before it where not all prices are known.
    pub fn exact(&self) -> String {
        format!("{}${}", if self.known { "" } else { "≥ " }, self.usd)
    }

    /// All of them together; the date is the latest.
    pub fn sum<'c>(all: impl Iterator<Item = &'c Self>) -> Self {
        let (mut nano_usd, mut known, mut date) = (0_i64, true, None);
        for cost in all {
            nano_usd = nano_usd.saturating_add(cost.nano_usd);
            known &= cost.known;
            date = date.max(cost.price_date.as_deref());
        }
        Self::of(nano_usd, known, date.map(str::to_owned))
    }
}

/// An amount as people read it, e.g. `$0.0012`; `≥` stands before it where not all prices are `known`.
pub fn dollars(nano_usd: i64, known: bool) -> String {
    let least = if known { "" } else { "≥ " };
    format!("{least}${:.4}", nano_usd as f64 / 1e9)
}

/// What made a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Provenance {
    /// `orc` and its version.
    pub engine: String,
    /// The pipeline file as the user named it.
    pub file: String,
    /// Models were simulated.
    pub simulated: bool,
    /// Answers came from a recording: which one, and what it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<Replayed>,
}

/// The recording that a run was answered from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Replayed {
    /// Its directory, as the user named it.
    pub directory: String,
    /// What the answers cost when they were recorded.
    pub cost: Cost,
    /// The tokens they took then; null where nobody said.
    pub usage: Option<Usage>,
}

/// What a step gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepDocument {
    /// Its id.
    pub id: String,
    /// Its action or operation as written.
    pub action: String,
    /// `completed`, `failed`, `skipped`, `not_run`, `cancelled`, `waiting`.
    pub status: Cow<'static, str>,
    /// It did what was asked.
    pub success: bool,
    /// What templates see: usually `{result, success, error}`.
    pub value: Value,
    /// Why it failed.
    pub error: Option<String>,
    /// The failure's class.
    pub error_type: Option<String>,
    /// Its tool.
    pub tool: Option<String>,
    /// The served model.
    pub model: Option<String>,
    /// The served model's provider.
    pub provider: Option<String>,
    /// The model that was asked first, as `provider/name`, where another one answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub requested_model: Option<String>,
    /// RFC 3339 UTC.
    pub started_at: Option<String>,
    /// RFC 3339 UTC.
    pub completed_at: Option<String>,
    /// Seconds.
    pub duration: Option<f64>,
    /// Attempts beyond the first.
    pub retries: u32,
    /// The last attempt ran out of time.
    pub timed_out: bool,
    /// Ids it waited for, inferred ones included.
    pub dependencies: Vec<String>,
    /// Attempts made, the first included.
    pub attempts: u32,
    /// What its models cost.
    pub cost: Cost,
    /// Tokens spent; null where no model was asked.
    pub usage: Option<Usage>,
    /// Whether the result was reused; null while nothing is.
    pub cache: Option<Value>,
    /// How each `<AUTO>` was resolved.
    pub auto: Vec<Value>,
    /// Where the result comes from, if it was not executed in this run.
    pub provenance: Option<Value>,
}

impl StepDocument {
    /// Whether its result was there already.
    pub fn is_reused(&self) -> bool {
        self.cache.as_ref().is_some_and(|cache| cache["hit"] == true)
    }
}

impl ResultDocument {
    /// The document with ids, times and what depends on the machine blanked, for comparison.
    pub fn normalized(&self) -> Self {
        let mut document = self.clone();
        document.execution_id.clear();
        document.started_at.clear();
        document.completed_at.clear();
        document.duration = 0.0;
        document.provenance =
            Provenance { engine: String::new(), file: String::new(), simulated: false, replayed: None };
        for step in document.steps.values_mut().map(Arc::make_mut) {
            step.started_at = None;
            step.completed_at = None;
            step.duration = None;
        }
        document
    }

    /// The exit code of the command line: 0 success, 1 failure, 3 waiting for a person, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        match (&*self.status, self.success) {
            ("cancelled", _) => 130,
            ("waiting", _) => 3,
            (_, true) => 0,
            (_, false) => 1,
        }
    }
}
