//! The shapes of results, as the registry says them.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use indexmap::IndexMap;
use lang::registry::{OutputSpec, Registry, Target};
use serde_json::Value;

/// Shapes of results, each once for all steps that have one like it.
pub(super) struct Outputs<'r> {
    registry: &'r Registry,
    /// Those that steps have so far, by where the registry keeps them.
    shared: RefCell<HashMap<*const OutputSpec, Arc<OutputSpec>>>,
    /// That of a text.
    text: Arc<OutputSpec>,
    /// That of what may be anything.
    open: Arc<OutputSpec>,
}

impl<'r> Outputs<'r> {
    pub(super) fn new(registry: &'r Registry) -> Self {
        Self {
            registry,
            shared: RefCell::default(),
            text: Arc::new(OutputSpec { scalar: true, ..OutputSpec::default() }),
            open: Arc::new(OutputSpec { open: true, ..OutputSpec::default() }),
        }
    }

    /// That of a step that acts.
    pub(super) fn of(
        &self,
        tool: Option<&str>,
        action: Option<&str>,
        parameters: &IndexMap<String, Value>,
    ) -> Arc<OutputSpec> {
        let operation = parameters.get("action").and_then(Value::as_str);
        match self.registry.resolve(tool, action, operation) {
            Target::Operation { operation: Some(operation), .. } => self.shared(&operation.output),
            Target::Action(action) => self.shared(&action.output),
            Target::Echo { .. } => Arc::clone(&self.text),
            _ => self.open(),
        }
    }

    fn shared(&self, output: &OutputSpec) -> Arc<OutputSpec> {
        let mut shared = self.shared.borrow_mut();
        // What is in the registry stays where it is.
        Arc::clone(shared.entry(std::ptr::from_ref(output)).or_insert_with(|| Arc::new(output.clone())))
    }

    /// That of what may be anything, such as a loop.
    pub(super) fn open(&self) -> Arc<OutputSpec> {
        Arc::clone(&self.open)
    }
}
