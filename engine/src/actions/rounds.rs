//! A model that may call tools: it is asked, what it calls is done and told to it, and it is asked again, until it
//! answers. Each time is a call of its own, with its own reservation, price and place among the answers that are
//! kept, so that none is paid for twice.

use serde_json::Value;

use super::offers::Offer;
use crate::{
    models::{
        self, Request, Response, Served,
        calls::{FunctionCall, FunctionResult, Round, ToolCall},
    },
    tools::{Failure, Outcome, ToolCx, ToolError, output::Stream, params},
};

/// The class of a step whose model called tools again and again.
const ENDLESS: &str = "ToolRoundsError";

/// How much of a result a model is given, in bytes.
const LARGEST_RESULT: usize = 32 << 10;

/// How much of all results of one answer.
pub(crate) const LARGEST_ROUND: usize = 64 << 10;

/// Asks the model that is named, and does what it calls, so many times at most.
pub(super) async fn ask(
    named: Option<&str>,
    mut request: Request,
    offers: &[Offer],
    most: u64,
    cx: &ToolCx,
) -> Result<Outcome, ToolError> {
    request.tools = offers.iter().map(|offer| offer.function.clone()).collect();
    let mut told: Vec<ToolCall> = Vec::new();
    let mut before: Option<Served> = None;
    loop {
        let response = match models::ask(named, request.clone(), cx).await {
            Ok(response) => response,
            Err(error) if before.is_none() => return Err(error),
            // What was paid counts, whatever comes of it.
            Err(ToolError(failure)) => return Ok(failed(failure, before, told)),
        };
        let Response { calls, thoughts, .. } = &response;
        let (calls, thoughts) = (calls.clone(), thoughts.clone());
        let Outcome { result, failure, served } = Outcome::answered(response);
        let served = Served::after(before, served.map(|served| *served));
        if calls.is_empty() || failure.is_some() {
            return Ok(Outcome { result, failure, served: with_calls(served, told) });
        }
        if request.rounds.len() as u64 >= most {
            let ToolError(failure) = ToolError::new(
                ENDLESS,
                format!(
                    "the model called tools {most} times and wants to call `{}` then; raise `max_tool_rounds` ({most}), or \
                     say in the prompt when it has enough",
                    calls[0].name
                ),
            );
            return Ok(Outcome { result: Value::Null, failure: Some(failure), served: with_calls(served, told) });
        }
        before = served;
        let mut left = LARGEST_ROUND;
        let mut results = Vec::new();
        for call in &calls {
            let (tool_call, result) = match one(call, offers, left.min(LARGEST_RESULT), cx).await {
                Ok(done) => done,
                // The step is over, not the tool.
                Err(ToolError(failure)) => return Ok(failed(failure, before, told)),
            };
            left = left.saturating_sub(result.content.len());
            if let Some(listener) = &cx.on_output {
                let came = tool_call
                    .error
                    .as_ref()
                    .map_or_else(|| format!("{} bytes", result.content.len()), |error| format!("failed: {error}"));
                listener.send(Stream::Stderr, &format!("the model called `{}`: {came}\n", tool_call.name));
            }
            told.push(tool_call);
            results.push(result);
        }
        let said = params::text(&result);
        request.rounds.push(Round { said, thoughts, calls, results });
    }
}

/// A failure after what was paid.
fn failed(failure: Failure, before: Option<Served>, told: Vec<ToolCall>) -> Outcome {
    let Outcome { result, failure, served } = Outcome::failed(Value::Null, failure);
    let served = Served::after(before, served.map(|served| *served));
    Outcome { result, failure, served: with_calls(served, told) }
}

fn with_calls(served: Option<Served>, told: Vec<ToolCall>) -> Option<Box<Served>> {
    served.map(|served| Box::new(Served { tool_calls: Some(told), ..served }))
}

/// Does what is called: for people, and for the model.
async fn one(
    call: &FunctionCall,
    offers: &[Offer],
    most: usize,
    cx: &ToolCx,
) -> Result<(ToolCall, FunctionResult), ToolError> {
    let offer = offers.iter().find(|offer| offer.function.name == call.name);
    let done = match offer {
        // What is offered changes nothing, so it may be left alone when the step is over.
        Some(offer) => tokio::select! {
            biased;
            () = cx.cancel.cancelled() => return Err(over()),
            done = offer.call(&call.arguments, cx) => done,
        },
        None => {
            let names = offers.iter().map(|offer| offer.function.name.as_str()).collect::<Vec<_>>().join("`, `");
            let message = format!("there is no tool `{}`; there are `{names}`", call.name);
            Err(ToolError::new("UnknownActionError", message))
        }
    };
    if cx.cancel.is_cancelled() {
        return Err(over());
    }
    let name = offer.map_or_else(|| call.name.clone(), |offer| offer.name.clone());
    let arguments = call.arguments.clone();
    Ok(match done {
        Ok(value) => {
            let text = params::text(&value);
            let content = bounded(&clean(&text, cx), most);
            let result = Some(if content == text { value } else { Value::from(content.as_str()) });
            (ToolCall { name, arguments, result, error: None }, FunctionResult { content, is_error: false })
        }
        Err(error) => {
            let content = bounded(&clean(&error.to_string(), cx), most);
            let error = Some(content.clone());
            (ToolCall { name, arguments, result: None, error }, FunctionResult { content, is_error: true })
        }
    })
}

fn over() -> ToolError {
    ToolError::new("CancelledError", "the step was cancelled as its model called tools")
}

/// Without secrets: what a step does not say itself no model is told.
fn clean(text: &str, cx: &ToolCx) -> String {
    let Some(cleaner) = &cx.cleaner else { return text.to_owned() };
    let mut clean = cleaner.start();
    let begun = clean(Some(text));
    begun + &clean(None)
}

/// As much of it as may be, with a note where that is not all. A result that says nothing is none to some providers.
fn bounded(text: &str, most: usize) -> String {
    if text.is_empty() {
        return "(nothing)".to_owned();
    }
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}\n… (cut: the first {end} of {} bytes)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(bounded("aäb", 4), "aäb");
        assert_eq!(bounded("aäb", 2), "a\n… (cut: the first 1 of 4 bytes)");
        assert_eq!(bounded("", 4), "(nothing)");
    }
}
