//! The table of models.

use super::Price;

/// One model of one provider.
#[derive(Debug, Clone, PartialEq)]
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
    /// Can call tools; `None` = unknown.
    pub tools: Option<bool>,
    /// Can be held to a JSON Schema; `None` = unknown.
    pub json_schema: Option<bool>,
    /// Reads images.
    pub vision: bool,
    /// Past its end, or about to be.
    pub deprecated: bool,
}

/// All known models and the day their prices are of.
#[derive(Debug, Clone, Default)]
pub struct ModelTable {
    /// Models, by provider and name.
    pub models: Vec<ModelSpec>,
    /// The day of the prices, `YYYY-MM-DD`.
    pub price_date: String,
}

impl ModelTable {
    /// The models `name` may mean: `provider/name`, `provider:name`, or a bare name of any provider
    /// (contract §2.15). Best match first.
    pub fn find(&self, name: &str) -> Vec<&ModelSpec> {
        let split = |separator: char| name.split_once(separator);
        for (provider, model) in [split('/'), split(':')].into_iter().flatten() {
            let found: Vec<&ModelSpec> =
                self.models.iter().filter(|spec| spec.provider == provider && spec.name == model).collect();
            if !found.is_empty() {
                return found;
            }
        }
        self.models.iter().filter(|spec| spec.name == name).collect()
    }
}
