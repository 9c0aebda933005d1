//! Start, end, and what the server says about itself.

use serde_json::json;

use crate::support::TestServer;

#[test]
fn initialize_reports_name_version_and_protocol() {
    let server = TestServer::start(json!({}));
    let answer = &server.initialized;
    assert_eq!(answer["serverInfo"], json!({ "name": "orc", "version": env!("CARGO_PKG_VERSION") }));
    assert_eq!(answer["capabilities"]["experimental"], json!({ "orc": { "protocol": 1 } }));
    server.finish();
}

#[test]
fn the_position_encoding_is_the_first_the_client_prefers() {
    for (offered, chosen) in [
        (json!(["utf-32", "utf-8"]), "utf-32"),
        (json!(["utf-8", "utf-16"]), "utf-8"),
        (json!(["utf-16"]), "utf-16"),
        (json!(["utf-7"]), "utf-16"),
    ] {
        let server = TestServer::start(json!({ "general": { "positionEncodings": offered } }));
        assert_eq!(server.initialized["capabilities"]["positionEncoding"], chosen);
        server.finish();
    }
}

#[test]
fn exit_ends_the_process_though_standard_input_stays_open() {
    let mut server = TestServer::start(json!({}));
    assert_eq!(server.exit(true).code(), Some(0));
}

#[test]
fn exit_without_shutdown_ends_with_code_1() {
    let mut server = TestServer::start(json!({}));
    assert_eq!(server.exit(false).code(), Some(1));
}

#[test]
fn the_end_of_standard_input_ends_the_process() {
    let mut server = TestServer::start(json!({}));
    assert_eq!(server.hang_up().code(), Some(1));
}

#[test]
fn an_unknown_request_is_answered_with_method_not_found() {
    let mut server = TestServer::start(json!({}));
    assert_eq!(server.request_error("orc/nonsense", json!({}))["code"], -32601);
    server.finish();
}

#[test]
fn opening_a_file_that_is_no_pipeline_gives_no_diagnostics() {
    let mut server = TestServer::start(json!({}));
    server.open("values.yaml", "a: 1\na: 2\n");
    assert_eq!(server.pushed("values.yaml", 1), Vec::<String>::new());
    server.finish();
}

#[test]
fn settings_and_files_are_watched_where_the_client_can() {
    let mut server = TestServer::start(json!({
        "workspace": {
            "configuration": true,
            "didChangeConfiguration": { "dynamicRegistration": true },
            "didChangeWatchedFiles": { "dynamicRegistration": true },
        },
    }));
    let registered = server.server_request("client/registerCapability", json!(null));
    let methods: Vec<&str> =
        registered["registrations"].as_array().unwrap().iter().map(|one| one["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["workspace/didChangeConfiguration", "workspace/didChangeWatchedFiles"]);
    let asked = server.server_request("workspace/configuration", json!([null]));
    assert_eq!(asked["items"], json!([{ "section": "orc" }]));
    server.finish();
}
