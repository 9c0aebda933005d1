//! Completion over the protocol.

use serde_json::{Value, json};

use crate::support::TestServer;

const TEXT: &str = "name: n\nsteps:\n- id: s\n  action: generate\n  \n";

fn keys(server: &mut TestServer) -> Vec<Value> {
    server.open("a.orc.yaml", TEXT);
    let mut params = server.document("a.orc.yaml");
    params["position"] = json!({ "line": 4, "character": 2 });
    server.request("textDocument/completion", params).as_array().unwrap().clone()
}

fn named<'v>(items: &'v [Value], label: &str) -> &'v Value {
    items.iter().find(|item| item["label"] == label).unwrap()
}

#[test]
fn documentation_comes_when_it_is_asked_for_by_those_who_can_ask() {
    let properties = json!({ "completionItem": { "resolveSupport": { "properties": ["documentation"] } } });
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {}, "completion": properties } }));
    let items = keys(&mut server);
    assert!(items.iter().all(|item| item.get("documentation").is_none()), "{items:#?}");
    let resolved = server.request("completionItem/resolve", named(&items, "parameters").clone());
    let text = resolved["documentation"]["value"].as_str().unwrap();
    server.finish();

    let mut plain = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    let items = keys(&mut plain);
    assert_eq!(named(&items, "parameters")["documentation"]["value"], text);
    plain.finish();
}

#[test]
fn an_item_that_is_not_known_any_more_stays_as_it_is() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    let item = json!({ "label": "x", "data": { "list": 99, "item": 3 } });
    assert_eq!(server.request("completionItem/resolve", item.clone()), item);
    server.finish();
}

/// What is offered at the `$0` of a text, as it comes.
fn offered(server: &mut TestServer, name: &str, fixture: &str, context: Value) -> Value {
    let before = &fixture[..fixture.find("$0").unwrap()];
    server.open(name, &fixture.replacen("$0", "", 1));
    let mut params = server.document(name);
    let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1);
    params["position"] = json!({ "line": before.matches('\n').count(), "character": column });
    params["context"] = context;
    server.request("textDocument/completion", params)
}

fn invoked(server: &mut TestServer, name: &str, fixture: &str) -> Vec<Value> {
    offered(server, name, fixture, json!({ "triggerKind": 1 })).as_array().unwrap().clone()
}

fn client(item: Value) -> TestServer {
    TestServer::start(json!({ "textDocument": { "diagnostic": {}, "completion": { "completionItem": item } } }))
}

#[test]
fn each_trigger_character_asks_for_what_follows_it() {
    const STEP: &str = "id: p\ninputs: {topic: {type: string}}\nsteps:\n  - id: a\n    tool: filesystem\n    action: read\n    parameters: {path: x}\n  - id: b\n";
    let cases = [
        (":", "    action:$0\n", "generate"),
        (" ", "    action: $0\n", "generate"),
        ("-", "    dependencies:\n      -$0\n", "a"),
        ("{", "    name: \"{{$0}}\"\n", "topic"),
        (".", "    name: \"{{ a.result.$0 }}\"\n", "content"),
        ("|", "    name: \"{{ topic |$0 }}\"\n", "upper"),
        ("<", "    action: generate\n    parameters:\n      prompt: <$0\n", "<AUTO>…</AUTO>"),
        ("\"", "    action: \"$0\"\n", "generate"),
        ("/", "    tool: filesystem\n    action: read\n    parameters:\n      path: data/$0\n", "rows.csv"),
        ("[", "    dependencies: [$0]\n", "a"),
    ];
    let mut server = client(json!({}));
    std::fs::create_dir(server.folder.path().join("data")).unwrap();
    std::fs::write(server.folder.path().join("data/rows.csv"), "a\n").unwrap();
    let provider = &server.initialized["capabilities"]["completionProvider"];
    assert_eq!(provider["triggerCharacters"], json!(cases.map(|case| case.0)));
    for (number, (character, line, expected)) in cases.into_iter().enumerate() {
        let context = json!({ "triggerKind": 2, "triggerCharacter": character });
        let name = format!("{number}.orc.yaml");
        let found = offered(&mut server, &name, &format!("{STEP}{line}"), context);
        let labels: Vec<&str> = found.as_array().unwrap().iter().filter_map(|item| item["label"].as_str()).collect();
        assert!(labels.contains(&expected), "`{character}` does not offer `{expected}`: {labels:?}");
    }
    server.finish();
}

