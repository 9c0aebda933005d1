//! Who runs when, in one scope: a pure state machine from inputs to effects.
//!
//! There are no level barriers: a step becomes ready the moment the last step it waits for ends,
//! and ready steps start in order of declaration while there is room. Nothing here waits, reads a
//! clock or knows what a step does; [`super::execute`] performs the effects and reports back. Every
//! step and every edge is looked at once, so a run costs what its graph is large.

use std::collections::{BTreeSet, VecDeque};

use lang::model::FailurePolicy;

/// One step as the scheduler sees it; steps are known by their position in the scope.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The steps it waits for.
    pub dependencies: Vec<usize>,
    /// What its failure means for the others.
    pub policy: FailurePolicy,
    /// Where the scope goes on after it succeeded.
    pub on_success: Option<usize>,
    /// Where the scope goes on after its own condition was false.
    pub on_false: Option<usize>,
    /// Where the scope goes on after it failed; the policy is not asked then.
    pub on_failure: Option<usize>,
    /// It takes one of the places of the concurrency limit. Loops do not: their bodies do.
    pub takes_place: bool,
    /// What it uses is limited on its own: it takes a place of this lane instead ([`Schedule::with_lanes`]).
    pub lane: Option<usize>,
}

impl Node {
    /// A step without routes that fails the scope when it fails.
    pub fn new(dependencies: Vec<usize>) -> Self {
        Self {
            dependencies,
            policy: FailurePolicy::Fail,
            on_success: None,
            on_false: None,
            on_failure: None,
            takes_place: true,
            lane: None,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The scope begins.
    Begin,
    /// A started step came to its end.
    Ended {
        /// Which.
        step: usize,
        /// How.
        ending: Ending,
        /// The target of its `goto`, asked for after a success.
        goto: Option<usize>,
    },
    /// Nothing more may start.
    Cancel,
}

/// How a started step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It did what was asked.
    Succeeded,
    /// It raised or reported failure.
    Failed,
    /// Its own condition was false.
    Skipped,
    /// It was stopped with the run.
    Cancelled,
    /// It waits for a person, for longer than the run: what depends on it does not start, all else does.
    Waiting,
}

/// What must be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Say that the step waits for nothing but a free place.
    Ready(usize),
    /// Run the step.
    Start(usize),
    /// The step is passed over.
    Skip(usize, SkipReason),
    /// The step will never run, because the scope stopped before it.
    NotRun(usize),
    /// Nothing is running and nothing will.
    Finished,
}

/// Why a step is passed over without its condition having been asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// The route of the step with this position jumped over it.
    Routed(usize),
    /// The step with this position failed, and its policy is `skip`.
    DependencyFailed(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Pending,
    Ready,
    Running,
    Ended,
}

/// Ready steps that wait for places of one kind.
#[derive(Debug, Clone)]
struct Queue {
    ready: BTreeSet<usize>,
    limit: usize,
    taken: usize,
}

impl Queue {
    fn new(limit: usize) -> Self {
        Self { ready: BTreeSet::new(), limit: limit.max(1), taken: 0 }
    }
}

/// The state of one scope.
#[derive(Debug, Clone)]
pub struct Schedule {
    nodes: Vec<Node>,
    dependants: Vec<Vec<usize>>,
    phases: Vec<Phase>,
    /// How many of its dependencies have not ended, per step.
    waiting: Vec<usize>,
    /// Ready steps that take no place.
    free: BTreeSet<usize>,
    /// Those that take one: first of all others, then of each lane.
    queues: Vec<Queue>,
    running: usize,
    stopped: bool,
    finished: bool,
}

impl Schedule {
    /// A scope that has not begun. `limit` is how many steps may run at a time (at least one).
    pub fn new(nodes: Vec<Node>, limit: usize) -> Self {
        let count = nodes.len();
        let mut dependants = vec![Vec::new(); count];
        let mut waiting = vec![0; count];
        for (step, node) in nodes.iter().enumerate() {
            for &dependency in &node.dependencies {
                dependants[dependency].push(step);
                waiting[step] += 1;
            }
        }
        Self {
            nodes,
            dependants,
            phases: vec![Phase::Pending; count],
            waiting,
            free: BTreeSet::new(),
            queues: vec![Queue::new(limit)],
            running: 0,
            stopped: false,
            finished: false,
        }
    }

    /// Lanes of their own for what is limited beyond the scope, each for so many steps at a time (at least one).
    /// Their steps keep nobody else from starting, so that all that may run is never held up by what may not.
    pub fn with_lanes(mut self, limits: Vec<usize>) -> Self {
        self.queues.truncate(1);
        self.queues.extend(limits.into_iter().map(Queue::new));
        self
    }

