//! What a `models.yaml` says, and what is wrong with it.

use super::*;
use crate::registry::{ModelList, ModelTable};

const PY_ORC: &str = "\
models:
  - source: ollama
    name: gemma3:4b
    expertise: [general, reasoning]
    size: 4b
  - {source: openai, name: gpt-5-mini, expertise: [code], size: 350m}
defaults:
  expertise_preferences: {code: qwen2.5-coder:32b}
";

fn table() -> ModelTable {
    let model = ModelSpec {
        provider: "openai".to_owned(),
        name: "gpt-5-mini".to_owned(),
        context: Some(400_000),
        price: Price { input: Some(0.25), output: Some(2.0), ..Price::default() },
        chat: true,
        ..ModelSpec::default()
    };
    ModelTable::new(ModelList { models: vec![model], price_date: "2026-11-22".to_owned() })
}

fn problems(text: &str) -> Vec<String> {
    read(text, "models.yaml", Origin::Workspace).problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_file_of_py_orc_is_read_as_it_is() {
    let overlay = read(PY_ORC, "models.yaml", Origin::Person);
    assert_eq!(overlay.problems, []);
    let table = table().overlaid(&[&overlay]);
    let [own] = table.find("ollama:gemma3:4b")[..] else { panic!("one model") };
    assert_eq!((own.size, &own.expertise[..]), (Some(4.0), &["general".to_owned(), "reasoning".to_owned()][..]));
    let [known] = table.find("gpt-5-mini")[..] else { panic!("one model") };
    assert_eq!((known.size, known.context, known.price.output), (Some(0.35), Some(400_000), Some(2.0)));
}

#[test]
fn files_are_merged_field_by_field() {
    let own = "models: [{source: openai, name: gpt-5-mini, alias: quick, price: {input: 0.5}, context: 9}]";
    let own = read(own, "a", Origin::Person);
    let theirs = "models: [{source: openai, name: gpt-5-mini, price: {output: 3}, endpoint: 'http://x', context: 10}]";
    let theirs = read(theirs, "b", Origin::Workspace);
    let table = table().overlaid(&[&own, &theirs]);
    let [spec] = table.find("quick")[..] else { panic!("one model") };
    assert_eq!((spec.price.input, spec.price.output, spec.context), (Some(0.5), Some(3.0), Some(10)));
    let endpoint = spec.host.endpoint.as_ref().map(|told| (told.origin, &*told.place));
    assert_eq!(endpoint, Some((Origin::Workspace, "b:1:75")));
}

#[test]
fn a_new_provider_is_known_by_its_endpoint() {
    let overlay = read(
        "models:\n  - {source: lab, endpoint: 'http://127.0.0.1:8080/v1'}\n  - {source: lab, name: big}\n",
        "m",
        Origin::Person,
    );
    let table = table().overlaid(&[&overlay]);
    assert_eq!(table.split("lab/big"), (Some("lab"), "big"));
    assert_eq!(table.host("lab", "big").endpoint.map(|told| told.value).as_deref(), Some("http://127.0.0.1:8080/v1"));
}

#[test]
fn limits_of_a_provider_are_merged_and_hold_for_its_models() {
    let own = read(
        "models: [{source: openai, limits: {requests_per_minute: 9, tokens_per_minute: 1000}}]",
        "a",
        Origin::Person,
    );
    // A workspace may be stricter, and lifts nothing.
    let limits = "{requests_per_minute: 5, tokens_per_minute: 9999}";
    let theirs = read(&format!("models: [{{source: openai, limits: {limits}}}]"), "b", Origin::Workspace);
    assert_eq!([&own.problems[..], &theirs.problems], [&[][..], &[]]);
    let table = table().overlaid(&[&own, &theirs]);
    let limits = RateLimits { requests_per_minute: Some(5), tokens_per_minute: Some(1000) };
    assert_eq!(table.host("openai", "gpt-5-mini").limits, limits);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    assert_eq!(
        problems("models:\n  gpt: {}\n"),
        ["models.yaml:2:3: `models` is a list; write each model as `- source: …`"]
    );
    assert_eq!(
        problems("models:\n  - name: x\n  - source: openai\n  - {source: a, name: b, prise: {input: 1}}\n"),
        [
            "models.yaml:2:5: `source` is missing: the provider of the model, e.g. `ollama`",
            "models.yaml:3:5: `name` is missing: what the provider calls the model",
            "models.yaml:4:26: unknown key `prise`; did you mean `price`?",
        ]
    );
    assert_eq!(
        problems(
            "models:\n- {source: a, name: b, price: {input: -1}, context: big, size: huge, capabilities: [fly]}\n"
        ),
        [
            "models.yaml:2:84: `fly` is none of vision, tools, json_schema",
            "models.yaml:2:64: `huge` is no size; write the parameters in billions, e.g. `7b`",
            "models.yaml:2:53: `context` is a number of tokens",
            "models.yaml:2:39: `input` is a number of US$ per million tokens, 0 or more",
        ]
    );
    assert_eq!(
        problems("strategy: cheap\n"),
        ["models.yaml:1:11: `strategy` is one of balanced, cost, quality, latency"]
    );
    assert_eq!(
        problems(
            "models:\n- {source: a, name: b, limits: {}}\n- {source: a, limits: 5}\n- {source: a, limits: \
             {requests_per_minute: 0, token_per_minute: 1, tokens_per_minute: 1.5}}\n"
        ),
        [
            "models.yaml:2:24: `limits` are those of a provider; write them in an entry with `source` and without \
             `name`",
            "models.yaml:3:23: `limits` is a mapping of requests_per_minute and tokens_per_minute",
            "models.yaml:4:48: unknown key `token_per_minute`; did you mean `tokens_per_minute`?",
            "models.yaml:4:45: `requests_per_minute` is a whole number, 1 or more",
            "models.yaml:4:88: `tokens_per_minute` is a whole number, 1 or more",
        ]
    );
    assert_eq!(problems("- 1\n"), ["models.yaml:1:1: a mapping with the list `models` is wanted"]);
    assert_eq!(problems(""), [""; 0]);
}

#[test]
fn sizes_are_read_in_every_unit() {
    let sizes = ["7b", "1.5B", "350m", "2t", "13", "x", "-1b", ""].map(billions);
    assert_eq!(sizes, [Some(7.0), Some(1.5), Some(0.35), Some(2000.0), Some(13.0), None, None, None]);
}
