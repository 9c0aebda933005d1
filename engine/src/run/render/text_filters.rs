//! Filters over text (reference §4.2).

use std::sync::LazyLock;

use minijinja::{
    Environment, Error, Value,
    value::{Kwargs, Rest, ValueKind, ValueOrKwargs, from_args},
};
use regex::Regex;

use super::{convert::text_of, datetime::DateTime, filters::invalid};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("slugify", |value: &Value| text_of(value).map(|text| slugify(&text)));
    environment.add_filter("truncate_words", |value: &Value, count: Option<usize>| {
        text_of(value).map(|text| truncate_words(&text, count.unwrap_or(50)))
    });
    environment.add_filter("truncate", truncate);
    environment.add_filter("regex_search", regex_search);
    environment.add_filter("regex_replace", regex_replace);
    environment.add_filter("markdown_format", |value: &Value| text_of(value).map(|text| markdown_format(&text)));
    environment.add_filter("basename", |value: &Value| {
        text_of(value).map(|text| text.rsplit('/').next().unwrap_or_default().to_owned())
    });
    environment.add_filter("date", date);
    environment.add_filter("format", format);
    environment.add_filter("center", |value: &Value, width: Option<usize>| {
        text_of(value).map(|text| center(&text, width.unwrap_or(80)))
    });
    environment.add_filter("filesizeformat", minijinja_contrib::filters::filesizeformat);
    environment
        .add_filter("forceescape", |value: &Value| text_of(value).map(|text| Value::from_safe_string(escape(&text))));
    environment.add_filter("striptags", minijinja_contrib::filters::striptags);
    environment.add_filter("urlencode", urlencode);
    environment.add_filter("urlize", |value: &Value| text_of(value).map(|text| urlize(&text)));
    environment.add_filter("wordcount", |value: &Value| text_of(value).map(|text| WORD.find_iter(&text).count()));
    environment.add_filter("wordwrap", wordwrap);
    environment.add_filter("xmlattr", xmlattr);
}

macro_rules! pattern {
    ($text:literal) => {
        LazyLock::new(|| Regex::new($text).expect("invariant: the pattern is a literal that parses"))
    };
}

static WORD: LazyLock<Regex> = pattern!(r"\w+");
static NOT_IN_SLUG: LazyLock<Regex> = pattern!(r"[^\w\s-]");
static SLUG_GAP: LazyLock<Regex> = pattern!(r"[-\s]+");
static BEFORE_HEADING: LazyLock<Regex> = pattern!(r"([^\n])\n(#{1,6} )");
static AFTER_HEADING: LazyLock<Regex> = pattern!(r"(?m)^(#{1,6} [^\n]*)\n([^\n#])");
static BEFORE_LIST: LazyLock<Regex> = pattern!(r"(?m)^([^\n\-*+\d][^\n]*)\n([-*+] |\d+\. )");
static LINK: LazyLock<Regex> = pattern!(r#"(https?://[^\s<>"']+[^\s<>"'.,;:!?)])"#);

fn slugify(text: &str) -> String {
    let lower = text.to_lowercase();
    let kept = NOT_IN_SLUG.replace_all(&lower, "");
    SLUG_GAP.replace_all(&kept, "-").trim_matches('-').to_owned()
}

fn truncate_words(text: &str, count: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() <= count { text.to_owned() } else { format!("{}...", words[..count].join(" ")) }
}

/// Jinja's `truncate(length=255, killwords=false, end="...", leeway=5)`.
fn truncate(value: &Value, arguments: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let arguments = arguments.into_values();
    let (arguments, options) = from_args::<(&[Value], Kwargs)>(&arguments)?;
    let text = text_of(value)?;
    let given = |index: usize, name: &'static str| -> Result<Option<Value>, Error> {
        match arguments.get(index) {
            Some(value) => Ok(Some(value.clone())),
            None => options.get::<Option<Value>>(name),
        }
    };
    let whole = |value: Option<Value>, otherwise: usize, name: &str| match value {
        None => Ok(otherwise),
        Some(value) => value.as_usize().ok_or_else(|| invalid(format!("`{name}` of `truncate` is a whole number"))),
    };
    let length = whole(given(0, "length")?, 255, "length")?;
    let kill_words = given(1, "killwords")?.is_some_and(|value| value.is_true());
    let end = given(2, "end")?.map_or_else(|| "...".to_owned(), |end| end.to_string());
    let leeway = whole(given(3, "leeway")?, 5, "leeway")?;
    options.assert_all_used()?;
    if text.chars().count() <= length + leeway {
        return Ok(text);
    }
    let kept: String = text.chars().take(length.saturating_sub(end.chars().count())).collect();
    if kill_words {
        return Ok(kept + &end);
    }
    Ok(kept.rsplit_once(' ').map_or(&*kept, |(before, _)| before).to_owned() + &end)
}

