//! AUTO tags in the editor: what is told of them, and the commands that answer, pin and unpin.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::TestServer;

#[path = "../../engine/src/models/fake.rs"]
#[expect(dead_code, reason = "the tests of the engine use all of it")]
pub(crate) mod fake;
use fake::{End, Fake, Reply};

const TEXT: &str = "\
id: p
model: openai/gpt-4o-mini
inputs: {topic: {type: string, default: rust}}
steps:
  - id: say
    action: echo
    parameters:
      message: '<AUTO choices=\"plain, ornate\">Which style suits {{ topic }}?</AUTO>'
";

fn says(text: &str) -> Reply {
    Reply::Json(
        200,
        json!({
            "model": "gpt-4o-mini",
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20},
        }),
    )
}

/// The same in pieces.
fn says_in_pieces(texts: &[&str], end: End) -> Reply {
    let piece = |text: &&str| json!({"model": "m", "choices": [{"delta": {"content": text}, "finish_reason": null}]});
    let last = json!({"model": "m", "choices": [{"delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"model": "m", "choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20}});
    let mut all: Vec<String> = texts.iter().map(piece).map(|piece| format!("data: {piece}\n\n")).collect();
    if end == End::Whole {
        all.extend([format!("data: {last}\n\n"), format!("data: {usage}\n\n"), "data: [DONE]\n\n".to_owned()]);
    }
    Reply::Pieces("text/event-stream", all, end)
}

fn start(fake: &Fake, trusted: bool) -> TestServer {
    start_with(fake, trusted, json!({}))
}

fn start_with(fake: &Fake, trusted: bool, window: Value) -> TestServer {
    let params = json!({
        "capabilities": { "textDocument": { "diagnostic": {} }, "window": window },
        "initializationOptions": { "trusted": trusted },
    });
    let base = fake.base("/v1");
    let variables = [("OPENAI_BASE_URL", &*base), ("OPENAI_API_KEY", "canary-0123456789abcdef")];
    let mut server = TestServer::start_seeing(Arc::new(tempfile::tempdir().unwrap()), params, &variables);
    // The file is not saved: what the editor shows counts.
    server.open("p.orc.yaml", TEXT);
    server
}

fn at(server: &TestServer) -> Value {
    json!({ "uri": server.uri("p.orc.yaml"), "position": { "line": 7, "character": 20 } })
}

fn command(name: &str, argument: Value) -> Value {
    json!({ "command": name, "arguments": [argument] })
}

fn hover(server: &mut TestServer) -> String {
    let mut params = server.document("p.orc.yaml");
    // On the word `style` of the question.
    params["position"] = json!({ "line": 7, "character": 56 });
    let hover = server.request("textDocument/hover", params);
    hover["contents"]["value"].as_str().unwrap_or_else(|| panic!("{hover}")).to_owned()
}

fn hints(server: &mut TestServer) -> Vec<String> {
    let mut params = server.document("p.orc.yaml");
    params["range"] = json!({ "start": { "line": 7, "character": 0 }, "end": { "line": 8, "character": 0 } });
    let hints = server.request("textDocument/inlayHint", params);
    hints.as_array().unwrap().iter().map(|hint| hint["label"].as_str().unwrap().to_owned()).collect()
}

fn lenses(server: &mut TestServer) -> Vec<String> {
    let params = server.document("p.orc.yaml");
    let lenses = server.request("textDocument/codeLens", params);
    let titles = lenses.as_array().unwrap().iter().map(|lens| lens["command"]["title"].as_str().unwrap().to_owned());
    titles.filter(|title| title.contains("AUTO") || title.contains("Pin")).collect()
}

#[test]
fn a_tag_is_explained_resolved_pinned_and_unpinned() {
    let fake = Fake::new(vec![says(r#"{"value": "ornate"}"#)]);
    let mut server = start(&fake, true);
    let told = hover(&mut server);
    assert_eq!(
        told,
        "`<AUTO>` = **one of plain, ornate** – `message` of `echo` in the registry; the attribute `choices` lists \
         plain, ornate\n\nA model is asked when the step is about to run, and the answer is pinned. It would be \
         asked:\n\n```text\nYou fill in one value of a pipeline before a step of it runs. Answer with that value \
         alone: no explanation, no quotes around it, no code fence.\n\nWhich style suits {{ topic }}?\n\nThe answer \
         is the value of `steps.say.parameters.message` (The text). It must be one of plain, ornate.\n```\n\n\
         Templates have their values by then.\n\nNot pinned."
    );
    assert_eq!(hints(&mut server), [": string"; 0]);
    assert_eq!(lenses(&mut server), ["◇ Resolve <AUTO>"]);
    // Nothing is sent before the command.
    assert_eq!(fake.connections(), 0);

    let argument = at(&server);
    let resolved = server.request("workspace/executeCommand", command("orc.resolveAuto", argument.clone()));
    assert_eq!(
        resolved,
        json!({
            "position": "steps.say.parameters.message", "outcome": "pinned", "value": "ornate",
            "model": "openai/gpt-4o-mini", "cost": "0.000027",
        })
    );
    let asked = fake.asked()[0].body["messages"][1]["content"].as_str().unwrap().to_owned();
    assert!(asked.starts_with("Which style suits rust?"), "{asked}");
    let told = hover(&mut server);
    assert!(told.contains("Pinned: `\"ornate\"` (openai/gpt-4o-mini, $0.000027, today)."), "{told}");
    assert_eq!(hints(&mut server), ["= \"ornate\""]);
    assert_eq!(lenses(&mut server), ["◆ pinned — Back to <AUTO>"]);
    // What is pinned is not asked for again.
    let kept = server.request("workspace/executeCommand", command("orc.resolveAuto", argument.clone()));
    assert_eq!(kept["outcome"], json!("kept"));

    server.change("p.orc.yaml", 2, &TEXT.replace("Which style", "What style"));
    assert!(hover(&mut server).contains("It is stale: the tag was written differently."));
    assert_eq!(hints(&mut server), ["= \"ornate\" (stale)"]);
    assert_eq!(lenses(&mut server), ["◇ stale — Resolve <AUTO>", "Pin as it is"]);
    let pinned = server.request("workspace/executeCommand", command("orc.pinAuto", argument.clone()));
    assert_eq!((&pinned["outcome"], &pinned["value"]), (&json!("pinned"), &json!("ornate")));
    assert_eq!(hints(&mut server), ["= \"ornate\""]);

    let mut by_hand = argument.clone();
    by_hand["value"] = json!("gothic");
    let refused = server.request_error("workspace/executeCommand", command("orc.pinAuto", by_hand.clone()));
    let message = refused["message"].as_str().unwrap();
    assert_eq!(message, "the value does not fit: \"gothic\" is not one of \"plain\" or \"ornate\"");
    by_hand["value"] = json!("plain");
    server.request("workspace/executeCommand", command("orc.pinAuto", by_hand));
    assert_eq!(hints(&mut server), ["= \"plain\""]);

    server.request("workspace/executeCommand", command("orc.unpinAuto", argument.clone()));
    assert_eq!(lenses(&mut server), ["◇ Resolve <AUTO>"]);
    assert!(!server.folder.path().join("p.orc.yaml.lock").exists());
    let nothing = server.request_error("workspace/executeCommand", command("orc.pinAuto", argument));
    assert!(nothing["message"].as_str().unwrap().starts_with("nothing is pinned at"), "{nothing}");
    assert_eq!(fake.asked().len(), 1);
    server.finish();
}

#[test]
fn nothing_is_asked_in_a_folder_that_is_not_trusted() {
    let fake = Fake::new(Vec::new());
    let mut server = start(&fake, false);
    let argument = at(&server);
    for name in ["orc.resolveAuto", "orc.pinAuto", "orc.unpinAuto"] {
        let error = server.request_error("workspace/executeCommand", command(name, argument.clone()));
        assert_eq!(error["data"], json!({ "reason": "untrusted" }));
    }
    assert_eq!(fake.connections(), 0);
    server.finish();
}

#[test]
fn a_model_that_does_not_answer_is_an_error_with_the_reason() {
    let fake = Fake::new(vec![says("no"), says("no")]);
    let mut server = start(&fake, true);
    let argument = at(&server);
    let error = server.request_error("workspace/executeCommand", command("orc.resolveAuto", argument));
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("the `<AUTO>` at `steps.say.parameters.message` was not answered:"), "{message}");
    assert!(!server.folder.path().join("p.orc.yaml.lock").exists());
    server.finish();
}

/// The next progress under `token`: its kind, and what it says.
fn progress(server: &mut TestServer, token: &Value) -> String {
    let told = server.notification("$/progress");
    assert_eq!(&told["token"], token, "{told}");
    let value = &told["value"];
    assert!(value["kind"] == "end" || value["cancellable"] == true, "{told}");
    let said = value.get("message").or_else(|| value.get("title"));
    format!("{}: {}", value["kind"].as_str().unwrap(), said.and_then(Value::as_str).unwrap_or_default())
}

/// All of it, to its end.
fn all_progress(server: &mut TestServer, token: &Value) -> Vec<String> {
    let mut told = vec![progress(server, token)];
    while !told.last().unwrap().starts_with("end: ") {
        told.push(progress(server, token));
    }
    told
}

#[test]
fn an_answer_is_shown_as_it_comes_under_the_token_of_the_request() {
    let answers = [&["\"gothic\""][..], &["\"", "orn", "ate\""]];
    let fake = Fake::new(answers.map(|texts| says_in_pieces(texts, End::Whole)).into());
    let mut server = start(&fake, true);
    let token = json!(7);
    let mut params = command("orc.resolveAuto", at(&server));
    params["workDoneToken"] = token.clone();
    let id = server.send("workspace/executeCommand", params);
    let told = all_progress(&mut server, &token);
    assert_eq!(
        told[..4],
        [
            "begin: orc: resolving steps.say.parameters.message",
            "report: \"gothic\"",
            // What comes now is another answer. Its first piece is told at once.
            "report: the answer does not fit: \"gothic\" is not one of \"plain\" or \"ornate\"; asked once more",
            "report: \"",
        ]
    );
    // What comes quickly is told together, as it grows.
    assert!(told[3..told.len() - 1].windows(2).all(|two| two[1].starts_with(&two[0])), "{told:?}");
    assert_eq!(told[told.len() - 2..], ["report: \"ornate\"", "end: pinned = \"ornate\""]);
    let resolved = server.answer(id).unwrap();
    assert_eq!((&resolved["outcome"], &resolved["cost"]), (&json!("pinned"), &json!("0.000054")));
    // Pinned: nothing is asked, and the progress ends all the same.
    let mut params = command("orc.resolveAuto", at(&server));
    params["workDoneToken"] = json!("again");
    let id = server.send("workspace/executeCommand", params);
    let told = all_progress(&mut server, &json!("again"));
    assert_eq!(told, ["begin: orc: resolving steps.say.parameters.message", "end: kept = \"ornate\""]);
    server.answer(id).unwrap();
    assert_eq!(fake.asked().len(), 2);
    server.finish();
}

/// A lock file with an older answer, and what nobody but a person writes.
fn stale_lock(server: &TestServer) -> (std::path::PathBuf, Vec<u8>) {
    let path = server.folder.path().join("p.orc.yaml.lock");
    let text = "\
# By hand.
version: 1
pins:
- {position: steps.say.parameters.message, body: '00', context: '00', value: plain, model: m, date: 2026-01-01T00:00:00Z}
";
    std::fs::write(&path, text).unwrap();
    (path, text.into())
}

#[test]
fn a_cancel_by_the_progress_closes_the_connection_and_leaves_the_lock_file_as_it_is() {
    let fake = Fake::new(vec![says_in_pieces(&["orn"], End::Stall)]);
    // The editor gives no token, but shows what the server begins.
    let mut server = start_with(&fake, true, json!({ "workDoneProgress": true }));
    let (path, lock) = stale_lock(&server);
    let params = command("orc.resolveAuto", at(&server));
    let id = server.send("workspace/executeCommand", params);
    let token = server.server_request("window/workDoneProgress/create", Value::Null)["token"].clone();
    // The first piece may come before the editor shows the progress or after.
    let mut told = vec![progress(&mut server, &token)];
    while !told.last().unwrap().ends_with(": orn") {
        told.push(progress(&mut server, &token));
    }
    assert!(told[0].starts_with("begin: "), "{told:?}");
    server.notify("window/workDoneProgress/cancel", json!({ "token": token }));
    assert_eq!(progress(&mut server, &token), "end: cancelled");
    assert_eq!(server.answer(id).unwrap_err()["code"], json!(-32800));
    let news: Vec<&str> = (0..2).map(|_| fake.news.recv().unwrap()).collect();
    assert_eq!(news, ["asked", "gone"]);
    assert_eq!(std::fs::read(path).unwrap(), lock);
    server.finish();
}

#[test]
fn a_cancelled_request_closes_the_connection_and_leaves_the_lock_file_as_it_is() {
    let fake = Fake::new(vec![says_in_pieces(&["orn"], End::Stall)]);
    let mut server = start(&fake, true);
    let (path, lock) = stale_lock(&server);
    let mut params = command("orc.resolveAuto", at(&server));
    params["workDoneToken"] = json!("t");
    let id = server.send("workspace/executeCommand", params);
    assert_eq!(progress(&mut server, &json!("t")), "begin: orc: resolving steps.say.parameters.message");
    assert_eq!(progress(&mut server, &json!("t")), "report: orn");
    server.notify("$/cancelRequest", json!({ "id": id }));
    assert_eq!(server.answer(id).unwrap_err()["code"], json!(-32800));
    let news: Vec<&str> = (0..2).map(|_| fake.news.recv().unwrap()).collect();
    assert_eq!(news, ["asked", "gone"]);
    // When that comes the process that asked has ended.
    assert_eq!(progress(&mut server, &json!("t")), "end: cancelled");
    assert_eq!(std::fs::read(path).unwrap(), lock);
    server.finish();
}

#[test]
fn a_cancel_that_comes_before_the_command_is_looked_at_counts() {
    let fake = Fake::new(vec![says_in_pieces(&["orn"], End::Stall)]);
    let mut server = start(&fake, true);
    let mut params = command("orc.resolveAuto", at(&server));
    params["workDoneToken"] = json!("t");
    let id = server.send("workspace/executeCommand", params);
    server.notify("window/workDoneProgress/cancel", json!({ "token": "t" }));
    assert_eq!(server.answer(id).unwrap_err()["code"], json!(-32800));
    let begun = progress(&mut server, &json!("t"));
    assert_eq!(begun, "begin: orc: resolving steps.say.parameters.message");
    assert_eq!(progress(&mut server, &json!("t")), "end: cancelled");
    assert!(!server.folder.path().join("p.orc.yaml.lock").exists());
    server.finish();
}
