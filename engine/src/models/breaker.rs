//! Who does not answer is left alone for a while: after some calls in a row that came to nothing, further ones fail
//! at once, so that a declared chain goes on without waiting; after a pause one call finds out.
//!
//! What counts is a call with all its attempts, so that a server that starts again in between loses no call. It
//! counts in this process, for each provider at each address. The machine itself knows no clock.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// When it opens, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Calls in a row that came to nothing.
    pub(super) failures: u32,
    /// How long nobody is asked then.
    pub(super) pause: Duration,
}

/// What became of a call, as far as it says something about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It answered, whatever it said.
    Answered,
    /// It was not reached, broken, overloaded, or silent.
    Failed,
    /// The call was broken off here; nobody knows.
    Unknown,
}

/// How a call is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// As any other.
    Usual,
    /// It finds out whether the server answers again.
    Probe,
}

/// Why a call is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    /// Calls in a row that came to nothing.
    pub(super) failures: u32,
    /// When it is asked again; `None` = a call is finding out now.
    pub(super) left: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Closed,
    /// Nobody is asked until then.
    Open { until: Duration },
    /// One call is on its way.
    HalfOpen,
}

/// That of one server. Times are those since any moment that stays the same.
#[derive(Debug, Clone, Copy, Default)]
struct Breaker {
    state: State,
    failures: u32,
}

impl Breaker {
    fn admit(&mut self, now: Duration) -> Result<Pass, Refused> {
        let refused = |left| Refused { failures: self.failures, left };
        match self.state {
            State::Closed => Ok(Pass::Usual),
            State::Open { until } if now < until => Err(refused(Some(until.saturating_sub(now)))),
            State::Open { .. } => {
                self.state = State::HalfOpen;
                Ok(Pass::Probe)
            }
            State::HalfOpen => Err(refused(None)),
        }
    }

    fn end(&mut self, pass: Pass, ending: Ending, now: Duration, rules: Rules) {
        match (pass, ending) {
            // Whoever was answered, it answers.
            (_, Ending::Answered) => *self = Self::default(),
            (Pass::Probe, Ending::Failed) if self.state == State::HalfOpen => {
                self.failures = self.failures.saturating_add(1);
                self.state = State::Open { until: now + rules.pause };
            }
            // The next one finds out.
            (Pass::Probe, Ending::Unknown) if self.state == State::HalfOpen => self.state = State::Open { until: now },
            (_, Ending::Unknown) => {}
            (_, Ending::Failed) => {
                self.failures = self.failures.saturating_add(1);
                // One that was under way when it opened puts nothing off.
                if self.state == State::Closed && self.failures >= rules.failures {
                    self.state = State::Open { until: now + rules.pause };
                }
            }
        }
    }
}

static BREAKERS: Mutex<BTreeMap<String, Breaker>> = Mutex::new(BTreeMap::new());

fn breakers() -> MutexGuard<'static, BTreeMap<String, Breaker>> {
    BREAKERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// A call that was let through; one that is dropped before it ended was broken off.
#[derive(Debug)]
pub(super) struct Admitted {
    server: String,
    pass: Pass,
    rules: Rules,
    ending: Ending,
}

impl Admitted {
    /// Lets a call to `server` through, or says why not.
    pub(super) fn to(server: String, rules: Rules) -> Result<Self, Refused> {
        let pass = breakers().entry(server.clone()).or_default().admit(now())?;
        Ok(Self { server, pass, rules, ending: Ending::Unknown })
    }

    /// It finds out whether the server answers again, and is tried once.
    pub(super) fn is_probe(&self) -> bool {
        self.pass == Pass::Probe
    }

    /// What became of it.
    pub(super) fn end(mut self, ending: Ending) {
        self.ending = ending;
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some(breaker) = breakers().get_mut(&self.server) {
            breaker.end(self.pass, self.ending, now(), self.rules);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { failures: 3, pause: Duration::from_secs(30) };

    /// A breaker and the time, in seconds.
    struct Played(Breaker);

    impl Played {
        fn admit(&mut self, now: u64) -> Result<Pass, Refused> {
            self.0.admit(Duration::from_secs(now))
        }

        fn end(&mut self, pass: Pass, ending: Ending, now: u64) {
            self.0.end(pass, ending, Duration::from_secs(now), RULES);
        }

        /// A call that is let through and ends so at once.
        fn call(&mut self, ending: Ending, now: u64) {
            let pass = self.admit(now).expect("it is let through");
            self.end(pass, ending, now);
        }
    }

    /// One that opened at this time.
    fn opened(at: u64) -> Played {
        let mut played = Played(Breaker::default());
        for _ in 0..3 {
            played.call(Ending::Failed, at);
        }
        played
    }

    fn refused(failures: u32, left: Option<u64>) -> Result<Pass, Refused> {
        Err(Refused { failures, left: left.map(Duration::from_secs) })
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let mut played = Played(Breaker::default());
        for ending in [Ending::Failed, Ending::Failed, Ending::Answered, Ending::Failed, Ending::Unknown] {
            played.call(ending, 0);
        }
        played.call(Ending::Failed, 1);
        assert_eq!(played.admit(1), Ok(Pass::Usual));
        played.call(Ending::Failed, 2);
        assert_eq!(played.admit(2), refused(3, Some(30)));
        assert_eq!(played.admit(31), refused(3, Some(1)));
    }

    #[test]
    fn one_probe_decides_while_others_are_refused() {
        let mut played = opened(0);
        assert_eq!(played.admit(30), Ok(Pass::Probe));
        assert_eq!(played.admit(31), refused(3, None));
        played.end(Pass::Probe, Ending::Failed, 40);
        assert_eq!(played.admit(69), refused(4, Some(1)));
        assert_eq!(played.admit(70), Ok(Pass::Probe));
        played.end(Pass::Probe, Ending::Answered, 71);
        assert_eq!(played.admit(71), Ok(Pass::Usual));
        // It counts anew.
        played.call(Ending::Failed, 72);
        assert_eq!(played.admit(72), Ok(Pass::Usual));
    }

    #[test]
    fn a_probe_that_is_broken_off_blocks_nobody() {
        let mut played = opened(0);
        let probe = played.admit(30).expect("a probe");
        played.end(probe, Ending::Unknown, 31);
        assert_eq!(played.admit(31), Ok(Pass::Probe));
    }

    #[test]
    fn calls_that_were_under_way_when_it_opened_put_nothing_off_and_may_close_it() {
        let mut played = opened(0);
        played.end(Pass::Usual, Ending::Failed, 20);
        assert_eq!(played.admit(29), refused(4, Some(1)));
        let probe = played.admit(30).expect("a probe");
        played.end(Pass::Usual, Ending::Failed, 31);
        assert_eq!(played.admit(32), refused(5, None), "the probe is still under way");
        played.end(Pass::Usual, Ending::Answered, 33);
        assert_eq!(played.admit(33), Ok(Pass::Usual));
        // The probe was sent before that, and is one like others by now.
        played.end(probe, Ending::Failed, 34);
        assert_eq!(played.admit(35), Ok(Pass::Usual));
    }
}
