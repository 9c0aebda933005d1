//! `write … to notes.md` and its like (reference §3.2): a file from a sentence. Deprecated; the
//! checker offers the step with `filesystem` that says the same.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use crate::tools::{Outcome, ToolCx, ToolError, filesystem, params};

/// Executes the rendered sentence: the path stands in `filepath`, `filename` or `path`, or in the
/// sentence; the content in `content`, `data` or `text`, or after the sentence's colon.
pub fn file_prose(sentence: &str, given: &Map<String, Value>, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let parameter = |names: [&str; 3]| {
        names.into_iter().find_map(|name| given.get(name)).filter(|value| !value.is_null()).map(params::text)
    };
    let (before, after) = match sentence.split_once(':') {
        Some((before, after)) => (before, Some(after.trim())),
        None => (sentence, None),
    };
    let path = parameter(["filepath", "filename", "path"]).or_else(|| path_in(before).map(str::to_owned));
    let Some(path) = path else {
        let message = format!("`{sentence}` names no file; use the tool `filesystem` with `path` and `content`");
        return Err(ToolError::new("ParameterError", message));
    };
    let content = parameter(["content", "data", "text"]).or_else(|| after.map(str::to_owned));
    let Some(content) = content.filter(|content| !content.is_empty()) else {
        let message = format!("`{sentence}` does not say what to write; use the tool `filesystem` with `content`");
        return Err(ToolError::new("ParameterError", message));
    };
    match filesystem::write_text(&path, &content, cx) {
        Ok(size) => Ok(Outcome::ok(json!({
            "filepath": path, "size": size, "message": format!("wrote {size} bytes to `{path}`"),
        }))),
        Err(ToolError(failure)) => Ok(Outcome::failed(Value::Null, failure)),
    }
}

/// The last word that looks like a file's path.
fn path_in(sentence: &str) -> Option<&str> {
    static PATH: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?:to|at|in|file)\s+(?:a\s+file\s+|the\s+file\s+|file\s+)?["'`]?([^\s"'`]+\.[A-Za-z0-9]+)["'`]?"#)
            .expect("invariant: a constant pattern")
    });
    PATH.captures_iter(sentence).last().and_then(|found| found.get(1)).map(|path| path.as_str())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::tools::fixture::World;

    #[test]
    fn path_and_content_come_from_the_sentence() {
        let world = World::new();
        let outcome =
            file_prose("write the following content to notes/a.md: hello: you", &Map::new(), &world.cx).unwrap();
        assert_eq!(
            outcome.result,
            json!({"filepath": "notes/a.md", "size": 10, "message": "wrote 10 bytes to `notes/a.md`"})
        );
        assert_eq!(world.read("work/notes/a.md"), "hello: you");
    }

    #[test]
    fn parameters_win_over_the_sentence() {
        let world = World::new();
        let given = json!({"path": "b.json", "data": {"n": 1}});
        file_prose("save data to a.json", given.as_object().unwrap(), &world.cx).unwrap();
        assert_eq!(world.read("work/b.json"), "{\"n\":1}");
    }

    #[test]
    fn nothing_is_made_up() {
        let world = World::new();
        let error = file_prose("export the results to file", &Map::new(), &world.cx).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`export the results to file` names no file; use the tool `filesystem` with `path` and `content`"
        );
        let error = file_prose("write it to a.txt", &Map::new(), &world.cx).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`write it to a.txt` does not say what to write; use the tool `filesystem` with `content`"
        );
    }
}
