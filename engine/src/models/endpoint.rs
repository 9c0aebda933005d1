//! Where a provider is and what opens it: addresses and keys, from the environment alone
//! (contract §6.1).

use std::{collections::BTreeMap, fmt, net::IpAddr};

use reqwest::Url;

use lang::registry::overlay::{Host, Origin};

use super::kind::Kind;
use crate::{
    keys::{Keys, keyring},
    tools::ToolError,
};

/// A key, which nothing prints.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The variable it stands in.
    pub(super) variable: String,
    value: String,
}

impl Key {
    /// The key itself, for the header it is sent in and for taking it out of messages.
    pub(super) fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[secret {}]", self.variable)
    }
}

/// A provider's address and the key for it.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    base: Url,
    /// What is sent as key, where something is.
    pub(super) key: Option<Key>,
    /// It is on this machine.
    pub(super) is_local: bool,
}

impl Endpoint {
    /// The one of a provider in this environment; what is missing or wrong otherwise.
    pub(super) fn of(kind: &Kind, environment: &BTreeMap<String, String>) -> Result<Self, ToolError> {
        Self::at(kind, &Host::default(), environment, false)
    }

    /// The one that `models.yaml` says, as far as it does. What a workspace says leads no key astray unless it
    /// `is_trusted`.
    pub(super) fn at(
        kind: &Kind,
        host: &Host,
        environment: &BTreeMap<String, String>,
        is_trusted: bool,
    ) -> Result<Self, ToolError> {
        let set = |name: &str| environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        let base = match (&host.endpoint, set(kind.address_variable)) {
            (Some(told), _) => address(kind, &format!("{}: `endpoint`", told.place), &told.value)?,
            (None, Some(text)) => address(kind, &format!("`{}`", kind.address_variable), text)?,
            (None, None) if kind.address.is_empty() => {
                return Err(ToolError::new(
                    "ConfigurationError",
                    "nobody says where this provider is; give it an `endpoint` in `models.yaml`",
                ));
            }
            (None, None) => Url::parse(kind.address).expect("invariant: a constant address"),
        };
        let is_local = is_loopback(&base);
        let key_in = |name: &str| Some(Key { variable: name.to_owned(), value: set(name)?.to_owned() });
        let names: Vec<&str> = match &host.key_env {
            Some(told) => vec![&told.value],
            None => kind.keys.to_vec(),
        };
        let in_environment = names.iter().find_map(|name| key_in(name));
        // A server on this machine wants none, as a rule: the keyring is not opened for it unless somebody says so.
        let wants_keyring = in_environment.is_none() && (!is_local || host.key_env.is_some());
        let in_keyring = || {
            let (name, value) = if wants_keyring { keyring::find(&names)? } else { return None };
            Some(Key { variable: name.to_owned(), value })
        };
        let found = in_environment.or_else(in_keyring);
        // The person's own file is looked at only where neither has one.
        let kept = if found.is_some() { Ok(Keys::default()) } else { Keys::of(environment) };
        let of_person = |kept: &Keys| {
            names.iter().find_map(|name| Some(Key { variable: (*name).to_owned(), value: kept.get(name)?.to_owned() }))
        };
        let key = found.or_else(|| kept.as_ref().ok().and_then(of_person));
        if let Some(key) = key.as_ref().filter(|_| !is_trusted) {
            refuse_astray(kind, host, key, &base)?;
        }
        let endpoint = Self { base, key, is_local };
        let is_open = !is_local && endpoint.base.scheme() == "http";
        match &endpoint.key {
            Some(key) if is_open => Err(ToolError::new(
                "AuthenticationError",
                format!(
                    "the key in `{}` is not sent to {} without encryption; write `https://` in `{}`, or unset the key \
                     if the server wants none",
                    key.variable,
                    endpoint.shown(),
                    kind.address_variable
                ),
            )),
            None if let Some(told) = &host.key_env => Err(ToolError::new(
                "AuthenticationError",
                format!("{}: there is no key in `{}`; set it in the environment", told.place, told.value),
            )),
            None if kind.needs_key() && host.endpoint.is_none() && !is_local && !is_open => Err(ToolError::new(
                "AuthenticationError",
                match kept {
                    Ok(_) => format!(
                        "there is no key for {}; set {} in the environment, or keep one with `orc keys set {}`",
                        kind.label,
                        kind.keys.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or "),
                        kind.name
                    ),
                    Err(problem) => format!("there is no key for {} in the environment, and {problem}", kind.label),
                },
            )),
            _ => Ok(endpoint),
        }
    }

