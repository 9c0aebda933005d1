//! How long to wait before another attempt.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::header::{HeaderMap, HeaderName, RETRY_AFTER};

/// The longest pause between attempts that nobody asked for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long the provider asks to be left alone: `Retry-After` in seconds or as a date, or OpenAI's
/// milliseconds.
pub(super) fn wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(milliseconds) = text(HeaderName::from_static("retry-after-ms")) {
        return seconds(milliseconds).map(|duration| duration / 1000);
    }
    let value = text(RETRY_AFTER)?;
    seconds(value).or_else(|| {
        let at = DateTimeParser::new().relaxed_weekday(true).parse_timestamp(value).ok()?;
        // A date that has passed asks for nothing.
        Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
    })
}

pub(super) fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

/// The pause after this attempt; `jitter` from 0 to 1 takes away up to half of it.
pub(super) fn pause(first: Duration, attempt: u32, jitter: f64) -> Duration {
    let full = first.saturating_mul(2_u32.saturating_pow(attempt - 1)).min(LONGEST_PAUSE);
    full.mul_f64(1.0 - jitter / 2.0)
}

/// From 0 to 1, another each time, so that not all come back at once.
pub(super) fn jitter() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_read_in_each_form() {
        let now: Timestamp = "2026-11-28T02:00:00Z".parse().expect("a time");
        let of = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"));
            wait(&headers, now)
        };
        assert_eq!(of("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(of("retry-after", "Sat, 28 Nov 2026 02:00:20 GMT"), Some(Duration::from_secs(20)));
        assert_eq!(of("retry-after", "Sat, 28 Nov 2026 01:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(of("retry-after", "soon"), None);
        assert_eq!(of("retry-after", "-1"), None);
        assert_eq!(of("x-other", "7"), None);
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        let first = Duration::from_millis(500);
        let full = |attempt| pause(first, attempt, 0.0);
        assert_eq!([full(1), full(2), full(3)].map(|pause| pause.as_millis()), [500, 1000, 2000]);
        assert_eq!(full(30), LONGEST_PAUSE);
        assert_eq!(pause(first, 1, 1.0), first / 2);
        assert!((0..100).all(|_| (0.0..1.0).contains(&jitter())));
    }
}
