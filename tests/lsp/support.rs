//! An editor that notices everything: each message the server sends must be read by the test.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a message may take; only a broken server is that slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running `orc lsp`.
pub(crate) struct TestServer {
    child: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    unread: VecDeque<Value>,
    last_id: i64,
    /// The workspace folder; nothing is in it.
    pub(crate) folder: Arc<TempDir>,
    /// The answer to `initialize`.
    pub(crate) initialized: Value,
}

impl TestServer {
    /// Starts a server for a client with `capabilities`, and initializes it.
    pub(crate) fn start(capabilities: Value) -> Self {
        Self::start_with(json!({ "capabilities": capabilities }))
    }

    /// The same with all parameters of `initialize`; the folder is added.
    pub(crate) fn start_with(params: Value) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), params)
    }

    /// The same in a folder that others work in too.
    pub(crate) fn start_in(folder: Arc<TempDir>, params: Value) -> Self {
        Self::start_seeing(folder, params, &[])
    }

    /// The same with these variables in the environment.
    pub(crate) fn start_seeing(folder: Arc<TempDir>, mut params: Value, variables: &[(&str, &str)]) -> Self {
        let mut server = Self::spawn_in(folder, variables);
        let folder = server.folder_uri();
        params["workspaceFolders"] = json!([{ "uri": folder, "name": "test" }]);
        params["processId"] = Value::Null;
        server.initialized = server.request("initialize", params);
        server.notify("initialized", json!({}));
        server
    }

    /// Starts the process and sends nothing.
    pub(crate) fn spawn() -> Self {
        Self::spawn_in(Arc::new(tempfile::tempdir().unwrap()), &[])
    }

    fn spawn_in(folder: Arc<TempDir>, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_orc"))
            .args(["lsp", "--stdio"])
            .current_dir(folder.path())
            .env("XDG_STATE_HOME", folder.path().join(".state"))
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, messages) = channel();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            while let Some(message) = read(&mut stdout) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, messages, unread: VecDeque::new(), last_id: 0, folder, initialized: Value::Null }
    }

    /// The folder's address.
    pub(crate) fn folder_uri(&self) -> String {
        format!("file://{}", self.folder.path().display())
    }

    /// The address of a file in the folder.
    pub(crate) fn uri(&self, name: &str) -> String {
        format!("{}/{name}", self.folder_uri())
    }

    /// Opens a document, version 1.
    pub(crate) fn open(&mut self, name: &str, text: &str) {
        let uri = self.uri(name);
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Replaces the whole text.
    pub(crate) fn change(&mut self, name: &str, version: i32, text: &str) {
        self.change_with(name, version, json!([{ "text": text }]));
    }

    /// Sends changes.
    pub(crate) fn change_with(&mut self, name: &str, version: i32, changes: Value) {
        let document = json!({ "uri": self.uri(name), "version": version });
        self.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    /// `{textDocument: {uri}}`
    pub(crate) fn document(&self, name: &str) -> Value {
        json!({ "textDocument": { "uri": self.uri(name) } })
    }

    /// Sends a notification.
    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.write(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request and returns its id.
    pub(crate) fn send(&mut self, method: &str, params: Value) -> i64 {
        self.last_id += 1;
        self.write(&json!({ "jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params }));
        self.last_id
    }

    /// The answer to request `id`: its result or its error.
    pub(crate) fn answer(&mut self, id: i64) -> Result<Value, Value> {
        let mut message = self.wait(|message| message.get("method").is_none() && message["id"] == id);
        match message.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(message["result"].take()),
        }
    }

    /// Asks and returns the result.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.answer(id).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Asks and returns the error.
    pub(crate) fn request_error(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.answer(id).expect_err("an error")
    }

    /// The parameters of the next notification `method`.
    pub(crate) fn notification(&mut self, method: &str) -> Value {
        self.wait(|message| message["method"] == method && message.get("id").is_none())["params"].take()
    }

    /// The parameters of the next request `method` of the server, which is answered with `result`.
    pub(crate) fn server_request(&mut self, method: &str, result: Value) -> Value {
        let mut message = self.wait(|message| message["method"] == method && message.get("id").is_some());
        let id = message["id"].take();
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
        message["params"].take()
    }

    /// The next diagnostics pushed for `name`, which must be those of `version`: `line:column code`.
    pub(crate) fn pushed(&mut self, name: &str, version: i32) -> Vec<String> {
        let params = self.publication(name);
        assert_eq!(params["version"], version, "diagnostics of another version: {params}");
        brief(&params["diagnostics"])
    }

    /// Reads the publication that takes the diagnostics of the closed document `name` away.
    pub(crate) fn cleared(&mut self, name: &str) {
        assert_eq!(self.publication(name), json!({ "uri": self.uri(name), "diagnostics": [] }));
    }

    fn publication(&mut self, name: &str) -> Value {
        let uri = self.uri(name);
        let mut message = self.wait(|message| {
            message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri.as_str()
        });
        message["params"].take()
    }

    /// Reads and forgets one notification `method`: what it says is another test's subject.
    pub(crate) fn ignore(&mut self, method: &str) {
        self.notification(method);
    }

    /// Shuts down in order and checks that nothing was left unread.
    pub(crate) fn finish(mut self) {
        let status = self.exit(true);
        assert!(status.success(), "the server ended with {status}");
        let left: Vec<Value> = self.unread.drain(..).chain(self.messages.iter()).collect();
        assert!(left.is_empty(), "messages nobody read: {left:#?}");
    }

    /// Sends `exit`, after `shutdown` if wanted, leaves standard input open and waits.
    pub(crate) fn exit(&mut self, shutdown: bool) -> ExitStatus {
        if shutdown {
            self.request("shutdown", Value::Null);
        }
        self.notify("exit", Value::Null);
        self.child.wait().unwrap()
    }

    /// Ends standard input and waits.
    pub(crate) fn hang_up(&mut self) -> ExitStatus {
        self.stdin = None;
        self.child.wait().unwrap()
    }

    /// Ends the process, which hears nothing of it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes bytes as they are.
    pub(crate) fn write_raw(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }

    fn write(&mut self, message: &Value) {
        let body = message.to_string();
        self.write_raw(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.unread.iter().position(&wanted) {
            return self.unread.remove(at).unwrap();
        }
        loop {
            match self.messages.recv_timeout(PATIENCE) {
                Ok(message) if wanted(&message) => return message,
                Ok(message) => self.unread.push_back(message),
                Err(RecvTimeoutError::Timeout) => panic!("no such message; unread: {:#?}", self.unread),
                Err(RecvTimeoutError::Disconnected) => panic!("the server is gone; unread: {:#?}", self.unread),
            }
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // Ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `line:column code` of each diagnostic, from 1.
pub(crate) fn brief(diagnostics: &Value) -> Vec<String> {
    let items = diagnostics.as_array().unwrap().iter();
    items
        .map(|item| {
            let start = &item["range"]["start"];
            let (line, column) = (start["line"].as_u64().unwrap() + 1, start["character"].as_u64().unwrap() + 1);
            format!("{line}:{column} {}", item["code"].as_str().unwrap())
        })
        .collect()
}

fn read(stdout: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stdout.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stdout.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
