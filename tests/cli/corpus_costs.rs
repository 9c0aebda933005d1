//! `orc plan` against what runs of the corpus take: every pipeline of it that runs, against a server that counts
//! tokens in its own way and answers at any length that it was allowed.

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use engine::models::{Provider as _, Request, Simulated};
use serde_json::{Value, json};

use super::{
    corpus_runs::{FILES, MACHINE, copy, corpus, inputs},
    models::fake::{Asked, Fake, Reply},
};
use crate::support::{Ended, Folder};

/// How many pipelines are tried side by side.
const SIDE_BY_SIDE: usize = 3;

/// How many of a hundred runs may lie outside, as is promised.
const OUTSIDE: usize = 5;

/// What the servers of this machine serve; all prices are those of the table.
const MODELS: &str = "\
models:
  - {source: openai, name: gpt-4o-mini}
  - {source: openai, name: gpt-4o}
  - {source: anthropic, name: claude-haiku-4-5}
  - {source: google, name: gemini-2.5-flash}
";

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    /// For this seed and what was asked.
    fn of(seed: u64, text: &str) -> Self {
        Self(
            text.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            }),
        )
    }

    /// From 0 to 1.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A size up to `most`; small ones come as often as ten times larger ones.
    fn size(&mut self, most: u64) -> u64 {
        ((most.max(1) as f64).powf(self.roll()).ceil() as u64).clamp(1, most.max(1))
    }
}

/// Tokens, by rules that are not those of orc: short words are one, longer ones a few; three digits are one, and so is
/// each other sign.
fn counted(text: &str) -> u64 {
    let mut tokens = 0;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let mut run = |of: fn(&char) -> bool| {
            let mut length = 1_u64;
            while letters.next_if(of).is_some() {
                length += 1;
            }
            length
        };
        tokens += if letter.is_alphabetic() {
            match run(|letter| letter.is_alphabetic()) {
                ..=8 => 1,
                length => 1 + (length - 3) / 6,
            }
        } else if letter.is_ascii_digit() {
            run(char::is_ascii_digit).div_ceil(3)
        } else if letter == ' ' {
            u64::from(run(|letter| *letter == ' ') > 1)
        } else {
            1
        };
    }
    tokens
}

/// Some words that come to so many tokens.
fn words(tokens: u64, dice: &mut Dice) -> String {
    const WORDS: [&str; 8] = ["river", "the", "report", "shows", "growth", "of", "trade", "winter"];
    let word = |_| WORDS[(dice.roll() * WORDS.len() as f64) as usize % WORDS.len()];
    (0..tokens).map(word).collect::<Vec<_>>().join(" ")
}

/// All text that a request says to the model.
fn said(body: &Value) -> String {
    match body {
        Value::String(text) => format!("{text}\n"),
        Value::Array(items) => items.iter().map(said).collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !matches!(&***name, "role" | "type" | "model"))
            .map(|(_, value)| said(value))
            .collect(),
        _ => String::new(),
    }
}

fn answered(seed: u64, asked: &Asked) -> Reply {
    let body = &asked.body;
    let is = |part: &str| asked.line.contains(part);
    let schema = [
        &body["response_format"]["json_schema"]["schema"],
        &body["tools"][0]["input_schema"],
        &body["generationConfig"]["responseJsonSchema"],
        &body["format"],
    ]
    .into_iter()
    .find(|schema| schema.is_object());
    let limits = [
        &body["max_tokens"],
        &body["max_completion_tokens"],
        &body["generationConfig"]["maxOutputTokens"],
        &body["options"]["num_predict"],
    ];
    let most = limits.into_iter().find_map(Value::as_u64).unwrap_or(1500);
    let talk = [&body["messages"], &body["system"], &body["contents"], &body["systemInstruction"]].map(said).concat();
    let mut dice = Dice::of(seed, &body.to_string());
    let mut input = counted(&talk) + 8;
    let value = schema.map(|schema| {
        input += counted(&schema.to_string());
        let request = Request { prompt: talk.clone(), schema: Some(schema.clone()), ..Request::default() };
        let fits = futures_util::FutureExt::now_or_never(
            Simulated.call(&request, &tokio_util::sync::CancellationToken::new()),
        );
        // One in eight does not fit at first.
        let is_wrong = dice.roll() < 0.125 && !talk.contains("This does not fit the schema");
        if is_wrong { json!("nonsense") } else { fits.unwrap().unwrap().value }
    });
    // Providers count a little more or less than their neighbours.
    let input = (input as f64 * (0.9 + 0.2 * dice.roll())).ceil() as u64;
    let text = match &value {
        Some(value) => value.to_string(),
        None => words(dice.size(most), &mut dice),
    };
    let output = counted(&text).min(most);
    Reply::Json(
        200,
        if is("/chat/completions") {
            json!({
                "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": input, "completion_tokens": output},
            })
        } else if is("/messages") {
            let content = match &value {
                Some(value) => json!({"type": "tool_use", "id": "t", "name": body["tools"][0]["name"], "input": value}),
                None => json!({"type": "text", "text": text}),
            };
            json!({"content": [content], "stop_reason": "end_turn", "usage": {"input_tokens": input, "output_tokens": output}})
        } else if is("generateContent") || is("GenerateContent") {
            json!({
                "candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}],
                "usageMetadata": {"promptTokenCount": input, "candidatesTokenCount": output},
            })
        } else {
            json!({
                "message": {"content": text}, "done": true, "done_reason": "stop", "prompt_eval_count": input,
                "eval_count": output,
            })
        },
    )
}

