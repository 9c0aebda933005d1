//! Order. tower-lsp polls handlers in any order and edits would be applied in any order with them;
//! but it *calls* the service in wire order. So everything that changes state happens here, in
//! `call`, and every request carries the state of that moment with it.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::Value;
use tower_lsp::{
    jsonrpc::{Error, ErrorCode, Request, Response},
    lsp_types::Url,
};
use tower_service::Service;

use super::{
    document::Document,
    progress::Cancellable,
    session::{Environment, Session},
};

/// What a request sees: the state when it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    /// The open document the request is about.
    pub(crate) document: Option<Arc<Document>>,
    /// Client, folders, settings and trust.
    pub(crate) environment: Arc<Environment>,
    /// Other open documents whose surroundings this message changed.
    pub(crate) touched: Vec<Url>,
    /// The progress of a command, where the editor shows one.
    pub(crate) progress: Option<Arc<Cancellable>>,
}

tokio::task_local! {
    static PINNED: Pinned;
}

/// The state of the request being handled. Only handlers may ask.
pub(crate) fn pinned() -> Pinned {
    PINNED.with(Clone::clone)
}

/// Wraps the service of tower-lsp: applies changes in wire order, pins snapshots, turns a panic into
/// a failed request.
pub(crate) struct Ordered<S> {
    inner: S,
    session: Arc<Session>,
}

impl<S> Ordered<S> {
    pub(crate) fn new(inner: S, session: Arc<Session>) -> Self {
        Self { inner, session }
    }
}

impl<S> Service<Request> for Ordered<S>
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Option<Response>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let request = without_null_params(request);
        let pinned = self.session.receive(&request);
        let id = request.id().cloned();
        let method = request.method().to_owned();
        let future = self.inner.call(request);
        async move {
            match AssertUnwindSafe(PINNED.scope(pinned, future)).catch_unwind().await {
                Ok(result) => result,
                Err(_) => {
                    tracing::error!(method, "a handler panicked; the request fails, the server goes on");
                    Ok(id.map(|id| Response::from_error(id, internal_error(&method))))
                }
            }
        }
        .boxed()
    }
}

/// tower-lsp refuses `"params": null` where it expects none; JSON-RPC libraries write it so.
fn without_null_params(request: Request) -> Request {
    if request.params() != Some(&Value::Null) {
        return request;
    }
    let (method, id, _) = request.into_parts();
    match id {
        Some(id) => Request::build(method).id(id).finish(),
        None => Request::build(method).finish(),
    }
}

fn internal_error(method: &str) -> Error {
    let mut error = Error::new(ErrorCode::InternalError);
    error.message = format!("`{method}` failed inside the server; its log says where").into();
    error
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use tower_lsp::{
        LanguageServer, LspService,
        jsonrpc::{Request, Response, Result},
        lsp_types::{
            ExecuteCommandParams, Hover, HoverContents, HoverParams, InitializeParams, InitializeResult, MarkedString,
        },
    };
    use tower_service::Service;

    use super::{Ordered, pinned};
    use crate::lsp::session::Session;

    /// Answers a hover with the text it sees; its commands never end, or panic.
    struct Probe;

    #[tower_lsp::async_trait]
    impl LanguageServer for Probe {
        async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
            Ok(InitializeResult::default())
        }

        async fn shutdown(&self) -> Result<()> {
            Ok(())
        }

        async fn hover(&self, _: HoverParams) -> Result<Option<Hover>> {
            let text = pinned().document.map(|document| document.buffer().text());
            Ok(text.map(|text| Hover { contents: HoverContents::Scalar(MarkedString::String(text)), range: None }))
        }

        async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
            assert_ne!(params.command, "panic", "as asked");
            std::future::pending().await
        }
    }

    async fn started() -> Ordered<LspService<Probe>> {
        let (service, _socket) = LspService::new(|_| Probe);
        let mut ordered = Ordered::new(service, Arc::new(Session::default()));
        let initialize = Request::build("initialize").params(json!({ "capabilities": {} })).id(0).finish();
        ordered.call(initialize).await.expect("the service lives");
        ordered
    }

    fn open(text: &str) -> Request {
        let document = json!({ "uri": "file:///a.yaml", "languageId": "yaml", "version": 1, "text": text });
        Request::build("textDocument/didOpen").params(json!({ "textDocument": document })).finish()
    }

    fn change(version: i32) -> Request {
        let params = json!({
            "textDocument": { "uri": "file:///a.yaml", "version": version },
            "contentChanges": [{ "text": format!("v{version}") }],
        });
        Request::build("textDocument/didChange").params(params).finish()
    }

    fn hover(id: i64) -> Request {
        let params = json!({ "textDocument": { "uri": "file:///a.yaml" }, "position": { "line": 0, "character": 0 } });
        Request::build("textDocument/hover").params(params).id(id).finish()
    }

    fn command(name: &str, id: i64) -> Request {
        Request::build("workspace/executeCommand").params(json!({ "command": name })).id(id).finish()
    }

    fn seen(response: Option<Response>) -> Value {
        let (_, result) = response.expect("an answer").into_parts();
        result.expect("a result")["contents"].clone()
    }

    #[tokio::test]
    async fn a_request_sees_the_state_of_its_arrival_however_late_it_is_polled() {
        let mut ordered = started().await;
        let mut futures = vec![ordered.call(open("v1"))];
        futures.extend((2..=3).map(|version| ordered.call(change(version))));
        let third = ordered.call(hover(1));
        futures.extend((4..=6).map(|version| ordered.call(change(version))));
        let sixth = ordered.call(hover(2));
        // The handlers run in the reverse of the wire's order.
        assert_eq!(seen(sixth.await.expect("the service lives")), "v6");
        assert_eq!(seen(third.await.expect("the service lives")), "v3");
        for future in futures.into_iter().rev() {
            future.await.expect("the service lives");
        }
    }

    #[tokio::test]
    async fn a_hundred_commands_that_never_end_hold_up_nothing_and_can_be_cancelled() {
        let mut ordered = started().await;
        ordered.call(open("v1")).await.expect("the service lives");
        let pending: Vec<_> = (0..100).map(|id| tokio::spawn(ordered.call(command("wait", 100 + id)))).collect();
        assert_eq!(seen(ordered.call(hover(1)).await.expect("the service lives")), "v1");
        for (id, task) in pending.into_iter().enumerate() {
            let cancel = Request::build("$/cancelRequest").params(json!({ "id": 100 + id })).finish();
            ordered.call(cancel).await.expect("the service lives");
            let response = task.await.expect("no panic").expect("the service lives").expect("an answer");
            assert_eq!(response.error().expect("cancelled").code.code(), -32800);
        }
    }

    #[tokio::test]
    async fn a_panic_fails_its_request_and_nothing_else() {
        let mut ordered = started().await;
        let response = ordered.call(command("panic", 1)).await.expect("the service lives").expect("an answer");
        let error = response.error().expect("an error");
        assert_eq!(error.code.code(), -32603);
        assert_eq!(error.message, "`workspace/executeCommand` failed inside the server; its log says where");
        ordered.call(open("v1")).await.expect("the service lives");
        assert_eq!(seen(ordered.call(hover(2)).await.expect("the service lives")), "v1");
    }

    #[tokio::test]
    async fn null_parameters_are_no_parameters() {
        let mut ordered = started().await;
        let shutdown = Request::build("shutdown").params(Value::Null).id(1).finish();
        let response = ordered.call(shutdown).await.expect("the service lives").expect("an answer");
        assert!(response.is_ok(), "{response:?}");
    }
}
