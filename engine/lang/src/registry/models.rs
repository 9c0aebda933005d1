//! The table of models.
//!
//! It may be large, so it can be made lazily: nothing is parsed before somebody asks for a model.

use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use super::{
    Price,
    overlay::{Host, Overlay, Routing},
};

/// One model of one provider.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelSpec {
    /// Provider, e.g. `openai`.
    pub provider: String,
    /// The provider's name for it, e.g. `gpt-5-mini`.
    pub name: String,
    /// Context size in tokens.
    pub context: Option<u64>,
    /// Largest answer in tokens.
    pub max_output: Option<u64>,
    /// What it costs.
    pub price: Price,
    /// What it costs beyond a certain prompt size; the whole call is priced by the highest tier
    /// that it reaches.
    pub tiers: Vec<PriceTier>,
    /// Can call tools; `None` = unknown.
    pub tools: Option<bool>,
    /// Can be held to a JSON Schema; `None` = unknown.
    pub json_schema: Option<bool>,
    /// Reads images.
    pub vision: bool,
    /// Answers in text; embedding models do not.
    pub chat: bool,
    /// Past its end, or about to be.
    pub deprecated: bool,
    /// Parameters, in billions; `None` = unknown.
    pub size: Option<f64>,
    /// How much it can, from 1 (low) to 5 (very high), of those that the router may choose.
    pub grade: Option<u8>,
    /// What it is good at, as a `models.yaml` says.
    pub expertise: Vec<String>,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// Where it is, if a `models.yaml` says so.
    pub host: Host,
    /// It stands in a `models.yaml`.
    pub is_listed: bool,
}

/// The price of calls whose prompt is larger than a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriceTier {
    /// The tier holds for prompts of more tokens than this.
    pub above_tokens: u64,
    /// Its price.
    pub price: Price,
}

/// Models and the day their prices are of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelList {
    /// Models, by provider and name.
    pub models: Vec<ModelSpec>,
    /// The day of the prices, `YYYY-MM-DD`.
    pub price_date: String,
}

/// All known providers and models.
#[derive(Debug, Clone, Default)]
pub struct ModelTable {
    providers: Vec<String>,
    load: Option<fn() -> ModelList>,
    list: OnceLock<Arc<ModelList>>,
    /// The places of the models in the list, by name; made when first asked for.
    by_name: OnceLock<FxHashMap<String, Vec<u32>>>,
    /// Aliases, with the place of the model in the list.
    aliases: FxHashMap<String, u32>,
    /// Where providers are, if a `models.yaml` says so.
    hosts: Vec<(String, Host)>,
    routing: Routing,
}

impl ModelTable {
    /// A table that is there at once.
    pub fn new(list: ModelList) -> Self {
        let mut providers: Vec<String> = Vec::new();
        for model in &list.models {
            if !providers.contains(&model.provider) {
                providers.push(model.provider.clone());
            }
        }
        Self { providers, load: None, list: OnceLock::from(Arc::new(list)), ..Self::default() }
    }

    /// A table that `load` makes when it is asked for the first time. The providers are known
    /// before.
    pub fn lazy(providers: Vec<String>, load: fn() -> ModelList) -> Self {
        Self { providers, load: Some(load), ..Self::default() }
    }

    /// This table beneath what `overlays` say, the later over the earlier.
    pub fn overlaid(&self, overlays: &[&Overlay]) -> Self {
        let mut table = Self { providers: self.providers.clone(), ..Self::default() };
        let mut list = ModelList::clone(self.list());
        for overlay in overlays {
            table.routing = overlay.routing.over(&table.routing);
            for row in &overlay.rows {
                if !table.knows_provider(&row.provider) {
                    table.providers.push(row.provider.clone());
                }
                let Some(name) = &row.name else {
                    match table.hosts.iter_mut().find(|(provider, _)| *provider == row.provider) {
                        Some((_, host)) => *host = row.host.over(host),
                        None => table.hosts.push((row.provider.clone(), row.host.clone())),
                    }
                    continue;
                };
                let of_provider = |spec: &ModelSpec| spec.provider == row.provider;
                let known = list.models.iter().position(|spec| of_provider(spec) && spec.name == *name);
                let at = known.unwrap_or_else(|| {
                    let after = list.models.iter().rposition(of_provider).map_or(list.models.len(), |last| last + 1);
                    let spec = ModelSpec {
                        provider: row.provider.clone(),
                        name: name.clone(),
                        chat: true,
                        ..ModelSpec::default()
                    };
                    list.models.insert(after, spec);
                    after
                });
                row.apply(&mut list.models[at]);
            }
        }
        for (index, spec) in list.models.iter().enumerate() {
            for alias in &spec.aliases {
                table.aliases.insert(alias.clone(), index as u32);
            }
        }
        table.list = OnceLock::from(Arc::new(list));
        table
    }

    /// The model that `name` is an alias of.
    pub fn aliased(&self, name: &str) -> Option<&ModelSpec> {
        self.aliases.get(name).map(|index| &self.models()[*index as usize])
    }

    /// Where a model of a provider is, as `models.yaml` says: its own word over that about its provider.
    pub fn host(&self, provider: &str, name: &str) -> Host {
        let of_provider = self.hosts.iter().find(|(known, _)| known == provider).map(|(_, host)| host.clone());
        let spec = self.called(name).find(|spec| spec.provider == provider);
        let own = spec.map(|spec| spec.host.clone()).unwrap_or_default();
        own.over(&of_provider.unwrap_or_default())
    }

