//! Each provider's errors, as they come: the class and the message that they become.

use super::*;

/// `attempts× class: message` of the failure that this answer makes.
fn becomes(kind: &'static Kind, status: u16, body: Value) -> String {
    let fake = fake(kind, (0..4).map(|_| Reply::Json(status, body.clone())).collect());
    let base = fake.base("");
    let told = failed(ask_at(kind, &base, &request("m", "?"), PATIENT));
    assert!(!told.contains("canary"), "{told}");
    format!("{}× {}", fake.asked().len(), told.replace(&base, "<base>"))
}

#[track_caller]
fn assert_becomes(kind: &'static Kind, cases: &[(u16, Value, &str)]) {
    for (status, body, expected) in cases {
        assert_eq!(becomes(kind, *status, body.clone()), *expected, "{} {status} {body}", kind.name);
    }
}

fn openai(of: &str, code: Value, message: &str) -> Value {
    json!({"error": {"message": message, "type": of, "param": null, "code": code}})
}

#[test]
fn those_of_openai() {
    let of = |code: &str, message: &str| openai("invalid_request_error", json!(code), message);
    assert_becomes(
        &kind::OPENAI,
        &[
            (
                401,
                of("invalid_api_key", "Incorrect API key provided: sk-c****"),
                "1× AuthenticationError: OpenAI at <base> does not accept the key in `OPENAI_API_KEY` (401); check it",
            ),
            (
                403,
                of("unsupported_country_region_territory", "Country, region, or territory not supported"),
                "1× AuthenticationError: OpenAI at <base> does not allow this (403): Country, region, or territory not supported",
            ),
            (
                404,
                of("model_not_found", "The model `m` does not exist"),
                "1× ModelNotFoundError: OpenAI at <base> does not have the model `m`, or is not found at this address (404): The model `m` does not exist; check `model` and `OPENAI_BASE_URL`",
            ),
            (
                400,
                of("context_length_exceeded", "Your input exceeds the context window of this model."),
                "1× ContextLengthError: the prompt is too long for `m` (400): Your input exceeds the context window of this model.",
            ),
            (
                400,
                of("unsupported_value", "Unsupported value"),
                "1× ModelRequestError: OpenAI at <base> refuses the request (400): Unsupported value",
            ),
            (
                429,
                openai("insufficient_quota", json!("insufficient_quota"), "You exceeded your current quota"),
                "1× QuotaError: the account at OpenAI at <base> is used up (429): You exceeded your current quota",
            ),
            (
                429,
                openai("tokens", json!("rate_limit_exceeded"), "Rate limit reached"),
                "4× RateLimitError: OpenAI at <base> takes no more requests for now (429): Rate limit reached (4 attempts)",
            ),
            (
                500,
                openai("server_error", Value::Null, "The server had an error"),
                "4× SystemUnavailableError: OpenAI at <base> is not available for now (500): The server had an error (4 attempts)",
            ),
            (
                503,
                openai("server_error", Value::Null, "The engine is currently overloaded"),
                "4× SystemUnavailableError: OpenAI at <base> is not available for now (503): The engine is currently overloaded (4 attempts)",
            ),
        ],
    );
}

