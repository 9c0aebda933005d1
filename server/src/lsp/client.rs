//! Messages to the editor. A request's future is never dropped before its answer: tower-lsp 0.20
//! panics when an answer finds nobody waiting. So each request is a task of its own.

use std::{fmt::Display, sync::Arc};

use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tower_lsp::{
    Client, jsonrpc,
    lsp_types::{Diagnostic, MessageType, Url, notification::Notification, request::Request},
};

/// The other end of the connection.
#[derive(Debug, Clone)]
pub(crate) struct Editor {
    client: Arc<Client>,
    tasks: TaskTracker,
}

impl Editor {
    pub(crate) fn new(client: Client, tasks: TaskTracker) -> Self {
        Self { client: Arc::new(client), tasks }
    }

    /// Asks the editor; the answer arrives in the channel, which may be dropped.
    pub(crate) fn request<R>(&self, params: R::Params) -> oneshot::Receiver<jsonrpc::Result<R::Result>>
    where
        R: Request,
        R::Params: Send + 'static,
        R::Result: Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let client = Arc::clone(&self.client);
        self.tasks.spawn(async move {
            // Nobody may be waiting any more, which is no error.
            let _ = answer.send(client.send_request::<R>(params).await);
        });
        receiver
    }

    /// Tells the editor.
    pub(crate) async fn notify<N: Notification>(&self, params: N::Params) {
        self.client.send_notification::<N>(params).await;
    }

    /// Shows a message to the person.
    pub(crate) async fn show(&self, kind: MessageType, message: impl Display) {
        self.client.show_message(kind, message).await;
    }

    /// Publishes the diagnostics of a document.
    pub(crate) async fn publish(&self, uri: Url, diagnostics: Vec<Diagnostic>, version: Option<i32>) {
        self.client.publish_diagnostics(uri, diagnostics, version).await;
    }
}
