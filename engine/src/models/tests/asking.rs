//! Asking, as actions do it: which provider, answers that do not fit, being stopped.

use super::*;
use crate::{
    models::{self, Served},
    run::document::Cost,
    tools::fixture::World,
};

fn says(text: &str) -> Reply {
    Reply::Json(
        200,
        json!({
            "model": "gpt-4o-mini", "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2},
        }),
    )
}

/// A world whose environment leads to the server.
fn world(fake: &Fake) -> World {
    let mut world = World::new();
    world.cx.environment = environment(&kind::OPENAI, &fake.base("/v1"));
    world
}

fn ask(fake: &Fake, model: &str, asked: Request) -> Result<Response, ToolError> {
    block_on(models::ask(Some(model), asked, &world(fake).cx))
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_once_more() {
    let fake = Fake::new(vec![says("{\"score\": \"high\"}"), says("{\"score\": 7}")]);
    let response = ask(&fake, "gpt-4o-mini", scored("")).unwrap();
    assert_eq!((response.value, response.failure), (json!({"score": 7}), None));
    let usage = Usage { requests: 2, input_tokens: 20, output_tokens: 4, ..Usage::default() };
    assert_eq!((response.usage, response.cost.nano_usd), (Some(usage), 20 * 150 + 4 * 600));
    let asked = fake.asked();
    assert_eq!(asked[0].body["messages"], json!([{"role": "user", "content": "Rate it."}]));
    assert_eq!(
        asked[1].body["messages"],
        json!([
            {"role": "user", "content": "Rate it."},
            {"role": "assistant", "content": "{\"score\":\"high\"}"},
            {"role": "user", "content": "This does not fit the schema: \"high\" is not of type \"integer\" (at `/score`). \
                                         Give the whole answer again."},
        ])
    );
    assert_eq!((asked.len(), fake.connections()), (2, 1), "the connection is used again");
}

#[test]
fn an_answer_that_never_fits_is_none_and_is_paid_for() {
    let fake = Fake::new(vec![says("seven"), says("{\"score\": 7.5}")]);
    let response = ask(&fake, "openai/gpt-4o-mini", scored("")).unwrap();
    assert_eq!(
        useless(&response),
        "SchemaMismatchError: `gpt-4o-mini` was asked twice, and its answer does not fit the schema: 7.5 is not of type \
         \"integer\" (at `/score`)"
    );
    assert_eq!((response.usage.unwrap().requests, response.cost.nano_usd), (2, 20 * 150 + 4 * 600));
}

#[test]
fn a_second_question_that_fails_leaves_the_first_one_paid() {
    let fake = Fake::new(vec![says("seven"), Reply::Json(400, json!({"error": {"message": "no"}}))]);
    let response = ask(&fake, "openai/gpt-4o-mini", scored("")).unwrap();
    assert!(useless(&response).starts_with("ModelRequestError: "), "{response:?}");
    assert_eq!((response.usage.unwrap().requests, response.cost.nano_usd), (1, 10 * 150 + 2 * 600));
}

#[test]
fn a_schema_that_is_none_costs_nothing() {
    let fake = Fake::new(Vec::new());
    let wrong = Request { schema: Some(json!({"type": "nonsense"})), ..request("", "?") };
    let told = failed(ask(&fake, "openai/m", wrong));
    assert!(told.starts_with("ParameterError: `schema` is no JSON Schema that can be checked: "), "{told}");
    assert_eq!(fake.asked(), []);
}

#[test]
fn a_simulated_model_asks_nobody() {
    let fake = Fake::new(Vec::new());
    let response = ask(&fake, "simulated/small", request("", "?")).unwrap();
    assert_eq!((&*response.provider, response.cost, fake.connections()), ("simulated", Cost::free(), 0));
}

#[test]
fn who_is_stopped_lets_go_at_once() {
    let fake = Fake::new(vec![Reply::Stall]);
    let world = world(&fake);
    let cancel = world.cx.cancel.clone();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| block_on(models::ask(Some("openai/m"), request("", "?"), &world.cx)));
        assert_eq!(fake.news.recv(), Ok("asked"));
        cancel.cancel();
        assert_eq!(failed(asking.join().unwrap()), "CancelledError: the call to the model was cancelled");
    });
    assert_eq!(fake.news.recv(), Ok("gone"), "the server is told that nobody waits");
}

#[test]
fn attempts_that_came_to_nothing_count() {
    let took = |tokens, nano_usd, known| Served {
        requested: None,
        provider: "openai".to_owned(),
        model: "m".to_owned(),
        usage: Some(Usage { requests: 1, input_tokens: tokens, ..Usage::default() }),
        cost: Cost::of(nano_usd, known, None),
        reused: None,
        tool_calls: None,
    };
    let both = Served::after(Some(took(1, 10, false)), Some(took(2, 20, true))).unwrap();
    assert_eq!(both.usage.map(|usage| (usage.requests, usage.input_tokens)), Some((2, 3)));
    assert_eq!((both.cost.nano_usd, both.cost.known), (30, false));
    assert_eq!(Served::after(Some(took(1, 10, true)), None), Some(took(1, 10, true)));
    let untold = Served { usage: None, ..took(1, 10, true) };
    assert_eq!(Served::after(Some(untold), Some(took(2, 20, true))).unwrap().usage, None);
}
