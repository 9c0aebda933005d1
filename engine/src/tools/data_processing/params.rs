//! Parameters of `data-processing`, one struct per operation.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::text::Format;

/// A column name, or a list of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Columns {
    /// One.
    One(String),
    /// Several, in order.
    Many(Vec<String>),
}

impl Columns {
    /// All of them.
    pub(super) fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
    }
}

/// Names of an optional parameter.
pub(super) fn names(columns: Option<&Columns>) -> &[String] {
    columns.map_or(&[], Columns::names)
}

/// Parameters of `convert`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ConvertParams {
    /// A list of rows, an object, JSON, CSV or YAML text, or the path of a file.
    #[schemars(extend("type" = ["array", "object", "string"], "x-kind" = "data", "x-aliases" = ["input_data"]))]
    #[serde(default, alias = "input_data")]
    pub(super) data: Option<Value>,
    /// How text is read. Without it, by the file's extension, or by how the text begins.
    #[schemars(extend("x-aliases" = ["input_format"]))]
    #[serde(default, alias = "input_format")]
    pub(super) format: Option<Format>,
    /// The result's form: values for `json`, text for `csv` and `yaml`.
    #[schemars(extend("default" = "json"))]
    pub(super) output_format: Option<Format>,
    /// The compression of parquet files, which this version cannot write.
    pub(super) compression: Option<String>,
}

/// Parameters of `filter`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct FilterParams {
    /// A list of rows, an object, JSON, CSV or YAML text, or the path of a file.
    #[schemars(extend("type" = ["array", "object", "string"], "x-kind" = "data", "x-aliases" = ["input_data"]))]
    #[serde(default, alias = "input_data")]
    pub(super) data: Option<Value>,
    /// How text is read. Without it, by the file's extension, or by how the text begins.
    #[schemars(extend("x-aliases" = ["input_format"]))]
    #[serde(default, alias = "input_format")]
    pub(super) format: Option<Format>,
    /// Which rows stay.
    pub(super) operation: Option<FilterOperation>,
    /// The result's form: values for `json`, text for `csv` and `yaml`.
    #[schemars(extend("default" = "json"))]
    pub(super) output_format: Option<Format>,
}

/// Which rows stay: those that meet all that is given.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FilterOperation {
    /// Column → the value it has, a list of values of which it has one, or comparisons:
    /// `{age: {">=": 18, "<": 65}}`. Comparisons are `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`,
    /// `not in`, `contains`, `starts_with` and `ends_with`.
    pub(super) criteria: Option<Map<String, Value>>,
    /// An expression over the columns, e.g. `status != 'cancelled' and quantity > 1`.
    pub(super) condition: Option<String>,
    /// A column that is compared with `value`.
    pub(super) field: Option<String>,
    /// The comparison of `field` and `value`.
    #[schemars(extend("default" = "=="))]
    pub(super) operator: Option<String>,
    /// What `field` is compared with.
    pub(super) value: Option<Value>,
}

/// Parameters of `aggregate`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AggregateParams {
    /// A list of rows, an object, JSON, CSV or YAML text, or the path of a file.
    #[schemars(extend("type" = ["array", "object", "string"], "x-kind" = "data", "x-aliases" = ["input_data"]))]
    #[serde(default, alias = "input_data")]
    pub(super) data: Option<Value>,
    /// How text is read. Without it, by the file's extension, or by how the text begins.
    #[schemars(extend("x-aliases" = ["input_format"]))]
    #[serde(default, alias = "input_format")]
    pub(super) format: Option<Format>,
    /// The columns whose equal values make a group; without them, all rows are one group.
    pub(super) group_by: Option<Columns>,
    /// New column → `{function: sum, column: amount}`, or column → function. Functions are `sum`,
    /// `mean`, `count`, `count_distinct`, `min`, `max`, `median`, `first` and `last`.
    pub(super) aggregations: Option<Map<String, Value>>,
    /// The same as one object: `{group_by: […], aggregations: {…}}`.
    pub(super) operation: Option<Map<String, Value>>,
    /// The result's form: values for `json`, text for `csv` and `yaml`.
    #[schemars(extend("default" = "json"))]
    pub(super) output_format: Option<Format>,
}

/// Parameters of `transform`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct TransformParams {
    /// A list of rows, an object, JSON, CSV or YAML text, or the path of a file.
    #[schemars(extend("type" = ["array", "object", "string"], "x-kind" = "data", "x-aliases" = ["input_data"]))]
    #[serde(default, alias = "input_data")]
    pub(super) data: Option<Value>,
    /// How text is read. Without it, by the file's extension, or by how the text begins.
    #[schemars(extend("x-aliases" = ["input_format"]))]
    #[serde(default, alias = "input_format")]
    pub(super) format: Option<Format>,
    /// What is done, in order. Each has a `type`:
    ///
    /// - `filter`: `field` and `value`, `criteria`, or `condition`
    /// - `rename_fields`: `mapping`, old name → new name
    /// - `add_field`: `field` and `value`
    /// - `calculate`: `expressions`, column → expression
    /// - `cast`: `columns`, column → `integer`, `float`, `string`, `boolean`, `date` or `datetime`
    /// - `fill_missing`: `strategy`, column → value
    /// - `deduplicate`: `columns`, `keep` (`first` or `last`)
    /// - `normalize`: `columns`, `method` (`min-max` or `z-score`)
    /// - `aggregate`: `group_by` and `aggregations`, or `operation` and `field`
    pub(super) operations: Option<Vec<Map<String, Value>>>,
    /// One of those, or `{transformations: […]}`.
    pub(super) operation: Option<Map<String, Value>>,
    /// Name → expression over `data` and `parsed_data`; the result is an object of the values.
    pub(super) transform_spec: Option<Map<String, Value>>,
    /// The result's form: values for `json`, text for `csv` and `yaml`.
    #[schemars(extend("default" = "json"))]
    pub(super) output_format: Option<Format>,
}

