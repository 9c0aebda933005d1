//! The router: which model a step asks that names none (contract §6.3). Hard filters first, then a strategy;
//! pure and deterministic, from the registry and what the environment leads to. Nobody is contacted.
//!
//! It chooses among the models that stand in a `models.yaml`, and those of the built-in table that have a grade
//! there. Where a provider's address is not its own, nobody but a `models.yaml` says what is served there.

use std::{collections::BTreeMap, fmt::Write as _};

use lang::registry::{ModelSpec, ModelTable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    endpoint::Endpoint,
    kind::{KINDS, Service, serving},
    need::Need,
    price,
};
use crate::tools::ToolError;

/// The strategy where nobody says one.
const USUAL: &str = "balanced";

/// The grade that is good enough where the price counts too.
const GOOD: u8 = 3;

/// What an answer is taken to be as long as, where nobody says: it ranks, it limits nothing.
const USUAL_ANSWER: u64 = 1000;

/// The router has chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// The model, as `provider/name`.
    pub model: String,
    /// The strategy.
    pub strategy: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub task: Option<String>,
    /// How many models could be asked.
    pub considered: usize,
    /// Why this one.
    pub reasons: Vec<String>,
    /// Those that would have been next.
    pub next: Vec<String>,
}

/// Where a model may be asked from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// What is known of models.
    pub(crate) table: &'a ModelTable,
    /// Where providers are, and the keys to them.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// The workspace is trusted to say where keys are sent.
    pub(crate) is_trusted: bool,
    /// Every answer is made up, so that it does not matter who can be asked.
    pub(crate) simulate: bool,
}

/// A model that can be asked and is what is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    /// The model, as `provider/name`.
    pub(crate) model: String,
    /// How much it can, from 1 to 5.
    pub(crate) grade: u8,
    /// It is said to be good at the field of the task.
    pub(crate) suits: bool,
    /// It is said to be good at something else only.
    pub(crate) is_strange: bool,
    /// Nobody is paid for it.
    pub(crate) is_free: bool,
    /// Its place among the models to choose among, where they are named.
    pub(crate) place: usize,
}

/// A model that can be asked.
struct Candidate<'t> {
    spec: &'t ModelSpec,
    grade: u8,
    /// What such a call is taken to cost; `None` = not known.
    cost: Option<i64>,
    is_free: bool,
    suits: bool,
    preferred: usize,
}

/// The models that fit.
struct Fitting<'t> {
    /// At least one, the best by the strategy first.
    candidates: Vec<Candidate<'t>>,
    strategy: String,
    considered: usize,
    left_out: BTreeMap<&'static str, usize>,
    reasons: Vec<String>,
}

/// Chooses a model; what to do where none can be.
pub fn decide(
    table: &ModelTable,
    environment: &BTreeMap<String, String>,
    is_trusted: bool,
    need: &Need,
) -> Result<Decision, ToolError> {
    let around = Surroundings { table, environment, is_trusted, simulate: false };
    decide_among(table, &Reachable::wanted(around, need), need)
}

/// The same among models of which it is known that they can be asked: for who decides often.
pub(crate) fn decide_among(table: &ModelTable, reachable: &Reachable, need: &Need) -> Result<Decision, ToolError> {
    let Fitting { candidates, strategy, considered, left_out, mut reasons } =
        fitting(table, reachable.of_table(table), need)?;
    let chosen = &candidates[0];
    reasons.extend(why(&strategy, chosen, need));
    if !left_out.is_empty() {
        let parts: Vec<String> = left_out.iter().map(|(why, count)| format!("{count} {why}")).collect();
        reasons.push(format!("left out: {}", parts.join(", ")));
    }
    reasons.extend(not_looked_at(&need.unknown));
    Ok(Decision {
        model: name(chosen.spec),
        strategy,
        task: need.task.clone(),
        considered,
        reasons,
        next: candidates.iter().skip(1).take(3).map(|candidate| name(candidate.spec)).collect(),
    })
}