#[test]
fn those_of_hugging_face() {
    assert_becomes(
        &kind::HUGGING_FACE,
        &[
            (
                401,
                json!({"error": "Invalid username or password."}),
                "1× AuthenticationError: Hugging Face at <base> does not accept the key in `HF_TOKEN` (401); check it",
            ),
            (
                402,
                json!({"error": "You have exceeded your monthly included credits for Inference Providers."}),
                "1× QuotaError: the account at Hugging Face at <base> is used up (402): You have exceeded your monthly included credits for Inference Providers.",
            ),
            (
                403,
                json!({"error": "This authentication method does not have sufficient permissions"}),
                "1× AuthenticationError: Hugging Face at <base> does not allow this (403): This authentication method does not have sufficient permissions",
            ),
            (
                400,
                openai(
                    "invalid_request_error",
                    json!("model_not_supported"),
                    "The requested model 'm' is not supported by any provider you have enabled.",
                ),
                "1× ModelNotFoundError: Hugging Face at <base> does not have the model `m`, or is not found at this address (400): The requested model 'm' is not supported by any provider you have enabled.; check `model` and `HF_BASE_URL`",
            ),
            (
                422,
                json!({"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 50 `max_new_tokens`", "error_type": "validation"}),
                "1× ContextLengthError: the prompt is too long for `m` (422): Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 50 `max_new_tokens`",
            ),
            (
                422,
                json!({"error": "Template error: template not found", "error_type": "template_error"}),
                "1× ModelRequestError: Hugging Face at <base> refuses the request (422): Template error: template not found",
            ),
            (
                429,
                json!({"error": "Too Many Requests"}),
                "4× RateLimitError: Hugging Face at <base> takes no more requests for now (429): Too Many Requests (4 attempts)",
            ),
            (
                503,
                json!({"error": "Model m is currently loading", "estimated_time": 20.0}),
                "4× SystemUnavailableError: Hugging Face at <base> is not available for now (503): Model m is currently loading (4 attempts)",
            ),
            (
                504,
                json!("upstream request timeout"),
                "4× SystemUnavailableError: Hugging Face at <base> is not available for now (504): upstream request timeout (4 attempts)",
            ),
        ],
    );
}

