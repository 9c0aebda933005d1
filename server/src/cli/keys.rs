//! `orc keys`: the keys of providers that are kept for a person. None is ever printed.

use std::{
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use engine::{
    keys::{self, Keys, keyring},
    models::{self, Keyed},
};
use lang::registry::did_you_mean;
use serde_json::{Value, json};

use super::{
    FAILED, INVALID,
    print::{self, Format},
};

/// Options of `orc keys`.
#[derive(Debug, Args)]
pub(crate) struct KeysCommand {
    #[command(subcommand)]
    command: Option<Command>,

    /// How to write the list.
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say which providers have a key, and where it stands; no key is shown.
    List,
    /// Keep a key: asked for without echo, or read from standard input.
    Set {
        /// The provider, e.g. openai, or the variable that the key would stand in.
        name: String,

        /// Keep it in the system's keyring, not in the file.
        #[arg(long)]
        keyring: bool,

        /// There to say that a key does not belong into a command line.
        #[arg(hide = true, num_args = 0.., allow_hyphen_values = true, trailing_var_arg = true)]
        key: Vec<String>,
    },
    /// Forget a key that is kept.
    Remove {
        /// The provider, or the variable.
        name: String,
    },
}

/// What cannot be done, and the exit code for it.
struct Refusal(u8, String);

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal(INVALID, message.into())
}

const IN_THE_OPEN: &str = "a key does not belong into a command line, where others see it and the shell keeps it; \
                           leave it out to be asked for it, or send it to standard input";

/// No key is longer; what is longer is another file.
const LONGEST: u64 = 16 << 10;

impl KeysCommand {
    /// Exit code 0; 1 where the file cannot be written, 2 where it cannot be used or there is no such key.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        let done = match &self.command {
            None | Some(Command::List) => self.list().map(Some),
            Some(Command::Set { key, .. }) if !key.is_empty() => Err(invalid(IN_THE_OPEN)),
            Some(Command::Set { name, keyring, .. }) => set(name, *keyring).map(|()| None),
            Some(Command::Remove { name }) => remove(name).map(|()| None),
        };
        match done {
            Ok(text) => {
                text.map_or(Ok(()), |text| print::out(&text))?;
                Ok(ExitCode::SUCCESS)
            }
            Err(Refusal(code, message)) => {
                print::error(&message);
                Ok(ExitCode::from(code))
            }
        }
    }

    fn list(&self) -> Result<String, Refusal> {
        let (path, kept) = kept()?;
        let providers = models::keyed();
        let mut rows: Vec<(&str, &str, Option<&str>)> = Vec::new();
        for Keyed { label, variables, .. } in &providers {
            let set = variables.iter().filter_map(|name| Some((*name, place(name, &kept)?)));
            let mut set = set.peekable();
            if set.peek().is_none() {
                rows.push((label, variables[0], None));
            }
            rows.extend(set.map(|(name, place)| (*label, name, Some(place))));
        }
        let is_providers = |name: &str| providers.iter().any(|provider| provider.variables.contains(&name));
        let others = kept.names().filter(|name| !is_providers(name));
        rows.extend(others.map(|name| ("–", name, place(name, &kept))));
        if self.format == Format::Json {
            let keys: Vec<Value> = rows
                .iter()
                .map(|(provider, variable, place)| json!({"provider": provider, "variable": variable, "from": place}))
                .collect();
            return Ok(print::json(&json!({"file": path, "keys": keys})));
        }
        let width = |of: fn(&(&str, &str, Option<&str>)) -> usize| rows.iter().map(of).max().unwrap_or_default();
        let (label, name) = (width(|row| row.0.chars().count()), width(|row| row.1.len()));
        let line = |(provider, variable, place): &(&str, &str, Option<&str>)| {
            let place = match place {
                Some("file") => path.display().to_string(),
                Some("keyring") => "the system's keyring".to_owned(),
                Some(place) => (*place).to_owned(),
                None => "not set".to_owned(),
            };
            format!("{provider:<label$}  {variable:<name$}  {place}\n")
        };
        Ok(rows.iter().map(line).collect())
    }
}

/// Where the key of a variable stands.
fn place(variable: &str, kept: &Keys) -> Option<&'static str> {
    let set = std::env::var(variable).is_ok_and(|value| !value.trim().is_empty());
    match () {
        () if set => Some("environment"),
        () if keyring::has(variable) => Some("keyring"),
        () => kept.get(variable).map(|_| "file"),
    }
}

fn kept() -> Result<(PathBuf, Keys), Refusal> {
    let path = keys::file();
    let path =
        path.ok_or_else(|| invalid("there is no home to keep keys in; set `HOME`, or keys in the environment"))?;
    let kept = Keys::read(&path).map_err(invalid)?;
    Ok((path, kept))
}

