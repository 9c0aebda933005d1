//! What providers say went wrong, and what follows: which errors may pass, and which message is kept of
//! one (contract §6.4; the shapes of error bodies are those of the providers' public APIs).

use serde_json::Value;

use super::{endpoint::Endpoint, kind::Kind};

/// The longest part of a provider's message that is shown, in characters.
const LONGEST: usize = 300;

/// Codes of answers with status 429 that no waiting helps against.
const QUOTA: [&str; 4] =
    ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "access_terminated"];

/// The code of a key that is none, which Google says with status 400.
const BAD_KEY: &str = "API_KEY_INVALID";

/// Codes of answers with status 400 to a model that is not served, as the router of Hugging Face says it.
const NO_MODEL: [&str; 2] = ["model_not_supported", "model_not_found"];

/// Words for a prompt that is too long.
const LONG: [&str; 8] = [
    "context length",
    "context size",
    "context window",
    "context limit",
    "prompt is too long",
    "exceeds the maximum number of tokens",
    "inputs must have less than",
    "`inputs` tokens + `max_new_tokens` must be",
];

/// What kind of error it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Not reached, or cut off before it answered.
    Network,
    /// Too many requests or tokens at a time.
    Rate,
    /// The account is used up.
    Quota,
    /// Overloaded, or broken for now.
    Unavailable,
    /// The key is refused, or may not do this.
    Authentication,
    /// There is no such model or address.
    NotFound,
    /// The prompt is too long.
    Context,
    /// Otherwise refused.
    Invalid,
    /// It took too long.
    Timeout,
    /// The answer is not what it should be.
    Garbled,
}

impl Class {
    /// The class of an error with this status.
    pub(super) fn of(status: u16, said: &Said) -> Self {
        let text = said.message.to_lowercase();
        let is_long = said.code.contains("context_length") || LONG.iter().any(|words| text.contains(words));
        match status {
            400 if said.code == BAD_KEY => Self::Authentication,
            400 if NO_MODEL.contains(&&*said.code) => Self::NotFound,
            429 if said.is_quota || QUOTA.contains(&&*said.code) => Self::Quota,
            402 => Self::Quota,
            400 if text.contains("credit balance") => Self::Quota,
            429 => Self::Rate,
            401 | 403 => Self::Authentication,
            404 => Self::NotFound,
            413 => Self::Context,
            400 | 422 if is_long => Self::Context,
            408 | 500 | 502 | 503 | 504 | 529 => Self::Unavailable,
            _ => Self::Invalid,
        }
    }

    /// The stable name, which handlers and `retry.on` match.
    pub(super) fn error_type(self) -> &'static str {
        match self {
            Self::Network => "NetworkError",
            Self::Rate => "RateLimitError",
            Self::Quota => "QuotaError",
            Self::Unavailable => "SystemUnavailableError",
            Self::Authentication => "AuthenticationError",
            Self::NotFound => "ModelNotFoundError",
            Self::Context => "ContextLengthError",
            Self::Invalid => "ModelRequestError",
            Self::Timeout => "TimeoutError",
            Self::Garbled => "ModelResponseError",
        }
    }

    /// The server was not reached, is broken or overloaded, or said nothing.
    pub(super) fn is_outage(self) -> bool {
        matches!(self, Self::Network | Self::Unavailable | Self::Timeout)
    }

    /// Asking again may help, and costs nothing twice.
    pub(super) fn may_pass(self) -> bool {
        matches!(self, Self::Network | Self::Rate | Self::Unavailable)
    }
}

/// What an error's body says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// For people, short and on one line; empty where nothing is said.
    pub(super) message: String,
    code: String,
    is_quota: bool,
    /// It is streaming that is not allowed.
    pub(super) refuses_stream: bool,
    /// How long to wait, in the form of Google's APIs.
    pub(super) wait: Option<String>,
}

impl Said {
    /// Reads the body of an error. The key is taken out of it.
    pub(super) fn of(body: &[u8], endpoint: &Endpoint) -> Self {
        let text = String::from_utf8_lossy(body);
        let parsed: Value = serde_json::from_str(&text).unwrap_or_default();
        // Google wraps it in a list where it streams.
        let parsed = parsed.get(0).unwrap_or(&parsed);
        let error = &parsed["error"];
        let message =
            [&error["message"], error, &parsed["message"], &parsed["detail"], &parsed["detail"][0]["msg"], parsed];
        let message = message.into_iter().find_map(Value::as_str);
        let is_page = text.trim_start().starts_with('<');
        let message = match message {
            Some(message) => message,
            None if is_page || parsed.is_object() => "",
            None => &text,
        };
        let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
        let reason = details.iter().find_map(|detail| detail["reason"].as_str());
        let code = error["code"].as_str().or(reason).or_else(|| error["type"].as_str());
        let violations = details.iter().filter_map(|detail| detail["violations"].as_array()).flatten();
        Self {
            message: clean(message, endpoint),
            code: code.unwrap_or_default().to_owned(),
            is_quota: violations.filter_map(|found| found["quotaId"].as_str()).any(|id| id.contains("PerDay"))
                || error["type"] == "insufficient_quota",
            refuses_stream: error["param"] == "stream",
            wait: details.iter().find_map(|detail| detail["retryDelay"].as_str()).map(str::to_owned),
        }
    }
}

