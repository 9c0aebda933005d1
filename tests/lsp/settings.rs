//! Severities for some files of the workspace.

use std::fs;

use serde_json::{Value, json};

use crate::support::{TestServer, brief};

/// An old key (ORC801) and an old form of action (ORC808), both hints.
const OLD: &str = "id: p\nsteps:\n  - id: a\n    foreach: [1]\n    action: echo hello\n";

const PULLS: &str = r#"{ "textDocument": { "diagnostic": {} } }"#;

/// What is reported for a file: `severity place code`, 1 being an error and 4 a hint.
fn reported(server: &mut TestServer, name: &str) -> Vec<String> {
    let answer = server.request("workspace/diagnostic", json!({ "previousResultIds": [] }));
    let uri = server.uri(name);
    let item = answer["items"].as_array().unwrap().iter().find(|item| item["uri"] == uri.as_str()).unwrap();
    let severities = item["items"].as_array().unwrap().iter().map(|found| found["severity"].clone());
    brief(&item["items"]).into_iter().zip(severities).map(|(found, severity)| format!("{severity} {found}")).collect()
}

fn configure(server: &mut TestServer, section: Value) {
    server.notify("workspace/didChangeConfiguration", json!({ "settings": { "orc": section } }));
}

#[test]
fn severities_of_some_files_come_before_those_of_all_and_the_last_entry_counts() {
    let mut server = TestServer::start(serde_json::from_str(PULLS).unwrap());
    for folder in ["legacy/deep", "fresh"] {
        fs::create_dir_all(server.folder.path().join(folder)).unwrap();
    }
    fs::write(server.folder.path().join("legacy/deep/closed.orc.yaml"), OLD).unwrap();
    server.open("legacy/open.orc.yaml", OLD);
    server.open("fresh/new.orc.yaml", OLD);
    assert_eq!(reported(&mut server, "fresh/new.orc.yaml"), ["4 4:5 ORC801", "4 5:13 ORC808"]);

    configure(
        &mut server,
        json!({
            "severity": { "ORC801": "error", "ORC808": "warning" },
            "overrides": [
                { "files": "legacy/**", "severity": { "ORC801": "off", "ORC808": "information" } },
                { "files": "./legacy/*.orc.yaml", "severity": { "ORC808": "off" } },
            ],
        }),
    );
    assert_eq!(reported(&mut server, "fresh/new.orc.yaml"), ["1 4:5 ORC801", "2 5:13 ORC808"]);
    assert_eq!(reported(&mut server, "legacy/deep/closed.orc.yaml"), ["3 5:13 ORC808"]);
    assert_eq!(reported(&mut server, "legacy/open.orc.yaml"), Vec::<String>::new());

    // What is not shown is not offered to be mended.
    let params = |name: &str, server: &TestServer| {
        json!({
            "textDocument": { "uri": server.uri(name) },
            "range": { "start": { "line": 3, "character": 4 }, "end": { "line": 3, "character": 4 } },
            "context": { "diagnostics": [], "only": ["quickfix", "source.fixAll"] },
        })
    };
    let asked = params("legacy/open.orc.yaml", &server);
    assert_eq!(server.request("textDocument/codeAction", asked), json!([]));
    let asked = params("fresh/new.orc.yaml", &server);
    assert_ne!(server.request("textDocument/codeAction", asked), json!([]));
    server.finish();
}

#[test]
fn a_glob_that_cannot_be_read_is_reported_and_the_old_settings_stay() {
    let mut server = TestServer::start(serde_json::from_str(PULLS).unwrap());
    server.open("a.orc.yaml", OLD);
    configure(&mut server, json!({ "overrides": [{ "files": "*.yaml", "severity": { "ORC801": "off" } }] }));
    for (wrong, why) in [
        (
            json!({ "files": "a[.yaml", "severity": {} }),
            "error parsing glob 'a[.yaml': unclosed character class; missing ']'",
        ),
        (json!({ "file": "*", "severity": {} }), "unknown field `file`, expected `files` or `severity`"),
    ] {
        configure(&mut server, json!({ "overrides": [wrong] }));
        let told = server.notification("window/showMessage");
        assert_eq!(told["message"], format!("the settings of `orc` cannot be read: {why}"));
    }
    assert_eq!(reported(&mut server, "a.orc.yaml"), ["4 5:13 ORC808"]);
    server.finish();
}
