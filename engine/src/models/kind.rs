//! The providers that are spoken to, and which one serves a model. Contract §6.1 says which variables
//! hold keys and addresses.

use lang::registry::{ModelTable, did_you_mean, overlay::Host};
use serde_json::Value;

use super::{Answer, Request, anthropic, endpoint::Key, gemini, message::Image, ollama, openai, stream::Streaming};
use crate::tools::ToolError;

/// A provider at the other end of a network.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its name in `provider/model`.
    pub(super) name: &'static str,
    /// What people call it.
    pub(super) label: &'static str,
    /// The variables a key may stand in, the first that is set wins; none = no key is ever sent.
    pub(super) keys: &'static [&'static str],
    /// The variable that holds another address.
    pub(super) address_variable: &'static str,
    /// The address without it.
    pub(super) address: &'static str,
    /// The port of an address that is a host alone, where that is allowed.
    pub(super) bare_port: Option<u16>,
    /// How it is spoken to.
    pub(super) dialect: Dialect,
}

/// Headers: name, value, and whether the value is secret.
pub(super) type Headers = Vec<(&'static str, String, bool)>;

/// How a provider is spoken to. Nothing here touches the network.
#[derive(Debug)]
pub(super) struct Dialect {
    /// The path beneath the address; it begins with a slash.
    pub(super) path: fn(&Request) -> String,
    /// The headers it wants besides those of JSON.
    pub(super) headers: fn(Option<&Key>) -> Headers,
    /// The highest temperature it takes.
    pub(super) hottest: f64,
    /// Which images it takes.
    pub(super) sight: Sight,
    /// The largest seed it takes.
    pub(super) largest_seed: u64,
    /// What is sent; `true` = to the provider's own address.
    pub(super) body: fn(&Request, bool) -> Value,
    /// What came back with a good status; what is wrong with it otherwise.
    pub(super) read: fn(&Value) -> Result<Answer, String>,
    /// How it answers in pieces.
    pub(super) stream: Streaming,
    /// Where it says which models it has.
    pub(super) list: Listing,
}

/// Where a provider lists its models, which costs nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing {
    /// The path beneath the address.
    pub(super) path: &'static str,
    /// The field of the answer that holds them, as far as they stand on one page.
    pub(super) at: &'static str,
}

/// Which images a provider takes besides PNG, JPEG and WebP that are sent to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// Those at an address, which it fetches.
    pub(super) addresses: bool,
    /// GIF.
    pub(super) gif: bool,
}

impl Sight {
    /// What is wrong with this image.
    pub(super) fn problem(self, image: &Image) -> Option<&'static str> {
        match image {
            Image::At { .. } if !self.addresses => {
                Some("fetches no images from addresses; give a file or a `data:` URL")
            }
            Image::Sent { media_type, .. } if media_type == "image/gif" && !self.gif => {
                Some("reads no GIF; convert it to PNG")
            }
            _ => None,
        }
    }
}

impl Kind {
    /// Whether its own address wants a key.
    pub(super) fn needs_key(&self) -> bool {
        !self.keys.is_empty()
    }
}

pub(super) static OPENAI: Kind = Kind {
    name: "openai",
    label: "OpenAI",
    keys: &["OPENAI_API_KEY"],
    address_variable: "OPENAI_BASE_URL",
    address: "https://api.openai.com/v1",
    bare_port: None,
    dialect: openai::DIALECT,
};

pub(super) static ANTHROPIC: Kind = Kind {
    name: "anthropic",
    label: "Anthropic",
    keys: &["ANTHROPIC_API_KEY"],
    address_variable: "ANTHROPIC_BASE_URL",
    address: "https://api.anthropic.com",
    bare_port: None,
    dialect: anthropic::DIALECT,
};

pub(super) static GEMINI: Kind = Kind {
    name: "google",
    label: "Google Gemini",
    keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_AI_API_KEY"],
    address_variable: "GEMINI_BASE_URL",
    address: "https://generativelanguage.googleapis.com",
    bare_port: None,
    dialect: gemini::DIALECT,
};

pub(super) static OLLAMA: Kind = Kind {
    name: "ollama",
    label: "Ollama",
    keys: &[],
    address_variable: "OLLAMA_HOST",
    address: "http://127.0.0.1:11434",
    bare_port: Some(11434),
    dialect: ollama::DIALECT,
};

pub(super) static HUGGING_FACE: Kind = Kind {
    name: "huggingface",
    label: "Hugging Face",
    keys: &["HF_TOKEN"],
    address_variable: "HF_BASE_URL",
    address: "https://router.huggingface.co/v1",
    bare_port: None,
    dialect: openai::DIALECT,
};

/// A server that speaks like OpenAI's, at an address of `models.yaml`.
pub(super) static COMPATIBLE: Kind = Kind {
    name: "compatible",
    label: "the server",
    keys: &[],
    address_variable: "",
    address: "",
    bare_port: None,
    dialect: openai::DIALECT,
};

/// All that are known by their name.
pub(super) static KINDS: [&Kind; 5] = [&OPENAI, &ANTHROPIC, &GEMINI, &OLLAMA, &HUGGING_FACE];

