//! What asking took: tokens and money.

use super::{Recorded, Reused, calls::ToolCall};
use crate::run::document::{Cost, StepDocument};

/// Tokens spent, as the provider counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Usage {
    /// Calls made.
    pub requests: u64,
    /// Prompt tokens not read from cache.
    pub input_tokens: u64,
    /// Answer tokens.
    pub output_tokens: u64,
    /// Prompt tokens read from cache.
    pub cache_read_tokens: u64,
    /// Prompt tokens written to cache.
    pub cache_write_tokens: u64,
    /// Of the answer tokens, those spent on reasoning.
    pub reasoning_tokens: u64,
}

impl Usage {
    /// This without `part`.
    pub(crate) fn less(self, part: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(part.requests),
            input_tokens: self.input_tokens.saturating_sub(part.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(part.output_tokens),
            cache_read_tokens: self.cache_read_tokens.saturating_sub(part.cache_read_tokens),
            cache_write_tokens: self.cache_write_tokens.saturating_sub(part.cache_write_tokens),
            reasoning_tokens: self.reasoning_tokens.saturating_sub(part.reasoning_tokens),
        }
    }

    /// Tokens asked and answered.
    pub(super) fn all_tokens(self) -> u64 {
        let asked = self.input_tokens.saturating_add(self.cache_read_tokens).saturating_add(self.cache_write_tokens);
        asked.saturating_add(self.output_tokens)
    }

    /// All of them together; `None` if there is none.
    pub fn sum(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|a, b| Self {
            requests: a.requests.saturating_add(b.requests),
            input_tokens: a.input_tokens.saturating_add(b.input_tokens),
            output_tokens: a.output_tokens.saturating_add(b.output_tokens),
            cache_read_tokens: a.cache_read_tokens.saturating_add(b.cache_read_tokens),
            cache_write_tokens: a.cache_write_tokens.saturating_add(b.cache_write_tokens),
            reasoning_tokens: a.reasoning_tokens.saturating_add(b.reasoning_tokens),
        })
    }
}

/// What calls took together.
#[derive(Debug, Clone, PartialEq)]
pub struct Spent {
    /// Tokens; `None` = nobody was asked, or nobody said.
    pub usage: Option<Usage>,
    /// Money.
    pub cost: Cost,
    /// Of what was replayed: what the recording took.
    pub recorded: Option<Recorded>,
}

impl Spent {
    /// What the steps of these documents took. What was used again was paid for by the run that made it.
    pub fn of<'d>(documents: impl Iterator<Item = &'d StepDocument> + Clone) -> Self {
        let documents = documents.filter(|document| document.provenance.is_none());
        Self {
            usage: Usage::sum(documents.clone().filter_map(|document| document.usage)),
            cost: Cost::sum(documents.clone().map(|document| &document.cost)),
            recorded: Recorded::sum(documents.filter_map(|document| Recorded::of(document.cache.as_ref()?))),
        }
    }

    /// All of it together.
    pub fn sum<'s>(all: impl Iterator<Item = &'s Self> + Clone) -> Self {
        Self {
            usage: Usage::sum(all.clone().filter_map(|spent| spent.usage)),
            cost: Cost::sum(all.clone().map(|spent| &spent.cost)),
            recorded: Recorded::sum(all.filter_map(|spent| spent.recorded.clone())),
        }
    }

    /// As of one that served what holds the steps that took it; `None` where no model was asked.
    pub fn served(self) -> Option<Served> {
        let Self { usage, cost, recorded } = self;
        let asked = usage.is_some() || cost != Cost::free();
        let reused = recorded.map(|recorded| Box::new(Reused::Recorded(recorded)));
        let (provider, model) = (String::new(), String::new());
        asked.then(|| Served { provider, model, usage, cost, requested: None, reused, tool_calls: None })
    }
}

impl From<Box<Served>> for Spent {
    fn from(served: Box<Served>) -> Self {
        let recorded = match served.reused.map(|reused| *reused) {
            Some(Reused::Recorded(recorded)) => Some(recorded),
            _ => None,
        };
        Self { usage: served.usage, cost: served.cost, recorded }
    }
}

/// Who answered a step and what it took; the answer itself is the step's result.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Served {
    /// The provider.
    pub provider: String,
    /// The served model.
    pub model: String,
    /// Tokens spent; `None` = the provider did not say.
    pub usage: Option<Usage>,
    /// What it cost.
    #[serde(default = "Cost::free")]
    pub cost: Cost,
    /// The model that was asked first, as `provider/name`, where another one answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// Where the answers come from, where nobody was asked for them now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<Box<Reused>>,
    /// The tools that it called, where it was offered some, and what came of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCall>>,
}

impl Served {
    /// The model, as `provider/name`, was asked, and nobody said what that took.
    pub(crate) fn unpriced(model: &str) -> Self {
        let (provider, model) = model.split_once('/').unwrap_or(("", model));
        Self {
            provider: provider.to_owned(),
            model: model.to_owned(),
            usage: None,
            cost: Cost::unknown(),
            requested: None,
            reused: None,
            tool_calls: None,
        }
    }

    /// Both, side by side: without a name where two models served.
    pub(crate) fn with(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let names = |served: &Self| (served.provider.clone(), served.model.clone(), served.requested.clone());
        let is_same = one.as_ref().zip(other.as_ref()).is_none_or(|(one, other)| names(one) == names(other));
        let mut both = Self::after(one, other)?;
        if !is_same {
            (both.provider, both.model, both.requested) = (String::new(), String::new(), None);
        }
        Some(both)
    }

    /// This, and what was spent before it on attempts that came to nothing.
    pub(crate) fn after(before: Option<Self>, now: Option<Self>) -> Option<Self> {
        let (Some(before), Some(now)) = (&before, &now) else { return now.or(before) };
        Some(Self {
            provider: now.provider.clone(),
            model: now.model.clone(),
            requested: now.requested.clone(),
            // Where one of two is not told, the sum is not known either.
            usage: before.usage.zip(now.usage).and_then(|(before, now)| Usage::sum([before, now])),
            cost: Cost::sum([&before.cost, &now.cost].into_iter()),
            reused: Reused::both(before.reused.as_deref(), now.reused.as_deref()),
            tool_calls: now.tool_calls.clone(),
        })
    }
}
