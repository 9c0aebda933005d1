//! The names a template sees: the loop's, the steps' that ended, the run's, the inputs.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use minijinja::{
    Value,
    value::{Enumerator, Object},
};
use rustc_hash::FxHashMap;

use super::StepValue;

/// One scope of names; a loop's body has its own above the surrounding one.
#[derive(Debug, Default)]
pub(crate) struct Names {
    parent: Option<Arc<Names>>,
    bound: FxHashMap<String, Value>,
    frame: Option<Frame>,
    results: RwLock<FxHashMap<String, Value>>,
    /// Who looks at which names, where that is asked for.
    watch: Option<Mutex<Watch>>,
}

/// Which names templates took.
#[derive(Debug, Default)]
struct Watch {
    /// Steps that will have a value, which is not known yet.
    hidden: HashSet<String>,
    /// The first of these that was taken.
    missed: Option<String>,
    /// All names that were taken.
    seen: BTreeSet<String>,
}

/// The iteration a scope belongs to, for the loop functions.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// The loop's step id.
    pub(crate) id: String,
    /// `loop_name`, else the id.
    pub(crate) name: String,
    /// All items, for loops over a list.
    pub(crate) items: Option<Value>,
}

/// The hidden name under which the loop functions find the scope they are called in.
pub(crate) const SCOPE: &str = "\0scope";

impl Names {
    /// The root's names.
    pub(crate) fn root(bound: HashMap<String, Value>) -> Arc<Self> {
        Arc::new(Self { bound: bound.into_iter().collect(), ..Self::default() })
    }

    /// The names of one iteration's body.
    pub(crate) fn inner(self: &Arc<Self>, bound: HashMap<String, Value>, frame: Option<Frame>) -> Arc<Self> {
        let bound = bound.into_iter().collect();
        Arc::new(Self { parent: Some(Arc::clone(self)), bound, frame, ..Self::default() })
    }

    /// A scope inside this one that takes down which names are taken.
    pub(crate) fn watched(self: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self { parent: Some(Arc::clone(self)), watch: Some(Mutex::default()), ..Self::default() })
    }

    /// The step will have a value, which is not known yet.
    pub(crate) fn hide(&self, id: &str) {
        if let Some(mut watch) = self.watch() {
            watch.hidden.insert(id.to_owned());
        }
    }

    /// The first name that was taken and has no value yet.
    pub(crate) fn missed(&self) -> Option<String> {
        self.watch()?.missed.clone()
    }

    /// All names that were taken.
    pub(crate) fn seen(&self) -> BTreeSet<String> {
        self.watch().map(|watch| watch.seen.clone()).unwrap_or_default()
    }

    /// Begins to watch anew.
    pub(crate) fn forget_seen(&self) {
        if let Some(mut watch) = self.watch() {
            watch.missed = None;
            watch.seen.clear();
        }
    }

    fn watch(&self) -> Option<MutexGuard<'_, Watch>> {
        // Who watches a scope sees what is taken through those inside it.
        let watch = self.scopes().find_map(|names| names.watch.as_ref())?;
        Some(watch.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes down that the name is taken; with `None`, that any may be.
    fn note(&self, name: Option<&str>) {
        let Some(mut watch) = self.watch() else { return };
        let hidden = match name {
            Some(name) => watch.hidden.get(name).cloned(),
            None => watch.hidden.iter().min().cloned(),
        };
        watch.seen.extend(name.map(str::to_owned));
        if watch.missed.is_none() {
            watch.missed = hidden;
        }
    }

    /// Makes the step's value visible.
    pub(crate) fn publish(&self, id: &str, value: &Arc<StepValue>) {
        let value = Value::from_dyn_object(Arc::clone(value));
        self.results.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), value);
    }

    /// The value of a step of this scope that ended.
    pub(crate) fn result(&self, id: &str) -> Option<Value> {
        self.results.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// This scope and those around it, innermost first.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &Names> {
        std::iter::successors(Some(self), |names| names.parent.as_deref())
    }

    /// The scope around this one.
    pub(crate) fn parent(&self) -> Option<Arc<Names>> {
        self.parent.clone()
    }

    /// Whether a name of the run or an input hides a step of this id.
    pub(crate) fn hides(&self, id: &str) -> bool {
        self.scopes().any(|names| names.bound.contains_key(id))
    }

    /// The iteration this scope belongs to.
    pub(crate) fn frame(&self) -> Option<&Frame> {
        self.frame.as_ref()
    }

    /// The name as bound in this scope alone.
    pub(crate) fn bound(&self, name: &str) -> Option<Value> {
        self.bound.get(name).cloned()
    }
}

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            SCOPE => return Some(Value::from_object(Scope(Arc::clone(self)))),
            "previous_results" | "step_results" => {
                self.note(None);
                return Some(Value::from_object(Results(Arc::clone(self))));
            }
            _ => self.note(Some(key)),
        }
        self.scopes().find_map(|names| names.bound(key).or_else(|| names.result(key)))
    }
}

/// A scope as a value, for functions.
#[derive(Debug)]
pub(crate) struct Scope(pub(crate) Arc<Names>);

impl Object for Scope {}

/// All results by id: `previous_results['a-b']`.
#[derive(Debug)]
struct Results(Arc<Names>);

impl Object for Results {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.scopes().find_map(|names| names.result(key.as_str()?))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let mut ids: Vec<String> = self
            .0
            .scopes()
            .flat_map(|names| {
                names.results.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect::<Vec<_>>()
            })
            .collect();
        ids.sort();
        ids.dedup();
        Enumerator::Values(ids.into_iter().map(Value::from).collect())
    }
}
