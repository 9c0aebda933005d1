//! The one writer of a run: stores first, tells people second.
//!
//! A thread of its own owns the store. It takes all that is waiting into one transaction (group
//! commit), numbers the events without gaps in the order they came, and sends them on only after
//! they are stored.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc as blocking,
    },
    thread,
};

use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, oneshot};

use super::{
    Event, EventKind, begin,
    event::Data,
    secrets::Redactor,
    store::{MemoryStore, Record, Store, StoreError},
};

/// An event before it has its number.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub(crate) kind: EventKind,
    pub(crate) step: Option<String>,
    pub(crate) data: Data,
}

/// What belongs together: stored all or not at all.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    pub(crate) facts: Vec<Fact>,
}

impl Batch {
    pub(crate) fn fact(&mut self, kind: EventKind, step: Option<&str>, data: impl Into<Data>) {
        self.facts.push(Fact { kind, step: step.map(str::to_owned), data: data.into() });
    }
}

impl Batch {
    fn append(&mut self, mut other: Self) {
        self.records.append(&mut other.records);
        self.facts.append(&mut other.facts);
    }
}

struct Message {
    batch: Batch,
    done: Option<oneshot::Sender<Result<(), StoreError>>>,
}

/// The way to the writer; cheap to clone. The writer ends with the last clone.
#[derive(Clone)]
pub(crate) struct Journal {
    way: Way,
    /// How often each path was announced in this run.
    attempts: Arc<Mutex<FxHashMap<String, u32>>>,
    /// What goes with whatever is written next.
    later: Arc<Mutex<Batch>>,
    /// How many batches were sent since somebody waited for one.
    unsaved: Arc<AtomicUsize>,
    /// Nothing comes in with a secret in it.
    secrets: Arc<Redactor>,
}

#[derive(Clone)]
enum Way {
    /// To a thread, which waits for the disk.
    Thread(blocking::Sender<Message>),
    /// There is no disk to wait for.
    Here(Arc<Mutex<Writer>>),
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Journal")
    }
}

impl Journal {
    /// The journal of a run that is kept in memory alone: what is written is written at once.
    pub(crate) fn in_memory(run_id: &str, events: mpsc::UnboundedSender<Event>, secrets: Arc<Redactor>) -> Self {
        let store = Box::new(MemoryStore);
        let writer = Writer { run_id: run_id.into(), store, seq: 0, sent: 0, broken: None, events };
        let way = Way::Here(Arc::new(Mutex::new(writer)));
        Self { way, attempts: Arc::default(), later: Arc::default(), unsaved: Arc::default(), secrets }
    }

    /// Starts the writer of the run `run_id`, whose last event has the number `seq` and whose steps
    /// were announced `attempts` times before.
    pub(crate) fn start(
        run_id: &str,
        (store, seq): (Box<dyn Store>, u64),
        attempts: FxHashMap<String, u32>,
        events: mpsc::UnboundedSender<Event>,
        secrets: Arc<Redactor>,
    ) -> std::io::Result<Self> {
        let (messages, inbox) = blocking::channel();
        let mut writer = Writer { run_id: run_id.into(), store, seq, sent: seq, broken: None, events };
        thread::Builder::new().name("orc-journal".to_owned()).spawn(move || writer.serve(&inbox))?;
        let attempts = Arc::new(Mutex::new(attempts));
        Ok(Self { way: Way::Thread(messages), attempts, later: Arc::default(), unsaved: Arc::default(), secrets })
    }

    /// The journal of a run that is only looked at: it has no writer.
    pub(crate) fn closed() -> Self {
        let way = Way::Thread(blocking::channel().0);
        Self { way, attempts: Arc::default(), later: Arc::default(), unsaved: Arc::default(), secrets: Arc::default() }
    }

    /// Whether anybody will read the records again: of a run in memory nothing is left but its events.
    pub(crate) fn keeps_records(&self) -> bool {
        matches!(self.way, Way::Thread(_))
    }

    /// The number of a new attempt of `path`; it runs on for the whole run, whoever tries again.
    pub(crate) fn next_attempt(&self, path: &str) -> u32 {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = attempts.get_mut(path) {
            *attempt += 1;
            return *attempt;
        }
        attempts.insert(path.to_owned(), 1);
        1
    }

    /// The number of the attempt of `path` that was announced last; 0 if none was.
    pub(crate) fn last_attempt(&self, path: &str) -> u32 {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied().unwrap_or_default()
    }