#[test]
fn those_of_anthropic() {
    let of = |name: &str, message: &str| json!({"type": "error", "error": {"type": name, "message": message}});
    assert_becomes(
        &kind::ANTHROPIC,
        &[
            (
                401,
                of("authentication_error", "invalid x-api-key"),
                "1× AuthenticationError: Anthropic at <base> does not accept the key in `ANTHROPIC_API_KEY` (401); check it",
            ),
            (
                403,
                of("permission_error", "Your API key does not have permission"),
                "1× AuthenticationError: Anthropic at <base> does not allow this (403): Your API key does not have permission",
            ),
            (
                404,
                of("not_found_error", "model: m"),
                "1× ModelNotFoundError: Anthropic at <base> does not have the model `m`, or is not found at this address (404): model: m; check `model` and `ANTHROPIC_BASE_URL`",
            ),
            (
                400,
                of("invalid_request_error", "prompt is too long: 205000 tokens > 200000 maximum"),
                "1× ContextLengthError: the prompt is too long for `m` (400): prompt is too long: 205000 tokens > 200000 maximum",
            ),
            (
                400,
                of(
                    "invalid_request_error",
                    "input length and `max_tokens` exceed context limit: 198000 + 8192 > 200000",
                ),
                "1× ContextLengthError: the prompt is too long for `m` (400): input length and `max_tokens` exceed context limit: 198000 + 8192 > 200000",
            ),
            (
                413,
                of("request_too_large", "Request exceeds the maximum size"),
                "1× ContextLengthError: the prompt is too long for `m` (413): Request exceeds the maximum size",
            ),
            (
                400,
                of("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
                "1× QuotaError: the account at Anthropic at <base> is used up (400): Your credit balance is too low to access the Anthropic API.",
            ),
            (
                400,
                of("invalid_request_error", "temperature: Input should be less than or equal to 1"),
                "1× ModelRequestError: Anthropic at <base> refuses the request (400): temperature: Input should be less than or equal to 1",
            ),
            (
                429,
                of("rate_limit_error", "This request would exceed your rate limit"),
                "4× RateLimitError: Anthropic at <base> takes no more requests for now (429): This request would exceed your rate limit (4 attempts)",
            ),
            (
                500,
                of("api_error", "Internal server error"),
                "4× SystemUnavailableError: Anthropic at <base> is not available for now (500): Internal server error (4 attempts)",
            ),
            (
                529,
                of("overloaded_error", "Overloaded"),
                "4× SystemUnavailableError: Anthropic at <base> is not available for now (529): Overloaded (4 attempts)",
            ),
        ],
    );
}

#[test]
fn those_of_gemini() {
    let of = |code: u16, status: &str, message: &str, details: Value| json!({"error": {"code": code, "message": message, "status": status, "details": details}});
    let reason = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]);
    let quota = json!([{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]);
    let none = || json!([]);
    assert_becomes(
        &kind::GEMINI,
        &[
            // It is the only one that says this with status 400.
            (
                400,
                of(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", reason),
                "1× AuthenticationError: Google Gemini at <base> does not accept the key in `GEMINI_API_KEY` (400); check it",
            ),
            (
                403,
                of(403, "PERMISSION_DENIED", "Generative Language API has not been used in project 1", none()),
                "1× AuthenticationError: Google Gemini at <base> does not allow this (403): Generative Language API has not been used in project 1",
            ),
            (
                404,
                of(404, "NOT_FOUND", "models/m is not found for API version v1beta", none()),
                "1× ModelNotFoundError: Google Gemini at <base> does not have the model `m`, or is not found at this address (404): models/m is not found for API version v1beta; check `model` and `GEMINI_BASE_URL`",
            ),
            (
                400,
                of(
                    400,
                    "INVALID_ARGUMENT",
                    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                    none(),
                ),
                "1× ContextLengthError: the prompt is too long for `m` (400): The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            ),
            (
                400,
                of(400, "INVALID_ARGUMENT", "Please use a valid role: user, model.", none()),
                "1× ModelRequestError: Google Gemini at <base> refuses the request (400): Please use a valid role: user, model.",
            ),
            (
                400,
                of(400, "FAILED_PRECONDITION", "User location is not supported for the API use.", none()),
                "1× ModelRequestError: Google Gemini at <base> refuses the request (400): User location is not supported for the API use.",
            ),
            (
                429,
                of(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", quota),
                "1× QuotaError: the account at Google Gemini at <base> is used up (429): You exceeded your current quota",
            ),
            (
                429,
                of(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted", none()),
                "4× RateLimitError: Google Gemini at <base> takes no more requests for now (429): Resource has been exhausted (4 attempts)",
            ),
            (
                500,
                of(500, "INTERNAL", "An internal error has occurred", none()),
                "4× SystemUnavailableError: Google Gemini at <base> is not available for now (500): An internal error has occurred (4 attempts)",
            ),
            (
                503,
                of(503, "UNAVAILABLE", "The model is overloaded.", none()),
                "4× SystemUnavailableError: Google Gemini at <base> is not available for now (503): The model is overloaded. (4 attempts)",
            ),
            (
                504,
                of(504, "DEADLINE_EXCEEDED", "Deadline expired", none()),
                "4× SystemUnavailableError: Google Gemini at <base> is not available for now (504): Deadline expired (4 attempts)",
            ),
        ],
    );
}

#[test]
fn those_of_ollama() {
    let of = |message: &str| json!({"error": message});
    assert_becomes(
        &kind::OLLAMA,
        &[
            (
                404,
                of("model 'm' not found"),
                "1× ModelNotFoundError: Ollama at <base> does not have the model `m`, or is not found at this address (404): model 'm' not found; check `model` and `OLLAMA_HOST`",
            ),
            (
                400,
                of("the input length exceeds the context length"),
                "1× ContextLengthError: the prompt is too long for `m` (400): the input length exceeds the context length",
            ),
            (
                400,
                of("\"m\" does not support chat"),
                "1× ModelRequestError: Ollama at <base> refuses the request (400): \"m\" does not support chat",
            ),
            (
                401,
                of("unauthorized"),
                "1× AuthenticationError: Ollama at <base> wants a key (401), which orc does not send it",
            ),
            (
                429,
                of("too many requests"),
                "4× RateLimitError: Ollama at <base> takes no more requests for now (429): too many requests (4 attempts)",
            ),
            (
                500,
                of("model requires more system memory (8.5 GiB) than is available (4.0 GiB)"),
                "4× SystemUnavailableError: Ollama at <base> is not available for now (500): model requires more system memory (8.5 GiB) than is available (4.0 GiB) (4 attempts)",
            ),
            (
                503,
                of("server busy, please try again."),
                "4× SystemUnavailableError: Ollama at <base> is not available for now (503): server busy, please try again. (4 attempts)",
            ),
        ],
    );
}
