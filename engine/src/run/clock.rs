//! Times as the documents write them.

use std::cell::RefCell;

use jiff::Timestamp;

/// This instant, RFC 3339 UTC with milliseconds.
pub(crate) fn now() -> String {
    text(Timestamp::now())
}

/// `time`, RFC 3339 UTC with milliseconds.
pub(crate) fn text(time: Timestamp) -> String {
    if time < Timestamp::UNIX_EPOCH {
        return format!("{time:.3}");
    }
    let (second, milliseconds) = (time.as_second(), time.subsec_millisecond());
    thread_local! {
        /// The last second that was written, up to the point: most times follow one another closely.
        static LAST: RefCell<(i64, String)> = const { RefCell::new((-1, String::new())) };
    }
    LAST.with_borrow_mut(|(last, written)| {
        if *last != second {
            format!("{time:.0}").trim_end_matches('Z').clone_into(written);
            *last = second;
        }
        let mut text = String::with_capacity(written.len() + 5);
        text.push_str(written);
        text.push('.');
        let digit = |value: i32| char::from(b'0' + (value % 10) as u8);
        text.extend([digit(milliseconds / 100), digit(milliseconds / 10), digit(milliseconds), 'Z']);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_behind_the_second_and_no_more() {
        let nanoseconds = [0, 999_999, 1_000_000, 9_999_999, 123_456_789, 999_999_999, 1_000_000_000, 59_999_999_999];
        let seconds = [-1, 0, 59, 951_782_399, 951_782_400, 1_795_857_600, 253_402_207_000];
        for second in seconds {
            for nanosecond in nanoseconds {
                let time = Timestamp::from_nanosecond(second * 1_000_000_000 + nanosecond).expect("a time");
                assert_eq!(text(time), format!("{time:.3}"));
            }
        }
        assert_eq!(text(Timestamp::from_millisecond(1_795_857_600_007).expect("a time")), "2026-11-28T09:20:00.007Z");
    }
}