fn set(name: &str, in_keyring: bool) -> Result<(), Refusal> {
    let (variable, label) = variable(name)?;
    // What is wrong with the file is said before a key is asked for.
    kept()?;
    let key = read(&variable, label)?;
    // Asking may have taken a while, in which another one was kept.
    let (path, mut kept) = kept()?;
    kept.set(&variable, &key).map_err(invalid)?;
    if in_keyring {
        keyring::keep(&variable, key.trim()).map_err(|problem| Refusal(FAILED, unusable(&problem)))?;
        print::note(&format!("kept the key in `{variable}` in the system's keyring"));
    } else {
        write(&kept, &path)?;
        print::note(&format!("kept the key in `{variable}` in {}", path.display()));
    }
    match place(&variable, &kept) {
        Some("environment") => {
            print::note(&format!("`{variable}` is set in the environment too, and that one wins"));
        }
        Some("keyring") if !in_keyring => print::note(&format!(
            "there is one in `{variable}` in the system's keyring too, and that one wins; `orc keys remove {variable}` \
             forgets both"
        )),
        _ => {}
    }
    Ok(())
}

/// Why the keyring cannot be used, and what to do.
fn unusable(problem: &str) -> String {
    let needs = if !keyring::IS_BUILT {
        "build it with `--features keyring`"
    } else if cfg!(target_os = "linux") {
        "it needs a Secret Service, such as GNOME Keyring, KWallet or KeePassXC, that runs in this session and is open"
    } else {
        "open it"
    };
    let problem = problem.trim_end_matches('.');
    format!(
        "the system's keyring cannot be used: {problem}; {needs}, or leave `--keyring` out to keep the key in a file"
    )
}

fn remove(name: &str) -> Result<(), Refusal> {
    let (path, mut kept) = kept()?;
    let is_there = |name: &&str| kept.get(name).is_some() || keyring::has(name);
    let wanted = match models::keyed().into_iter().find(|provider| provider.name == name) {
        // Of several it is the one that is kept.
        Some(provider) => provider.variables.iter().copied().find(is_there).map(str::to_owned),
        None => Some(name).filter(is_there).map(str::to_owned),
    };
    let Some(variable) = wanted else {
        let shown = if is_variable(name) || is_provider(name) { format!(" for `{name}`") } else { String::new() };
        return Err(invalid(format!("no key is kept{shown}; `orc keys list` says which are")));
    };
    let was_in_file = kept.remove(&variable);
    if was_in_file {
        write(&kept, &path)?;
        print::note(&format!("removed the key in `{variable}` from {}", path.display()));
    }
    // One that is locked says nothing until a person opens it.
    match keyring::forget(&variable) {
        Ok(true) => print::note(&format!("removed the key in `{variable}` from the system's keyring")),
        Ok(false) => {}
        Err(_) if !keyring::IS_BUILT => {}
        Err(problem) if was_in_file => {
            print::note(&format!("it was not looked for in the system's keyring: {problem}"));
        }
        Err(problem) => return Err(Refusal(FAILED, format!("the system's keyring: {problem}"))),
    }
    Ok(())
}

fn write(keys: &Keys, path: &Path) -> Result<(), Refusal> {
    keys.write(path).map_err(|error| Refusal(FAILED, format!("the keys cannot be kept in {}: {error}", path.display())))
}

/// The variable that `name` means: its own, or the first of the provider of that name.
fn variable(name: &str) -> Result<(String, Option<&'static str>), Refusal> {
    let providers = models::keyed();
    if let Some(provider) = providers.iter().find(|provider| provider.name == name) {
        return Ok((provider.variables[0].to_owned(), Some(provider.label)));
    }
    if let Some(provider) = providers.iter().find(|provider| provider.variables.contains(&name)) {
        return Ok((name.to_owned(), Some(provider.label)));
    }
    if is_variable(name) {
        return Ok((name.to_owned(), None));
    }
    let near = did_you_mean(name, providers.iter().map(|provider| provider.name));
    let hint = near.map_or_else(
        || "write the variable that the key would stand in, e.g. `OPENAI_API_KEY`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    // Who mistook it for the place of the key does not want to see it again.
    let shown = if is_provider(name) { format!("`{name}`") } else { "this".to_owned() };
    Err(invalid(format!("{shown} is no provider with a key; {hint}")))
}

/// Whether it can be the name of a variable, and is no key.
fn is_variable(name: &str) -> bool {
    let is_word = name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_');
    is_word && name.len() <= 40 && name.starts_with(|letter: char| letter.is_ascii_uppercase() || letter == '_')
}

/// Whether it looks like the name of a provider, and not like a key.
fn is_provider(name: &str) -> bool {
    name.len() <= 16 && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
}

/// Asks for the key without echo; reads it where standard input is no terminal.
fn read(variable: &str, label: Option<&str>) -> Result<String, Refusal> {
    if io::stdin().is_terminal() {
        let whose = label.map_or_else(String::new, |label| format!(" for {label}"));
        let asked = rpassword::prompt_password(format!("Key{whose} ({variable}): "));
        return asked.map_err(|error| invalid(format!("the key cannot be read: {error}")));
    }
    let mut text = String::new();
    let read = io::stdin().lock().take(LONGEST + 1).read_to_string(&mut text);
    read.map_err(|error| invalid(format!("the key cannot be read from standard input: {error}")))?;
    if text.len() as u64 > LONGEST {
        return Err(invalid("what came on standard input is too long for a key"));
    }
    Ok(text)
}