fn regex_search(value: &Value, pattern: &str) -> Result<Value, Error> {
    let text = text_of(value)?;
    let found = compile(pattern)?.find(&text).map(|found| found.as_str().to_owned());
    Ok(found.map_or(Value::from(()), Value::from))
}

fn regex_replace(value: &Value, pattern: &str, replacement: Option<&str>) -> Result<Value, Error> {
    let Some(text) = value.as_str() else { return Ok(value.clone()) };
    // Python writes a group as `\1`, the regex crate as `${1}`.
    let replacement = GROUP.replace_all(&replacement.unwrap_or_default().replace('$', "$$"), "$${$1}").into_owned();
    Ok(Value::from(compile(pattern)?.replace_all(text, &*replacement).into_owned()))
}

static GROUP: LazyLock<Regex> = pattern!(r"\\(\d+)");

fn compile(pattern: &str) -> Result<Regex, Error> {
    Regex::new(pattern).map_err(|error| invalid(format!("`{pattern}` is no regular expression: {error}")))
}

/// Blank lines around headings and before lists, no more than one at a time.
fn markdown_format(text: &str) -> String {
    let text = BEFORE_HEADING.replace_all(text, "$1\n\n$2");
    let text = AFTER_HEADING.replace_all(&text, "$1\n\n$2");
    BEFORE_LIST.replace_all(&text, "$1\n\n$2").trim().to_owned()
}

fn date(value: &Value, format: Option<&str>) -> Result<String, Error> {
    let format = format.unwrap_or("%Y-%m-%d %H:%M:%S");
    if let Some(time) = value.downcast_object_ref::<DateTime>() {
        return time.format(format);
    }
    let text = text_of(value)?;
    DateTime::parse(&text)
        .ok_or_else(|| {
            invalid(format!("the text `{text}` is no date; write it as `2026-01-31` or `2026-01-31T12:00:00Z`"))
        })?
        .format(format)
}

/// `%`-format with positional arguments, `{name}`-format with keyword arguments.
fn format(value: &Value, arguments: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let text = text_of(value)?;
    let arguments = arguments.into_values();
    let (positional, keywords) = from_args::<(&[Value], Kwargs)>(&arguments)?;
    if positional.is_empty() && text.contains('{') {
        let mut formatted = text;
        for name in keywords.args() {
            formatted = formatted.replace(&format!("{{{name}}}"), &text_of(&keywords.peek::<Value>(name)?)?);
        }
        return Ok(Value::from(formatted));
    }
    percent_format(&text, positional, &keywords)
}

static DIRECTIVE: LazyLock<Regex> = pattern!(r"%(\([^)]*\))?([-+ 0#]*)(\d*)(?:\.(\d+))?([sdifgeExXo%r])");

