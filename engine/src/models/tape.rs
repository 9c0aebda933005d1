//! Cassettes: what a run asked models and what they answered, one readable YAML file per request
//! (docs/replay.md).
//!
//! A file is named by what it holds. It has no header and no key, and `[secret NAME]` in place of secrets; nothing
//! in it depends on when or how fast it was made, so that recording again gives the same bytes.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    sync::Mutex,
};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Played, Recorded, Request, Response, Reused, Usage,
    gateway::{key, value_of},
};
use crate::{
    failpoint,
    run::{
        document::{Cost, Replayed},
        lock,
        secrets::Redactor,
    },
    tools::{Failure, ToolError},
};

/// The class of a request that is not in the recording, or cannot be written to it.
const MISSING: &str = "ReplayError";
const UNWRITTEN: &str = "RecordError";

/// What stands above each file.
const HEAD: &str =
    "# A request to a model and its answers: `orc run --record` wrote it, `orc run --replay` answers from it.\n";

/// What is done with a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is made.
    Record,
    /// It answers.
    Replay,
}

/// `--record DIR` or `--replay DIR`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Which of them.
    pub mode: Mode,
    /// The directory as the user named it.
    pub named: String,
    /// The same, absolute.
    pub directory: Utf8PathBuf,
}

impl Recording {
    /// What the document of a run says of it, where it was replayed.
    pub(crate) fn replayed(&self, recorded: Option<Recorded>) -> Option<Replayed> {
        let directory = self.named.clone();
        let (usage, cost) = recorded.unwrap_or_default().total();
        (self.mode == Mode::Replay).then_some(Replayed { directory, cost, usage })
    }
}

/// A file of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cassette {
    /// Who was asked.
    provider: String,
    /// What.
    request: Request,
    /// What came of it, by the step that asked, in the order of its asking.
    answers: Vec<Answered>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    /// The path of the step that asked.
    step: String,
    /// The answer; nothing where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response: Option<Response>,
    /// Why none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

/// A cassette in use.
#[derive(Debug)]
struct Entry {
    file: String,
    cassette: Cassette,
    /// How many of a step's own answers were played.
    played: BTreeMap<String, usize>,
}

/// A recording in use.
#[derive(Debug)]
pub(crate) struct Tape {
    recording: Recording,
    /// The run that records goes on where it was, so that what is there is its own.
    goes_on: bool,
    entries: Mutex<BTreeMap<String, Entry>>,
    /// Held while it is made: what two runs record at once would be of neither.
    _alone: Option<fs::File>,
}

impl Tape {
    /// Opens a recording; why it cannot be used. `goes_on` = for a run that began before.
    pub(crate) fn open(recording: &Recording, goes_on: bool) -> Result<Self, String> {
        let Recording { mode, named, directory } = recording;
        let mut entries = BTreeMap::new();
        let mut alone = None;
        match mode {
            Mode::Record => {
                fs::create_dir_all(directory).map_err(|error| {
                    format!("`{named}` cannot be recorded into: {error}; choose another `--record`")
                })?;
                alone = locked(directory).map_err(|Busy| {
                    format!("another run is recording into `{named}`; wait for its end, or choose another `--record`")
                })?;
            }
            Mode::Replay => {
                let unread = |error: io::Error| {
                    format!("`{named}` cannot be replayed: {error}; `--replay` takes a directory that `--record` made")
                };
                let mut files: Vec<Utf8PathBuf> = Vec::new();
                for entry in directory.read_dir_utf8().map_err(unread)? {
                    files.push(entry.map_err(unread)?.into_path());
                }
                files.retain(|file| file.extension() == Some("yaml"));
                files.sort();
                for path in files {
                    let (key, entry) = read(&path).map_err(|problem| format!("`{path}` {problem}"))?;
                    entries.insert(key, entry);
                }
            }
        }
        Ok(Self { recording: recording.clone(), goes_on, entries: Mutex::new(entries), _alone: alone })
    }

    /// Whether it answers, and nobody else is asked.
    pub(super) fn answers(&self) -> bool {
        self.recording.mode == Mode::Replay
    }

    /// The recorded answer to what a step asks; where there is none, what comes near.
    /// `once` = the request is sent once for all steps that ask it.
    pub(super) fn play(
        &self,
        step: &str,
        provider: &str,
        request: &Request,
        once: bool,
    ) -> Result<Response, ToolError> {
        let mut entries = lock(&self.entries);
        let asked = value_of(request)?;
        let Some(entry) = entries.get_mut(&key(&(provider, &asked))) else {
            return Err(ToolError::new(MISSING, self.missing(&entries, provider, &asked)));
        };
        let own: Vec<&Answered> = entry.cassette.answers.iter().filter(|answer| answer.step == step).collect();
        // A step that is called otherwise now takes what others were answered.
        let of_others = own.is_empty();
        let all = if of_others { entry.cassette.answers.iter().collect() } else { own };
        let played = entry.played.entry(if of_others { String::new() } else { step.to_owned() }).or_default();
        let answer = all.get(*played).or(all.last());
        *played += 1;
        match answer {
            Some(Answered { response: Some(response), .. }) => {
                let played = Played { once, usage: response.usage, cost: response.cost.clone() };
                let recorded = Recorded { cassettes: BTreeMap::from([(entry.file.clone(), played)]) };
                Ok(Response {
                    usage: Some(Usage::default()),
                    cost: Cost::free(),
                    reused: Some(Box::new(Reused::Recorded(recorded))),
                    ..response.clone()
                })
            }
            Some(Answered { error: Some(failure), .. }) => Err(ToolError(failure.clone())),
            _ => {
                Err(ToolError::new(MISSING, format!("the cassette `{}` holds no answer; record it again", entry.file)))
            }
        }
    }

