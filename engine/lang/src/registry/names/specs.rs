//! What names mean, in a registry made for the tests.
#![expect(clippy::unwrap_used, reason = "tests")]

use expect_test::expect;
use indexmap::IndexMap;

use super::*;
use crate::registry::{
    Effect, LegacyName, OperationSource, OperationSpec, OutputSpec, Registry, Replacement, Target, ToolSpec,
};

fn tool(name: &str, source: OperationSource, operations: &[&str], default: Option<&str>) -> (String, ToolSpec) {
    let operations = operations
        .iter()
        .map(|name| OperationSpec {
            name: (*name).to_owned(),
            doc: String::new(),
            params: Vec::new(),
            output: OutputSpec::default(),
            effect: Effect::Read,
        })
        .collect();
    let spec = ToolSpec {
        name: name.to_owned(),
        doc: String::new(),
        version: 1,
        operation_source: source,
        operations,
        available: true,
        default_operation: default.map(str::to_owned),
        example: String::new(),
    };
    (name.to_owned(), spec)
}

fn registry() -> Registry {
    Registry {
        tools: IndexMap::from_iter([
            tool("file-box", OperationSource::Action, &["read", "write_all"], None),
            tool("search", OperationSource::Single, &["find"], None),
            tool("check", OperationSource::Parameter("mode"), &["validate", "infer"], Some("validate")),
        ]),
        legacy: vec![LegacyName {
            old: "look_up".to_owned(),
            new: Replacement::Tool { tool: "search".to_owned(), operation: None },
        }],
        ..Registry::default()
    }
}

fn meaning(tool: Option<&str>, action: Option<&str>, parameter: Option<&str>) -> String {
    match registry().resolve(tool, action, parameter) {
        Target::Operation { tool, operation } => {
            format!("{}.{}", tool.name, operation.map_or("?", |operation| &operation.name))
        }
        Target::Action(action) => action.name.clone(),
        Target::Echo { text } => format!("echo {text}"),
        Target::FileProse => "prose".to_owned(),
        Target::Auto => "auto".to_owned(),
        Target::Unknown => "unknown".to_owned(),
    }
}

#[test]
fn the_operation_is_found_where_the_tool_names_it() {
    assert_eq!(meaning(Some("file-box"), Some("read"), None), "file-box.read");
    assert_eq!(meaning(Some("file_box"), Some("write-all"), None), "file-box.write_all");
    assert_eq!(meaning(Some("file-box"), Some("file-box"), Some("read")), "file-box.read");
    assert_eq!(meaning(Some("file-box"), Some("erase"), None), "file-box.?");
    assert_eq!(meaning(Some("file-box"), None, None), "file-box.?");
    assert_eq!(meaning(Some("search"), Some("anything"), None), "search.find");
    assert_eq!(meaning(Some("check"), Some("run"), None), "check.validate");
    assert_eq!(meaning(Some("check"), None, Some("infer")), "check.infer");
    assert_eq!(meaning(Some("check"), None, Some("other")), "check.?");
}

#[test]
fn an_action_alone_may_be_a_tool_an_old_name_or_prose() {
    assert_eq!(meaning(None, Some("search"), None), "search.find");
    assert_eq!(meaning(None, Some("look_up"), None), "search.find");
    assert_eq!(meaning(None, Some("file-box"), Some("read")), "file-box.read");
    assert_eq!(meaning(None, Some("Print  hello there"), None), "echo hello there");
    assert_eq!(meaning(None, Some("Write the summary to a file"), None), "prose");
    assert_eq!(meaning(None, Some("write all of it to notes.md"), None), "prose");
    assert_eq!(meaning(None, Some("<AUTO>decide</AUTO>"), None), "auto");
    assert_eq!(meaning(None, Some("think about it"), None), "unknown");
    assert_eq!(meaning(None, None, None), "unknown");
}

#[test]
fn every_filter_of_the_reference_is_described() {
    assert_eq!(filters().len(), 72);
    assert!(filters().is_sorted_by_key(|filter| filter.name));
    assert!(tests().is_sorted_by_key(|test| test.name));
    for doc in filters().iter().map(|filter| filter.doc).chain(globals().iter().map(|global| global.doc)) {
        assert!(doc.lines().next().unwrap().ends_with(['.', ':']), "{doc}");
    }
}

#[test]
fn a_signature_reads_like_a_call() {
    let truncate = filters().iter().find(|filter| filter.name == "truncate").unwrap();
    expect!["truncate(length: integer = 255, killwords: boolean = false, end: string = '...', leeway: integer = 5) -> string"]
        .assert_eq(&truncate.signature.describe(truncate.name));
}