/// Parameters of `profile`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ProfileParams {
    /// A list of rows, an object, JSON, CSV or YAML text, or the path of a file.
    #[schemars(extend("type" = ["array", "object", "string"], "x-kind" = "data", "x-aliases" = ["input_data"]))]
    #[serde(default, alias = "input_data")]
    pub(super) data: Option<Value>,
    /// How text is read. Without it, by the file's extension, or by how the text begins.
    #[schemars(extend("x-aliases" = ["input_format"]))]
    #[serde(default, alias = "input_format")]
    pub(super) format: Option<Format>,
    /// What is looked at; everything, if not given.
    pub(super) profiling_options: Option<Vec<ProfileOption>>,
}

/// A part of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ProfileOption {
    /// How many values are missing.
    MissingValues,
    /// What the columns hold.
    DataTypes,
    /// Smallest, largest and mean value, and the like.
    StatisticalSummary,
    /// Values far from the others.
    OutlierDetection,
    /// Rows that are there before; always counted.
    DuplicateDetection,
}

/// Parameters of `pivot`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct PivotParams {
    /// A list of rows, an object, JSON, CSV or YAML text, or the path of a file.
    #[schemars(extend("type" = ["array", "object", "string"], "x-kind" = "data", "x-aliases" = ["input_data"]))]
    #[serde(default, alias = "input_data")]
    pub(super) data: Option<Value>,
    /// How text is read. Without it, by the file's extension, or by how the text begins.
    #[schemars(extend("x-aliases" = ["input_format"]))]
    #[serde(default, alias = "input_format")]
    pub(super) format: Option<Format>,
    /// The columns whose values make the rows.
    pub(super) index: Option<Columns>,
    /// The columns whose values make the new columns.
    pub(super) columns: Option<Columns>,
    /// The columns that are put together.
    pub(super) values: Option<Columns>,
    /// How values that meet are put together: a function of `aggregate`.
    #[schemars(extend("default" = "sum"))]
    pub(super) aggfunc: Option<String>,
    /// What stands where no values meet.
    #[schemars(extend("default" = 0))]
    pub(super) fill_value: Option<Value>,
    /// The result's form: values for `json`, text for `csv` and `yaml`.
    #[schemars(extend("default" = "json"))]
    pub(super) output_format: Option<Format>,
}

/// Parameters of `clean`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CleanParams {
    /// A list of rows, an object, JSON, CSV or YAML text, or the path of a file.
    #[schemars(extend("type" = ["array", "object", "string"], "x-kind" = "data", "x-aliases" = ["input_data"]))]
    #[serde(default, alias = "input_data")]
    pub(super) data: Option<Value>,
    /// How text is read. Without it, by the file's extension, or by how the text begins.
    #[schemars(extend("x-aliases" = ["input_format"]))]
    #[serde(default, alias = "input_format")]
    pub(super) format: Option<Format>,
    /// Drop rows that are there before.
    #[schemars(extend("default" = true))]
    pub(super) remove_duplicates: Option<bool>,
    /// What happens to missing values (null and empty text): the row goes (`drop`), they take the
    /// value before or after, a value between the two, or the column's mean; the last two in
    /// columns of numbers only.
    #[schemars(extend("default" = "drop"))]
    pub(super) handle_missing: Option<MissingStrategy>,
    /// Drop rows with a number far from the others of its column (1.5 interquartile ranges beyond
    /// the quartiles).
    #[schemars(extend("default" = false))]
    pub(super) remove_outliers: Option<bool>,
    /// The result's form: values for `json`, text for `csv` and `yaml`.
    #[schemars(extend("default" = "json"))]
    pub(super) output_format: Option<Format>,
}

/// What happens to missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum MissingStrategy {
    /// The row goes.
    Drop,
    /// The value of the row before.
    ForwardFill,
    /// The value of the row after.
    BackwardFill,
    /// A number between the one before and the one after.
    Interpolate,
    /// The column's mean.
    Mean,
}

/// Parameters of `merge`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct MergeParams {
    /// The data sets: rows, text or paths, each by itself or as `{name: …, data: …}`.
    #[schemars(extend("items" = {"x-kind": "data"}))]
    pub(super) datasets: Option<Vec<Value>>,
    /// How text is read. Without it, by the file's extension, or by how the text begins.
    #[schemars(extend("x-aliases" = ["input_format"]))]
    #[serde(default, alias = "input_format")]
    pub(super) format: Option<Format>,
    /// Each under its name in one object (`combine`), rows with the same key as one (`join`), or
    /// all rows one after the other (`concat`).
    #[schemars(extend("default" = "combine"))]
    pub(super) merge_strategy: Option<MergeStrategy>,
    /// The columns that rows have in common, for `join`.
    pub(super) join_on: Option<Columns>,
    /// Which rows without a partner stay in a `join`: none (`inner`), all (`outer`), those of the
    /// data sets before (`left`) or of the next one (`right`).
    #[schemars(extend("default" = "inner"))]
    pub(super) join_type: Option<JoinType>,
    /// The result's form: values for `json`, text for `csv` and `yaml`.
    #[schemars(extend("default" = "json"))]
    pub(super) output_format: Option<Format>,
}

/// How data sets become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum MergeStrategy {
    /// Each under its name.
    Combine,
    /// Rows with the same key as one.
    Join,
    /// One after the other.
    Concat,
}

/// Which rows without a partner stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum JoinType {
    /// None.
    Inner,
    /// All.
    Outer,
    /// Those of the left side.
    Left,
    /// Those of the right side.
    Right,
}
