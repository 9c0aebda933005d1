//! Keys are planted where a key can stand – in the variables of every provider and in the file of keys, in what servers send back of
//! them, in addresses – and looked for in all that is written and said: as they are, in base64, and as they
//! stand in an address.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::{Value, json};

use crate::{
    models::{Asked, End, Fake, Reply},
    support::{Ended, Folder},
};

/// The variables of keys, with a key each.
const KEYS: [(&str, &str); 6] = [
    ("OPENAI_API_KEY", "sk-open+canary/0123456789=abc"),
    ("ANTHROPIC_API_KEY", "sk-ant+canary/123456789a=bcd"),
    ("GEMINI_API_KEY", "AIza+canary/23456789ab=cdef"),
    ("GOOGLE_API_KEY", "AIza+canary/3456789abc=defa"),
    ("GOOGLE_AI_API_KEY", "AIza+canary/456789abcd=efab"),
    ("HF_TOKEN", "hf_+canary/56789abcde=fabc"),
];

/// One that stands in an address.
const IN_ADDRESS: &str = "query+canary/6789abcdef=abcd";

/// What steps ask, which tells the server what to do with the key.
const ASKS: &str = "\
id: p
steps:
  - {id: echo, action: generate, on_failure: continue, parameters: {prompt: echo, model: MODEL, temperature: 0}}
  - {id: used, action: generate, on_failure: continue, parameters: {prompt: 'echo {{ echo.result }}', model: MODEL}}
  - {id: error, action: generate, on_failure: continue, parameters: {prompt: error, model: MODEL}}
  - {id: denied, action: generate, on_failure: continue, parameters: {prompt: denied, model: MODEL}}
  - {id: refusal, action: generate, on_failure: continue, parameters: {prompt: refusal, model: MODEL}}
  - {id: elsewhere, action: generate, on_failure: continue, parameters: {prompt: elsewhere, model: MODEL}}
  - {id: cut, action: generate, on_failure: continue, parameters: {prompt: cut, model: MODEL}}
  - {id: page, action: generate, on_failure: continue, parameters: {prompt: page, model: MODEL}}
  - id: misfit
    action: generate_structured
    on_failure: continue
    retry: 1
    parameters: {prompt: echo, model: MODEL, schema: {type: integer}}
  - id: command
    tool: terminal
    action: execute
    parameters: {command: 'env; cat /proc/self/environ /proc/$PPID/cmdline | tr \"\\0\" \"\\n\"'}
outputs: {all: '{{ echo.result }}'}
";

/// The bytes in base64, without what depends on those after them.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<bool> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    let sixes = bits.chunks_exact(6);
    sixes.map(|six| LETTERS[six.iter().fold(0, |sum, bit| sum * 2 + usize::from(*bit))] as char).collect()
}

fn in_address(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    key.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// What must be nowhere: each key as it is, in an address, and in base64 wherever it begins.
fn forms() -> Vec<String> {
    let keys = KEYS.iter().map(|(_, key)| *key).chain([IN_ADDRESS]);
    keys.flat_map(|key| {
        let encoded = (0..3).map(|skipped| base64(&key.as_bytes()[skipped..]));
        let safe: Vec<String> = encoded.clone().map(|text| text.replace('+', "-").replace('/', "_")).collect();
        [key.to_owned(), in_address(key)].into_iter().chain(encoded).chain(safe)
    })
    .collect()
}

fn clean(what: &str, bytes: &[u8]) {
    for form in forms() {
        let at = bytes.windows(form.len()).position(|part| part == form.as_bytes());
        let around = at.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(60)..bytes.len().min(at + 90)]));
        assert_eq!(around, None, "{what} holds {form}");
    }
}

/// No file beneath holds a key; how many there are.
fn clean_files(directory: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        clean("a name", entry.file_name().as_encoded_bytes());
        if entry.file_type().unwrap().is_dir() {
            count += clean_files(&entry.path());
        } else {
            clean(&entry.path().display().to_string(), &fs::read(entry.path()).unwrap());
            count += 1;
        }
    }
    count
}