    /// That a request is not recorded, and which one is like it.
    fn missing(&self, entries: &BTreeMap<String, Entry>, provider: &str, asked: &Value) -> String {
        let named = &self.recording.named;
        let mut message =
            format!("the recording `{named}` has no answer to this request, and nothing is sent while replaying");
        if let Some((entry, differences)) = nearest(entries, provider, asked) {
            message.push_str(&format!("; the nearest is `{}`, but {}", entry.file, differences.join(", ")));
        }
        message.push_str(&format!("; record it with `--record {named}`"));
        message
    }

    /// Takes down what came of a request, on disk when this returns. A call that was broken off is none.
    pub(super) fn record(
        &self,
        step: &str,
        (provider, request): (&str, Request),
        response: &Result<Response, ToolError>,
        secrets: &Redactor,
    ) -> Result<(), ToolError> {
        let mut answer = Answered { step: step.to_owned(), response: None, error: None };
        match response {
            Ok(response) => {
                let mut response = response.clone();
                secrets.value(&mut response.value);
                for call in &mut response.calls {
                    secrets.value(&mut call.arguments);
                }
                response.model = secrets.text(&response.model);
                if let Some(failure) = &mut response.failure {
                    failure.message = secrets.text(&failure.message);
                }
                // What was used again was paid for when it was asked first.
                if let Some(Reused::Run { usage, cost, .. }) = response.reused.take().as_deref() {
                    response.usage = *usage;
                    response.cost = cost.clone();
                }
                answer.response = Some(response);
            }
            Err(ToolError(failure)) if failure.error_type == "CancelledError" => return Ok(()),
            Err(ToolError(failure)) => {
                // A replay asks nobody.
                let message = secrets.text(&failure.message);
                answer.error = Some(Failure { message, unpriced: None, ..failure.clone() });
            }
        }
        let directory = &self.recording.directory;
        let key = key(&(provider, value_of(&request)?));
        let file = format!("{}-{}-{}.yaml", slug(provider), slug(&request.model), &key[..16]);
        let path = directory.join(&file);
        let failed = |problem: String| {
            ToolError::new(UNWRITTEN, format!("`{path}` {problem}; the answer is kept, go on with `orc resume`"))
        };
        let mut entries = lock(&self.entries);
        if !entries.contains_key(&key) {
            // What an earlier recording holds is made anew.
            let before = if self.goes_on && path.exists() { Some(read(&path).map_err(failed)?.1) } else { None };
            let new = Entry {
                file,
                cassette: Cassette { provider: provider.to_owned(), request, answers: Vec::new() },
                played: BTreeMap::new(),
            };
            entries.insert(key.clone(), before.unwrap_or(new));
        }
        let Some(entry) = entries.get_mut(&key) else { return Ok(()) };
        let answers = &mut entry.cassette.answers;
        let is_last = answers.iter().rfind(|other| other.step == step) == Some(&answer);
        // The run was killed after this was written, and the answer came from what is kept.
        if !(self.goes_on && is_last) {
            answers.push(answer);
            answers.sort_by_key(|answer| in_order(&answer.step));
        }
        let text = text_of(&entry.cassette).map_err(failed)?;
        write(&path, &text).map_err(|error| failed(format!("cannot be written: {error}")))
    }
}

/// Another run records into the directory.
struct Busy;

/// The lock of the directory itself, which the end of a process gives back; nothing where there are no such locks.
fn locked(directory: &Utf8Path) -> Result<Option<fs::File>, Busy> {
    let Ok(file) = fs::File::open(directory) else { return Ok(None) };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Err(Busy),
        Err(fs::TryLockError::Error(_)) => Ok(None),
    }
}

/// A file of a recording, under the key of its request.
fn read(path: &Utf8Path) -> Result<(String, Entry), String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let cassette: Cassette = serde_yaml::from_str(&text)
        .map_err(|error| format!("is no cassette: {error}; move it away, or record it again"))?;
    let request = value_of(&cassette.request).map_err(|error| error.to_string())?;
    let key = key(&(&cassette.provider, request));
    let file = path.file_name().unwrap_or_default().to_owned();
    Ok((key, Entry { file, cassette, played: BTreeMap::new() }))
}

fn text_of(cassette: &Cassette) -> Result<String, String> {
    let text = serde_yaml::to_string(cassette).map_err(|error| format!("cannot be written: {error}"))?;
    Ok(format!("{HEAD}{text}"))
}

