//! The language server: LSP 3.17 over standard input and output.
//!
//! Reading order: [`stdio`] and [`ordered`] (one writer, in wire order) → [`session`], [`document`] and
//! [`closed`] (the state it writes) → [`backend`] (the routing table) → [`capabilities`],
//! [`from_proto`], [`to_proto`] (all conversions) → [`diagnostics`] (push and pull) → [`history`] and
//! [`marks`] (what steps came to) → [`client`] (messages to the editor) → [`commands`] and [`runs`] (what acts,
//! always in a child process).
//!
//! LSP types appear nowhere else. This process writes no file but the list of trusted folders and
//! starts no program but itself.

use std::{process::ExitCode, sync::Arc, time::Duration};

use tower_lsp::{LspService, Server};

mod ordered;

mod session;

mod stdio;

mod document;

mod backend;

mod capabilities;

mod from_proto;

mod to_proto;

mod work;

mod diagnostics;

mod client;

mod commands;

mod completion;

mod ext;

mod actions;

mod files;

mod closed;

mod history;

mod expense;

mod pins;

mod progress;

mod marks;

mod layout;

mod navigate;

mod reading;

mod runs;

mod tokens;

use backend::Backend;
use client::Editor;
use ordered::Ordered;
use session::Session;

/// How long answers may take to reach the editor after `exit`.
const FLUSH: Duration = Duration::from_millis(100);

/// Serves until `exit`, or until standard input ends. The code is 0 after an orderly shutdown
/// (LSP 3.17, `exit`).
pub fn serve() -> std::io::Result<ExitCode> {
    // One thread reads, answers what is quick and writes; what takes time is on the blocking pool.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(6)
        .thread_keep_alive(Duration::from_secs(2))
        .thread_name("orc-lsp")
        .enable_all()
        .build()?;
    let code = runtime.block_on(async {
        let session = Arc::new(Session::default());
        let (service, socket) = LspService::new(|client| {
            let editor = Editor::new(client, session.tasks.clone());
            Backend::new(Arc::clone(&session), editor)
        });
        let (input, output) = stdio::open()?;
        let server = Server::new(input, output, socket).concurrency_level(1024);
        let exit = session.exit.clone();
        tokio::select! {
            () = server.serve(Ordered::new(service, Arc::clone(&session))) => {}
            () = async { exit.cancelled().await; tokio::time::sleep(FLUSH).await } => {}
        }
        session.close();
        Ok::<_, std::io::Error>(if session.was_shut_down() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    });
    // A read of standard input may still be pending; it must not hold the process.
    runtime.shutdown_background();
    code
}
