//! What a provider was asked in the last minute, and how long another call has to wait so that its limits hold.
//!
//! Asked are counted in whole seconds, so that it stays small however often a provider is asked; a second counts
//! until it has wholly passed. The limits are those of whoever asks: two that declare different ones are each held
//! to their own. Times are given, in milliseconds since 1970.

use std::{collections::VecDeque, time::Duration};

use lang::registry::overlay::RateLimits;
use serde::{Deserialize, Serialize};

/// The span that limits are about, in milliseconds.
const SPAN: u64 = 60_000;
/// A provider that wants to be left alone longer is asked again after this all the same.
pub(super) const LONGEST: Duration = Duration::from_mins(10);

/// The last minute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    /// Before this nobody is to ask: the provider said so.
    not_before: u64,
    /// By second, the oldest first.
    seconds: VecDeque<Second>,
}

/// What was asked within a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Second {
    /// Since 1970.
    at: u64,
    requests: u64,
    tokens: u64,
}

impl Second {
    /// When it does not count any more.
    fn passes(&self) -> u64 {
        self.at.saturating_add(1).saturating_mul(1000).saturating_add(SPAN)
    }
}

/// A call that may be made: the second it counts in.
pub(super) type Turn = u64;

impl Window {
    /// Takes a turn for a call of about so many tokens, or says how long to wait until there may be one.
    pub(super) fn take(&mut self, now: u64, limits: RateLimits, tokens: u64) -> Result<Turn, Duration> {
        self.forget(now);
        // What is larger than the limit waits for a minute in which nothing was asked.
        let tokens = limits.tokens_per_minute.map_or(tokens, |most| tokens.min(most));
        let free_at = self.not_before.max(self.room(limits, tokens));
        if free_at > now {
            return Err(Duration::from_millis(free_at - now));
        }
        let at = now / 1000;
        match self.seconds.back_mut().filter(|last| last.at == at) {
            Some(last) => {
                last.requests = last.requests.saturating_add(1);
                last.tokens = last.tokens.saturating_add(tokens);
            }
            None => self.seconds.push_back(Second { at, requests: 1, tokens }),
        }
        Ok(at)
    }

    /// When there is room for one more; 0 if there is now.
    fn room(&self, limits: RateLimits, tokens: u64) -> u64 {
        let mut requests = self.seconds.iter().fold(0_u64, |sum, second| sum.saturating_add(second.requests));
        let mut used = self.seconds.iter().fold(0_u64, |sum, second| sum.saturating_add(second.tokens));
        let mut free_at = 0;
        for second in &self.seconds {
            let fits = limits.requests_per_minute.is_none_or(|most| requests < most.max(1))
                && limits.tokens_per_minute.is_none_or(|most| used.saturating_add(tokens) <= most);
            if fits {
                break;
            }
            requests = requests.saturating_sub(second.requests);
            used = used.saturating_sub(second.tokens);
            free_at = second.passes();
        }
        free_at
    }

    /// The call of that turn took so many tokens, where `guessed` were counted.
    pub(super) fn correct(&mut self, turn: Turn, guessed: u64, took: u64) {
        if let Some(second) = self.seconds.iter_mut().find(|second| second.at == turn) {
            second.tokens = second.tokens.saturating_sub(guessed).saturating_add(took);
        }
    }

    /// The provider wants to be left alone so long.
    pub(super) fn leave_alone(&mut self, now: u64, wait: Duration) {
        let wait = u64::try_from(wait.min(LONGEST).as_millis()).unwrap_or_default();
        self.not_before = self.not_before.max(now.saturating_add(wait));
    }

    /// What is left to wait before anybody may ask.
    pub(super) fn is_left_alone(&self, now: u64) -> Option<Duration> {
        let is_sane = self.not_before <= now.saturating_add(LONGEST.as_millis() as u64);
        (is_sane && self.not_before > now).then(|| Duration::from_millis(self.not_before - now))
    }

