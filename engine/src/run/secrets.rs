//! Secrets do not leave a run (docs/secrets.md): what is stored, told or printed has `[secret NAME]` in
//! their place. Steps themselves get the true values.
//!
//! A [`Redactor`] stands at two places that everything passes: the journal, and the result document. What
//! it changed is no data any more; such a record says so, and a run that is resumed makes it anew.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    ops::Range,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;
use serde_json::{Value, json};

use super::{
    EventKind, ResultDocument, RunError,
    document::StepDocument,
    event::Said,
    journal::{Batch, Fact},
    lock,
    store::{Record, StoredQuestion},
};
use crate::{
    keys::{Keys, keyring},
    models::calls::ToolCall,
    plan::Plan,
    tools::person::Kind,
};

mod forms;
pub use forms::SHORTEST;

mod shapes;

mod stream;
pub(crate) use stream::{Passage, cleaner};

/// Between the two ends of an output that was too long to be kept.
static LEFT_OUT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\n\[\d+ bytes left out\]\n").expect("invariant: it is an expression"));

/// A part of a secret where a text was cut is looked for from this length.
const SHORTEST_REST: usize = 4;

/// Texts of this length may have been cut.
const MAY_BE_CUT: usize = 300;

/// Knows the secrets of a run and takes them out of what is kept.
#[derive(Default)]
pub struct Redactor {
    known: Mutex<Arc<Known>>,
    /// How many keys of the system's keyring are among them.
    of_keyring: AtomicUsize,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// One that knows the inputs of `plan`, as far as they are there, and what the variables of this process
    /// hold.
    pub fn of(plan: &Plan) -> Self {
        let redactor = Self::default();
        redactor.learn_inputs(plan, &Value::Object(plan.inputs.clone()));
        let variables = super::begin::environment();
        // What a `models.yaml` calls a key is one, whatever its name is.
        let keys = plan.registry().models.key_variables();
        redactor.learn(keys.filter_map(|name| Some((name.to_owned(), variables.get(name)?.clone()))));
        redactor.learn_variables(&variables);
        redactor
    }

    /// One that knows what the variables of this process hold.
    pub fn of_environment() -> Self {
        let redactor = Self::default();
        redactor.learn_variables(&super::begin::environment());
        redactor
    }