    /// Exactly this model of this provider.
    pub fn exact(&self, provider: &str, name: &str) -> Option<&ModelSpec> {
        self.called(name).find(|spec| spec.provider == provider)
    }

    /// The variables that hold keys, as `models.yaml` says.
    pub fn key_variables(&self) -> impl Iterator<Item = &str> {
        let of_models = self.list.get().into_iter().flat_map(|list| &list.models).map(|spec| &spec.host);
        let hosts = self.hosts.iter().map(|(_, host)| host).chain(of_models);
        hosts.filter_map(|host| Some(&*host.key_env.as_ref()?.value))
    }

    /// What the router is told.
    pub fn routing(&self) -> &Routing {
        &self.routing
    }

    /// The providers, in the order completion offers them.
    pub fn providers(&self) -> &[String] {
        &self.providers
    }

    /// All models, by provider and name.
    pub fn models(&self) -> &[ModelSpec] {
        &self.list().models
    }

    /// The day the prices are of, `YYYY-MM-DD`; empty without prices.
    pub fn price_date(&self) -> &str {
        &self.list().price_date
    }

    /// The provider and the model in `name`: `provider/name` or `provider:name` where the first part
    /// is a known provider, else the whole as a model. Names may hold both separators themselves.
    pub fn split<'n>(&self, name: &'n str) -> (Option<&'n str>, &'n str) {
        match name.split_once(['/', ':']) {
            Some((provider, model)) if !model.is_empty() && self.knows_provider(provider) => (Some(provider), model),
            _ => (None, name),
        }
    }

    /// Whether `name` is a provider.
    pub fn knows_provider(&self, name: &str) -> bool {
        self.providers.iter().any(|provider| provider == name)
    }

    /// The models `name` may mean: `provider/name`, `provider:name`, or a bare name of any provider
    /// (contract §2.15), the providers in their order.
    pub fn find(&self, name: &str) -> Vec<&ModelSpec> {
        if let Some(spec) = self.aliased(name) {
            return vec![spec];
        }
        let (provider, model) = self.split(name);
        let of_provider = |spec: &&ModelSpec| provider == Some(spec.provider.as_str());
        let mut found: Vec<&ModelSpec> = self.called(model).filter(of_provider).collect();
        if found.is_empty() {
            found = self.called(name).collect();
        }
        found.sort_by_key(|spec| self.providers.iter().position(|provider| *provider == spec.provider));
        found
    }

    /// The models of any provider with exactly this name.
    fn called(&self, name: &str) -> impl Iterator<Item = &ModelSpec> {
        let by_name = self.by_name.get_or_init(|| {
            let mut places: FxHashMap<String, Vec<u32>> = FxHashMap::default();
            for (index, model) in self.models().iter().enumerate() {
                places.entry(model.name.clone()).or_default().push(index as u32);
            }
            places
        });
        let places = by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        places.iter().map(|index| &self.models()[*index as usize])
    }

    fn list(&self) -> &ModelList {
        self.list.get_or_init(|| Arc::new(self.load.map(|load| load()).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> ModelTable {
        let models = [
            ("openai", "gpt-oss-120b"),
            ("ollama", "llama3.2:1b"),
            ("groq", "openai/gpt-oss-20b"),
            ("groq", "gpt-oss-120b"),
        ];
        let models = models.map(|(provider, name)| ModelSpec {
            provider: provider.to_owned(),
            name: name.to_owned(),
            ..ModelSpec::default()
        });
        ModelTable::new(ModelList { models: models.to_vec(), price_date: String::new() })
    }

    fn found(name: &str) -> Vec<String> {
        table().find(name).iter().map(|spec| format!("{} {}", spec.provider, spec.name)).collect()
    }

    #[test]
    fn either_separator_follows_the_provider() {
        assert_eq!(found("openai/gpt-oss-120b"), ["openai gpt-oss-120b"]);
        assert_eq!(found("openai:gpt-oss-120b"), ["openai gpt-oss-120b"]);
    }

    #[test]
    fn names_may_hold_separators() {
        assert_eq!(found("ollama:llama3.2:1b"), ["ollama llama3.2:1b"]);
        assert_eq!(found("llama3.2:1b"), ["ollama llama3.2:1b"]);
        assert_eq!(found("groq/openai/gpt-oss-20b"), ["groq openai/gpt-oss-20b"]);
        assert_eq!(found("openai/gpt-oss-20b"), ["groq openai/gpt-oss-20b"]);
    }

    #[test]
    fn a_bare_name_may_mean_several() {
        assert_eq!(found("gpt-oss-120b"), ["openai gpt-oss-120b", "groq gpt-oss-120b"]);
        assert!(found("gpt-9").is_empty());
    }

    #[test]
    fn a_lazy_table_knows_its_providers_before_it_is_made() {
        let table = ModelTable::lazy(vec!["openai".to_owned()], || unreachable!("nobody asked for a model"));
        assert_eq!(table.split("openai/x"), (Some("openai"), "x"));
        assert_eq!(table.split("x/y"), (None, "x/y"));
    }
}
