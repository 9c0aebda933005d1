//! `orc models check`: whether providers answer, by their list of models, and models that are named by a tiny
//! question. It belongs to no run and counts in none.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use lang::registry::{ModelTable, Registry, did_you_mean};
use serde::Serialize;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use super::{
    Provider as _, Request, Usage,
    endpoint::Endpoint,
    kind::{KINDS, Service, serving},
    remote::Remote,
    transport::{LIMITS, Limits},
};
use crate::{run::document::Cost, tools::ToolError};

/// One attempt, and no patience: who checks wants to know how it is now.
const HURRIED: Limits = Limits {
    silence: Duration::from_secs(30),
    idle: Duration::from_secs(30),
    total: Duration::from_secs(30),
    attempts: 1,
    ..LIMITS
};

/// How a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It answered.
    Ok,
    /// It did not, or refused.
    Failed,
    /// Something is missing here; it was not asked.
    NotConfigured,
}

/// What became of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// The provider.
    pub provider: String,
    /// The model that was asked, or would be; `None` where only the list of models is looked at.
    pub model: Option<String>,
    /// How it is.
    pub state: State,
    /// Where it is, as far as that is known.
    pub address: Option<String>,
    /// The class of the error.
    pub error_type: Option<String>,
    /// The error, or what is missing.
    pub message: Option<String>,
    /// How long the answer took.
    pub latency_ms: Option<u64>,
    /// How many models it lists on its first page.
    pub listed: Option<usize>,
    /// Tokens.
    pub usage: Option<Usage>,
    /// Money; `None` = nobody was asked.
    pub cost: Option<Cost>,
    /// It was asked for by name.
    #[serde(skip)]
    pub is_named: bool,
}

/// Checks those that are `named` – providers, or models – or all providers that are known here. An error where
/// there is none of such a name.
pub async fn check(
    registry: &Arc<Registry>,
    environment: BTreeMap<String, String>,
    is_trusted: bool,
    named: &[String],
) -> Result<Vec<Checked>, String> {
    let environment = Arc::new(environment);
    let table = &registry.models;
    let is_named = !named.is_empty();
    let names = if is_named { named.to_vec() } else { known(table) };
    let wanted = names.into_iter().map(|name| wanted(table, &environment, is_trusted, name));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    let checks = wanted.into_iter().map(|wanted| async {
        let checked = match wanted {
            Wanted::Model(service) => ask(*service, registry, &environment, is_trusted).await,
            Wanted::Provider(service) => list(*service, registry, &environment, is_trusted).await,
            Wanted::Nothing(checked) => *checked,
        };
        Checked { is_named, ..checked }
    });
    Ok(futures_util::future::join_all(checks).await)
}

/// Whom to ask.
enum Wanted {
    Model(Box<Service>),
    /// The provider that serves any.
    Provider(Box<Service>),
    /// Nobody: why.
    Nothing(Box<Checked>),
}

/// The providers that are spoken to: by their name, or at an address of `models.yaml`.
fn known(table: &ModelTable) -> Vec<String> {
    let others = table.providers().iter().filter(|provider| table.host(provider, "").endpoint.is_some());
    let kinds = KINDS.into_iter().map(|kind| kind.name.to_owned());
    let mut all: Vec<String> = kinds.collect();
    for other in others {
        if !all.contains(other) {
            all.push(other.clone());
        }
    }
    all
}

