//! `validation`: checks data against a JSON Schema, guesses a schema, rates data.

use lang::registry::{Effect, ToolSpec, did_you_mean};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Failure, Outcome, Tool, ToolCx, ToolError, ToolFuture, blocking, params};
use crate::catalog::ToolBuilder;

mod check;

mod coerce;

mod infer;

mod quality;

mod rows;

const NAME: &str = "validation";

/// So many problems stand in the step's error; all of them stand in its result.
const SHOWN: usize = 5;

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Validation;

#[derive(Debug, Deserialize, JsonSchema)]
struct ValidateParams {
    /// The data. JSON text counts as what it holds, unless the schema asks for text.
    data: Value,
    /// The JSON Schema (draft 2020-12 unless it names another) the data must fit.
    #[schemars(with = "Map<String, Value>", extend("x-kind" = "json-schema"))]
    schema: Value,
    /// What happens to data that does not fit: `strict` fails the step, `lenient` converts values of the wrong type
    /// and warns, `report_only` reports. `csv` reads the data as CSV text and checks every row, strictly.
    #[serde(default = "default_mode")]
    #[schemars(extend("enum" = ["strict", "lenient", "report_only", "csv"]))]
    mode: String,
    /// The name of a Python class.
    #[serde(default, rename = "pydantic_model")]
    #[schemars(extend("x-deprecated" = "it has no effect; use `schema`"))]
    _pydantic_model: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described for the checker; models cannot be asked yet")]
struct ExtractParams {
    /// The text the data stands in.
    #[schemars(extend("x-kind" = "prompt"))]
    text: String,
    /// The JSON Schema of the data.
    #[schemars(with = "Map<String, Value>", extend("x-kind" = "json-schema"))]
    schema: Value,
    /// The model: `provider/name`, a name, an alias of `models.yaml`, or `<AUTO …>` to let the router choose.
    #[serde(default)]
    #[schemars(extend("x-kind" = "model"))]
    model: Option<String>,
    /// The name of a Python class.
    #[serde(default)]
    #[schemars(extend("x-deprecated" = "it has no effect; use `schema`"))]
    pydantic_model: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct InferParams {
    /// The data; JSON text counts as what it holds.
    data: Value,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct QualityParams {
    /// Rows: a list of mappings, one mapping, or JSON or CSV text of them.
    data: Value,
    /// The JSON Schema a row fits; without one the accuracy is not rated.
    #[serde(default)]
    #[schemars(with = "Map<String, Value>", extend("x-kind" = "json-schema"))]
    schema: Option<Value>,
    /// The score that is good enough.
    #[serde(default = "default_threshold")]
    #[schemars(range(min = 0, max = 1))]
    threshold: f64,
}

fn default_mode() -> String {
    "strict".to_owned()
}

fn default_threshold() -> f64 {
    0.8
}

#[derive(Debug, Serialize, JsonSchema)]
struct ValidateOutput {
    /// Whether the data fits the schema.
    valid: bool,
    /// What does not fit.
    errors: Vec<check::Problem>,
    /// What was converted to fit (`mode: lenient`).
    warnings: Vec<String>,
    /// The data as it was checked.
    data: Value,
    /// The mode.
    mode: &'static str,
    /// The number of rows that were checked (`mode: csv`).
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_validated: Option<usize>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct InferOutput {
    /// A JSON Schema that the data fits.
    schema: Map<String, Value>,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Strict,
    Lenient,
    ReportOnly,
    Csv,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Strict, Self::Lenient, Self::ReportOnly, Self::Csv];

    fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Lenient => "lenient",
            Self::ReportOnly => "report_only",
            Self::Csv => "csv",
        }
    }

    fn named(word: &str) -> Result<Self, ToolError> {
        let word = word.trim();
        Self::ALL.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(word)).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let remedy = match did_you_mean(word, names) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("it is one of `{}`", names.join("`, `")),
            };
            ToolError::new("ParameterError", format!("unknown mode `{word}` of `{NAME}.validate`; {remedy}"))
        })
    }
}

impl Tool for Validation {
    fn spec(&self) -> ToolSpec {
        ToolBuilder::new(NAME, "Checks data against a JSON Schema, infers a schema, and rates the quality of data.")
            .operation::<ValidateParams, ValidateOutput>(
                "validate",
                "Checks data against a JSON Schema; data that does not fit fails the step, unless `mode` says otherwise.",
                Effect::Pure,
            )
            .primary("valid")
            .operation::<ExtractParams, Value>(
                "extract_structured",
                "Asks a model for the data that stands in a text.",
                Effect::Model,
            )
            .operation::<InferParams, InferOutput>("infer_schema", "Makes a JSON Schema that the data fits.", Effect::Pure)
            .primary("schema")
            .operation::<QualityParams, quality::Rating>(
                "quality_check",
                "Rates how complete, consistent and accurate rows are. A low score fails nothing; use `passed` in a condition.",
                Effect::Pure,
            )
            .primary("score")
            .default_operation("validate")
            .example(
                "
- id: check
  tool: validation
  action: validate
  parameters:
    data: \"{{ read.result.content }}\"
    schema:
      type: object
      properties:
        name: {type: string}
      required: [name]
",
            )
            .available()
            .build()
    }