/// All models that could be asked this, the best by the strategy first: at least one.
pub(crate) fn choices(around: Surroundings<'_>, need: &Need) -> Result<Vec<Choice>, ToolError> {
    let reachable = Reachable::wanted(around, need);
    let fitting = fitting(around.table, reachable.of_table(around.table), need)?;
    let choice = |candidate: &Candidate<'_>| Choice {
        model: name(candidate.spec),
        grade: candidate.grade.clamp(1, 5),
        suits: candidate.suits,
        is_strange: need.field().is_some() && !candidate.suits && !candidate.spec.expertise.is_empty(),
        is_free: candidate.is_free,
        place: need.among.iter().position(|wanted| is_called(candidate.spec, wanted)).unwrap_or_default(),
    };
    Ok(fitting.candidates.iter().map(choice).collect())
}

/// Says what was wanted that nobody knows of a model.
pub(crate) fn not_looked_at(wanted: &[String]) -> Option<String> {
    let wanted = wanted.join(", ");
    (!wanted.is_empty()).then(|| format!("not looked at, because nobody knows it of a model: {wanted}"))
}

/// What a grade is called.
pub(crate) fn level(grade: u8) -> &'static str {
    ["low", "medium", "medium-high", "high", "very-high"][usize::from(grade.clamp(1, 5)) - 1]
}

/// Whether `wanted` means a model of the table.
pub(crate) fn is_known(table: &ModelTable, wanted: &str) -> bool {
    table.models().iter().any(|spec| is_called(spec, wanted))
}

fn fitting<'t>(
    table: &'t ModelTable,
    open: impl Iterator<Item = (&'t ModelSpec, bool)>,
    need: &Need,
) -> Result<Fitting<'t>, ToolError> {
    let strategy = need.strategy.as_deref().or(table.routing().strategy.as_deref()).unwrap_or(USUAL);
    let mut considered = 0;
    let mut left_out: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut fitting: Vec<Candidate<'_>> = Vec::new();
    let mut hard: Vec<Candidate<'_>> = Vec::new();
    for (spec, free) in open {
        considered += 1;
        let candidate = candidate(spec, free, need);
        if let Some(why) = refused(table, spec, &candidate, need) {
            *left_out.entry(why).or_default() += 1;
        } else if let Some(why) = unfit(spec, &candidate, need) {
            *left_out.entry(why).or_default() += 1;
            hard.push(candidate);
        } else {
            fitting.push(candidate);
        }
    }
    if considered == 0 {
        return Err(if need.among.is_empty() { nobody() } else { none_of(&need.among) });
    }
    let mut reasons = Vec::new();
    let mut strategy = strategy.to_owned();
    if fitting.is_empty() && !hard.is_empty() {
        match need.otherwise.as_deref() {
            Some("best_available") => {
                "quality".clone_into(&mut strategy);
                reasons.push("none is all that is wanted, so the best there is".to_owned());
                fitting = hard;
            }
            Some("cheapest") => {
                "cost".clone_into(&mut strategy);
                reasons.push("none is all that is wanted, so the cheapest there is".to_owned());
                fitting = hard;
            }
            _ => {}
        }
    }
    if fitting.is_empty() {
        return Err(none_fits(considered, &left_out, need));
    }
    fitting.sort_by(|one, other| rank(&strategy, one).cmp(&rank(&strategy, other)));
    Ok(Fitting { candidates: fitting, strategy, considered, left_out, reasons })
}

/// Whether the router knows enough of a model to choose it.
pub(super) fn is_choosable(spec: &ModelSpec) -> bool {
    spec.chat && (spec.is_listed || spec.grade.is_some()) && !spec.deprecated && spec.provider != super::simulated::NAME
}

/// The models of a table that can be asked: by their places in it, each with whether it is free because this machine
/// serves it. The environment and the person's keys are looked at once for all of them.
#[derive(Debug, Clone)]
pub(crate) struct Reachable(Vec<(usize, bool)>);

