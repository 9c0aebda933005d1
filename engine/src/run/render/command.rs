//! Shell commands: what templates give stays a value and never becomes a part of the program, unless it is
//! marked by `| shell_raw`.
//!
//! Each value is rendered as a mark; the command is then read as a shell reads it, and each mark becomes
//! its value in quotes or a variable that holds it ([`lang::template::shell`]).

use std::{cell::RefCell, fmt, sync::Arc};

use lang::template::shell::{self, MARK, MARK_END};
use minijinja::{
    Environment, Error, ErrorKind, Value,
    value::{Object, ObjectRepr},
};

use super::text_of;

thread_local! {
    /// The values of the command that is being rendered on this thread.
    static VALUES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Text that is a part of the program.
#[derive(Debug)]
struct Raw(String);

impl Object for Raw {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `shell_raw`: in a command the value is written as it is; elsewhere it is the text of the value.
pub(super) fn raw(value: &Value) -> Result<Value, Error> {
    Ok(Value::from_object(Raw(text_of(value)?)))
}

/// Makes `environment` write marks in place of values.
pub(super) fn mark_values(environment: &mut Environment<'static>) {
    environment.set_formatter(|out, _state, value| {
        let failed = |_| Error::from(ErrorKind::WriteFailure);
        if let Some(Raw(text)) = value.downcast_object_ref::<Raw>() {
            return out.write_str(text).map_err(failed);
        }
        let text = text_of(value)?;
        let number = VALUES.with_borrow_mut(|values| {
            // What a block or macro wrote may hold marks itself: they are a part of this value.
            let text = unmarked(&text, values);
            values.push(text);
            values.len() - 1
        });
        write!(out, "{MARK}{number}{MARK_END}").map_err(failed)
    });
}

/// Renders with marks, then writes the values where they stand; an error for people says which value
/// cannot stand where it does.
pub(super) fn written(render: impl FnOnce() -> Result<String, Error>) -> Result<Result<String, String>, Error> {
    VALUES.with_borrow_mut(Vec::clear);
    let rendered = render();
    let values = VALUES.take();
    let rendered = rendered?;
    let filled = if cfg!(windows) { for_cmd(&rendered, &values) } else { shell::filled(&rendered, &values) };
    Ok(filled.map_err(|(number, why)| {
        let shown: String = values.get(number).map(|value| value.chars().take(40).collect()).unwrap_or_default();
        format!(
            "the value `{shown}` cannot stand here as a value: {why}; change the command, or mark the template with \
             `| shell_raw` if its value is meant to be a part of the program"
        )
    }))
}

/// The text with the values in place of the marks, as they are.
fn unmarked(text: &str, values: &[String]) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(MARK) {
        plain.push_str(&rest[..begin]);
        let inner = &rest[begin + MARK.len_utf8()..];
        let known = inner.find(MARK_END).and_then(|end| Some((end, values.get(inner[..end].parse::<usize>().ok()?)?)));
        match known {
            Some((end, value)) => {
                plain.push_str(value);
                rest = &inner[end + MARK_END.len_utf8()..];
            }
            None => {
                plain.push(MARK);
                rest = inner;
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// `cmd` has no quotes that everything can stand in, so only harmless values do.
fn for_cmd(text: &str, values: &[String]) -> Result<String, (usize, String)> {
    let harmful = |next: char| matches!(next, '"' | '%' | '!' | '^' | '&' | '|' | '<' | '>' | '(' | ')' | '\n' | '\r');
    match values.iter().position(|value| value.contains(harmful)) {
        Some(number) => Err((number, "cmd has no quotes for the characters in it".to_owned())),
        None => Ok(unmarked(text, values)),
    }
}
