//! Steps that hold a conversation or show images: what is sent, and what is said where that cannot be.

use serde_json::{Value, json};

use crate::{
    models::{Fake, document, orc, says},
    support::{Ended, Folder},
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
const SENT: &str = "data:image/png;base64,iVBORw0KGgogYW5kIHNvIG9u";

/// A pipeline of one step with these parameters.
fn one(action: &str, parameters: &str) -> String {
    format!("id: p\nmodel: openai/gpt-4o-mini\nsteps:\n  - id: a\n    action: {action}\n    parameters: {parameters}\n")
}

/// The failure of a run that asks nobody.
fn refused(folder: &Folder, text: &str) -> String {
    let fake = Fake::new(Vec::new());
    folder.write("p.orc.yaml", text);
    let ended = orc(folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!((ended.code, fake.connections()), (Some(1), 0), "{ended:?}");
    let step = &document(&ended)["steps"]["a"];
    format!("{}: {}", step["error_type"].as_str().unwrap(), step["error"].as_str().unwrap())
}

fn messages(fake: &Fake) -> Vec<Value> {
    fake.asked().iter().map(|asked| asked.body["messages"].clone()).collect()
}

#[test]
fn a_conversation_is_sent_and_answered() {
    let text = "\
id: p
model: openai/gpt-4o-mini
inputs: {name: {type: string, default: Ada}}
steps:
  - id: first
    action: generate
    parameters:
      messages:
        - {role: system, content: Be brief.}
        - {role: user, content: 'I am {{ name }}.'}
  - id: second
    action: generate
    parameters:
      messages:
        - {role: user, content: 'I am {{ name }}.'}
        - {role: assistant, content: '{{ first.result }}'}
        - {role: user, content: Who am I?}
";
    let fake = Fake::new(vec![says("Hello, Ada."), says("Ada.")]);
    let folder = Folder::with("p.orc.yaml", text);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!(document(&ended)["steps"]["second"]["value"]["result"], "Ada.", "{ended:?}");
    assert_eq!(
        messages(&fake),
        [
            json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "I am Ada."}]),
            json!([
                {"role": "user", "content": "I am Ada."}, {"role": "assistant", "content": "Hello, Ada."},
                {"role": "user", "content": "Who am I?"},
            ]),
        ]
    );
    // The estimate counts what is said.
    let plan: Value = serde_json::from_str(&folder.orc(&["plan", "p.orc.yaml", "--format", "json"]).stdout).unwrap();
    let input = &plan["steps"][1]["estimate"]["input_tokens"];
    assert!(input["expected"].as_u64() > Some(40) && input["high"].is_u64(), "{input}");
}

#[test]
fn what_is_no_conversation_is_a_diagnostic_or_fails_before_it_is_sent() {
    let checked = |parameters: &str| -> String {
        let Ended { code, stdout, .. } =
            Folder::with("p.orc.yaml", one("generate", parameters)).orc(&["validate", "p.orc.yaml"]);
        assert_eq!(code, Some(2), "{stdout}");
        stdout
    };
    let both = checked("{prompt: hi, messages: [{role: user, content: hi}]}");
    assert!(both.contains("ORC418") && both.contains("`prompt` and `messages` are both given; keep one"), "{both}");
    let neither = checked("{max_tokens: 9}");
    assert!(neither.contains("`generate` needs the parameter `prompt` or `messages`; add it"), "{neither}");
    let role = checked("{messages: [{role: robot, content: hi}]}");
    assert!(role.contains("ORC408") && role.contains("robot"), "{role}");

    let folder = Folder::new();
    let of = |messages: &str| refused(&folder, &one("generate", &format!("{{messages: {messages}}}")));
    assert_eq!(
        of("[{role: user, content: '{{ \"\" }}'}]"),
        "ParameterError: `messages[0]` says nothing; give it a `content`, or leave it out"
    );
    assert_eq!(
        of("[{role: user, content: hi}, {role: assistant, content: ho}]"),
        "ParameterError: `messages` ends with one of `assistant`; end with one of `user`, which the model is to answer"
    );
    assert_eq!(
        of("[{role: '{{ \"robot\" }}', content: hi}]"),
        "ParameterError: `messages[0]` has the role `robot`, which is none of `system`, `user` and `assistant`"
    );
}