impl Reachable {
    /// Those to choose among where none is named.
    pub(crate) fn of(around: Surroundings<'_>) -> Self {
        Self::all(around, is_choosable, false)
    }

    /// Those to choose among for this.
    fn wanted(around: Surroundings<'_>, need: &Need) -> Self {
        if need.among.is_empty() {
            return Self::of(around);
        }
        Self::all(around, |spec| spec.chat && need.among.iter().any(|name| is_called(spec, name)), true)
    }

    fn all(around: Surroundings<'_>, is_meant: impl Fn(&ModelSpec) -> bool, named: bool) -> Self {
        let mut reach = Reach { around, known: Vec::new() };
        let meant = around.table.models().iter().enumerate().filter(|(_, spec)| is_meant(spec));
        Self(meant.filter_map(|(at, spec)| Some((at, reach.of(spec, named)?))).collect())
    }

    fn of_table<'t>(&self, table: &'t ModelTable) -> impl Iterator<Item = (&'t ModelSpec, bool)> {
        self.0.iter().filter_map(|(at, free)| Some((table.models().get(*at)?, *free)))
    }
}

/// Which providers can be asked; each is looked at once.
struct Reach<'e> {
    around: Surroundings<'e>,
    /// By provider: whether its address is its own and whether it is free.
    known: Vec<(String, Option<(bool, bool)>)>,
}

impl Reach<'_> {
    /// Whether the model can be asked, and whether it is free because this machine serves it. One that is `named`
    /// is taken to be served where its provider is.
    fn of(&mut self, spec: &ModelSpec, named: bool) -> Option<bool> {
        let table = self.around.table;
        if self.around.simulate {
            return serving(table, &name(spec)).ok().map(|service| service.kind.name == super::kind::OLLAMA.name);
        }
        if !spec.host.is_empty() {
            let service = serving(table, &name(spec)).ok()?;
            let (_, free) = self.at(&service)?;
            return Some(free);
        }
        let found = match self.known.iter().find(|(provider, _)| *provider == spec.provider) {
            Some((_, found)) => *found,
            None => {
                let found = serving(table, &name(spec)).ok().and_then(|service| self.at(&service));
                self.known.push((spec.provider.clone(), found));
                found
            }
        };
        found.filter(|(is_own, _)| *is_own || spec.is_listed || named).map(|(_, free)| free)
    }

    fn at(&self, service: &Service) -> Option<(bool, bool)> {
        let endpoint =
            Endpoint::at(service.kind, &service.host, self.around.environment, self.around.is_trusted).ok()?;
        let free = service.kind.name == super::kind::OLLAMA.name && endpoint.is_local;
        Some((endpoint.is_own(service.kind), free))
    }
}

fn candidate<'t>(spec: &'t ModelSpec, free: bool, need: &Need) -> Candidate<'t> {
    let by_size = || {
        spec.size.map(|size| match size {
            size if size < 3.0 => 1,
            size if size < 10.0 => 2,
            size if size < 40.0 => 3,
            size if size < 150.0 => 4,
            _ => 5,
        })
    };
    let answer = need.answer.unwrap_or(USUAL_ANSWER);
    let cost = if free { Some(0) } else { price::worst(spec, need.prompt, answer) };
    let preferred = need.preferred.iter().position(|wanted| is_called(spec, wanted));
    Candidate {
        spec,
        grade: spec.grade.or_else(by_size).unwrap_or(GOOD),
        cost,
        is_free: free,
        suits: need.field().is_some_and(|field| spec.expertise.iter().any(|of| of == field)),
        preferred: preferred.unwrap_or(usize::MAX),
    }
}

