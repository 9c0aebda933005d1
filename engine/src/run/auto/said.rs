//! What a model says on the way to its answer, for who wants to see it come.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use crate::{
    run::{context::RunContext, execute::lock, secrets::Passage},
    tools::{OutputSink, output::Stream},
};

/// What came of the answer to a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Where the tag stands.
    pub position: String,
    /// The text that goes on, without secrets; a notice where it is one.
    pub text: String,
    /// What came before counts no more: it is asked again, or has to wait.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_notice: bool,
}

/// Takes pieces of answers as they come; must not block.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(Piece) + Send + Sync>);

impl Listener {
    /// One that calls `take`.
    pub fn new(take: impl Fn(Piece) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// An answer on its way to a listener. What is held back of it is told when it goes.
pub(super) struct Said {
    position: String,
    listener: Listener,
    passage: Mutex<Passage>,
    begun: AtomicBool,
}

impl Said {
    pub(super) fn new(cx: &RunContext, position: &str, listener: &Listener) -> Arc<Self> {
        let passage = Mutex::new(Passage::new(Arc::clone(&cx.secrets)));
        Arc::new(Self {
            position: position.to_owned(),
            listener: listener.clone(),
            passage,
            begun: AtomicBool::new(false),
        })
    }

    /// Where the provider tells it.
    pub(super) fn sink(self: &Arc<Self>) -> OutputSink {
        let this = Arc::clone(self);
        OutputSink::new(move |stream, text| this.take(stream, text))
    }

    /// Whether any of it has come.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    fn take(&self, stream: Stream, text: &str) {
        // Held until it is told, so that the pieces stay in order.
        let mut passage = lock(&self.passage);
        if stream == Stream::Model {
            self.begun.store(true, Ordering::Relaxed);
            self.tell(passage.push(text), false);
            return;
        }
        let rest = passage.finish();
        self.tell(rest, false);
        let notice = passage.push(text) + &passage.finish();
        self.tell(notice, true);
    }

    fn tell(&self, text: String, is_notice: bool) {
        if !text.is_empty() {
            (self.listener.0)(Piece { position: self.position.clone(), text, is_notice });
        }
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        let rest = lock(&self.passage).finish();
        self.tell(rest, false);
    }
}
