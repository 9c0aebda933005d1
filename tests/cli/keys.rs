//! `orc keys`: where keys are kept, who sees them, and that nobody else does.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use super::models::fake::{Fake, Reply};
use crate::support::{Ended, Folder};

const KEY: &str = "sk-canary-0123456789abcdef";

/// A person with a home of their own, and no key in the environment.
struct Person {
    home: Folder,
}

impl Person {
    fn new() -> Self {
        Self { home: Folder::new() }
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("orc/keys")
    }

    fn keeps(text: &str) -> Self {
        let person = Self::new();
        person.home.write("orc/keys", text);
        fs::set_permissions(person.file(), fs::Permissions::from_mode(0o600)).unwrap();
        person
    }

    /// Runs `orc` in `folder` with `input` and these variables.
    fn orc(&self, folder: &Folder, variables: &[(&str, &str)], input: &str, arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
        command.args(arguments).current_dir(folder.path()).env("XDG_CONFIG_HOME", self.home.path());
        for name in ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_AI_API_KEY"] {
            command.env_remove(name);
        }
        // Nor a keyring, unless the test has one.
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus").env("XDG_RUNTIME_DIR", self.home.path());
        command.env_remove("HF_TOKEN").envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Who does not want to be told anything does not read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let ended = Ended::of(child.wait_with_output().unwrap());
        assert!(!format!("{ended:?}").contains(KEY), "{ended:?}");
        ended
    }

    /// The same where nothing else matters.
    fn keys(&self, input: &str, arguments: &[&str]) -> Ended {
        let arguments: Vec<&str> = [&["keys"], arguments].concat();
        self.orc(&Folder::new(), &[], input, &arguments)
    }
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_key_is_kept_where_nobody_else_reads_it() {
    let person = Person::new();
    let ended = person.keys(&format!("{KEY}\n"), &["set", "openai"]);
    let file = person.file();
    assert_eq!(
        (ended.code, &*ended.stdout, &*ended.stderr),
        (Some(0), "", &*format!("kept the key in `OPENAI_API_KEY` in {}\n", file.display()))
    );
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, format!("# Keys of model providers, for orc. The environment wins.\nOPENAI_API_KEY={KEY}\n"));
    let others: Vec<_> =
        fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(others, ["keys"]);
}

#[test]
fn the_list_says_where_a_key_stands_and_shows_none() {
    let person = Person::keeps(&format!("OPENAI_API_KEY={KEY}\nMY_KEY=other-key\n"));
    let file = person.file();
    let folder = Folder::new();
    let ended = person.orc(&folder, &[("HF_TOKEN", "x")], "", &["keys"]);
    let file = file.display();
    assert_eq!(
        ended.stdout,
        format!(
            "OpenAI         OPENAI_API_KEY     {file}\nAnthropic      ANTHROPIC_API_KEY  not set\nGoogle Gemini  \
             GEMINI_API_KEY     not set\nHugging Face   HF_TOKEN           environment\n–              MY_KEY             \
             {file}\n"
        )
    );
    let ended = person.orc(&folder, &[], "", &["keys", "list", "--format", "json"]);
    let list: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(list["keys"][0], json!({"provider": "OpenAI", "variable": "OPENAI_API_KEY", "from": "file"}));
    assert_eq!(list["keys"][1]["from"], Value::Null);
}

#[test]
fn a_key_is_removed_and_the_others_stay() {
    let person = Person::keeps(&format!("OPENAI_API_KEY={KEY}\nHF_TOKEN=hf-key\n"));
    let ended = person.keys("", &["remove", "openai"]);
    let file = person.file();
    let mut told = ended.stderr.lines();
    let removed = format!("removed the key in `OPENAI_API_KEY` from {}", file.display());
    assert_eq!((ended.code, told.next()), (Some(0), Some(&*removed)));
    // Where no keyring answers, that is said.
    let more = told.next().map(|line| line.split(": ").next().unwrap_or_default());
    assert_eq!(more, cfg!(feature = "keyring").then_some("it was not looked for in the system's keyring"));
    assert!(fs::read_to_string(&file).unwrap().ends_with(".\nHF_TOKEN=hf-key\n"));
    person
        .keys("", &["remove", "openai"])
        .refused("error: no key is kept for `openai`; `orc keys list` says which are");
}

