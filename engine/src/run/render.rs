//! Templates → values. One environment per run: minijinja, strict, with a limit on work.
//!
//! A text that is exactly one expression keeps the expression's type; mixed text is text; what comes
//! out is data and is never rendered again (contract §2.16).

use std::sync::{Arc, OnceLock};

use lang::template::{self, Reading, Segment, SegmentKind, Shape, condition::Condition};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, syntax::SyntaxConfig};
use serde_json::{Map, Value};

use crate::tools::Failure;

pub(crate) mod names;
pub(crate) use names::{Frame, Names};

pub(crate) mod step_value;
pub(crate) use step_value::StepValue;

mod command;
mod convert;
mod datetime;
mod filters;
mod functions;
mod include;
mod text_filters;

pub(crate) use convert::{from_json, is_absent, text_of, to_json};
pub(crate) use include::Folders;

/// Steps of work a single template may take, so that none runs for ever.
const FUEL: u64 = 5_000_000;

/// Renders texts of one run.
#[derive(Debug)]
pub(crate) struct Renderer {
    environment: Environment<'static>,
    /// The same for shell commands.
    commands: OnceLock<Environment<'static>>,
    folders: Arc<Folders>,
}

/// Why a text could not be rendered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RenderError {
    /// A name or attribute is undefined.
    Undefined(String),
    /// Anything else that is wrong with the template.
    Invalid(String),
    /// It holds an AUTO tag.
    Auto,
}

impl RenderError {
    /// The failure of the step whose `place` could not be rendered.
    pub(crate) fn failure(self, place: &str) -> Failure {
        let (error_type, message) = match self {
            Self::Undefined(message) => ("UnresolvedTemplateError", format!("{place}: {message}")),
            Self::Invalid(message) => ("TemplateError", format!("{place}: {message}")),
            Self::Auto => {
                ("AutoResolutionError", format!("{place}: `<AUTO>` cannot be answered here; write the value instead"))
            }
        };
        Failure { error_type: error_type.to_owned(), message, code: None, retryable: false, unpriced: None }
    }
}

impl Renderer {
    /// An environment that includes files out of `folders`.
    pub(crate) fn new(folders: Folders) -> Self {
        let folders = Arc::new(folders);
        Self { environment: environment(&folders), commands: OnceLock::new(), folders }
    }

    /// Renders a shell command, in which what templates give stays a value.
    pub(crate) fn command(&self, text: &str, names: &Arc<Names>) -> Result<String, RenderError> {
        if template::is_plain(text) {
            return Ok(text.to_owned());
        }
        let text = self.folders.expand(text).map_err(RenderError::Invalid)?;
        let parsed = template::parse(&text, Reading::Template);
        match parsed.shape {
            Shape::Plain | Shape::Constant(_) => return Ok(text.into_owned()),
            Shape::Auto | Shape::MixedAuto => return Err(RenderError::Auto),
            Shape::Expression | Shape::Mixed => {}
        }
        if let Some(error) = parsed.errors.first() {
            return Err(RenderError::Invalid(error.message.clone()));
        }
        let source = template::normalise(&text);
        let commands = self.commands.get_or_init(|| {
            let mut commands = environment(&self.folders);
            command::mark_values(&mut commands);
            commands
        });
        let render = || commands.render_str(&source, minijinja::Value::from_dyn_object(Arc::clone(names)));
        let written = command::written(render).map_err(|error| explain(&error, &source))?;
        written.map_err(RenderError::Invalid)
    }

    /// Whether a file was looked at since the last [`Self::forget_files`].
    pub(crate) fn read_files(&self) -> bool {
        self.folders.was_used()
    }

    /// Begins anew to tell whether files are looked at.
    pub(crate) fn forget_files(&self) {
        self.folders.forget_used();
    }

    /// Renders every text inside `value`. An error names the place, beginning with `place`.
    pub(crate) fn value(&self, value: &Value, names: &Arc<Names>, place: &str) -> Result<Value, Failure> {
        Ok(match value {
            Value::String(text) => self.text(text, names).map_err(|error| error.failure(place))?,
            Value::Array(items) => Value::Array(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.value(item, names, &format!("{place}[{index}]")))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(fields) => {
                let mut rendered = Map::with_capacity(fields.len());
                for (key, field) in fields {
                    rendered.insert(key.clone(), self.value(field, names, &format!("{place}.{key}"))?);
                }
                Value::Object(rendered)
            }
            other => other.clone(),
        })
    }