/// A provider's text as it may be shown: without the key, on one line, and short.
pub(super) fn clean(text: &str, endpoint: &Endpoint) -> String {
    let text = match &endpoint.key {
        Some(key) => text.replace(key.value(), &format!("[secret {}]", key.variable)),
        None => text.to_owned(),
    };
    let words: Vec<&str> = text.split(|letter: char| letter.is_whitespace() || letter.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// The message of an error with this status: who, what, why, and what helps.
pub(super) fn explain(kind: &Kind, endpoint: &Endpoint, model: &str, status: u16, class: Class, said: &Said) -> String {
    let who = who(kind, endpoint);
    let why = if said.message.is_empty() { String::new() } else { format!(": {}", said.message) };
    match class {
        // What is said of a refused key may hold a part of it.
        Class::Authentication if status != 403 => match &endpoint.key {
            Some(key) => format!("{who} does not accept the key in `{}` ({status}); check it", key.variable),
            None => match kind.keys.first() {
                Some(name) => format!("{who} wants a key ({status}); set `{name}` in the environment"),
                None => format!("{who} wants a key ({status}), which orc does not send it"),
            },
        },
        Class::Authentication => format!("{who} does not allow this ({status}){why}"),
        Class::NotFound => format!(
            "{who} does not have the model `{model}`, or is not found at this address ({status}){why}; check `model` and \
             `{}`",
            kind.address_variable
        ),
        Class::Quota => format!("the account at {who} is used up ({status}){why}"),
        Class::Rate => format!("{who} takes no more requests for now ({status}){why}"),
        Class::Unavailable => format!("{who} is not available for now ({status}){why}"),
        Class::Context => format!("the prompt is too long for `{model}` ({status}){why}"),
        _ => format!("{who} refuses the request ({status}){why}"),
    }
}

/// The provider, and its address where that is not its own.
pub(super) fn who(kind: &Kind, endpoint: &Endpoint) -> String {
    if endpoint.is_own(kind) && !endpoint.is_local {
        kind.label.to_owned()
    } else {
        format!("{} at {}", kind.label, endpoint.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::kind;

    fn endpoint() -> Endpoint {
        let environment = [("OPENAI_API_KEY".to_owned(), "sk-canary".to_owned())].into();
        Endpoint::of(&kind::OPENAI, &environment).expect("an endpoint")
    }

    fn class(status: u16, body: &str) -> Class {
        Class::of(status, &Said::of(body.as_bytes(), &endpoint()))
    }

    #[test]
    fn errors_are_told_apart() {
        let cases = [
            (429, r#"{"error":{"code":"rate_limit_exceeded","message":"slow down"}}"#, Class::Rate),
            (429, r#"{"error":{"code":"insufficient_quota","type":"insufficient_quota"}}"#, Class::Quota),
            (429, r#"{"type":"error","error":{"type":"rate_limit_error","message":"x"}}"#, Class::Rate),
            (
                400,
                r#"{"error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#,
                Class::Quota,
            ),
            (429, r#"{"error":{"code":429,"details":[{"violations":[{"quotaId":"RequestsPerDay"}]}]}}"#, Class::Quota),
            (
                429,
                r#"{"error":{"code":429,"details":[{"violations":[{"quotaId":"RequestsPerMinute"}]}]}}"#,
                Class::Rate,
            ),
            (402, "", Class::Quota),
            (400, r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#, Class::Context),
            (400, r#"{"error":{"message":"prompt is too long: 9 tokens > 8 maximum"}}"#, Class::Context),
            (400, r#"{"error":{"message":"bad"}}"#, Class::Invalid),
            (401, "", Class::Authentication),
            (403, "", Class::Authentication),
            (404, "", Class::NotFound),
            (408, "", Class::Unavailable),
            (500, "<html>", Class::Unavailable),
            (501, "", Class::Invalid),
            (529, "", Class::Unavailable),
        ];
        for (status, body, expected) in cases {
            assert_eq!(class(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn what_is_said_is_kept_short_and_clean() {
        let said = |body: &str| Said::of(body.as_bytes(), &endpoint()).message;
        assert_eq!(said(r#"{"error":{"message":"a\n\tb \u001b[31m c"}}"#), "a b [31m c");
        assert_eq!(said(r#"{"error":"plain"}"#), "plain");
        assert_eq!(said(r#"{"detail":"not found"}"#), "not found");
        assert_eq!(said("busy\n"), "busy");
        assert_eq!(said("<html><body>504</body></html>"), "");
        assert_eq!(said(r#"{"error":"the key sk-canary is bad"}"#), "the key [secret OPENAI_API_KEY] is bad");
        assert_eq!(said(&"é".repeat(400)), format!("{}…", "é".repeat(300)));
    }
}