#[test]
fn what_is_no_key_is_refused_and_changes_nothing() {
    let person = Person::keeps("HF_TOKEN=hf-key\n");
    person.keys(" \n", &["set", "openai"]).refused("error: the key is empty");
    person.keys("two words", &["set", "openai"]).refused("error: a key has no blanks and stands on one line");
    person.keys(KEY, &["set", "openia"]).refused("error: `openia` is no provider with a key; did you mean `openai`?");
    // Nobody is shown the key that they wrote in the wrong place.
    let told = "error: a key does not belong into a command line, where others see it and the shell keeps it; leave it \
                out to be asked for it, or send it to standard input";
    person.keys("", &["set", "openai", KEY]).refused(told);
    person.keys("", &["set", KEY]).refused(
        "error: this is no provider with a key; write the variable that the key would stand in, e.g. `OPENAI_API_KEY`",
    );
    person.keys("", &["remove", KEY]).refused("error: no key is kept; `orc keys list` says which are");
    person.keys(KEY, &["set", "ollama"]).refused(
        "error: `ollama` is no provider with a key; write the variable that the key would stand in, e.g. \
         `OPENAI_API_KEY`",
    );
    assert_eq!(fs::read_to_string(person.file()).unwrap(), "HF_TOKEN=hf-key\n");
}

#[test]
fn a_file_that_others_may_read_or_that_is_none_of_keys_is_refused_by_its_place() {
    let person = Person::keeps(&format!("OPENAI_API_KEY={KEY}\n"));
    let file = person.file();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let file = file.display();
    person.keys("", &["list"]).refused(&format!("error: others may read the keys in `{file}`; say `chmod 600 {file}`"));
    let person = Person::keeps(&format!("# mine\n\n{KEY}\n"));
    let file = person.file();
    let message = format!("error: {}:3: this is no key; write `NAME=value`", file.display());
    person.keys("", &["list"]).refused(&message);
    // Nor is it lost by keeping another.
    person.keys(KEY, &["set", "openai"]).refused(&message);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("# mine\n\n{KEY}\n"));
}

const ASKS: &str = "\
id: asks
steps:
  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: openai/gpt-4o-mini}}
  - id: b
    tool: terminal
    action: execute
    dependencies: [a]
    parameters: {command: 'env; echo {{ a.result }}'}
";

fn says(text: &str) -> Reply {
    Reply::Json(200, json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}))
}

