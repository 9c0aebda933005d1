//! Global functions (reference §4.3).

use std::sync::Arc;

use minijinja::{
    Environment, Error, ErrorKind, State, Value,
    value::{Kwargs, Rest, ValueOrKwargs, from_args},
};

use super::{
    datetime::DateTime,
    include::Folders,
    names::{Frame, SCOPE, Scope},
};

pub(super) fn add(environment: &mut Environment<'static>, folders: &Arc<Folders>) {
    environment.remove_global("debug");
    environment.add_function("cycler", minijinja_contrib::globals::cycler);
    environment.add_function("joiner", minijinja_contrib::globals::joiner);
    environment.add_function("lipsum", lipsum);
    environment.add_function("now", || Value::from_object(DateTime::now()));

    let exists = {
        let folders = Arc::clone(folders);
        move |path: String, base: Option<String>| folders.exists(&beneath(&path, base.as_deref()))
    };
    environment.add_function("file_exists", exists.clone());
    environment.add_filter("file_exists", exists);
    let include = {
        let folders = Arc::clone(folders);
        move |path: String, base: Option<String>| {
            folders
                .text(&beneath(&path, base.as_deref()))
                .map_err(|message| Error::new(ErrorKind::InvalidOperation, message))
        }
    };
    environment.add_function("include_file", include.clone());
    environment.add_filter("include_file", include);

    environment.add_function("current_loop_name", |state: &State| {
        frames(state).first().map_or(Value::from(()), |(frame, _)| Value::from(frame.name.clone()))
    });
    environment.add_function("active_loops", |state: &State| {
        frames(state).into_iter().rev().map(|(frame, _)| frame.name).collect::<Vec<String>>()
    });
    // Loops that ended are steps like any other; there is no second record of them.
    environment.add_function("historical_loops", Vec::<String>::new);
    environment.add_function("loop_var", |state: &State, name: String, variable: String| {
        let (_, scope) = named(state, &name)?;
        scope.0.bound(variable.trim_start_matches('$')).ok_or_else(|| {
            Error::new(ErrorKind::UndefinedError, format!("the loop `{name}` has no variable `{variable}`"))
        })
    });
    environment.add_function("loop_item_at", |state: &State, name: String, index: i64| {
        let (frame, _) = named(state, &name)?;
        let items = frame.items.ok_or_else(|| {
            Error::new(ErrorKind::InvalidOperation, format!("the loop `{name}` does not run over a list"))
        })?;
        let length = items.len().unwrap_or(0) as i64;
        let at = if index < 0 { index + length } else { index };
        if !(0..length).contains(&at) {
            return Err(Error::new(
                ErrorKind::UndefinedError,
                format!("the loop `{name}` has {length} items, none at {index}"),
            ));
        }
        items.get_item_by_index(at as usize)
    });
}

fn beneath(path: &str, base: Option<&str>) -> String {
    base.map_or_else(|| path.to_owned(), |base| format!("{}/{path}", base.trim_end_matches('/')))
}

/// The loops around the template, innermost first, each with the scope of its iteration.
fn frames(state: &State) -> Vec<(Frame, Scope)> {
    let Some(value) = state.lookup(SCOPE) else { return Vec::new() };
    let Some(scope) = value.downcast_object_ref::<Scope>() else { return Vec::new() };
    let mut found = Vec::new();
    let mut names = Some(Arc::clone(&scope.0));
    while let Some(current) = names {
        if let Some(frame) = current.frame() {
            found.push((frame.clone(), Scope(Arc::clone(&current))));
        }
        names = current.parent();
    }
    found
}

fn named(state: &State, name: &str) -> Result<(Frame, Scope), Error> {
    let wanted = name.trim_start_matches('$');
    frames(state)
        .into_iter()
        .find(|(frame, _)| frame.name == wanted || frame.id == wanted)
        .ok_or_else(|| Error::new(ErrorKind::UndefinedError, format!("no loop named `{name}` is around this template")))
}

const LOREM: &str = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut \
labore et dolore magna aliqua";

/// Filler text: `n` paragraphs, always the same.
fn lipsum(arguments: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let arguments = arguments.into_values();
    let (arguments, options) = from_args::<(&[Value], Kwargs)>(&arguments)?;
    let count = match arguments.first().and_then(Value::as_usize) {
        Some(count) => count,
        None => options.get::<Option<usize>>("n")?.unwrap_or(5),
    };
    let html = match arguments.get(1) {
        Some(html) => html.is_true(),
        None => options.get::<Option<bool>>("html")?.unwrap_or(true),
    };
    let _: (Option<usize>, Option<usize>) = (options.get("min")?, options.get("max")?);
    options.assert_all_used()?;
    let paragraph = if html { format!("<p>{LOREM}.</p>") } else { format!("{LOREM}.") };
    Ok(vec![paragraph; count.min(1000)].join("\n\n"))
}