/// The key of a request, in all forms and in pieces, as somebody may send it back.
fn tale(asked: &Asked) -> (String, String) {
    let headers = ["authorization", "x-api-key", "x-goog-api-key"];
    let key = headers.iter().find_map(|name| asked.header(name)).unwrap_or_default();
    let key = key.trim_start_matches("Bearer ").to_owned();
    let encoded: Vec<String> =
        (0..3).map(|skipped| base64(&[&b"xyz"[..skipped], key.as_bytes(), b"."].concat())).collect();
    (format!("{key} {} {} ({key})", in_address(&key), encoded.join(" ")), key)
}

fn answer(asked: &Asked) -> Reply {
    let (tale, key) = tale(asked);
    let body = asked.body.to_string();
    let says = |word: &str| body.contains(&format!("\"{word}"));
    if says("error") {
        return Reply::Json(400, json!({"error": {"message": format!("what is {tale}"), "type": tale, "code": tale}}));
    }
    if says("denied") {
        return Reply::Json(401, json!({"error": {"message": format!("Incorrect API key provided: {tale}")}}));
    }
    if says("page") {
        return Reply::Json(500, json!(tale));
    }
    if says("elsewhere") {
        let to = format!("http://127.0.0.1:1/{}?key={key}", in_address(&key));
        let header: &'static str = Box::leak(to.into_boxed_str());
        return Reply::With(307, Box::leak(Box::new([("location", header)])), json!(tale));
    }
    let text = if says("refusal") { String::new() } else { tale.clone() };
    let refusal = says("refusal").then(|| tale.clone());
    if says("cut") && body.contains("\"stream\"") && asked.line.contains("chat/completions") {
        let piece = |text: &str| format!("data: {}\n\n", json!({"choices": [{"delta": {"content": text}}]}));
        let (first, rest) = tale.split_at(9);
        return Reply::Pieces("text/event-stream", vec![piece(first), piece(rest)], End::Cut);
    }
    let stopped = if refusal.is_some() { "refusal" } else { "end_turn" };
    Reply::Json(
        200,
        json!({
            "model": tale,
            "choices": [{"message": {"content": text, "refusal": refusal}, "finish_reason": "stop"}],
            "content": [{"type": "text", "text": tale}], "stop_reason": stopped,
            "candidates": [{"content": {"parts": [{"text": tale}]}, "finishReason": "STOP"}], "modelVersion": tale,
            "usage": {"prompt_tokens": 1, "input_tokens": 1},
        }),
    )
}

/// A home with the last of the keys in its file.
fn home() -> Folder {
    let (name, key) = KEYS[KEYS.len() - 1];
    let home = Folder::with("orc/keys", format!("{name}={key}\n"));
    fs::set_permissions(home.path().join("orc/keys"), fs::Permissions::from_mode(0o600)).unwrap();
    home
}

fn orc((folder, home): (&Folder, &Folder), fake: &Fake, arguments: &[&str]) -> Ended {
    let query = format!("/v1?key={}", in_address(IN_ADDRESS));
    let addresses = [
        ("OPENAI_BASE_URL", fake.base(&query)),
        ("ANTHROPIC_BASE_URL", fake.base("")),
        ("GEMINI_BASE_URL", fake.base("")),
        ("HF_BASE_URL", fake.base("/v1")),
    ];
    let mut variables: Vec<(&str, &str)> = addresses.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend(&KEYS[..KEYS.len() - 1]);
    variables.push(("XDG_CONFIG_HOME", home.path().to_str().unwrap()));
    variables.push(("RUST_BACKTRACE", "full"));
    variables.push(("RUST_LOG", "trace"));
    let ended = folder.orc_with(&variables, arguments);
    clean(&format!("{arguments:?}: standard output"), ended.stdout.as_bytes());
    clean(&format!("{arguments:?}: standard error"), ended.stderr.as_bytes());
    ended
}