    /// Whether so much was sent that nobody waited for that the next who can wait should: what is not stored yet
    /// stays little, and a store that broke is noticed.
    pub(crate) fn is_behind(&self) -> bool {
        self.unsaved.load(Ordering::Relaxed) >= MOST_UNSAVED
    }

    /// Stores `batch` and returns when it is durable.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.unsaved.store(0, Ordering::Relaxed);
        let (done, answer) = oneshot::channel();
        match self.send(batch, Some(done))? {
            Some(written) => written,
            None => answer.await.unwrap_or(Err(StoreError::Closed)),
        }
    }

    /// Sends what was to be written later, then `batch`; what came of it where it is written at once.
    fn send(
        &self,
        mut batch: Batch,
        done: Option<oneshot::Sender<Result<(), StoreError>>>,
    ) -> Result<Option<Result<(), StoreError>>, StoreError> {
        self.unsaved.fetch_add(1, Ordering::Relaxed);
        if !self.keeps_records() {
            batch.records.clear();
        }
        self.secrets.batch(&mut batch);
        // Held until it is sent: what follows from what is in it must not overtake it.
        let mut later = super::lock(&self.later);
        let mut whole = std::mem::take(&mut *later);
        whole.append(batch);
        match &self.way {
            Way::Here(writer) => Ok(Some(super::lock(writer).write(std::iter::once(whole)))),
            Way::Thread(messages) => {
                messages.send(Message { batch: whole, done }).map_err(|_| StoreError::Closed)?;
                Ok(None)
            }
        }
    }

    /// Stores `batch` together with whatever is written next: for what nobody needs to know before.
    pub(crate) fn post_later(&self, mut batch: Batch) {
        self.secrets.batch(&mut batch);
        super::lock(&self.later).append(batch);
    }

    /// Stores `batch` some time soon, before anything committed later. A store that breaks is
    /// noticed by the next [`Self::commit`].
    pub(crate) fn post(&self, batch: Batch) {
        drop(self.send(batch, None));
    }
}

/// How many batches may be on their way before somebody waits for them.
const MOST_UNSAVED: usize = 256;

/// How many batches go into one transaction at most.
const GROUP: usize = 256;

/// Stores, numbers and tells.
struct Writer {
    run_id: Arc<str>,
    store: Box<dyn Store>,
    seq: u64,
    /// The number of the last event that was sent on.
    sent: u64,
    broken: Option<StoreError>,
    events: mpsc::UnboundedSender<Event>,
}

impl Writer {
    /// Takes what is waiting, until nobody can send any more.
    fn serve(&mut self, inbox: &blocking::Receiver<Message>) {
        while let Ok(first) = inbox.recv() {
            let mut group = vec![first];
            while group.len() < GROUP
                && let Ok(message) = inbox.try_recv()
            {
                group.push(message);
            }
            let result = self.write(group.iter_mut().map(|message| std::mem::take(&mut message.batch)));
            for message in group {
                if let Some(done) = message.done {
                    let _ = done.send(result.clone());
                }
            }
        }
    }

    /// Stores the batches, all or none, then tells the news of them.
    fn write(&mut self, batches: impl Iterator<Item = Batch>) -> Result<(), StoreError> {
        let mut records = Vec::new();
        let mut told = Vec::new();
        for mut batch in batches {
            records.append(&mut batch.records);
            for fact in batch.facts {
                self.seq += 1;
                told.push(Event {
                    run_id: Arc::clone(&self.run_id),
                    seq: self.seq,
                    time: super::clock::now(),
                    kind: fact.kind,
                    step: fact.step,
                    data: fact.data,
                });
            }
        }
        records.extend(told.into_iter().map(Record::Event));
        let result = match &self.broken {
            Some(error) => Err(error.clone()),
            None => self.store.write(&self.run_id, &records),
        };
        let told = records.into_iter().filter_map(|record| match record {
            Record::Event(event) => Some(event),
            _ => None,
        });
        match &result {
            Ok(()) => {
                self.sent = self.seq;
                for event in told {
                    // Nobody listening is no reason to stop.
                    let _ = self.events.send(event);
                }
            }
            Err(error) => {
                self.broken = Some(error.clone());
                // Whoever follows the run must learn that it ended, stored or not.
                for event in told.filter(|event| event.kind == EventKind::RunFinished) {
                    let mut event = Event { seq: self.sent + 1, ..event };
                    begin::unrecorded_end(&mut event.data, &begin::unrecorded(error, &self.run_id, self.sent > 0));
                    let _ = self.events.send(event);
                }
            }
        }
        result
    }
}
