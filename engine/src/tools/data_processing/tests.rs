//! Exact results of every operation.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::DataProcessing;
use crate::tools::{Tool, fixture::World};

mod reading;

mod rows;

mod changes;

mod shapes;

const SALES: &str =
    "region,product,amount\nnorth,tea,120\nsouth,tea,80\nnorth,coffee,200\nsouth,coffee,150\nwest,tea,40\n";

fn ok(operation: &str, params: Value) -> Value {
    World::new().ok(&DataProcessing, operation, params)
}

fn data(operation: &str, params: Value) -> Value {
    ok(operation, params).get("processed_data").unwrap().clone()
}

fn failure(operation: &str, params: Value) -> String {
    World::new().failure(&DataProcessing, operation, params)
}

#[test]
fn an_unknown_operation_suggests_the_nearest() {
    assert_eq!(
        failure("agregate", json!({})),
        "UnknownActionError: `data-processing` has no operation `agregate`; did you mean `aggregate`?"
    );
}

#[test]
fn every_operation_has_its_rows_in_processed_data() {
    for operation in DataProcessing.spec().operations {
        assert!(operation.output.field("data").is_some(), "{}", operation.name);
        assert_eq!(operation.output.primary.as_deref(), Some("processed_data"));
        assert!(!operation.output.open, "{}", operation.name);
        assert!(operation.params.iter().all(|param| !param.required));
    }
}