/// Who serves a model.
#[derive(Debug, Clone)]
pub(super) struct Service {
    /// How it is spoken to.
    pub(super) kind: &'static Kind,
    /// Its name, which is that of the kind, or one of `models.yaml`.
    pub(super) provider: String,
    /// What it calls the model.
    pub(super) model: String,
    /// Where it is, as far as `models.yaml` says.
    pub(super) host: Host,
}

/// The provider that serves `model`; what to write where there is none.
pub(super) fn serving(table: &ModelTable, model: &str) -> Result<Service, ToolError> {
    let service = |provider: &str, name: &str| -> Option<Service> {
        let host = table.host(provider, name);
        let known = KINDS.into_iter().find(|kind| kind.name == provider);
        let kind = known.or_else(|| host.endpoint.is_some().then_some(&COMPATIBLE))?;
        Some(Service { kind, provider: provider.to_owned(), model: name.to_owned(), host })
    };
    let model = model.trim();
    if model.is_empty() || model.starts_with("<AUTO") {
        return Err(no_model(
            "no model is named; write `model: provider/name` in the step or the pipeline, e.g. `openai/gpt-5-mini`, or run \
             with `--simulate`"
                .to_owned(),
        ));
    }
    if let Some(spec) = table.aliased(model) {
        return service(&spec.provider, &spec.name).ok_or_else(|| unspoken(&spec.provider, &spec.name));
    }
    if let (Some(provider), name) = table.split(model) {
        return service(provider, name).ok_or_else(|| unspoken(provider, name));
    }
    let found = table.find(model);
    if let Some(service) = found.iter().find_map(|spec| service(&spec.provider, &spec.name)) {
        return Ok(service);
    }
    if let Some(spec) = found.first() {
        return Err(unspoken(&spec.provider, &spec.name));
    }
    let names =
        table.models().iter().map(|spec| spec.name.as_str()).chain(table.providers().iter().map(String::as_str));
    let remedy = match did_you_mean(model, names) {
        Some(near) => format!("did you mean `{near}`? Else "),
        None => String::new(),
    };
    Err(no_model(format!(
        "it is not known who serves `{model}`; {remedy}write `provider/name`, e.g. `openai/{model}` for the server at \
         `OPENAI_BASE_URL`; `orc models list` names the known models"
    )))
}

/// A provider of which only the prices are known.
fn unspoken(provider: &str, name: &str) -> ToolError {
    no_model(format!(
        "`{provider}` is not spoken to by its name; if it has an address that is compatible with OpenAI's, say it in \
         `models.yaml` as `endpoint` of `{provider}`, or set `OPENAI_BASE_URL` and `OPENAI_API_KEY` to its own and write \
         `openai/{name}`"
    ))
}

fn no_model(message: String) -> ToolError {
    ToolError::new("NoModelError", message)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::catalog;
    use crate::tools::environment::PROVIDER_KEYS;

    fn served(model: &str) -> Result<(String, String), String> {
        let service = serving(&catalog::registry().models, model).map_err(|error| error.to_string())?;
        Ok((service.provider, service.model))
    }

    fn by(provider: &str, model: &str) -> (String, String) {
        (provider.to_owned(), model.to_owned())
    }

    #[test]
    fn the_prefix_says_who_serves_a_model() {
        assert_eq!(served("openai/my-own"), Ok(by("openai", "my-own")));
        assert_eq!(served("ollama:llama3.2:1b"), Ok(by("ollama", "llama3.2:1b")));
        assert_eq!(served("huggingface/org/name"), Ok(by("huggingface", "org/name")));
    }

    #[test]
    fn the_table_says_who_serves_a_bare_name() {
        assert_eq!(served("gpt-4o-mini"), Ok(by("openai", "gpt-4o-mini")));
        assert_eq!(served("claude-3-haiku-20240307"), Ok(by("anthropic", "claude-3-haiku-20240307")));
    }

    #[test]
    fn what_nobody_serves_says_what_to_write() {
        assert_eq!(
            served("my-own").unwrap_err(),
            "it is not known who serves `my-own`; write `provider/name`, e.g. `openai/my-own` for the server at \
             `OPENAI_BASE_URL`; `orc models list` names the known models"
        );
        assert_eq!(
            served("groq/llama-x").unwrap_err(),
            "`groq` is not spoken to by its name; if it has an address that is compatible with OpenAI's, say it in \
             `models.yaml` as `endpoint` of `groq`, or set `OPENAI_BASE_URL` and `OPENAI_API_KEY` to its own and write \
             `openai/llama-x`"
        );
    }

    #[test]
    fn no_command_sees_a_key() {
        for key in KINDS.into_iter().flat_map(|kind| kind.keys) {
            assert!(PROVIDER_KEYS.contains(key), "{key}");
        }
    }

    #[test]
    fn every_provider_is_one_of_the_table() {
        for kind in KINDS {
            assert!(catalog::registry().models.knows_provider(kind.name), "{}", kind.name);
        }
    }
}
