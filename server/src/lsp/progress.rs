//! Progress that the editor shows (LSP 3.17, `$/progress`): under a token that came with a request, or one of the
//! server's own; and what is cancelled by a token.

use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tower_lsp::{
    jsonrpc,
    lsp_types::{
        NumberOrString, ProgressParams, ProgressParamsValue, WorkDoneProgress, WorkDoneProgressBegin,
        WorkDoneProgressCreateParams, WorkDoneProgressEnd, WorkDoneProgressReport,
        notification::Progress as ProgressNotification, request::WorkDoneProgressCreate,
    },
};

use super::client::Editor;

/// What goes on under a token and can be cancelled by it.
#[derive(Debug, Default)]
pub(crate) struct Cancels(DashMap<NumberOrString, CancellationToken>);

impl Cancels {
    /// Something begins under this token, and goes on until what is returned goes.
    pub(crate) fn begin(self: &Arc<Self>, token: NumberOrString) -> Cancellable {
        let cancel = CancellationToken::new();
        self.0.insert(token.clone(), cancel.clone());
        Cancellable { token, cancel, all: Arc::clone(self) }
    }

    /// Cancels what goes on under this token, if anything does.
    pub(crate) fn cancel(&self, token: &NumberOrString) {
        if let Some(cancel) = self.0.get(token) {
            cancel.cancel();
        }
    }
}

/// Something that goes on under a token.
#[derive(Debug)]
pub(crate) struct Cancellable {
    pub(crate) token: NumberOrString,
    /// Cancelled when the editor says so.
    pub(crate) cancel: CancellationToken,
    all: Arc<Cancels>,
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        self.all.0.remove(&self.token);
    }
}

/// A progress, as far as the editor shows it.
#[derive(Debug)]
pub(crate) struct WorkDone {
    editor: Editor,
    token: NumberOrString,
    /// The editor's answer, while it is awaited. Nothing ever waits for it.
    creating: Option<oneshot::Receiver<jsonrpc::Result<()>>>,
    is_shown: bool,
}

impl WorkDone {
    /// One that the editor has made for its request.
    pub(crate) fn given(editor: &Editor, token: NumberOrString) -> Self {
        Self { editor: editor.clone(), token, creating: None, is_shown: true }
    }

    /// One that the editor is asked for, where it can show one.
    pub(crate) fn asked(editor: &Editor, token: NumberOrString, can_show: bool) -> Self {
        let creating = can_show
            .then(|| editor.request::<WorkDoneProgressCreate>(WorkDoneProgressCreateParams { token: token.clone() }));
        Self { editor: editor.clone(), token, creating, is_shown: false }
    }

    /// Waits until the editor says whether it shows the progress, which may be never; whether it does.
    pub(crate) async fn created(&mut self) -> bool {
        let Some(creating) = &mut self.creating else { return std::future::pending().await };
        self.is_shown = matches!(creating.await, Ok(Ok(())));
        self.creating = None;
        self.is_shown
    }

    /// Begins.
    pub(crate) async fn begin(&self, title: String, message: Option<String>, percentage: Option<u32>) {
        self.show(WorkDoneProgress::Begin(WorkDoneProgressBegin {
            title,
            cancellable: Some(true),
            message,
            percentage,
        }))
        .await;
    }

    /// Says how far it is.
    pub(crate) async fn report(&self, message: String, percentage: Option<u32>) {
        self.show(WorkDoneProgress::Report(WorkDoneProgressReport {
            cancellable: Some(true),
            message: Some(message),
            percentage,
        }))
        .await;
    }

    /// Ends.
    pub(crate) async fn end(&self, message: String) {
        self.show(WorkDoneProgress::End(WorkDoneProgressEnd { message: Some(message) })).await;
    }

    async fn show(&self, value: WorkDoneProgress) {
        if self.is_shown {
            let params = ProgressParams { token: self.token.clone(), value: ProgressParamsValue::WorkDone(value) };
            self.editor.notify::<ProgressNotification>(params).await;
        }
    }
}
