//! The result document (contract §4): py-orc's keys, and ours.

use std::{borrow::Cow, sync::Arc};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use crate::models::{Usage, calls::ToolCall};

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
    #[serde(default)]
    #[schemars(!default)]
    pub retries: u32,
    /// The last attempt ran out of time.
    #[serde(default)]
    #[schemars(!default)]
    pub timed_out: bool,
    /// Ids it waited for, inferred ones included.
    #[serde(default)]
    #[schemars(!default)]
    pub dependencies: Vec<String>,
    /// Attempts made, the first included.
    #[serde(default)]
    #[schemars(!default)]
    pub attempts: u32,
    /// What its models cost.
    #[serde(default = "Cost::free")]
    #[schemars(!default)]
    pub cost: Cost,
    /// Tokens spent; null where no model was asked.
    pub usage: Option<Usage>,
    /// Whether the result was reused; null while nothing is.
    pub cache: Option<Value>,
    /// How each `<AUTO>` was resolved.
    #[serde(default)]
    #[schemars(!default)]
    pub auto: Vec<Value>,
    /// The tools that its model called, where it was offered some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<ToolCall>")]
    pub tool_calls: Option<Vec<ToolCall>>,
    /// Where the result comes from, if it was not executed in this run.
    pub provenance: Option<Value>,
}

/// A [`StepDocument`] as it is stored: what says nothing is left out. It is read as any other.
pub(crate) struct Brief<'a>(pub(crate) &'a StepDocument);

impl Serialize for Brief<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let StepDocument {
            id,
            action,
            status,
            success,
            value,
            error,
            error_type,
            tool,
            model,
            provider,
            requested_model,
            started_at,
            completed_at,
            duration,
            retries,
            timed_out,
            dependencies,
            attempts,
            cost,
            usage,
            cache,
            auto,
            tool_calls,
            provenance,
        } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", id)?;
        map.serialize_entry("action", action)?;
        map.serialize_entry("status", status)?;
        map.serialize_entry("success", success)?;
        map.serialize_entry("value", value)?;
        let texts = [
            ("error", error),
            ("error_type", error_type),
            ("tool", tool),
            ("model", model),
            ("provider", provider),
            ("requested_model", requested_model),
            ("started_at", started_at),
            ("completed_at", completed_at),
        ];
        for (name, text) in texts {
            written(&mut map, name, text, text.is_some())?;
        }
        written(&mut map, "duration", duration, duration.is_some())?;
        written(&mut map, "retries", retries, *retries > 0)?;
        written(&mut map, "timed_out", timed_out, *timed_out)?;
        written(&mut map, "dependencies", dependencies, !dependencies.is_empty())?;
        written(&mut map, "attempts", attempts, *attempts > 0)?;
        // Of what a model was asked it stands there in any case: who adds up the costs looks for it.
        written(&mut map, "cost", cost, model.is_some() || usage.is_some() || *cost != Cost::free())?;
        written(&mut map, "usage", usage, usage.is_some())?;
        written(&mut map, "cache", cache, cache.is_some())?;
        written(&mut map, "auto", auto, !auto.is_empty())?;
        // That none were called says something, too.
        written(&mut map, "tool_calls", tool_calls, tool_calls.is_some())?;
        written(&mut map, "provenance", provenance, provenance.is_some())?;
        map.end()
    }
}

/// Writes the entry if it says something.
fn written<M: SerializeMap>(
    map: &mut M,
    name: &'static str,
    value: &impl Serialize,
    says: bool,
) -> Result<(), M::Error> {
    if says { map.serialize_entry(name, value) } else { Ok(()) }
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_stored_of_a_step_is_brief_and_reads_as_the_whole() {
        let whole = json!({
            "id": "a", "action": "echo", "status": "completed", "success": true, "value": {"result": null}, "error": null,
            "error_type": null, "tool": null, "model": null, "provider": null, "started_at": null, "completed_at": null,
            "duration": null, "retries": 0, "timed_out": false, "dependencies": [], "attempts": 0,
            "cost": {"nano_usd": 0, "usd": "0", "known": true, "price_date": null}, "usage": null, "cache": null,
            "auto": [], "provenance": null,
        });
        let document: StepDocument = serde_json::from_value(whole.clone()).unwrap();
        let brief = serde_json::to_value(Brief(&document)).unwrap();
        let least =
            json!({"id": "a", "action": "echo", "status": "completed", "success": true, "value": {"result": null}});
        assert_eq!(brief, least);
        assert_eq!(serde_json::from_value::<StepDocument>(brief).unwrap(), document);
        let said = [
            ("error", json!("e")),
            ("error_type", json!("E")),
            ("tool", json!("t")),
            ("model", json!("m")),
            ("provider", json!("p")),
            ("requested_model", json!("r")),
            ("started_at", json!("s")),
            ("completed_at", json!("c")),
            ("duration", json!(0.0)),
            ("retries", json!(1)),
            ("timed_out", json!(true)),
            ("dependencies", json!(["b"])),
            ("attempts", json!(1)),
            ("cost", json!({"nano_usd": 0, "usd": "0", "known": false, "price_date": null})),
            ("cost", json!({"nano_usd": 0, "usd": "0", "known": true, "price_date": "2026-01-01"})),
            ("usage", json!(Usage::default())),
            ("cache", json!({"hit": true})),
            ("auto", json!([{"value": 1}])),
            ("tool_calls", json!([])),
            ("tool_calls", json!([{"name": "n", "arguments": {}, "error": "e"}])),
            ("provenance", json!({"run": "r"})),
        ];
        for (name, value) in said {
            let mut whole = whole.clone();
            whole[name] = value.clone();
            let document: StepDocument = serde_json::from_value(whole).unwrap();
            let brief = serde_json::to_value(Brief(&document)).unwrap();
            assert_eq!(brief[name], value);
            assert_eq!(serde_json::from_value::<StepDocument>(brief).unwrap(), document, "{name}");
        }
    }
}