    /// Takes in what happened and says what must be done, in this order.
    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Begin => {
                for step in 0..self.nodes.len() {
                    if self.waiting[step] == 0 {
                        self.make_ready(step, &mut effects);
                    }
                }
            }
            Input::Ended { step, ending, goto } => self.ended(step, ending, goto, &mut effects),
            Input::Cancel => self.stopped = true,
        }
        self.start_ready(&mut effects);
        self.finish(&mut effects);
        effects
    }

    /// Whether nothing more may start.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    fn ended(&mut self, step: usize, ending: Ending, goto: Option<usize>, effects: &mut Vec<Effect>) {
        debug_assert_eq!(self.phases[step], Phase::Running, "only a running step ends");
        self.phases[step] = Phase::Ended;
        self.running -= 1;
        if let Some(queue) = self.queue(step) {
            queue.taken -= 1;
        }
        if ending == Ending::Waiting {
            return;
        }
        let node = &self.nodes[step];
        let route = match ending {
            Ending::Succeeded => node.on_success.or(goto),
            Ending::Skipped => node.on_false,
            Ending::Failed => node.on_failure,
            Ending::Cancelled | Ending::Waiting => None,
        };
        match (ending, route) {
            (_, Some(target)) => self.jump(step, target, effects),
            (Ending::Failed, None) => match self.nodes[step].policy {
                FailurePolicy::Fail => self.stopped = true,
                FailurePolicy::Skip => self.skip_dependants(step, effects),
                FailurePolicy::Continue | FailurePolicy::Retry => {}
            },
            (Ending::Cancelled, None) => self.stopped = true,
            (Ending::Succeeded | Ending::Skipped | Ending::Waiting, None) => {}
        }
        self.release(step, effects);
    }

    /// Skips what is pending strictly between `source` and `target` in order of declaration. A
    /// backward target skips nothing: the rules refuse it before a run.
    fn jump(&mut self, source: usize, target: usize, effects: &mut Vec<Effect>) {
        let passed: Vec<usize> = (source + 1..target).filter(|step| self.is_pending(*step)).collect();
        for &step in &passed {
            self.skip(step, SkipReason::Routed(source), effects);
        }
        for step in passed {
            self.release(step, effects);
        }
    }

    fn skip_dependants(&mut self, failed: usize, effects: &mut Vec<Effect>) {
        let mut queue: VecDeque<usize> = VecDeque::from([failed]);
        let mut skipped = BTreeSet::new();
        while let Some(step) = queue.pop_front() {
            for &dependant in &self.dependants[step] {
                if self.is_pending(dependant) && skipped.insert(dependant) {
                    queue.push_back(dependant);
                }
            }
        }
        for &step in &skipped {
            self.skip(step, SkipReason::DependencyFailed(failed), effects);
        }
        for step in skipped {
            self.release(step, effects);
        }
    }

    fn skip(&mut self, step: usize, reason: SkipReason, effects: &mut Vec<Effect>) {
        self.phases[step] = Phase::Ended;
        self.ready(step).remove(&step);
        effects.push(Effect::Skip(step, reason));
    }

    /// Tells the dependants of an ended step that they wait for one less.
    fn release(&mut self, step: usize, effects: &mut Vec<Effect>) {
        let dependants = std::mem::take(&mut self.dependants[step]);
        for dependant in dependants {
            self.waiting[dependant] -= 1;
            if self.waiting[dependant] == 0 && self.phases[dependant] == Phase::Pending {
                self.make_ready(dependant, effects);
            }
        }
    }

    fn make_ready(&mut self, step: usize, effects: &mut Vec<Effect>) {
        self.phases[step] = Phase::Ready;
        self.ready(step).insert(step);
        if !self.stopped {
            effects.push(Effect::Ready(step));
        }
    }

    fn start_ready(&mut self, effects: &mut Vec<Effect>) {
        if self.stopped {
            return;
        }
        let mut started: Vec<usize> = std::mem::take(&mut self.free).into_iter().collect();
        for queue in &mut self.queues {
            while queue.taken < queue.limit
                && let Some(step) = queue.ready.pop_first()
            {
                queue.taken += 1;
                started.push(step);
            }
        }
        started.sort_unstable();
        for step in started {
            self.phases[step] = Phase::Running;
            self.running += 1;
            effects.push(Effect::Start(step));
        }
    }

    /// Where the step waits for a place; nothing where it needs none.
    fn queue(&mut self, step: usize) -> Option<&mut Queue> {
        let node = &self.nodes[step];
        node.takes_place.then(|| &mut self.queues[node.lane.map_or(0, |lane| lane + 1)])
    }

    fn ready(&mut self, step: usize) -> &mut BTreeSet<usize> {
        if !self.nodes[step].takes_place {
            return &mut self.free;
        }
        &mut self.queue(step).expect("invariant: it takes a place").ready
    }

    fn finish(&mut self, effects: &mut Vec<Effect>) {
        if self.finished || self.running > 0 {
            return;
        }
        // Without a stop, something pending here waits on a cycle, which the rules refuse; saying
        // `NotRun` keeps the end well-defined all the same.
        for step in 0..self.nodes.len() {
            if self.is_pending(step) {
                self.phases[step] = Phase::Ended;
                effects.push(Effect::NotRun(step));
            }
        }
        self.free.clear();
        self.queues.iter_mut().for_each(|queue| queue.ready.clear());
        self.finished = true;
        effects.push(Effect::Finished);
    }

    fn is_pending(&self, step: usize) -> bool {
        matches!(self.phases[step], Phase::Pending | Phase::Ready)
    }
}

#[cfg(test)]
mod tests;