    /// It wants a key, and there is none.
    pub(super) fn lacks_key(kind: &Kind, host: &Host, environment: &BTreeMap<String, String>) -> bool {
        let names: Vec<&str> = host.key_env.as_ref().map_or_else(|| kind.keys.to_vec(), |told| vec![&told.value]);
        let is_set = |name: &&str| environment.get(*name).is_some_and(|value| !value.trim().is_empty());
        let is_kept = || match Keys::of(environment) {
            Ok(kept) => names.iter().any(|name| kept.get(name).is_some()),
            // There may be one, in a file that cannot be used.
            Err(_) => true,
        };
        !names.is_empty() && !names.iter().any(is_set) && keyring::find(&names).is_none() && !is_kept()
    }

    /// The address of `path`, which begins with a slash and may have a query, beneath the base.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        if let Some(query) = query {
            let before = url.query().map(|before| format!("{before}&")).unwrap_or_default();
            url.set_query(Some(&format!("{before}{query}")));
        }
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Whether it is the provider's own address, and not another that somebody set.
    pub(super) fn is_own(&self, kind: &Kind) -> bool {
        !kind.address.is_empty() && kind.address.starts_with(&self.shown())
    }

    /// The server, among all that this machine asks.
    pub(super) fn server(&self, provider: &str) -> String {
        format!("{provider} {}", self.base)
    }

    /// Scheme, host and port, for messages.
    pub(super) fn shown(&self) -> String {
        self.base.origin().ascii_serialization()
    }
}

/// A workspace may say where a model is, but not who gets a key of the person: neither a provider's at another
/// address, nor any other variable's.
fn refuse_astray(kind: &Kind, host: &Host, key: &Key, base: &Url) -> Result<(), ToolError> {
    let theirs = |told: &&lang::registry::overlay::Told| told.origin == Origin::Workspace;
    let elsewhere = host.endpoint.as_ref().filter(theirs);
    let chosen = host.key_env.as_ref().filter(theirs).filter(|told| !kind.keys.contains(&&*told.value));
    let Some(told) = elsewhere.or(chosen) else { return Ok(()) };
    Err(ToolError::new(
        "AuthenticationError",
        format!(
            "{}: this workspace would have the key in `{}` sent to {}, and it is not trusted; if that is right, say \
             `orc trust`",
            told.place,
            key.variable,
            base.origin().ascii_serialization()
        ),
    ))
}

