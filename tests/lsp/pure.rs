//! Opening, typing and looking around in the corpus opens no connection, whatever the pipelines name.

use std::{
    fs,
    io::ErrorKind,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use crate::support::TestServer;

/// What is typed at the end of each file: a step whose model, prompt and tag would all be somebody's to answer.
const TYPED: &str = "\n  - id: typed\n    action: generate\n    model: openai/gpt-4o-mini\n    parameters:\n      prompt: \
                     \"{{ x }} <AUTO>What?</AUTO>\"\n      url: https://example.com\n";

fn corpus() -> Vec<PathBuf> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/pipelines")];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => open.push(path),
                Some("yaml" | "yml") => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// The sockets that the process has open; nothing where the system does not tell.
fn sockets(process: u32) -> Option<Vec<PathBuf>> {
    let handles = fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    let targets = handles.filter_map(|handle| fs::read_link(handle.ok()?.path()).ok());
    let mut sockets: Vec<PathBuf> = targets.filter(|target| target.starts_with("socket:")).collect();
    sockets.sort();
    Some(sockets)
}

#[test]
fn opening_and_typing_in_the_corpus_opens_no_connection() {
    // Whoever is asked, directly or through a proxy, is asked here.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut variables: Vec<(&str, &str)> = [
        "OPENAI_BASE_URL",
        "ANTHROPIC_BASE_URL",
        "GEMINI_BASE_URL",
        "OLLAMA_HOST",
        "HF_BASE_URL",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ]
    .map(|name| (name, &*address))
    .to_vec();
    variables.extend(
        ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "HF_TOKEN"].map(|name| (name, "key-of-the-test-1")),
    );
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let capabilities = json!({"textDocument": {"diagnostic": {}, "hover": {"contentFormat": ["markdown"]}}});
    let mut server = TestServer::start_seeing(folder, json!({ "capabilities": capabilities }), &variables);
    let before = sockets(server.id());
    let files = corpus();
    assert_eq!(files.len(), 90);
    for (number, file) in files.iter().enumerate() {
        let name = format!("p{number}.orc.yaml");
        let mut text = fs::read_to_string(file).unwrap();
        server.open(&name, &text);
        let mut version = 1;
        // A few letters at a time, asking for what an editor asks for.
        for letters in TYPED.as_bytes().chunks(24) {
            text.push_str(std::str::from_utf8(letters).unwrap());
            version += 1;
            server.change(&name, version, &text);
            let (line, column) = (text.lines().count() - 1, text.lines().last().map_or(0, str::len));
            look(&mut server, &name, line, column);
        }
        for line in (0..text.lines().count()).step_by(7) {
            let position = json!({"line": line, "character": 10});
            server.request("textDocument/hover", with(server.document(&name), "position", position));
        }
        assert_eq!(sockets(server.id()), before, "{}", file.display());
        match listener.accept() {
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            Ok(_) => panic!("a connection was opened in {}", file.display()),
        }
        server.notify("textDocument/didClose", server.document(&name));
    }
    server.request("shutdown", Value::Null);
    assert!(listener.accept().is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
}

fn with(mut params: Value, name: &str, value: Value) -> Value {
    params[name] = value;
    params
}

/// Asks for everything that is shown around a place.
fn look(server: &mut TestServer, name: &str, line: usize, column: usize) {
    let document = server.document(name);
    let position = json!({"line": line, "character": column});
    let range = json!({"start": {"line": 0, "character": 0}, "end": position});
    server.request("textDocument/completion", with(document.clone(), "position", position));
    server.request("textDocument/diagnostic", document.clone());
    server.request("textDocument/codeLens", document.clone());
    server.request("textDocument/inlayHint", with(document.clone(), "range", range.clone()));
    server.request("textDocument/semanticTokens/full", document.clone());
    let action = with(with(document, "range", range), "context", json!({"diagnostics": []}));
    server.request("textDocument/codeAction", action);
}