#[test]
fn snippets_have_stops_for_those_who_take_them_and_defaults_for_all_others() {
    const STEPS: &str = "id: p\nsteps:\n  - $0\n";
    let mut server = client(json!({ "snippetSupport": true, "insertTextModeSupport": { "valueSet": [1, 2] } }));
    let item = named(&invoked(&mut server, "a.orc.yaml", STEPS), "step").clone();
    assert_eq!((&item["insertTextFormat"], &item["insertTextMode"]), (&json!(2), &json!(2)), "{item:#}");
    // The editor indents the lines like the one the snippet is put into.
    let text = "id: ${1:write}\n  action: generate\n  parameters:\n    model: <AUTO>\n    prompt: ${2:Write a paragraph about the tides.}";
    assert_eq!(item["textEdit"]["newText"], text);
    server.finish();

    let mut server = client(json!({}));
    let item = named(&invoked(&mut server, "a.orc.yaml", STEPS), "step").clone();
    assert!(item.get("insertTextFormat").is_none() && item.get("insertTextMode").is_none(), "{item:#}");
    let text = "id: write\n    action: generate\n    parameters:\n      model: <AUTO>\n      prompt: Write a paragraph about the tides.";
    assert_eq!(item["textEdit"]["newText"], text);
    server.finish();
}

#[test]
fn the_lines_of_a_key_stay_where_they_are_put() {
    let mut server = client(json!({ "insertTextModeSupport": { "valueSet": [1, 2] } }));
    let items = keys(&mut server);
    let item = named(&items, "parameters");
    assert_eq!((&item["textEdit"]["newText"], &item["insertTextMode"]), (&json!("parameters:\n    "), &json!(1)));
    assert!(named(&items, "name").get("insertTextMode").is_none());
    server.finish();
}

#[test]
fn types_and_signatures_stand_beside_labels_and_a_dot_takes_a_name() {
    const NAMES: &str = "id: p\ninputs: {topic: {type: string}}\nsteps:\n  - id: a\n    action: generate\n    parameters:\n      prompt: \"{{ $0 }}\"\n";
    let abilities = json!({ "labelDetailsSupport": true, "commitCharactersSupport": true });
    for (abilities, can) in [(abilities, true), (json!({}), false)] {
        let mut server = client(abilities);
        let shown = |value: Value| if can { value } else { Value::Null };
        let names = invoked(&mut server, "a.orc.yaml", NAMES);
        let topic = named(&names, "topic");
        assert_eq!(topic["detail"], "input");
        assert_eq!(topic["labelDetails"], shown(json!({ "description": "input" })));
        assert_eq!(topic["commitCharacters"], shown(json!(["."])));
        let filters = invoked(&mut server, "b.orc.yaml", &NAMES.replace("$0", "topic | $0"));
        let truncate = named(&filters, "truncate");
        let parameters =
            "(length: integer = 255, killwords: boolean = false, end: string = '...', leeway: integer = 5)";
        let details = json!({ "detail": parameters, "description": "string" });
        assert_eq!(truncate["labelDetails"], shown(details));
        assert_eq!(truncate["commitCharacters"], shown(json!(["("])));
        // What takes nothing is not called, and words of lists are typed with any character behind them.
        assert!(named(&filters, "upper").get("commitCharacters").is_none());
        let actions = invoked(&mut server, "c.orc.yaml", "steps:\n  - id: a\n    action: $0\n");
        assert!(actions.iter().all(|item| item.get("commitCharacters").is_none()));
        server.finish();
    }
}

#[test]
fn a_model_says_where_it_is_how_much_it_reads_and_what_it_costs() {
    let mut server = client(json!({}));
    let fixture = "steps:\n  - id: a\n    action: generate\n    parameters:\n      model: $0\n";
    let items = invoked(&mut server, "a.orc.yaml", fixture);
    let date = engine::catalog::registry().models.price_date().to_owned();
    let detail = format!("openai · 400k context · $0.25 in, $2 out per million tokens ({date})");
    assert_eq!(named(&items, "openai/gpt-5-mini")["detail"], detail);
    server.finish();
}

#[test]
fn a_list_is_incomplete_only_where_a_directory_is_too_long_to_be_listed() {
    let mut server = client(json!({}));
    let folder = server.folder.path().join("many");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..2_000 {
        std::fs::write(folder.join(format!("{number}.txt")), "").unwrap();
    }
    let fixture = "steps:\n  - id: a\n    tool: filesystem\n    action: read\n    parameters:\n      path: many/$0\n";
    assert_eq!(invoked(&mut server, "a.orc.yaml", fixture).len(), 2_000);
    std::fs::write(folder.join("zebra.txt"), "").unwrap();
    let found = offered(&mut server, "b.orc.yaml", fixture, json!({ "triggerKind": 1 }));
    assert_eq!((&found["isIncomplete"], found["items"].as_array().unwrap().len()), (&json!(true), 2_000));
    // What is left out is offered once its beginning is typed.
    let found = offered(&mut server, "c.orc.yaml", &fixture.replace("$0", "z$0"), json!({ "triggerKind": 3 }));
    let labels: Vec<&Value> = found["items"].as_array().unwrap().iter().map(|item| &item["label"]).collect();
    assert_eq!((&found["isIncomplete"], labels), (&json!(true), vec![&json!("zebra.txt")]));
    server.finish();
}