/// The address that `named` (a variable, or a place in `models.yaml`) holds.
fn address(kind: &Kind, named: &str, text: &str) -> Result<Url, ToolError> {
    let wrong = |why: &str| ToolError::new("ConfigurationError", format!("{named} {why}"));
    // `OLLAMA_HOST` may be a host alone.
    let is_bare = !text.contains("://") && kind.bare_port.is_some();
    let full = if is_bare { format!("http://{text}") } else { text.to_owned() };
    let like = if kind.address.is_empty() { "http://127.0.0.1:8080/v1" } else { kind.address };
    let example = || wrong(&format!("holds no address; write one like `{like}`"));
    let mut url = Url::parse(&full).map_err(|_| example())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(example());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(&match kind.keys.first() {
            Some(key) => format!("holds a user or a password; leave them out and set `{key}`"),
            None => "holds a user or a password; leave them out".to_owned(),
        }));
    }
    if is_bare {
        if url.port().is_none() {
            // A host without a port: the setter fails for addresses that have no host only.
            url.set_port(kind.bare_port).map_err(|()| example())?;
        }
        // What a server listens on is no place to go to.
        if matches!(url.host_str(), Some("0.0.0.0" | "[::]")) {
            url.set_host(Some("127.0.0.1")).map_err(|_| example())?;
        }
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    ip.map_or_else(|_| host == "localhost" || host.ends_with(".localhost"), |ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::models::kind;

    fn of(kind: &Kind, pairs: &[(&str, &str)]) -> Result<Endpoint, String> {
        let environment = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Endpoint::of(kind, &environment).map_err(|error| format!("{}: {error}", error.0.error_type))
    }

    #[test]
    fn a_key_is_asked_for_by_the_name_of_its_variable() {
        assert_eq!(
            of(&kind::OPENAI, &[]).unwrap_err(),
            "AuthenticationError: there is no key for OpenAI; set `OPENAI_API_KEY` in the environment, or keep \
             one with `orc keys set openai`"
        );
        assert_eq!(
            of(&kind::GEMINI, &[("GOOGLE_API_KEY", " ")]).unwrap_err(),
            "AuthenticationError: there is no key for Google Gemini; set `GEMINI_API_KEY` or `GOOGLE_API_KEY` or \
             `GOOGLE_AI_API_KEY` in the environment, or keep one with `orc keys set google`"
        );
    }

    #[test]
    fn a_server_on_this_machine_needs_no_key() {
        for base in ["http://localhost:8080/v1", "http://127.0.0.2:1/v1", "http://[::1]:8080/v1"] {
            let endpoint = of(&kind::OPENAI, &[("OPENAI_BASE_URL", base)]).expect(base);
            assert!(endpoint.is_local && endpoint.key.is_none(), "{base}");
        }
    }

    #[test]
    fn a_key_goes_nowhere_in_the_clear() {
        let pairs = [("OPENAI_BASE_URL", "http://models.lan:8000/v1"), ("OPENAI_API_KEY", "sk-canary")];
        assert_eq!(
            of(&kind::OPENAI, &pairs).unwrap_err(),
            "AuthenticationError: the key in `OPENAI_API_KEY` is not sent to http://models.lan:8000 without encryption; \
             write `https://` in `OPENAI_BASE_URL`, or unset the key if the server wants none"
        );
        assert!(of(&kind::OPENAI, &pairs[..1]).is_ok());
    }

    #[test]
    fn addresses_that_are_none_are_explained() {
        let wrong = |base: &str| of(&kind::OPENAI, &[("OPENAI_BASE_URL", base)]).unwrap_err();
        let example =
            "ConfigurationError: `OPENAI_BASE_URL` holds no address; write one like `https://api.openai.com/v1`";
        assert_eq!(wrong("localhost"), example);
        assert_eq!(wrong("file:///etc/passwd"), example);
        assert_eq!(
            wrong("https://me:secret@host/v1"),
            "ConfigurationError: `OPENAI_BASE_URL` holds a user or a password; leave them out and set `OPENAI_API_KEY`"
        );
    }

    #[test]
    fn paths_are_appended_to_the_base() {
        let url = |base: &str| of(&kind::OPENAI, &[("OPENAI_BASE_URL", base)]).expect(base).url("/x/y").to_string();
        assert_eq!(url("http://localhost:1/v1/"), "http://localhost:1/v1/x/y");
        assert_eq!(url("http://localhost:1/v1?version=2"), "http://localhost:1/v1/x/y?version=2");
        let endpoint = of(&kind::OPENAI, &[("OPENAI_BASE_URL", "http://localhost:1/v1?a=b")]).unwrap();
        assert_eq!(endpoint.url("/x?alt=sse").to_string(), "http://localhost:1/v1/x?a=b&alt=sse");
    }

    #[test]
    fn ollama_may_be_a_host_alone() {
        let shown = |host: &str| of(&kind::OLLAMA, &[("OLLAMA_HOST", host)]).expect(host).shown();
        assert_eq!(shown("box"), "http://box:11434");
        assert_eq!(shown("0.0.0.0:5000"), "http://127.0.0.1:5000");
        assert_eq!(shown("https://box"), "https://box");
        assert_eq!(of(&kind::OLLAMA, &[]).expect("the default").shown(), "http://127.0.0.1:11434");
    }

    #[test]
    fn a_key_is_not_printed() {
        let endpoint = of(&kind::OPENAI, &[("OPENAI_API_KEY", "sk-canary")]).expect("an endpoint");
        assert!(!format!("{endpoint:?}").contains("canary"), "{endpoint:?}");
    }
}