#[test]
fn a_run_uses_the_key_that_is_kept_and_tells_it_to_nobody() {
    let fake = Fake::new(vec![says(&format!("I know {KEY}")), says("again")]);
    let base = fake.base("/v1");
    let person = Person::keeps(&format!("OPENAI_API_KEY={KEY}\n"));
    let folder = Folder::with("p.orc.yaml", ASKS);
    let ended = person.orc(&folder, &[("OPENAI_BASE_URL", &base)], "", &["run", "p.orc.yaml"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["steps"]["a"]["value"]["result"], "I know [secret OPENAI_API_KEY]", "{ended:?}");
    assert!(!document["steps"]["b"]["value"]["result"]["stdout"].to_string().contains("OPENAI_API_KEY="));
    super::models::keyless(folder.path(), KEY);
    // The environment wins.
    let variables = [("OPENAI_BASE_URL", &*base), ("OPENAI_API_KEY", "sk-of-the-environment")];
    let ended = person.orc(&folder, &variables, "", &["run", "p.orc.yaml", "--no-cache"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let sent: Vec<String> =
        fake.asked().iter().map(|asked| asked.header("authorization").unwrap_or_default().to_owned()).collect();
    assert_eq!(sent, [format!("Bearer {KEY}"), "Bearer sk-of-the-environment".to_owned()]);
}

#[test]
fn a_run_says_what_is_wrong_with_the_file_only_where_it_wants_a_key() {
    let person = Person::keeps("no key\n");
    let folder = Folder::with("p.orc.yaml", "id: p\nsteps:\n  - {id: a, action: echo, parameters: {message: x}}\n");
    assert_eq!(person.orc(&folder, &[], "", &["run", "p.orc.yaml"]).code, Some(0));
    folder.write("p.orc.yaml", ASKS);
    let ended = person.orc(&folder, &[], "", &["run", "p.orc.yaml"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let file = person.file();
    assert_eq!(
        document["steps"]["a"]["error"],
        format!(
            "there is no key for OpenAI in the environment, and {}:1: this is no key; write `NAME=value`",
            file.display()
        )
    );
}

#[test]
#[cfg(not(feature = "keyring"))]
fn an_orc_without_the_keyring_says_so_where_a_key_is_to_be_kept_there() {
    let person = Person::new();
    let kept = person.keys(KEY, &["set", "openai", "--keyring"]);
    assert_eq!(
        (kept.code, &*kept.stderr),
        (
            Some(1),
            "error: the system's keyring cannot be used: this orc was built without it; build it with `--features \
             keyring`, or leave `--keyring` out to keep the key in a file\n"
        )
    );
    assert!(!person.file().exists());
}

#[test]
#[cfg(all(target_os = "linux", feature = "keyring"))]
fn without_a_keyring_runs_are_as_they_were_and_keeping_a_key_there_says_what_is_missing() {
    let person = Person::keeps(&format!("OPENAI_API_KEY={KEY}\n"));
    let folder = Folder::with("p.orc.yaml", ASKS);
    // No bus by this address, and none at the usual place.
    for address in ["unix:path=/nowhere/bus", ""] {
        let fake = Fake::new(vec![says("Hello.")]);
        let base = fake.base("/v1");
        let variables = [("OPENAI_BASE_URL", &*base), ("DBUS_SESSION_BUS_ADDRESS", address)];
        let ended = person.orc(&folder, &variables, "", &["run", "p.orc.yaml", "--no-cache"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stderr.contains("keyring"), "{ended:?}");
        assert_eq!(fake.asked()[0].header("authorization"), Some(&*format!("Bearer {KEY}")));
        let kept = person.orc(&folder, &variables, KEY, &["keys", "set", "anthropic", "--keyring"]);
        assert_eq!((kept.code, &*kept.stdout), (Some(1), ""), "{kept:?}");
        assert!(kept.stderr.starts_with("error: the system's keyring cannot be used: "), "{kept:?}");
        let fix = "; it needs a Secret Service, such as GNOME Keyring, KWallet or KeePassXC, that runs in this session and \
                   is open, or leave `--keyring` out to keep the key in a file\n";
        assert!(kept.stderr.ends_with(fix) && kept.stderr.lines().count() == 1, "{kept:?}");
        assert_eq!(fs::read_to_string(person.file()).unwrap(), format!("OPENAI_API_KEY={KEY}\n"));
    }
}

#[test]
#[cfg(all(target_os = "linux", feature = "keyring"))]
fn a_keyring_that_never_answers_is_left_alone_and_only_asked_for_a_key_that_is_wanted() {
    use std::os::unix::net::UnixListener;
    let person = Person::keeps(&format!("OPENAI_API_KEY={KEY}\n"));
    let folder = Folder::with("p.orc.yaml", ASKS);
    let bus = folder.path().join("bus");
    // Whoever connects is heard and never answered.
    let listener = UnixListener::bind(&bus).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut guests = Vec::new();
    let mut came = || {
        let before = guests.len();
        guests.extend(std::iter::from_fn(|| listener.accept().ok()));
        guests.len() > before
    };
    let address = format!("unix:path={}", bus.display());
    let orc = |key: &str, arguments: &[&str]| {
        let variables = [("DBUS_SESSION_BUS_ADDRESS", &*address), ("HF_TOKEN", key), ("OPENAI_BASE_URL", "")];
        person.orc(&folder, &variables, "", arguments)
    };
    assert_eq!(orc("", &["validate", "p.orc.yaml"]).code, Some(0));
    assert!(!came(), "nothing is wanted to look at a text");
    folder.write("q.orc.yaml", "id: q\nsteps: [{id: a, action: echo, parameters: {message: x}}]\n");
    assert_eq!(orc("", &["run", "q.orc.yaml"]).code, Some(0));
    assert!(!came(), "a run that asks no model wants no key");
    folder.write("r.orc.yaml", ASKS.replace("openai/gpt-4o-mini", "simulated/small"));
    assert_eq!(orc("", &["run", "r.orc.yaml"]).code, Some(0));
    assert!(!came(), "nor does one that simulates");
    let listed = orc("", &["keys"]);
    assert!(came(), "where keys stand is what was asked");
    assert!(listed.stdout.contains(&format!("OPENAI_API_KEY     {}", person.file().display())), "{listed:?}");
    assert_eq!(listed.stderr, "");
}