    /// Drops what has passed, and what cannot be: a clock that was set back must not block anybody.
    fn forget(&mut self, now: u64) {
        self.seconds.retain(|second| second.passes() > now && second.at <= now / 1000);
        if self.is_left_alone(now).is_none() {
            self.not_before = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn limits(requests: Option<u64>, tokens: Option<u64>) -> RateLimits {
        RateLimits { requests_per_minute: requests, tokens_per_minute: tokens }
    }

    fn wait(millis: u64) -> Result<Turn, Duration> {
        Err(Duration::from_millis(millis))
    }

    #[test]
    fn a_minute_has_so_many_requests_and_no_more() {
        let (mut window, two) = (Window::default(), limits(Some(2), None));
        assert_eq!(window.take(10_000, two, 0), Ok(10));
        assert_eq!(window.take(10_900, two, 0), Ok(10));
        assert_eq!(window.take(10_900, two, 0), wait(60_100));
        assert_eq!(window.take(70_999, two, 0), wait(1));
        assert_eq!(window.take(71_000, two, 0), Ok(71));
        assert_eq!(window.seconds.len(), 1);
    }

    #[test]
    fn no_minute_has_more_whenever_somebody_asks() {
        let (mut window, limits) = (Window::default(), limits(Some(7), Some(1000)));
        let (mut seed, mut now, mut granted) = (5_u64, 1_000_000_u64, Vec::new());
        for _ in 0..3000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (pause, tokens) = ((seed >> 33) % 4000, (seed >> 20) % 300);
            now += pause;
            match window.take(now, limits, tokens) {
                Ok(_) => granted.push((now, tokens)),
                // There is room then, and not before.
                Err(wait) => {
                    let then = now + wait.as_millis() as u64;
                    assert!(window.clone().take(then - 1, limits, tokens).is_err());
                    assert!(window.clone().take(then, limits, tokens).is_ok());
                }
            }
        }
        for (index, (end, _)) in granted.iter().enumerate() {
            let minute = granted[..=index].iter().filter(|(at, _)| at + SPAN > *end);
            let (count, tokens) = minute.fold((0, 0), |(count, sum), (_, tokens)| (count + 1, sum + tokens));
            assert!(count <= 7 && tokens <= 1000, "{count} calls of {tokens} tokens");
        }
        assert!(granted.len() > 300, "{}", granted.len());
    }

    #[test]
    fn tokens_are_counted_as_they_were_taken() {
        let (mut window, thousand) = (Window::default(), limits(None, Some(1000)));
        let turn = window.take(0, thousand, 900).expect("a turn");
        assert_eq!(window.take(0, thousand, 200), wait(61_000));
        window.correct(turn, 900, 100);
        assert_eq!(window.take(0, thousand, 200), Ok(0));
        // One that is larger than a minute allows waits for an empty one.
        assert_eq!(window.take(5_000, thousand, 5000), wait(56_000));
        assert_eq!(window.take(61_000, thousand, 5000), Ok(61));
        assert_eq!(window.take(62_000, thousand, 1), wait(60_000));
    }

    #[test]
    fn a_provider_that_wants_to_be_left_alone_is_but_not_for_ever() {
        let (mut window, none) = (Window::default(), RateLimits::default());
        window.leave_alone(1_000, Duration::from_secs(5));
        window.leave_alone(1_000, Duration::from_secs(2));
        assert_eq!(
            (window.take(2_000, none, 0), window.is_left_alone(2_000)),
            (wait(4_000), Some(Duration::from_secs(4)))
        );
        assert_eq!(window.take(6_000, none, 0), Ok(6));
        window.leave_alone(6_000, Duration::from_hours(5));
        assert_eq!(window.is_left_alone(6_000), Some(LONGEST));
    }

    #[test]
    fn a_clock_that_is_set_back_blocks_nobody() {
        let (mut window, one) = (Window::default(), limits(Some(1), None));
        assert_eq!(window.take(90_000_000, one, 0), Ok(90_000));
        window.leave_alone(90_000_000, Duration::from_secs(30));
        assert_eq!(window.take(1_000, one, 0), Ok(1));
    }
}