/// Whole or not at all, and durable.
fn write(path: &Utf8Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("yaml.new");
    failpoint::reached();
    let mut file = fs::File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    failpoint::reached();
    Ok(())
}

/// A name as part of a file's.
fn slug(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
    name.chars().take(40).map(plain).collect()
}

/// A path whose iterations are sorted as numbers.
fn in_order(path: &str) -> String {
    let mut padded = String::new();
    for part in path.split_inclusive(['[', ']']) {
        match part.strip_suffix(']') {
            Some(index) => padded.push_str(&format!("{index:0>10}]")),
            None => padded.push_str(part),
        }
    }
    padded
}

/// The recorded request that has most in common with what is asked, and in what it differs.
fn nearest<'e>(
    entries: &'e BTreeMap<String, Entry>,
    provider: &str,
    asked: &Value,
) -> Option<(&'e Entry, Vec<String>)> {
    let fields = |value: &Value| value.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
    let compared = entries.values().filter_map(|entry| {
        let recorded = value_of(&entry.cassette.request).ok()?;
        let mut names: Vec<String> = fields(&recorded)?;
        names.extend(fields(asked)?.into_iter().filter(|name| recorded.get(name).is_none()));
        let differing: Vec<&String> = names.iter().filter(|name| recorded.get(name) != asked.get(name)).collect();
        let mut differences: Vec<String> =
            differing.iter().map(|name| difference(name, &recorded[name.as_str()], &asked[name.as_str()])).collect();
        if entry.cassette.provider != provider {
            differences.insert(0, format!("it asks `{}`", entry.cassette.provider));
        }
        let prompts = (recorded["prompt"].as_str().unwrap_or_default(), asked["prompt"].as_str().unwrap_or_default());
        let common = common(prompts.0, prompts.1);
        Some((differences.len(), std::cmp::Reverse(common), entry, differences))
    });
    let best = compared.min_by(|one, other| (one.0, one.1, &one.2.file).cmp(&(other.0, other.1, &other.2.file)))?;
    Some((best.2, best.3))
}

/// How many characters two texts begin with together.
fn common(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

/// How much of a text is shown where it differs.
const SHOWN: usize = 40;

fn difference(name: &str, recorded: &Value, asked: &Value) -> String {
    match (recorded, asked) {
        (Value::String(recorded), Value::String(asked)) => {
            let at = common(recorded, asked);
            let rest = |text: &str| text.chars().skip(at).take(SHOWN).collect::<String>();
            format!(
                "its `{name}` goes on with {:?} from character {} on, not with {:?}",
                rest(recorded),
                at + 1,
                rest(asked)
            )
        }
        (Value::Null, _) => format!("it has no `{name}`"),
        (_, Value::Null) => format!("it has a `{name}`"),
        (Value::Number(recorded), Value::Number(asked)) => format!("its `{name}` is {recorded}, not {asked}"),
        _ => format!("its `{name}` is another"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn any_text_comes_back_as_it_was() {
        let texts = [
            "",
            " ",
            "\n",
            "a\n",
            "a\n\n",
            "  a\n b",
            "yes",
            "null",
            "~",
            "0123",
            "1e3",
            "# no comment",
            "- a",
            "a: b",
            "---",
            "...",
            "'",
            "\"",
            "\\n",
            "\t a",
            "a\r\nb\r",
            "\u{85}\u{2028}",
            "\u{feff}a",
            "😀",
            "\u{0}\u{7}",
            "a \n",
            "| x",
            "> y",
            "!tag",
            "&a",
            "*a",
            "%d",
            "@x",
            "`x`",
            "{a}",
            "[b]",
            "<<",
            "=",
            "2026-11-28",
            ".5",
            "0x1f",
        ];
        for text in texts {
            let request =
                Request { prompt: text.to_owned(), schema: Some(json!({text: [text]})), ..Request::default() };
            let cassette = Cassette { provider: "p".to_owned(), request, answers: Vec::new() };
            let read: Cassette = serde_yaml::from_str(&text_of(&cassette).unwrap()).unwrap();
            assert_eq!(read, cassette, "{text:?}");
        }
    }

    #[test]
    fn one_run_at_a_time_records_into_a_directory() {
        let folder = tempfile::tempdir().unwrap();
        let directory = Utf8PathBuf::from_path_buf(folder.path().join("tape")).unwrap();
        let recording = |mode| Recording { mode, named: "tape".to_owned(), directory: directory.clone() };
        let first = Tape::open(&recording(Mode::Record), false).unwrap();
        assert_eq!(
            Tape::open(&recording(Mode::Record), true).unwrap_err(),
            "another run is recording into `tape`; wait for its end, or choose another `--record`"
        );
        assert!(Tape::open(&recording(Mode::Replay), false).is_ok());
        drop(first);
        assert!(Tape::open(&recording(Mode::Record), false).is_ok());
    }

    #[test]
    fn iterations_stand_in_their_order() {
        let mut paths = ["all[10].a", "all[2].a", "all[2].a!0", "b", "all[2].in[1].x"];
        paths.sort_by_key(|path| in_order(path));
        assert_eq!(paths, ["all[2].a", "all[2].a!0", "all[2].in[1].x", "all[10].a", "b"]);
    }
}
