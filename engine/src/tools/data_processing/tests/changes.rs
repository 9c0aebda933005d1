//! `transform` and `clean`.

use super::*;

const ORDERS: &str = "id,product,quantity,price,day,status\nA1,tea,2,1.50,2024-01-15,paid\nA1,tea,2,1.50,2024-01-15,paid\n\
                      A2,cup,,4.00,2024-02-03,\nA3,pot,1,9.90,2024-02-09,cancelled\n";

#[test]
fn changes_are_made_in_order() {
    let operations = json!([
        {"type": "deduplicate", "columns": ["id"], "keep": "first"},
        {"type": "cast", "columns": {"quantity": "integer", "price": "float", "day": "datetime"}},
        {"type": "fill_missing", "strategy": {"status": "pending", "quantity": 1}},
        {"type": "calculate", "expressions": {"total": "quantity * price", "month": "DATE_FORMAT(day, '%Y-%m')"}},
        {"type": "filter", "condition": "status != 'cancelled'"},
        {"type": "rename_fields", "mapping": {"product": "item"}},
        {"type": "add_field", "field": "currency", "value": "EUR"},
    ]);
    assert_eq!(
        ok("transform", json!({"data": ORDERS, "format": "csv", "operations": operations})),
        json!({
            "action": "transform",
            "processed_data": [
                {"id": "A1", "item": "tea", "quantity": 2, "price": 1.5, "day": "2024-01-15T00:00:00",
                 "status": "paid", "total": 3.0, "month": "2024-01", "currency": "EUR"},
                {"id": "A2", "item": "cup", "quantity": 1, "price": 4.0, "day": "2024-02-03T00:00:00",
                 "status": "pending", "total": 4.0, "month": "2024-02", "currency": "EUR"},
            ],
            "original_count": 4,
            "processed_count": 2,
        })
    );
}

#[test]
fn operation_holds_one_change_or_several() {
    let rows = json!([{"v": 1, "on": true}, {"v": 5, "on": false}, {"v": 3, "on": true}]);
    let transformations = json!([
        {"type": "filter", "field": "on", "value": true},
        {"type": "aggregate", "operation": "sum", "field": "v"},
    ]);
    assert_eq!(
        data("transform", json!({"data": {"records": rows}, "operation": {"transformations": transformations}})),
        json!([{"v_sum": 4}])
    );
    assert_eq!(
        data("transform", json!({"data": rows, "operation": {"type": "normalize", "method": "min-max"}})),
        json!([{"v": 0.0, "on": true}, {"v": 1.0, "on": false}, {"v": 0.5, "on": true}])
    );
}

#[test]
fn a_spec_of_expressions_makes_an_object() {
    let spec = json!({"count": "parsed_data | length", "first": "json.loads(data)[0].a", "kind": 7});
    assert_eq!(
        data("transform", json!({"data": "[{\"a\": 1}, {\"a\": 2}]", "transform_spec": spec})),
        json!({"count": 2, "first": 1, "kind": 7})
    );
}

#[test]
fn transform_names_what_is_wrong() {
    let transform = |operation: Value| failure("transform", json!({"data": ORDERS, "operations": [operation]}));
    assert_eq!(
        transform(json!({"type": "cast", "columns": {"product": "integer"}})),
        "ValueError: row 1 has `tea` in the column `product`, which is no `integer`; filter such rows out or correct \
         them"
    );
    assert_eq!(
        transform(json!({"type": "cast", "columns": {"price": "flaot"}})),
        "ValueError: unknown type `flaot`; did you mean `float`?"
    );
    assert_eq!(
        transform(json!({"type": "rename_feilds"})),
        "ValueError: unknown transformation `rename_feilds`; did you mean `rename_fields`?"
    );
    assert_eq!(
        transform(json!({"type": "calculate", "expressions": {"total": "quantty * 2"}})),
        "ValueError: unknown column `quantty` in `quantty * 2`; did you mean `quantity`?"
    );
    assert_eq!(
        transform(json!({"type": "rename_fields", "mapping": {"id": "price"}})),
        "ValueError: `id` cannot be renamed: there is a column `price` already"
    );
    assert_eq!(
        transform(json!({"type": "deduplicate", "colums": ["id"]})),
        "ParameterError: the parameter `colums` of `operation 1, deduplicate` does not fit: unknown field `colums`, \
         expected `columns` or `keep`"
    );
}

#[test]
fn cleaning_drops_duplicates_gaps_and_outliers() {
    let rows = json!([{"n": 1}, {"n": 1}, {"n": 2}, {"n": null}, {"n": 3}, {"n": 4}, {"n": 100}]);
    assert_eq!(
        ok("clean", json!({"data": rows, "remove_outliers": true})),
        json!({
            "action": "clean",
            "processed_data": [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}],
            "original_count": 7,
            "cleaned_count": 4,
            "duplicates_removed": 1,
            "missing_filled": 0,
            "missing_removed": 1,
            "outliers_removed": 1,
        })
    );
}

#[test]
fn missing_values_are_filled_as_asked() {
    let rows = json!([{"n": null}, {"n": 1, "s": "a"}, {"s": ""}, {"n": 4, "s": "b"}]);
    let clean = |strategy: &str| {
        let rows = data("clean", json!({"data": rows, "handle_missing": strategy}));
        let cell = |row: &Value, name: &str| row.get(name).map_or("-".to_owned(), Value::to_string);
        let shown = rows.as_array().unwrap().iter().map(|row| format!("{} {}", cell(row, "n"), cell(row, "s")));
        shown.collect::<Vec<_>>().join(" | ")
    };
    assert_eq!(clean("forward_fill"), "null - | 1 \"a\" | 1 \"a\" | 4 \"b\"");
    assert_eq!(clean("backward_fill"), "1 \"a\" | 1 \"a\" | 4 \"b\" | 4 \"b\"");
    assert_eq!(clean("interpolate"), "null - | 1 \"a\" | 2.5 \"\" | 4 \"b\"");
    assert_eq!(clean("mean"), "2.5 - | 1 \"a\" | 2.5 \"\" | 4 \"b\"");
    assert_eq!(clean("drop"), "1 \"a\" | 4 \"b\"");
}