    fn learn_variables(&self, variables: &BTreeMap<String, String>) {
        let found = variables.iter().filter_map(|(name, value)| Some((name, shapes::secret_of(name, value)?)));
        self.learn(found.map(|(name, value)| (name.clone(), value.to_owned())));
        // What is wrong with the file is said where a key of it is wanted.
        if let Ok(kept) = Keys::of(variables) {
            self.learn(kept.all().map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }

    /// Learns the values of the inputs that `plan` declares secret.
    pub(crate) fn learn_inputs(&self, plan: &Plan, inputs: &Value) {
        let mut found = Vec::new();
        for name in secret_inputs(plan) {
            if let Some(value) = inputs.get(name) {
                leaves(value, &mut |text| found.push((name.to_owned(), text)));
            }
        }
        self.learn(found.into_iter());
    }

    fn learn(&self, secrets: impl Iterator<Item = (String, String)>) {
        let mut known = lock(&self.known);
        let new = known.with(secrets);
        if let Some(new) = new {
            *known = Arc::new(new);
        }
    }

    fn known(&self) -> Arc<Known> {
        // A key is taken from there when it is first wanted, which is after this one was made.
        let count = keyring::count();
        if self.of_keyring.load(Ordering::Acquire) != count {
            self.learn(keyring::taken().into_iter());
            self.of_keyring.store(count, Ordering::Release);
        }
        Arc::clone(&lock(&self.known))
    }

    /// The text without secrets.
    pub fn text(&self, text: &str) -> String {
        self.known().text(text).unwrap_or_else(|| text.to_owned())
    }

    /// The error without secrets.
    pub(crate) fn error(&self, error: RunError) -> RunError {
        match error {
            RunError::Inputs(message) => RunError::Inputs(self.text(&message)),
            other => other,
        }
    }

    /// Takes the secrets out of `value`; whether there were any.
    pub fn value(&self, value: &mut Value) -> bool {
        self.known().value(value)
    }

    /// Whether there are secrets in `value`.
    pub fn touches(&self, value: &Value) -> bool {
        self.known().touches(value)
    }

    /// Whether the other knows the same values.
    pub(crate) fn knows_the_same(&self, other: &Self) -> bool {
        let (known, other) = (self.known(), other.known());
        known.forms == other.forms && known.numbers == other.numbers
    }

    /// Whether a secret that is known by its value stands in the text. What a secret looks like is another matter:
    /// that is the same whenever one looks.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let known = self.known();
        known.finder.as_ref().is_some_and(|finder| finder.is_match(text))
            || known.numbers.iter().any(|(number, _)| text.contains(&**number))
    }

    /// The inputs of the run as they are kept, and the names of those that are not kept as they are.
    pub fn inputs(&self, plan: &Plan, inputs: &Value) -> (Value, Vec<String>) {
        let known = self.known();
        let secret: Vec<&str> = secret_inputs(plan).collect();
        let mut kept = inputs.clone();
        let mut names = Vec::new();
        for (name, value) in kept.as_object_mut().into_iter().flatten() {
            if secret.contains(&&**name) {
                *value = json!(marker(name));
                names.push(name.clone());
            } else if known.value(value) {
                names.push(name.clone());
            }
        }
        (kept, names)
    }

    /// Takes the secrets out of what is about to be stored and told.
    pub(crate) fn batch(&self, batch: &mut Batch) {
        let known = self.known();
        for record in &mut batch.records {
            known.record(record);
        }
        for fact in &mut batch.facts {
            known.fact(fact);
        }
    }

    /// Takes the secrets out of the document.
    pub(crate) fn document(&self, document: &mut ResultDocument) {
        let known = self.known();
        for step in document.steps.values_mut() {
            known.step(step);
        }
        for value in document.outputs.values_mut() {
            known.value(value);
        }
        known.option(&mut document.error);
    }
}

/// The inputs that are declared secret.
pub fn secret_inputs(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.declared().filter(|(_, secret)| *secret).map(|(name, _)| name)
}

/// The secret inputs of `plan` whose values are too short to be found where they stand in other texts.
pub fn too_short(plan: &Plan) -> Vec<&str> {
    let is_short = |value: &Value| {
        let mut short = false;
        leaves(value, &mut |text| short |= forms::of(&text).is_empty());
        short
    };
    secret_inputs(plan).filter(|name| plan.inputs.get(*name).is_some_and(is_short)).collect()
}

/// Whether something in the text stands in place of a secret.
pub fn is_marked(text: &str) -> bool {
    static MARKER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\[secret [^\[\]\n]+\]").expect("invariant: it is an expression"));
    MARKER.is_match(text)
}

/// What stands in place of a secret.
fn marker(name: &str) -> String {
    format!("[secret {name}]")
}

/// The texts and numbers in `value`.
fn leaves(value: &Value, take: &mut impl FnMut(String)) {
    match value {
        Value::String(text) => take(text.clone()),
        Value::Number(number) => take(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, take)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, take)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The secrets, ready to be looked for.
#[derive(Debug, Default)]
struct Known {
    /// Each form of each secret, and the name of the secret.
    forms: Vec<(String, Arc<str>)>,
    finder: Option<AhoCorasick>,
    /// The length of the longest form.
    longest: usize,
    /// The secrets that are numbers.
    numbers: Vec<(String, Arc<str>)>,
}

impl Known {
    /// What is known with these secrets too; `None` where nothing of it is new.
    fn with(&self, secrets: impl Iterator<Item = (String, String)>) -> Option<Self> {
        let mut forms = self.forms.clone();
        let mut numbers = self.numbers.clone();
        let mut seen: HashSet<String> = forms.iter().map(|(form, _)| form.clone()).collect();
        for (name, value) in secrets {
            let name: Arc<str> = name.into();
            for form in forms::of(&value) {
                if seen.insert(form.clone()) {
                    forms.push((form, Arc::clone(&name)));
                }
            }
            if value.len() >= SHORTEST && value.parse::<f64>().is_ok() {
                numbers.push((value, name));
            }
        }
        if forms.len() == self.forms.len() {
            return None;
        }
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(forms.iter().map(|(form, _)| form))
            .expect("invariant: the secrets of a process are fewer than two thousand millions");
        let longest = forms.iter().map(|(form, _)| form.len()).max().unwrap_or_default();
        Some(Self { forms, finder: Some(finder), longest, numbers })
    }

    /// The places of secrets in `text`, in order, and their names.
    fn places(&self, text: &str) -> Vec<(Range<usize>, &str)> {
        let mut places: Vec<(Range<usize>, &str)> = Vec::new();
        if let Some(finder) = &self.finder {
            places.extend(finder.find_iter(text).map(|found| (found.range(), &*self.forms[found.pattern()].1)));
            self.rests(text, &mut places);
        }
        let named = places.len();
        for (range, name) in shapes::tokens(text) {
            if places[..named].iter().all(|(other, _)| range.end <= other.start || other.end <= range.start) {
                places.push((range, name));
            } else if let Some((other, _)) = places[..named].iter_mut().find(|(other, _)| range.contains(&other.start))
            {
                // A token that holds a secret is hidden whole.
                *other = range.start..range.end.max(other.end);
            }
        }
        places.sort_by_key(|(range, _)| range.start);
        places
    }

    /// What is left of secrets where something was cut out of `text`.
    fn rests<'k>(&'k self, text: &str, places: &mut Vec<(Range<usize>, &'k str)>) {
        if text.len() < MAY_BE_CUT {
            return;
        }
        let mut ends = vec![text.len()];
        for cut in LEFT_OUT.find_iter(text) {
            ends.push(cut.start());
            let after = &text[cut.end()..];
            let rest = |form: &str| {
                (SHORTEST_REST..form.len())
                    .rev()
                    .filter(|length| form.is_char_boundary(form.len() - length))
                    .find(|length| after.starts_with(&form[form.len() - length..]))
            };
            let longest =
                self.forms.iter().filter_map(|(form, name)| Some((rest(form)?, name))).max_by_key(|(l, _)| *l);
            if let Some((length, name)) = longest {
                places.push((cut.end()..cut.end() + length, name));
            }
        }
        for end in ends {
            if let Some((start, name)) = self.begun(&text[..end]).filter(|(start, _)| end - start >= SHORTEST_REST) {
                places.push((start..end, name));
            }
        }
        // What is whole counts before what is cut.
        places.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut end = 0;
        places.retain(|(range, _)| {
            let is_free = range.start >= end;
            end = end.max(range.end);
            is_free
        });
    }

    /// Where a secret begins that may go on after the end of `text`.
    fn begun(&self, text: &str) -> Option<(usize, &str)> {
        let first = text.len().saturating_sub(self.longest.saturating_sub(1));
        let bytes = text.as_bytes();
        (first..text.len()).filter(|at| text.is_char_boundary(*at)).find_map(|at| {
            let rest = &bytes[at..];
            let goes_on = |form: &str| form.len() > rest.len() && form.as_bytes().starts_with(rest);
            self.forms.iter().find(|(form, _)| goes_on(form)).map(|(_, name)| (at, &**name))
        })
    }

    /// The text without secrets; `None` where there are none.
    fn text(&self, text: &str) -> Option<String> {
        let places = self.places(text);
        if places.is_empty() {
            return None;
        }
        let mut clean = String::with_capacity(text.len());
        let mut end = 0;
        for (range, name) in places {
            if range.start < end {
                end = end.max(range.end);
                continue;
            }
            clean.push_str(&text[end..range.start]);
            clean.push_str(&marker(name));
            end = range.end;
        }
        clean.push_str(&text[end..]);
        Some(clean)
    }

    fn string(&self, text: &mut String) -> bool {
        match self.text(text) {
            Some(clean) => {
                *text = clean;
                true
            }
            None => false,
        }
    }

    fn option(&self, text: &mut Option<String>) -> bool {
        text.as_mut().is_some_and(|text| self.string(text))
    }

    fn number(&self, number: &serde_json::Number) -> Option<&str> {
        if self.numbers.is_empty() {
            return None;
        }
        let text = number.to_string();
        self.numbers.iter().find(|(secret, _)| *secret == text).map(|(_, name)| &**name)
    }

    fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => self.string(text),
            Value::Number(number) => {
                let Some(name) = self.number(number) else { return false };
                *value = json!(marker(name));
                true
            }
            Value::Array(items) => items.iter_mut().fold(false, |changed, item| self.value(item) | changed),
            Value::Object(fields) => {
                let mut changed = fields.values_mut().fold(false, |changed, field| self.value(field) | changed);
                if fields.keys().any(|key| self.text(key).is_some()) {
                    changed = true;
                    let clean = std::mem::take(fields).into_iter().map(|(key, field)| {
                        let clean = self.text(&key).unwrap_or(key);
                        (clean, field)
                    });
                    *fields = clean.collect();
                }
                changed
            }
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn touches(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => !self.places(text).is_empty(),
            Value::Number(number) => self.number(number).is_some(),
            Value::Array(items) => items.iter().any(|item| self.touches(item)),
            Value::Object(fields) => {
                fields.iter().any(|(key, field)| !self.places(key).is_empty() || self.touches(field))
            }
            Value::Null | Value::Bool(_) => false,
        }
    }

    /// Takes the secrets out of what a step came to; whether there were any in more than its name.
    fn step(&self, step: &mut Arc<StepDocument>) -> bool {
        let found = |text: &str| !self.places(text).is_empty();
        let values = step.auto.iter().chain([&step.value]);
        let calls = || step.tool_calls.iter().flatten();
        if !(values.into_iter().any(|value| self.touches(value))
            || calls().any(|call| self.call(&mut call.clone()))
            || found(&step.action)
            || [&step.error, &step.model].into_iter().flatten().any(|text| found(text)))
        {
            return false;
        }
        // The steps that follow see what it was.
        let step = Arc::make_mut(step);
        self.string(&mut step.action);
        let value = self.outcome(&mut step.value);
        let auto = step.auto.iter_mut().fold(false, |changed, value| self.value(value) | changed);
        let calls = step.tool_calls.iter_mut().flatten().fold(false, |changed, call| self.call(call) | changed);
        // Who answered is no data of the run.
        self.option(&mut step.model);
        self.option(&mut step.error) | value | auto | calls
    }

    /// A tool's call by a model.
    fn call(&self, call: &mut ToolCall) -> bool {
        let result = call.result.as_mut().is_some_and(|result| self.value(result));
        self.value(&mut call.arguments) | self.option(&mut call.error) | result
    }

    /// The value of a step: what it gave, without the words of the engine around it.
    fn outcome(&self, value: &mut Value) -> bool {
        let Value::Object(fields) = value else { return self.value(value) };
        fields.iter_mut().fold(false, |changed, (key, field)| {
            let found = match &**key {
                "success" | "status" | "recovered" | "timed_out" => false,
                "served" => {
                    // Who answered is no data of the run.
                    for name in ["model", "tool_calls"] {
                        if let Some(told) = field.get_mut(name) {
                            self.value(told);
                        }
                    }
                    false
                }
                "failure" => self.value(&mut field["message"]),
                _ => self.value(field),
            };
            found | changed
        })
    }

    fn question(&self, stored: &mut StoredQuestion) {
        let question = &mut stored.question;
        self.string(&mut question.title);
        self.option(&mut question.content);
        for field in &mut question.fields {
            self.string(&mut field.text);
            self.option(&mut field.pattern);
            if let Some(default) = &mut field.default {
                self.value(default);
            }
            if let Kind::Choice { choices } = &mut field.kind {
                for choice in choices {
                    self.value(choice);
                }
            }
        }
    }

    fn record(&self, record: &mut Record) {
        match record {
            Record::RunStarted { source, .. } | Record::RunResumed { source: Some(source), outline: _ } => {
                self.string(source);
            }
            Record::RunResumed { source: None, outline: _ } => {}
            Record::Child { child, .. } => child.redacted |= self.string(&mut child.source),
            Record::Asked { question, .. } => self.question(question),
            Record::Outcome { value, last, .. } => {
                let changed = self.outcome(value);
                match last {
                    Some(last) => {
                        last.redacted |= self.step(&mut last.document) | changed;
                        if last.redacted {
                            // What is not there any more cannot be used again.
                            last.fingerprint = None;
                        }
                    }
                    None if changed => value[REDACTED] = json!(true),
                    None => {}
                }
            }
            // The names of steps are the pipeline's; what people answer is looked at where they do.
            Record::Intent { .. }
            | Record::Answered { .. }
            // Only what holds no secret is kept.
            | Record::Answer { .. }
            | Record::Forget { .. }
            | Record::Event(_)
            | Record::RunFinished { .. } => {}
        }
    }

    fn fact(&self, fact: &mut Fact) {
        match (fact.kind, fact.data.said_mut()) {
            (_, Said::Started(started)) => {
                self.option(&mut started.action);
                self.option(&mut started.model);
            }
            (_, Said::Ended(ended)) => {
                for text in [&mut ended.error, &mut ended.model, &mut ended.provider] {
                    self.option(text);
                }
            }
            (EventKind::StepRetrying, Said::Json(data)) => {
                if let Some(text) = data.get_mut("error") {
                    self.value(text);
                }
            }
            (EventKind::AutoResolved, Said::Json(data)) => {
                for key in ["value", "reason", "model"] {
                    if let Some(field) = data.get_mut(key) {
                        self.value(field);
                    }
                }
            }
            (EventKind::Approval, Said::Json(data)) => self.asked(data),
            // Without secrets already, or names of the pipeline.
            (_, Said::Json(_) | Said::RunFinished(_)) => {}
        }
    }

    /// The data of a question, but for the words that say what it is.
    fn asked(&self, data: &mut Value) {
        match data {
            Value::Object(fields) => {
                let told = fields.iter_mut().filter(|(key, _)| !matches!(&***key, "type" | "id"));
                told.for_each(|(_, field)| self.asked(field));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.asked(item)),
            other => {
                self.value(other);
            }
        }
    }
}

/// In the stored value of an attempt that failed: it is not what it was.
pub(crate) const REDACTED: &str = "redacted";

#[cfg(test)]
mod tests;
