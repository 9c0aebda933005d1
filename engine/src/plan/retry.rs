//! How often and after which pause a step is tried again (contract §2.10). Pure: the pause is a
//! function of the attempt and the run's seed.

use std::time::Duration;

use indexmap::IndexMap;
use lang::model::FailurePolicy;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::duration;

/// No pause is longer: a year.
const LONGEST_PAUSE: Duration = Duration::from_hours(365 * 24);

/// How often a step is tried.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RetryPlan {
    /// Attempts in all, at least one.
    pub attempts: u32,
    /// The pause before the second attempt.
    pub delay: Duration,
    /// How the pause grows.
    pub backoff: Backoff,
    /// The pause never exceeds this.
    pub max_delay: Option<Duration>,
    /// The pause varies by up to a quarter, so that many do not come back at once.
    pub jitter: bool,
    /// Only these classes of errors are tried again; empty means all.
    pub on: Vec<String>,
}

/// How the pause between attempts grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Backoff {
    /// Always the same.
    Fixed,
    /// Delay × number of failed attempts.
    Linear,
    /// Doubled each time.
    Exponential,
}

impl Default for RetryPlan {
    fn default() -> Self {
        Self {
            attempts: 1,
            delay: Duration::ZERO,
            backoff: Backoff::Exponential,
            max_delay: None,
            jitter: false,
            on: Vec::new(),
        }
    }
}

impl RetryPlan {
    /// Reads the step's keys; `retry` and `retry_config` win over `max_retries`.
    pub(crate) fn read(keys: &IndexMap<String, Value>, policy: FailurePolicy) -> Self {
        let mut plan = Self::default();
        if policy == FailurePolicy::Retry {
            plan.attempts = 3;
        }
        if let Some(attempts) = keys.get("max_retries").and_then(count) {
            plan.attempts = attempts.max(1);
        }
        for key in ["retry_config", "retry"] {
            match keys.get(key) {
                Some(Value::Object(settings)) => plan.settings(settings),
                Some(value) => {
                    if let Some(more) = count(value) {
                        plan.attempts = more.saturating_add(1);
                    }
                }
                None => {}
            }
        }
        plan
    }

    fn settings(&mut self, settings: &serde_json::Map<String, Value>) {
        let first = |names: &[&str]| names.iter().find_map(|name| settings.get(*name));
        if let Some(attempts) = first(&["attempts", "max_attempts"]).and_then(count) {
            self.attempts = attempts.max(1);
        } else if let Some(more) = first(&["retries", "max_retries"]).and_then(count) {
            self.attempts = more.saturating_add(1);
        }
        if let Some(delay) = first(&["delay", "initial_delay"]).and_then(duration::read) {
            self.delay = delay;
        }
        if let Some(backoff) = settings.get("backoff").and_then(Value::as_str) {
            self.backoff = match backoff {
                "linear" => Backoff::Linear,
                "exponential" => Backoff::Exponential,
                _ => Backoff::Fixed,
            };
        }
        self.max_delay = settings.get("max_delay").and_then(duration::read).or(self.max_delay);
        self.jitter = settings.get("jitter").and_then(Value::as_bool).unwrap_or(self.jitter);
        match settings.get("on") {
            Some(Value::Array(names)) => {
                self.on = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            }
            Some(Value::String(name)) => self.on = vec![name.clone()],
            _ => {}
        }
    }

    /// The pause before the next attempt after `failed` attempts, the last of which failed with the
    /// class `error_type`; `None` = no further attempt. `seed` makes the jitter repeatable.
    pub fn pause(&self, failed: u32, error_type: &str, seed: &str) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        if !self.on.is_empty() && !self.on.iter().any(|name| name == error_type || name == "*") {
            return None;
        }
        let factor = match self.backoff {
            Backoff::Fixed => 1,
            Backoff::Linear => failed,
            Backoff::Exponential => 1_u32.checked_shl(failed - 1).unwrap_or(u32::MAX),
        };
        let mut pause = self.delay.saturating_mul(factor);
        if let Some(limit) = self.max_delay {
            pause = pause.min(limit);
        }
        if self.jitter {
            // Far beyond any pause that is meant, and far from what a duration can hold.
            pause = pause.min(LONGEST_PAUSE);
            let byte = Sha256::digest(format!("{seed}/{failed}"))[0];
            pause = pause.mul_f64(0.75 + f64::from(byte) / 255.0 * 0.5);
        }
        Some(self.max_delay.map_or(pause, |limit| pause.min(limit)))
    }
}

fn count(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => u32::try_from(number.as_u64()?).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(keys: Value) -> RetryPlan {
        let Value::Object(keys) = keys else { panic!("an object") };
        RetryPlan::read(&keys.into_iter().collect(), FailurePolicy::Fail)
    }

    #[test]
    fn max_retries_counts_attempts_and_retry_counts_further_ones() {
        assert_eq!(read(json!({})).attempts, 1);
        assert_eq!(read(json!({"max_retries": 0})).attempts, 1);
        assert_eq!(read(json!({"max_retries": 2})).attempts, 2);
        assert_eq!(read(json!({"retry": 2})).attempts, 3);
        assert_eq!(read(json!({"retry": {"attempts": 4}, "max_retries": 9})).attempts, 4);
        assert_eq!(read(json!({"retry": {"retries": 4}})).attempts, 5);
        assert_eq!(read(json!({"retry_config": {"max_attempts": 2}})).attempts, 2);
        assert_eq!(RetryPlan::read(&IndexMap::new(), FailurePolicy::Retry).attempts, 3);
    }

    #[test]
    fn the_pause_grows_as_the_backoff_says_up_to_its_limit() {
        let pauses = |backoff: &str| {
            let plan = read(json!({"retry": {"attempts": 5, "delay": 1, "backoff": backoff, "max_delay": 5}}));
            (1..=5).map(|failed| plan.pause(failed, "X", "").map(|pause| pause.as_secs())).collect::<Vec<_>>()
        };
        assert_eq!(pauses("fixed"), [Some(1), Some(1), Some(1), Some(1), None]);
        assert_eq!(pauses("linear"), [Some(1), Some(2), Some(3), Some(4), None]);
        assert_eq!(pauses("exponential"), [Some(1), Some(2), Some(4), Some(5), None]);
    }

    #[test]
    fn jitter_is_the_same_for_the_same_seed() {
        let plan = read(json!({"retry": {"attempts": 2, "delay": 1, "jitter": true}}));
        assert_eq!(plan.pause(1, "X", "run/step"), plan.pause(1, "X", "run/step"));
        assert_ne!(plan.pause(1, "X", "run/step"), plan.pause(1, "X", "other/step"));
    }

    #[test]
    fn a_pause_without_end_is_cut_before_it_varies() {
        let plan = read(json!({"retry": {"attempts": 99, "delay": 1e18, "jitter": true}}));
        assert!(plan.pause(60, "X", "seed").is_some_and(|pause| pause <= LONGEST_PAUSE.saturating_mul(2)));
    }

    #[test]
    fn only_the_named_errors_are_tried_again() {
        let plan = read(json!({"retry": {"attempts": 2, "on": ["TimeoutError"]}}));
        assert!(plan.pause(1, "TimeoutError", "").is_some());
        assert!(plan.pause(1, "ValueError", "").is_none());
    }
}
