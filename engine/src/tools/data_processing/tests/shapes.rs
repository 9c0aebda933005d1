//! `profile`, `pivot` and `merge`.

use super::*;

#[test]
fn a_profile_describes_every_column() {
    assert_eq!(
        ok("profile", json!({"data": "n,s,d\n1,a,2024-01-02\n4,,2023-05-06\n1,a,2024-01-02\n", "format": "csv"})),
        json!({
            "action": "profile",
            "processed_data": {
                "row_count": 3,
                "column_count": 3,
                "duplicate_rows": 1,
                "columns": {
                    "n": {"data_type": "numeric", "missing_count": 0, "missing_percentage": 0.0, "unique_count": 2,
                          "min": 1, "max": 4, "mean": 2.0, "median": 1, "std": 3.0_f64.sqrt(),
                          "outlier_count": 0, "outlier_percentage": 0.0},
                    "s": {"data_type": "string", "missing_count": 1, "missing_percentage": 33.33, "unique_count": 1},
                    "d": {"data_type": "datetime", "missing_count": 0, "missing_percentage": 0.0, "unique_count": 2,
                          "min": "2023-05-06", "max": "2024-01-02"},
                },
            },
        })
    );
}

#[test]
fn a_profile_says_what_is_asked_for() {
    let profile = data("profile", json!({"data": [{"a": null}], "profiling_options": ["missing_values"]}));
    assert_eq!(profile["columns"], json!({"a": {"missing_count": 1, "missing_percentage": 100.0, "unique_count": 0}}));
}

#[test]
fn a_pivot_makes_values_into_columns() {
    assert_eq!(
        ok("pivot", json!({"data": SALES, "index": ["region"], "columns": ["product"], "values": ["amount"]})),
        json!({
            "action": "pivot",
            "processed_data": [
                {"region": "north", "tea": 120, "coffee": 200},
                {"region": "south", "tea": 80, "coffee": 150},
                {"region": "west", "tea": 40, "coffee": 0},
            ],
            "original_count": 5,
            "row_count": 3,
        })
    );
    assert_eq!(
        failure("pivot", json!({"data": SALES, "index": "region", "columns": "produkt", "values": "amount"})),
        "ValueError: unknown column `produkt`; did you mean `product`?"
    );
}

#[test]
fn data_sets_are_combined_by_name() {
    let datasets = json!([{"name": "people", "data": "id,name\n1,Ann\n"}, {"name": "none", "data": {}}]);
    assert_eq!(
        ok("merge", json!({"datasets": datasets})),
        json!({
            "action": "merge",
            "processed_data": {"people": [{"id": "1", "name": "Ann"}], "none": {}},
            "original_count": 2,
            "merged_count": 2,
        })
    );
}

#[test]
fn rows_are_put_below_each_other() {
    assert_eq!(
        data("merge", json!({"datasets": [[{"a": 1}], [{"b": 2}]], "merge_strategy": "concat"})),
        json!([{"a": 1, "b": null}, {"a": null, "b": 2}])
    );
}

#[test]
fn rows_are_joined_by_their_key() {
    let join = |kind: &str| {
        let people = json!([{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}]);
        let orders = json!({"name": "orders", "data": "id,name\n3,pot\n1,tea\n1,cup\n"});
        let params = json!({"datasets": [people, orders], "merge_strategy": "join", "join_on": "id",
            "join_type": kind, "output_format": "csv"});
        data("merge", params).as_str().unwrap().replace('\n', " ")
    };
    assert_eq!(join("inner"), "id,name,name_orders 1,Ann,tea 1,Ann,cup ");
    assert_eq!(join("left"), "id,name,name_orders 1,Ann,tea 1,Ann,cup 2,Bob, ");
    assert_eq!(join("right"), "id,name,name_orders 3,,pot 1,Ann,tea 1,Ann,cup ");
    assert_eq!(join("outer"), "id,name,name_orders 1,Ann,tea 1,Ann,cup 2,Bob, 3,,pot ");
}

#[test]
fn merge_names_what_is_wrong() {
    assert_eq!(failure("merge", json!({})), "ParameterError: `data-processing.merge` needs the parameter `datasets`");
    let datasets = json!([[{"a": 1}], [{"b": 1}]]);
    assert_eq!(
        failure("merge", json!({"datasets": datasets, "merge_strategy": "join", "join_on": ["a"]})),
        "ValueError: unknown column `a`; did you mean `b`?"
    );
}