/// The servers, each with answers of its own; what one answers is a function of what it is asked.
const SERVERS: [fn(&Asked) -> Reply; 8] = [
    |asked| answered(1, asked),
    |asked| answered(2, asked),
    |asked| answered(3, asked),
    |asked| answered(4, asked),
    |asked| answered(5, asked),
    |asked| answered(6, asked),
    |asked| answered(7, asked),
    |asked| answered(8, asked),
];

fn orc(folder: &Folder, fake: &Fake, arguments: &[&str]) -> Ended {
    let home = folder.path().join("home");
    let (home, nowhere) = (home.to_str().unwrap(), folder.path().join("nothing"));
    let v1 = fake.base("/v1");
    let base = fake.base("");
    let variables = [
        ("OPENAI_BASE_URL", &*v1),
        ("ANTHROPIC_BASE_URL", &base),
        ("GEMINI_BASE_URL", &base),
        ("HF_BASE_URL", &v1),
        ("OLLAMA_HOST", &base),
        ("OPENAI_API_KEY", "k-1"),
        ("ANTHROPIC_API_KEY", "k-2"),
        ("GEMINI_API_KEY", "k-3"),
        ("HF_TOKEN", "k-4"),
        ("XDG_CONFIG_HOME", home),
        ("XDG_STATE_HOME", nowhere.to_str().unwrap()),
    ];
    folder.orc_with(&variables, arguments)
}

/// What a plan said, and what came of it.
struct Recorded {
    path: String,
    seed: usize,
    /// From, to, in billionths of a dollar: from `None` on nothing is known, to `None` there is no upper bound.
    interval: (Option<i64>, Option<i64>),
    actual: i64,
    calls: u64,
}

impl Recorded {
    fn is_contained(&self) -> bool {
        let (low, high) = self.interval;
        low.is_some_and(|low| low <= self.actual) && high.is_none_or(|high| self.actual <= high)
    }

    fn told(&self) -> String {
        let Self { path, seed, interval: (low, high), actual, calls } = self;
        let shown = |bound: &Option<i64>| bound.map_or("?".to_owned(), |bound| bound.to_string());
        format!("{path} (server {seed}): {actual} in {calls} calls, {} … {}\n", shown(low), shown(high))
    }
}

/// Plans and runs one pipeline in a copy of the corpus of its own, with each server; none of it where it does not run,
/// or pays nobody. From the second on the runs before it are its history.
fn recorded(pipelines: &Path, path: &str) -> Vec<Recorded> {
    let folder = Folder::new();
    copy(pipelines, folder.path());
    folder.write("home/orc/models.yaml", MODELS);
    folder.orc(&["validate", "--fix", path]);
    let mut given = inputs(&folder.read(path));
    for (_, input) in FILES.iter().filter(|(of, _)| *of == path) {
        given[input] = json!(path);
    }
    folder.write("home/inputs.json", given.to_string());
    let arguments = [path, "--format", "json", "--no-cache", "-c", "home/inputs.json"];
    let mut all = Vec::new();
    for (seed, server) in SERVERS.into_iter().enumerate() {
        let fake = Fake::always(server);
        let plan = orc(&folder, &fake, &[&["plan"], &arguments[..]].concat());
        let Ok(plan) = serde_json::from_str::<Value>(&plan.stdout) else { break };
        let verdicts = plan["steps"].as_array().into_iter().flatten().map(|step| &step["verdict"]);
        if verdicts.into_iter().any(|verdict| verdict == "fail") {
            break;
        }
        assert_eq!(fake.connections(), 0, "{path}");
        let ended = orc(&folder, &fake, &[&["run"], &arguments[..]].concat());
        assert!(!ended.stderr.contains("panicked"), "{path}: {}", ended.stderr);
        let Ok(document) = serde_json::from_str::<Value>(&ended.stdout) else { break };
        let (usage, cost) = (&document["usage"], &document["cost"]);
        if ended.code != Some(0) || usage.is_null() || cost["nano_usd"] == 0 {
            break;
        }
        assert_eq!(cost["known"], true, "{path}: {document:#}");
        let range = &plan["estimate"]["nano_usd"];
        all.push(Recorded {
            path: path.to_owned(),
            seed: seed + 1,
            interval: (range["low"].as_i64(), range["high"].as_i64()),
            actual: cost["nano_usd"].as_i64().unwrap(),
            calls: usage["requests"].as_u64().unwrap(),
        });
    }
    all
}

#[test]
fn what_plans_say_of_the_corpus_holds() {
    let (corpus, paths) = corpus();
    let pipelines = corpus.join("pipelines");
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            if !MACHINE.contains(&path.as_str()) {
                found.extend(recorded(&pipelines, path));
            }
        }
        found
    };
    let mut runs: Vec<Recorded> = thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    runs.sort_by(|one, other| (&one.path, one.seed).cmp(&(&other.path, other.seed)));
    let contained = runs.iter().filter(|run| run.is_contained()).count();
    let bounded = runs.iter().filter(|run| run.interval.1.is_some()).count();
    let pipelines: BTreeSet<&str> = runs.iter().map(|run| &*run.path).collect();
    let mut report = format!(
        "{} runs of {} pipelines recorded; the plan's interval contains {contained}; {bounded} have an upper bound\n",
        runs.len(),
        pipelines.len(),
    );
    for run in runs.iter().filter(|run| !run.is_contained()) {
        report.push_str(&format!("outside: {}", run.told()));
    }
    std::io::stderr().write_all(report.as_bytes()).unwrap();
    if let Some(file) = std::env::var_os("ORC_CORPUS_COSTS") {
        fs::write(file, runs.iter().map(Recorded::told).fold(report.clone(), |all, run| all + &run)).unwrap();
    }
    assert!(runs.len() >= 80, "fewer runs than there were: {report}");
    assert!((runs.len() - contained) * 100 <= runs.len() * OUTSIDE, "{report}");
}
