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
use tower_lsp::jsonrpc::{Error, ErrorCode, Request, Response};
use tower_service::Service;

use super::{
    document::Document,
    session::{Environment, Session},
};

/// What a request sees: the state when it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    /// The open document the request is about.
    pub(crate) document: Option<Arc<Document>>,
    /// Client, folders, settings and trust.
    pub(crate) environment: Arc<Environment>,
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
