//! `filter` and `aggregate`.

use super::*;

#[test]
fn criteria_compare_cells_with_values() {
    let people = json!([
        {"name": "Ann", "age": 17, "active": true},
        {"name": "Bob", "age": "42", "active": "false"},
        {"name": "Cid", "age": 65, "active": true},
        {"name": "Dan", "active": "true"},
    ]);
    let names = |criteria: Value| {
        let rows = data("filter", json!({"data": people, "operation": {"criteria": criteria}}));
        rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(json!({"active": true})), "Ann Cid Dan");
    assert_eq!(names(json!({"age": {">=": 18, "<": 65}})), "Bob");
    assert_eq!(names(json!({"age": null})), "Dan");
    assert_eq!(names(json!({"name": ["Dan", "Ann"]})), "Ann Dan");
    assert_eq!(names(json!({"name": {"contains": "n", "!=": "Ann"}})), "Dan");
    assert_eq!(names(json!({"name": {"not in": ["Ann", "Bob"]}})), "Cid Dan");
}

#[test]
fn a_condition_is_an_expression_over_the_columns() {
    let rows = json!([{"status": "paid", "q": 3}, {"status": "cancelled", "q": 9}, {"status": "open"}]);
    assert_eq!(
        ok("filter", json!({"data": rows, "operation": {"condition": "status != 'cancelled' and q is not none"}})),
        json!({
            "action": "filter",
            "processed_data": [{"status": "paid", "q": 3}],
            "original_count": 3,
            "filtered_count": 1,
        })
    );
}

#[test]
fn filter_names_what_is_wrong() {
    let filter = |operation: Value| failure("filter", json!({"data": SALES, "operation": operation}));
    assert_eq!(
        filter(json!({"criteria": {"regoin": "north"}})),
        "ValueError: unknown column `regoin`; did you mean `region`?"
    );
    assert_eq!(
        filter(json!({"condition": "amuont > '1'"})),
        "ValueError: unknown column `amuont` in `amuont > '1'`; did you mean `amount`?"
    );
    assert_eq!(
        filter(json!({"criteria": {"amount": {"startswith": "1"}}})),
        "ValueError: unknown comparison `startswith`; did you mean `starts_with`?"
    );
    assert_eq!(
        filter(json!({"criteria": {"region": {">": 5}}})),
        "ValueError: row 1 has `north` in the column `region`, which cannot be compared with `5`; filter such rows \
         out or correct them"
    );
    assert_eq!(
        filter(json!({})),
        "ParameterError: `data-processing.filter` needs `operation`, e.g. `{criteria: {status: active}}`"
    );
}

#[test]
fn groups_are_put_together_in_the_order_they_begin() {
    let aggregations = json!({
        "total": {"function": "sum", "column": "amount"},
        "average": {"column": "amount", "function": "mean"},
        "sales": {"function": "count"},
        "products": {"function": "count_distinct", "column": "product"},
    });
    assert_eq!(
        ok("aggregate", json!({"data": SALES, "format": "csv", "group_by": ["region"], "aggregations": aggregations})),
        json!({
            "action": "aggregate",
            "processed_data": [
                {"region": "north", "total": 320, "average": 160.0, "sales": 2, "products": 2},
                {"region": "south", "total": 230, "average": 115.0, "sales": 2, "products": 2},
                {"region": "west", "total": 40, "average": 40.0, "sales": 1, "products": 1},
            ],
            "original_count": 5,
            "group_count": 3,
        })
    );
}

#[test]
fn without_groups_all_rows_are_one() {
    assert_eq!(
        data(
            "aggregate",
            json!({"data": SALES, "aggregations": {"amount": ["min", "max", "median"], "region": "first"}})
        ),
        json!([{"amount_min": 40, "amount_max": 200, "amount_median": 120, "region": "north"}])
    );
    assert_eq!(
        data(
            "aggregate",
            json!({"data": SALES, "operation": {"group_by": "product", "aggregations": {"amount": "total"}},
            "output_format": "csv"})
        ),
        json!("product,amount\ntea,240\ncoffee,350\n")
    );
}

#[test]
fn missing_values_take_no_part() {
    let rows = json!([{"a": 1}, {"a": null}, {"a": ""}, {"b": 1}, {"a": 2.5}]);
    assert_eq!(
        data("aggregate", json!({"data": rows, "aggregations": {"a": ["sum", "count", "mean"]}})),
        json!([{"a_sum": 3.5, "a_count": 2, "a_mean": 1.75}])
    );
    let none = json!([{"a": null}]);
    assert_eq!(
        data("aggregate", json!({"data": none, "aggregations": {"a": ["sum", "mean", "min"]}})),
        json!([{"a_sum": 0, "a_mean": null, "a_min": null}])
    );
}

#[test]
fn aggregate_names_what_is_wrong() {
    let aggregate = |aggregations: Value| failure("aggregate", json!({"data": SALES, "aggregations": aggregations}));
    assert_eq!(
        aggregate(json!({"t": {"function": "sum", "column": "region"}})),
        "ValueError: `sum` needs numbers, but row 1 has `north` in the column `region`; filter such rows out or \
         correct them"
    );
    assert_eq!(aggregate(json!({"amount": "summ"})), "ValueError: unknown function `summ`; did you mean `sum`?");
    assert_eq!(
        aggregate(json!({"t": {"function": "sum", "column": "amounts"}})),
        "ValueError: unknown column `amounts`; did you mean `amount`?"
    );
    assert_eq!(
        aggregate(json!({"t": {"function": "sum"}})),
        "ParameterError: the aggregation `t` needs the `column` that `sum` is taken of"
    );
    assert_eq!(
        failure("aggregate", json!({"data": SALES})),
        "ParameterError: `data-processing.aggregate` needs `aggregations`, e.g. `{total: {function: sum, column: \
         amount}}`"
    );
}

#[test]
fn a_condition_reads_cells_of_csv_as_numbers_where_it_calculates() {
    let amounts = |condition: &str| {
        let rows = data("filter", json!({"data": SALES, "operation": {"condition": condition}}));
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row["amount"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(amounts("amount > 100"), "120 200 150");
    assert_eq!(amounts("100 < row.amount * 1.5 and amount != 200"), "120 80 150");
    assert_eq!(amounts("80 <= amount <= 150 and product == 'tea'"), "120 80");
    assert_eq!(amounts("amount == '40'"), "40");
    assert_eq!(
        failure("filter", json!({"data": SALES, "operation": {"condition": "region > 1"}})),
        "ValueError: `region > 1` needs a number, but row 1 has `north` in the column `region`; filter such rows out \
         or correct them"
    );
}