    /// Renders one text.
    pub(crate) fn text(&self, text: &str, names: &Arc<Names>) -> Result<Value, RenderError> {
        if template::is_plain(text) {
            return Ok(Value::String(text.to_owned()));
        }
        let text = self.folders.expand(text).map_err(RenderError::Invalid)?;
        let mut failed = None;
        if let Some((shape, segments)) = template::outline(&text) {
            match self.pieces(&text, shape, &segments, names) {
                // A closer look has more to say about what does not parse.
                Err(error @ RenderError::Invalid(_)) => failed = Some(error),
                rendered => return rendered,
            }
        }
        let parsed = template::parse(&text, Reading::Template);
        match parsed.shape {
            Shape::Plain | Shape::Constant(_) => return Ok(Value::String(text.into_owned())),
            Shape::Auto | Shape::MixedAuto => return Err(RenderError::Auto),
            Shape::Expression | Shape::Mixed => {}
        }
        if let Some(error) = parsed.errors.first() {
            return Err(RenderError::Invalid(error.message.clone()));
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.pieces(&text, parsed.shape, &parsed.segments, names)
    }

    /// Renders a text whose shape is known.
    fn pieces(&self, text: &str, shape: Shape, segments: &[Segment], names: &Arc<Names>) -> Result<Value, RenderError> {
        let source = template::normalise(text);
        match segments.iter().find(|segment| segment.kind == SegmentKind::Expression) {
            Some(segment) if shape == Shape::Expression => self.expression(&source[segment.inner], names),
            _ => self
                .environment
                .render_str(&source, minijinja::Value::from_dyn_object(Arc::clone(names)))
                .map(Value::String)
                .map_err(|error| explain(&error, &source)),
        }
    }

    /// Evaluates a condition to a boolean (contract §2.8).
    pub(crate) fn condition(&self, value: &Value, names: &Arc<Names>) -> Result<bool, RenderError> {
        let text = match value {
            Value::String(text) => text,
            Value::Bool(value) => return Ok(*value),
            Value::Null => return Ok(false),
            other => return word(&other.to_string()),
        };
        match template::condition::condition_expression(text) {
            Condition::Constant(value) => Ok(value),
            Condition::Auto => Err(RenderError::Auto),
            Condition::Invalid(error) => Err(RenderError::Invalid(error.message)),
            Condition::Expression(source) => {
                let value = self.evaluate(&source, names)?;
                match value.as_str() {
                    // A text decides by what it reads, so that "false" is false.
                    Some(text) => word(text),
                    None if is_absent(&value) => Ok(false),
                    None => Ok(value.is_true()),
                }
            }
            Condition::Mixed => match self.text(text, names)? {
                Value::String(text) => word(&text),
                other => Ok(from_json(&other).is_true()),
            },
        }
    }

    fn expression(&self, source: &str, names: &Arc<Names>) -> Result<Value, RenderError> {
        let value = self.evaluate(source, names)?;
        to_json(&value).map_err(|error| explain(&error, source))
    }

    fn evaluate(&self, source: &str, names: &Arc<Names>) -> Result<minijinja::Value, RenderError> {
        let expression = self.environment.compile_expression(source).map_err(|error| explain(&error, source))?;
        let value = expression
            .eval(minijinja::Value::from_dyn_object(Arc::clone(names)))
            .map_err(|error| explain(&error, source))?;
        if value.is_undefined() {
            return Err(RenderError::Undefined(format!("`{}` is undefined", source.trim())));
        }
        Ok(value)
    }
}

/// The environment that includes files out of `folders`.
fn environment(folders: &Arc<Folders>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_syntax(syntax());
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(200);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.set_formatter(|out, _state, value| {
        out.write_str(&text_of(value)?).map_err(|_| Error::from(ErrorKind::WriteFailure))
    });
    filters::add(&mut environment);
    text_filters::add(&mut environment);
    functions::add(&mut environment, folders);
    environment
}

/// Blocks leave no lines behind, and a text keeps its last line end.
fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("invariant: the delimiters are the standard ones")
}

fn word(text: &str) -> Result<bool, RenderError> {
    template::condition::constant_word(text).ok_or_else(|| {
        let shown: String = text.chars().take(60).collect();
        RenderError::Invalid(format!(
            "the text `{shown}` is neither true nor false; compare it, as in `{{{{ x == \"{shown}\" }}}}`"
        ))
    })
}

/// Says what minijinja found, naming the guilty expression.
fn explain(error: &Error, source: &str) -> RenderError {
    let guilty = error.range().and_then(|range| source.get(range)).map(str::trim).filter(|text| !text.is_empty());
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.kind() {
        ErrorKind::UndefinedError => RenderError::Undefined(match (guilty, error.detail()) {
            (_, Some(detail)) => detail.to_owned(),
            (Some(guilty), None) => format!("`{guilty}` is undefined"),
            (None, None) => format!("a name in `{}` is undefined", source.trim()),
        }),
        ErrorKind::OutOfFuel => {
            RenderError::Invalid("the template takes too much work; do it in a step instead".to_owned())
        }
        _ => RenderError::Invalid(match guilty {
            Some(guilty) => format!("{detail} in `{guilty}`"),
            None => detail,
        }),
    }
}

#[cfg(test)]
mod tests;
