//! Going on with another model where one is not available: along a chain that was declared, after errors of
//! availability or quota, and never from a free model to a paid one (contract §6.3).

use std::sync::Arc;

use super::{Provider, Request, Response, kind, remote::Remote};
use crate::tools::{ToolCx, ToolError};

/// The classes of errors after which another model may be asked: this one cannot answer now, whoever asks.
const PASSES_ON: [&str; 5] = ["NetworkError", "RateLimitError", "QuotaError", "SystemUnavailableError", "TimeoutError"];

/// Asks `model`, then those of the chain. `ask` asks one provider.
pub(super) async fn ask<F>(
    model: &str,
    request: Request,
    cx: &ToolCx,
    ask: impl Fn(Arc<dyn Provider>, Request) -> F,
) -> Result<Response, ToolError>
where
    F: Future<Output = Result<Response, ToolError>>,
{
    let first = Remote::of(kind::serving(&cx.registry.models, model)?, cx);
    let requested = first.called();
    let was_free = first.is_free();
    let named = first.model().to_owned();
    let answer = ask(Arc::new(first), Request { model: named, ..request.clone() }).await;
    let Err(ToolError(mut failure)) = answer else { return answer };
    for next in cx.fallback.iter() {
        if !PASSES_ON.contains(&&*failure.error_type) || cx.cancel.is_cancelled() {
            break;
        }
        let wrong = |why: &str| format!("{}; `{next}` of `fallback` is not asked: {why}", failure.message);
        if super::is_simulated(next) {
            failure.message = wrong("what is simulated stands in for no model");
            continue;
        }
        let service = match kind::serving(&cx.registry.models, next) {
            Ok(service) => service,
            Err(error) => {
                failure.message = wrong(&error.to_string());
                continue;
            }
        };
        let remote = Remote::of(service, cx);
        if remote.called() == requested {
            continue;
        }
        if let Some(why) = remote.unable(&request) {
            failure.message = wrong(&why);
            continue;
        }
        if was_free && !remote.is_free() {
            failure.message = wrong("it costs money, and the model that was asked does not");
            continue;
        }
        let name = remote.model().to_owned();
        match ask(Arc::new(remote), Request { model: name, ..request.clone() }).await {
            Ok(response) => {
                let response = if failure.unpriced.is_some() { response.and_unpriced() } else { response };
                return Ok(Response { requested: Some(requested), ..response });
            }
            Err(ToolError(next_failure)) => {
                let message = format!("{}; then `{next}`: {}", failure.message, next_failure.message);
                let unpriced = failure.unpriced.take();
                failure = next_failure;
                failure.message = message;
                failure.unpriced = failure.unpriced.or(unpriced);
            }
        }
    }
    Err(ToolError(failure))
}