#[test]
fn no_key_is_in_anything_that_is_written_or_said() {
    let fake = Fake::always(answer);
    let mut files = 0;
    let home = home();
    for model in ["openai/gpt-4o-mini", "anthropic/claude-haiku-4-5", "google/gemini-2.5-flash", "huggingface/org/name"]
    {
        let folder = Folder::with("p.orc.yaml", ASKS.replace("MODEL", model));
        for format in ["text", "json", "jsonl"] {
            let more = ["--record", "tape", "-o", "result.json", "--format", format, "--max-concurrency", "2"];
            let ended = orc((&folder, &home), &fake, &[&["run", "p.orc.yaml"][..], &more].concat());
            assert_eq!(ended.code, Some(1), "{ended:?}");
        }
        let document: Value = serde_json::from_str(&folder.read("result.json")).unwrap();
        let steps = document["steps"].as_object().unwrap();
        let told = |step: &str| steps[step].to_string().contains("[secret ");
        assert!(told("echo") && told("error"), "{document:#}");
        orc((&folder, &home), &fake, &["run", "p.orc.yaml", "--replay", "tape", "--format", "jsonl"]);
        for arguments in [
            &["runs", "show", "latest"][..],
            &["runs", "show", "latest", "--format", "json"],
            &["runs", "logs", "latest"],
            &["runs", "logs", "latest", "--format", "jsonl"],
            &["runs", "list", "--format", "json"],
            &["resume", "latest", "--retry-failed"],
            &["plan", "p.orc.yaml", "--format", "json"],
            &["doctor"],
            &["keys", "list"],
            &["cost", "--format", "json"],
        ] {
            orc((&folder, &home), &fake, arguments);
        }
        files += clean_files(folder.path());
    }
    // The pipelines, the store with its log, the documents, the cassettes.
    assert!(files > 40, "only {files} files");
    // Each key did reach its server, or nothing was looked for.
    let asked = fake.asked();
    let sent = |key: &str| asked.iter().any(|asked| asked.headers.iter().any(|(_, value)| value.ends_with(key)));
    let missing: Vec<&str> = KEYS.iter().filter(|(_, key)| !sent(key)).map(|(name, _)| *name).collect();
    assert_eq!(missing, ["GOOGLE_API_KEY", "GOOGLE_AI_API_KEY"]);
}

#[test]
fn a_run_that_is_killed_leaves_no_key_behind() {
    let fake = Fake::always(answer);
    let base = fake.base("/v1");
    let mut variables = vec![("OPENAI_BASE_URL", &*base)];
    variables.extend(KEYS);
    let mut points = 0;
    for point in (1..).step_by(7) {
        let folder = Folder::with("p.orc.yaml", ASKS.replace("MODEL", "openai/gpt-4o-mini"));
        if !folder.orc_seeing_killed_at(point, &variables, &["run", "p.orc.yaml", "--record", "tape"]) {
            break;
        }
        points += 1;
        clean_files(folder.path());
    }
    assert!(points > 3, "only {points} points");
}

#[test]
fn a_password_in_an_address_is_not_said() {
    let folder = Folder::with("p.orc.yaml", ASKS.replace("MODEL", "openai/gpt-4o-mini"));
    let address = format!("http://me:{}@127.0.0.1:1/v1", in_address(IN_ADDRESS));
    let ended = folder.orc_with(&[("OPENAI_BASE_URL", &address)], &["run", "p.orc.yaml", "--format", "jsonl"]);
    assert!(ended.stdout.contains("holds a user or a password"), "{ended:?}");
    clean("standard output", ended.stdout.as_bytes());
    clean("standard error", ended.stderr.as_bytes());
    clean_files(folder.path());
}