fn wanted(
    table: &ModelTable,
    environment: &BTreeMap<String, String>,
    is_trusted: bool,
    name: String,
) -> Result<Wanted, String> {
    if !table.knows_provider(&name) {
        if table.find(&name).is_empty() && table.split(&name).0.is_none() {
            let names = table.providers().iter().chain(table.models().iter().map(|model| &model.name));
            let near = did_you_mean(&name, names.map(String::as_str));
            let hint =
                near.map_or_else(|| "`orc models list` names all".to_owned(), |near| format!("did you mean `{near}`?"));
            return Err(format!("unknown provider or model `{name}`; {hint}"));
        }
        return serving(table, &name)
            .map(|service| Wanted::Model(Box::new(service)))
            .map_err(|error| error.to_string());
    }
    // Any name leads to the provider's address.
    let service = serving(table, &format!("{name}/?")).map_err(|error| error.to_string())?;
    let endpoint = match Endpoint::at(service.kind, &service.host, environment, is_trusted) {
        Ok(endpoint) => endpoint,
        Err(error) => return Ok(Wanted::Nothing(Box::new(refused(&service, None, environment, error)))),
    };
    // Who wants no key is there for everybody; whether anybody uses it, somebody must say.
    let is_used = service.kind.needs_key()
        || environment.get(service.kind.address_variable).is_some_and(|address| !address.is_empty())
        || service.host.endpoint.is_some()
        || table.models().iter().any(|spec| spec.provider == name && spec.is_listed);
    if is_used {
        return Ok(Wanted::Provider(Box::new(service)));
    }
    Ok(Wanted::Nothing(Box::new(Checked {
        address: Some(endpoint.shown()),
        message: Some(format!(
            "neither `{}` nor a `models.yaml` says that it is used; name a model: `orc models check {name}/NAME`",
            service.kind.address_variable
        )),
        ..nothing(&service, None)
    })))
}

/// Looks at the provider's list of models.
async fn list(
    service: Service,
    registry: &Arc<Registry>,
    environment: &Arc<BTreeMap<String, String>>,
    is_trusted: bool,
) -> Checked {
    let address = Endpoint::at(service.kind, &service.host, environment, is_trusted).ok().map(|at| at.shown());
    let asked = Checked { address, ..nothing(&service, None) };
    let remote = Remote::alone(service, registry, environment, is_trusted).within(HURRIED);
    let began = Instant::now();
    match remote.list().await {
        Ok(listed) => Checked {
            state: State::Ok,
            latency_ms: Some(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)),
            listed: Some(listed),
            ..asked
        },
        Err(ToolError(failure)) => Checked {
            state: State::Failed,
            error_type: Some(failure.error_type),
            message: Some(failure.message),
            ..asked
        },
    }
}

async fn ask(
    service: Service,
    registry: &Arc<Registry>,
    environment: &Arc<BTreeMap<String, String>>,
    is_trusted: bool,
) -> Checked {
    let model = Some(service.model.clone());
    let endpoint = match Endpoint::at(service.kind, &service.host, environment, is_trusted) {
        Ok(endpoint) => endpoint,
        Err(error) => return refused(&service, model, environment, error),
    };
    let asked = Checked { address: Some(endpoint.shown()), ..nothing(&service, model) };
    let request = Request {
        model: service.model.clone(),
        prompt: "Say OK.".to_owned(),
        max_tokens: Some(16),
        ..Request::default()
    };
    let remote = Remote::alone(service, registry, environment, is_trusted).within(HURRIED);
    let began = Instant::now();
    match remote.call(&request, &CancellationToken::new()).await {
        // An answer of no use – cut off, or refused – is one all the same.
        Ok(response) => Checked {
            state: State::Ok,
            latency_ms: Some(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)),
            usage: response.usage,
            cost: Some(response.cost),
            ..asked
        },
        Err(ToolError(failure)) => Checked {
            state: State::Failed,
            error_type: Some(failure.error_type),
            message: Some(failure.message),
            cost: failure.unpriced.map(|_| Cost::unknown()),
            ..asked
        },
    }
}

fn nothing(service: &Service, model: Option<String>) -> Checked {
    Checked {
        provider: service.provider.clone(),
        model,
        state: State::NotConfigured,
        address: None,
        error_type: None,
        message: None,
        latency_ms: None,
        listed: None,
        usage: None,
        cost: None,
        is_named: false,
    }
}

/// It cannot be asked: because there is no key, or because of something that is wrong.
fn refused(
    service: &Service,
    model: Option<String>,
    environment: &BTreeMap<String, String>,
    error: ToolError,
) -> Checked {
    let ToolError(failure) = error;
    let lacks_key = Endpoint::lacks_key(service.kind, &service.host, environment);
    let state = if lacks_key { State::NotConfigured } else { State::Failed };
    let error_type = (!lacks_key).then_some(failure.error_type);
    Checked { state, error_type, message: Some(failure.message), ..nothing(service, model) }
}