/// Why the model is never asked this.
fn refused(table: &ModelTable, spec: &ModelSpec, candidate: &Candidate<'_>, need: &Need) -> Option<&'static str> {
    let routing = table.routing();
    let named = |names: &Vec<String>| names.iter().any(|name| is_called(spec, name));
    let needed = need.prompt.saturating_add(need.answer.unwrap_or(0));
    let is_denied = need.excluded.iter().any(|name| is_called(spec, name)) || routing.deny.as_ref().is_some_and(named);
    if is_denied || routing.allow.as_ref().is_some_and(|allowed| !named(allowed)) {
        Some("not allowed")
    } else if spec.context.is_some_and(|context| context < needed) {
        Some("with too small a context")
    } else if need.vision && !spec.vision {
        Some("without images")
    } else if need.tools && spec.tools != Some(true) {
        Some("without tools")
    } else if need.schema && spec.json_schema == Some(false) && spec.tools != Some(true) {
        Some("without schemas")
    } else if need.cost_limit.is_some_and(|limit| candidate.cost.is_none_or(|cost| cost > limit)) {
        Some("too dear, or of unknown price")
    } else {
        None
    }
}

/// Why the model is not as good as is wanted.
fn unfit(spec: &ModelSpec, candidate: &Candidate<'_>, need: &Need) -> Option<&'static str> {
    let (least, largest) = need.size;
    let knows = |field: &String| spec.expertise.iter().any(|of| of == field);
    if need.grade.is_some_and(|grade| candidate.grade < grade) {
        Some("of too little expertise")
    // What a provider keeps to itself is taken to be large.
    } else if least.is_some_and(|least| spec.size.is_some_and(|size| size < least)) {
        Some("too small")
    } else if largest.is_some_and(|largest| spec.size.is_none_or(|size| size > largest)) {
        Some("too large, or of unknown size")
    } else if spec.is_listed && !spec.expertise.is_empty() && !need.fields.iter().all(knows) {
        Some("with other expertise")
    } else {
        None
    }
}

/// The smaller, the better.
fn rank<'c>(strategy: &str, candidate: &Candidate<'c>) -> (usize, u64, u64, u64, &'c str, &'c str) {
    let cost = candidate.cost.map_or(u64::MAX, i64::unsigned_abs);
    let (grade, other) = (u64::from(candidate.grade), u64::from(!candidate.suits));
    let (first, second, third) = match strategy {
        "cost" => (cost, other, 9 - grade),
        "quality" => (9 - grade, other, cost),
        // What is small answers soonest.
        "latency" => (grade, other, cost),
        _ => (u64::from(candidate.grade < GOOD), other, cost),
    };
    (candidate.preferred, first, second, third, &candidate.spec.provider, &candidate.spec.name)
}

fn why(strategy: &str, chosen: &Candidate<'_>, need: &Need) -> Vec<String> {
    let level = level(chosen.grade);
    let mut reasons = Vec::new();
    if chosen.preferred != usize::MAX {
        reasons.push("it is preferred".to_owned());
    }
    reasons.push(match strategy {
        "cost" => "cost: the cheapest that fits".to_owned(),
        "quality" => format!("quality: the highest expertise that fits ({level})"),
        "latency" => format!("latency: the smallest that fits ({level} expertise)"),
        _ if chosen.grade >= GOOD => format!("balanced: the cheapest of medium-high expertise or more ({level})"),
        _ => format!("balanced: none of medium-high expertise fits; this one is of {level}"),
    });
    if let Some(field) = need.field().filter(|_| chosen.suits) {
        reasons.push(format!("its expertise is {field}"));
    }
    match chosen.cost {
        Some(0) => reasons.push("it costs nothing".to_owned()),
        Some(cost) => reasons.push(format!("at most {} for this call", crate::run::document::dollars(cost, true))),
        None => reasons.push("its price is not known".to_owned()),
    }
    reasons
}

fn name(spec: &ModelSpec) -> String {
    format!("{}/{}", spec.provider, spec.name)
}

/// Whether `wanted` means the model: a name, `provider/name`, an alias, `provider` or `provider/*`.
fn is_called(spec: &ModelSpec, wanted: &str) -> bool {
    if wanted == spec.name || wanted == spec.provider || spec.aliases.iter().any(|alias| alias == wanted) {
        return true;
    }
    let rest = wanted.strip_prefix(&*spec.provider).and_then(|rest| rest.strip_prefix(['/', ':']));
    rest.is_some_and(|rest| rest == "*" || rest == spec.name)
}

fn nobody() -> ToolError {
    let keys: Vec<String> = KINDS.iter().filter_map(|kind| kind.keys.first()).map(|key| format!("`{key}`")).collect();
    ToolError::new(
        "NoModelError",
        format!(
            "no model is named, and there is none to choose from: set one of {} in the environment, or list a model of \
             your own in `models.yaml`; or write `model: provider/name`, or run with `--simulate`",
            keys.join(", ")
        ),
    )
}

fn none_of(among: &[String]) -> ToolError {
    let message = format!(
        "none of the models that are named can be asked (`{}`): their providers need a key in the environment, which \
         `orc doctor` tells; or run with `--simulate`",
        among.join("`, `")
    );
    ToolError::new("NoModelError", message)
}

fn none_fits(considered: usize, left_out: &BTreeMap<&str, usize>, need: &Need) -> ToolError {
    let mut message = format!("none of the {considered} models that can be asked fits: ");
    let parts: Vec<String> = left_out.iter().map(|(why, count)| format!("{count} {why}")).collect();
    message.push_str(&parts.join(", "));
    if left_out.contains_key("with too small a context") {
        let _ = write!(message, " (up to {} tokens are asked)", need.prompt);
    }
    message.push_str("; ask for less in `requires_model`, or write `model: provider/name`");
    ToolError::new("NoModelError", message)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use lang::registry::{
        ModelList, Price,
        overlay::{self, Origin},
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::catalog;

    fn spec(provider: &str, name: &str, grade: u8, output: f64) -> ModelSpec {
        ModelSpec {
            provider: provider.to_owned(),
            name: name.to_owned(),
            context: Some(10_000),
            price: Price { input: Some(output / 5.0), output: Some(output), ..Price::default() },
            json_schema: Some(true),
            chat: true,
            grade: Some(grade),
            ..ModelSpec::default()
        }
    }

    fn table(yaml: &str) -> ModelTable {
        let models = vec![
            spec("openai", "nano", 2, 0.5),
            spec("openai", "mini", 3, 5.0),
            spec("openai", "big", 5, 50.0),
            ModelSpec { vision: true, context: Some(1_000_000), ..spec("google", "flash", 3, 4.0) },
            ModelSpec { grade: None, ..spec("openai", "unheard-of", 1, 0.01) },
        ];
        let overlay = overlay::read(yaml, "models.yaml", Origin::Person);
        assert_eq!(overlay.problems, []);
        ModelTable::new(ModelList { models, price_date: String::new() }).overlaid(&[&overlay])
    }

    fn decided(table: &ModelTable, keys: &[&str], requires: Value) -> Result<Decision, String> {
        let environment = keys.iter().map(|key| ((*key).to_owned(), "key".to_owned())).collect();
        let need = Need { prompt: 1000, answer: Some(1000), ..Need::of(Some(&requires)) };
        decide(table, &environment, false, &need).map_err(|error| error.to_string())
    }

    fn chosen(yaml: &str, keys: &[&str], requires: Value) -> Result<String, String> {
        decided(&table(yaml), keys, requires).map(|decision| decision.model)
    }

    const BOTH: [&str; 2] = ["OPENAI_API_KEY", "GEMINI_API_KEY"];

    #[test]
    fn each_strategy_chooses_what_it_says() {
        let by = |strategy: &str| chosen("", &BOTH, json!({ "strategy": strategy })).unwrap();
        assert_eq!(by("balanced"), "google/flash");
        assert_eq!(by("cost"), "openai/nano");
        assert_eq!(by("quality"), "openai/big");
        assert_eq!(by("latency"), "openai/nano");
        assert_eq!(chosen("strategy: quality", &BOTH, json!({})).unwrap(), "openai/big");
    }

    #[test]
    fn only_who_can_be_asked_is_chosen() {
        assert_eq!(chosen("", &["OPENAI_API_KEY"], json!({})).unwrap(), "openai/mini");
        assert_eq!(
            chosen("", &[], json!({})).unwrap_err(),
            "no model is named, and there is none to choose from: set one of `OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, \
             `GEMINI_API_KEY`, `HF_TOKEN` in the environment, or list a model of your own in `models.yaml`; or write \
             `model: provider/name`, or run with `--simulate`"
        );
    }

    #[test]
    fn filters_are_hard() {
        assert_eq!(chosen("", &BOTH, json!({"capabilities": ["vision"]})).unwrap(), "google/flash");
        assert_eq!(chosen("", &BOTH, json!({"expertise": "very-high"})).unwrap(), "openai/big");
        assert_eq!(chosen("", &BOTH, json!({"excluded": ["google/*"]})).unwrap(), "openai/mini");
        assert_eq!(chosen("", &BOTH, json!({"preferred": ["big"]})).unwrap(), "openai/big");
        assert_eq!(chosen("allow: [openai]\ndeny: [mini]", &BOTH, json!({})).unwrap(), "openai/big");
        assert_eq!(chosen("", &BOTH, json!({"strategy": "quality", "cost_limit": 0.01})).unwrap(), "google/flash");
        assert_eq!(
            chosen("", &["OPENAI_API_KEY"], json!({"capabilities": ["vision"]})).unwrap_err(),
            "none of the 3 models that can be asked fits: 3 without images; ask for less in `requires_model`, or write \
             `model: provider/name`"
        );
        let impossible = json!({"min_size": "7b", "max_size": "8b", "fallback_strategy": "best_available"});
        assert_eq!(chosen("", &BOTH, impossible).unwrap(), "openai/big");
    }

    #[test]
    fn a_prompt_that_is_too_long_goes_where_it_fits() {
        let environment = BOTH.iter().map(|key| ((*key).to_owned(), "key".to_owned())).collect();
        let need = Need { prompt: 50_000, strategy: Some("cost".to_owned()), ..Need::default() };
        let decision = decide(&table(""), &environment, false, &need).unwrap();
        assert_eq!(decision.model, "google/flash");
        assert_eq!(
            decision.reasons,
            ["cost: the cheapest that fits", "at most $0.0440 for this call", "left out: 3 with too small a context"]
        );
    }

    #[test]
    fn models_of_the_persons_own_are_chosen_by_expertise_and_size() {
        let own = "models:\n- {source: ollama, name: 'gemma3:4b', expertise: [general], size: 4b}\n- {source: ollama, name: \
                   'coder:32b', expertise: [code], size: 32b}\n";
        assert_eq!(chosen(own, &[], json!({"task": "write code"})).unwrap(), "ollama/coder:32b");
        assert_eq!(chosen(own, &[], json!({"max_size": "8B"})).unwrap(), "ollama/gemma3:4b");
        assert_eq!(chosen(own, &[], json!({"min_size": "20B"})).unwrap(), "ollama/coder:32b");
        // It is free, and good enough.
        assert_eq!(chosen(own, &BOTH, json!({})).unwrap(), "ollama/coder:32b");
    }

    #[test]
    fn a_server_at_another_address_serves_only_what_is_listed() {
        let environment: BTreeMap<String, String> =
            [("OPENAI_BASE_URL".to_owned(), "http://127.0.0.1:9/v1".to_owned())].into();
        let need = Need::default();
        assert!(decide(&table(""), &environment, false, &need).is_err());
        let listed = table("models: [{source: openai, name: own, size: 7b}]");
        assert_eq!(decide(&listed, &environment, false, &need).unwrap().model, "openai/own");
    }

    #[test]
    fn the_built_in_table_has_a_choice_for_each_provider_and_every_strategy() {
        let registry = catalog::registry();
        for key in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "HF_TOKEN"] {
            for strategy in overlay::STRATEGIES {
                let decision = decided(&registry.models, &[key], json!({ "strategy": strategy })).unwrap();
                assert!(registry.models.find(&decision.model)[0].price.output.is_some(), "{decision:?}");
            }
        }
    }
}
