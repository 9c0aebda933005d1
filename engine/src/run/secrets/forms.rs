//! The ways in which programs write a secret: as it is, encoded, escaped, quoted.

use std::fmt::Write as _;

use serde_json::json;

/// In characters: shorter values stand in too many texts by chance, and are not looked for.
pub const SHORTEST: usize = 6;

/// A part of a value, such as a line of a key, is looked for from this length.
const SHORTEST_PART: usize = 16;

/// The length of the lines that `base64` writes.
const LINE: usize = 76;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const FOR_URLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// All forms of `value` that are looked for, each once; none where it is too short.
pub(super) fn of(value: &str) -> Vec<String> {
    let trimmed = value.trim();
    if trimmed.chars().count() < SHORTEST {
        return Vec::new();
    }
    let mut forms = Vec::new();
    for plain in [value, trimmed] {
        forms.push(plain.to_owned());
        forms.push(escaped(plain));
        forms.push(escaped(&escaped(plain)));
        forms.push(ascii(&escaped(plain)));
        forms.push(in_scripts(&escaped(plain)));
        forms.push(ascii(&in_scripts(&escaped(plain))));
        forms.push(escaped(&in_scripts(&escaped(plain))));
        forms.extend(in_urls(plain));
        forms.extend(in_shells(plain));
        forms.push(in_html(plain));
        let hex = plain.bytes().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        forms.push(hex.to_uppercase());
        forms.push(hex);
        for alphabet in [STANDARD, FOR_URLS] {
            forms.extend(base64(plain.as_bytes(), alphabet));
        }
    }
    // Programs indent the lines of a key, or print them one at a time.
    let lines = trimmed.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_PART && line.len() < trimmed.len());
    forms.extend(lines.map(str::to_owned));
    forms.retain(|form| form.len() >= SHORTEST);
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// As in a JSON text.
fn escaped(text: &str) -> String {
    let quoted = json!(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As in a JSON text that may stand in HTML: so do the filter `tojson` and encoders of other languages.
fn in_scripts(text: &str) -> String {
    let escapes = [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\'', "\\u0027")];
    escapes.iter().fold(text.to_owned(), |text, (c, escape)| text.replace(*c, escape))
}

/// As in a JSON text that has ASCII characters alone.
fn ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    let mut units = [0; 2];
    for c in text.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

/// Programs do not agree on what stays as it is, nor on how digits and spaces are written.
fn in_urls(text: &str) -> Vec<String> {
    let encode = |kept: &[u8], space: &str, upper: bool| {
        text.bytes().fold(String::new(), |mut encoded, byte| {
            let _ = match byte {
                b' ' => write!(encoded, "{space}"),
                _ if byte.is_ascii_alphanumeric() || kept.contains(&byte) => write!(encoded, "{}", char::from(byte)),
                _ if upper => write!(encoded, "%{byte:02X}"),
                _ => write!(encoded, "%{byte:02x}"),
            };
            encoded
        })
    };
    let mut forms = Vec::new();
    for kept in [&b"-_.~"[..], b"-_.~/", b"-_.", b"-_.!~*'()"] {
        for space in ["%20", "+"] {
            forms.extend([encode(kept, space, true), encode(kept, space, false)]);
        }
    }
    forms
}

fn in_shells(text: &str) -> [String; 4] {
    let behind = |special: &dyn Fn(char) -> bool| {
        text.chars().fold(String::new(), |mut quoted, c| {
            if special(c) {
                quoted.push('\\');
            }
            quoted.push(c);
            quoted
        })
    };
    [
        text.replace('\'', r"'\''"),
        text.replace('\'', r#"'"'"'"#),
        behind(&|c| matches!(c, '"' | '\\' | '$' | '`')),
        behind(&|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !"_-./:=@%+,".contains(c)),
    ]
}

fn in_html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#x27;")
}

/// Encoded by itself, and what is the same wherever it stands in something longer that is encoded.
fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> Vec<String> {
    let whole = digits(bytes, alphabet);
    let padding = "=".repeat((4 - whole.len() % 4) % 4);
    let mut forms = vec![format!("{whole}{padding}")];
    if whole.len() > LINE {
        let lines = whole.as_bytes().chunks(LINE).filter(|line| line.len() >= SHORTEST_PART);
        forms.extend(lines.map(|line| line.iter().copied().map(char::from).collect::<String>()));
    }
    for before in 0..3 {
        let shifted: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
        let digits = digits(&shifted, alphabet);
        // The digits at both ends depend on what stands beside it, too.
        let begin = if before == 0 { 0 } else { before + 1 };
        let end = digits.len() - usize::from(!shifted.len().is_multiple_of(3));
        forms.push(digits[begin.min(end)..end].to_owned());
    }
    forms
}

fn digits(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 4 / 3 + 2);
    for group in bytes.chunks(3) {
        let number = group.iter().chain([&0, &0]).take(3).fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        for place in 0..=group.len() {
            let digit = number >> (18 - 6 * place) & 63;
            digits.push(char::from(alphabet[digit as usize]));
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_everybody() {
        assert_eq!(base64(b"hunter2!", STANDARD)[0], "aHVudGVyMiE=");
        assert_eq!(base64(b"hunter2", STANDARD)[0], "aHVudGVyMg==");
        assert_eq!(base64(b"hunter", STANDARD)[0], "aHVudGVy");
        // printf 'user:hunter2-and-more' | base64
        let inside = "dXNlcjpodW50ZXIyLWFuZC1tb3Jl";
        assert!(base64(b"hunter2", STANDARD).iter().any(|form| form.len() >= 8 && inside.contains(&**form)));
    }

    #[test]
    fn a_value_has_many_forms() {
        let forms = of("it's \"5 & 6\"/ü");
        for form in [
            "it's \"5 & 6\"/ü",
            r#"it's \"5 & 6\"/ü"#,
            r#"it's \"5 & 6\"/\u00fc"#,
            r#"it\u0027s \"5 \u0026 6\"/ü"#,
            "it%27s%20%225%20%26%206%22%2F%C3%BC",
            "it%27s+%225+%26+6%22%2f%c3%bc",
            r#"it'\''s "5 & 6"/ü"#,
            "it&#x27;s &quot;5 &amp; 6&quot;/ü",
        ] {
            assert!(forms.iter().any(|found| found == form), "{form}: {forms:#?}");
        }
        assert_eq!(of("short"), Vec::<String>::new());
        assert_eq!(of("  x  \n "), Vec::<String>::new());
    }
}