    fn run<'a>(&'a self, operation: &'a str, params: Map<String, Value>, _cx: &'a ToolCx) -> ToolFuture<'a> {
        let operation = operation.to_owned();
        Box::pin(async move {
            blocking::work("ValidationError", "the validation", || move || execute(&operation, params)).await
        })
    }
}

fn execute(operation: &str, given: Map<String, Value>) -> Result<Outcome, ToolError> {
    match operation {
        "validate" => validate(with_data(operation, given, |params: &mut ValidateParams| &mut params.data)?),
        "extract_structured" => Err(ToolError::new(
            "NotAvailableError",
            format!(
                "this version of orc cannot execute `{NAME}.{operation}`; ask with the action `generate_structured`"
            ),
        )),
        "infer_schema" => {
            let InferParams { data } = with_data(operation, given, |params: &mut InferParams| &mut params.data)?;
            super::success(&InferOutput { schema: infer::schema(&rows::parsed(data)) })
        }
        "quality_check" => {
            let params: QualityParams = params::read(&format!("{NAME}.{operation}"), given)?;
            let schema = params.schema.map(params::schema).transpose()?;
            let validator = schema.as_ref().map(check::compile).transpose()?;
            let rows = rows::of(params.data)?;
            super::success(&quality::rate(&rows, validator.as_ref(), params.threshold))
        }
        unknown => Err(super::unknown_operation(&Validation.spec(), unknown)),
    }
}

/// Reads the parameters. Data that is null is data; anywhere else null means "not given".
fn with_data<T: serde::de::DeserializeOwned>(
    operation: &str,
    mut given: Map<String, Value>,
    data: impl Fn(&mut T) -> &mut Value,
) -> Result<T, ToolError> {
    let is_null = given.get("data").is_some_and(Value::is_null);
    if is_null {
        given.insert("data".to_owned(), Value::Bool(true));
    }
    let mut params: T = params::read(&format!("{NAME}.{operation}"), given)?;
    if is_null {
        *data(&mut params) = Value::Null;
    }
    Ok(params)
}

fn validate(params: ValidateParams) -> Result<Outcome, ToolError> {
    let mode = Mode::named(&params.mode)?;
    let schema = params::schema(params.schema)?;
    let validator = check::compile(&schema)?;
    let mut warnings = Vec::new();
    let (data, errors, rows_validated) = match mode {
        Mode::Strict | Mode::ReportOnly => {
            let data = check::meant(params.data, &schema);
            let errors = check::problems(&validator, &data, "");
            (data, errors, None)
        }
        Mode::Lenient => {
            let mut data = check::meant(params.data, &schema);
            warnings = coerce::coerce(&validator, &mut data);
            let errors = check::problems(&validator, &data, "");
            (data, errors, None)
        }
        Mode::Csv => {
            let mut rows = rows::csv(&params::text(&params.data))?;
            let mut errors = Vec::new();
            for (index, row) in rows.iter_mut().enumerate() {
                // Cells are text by nature; reading a number out of one is no leniency.
                coerce::coerce(&validator, row);
                errors.extend(check::problems(&validator, row, &index.to_string()));
            }
            let count = rows.len();
            (Value::Array(rows), errors, Some(count))
        }
    };
    let failure = match mode {
        Mode::Strict | Mode::Csv if !errors.is_empty() => Some(does_not_fit(&errors)),
        _ => None,
    };
    let output = ValidateOutput { valid: errors.is_empty(), errors, warnings, data, mode: mode.name(), rows_validated };
    let outcome = super::success(&output)?;
    Ok(Outcome { failure, ..outcome })
}

fn does_not_fit(errors: &[check::Problem]) -> Failure {
    let shown: Vec<String> = errors.iter().take(SHOWN).map(check::Problem::shown).collect();
    let more = match errors.len() - shown.len() {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let message = format!("the data does not fit the schema: {}{more}", shown.join("; "));
    Failure { error_type: "ValidationError".to_owned(), message, code: None, retryable: false, unpriced: None }
}

#[cfg(test)]
mod tests;