#[test]
fn images_are_read_and_sent_by_all_three_actions() {
    let actions = [
        ("generate", "prompt: p"),
        ("generate_structured", "prompt: p, schema: {type: object, properties: {a: {type: integer}}, required: [a]}"),
        ("analyze_text", "prompt: p"),
    ];
    for (action, parameters) in actions {
        let fake = Fake::new(vec![says("{\"a\": 1}")]);
        let text = one(action, &format!("{{{parameters}, images: [photo.png, 'https://example.org/b.png']}}"));
        let folder = Folder::with("p.orc.yaml", text);
        folder.write("photo.png", PNG);
        let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(
            messages(&fake)[0][0]["content"],
            json!([
                {"type": "image_url", "image_url": {"url": SENT}},
                {"type": "image_url", "image_url": {"url": "https://example.org/b.png"}},
                {"type": "text", "text": "p"},
            ]),
            "{action}"
        );
    }
}

#[test]
fn another_image_in_the_same_file_is_another_question() {
    let fake = Fake::new(vec![says("one"), says("two")]);
    let folder = Folder::with("p.orc.yaml", one("generate", "{prompt: p, temperature: 0, images: [photo.png]}"));
    let run = |bytes: &[u8]| {
        folder.write("photo.png", bytes);
        let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
        document(&ended)["steps"]["a"]["value"]["result"].clone()
    };
    assert_eq!([run(PNG), run(PNG), run(b"\x89PNG\r\n\x1a\n another")], ["one", "one", "two"]);
    assert_eq!(fake.asked().len(), 2);
}

#[test]
fn images_that_cannot_be_sent_say_why() {
    let folder = Folder::new();
    folder.write("notes.png", "no image");
    folder.write("large.png", [PNG, &vec![0; 4 << 20]].concat());
    let of = |images: &str| refused(&folder, &one("generate", &format!("{{prompt: p, images: {images}}}")));
    let gone = of("[gone.png]");
    assert!(gone.starts_with("FileNotFoundError: ") && gone.contains("`gone.png`"), "{gone}");
    assert_eq!(of("[notes.png]"), "ParameterError: `notes.png` is no image that models read: PNG, JPEG, GIF or WebP");
    assert_eq!(
        of("[large.png]"),
        "ParameterError: `large.png` is larger than 3.75 MiB, which is more than providers take; make it smaller"
    );
    assert_eq!(
        of("['http://example.org/a.png']"),
        "ParameterError: `images[0]` is an address without encryption; providers fetch `https://` only"
    );
    assert_eq!(
        of("['data:image/png,abc']"),
        "ParameterError: `images[0]` is no `data:` URL in base64; write `data:image/png;base64,…`"
    );
    assert!(of("['{{ \"/etc/hostname\" }}']").starts_with("PermissionError: "));
}

#[test]
fn a_model_that_reads_no_images_is_a_diagnostic_and_the_router_takes_one_that_does() {
    let text = one("generate", "{prompt: p, images: [photo.png]}");
    let blind = Folder::with("p.orc.yaml", text.replace("gpt-4o-mini", "gpt-3.5-turbo"));
    let said = blind.orc(&["validate", "p.orc.yaml"]);
    assert!(said.code == Some(2) && said.stdout.contains("ORC503"), "{said:?}");

    let folder = Folder::with("p.orc.yaml", text.replace("model: openai/gpt-4o-mini\n", ""));
    folder.write("photo.png", PNG);
    folder.write(
        "models.yaml",
        "models:\n  - {source: openai, name: blind, size: 30b, price: {input: 1, output: 1}, context: 200000}\n  - {source: \
         openai, name: sees, size: 30b, price: {input: 9, output: 9}, context: 200000, capabilities: [vision]}\n",
    );
    let fake = Fake::new(vec![says("A cat.")]);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!((ended.code, &fake.asked()[0].body["model"]), (Some(0), &json!("sees")), "{ended:?}");
}

#[test]
fn the_estimate_counts_images() {
    let folder = Folder::with("p.orc.yaml", one("generate", "{prompt: p, max_tokens: 9, images: [a.png, b.png]}"));
    let plan: Value = serde_json::from_str(&folder.orc(&["plan", "p.orc.yaml", "--format", "json"]).stdout).unwrap();
    let input = &plan["steps"][0]["estimate"]["input_tokens"];
    assert_eq!((&input["low"], &input["expected"], &input["high"]), (&json!(128), &json!(2011), &json!(100_062)));
}
