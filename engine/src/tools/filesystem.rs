//! `filesystem`: reads, writes, copies, moves, deletes and lists, only where it is allowed to.

use std::io;

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Failure, Outcome, Tool, ToolCx, ToolError, ToolFuture, blocking,
    confine::{Access, Directory, Kind, Last, Place, locate},
    params,
};
use crate::catalog::ToolBuilder;

mod entries;

/// The largest file that is read; what is read becomes part of the run's record.
const MAX_BYTES: u64 = 64 << 20;

const NAME: &str = "filesystem";

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filesystem;

#[derive(Debug, Deserialize, JsonSchema)]
struct PathParams {
    /// The file, relative to the working directory.
    #[schemars(extend("x-kind" = "read-path"))]
    path: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct DeleteParams {
    /// The file or directory, relative to the working directory. A directory goes with all that is in it.
    #[schemars(extend("x-kind" = "write-path"))]
    path: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct WriteParams {
    /// The file, relative to the working directory. Missing directories are made, an existing file is replaced.
    #[schemars(extend("x-kind" = "write-path"))]
    path: String,
    /// What is written, byte for byte, as UTF-8. Anything that is no text is written as JSON.
    #[schemars(with = "String")]
    content: Value,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct CopyParams {
    /// The file or directory to copy.
    #[schemars(extend("x-kind" = "read-path"))]
    path: String,
    /// Where the copy goes; into it, if it is a directory. Missing directories are made.
    #[schemars(extend("x-kind" = "write-path"))]
    destination: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct MoveParams {
    /// The file or directory to move.
    #[schemars(extend("x-kind" = "write-path"))]
    path: String,
    /// Where it goes; into it, if it is a directory. Missing directories are made.
    #[schemars(extend("x-kind" = "write-path"))]
    destination: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct ListParams {
    /// The directory, relative to the working directory.
    #[schemars(extend("x-kind" = "read-path"))]
    path: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ReadOutput {
    /// The operation: `read`.
    action: &'static str,
    /// The path as it was given.
    path: String,
    /// The text of the file.
    content: String,
    /// Its size in bytes.
    size: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WriteOutput {
    /// The operation: `write`.
    action: &'static str,
    /// The path as it was given.
    path: String,
    /// The bytes written.
    size: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TransferOutput {
    /// The operation: `copy` or `move`.
    action: &'static str,
    /// The path it came from, as it was given.
    source: String,
    /// The path it went to, as it was given.
    destination: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DeleteOutput {
    /// The operation: `delete`.
    action: &'static str,
    /// The path as it was given.
    path: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ListOutput {
    /// The operation: `list`.
    action: &'static str,
    /// The path as it was given.
    path: String,
    /// What is in the directory, sorted by name.
    items: Vec<entries::Entry>,
    /// How many there are.
    count: usize,
}

impl Tool for Filesystem {
    fn spec(&self) -> ToolSpec {
        ToolBuilder::new(
            NAME,
            "Reads and writes files.\n\nPaths start at the working directory; only it, the output directory and what \
             the person permits can be reached, and links do not lead out.",
        )
        .operation::<PathParams, ReadOutput>("read", "Reads a text file (UTF-8).", Effect::Read)
        .primary("content")
        .operation::<WriteParams, WriteOutput>(
            "write",
            "Writes a text file, wholly or not at all. Missing directories are made.",
            Effect::Idempotent,
        )
        .primary("path")
        .alias("filepath", "path")
        .operation::<CopyParams, TransferOutput>("copy", "Copies a file or a directory.", Effect::Idempotent)
        .primary("destination")
        .operation::<MoveParams, TransferOutput>("move", "Moves or renames a file or a directory.", Effect::Effectful)
        .primary("destination")
        // Deleting what is gone is a failure, so doing it twice is not as good as once.
        .operation::<DeleteParams, DeleteOutput>(
            "delete",
            "Deletes a file, or a directory with all that is in it.",
            Effect::Effectful,
        )
        .primary("path")
        .operation::<ListParams, ListOutput>("list", "Lists a directory.", Effect::Read)
        .example(
            "
- id: save
  tool: filesystem
  action: write
  parameters:
    path: output/report.md
    content: \"{{ report.result }}\"
",
        )
        .available()
        .build()
    }

    fn run<'a>(&'a self, operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        let operation = operation.to_owned();
        Box::pin(async move {
            blocking::work("OSError", "the file operation", || {
                let cx = cx.clone();
                move || execute(&operation, params, &cx)
            })
            .await
        })
    }
}

fn execute(operation: &str, given: Map<String, Value>, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let what = format!("{NAME}.{operation}");
    match operation {
        "read" => outcome(read(&params::read::<PathParams>(&what, given)?, cx)),
        "write" => outcome(write(&params::read::<WriteParams>(&what, given)?, cx)),
        "copy" => outcome(copy(&params::read::<CopyParams>(&what, given)?, cx)),
        "move" => outcome(rename(&params::read::<MoveParams>(&what, given)?, cx)),
        "delete" => outcome(delete(&params::read::<DeleteParams>(&what, given)?, cx)),
        "list" => outcome(list(&params::read::<ListParams>(&what, given)?, cx)),
        unknown => Err(super::unknown_operation(&Filesystem.spec(), unknown)),
    }
}

/// What the file system refuses is a reported failure (reference §3.3), not a broken step.
fn outcome<T: Serialize>(done: Result<T, ToolError>) -> Result<Outcome, ToolError> {
    match done {
        Ok(output) => super::success(&output),
        Err(ToolError(failure)) => Ok(Outcome::failed(Value::Null, failure)),
    }
}

fn read(params: &PathParams, cx: &ToolCx) -> Result<ReadOutput, ToolError> {
    let place = locate(cx, &params.path, Access::Read, Last::Followed)?;
    let content = read_text(&place)?;
    Ok(ReadOutput { action: "read", path: params.path.clone(), size: content.len() as u64, content })
}

/// The bytes of the file at `place`.
pub(crate) fn read_bytes(place: &Place) -> Result<Vec<u8>, ToolError> {
    let failed = |error: io::Error| failure("read", place.shown(), &error);
    let (directory, name) = place.parent(false).map_err(failed)?;
    let Some(name) = name else { return Err(failed(io::ErrorKind::IsADirectory.into())) };
    directory.read(name, MAX_BYTES).map_err(failed)
}

/// The text of the file at `place`.
pub(super) fn read_text(place: &Place) -> Result<String, ToolError> {
    String::from_utf8(read_bytes(place)?).map_err(|error| {
        let position = error.utf8_error().valid_up_to();
        ToolError::new(
            "UnicodeDecodeError",
            format!(
                "cannot read `{}`: it is no UTF-8 text (byte {position}); convert it to UTF-8, or process it with a \
                 command",
                place.shown()
            ),
        )
    })
}

fn write(params: &WriteParams, cx: &ToolCx) -> Result<WriteOutput, ToolError> {
    let size = write_text(&params.path, &params::text(&params.content), cx)?;
    Ok(WriteOutput { action: "write", path: params.path.clone(), size })
}

/// Writes `content` to the file `path` names; gives its size.
pub(crate) fn write_text(path: &str, content: &str, cx: &ToolCx) -> Result<u64, ToolError> {
    let place = locate(cx, path, Access::Write, Last::Followed)?;
    let failed = |error: io::Error| failure("write", path, &error);
    if path.ends_with('/') || place.is_root() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    let (directory, name) = place.parent(true).map_err(failed)?;
    let Some(name) = name else { return Err(failed(io::ErrorKind::IsADirectory.into())) };
    directory.write(name, content.as_bytes()).map_err(failed)?;
    Ok(content.len() as u64)
}

fn copy(params: &CopyParams, cx: &ToolCx) -> Result<TransferOutput, ToolError> {
    let source = locate(cx, &params.path, Access::Read, Last::Followed)?;
    let failed = |error: io::Error| failure("copy", &params.path, &error);
    let (from, name) = source.parent(false).map_err(failed)?;
    let Some(name) = name else { return Err(whole_root("copy", &params.path)) };
    let kind = existing(&from, name).map_err(failed)?;
    let target = target(&params.destination, &source, cx)?;
    if target.path() == source.path() {
        return Err(ToolError::new("ValueError", format!("cannot copy `{}` onto itself", params.path)));
    }
    if kind == Kind::Directory && target.path().starts_with(source.path()) {
        return Err(ToolError::new("ValueError", format!("cannot copy `{}` into itself", params.path)));
    }
    let failed = |error: io::Error| failure("copy to", &params.destination, &error);
    let (to, new_name) = target.parent(true).map_err(failed)?;
    let Some(new_name) = new_name else { return Err(whole_root("copy to", &params.destination)) };
    entries::copy(&from, name, &to, new_name, MAX_BYTES).map_err(failed)?;
    Ok(TransferOutput { action: "copy", source: params.path.clone(), destination: params.destination.clone() })
}

fn rename(params: &MoveParams, cx: &ToolCx) -> Result<TransferOutput, ToolError> {
    let source = locate(cx, &params.path, Access::Write, Last::Itself)?;
    let failed = |error: io::Error| failure("move", &params.path, &error);
    let (from, name) = source.parent(false).map_err(failed)?;
    let Some(name) = name else { return Err(whole_root("move", &params.path)) };
    existing(&from, name).map_err(failed)?;
    let target = target(&params.destination, &source, cx)?;
    let failed = |error: io::Error| failure("move to", &params.destination, &error);
    let (to, new_name) = target.parent(true).map_err(failed)?;
    let Some(new_name) = new_name else { return Err(whole_root("move to", &params.destination)) };
    match from.rename(name, &to, new_name) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            entries::copy(&from, name, &to, new_name, MAX_BYTES).map_err(failed)?;
            from.remove(name).map_err(failed)?;
        }
        moved => moved.map_err(failed)?,
    }
    Ok(TransferOutput { action: "move", source: params.path.clone(), destination: params.destination.clone() })
}

/// Where a copy goes: `destination`, or into it if that is a directory.
fn target(destination: &str, source: &Place, cx: &ToolCx) -> Result<Place, ToolError> {
    let place = locate(cx, destination, Access::Write, Last::Followed)?;
    if !destination.ends_with('/') && place.directory().is_err() {
        return Ok(place);
    }
    match source.path().file_name().and_then(|name| name.to_str()) {
        Some(name) => {
            locate(cx, &format!("{}/{name}", destination.trim_end_matches('/')), Access::Write, Last::Followed)
        }
        None => Ok(place),
    }
}

fn delete(params: &DeleteParams, cx: &ToolCx) -> Result<DeleteOutput, ToolError> {
    let place = locate(cx, &params.path, Access::Write, Last::Itself)?;
    let failed = |error: io::Error| failure("delete", &params.path, &error);
    let (directory, name) = place.parent(false).map_err(failed)?;
    let Some(name) = name else { return Err(whole_root("delete", &params.path)) };
    directory.remove(name).map_err(failed)?;
    Ok(DeleteOutput { action: "delete", path: params.path.clone() })
}

fn list(params: &ListParams, cx: &ToolCx) -> Result<ListOutput, ToolError> {
    let place = locate(cx, &params.path, Access::Read, Last::Followed)?;
    let failed = |error: io::Error| failure("list", &params.path, &error);
    let items = entries::list(&place.directory().map_err(failed)?, &params.path).map_err(failed)?;
    Ok(ListOutput { action: "list", path: params.path.clone(), count: items.len(), items })
}

fn existing(directory: &Directory, name: &std::ffi::OsStr) -> io::Result<Kind> {
    match directory.look(name)? {
        Some((kind, _)) => Ok(kind),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

fn whole_root(verb: &str, path: &str) -> ToolError {
    ToolError::new(
        "PermissionError",
        format!("cannot {verb} `{path}`: it is a whole allowed directory; name what is in it"),
    )
}

fn failure(verb: &str, path: &str, error: &io::Error) -> ToolError {
    use io::ErrorKind as K;
    let (error_type, reason) = match error.kind() {
        K::NotFound => ("FileNotFoundError", "there is no such file or directory".to_owned()),
        K::PermissionDenied => ("PermissionError", "the system denies it to this user".to_owned()),
        K::IsADirectory => ("IsADirectoryError", "it is a directory".to_owned()),
        K::NotADirectory => {
            ("NotADirectoryError", "a part of the path is a file or a link, not a directory".to_owned())
        }
        K::DirectoryNotEmpty => ("OSError", "the directory there is not empty".to_owned()),
        K::FileTooLarge => ("ValueError", format!("it is larger than {} MiB", MAX_BYTES >> 20)),
        K::StorageFull => ("OSError", "the disk is full".to_owned()),
        _ => ("OSError", error.to_string()),
    };
    ToolError(Failure {
        error_type: error_type.to_owned(),
        message: format!("cannot {verb} `{path}`: {reason}"),
        code: None,
        retryable: matches!(error.kind(), K::Interrupted | K::TimedOut | K::ResourceBusy),
        unpriced: None,
    })
}

#[cfg(test)]
mod tests;
