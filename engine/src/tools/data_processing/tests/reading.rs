//! Where data come from and what form they take.

use super::*;

#[test]
fn csv_text_becomes_rows_of_text() {
    assert_eq!(
        ok("convert", json!({"data": "id,name\n1,\"a, b\"\n2,\n", "output_format": "json"})),
        json!({
            "action": "convert",
            "processed_data": [{"id": "1", "name": "a, b"}, {"id": "2", "name": ""}],
            "format": "json",
            "original_count": 2,
        })
    );
}

#[test]
fn rows_become_csv_with_all_columns() {
    let rows = json!([{"id": 1, "name": "a, \"b\""}, {"id": 2, "tags": ["x"], "name": null}]);
    assert_eq!(
        data("convert", json!({"data": rows, "output_format": "csv"})),
        json!("id,name,tags\n1,\"a, \"\"b\"\"\",\n2,,\"[\"\"x\"\"]\"\n")
    );
}

#[test]
fn a_table_without_rows_keeps_its_columns() {
    assert_eq!(data("convert", json!({"data": "a,b\n", "output_format": "csv"})), json!("a,b\n"));
    assert_eq!(data("filter", json!({"data": "a,b\n", "operation": {"criteria": {"b": 1}}})), json!([]));
}

#[test]
fn yaml_is_read_and_written() {
    assert_eq!(
        data("convert", json!({"data": "- id: 1\n  on: true\n- id: 2\n"})),
        json!([{"id": 1, "on": true}, {"id": 2}])
    );
    assert_eq!(data("convert", json!({"data": {"a": [1, "x"]}, "output_format": "yaml"})), json!("a:\n- 1\n- x\n"));
}

#[test]
fn json_text_is_one_value_or_one_per_line() {
    assert_eq!(data("convert", json!({"data": "{\"a\": 1}\n{\"a\": 2}\n"})), json!([{"a": 1}, {"a": 2}]));
    assert_eq!(data("convert", json!({"data": "[{\"a\": 1}]"})), json!([{"a": 1}]));
}

#[test]
fn one_line_is_the_path_of_a_file() {
    let world = World::new();
    world.write("work/in/sales.csv", SALES);
    let result = world.ok(
        &DataProcessing,
        "filter",
        json!({"input_data": "in/sales.csv", "operation": {"criteria": {"product": "coffee", "region": "south"}}}),
    );
    assert_eq!(result["processed_data"], json!([{"region": "south", "product": "coffee", "amount": "150"}]));
    world.write("secret.csv", SALES);
    let denied = world.failure(&DataProcessing, "convert", json!({"data": "../secret.csv"}));
    assert!(denied.starts_with("PermissionError: reading `../secret.csv` is not allowed"), "{denied}");
    assert_eq!(
        world.failure(&DataProcessing, "convert", json!({"data": "none.csv"})),
        "FileNotFoundError: cannot read `none.csv`: there is no such file or directory (`data` of one line is the \
         path of a file)"
    );
}

#[test]
fn rows_are_found_in_an_object_and_in_the_result_of_another_step() {
    let operation = json!({"criteria": {"a": 1}});
    let rows = json!([{"a": 1}, {"a": 2}]);
    for given in [json!({"records": rows, "metadata": {}}), json!({"action": "clean", "processed_data": rows})] {
        assert_eq!(data("filter", json!({"data": given, "operation": operation})), json!([{"a": 1}]));
    }
    assert_eq!(data("filter", json!({"data": {"a": 1}, "operation": operation})), json!([{"a": 1}]));
}

#[test]
fn what_is_no_table_is_a_failure() {
    assert_eq!(failure("convert", json!({})), "ParameterError: `data-processing.convert` needs the parameter `data`");
    assert_eq!(
        failure("filter", json!({"data": [{"a": 1}, 2], "operation": {"criteria": {"a": 1}}})),
        "ValueError: row 2 of the data is a number; every row is an object (column → value)"
    );
    assert_eq!(
        failure("convert", json!({"data": "a,b\n1\n"})),
        "ValueError: the text in `data` is no valid CSV: line 2 has 1 fields, the first line has 2"
    );
    assert_eq!(
        failure("convert", json!({"data": "a,a\n1,2\n"})),
        "ValueError: the text in `data` has two columns `a`; give each its own name"
    );
    assert_eq!(
        failure("convert", json!({"data": "[1,"})),
        "ValueError: the text in `data` is no valid JSON: EOF while parsing a value at line 1 column 3"
    );
    assert_eq!(
        failure("convert", json!({"data": [], "output_format": "parquet"})),
        "NotAvailableError: this version of orc cannot read or write parquet; use the format `json`, `csv` or `yaml`"
    );
    assert_eq!(
        failure("convert", json!({"data": [], "format": "xml"})),
        "ParameterError: the parameter `format` of `data-processing.convert` does not fit: unknown variant `xml`, \
         expected one of `json`, `csv`, `yaml`, `parquet`"
    );
}