fn percent_format(text: &str, positional: &[Value], keywords: &Kwargs) -> Result<Value, Error> {
    let mut positional = positional.iter();
    let mut formatted = String::new();
    let mut end = 0;
    for found in DIRECTIVE.captures_iter(text) {
        let whole = found.get(0).expect("invariant: group 0 is the match");
        formatted.push_str(&text[end..whole.start()]);
        end = whole.end();
        let kind = &found[5];
        if kind == "%" {
            formatted.push('%');
            continue;
        }
        let argument = match found.get(1) {
            Some(name) => {
                let name = name.as_str().trim_matches(['(', ')']);
                keywords.peek::<Option<Value>>(name)?
            }
            None => positional.next().cloned(),
        };
        let Some(argument) = argument else {
            return Err(invalid(format!("`format` has no argument for `{}`", whole.as_str())));
        };
        let flags = &found[2];
        let width: usize = found[3].parse().unwrap_or(0);
        let precision = found.get(4).and_then(|digits| digits.as_str().parse::<usize>().ok());
        let number =
            || f64::try_from(argument.clone()).map_err(|_| invalid(format!("`{}` takes a number", whole.as_str())));
        let mut piece = match kind {
            "d" | "i" => format!("{}", number()?.trunc()),
            "f" => format!("{:.*}", precision.unwrap_or(6), number()?),
            "e" => format!("{:.*e}", precision.unwrap_or(6), number()?),
            "g" => format!("{}", number()?),
            "x" => format!("{:x}", number()? as i64),
            "X" => format!("{:X}", number()? as i64),
            "o" => format!("{:o}", number()? as i64),
            _ => match precision {
                Some(limit) => text_of(&argument)?.chars().take(limit).collect(),
                None => text_of(&argument)?,
            },
        };
        if flags.contains('+') && kind != "s" && !piece.starts_with('-') {
            piece.insert(0, '+');
        }
        let missing = width.min(10_000).saturating_sub(piece.chars().count());
        if flags.contains('-') {
            piece.push_str(&" ".repeat(missing));
        } else if flags.contains('0') && kind != "s" {
            let sign = usize::from(piece.starts_with(['-', '+']));
            piece.insert_str(sign, &"0".repeat(missing));
        } else {
            piece.insert_str(0, &" ".repeat(missing));
        }
        formatted.push_str(&piece);
    }
    formatted.push_str(&text[end..]);
    Ok(Value::from(formatted))
}

fn center(text: &str, width: usize) -> String {
    let missing = width.min(10_000).saturating_sub(text.chars().count());
    // Python puts the odd blank to the right of an even text, to the left of an odd one.
    let left = missing / 2 + (missing & width & 1);
    format!("{}{text}{}", " ".repeat(left), " ".repeat(missing - left))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;").replace('\'', "&#39;")
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(["%".to_owned(), format!("{byte:02X}")]);
        }
    }
    encoded
}

fn urlencode(value: &Value) -> Result<String, Error> {
    if value.kind() != ValueKind::Map {
        return text_of(value).map(|text| percent_encode(&text));
    }
    let pairs: Vec<String> = value
        .try_iter()?
        .map(|key| {
            let field = text_of(&value.get_item(&key)?)?;
            Ok(format!("{}={}", percent_encode(&key.to_string()), percent_encode(&field)))
        })
        .collect::<Result<_, Error>>()?;
    Ok(pairs.join("&"))
}

fn urlize(text: &str) -> String {
    LINK.replace_all(text, r#"<a href="$1" rel="noopener">$1</a>"#).into_owned()
}

fn wordwrap(value: &Value, width: Option<usize>, break_long: Option<bool>, options: Kwargs) -> Result<String, Error> {
    let width = width.or(options.get("width")?).unwrap_or(79).max(1);
    let break_long = break_long.or(options.get("break_long_words")?).unwrap_or(true);
    let line_end: String = options.get::<Option<String>>("wrapstring")?.unwrap_or_else(|| "\n".to_owned());
    let _: Option<bool> = options.get("break_on_hyphens")?;
    options.assert_all_used()?;
    let text = text_of(value)?;
    let lines: Vec<String> = text.lines().flat_map(|line| wrapped(line, width, break_long)).collect();
    Ok(lines.join(&line_end))
}

fn wrapped(line: &str, width: usize, break_long: bool) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in line.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + rest.len() > width {
            lines.push(String::new());
            used = 0;
        }
        while break_long && used == 0 && rest.len() > width {
            let after = rest.split_off(width);
            *lines.last_mut().expect("invariant: there is a line") = rest.into_iter().collect();
            lines.push(String::new());
            rest = after;
        }
        let current = lines.last_mut().expect("invariant: there is a line");
        if used > 0 {
            current.push(' ');
            used += 1;
        }
        used += rest.len();
        current.extend(rest);
    }
    lines
}

fn xmlattr(value: &Value, autospace: Option<bool>) -> Result<Value, Error> {
    let mut text = String::new();
    for key in value.try_iter()? {
        let field = value.get_item(&key)?;
        if field.is_none() || field.is_undefined() {
            continue;
        }
        if !text.is_empty() || autospace.unwrap_or(true) {
            text.push(' ');
        }
        text.extend([escape(&key.to_string()), "=\"".to_owned(), escape(&text_of(&field)?), "\"".to_owned()]);
    }
    Ok(Value::from_safe_string(text))
}
