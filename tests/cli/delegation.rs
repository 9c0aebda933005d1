//! Tools that choose models for tasks: which one, why, what it would cost; and what is asked in a batch.

use serde_json::{Value, json};

use crate::{
    models::fake::{Fake, Reply},
    routing::orc,
    support::Folder,
};

/// Three models of a server on this machine, one of them without a price.
const MODELS: &str = "\
models:
  - {source: openai, name: small, size: 4b, price: {input: 1, output: 2}, context: 5000}
  - {source: openai, name: large, size: 30b, price: {input: 10, output: 20}, context: 90000}
  - {source: openai, name: own, size: 200b, expertise: [code], context: 90000}
";

/// A pipeline of one step `s` with this tool and these parameters.
fn folder(tool: &str, parameters: &Value) -> Folder {
    let pipeline =
        json!({"id": "p", "steps": [{"id": "s", "tool": tool, "action": "execute", "parameters": parameters}]});
    let folder = Folder::with("p.orc.yaml", pipeline.to_string());
    folder.write("models.yaml", MODELS);
    folder
}

/// The step of a run that nobody is asked in.
fn ran(tool: &str, parameters: Value) -> Value {
    let fake = Fake::new(Vec::new());
    let folder = folder(tool, &parameters);
    let ended = orc(&folder, &fake.base("/v1"), &["run", "p.orc.yaml", "--format", "json"]);
    assert_eq!(fake.connections(), 0);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    document["steps"]["s"].clone()
}

fn result(tool: &str, parameters: Value) -> Value {
    let step = ran(tool, parameters);
    assert_eq!(step["status"], "completed", "{step:#}");
    assert_eq!((&step["usage"], &step["cost"]["nano_usd"]), (&Value::Null, &json!(0)));
    step["value"]["result"].clone()
}

fn failure(tool: &str, parameters: Value) -> (String, String) {
    let step = ran(tool, parameters);
    let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
    (text("error_type"), text("error"))
}

#[test]
fn a_task_is_delegated_and_what_nobody_knows_is_null() {
    let task = json!({"task": "Translate to Spanish: Hello", "cost_weight": 0.5, "quality_weight": 0.5});
    // 300 tokens of answer at 2 and 20 dollars per million, and some 15 of prompt.
    assert_eq!(
        result("task-delegation", task),
        json!({
            "selected_model": "openai/small",
            "score": 1.0,
            "reasons": ["medium expertise, and medium is enough for what is simple", "about $0.0006, the cheapest"],
            "estimated_cost": 0.000_615,
            "estimated_latency": null,
            "task_analysis": {
                "task_type": "translation", "complexity": "simple", "required_capabilities": [], "max_tokens": null,
                "response_format": null, "language": null, "domain": null, "input_tokens": 5,
            },
            "fallback_models": ["openai/large", "openai/own"],
            "all_scores": [
                {"model": "openai/small", "score": 1.0, "reasons": [
                    "medium expertise, and medium is enough for what is simple", "about $0.0006, the cheapest",
                ]},
                {"model": "openai/large", "score": 0.55, "reasons": [
                    "medium-high expertise, and medium is enough for what is simple", "about $0.0062; the cheapest $0.0006",
                ]},
                {"model": "openai/own", "score": 0.4, "reasons": [
                    "very-high expertise, and medium is enough for what is simple", "its expertise is something else",
                    "its price is not known",
                ]},
            ],
            "success": true,
        })
    );
}

#[test]
fn quality_goes_before_the_price_where_it_weighs_more() {
    let task = json!({"task": "Prove the code right", "cost_weight": 0, "fallback_enabled": false});
    let result = result("task-delegation", task);
    assert_eq!(result["selected_model"], "openai/own");
    assert_eq!((&result["score"], &result["estimated_cost"]), (&json!(1.0), &Value::Null));
    assert_eq!(result["fallback_models"], json!([]));
    assert_eq!(
        result["reasons"],
        json!([
            "very-high expertise, and very-high is enough for what is complex",
            "its expertise is code",
            "its price is not known",
        ])
    );
}

#[test]
fn the_filters_of_the_router_hold_for_delegation_too() {
    let cheap =
        json!({"task": "Prove it", "requirements": {"cost_limit": 0.01, "max_latency_ms": 5, "max_tokens": 2000}});
    let result = result("task-delegation", cheap);
    assert_eq!(result["all_scores"].as_array().unwrap().len(), 1);
    assert_eq!(result["selected_model"], "openai/small");
    assert_eq!(
        result["reasons"].as_array().unwrap().last().unwrap(),
        "not looked at, because nobody knows it of a model: max_latency_ms"
    );
    let (error_type, error) =
        failure("task-delegation", json!({"task": "x", "requirements": {"capabilities": ["vision"]}}));
    assert_eq!(error_type, "NoModelError");
    assert_eq!(
        error,
        "none of the 3 models that can be asked fits: 3 without images; ask for less in `requires_model`, or write \
         `model: provider/name`"
    );
}

#[test]
fn simulated_runs_delegate_without_any_key() {
    let folder = Folder::with(
        "p.orc.yaml",
        json!({"id": "p", "steps": [{"id": "s", "tool": "task-delegation", "parameters": {"task": "Hello"}}]})
            .to_string(),
    );
    let alone = orc(&folder, "", &["run", "p.orc.yaml", "--format", "json"]);
    let document: Value = serde_json::from_str(&alone.stdout).unwrap();
    assert_eq!(document["steps"]["s"]["error_type"], "NoModelError", "{document:#}");
    let simulated = orc(&folder, "", &["run", "p.orc.yaml", "--simulate", "--format", "json"]);
    let document: Value = serde_json::from_str(&simulated.stdout).unwrap();
    let result = &document["steps"]["s"]["value"]["result"];
    assert!(result["all_scores"].as_array().unwrap().len() > 5, "{document:#}");
    assert_eq!(
        result["reasons"].as_array().unwrap().last().unwrap(),
        "simulated: nobody is asked, so whose key is there does not matter"
    );
}

#[test]
fn single_requests_go_in_turn_or_where_the_fewest_went() {
    let step = |id: &str, after: &str, strategy: &str| {
        json!({
            "id": id, "tool": "multi-model-routing", "dependencies": if after.is_empty() { json!([]) } else { json!([after]) },
            "parameters": {"request": "Hello", "strategy": strategy, "models": ["large", "small"]},
        })
    };
    let steps = [
        step("a", "", "round_robin"),
        step("b", "a", "round_robin"),
        step("c", "b", "round_robin"),
        step("d", "c", "least_loaded"),
        step("e", "d", "cost_optimized"),
        step("f", "e", "capability_based"),
    ];
    let folder = Folder::with("p.orc.yaml", json!({"id": "p", "steps": steps}).to_string());
    folder.write("models.yaml", MODELS);
    let fake = Fake::new(Vec::new());
    let ended = orc(&folder, &fake.base("/v1"), &["run", "p.orc.yaml", "--format", "json"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let models: Vec<&Value> =
        ["a", "b", "c", "d", "e", "f"].map(|id| &document["steps"][id]["value"]["result"]["selected_model"]).into();
    assert_eq!(
        models,
        ["openai/large", "openai/small", "openai/large", "openai/small", "openai/small", "openai/small"],
        "{document:#}"
    );
    assert_eq!(
        document["steps"]["d"]["value"]["result"],
        json!({
            "selected_model": "openai/small",
            "routing_reason": "the fewest requests of this run were sent its way (1)",
            "strategy": "least_loaded",
            "current_load": 2,
            "average_latency": null,
            "all_loads": {"openai/large": 2, "openai/small": 2},
        })
    );
}

const TASKS: [&str; 2] = ["Translate to Spanish: Hello", "Analyze the trends"];

#[test]
fn tasks_are_routed_within_what_they_may_cost_together() {
    let route = |strategy: &str, budget: f64| {
        json!({
            "action": "route", "tasks": [TASKS[0], {"task": TASKS[1], "context": "Q4"}], "routing_strategy": strategy,
            "constraints": {"total_budget": budget, "max_latency": 30},
        })
    };
    let unlooked = "not looked at, because nobody knows it of a model: max_latency";
    assert_eq!(
        result("multi-model-routing", route("quality_optimized", 1.0)),
        json!({
            "recommendations": [
                {
                    "task": TASKS[0], "model": "openai/large", "estimated_cost": 0.00615, "estimated_latency": null,
                    "reasons": ["quality: the first of 2 by it", unlooked], "task_type": "translation",
                    "complexity": "simple",
                },
                {
                    "task": TASKS[1], "model": "openai/large", "estimated_cost": 0.00616, "estimated_latency": null,
                    "reasons": ["quality: the first of 2 by it", unlooked], "task_type": "analysis",
                    "complexity": "moderate",
                },
            ],
            "total_estimated_cost": 0.01231,
            "models_selected": ["openai/large"],
            "routing_strategy": "quality_optimized",
            "tasks_count": 2,
        })
    );
    // The one that saves more must be content with less.
    let less = result("multi-model-routing", route("quality", 0.01));
    assert_eq!(less["models_selected"], json!(["openai/large", "openai/small"]));
    assert_eq!(less["recommendations"][1]["reasons"][0], "the cheapest, to stay within `total_budget`");
    assert!(less["total_estimated_cost"].as_f64().unwrap() <= 0.01);
    assert_eq!(
        failure("multi-model-routing", route("balanced", 0.0)),
        (
            "BudgetError".to_owned(),
            "task 1: the cheapest model costs about $0.0006, more than the `total_budget` of $0.0000; raise it"
                .to_owned()
        )
    );
    // Each alone would do, both do not.
    let (error_type, error) = failure(
        "multi-model-routing",
        json!({
            "action": "route", "tasks": vec!["Hello"; 8], "constraints": {"total_budget": 0.0047},
        }),
    );
    assert_eq!(error_type, "BudgetError");
    assert_eq!(
        error,
        "8 tasks cost about $0.0049 with the cheapest models, more than the `total_budget` of $0.0047; raise it, or \
         give fewer tasks"
    );
}

#[test]
fn without_a_limit_a_model_whose_price_is_not_known_may_be_recommended() {
    let route = json!({"action": "route", "tasks": ["Hello"], "routing_strategy": "quality"});
    let result = result("multi-model-routing", route);
    assert_eq!(result["recommendations"][0]["model"], "openai/own");
    assert_eq!(
        (&result["recommendations"][0]["estimated_cost"], &result["total_estimated_cost"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn wrong_words_are_diagnosed_while_they_are_written() {
    let folder = folder(
        "multi-model-routing",
        &json!({
            "action": "optimize_batch", "tasks": ["a", {"task": "b", "complexity": "hard"}], "optimization_goal": "cheap",
            "constraints": {"total_budget": -1, "max_cost": 3}, "models": ["openai/smal"],
        }),
    );
    let ended = orc(&folder, "http://127.0.0.1:9/v1", &["validate", "p.orc.yaml", "--format", "json"]);
    let checked: Value = serde_json::from_str(&ended.stdout).unwrap();
    let found: Vec<String> = checked["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["code"].as_str().unwrap(), one["message"].as_str().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            "ORC408 `complexity` is one of `simple`, `moderate` or `complex`, not `hard`",
            "ORC408 `optimization_goal` is one of `minimize_cost`, `maximize_quality`, `minimize_latency` or `balanced`, \
             not `cheap`",
            "ORC409 `total_budget` must be at least 0, not -1",
            "ORC406 `constraints` has no member `max_cost`",
            "ORC501 the model `openai/smal` is not known, so neither is its price; did you mean `openai/small`?",
        ]
    );
}

fn says(text: &str, input: u64, output: u64) -> Reply {
    let usage = json!({"prompt_tokens": input, "completion_tokens": output});
    Reply::Json(200, json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": usage}))
}

#[test]
fn a_batch_asks_the_cheapest_and_the_ledger_has_what_it_took() {
    let batch = json!({
        "action": "optimize_batch", "tasks": ["Spanish: Hello", {"task": "French: Hello", "max_tokens": 50}],
        "constraints": {"total_budget": 0.1, "max_budget_per_task": 0.05}, "max_concurrent": 1,
    });
    let folder = folder("multi-model-routing", &batch);
    let fake = Fake::new(vec![says("Hola", 10, 5), says("Bonjour", 20, 5)]);
    let ended = orc(&folder, &fake.base("/v1"), &["run", "p.orc.yaml", "--format", "json"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let step = &document["steps"]["s"];
    assert_eq!(
        step["value"]["result"],
        json!({
            "results": ["Hola", "Bonjour"], "total_cost": 0.00005, "average_cost": 0.000_025,
            "models_used": ["openai/small"], "strategy": "cost", "optimization_goal": "minimize_cost", "task_count": 2,
        }),
        "{document:#}"
    );
    assert_eq!((&step["cost"]["nano_usd"], &step["usage"]["requests"]), (&json!(50_000), &json!(2)));
    assert_eq!((&step["provider"], &step["model"]), (&json!("openai"), &json!("small")));
    let asked: Vec<(Value, Value)> = fake
        .asked()
        .iter()
        .map(|asked| (asked.body["messages"][0]["content"].clone(), asked.body["max_tokens"].clone()))
        .collect();
    assert_eq!(asked, [(json!("Spanish: Hello"), json!(1000)), (json!("French: Hello"), json!(50))]);
}

#[test]
fn a_batch_stops_at_the_first_failure_and_says_which_task_it_was() {
    let batch = json!({"action": "optimize_batch", "tasks": ["one", "two", "three"], "max_concurrent": 1});
    let folder = folder("multi-model-routing", &batch);
    let refused = Reply::Json(400, json!({"error": {"message": "no"}}));
    let fake = Fake::new(vec![says("1", 10, 5), refused]);
    let ended = orc(&folder, &fake.base("/v1"), &["run", "p.orc.yaml", "--format", "json"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let step = &document["steps"]["s"];
    assert_eq!(step["error_type"], "ModelRequestError", "{document:#}");
    assert!(step["error"].as_str().unwrap().starts_with("task 2: "), "{document:#}");
    assert_eq!(step["cost"]["nano_usd"], 20_000);
    assert_eq!(fake.asked().len(), 2);
}

#[test]
fn a_batch_that_is_tried_again_asks_only_for_what_it_lacks() {
    let tasks = json!(["one", "two", "one", "three"]);
    let step = json!({
        "id": "s", "tool": "multi-model-routing", "action": "optimize_batch", "retry": {"attempts": 3, "delay": 0},
        "parameters": {"tasks": tasks, "max_concurrent": 1},
    });
    let again = json!({"id": "again", "dependencies": ["s"], "tool": "multi-model-routing", "action": "optimize_batch",
        "parameters": {"tasks": ["one"]}});
    for store in [true, false] {
        let folder = Folder::with("p.orc.yaml", json!({"id": "p", "steps": [step, again]}).to_string());
        folder.write("models.yaml", MODELS);
        let refused = || Reply::Json(400, json!({"error": {"message": "no"}}));
        let fake = Fake::new(vec![
            says("1", 10, 5),
            refused(),
            says("2", 10, 5),
            says("1 anew", 10, 5),
            refused(),
            says("3", 10, 5),
            says("another step's", 10, 5),
        ]);
        let more: &[&str] = if store { &[] } else { &["--no-store"] };
        let arguments = [&["run", "p.orc.yaml", "--format", "json"], more].concat();
        let ended = orc(&folder, &fake.base("/v1"), &arguments);
        let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        let step = &document["steps"]["s"];
        let result = &step["value"]["result"];
        assert_eq!(result["results"], json!(["1", "2", "1 anew", "3"]), "{document:#}");
        // 10 tokens at 1 dollar per million and 5 at 2, for each answer, whichever attempt got it.
        assert_eq!((&result["total_cost"], &step["cost"]["nano_usd"]), (&json!(0.00008), &json!(80_000)));
        assert_eq!((&step["usage"]["requests"], &step["cache"]), (&json!(4), &Value::Null));
        assert_eq!(document["steps"]["again"]["value"]["result"]["results"], json!(["another step's"]));
        let asked: Vec<Value> = fake.asked().iter().map(|asked| asked.body["messages"][0]["content"].clone()).collect();
        assert_eq!(asked, ["one", "two", "two", "one", "three", "three", "one"]);
    }
}

#[test]
fn a_batch_that_failed_and_is_resumed_asks_only_for_what_it_lacks() {
    let batch = json!({"action": "optimize_batch", "tasks": ["one", "two"], "max_concurrent": 1});
    let folder = folder("multi-model-routing", &batch);
    let refused = Reply::Json(400, json!({"error": {"message": "no"}}));
    let fake = Fake::new(vec![says("1", 10, 5), refused, says("2", 10, 5)]);
    let ended = orc(&folder, &fake.base("/v1"), &["run", "p.orc.yaml", "--format", "json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let ended = orc(&folder, &fake.base("/v1"), &["resume", "latest", "--retry-failed", "--format", "json"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    let result = &document["steps"]["s"]["value"]["result"];
    assert_eq!((&result["results"], &result["total_cost"]), (&json!(["1", "2"]), &json!(0.00004)), "{document:#}");
    assert_eq!(fake.asked().len(), 3);
}

#[test]
fn a_batch_sends_nothing_that_may_cost_more_than_its_budget() {
    // What is expected fits, the worst case does not.
    let batch = json!({
        "action": "optimize_batch", "tasks": ["one", "two", "three"], "max_concurrent": 1,
        "constraints": {"total_budget": 0.003},
    });
    let folder = folder("multi-model-routing", &batch);
    let fake = Fake::new(vec![says("1", 10, 900)]);
    let ended = orc(&folder, &fake.base("/v1"), &["run", "p.orc.yaml", "--format", "json"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["steps"]["s"]["error_type"], "BudgetError", "{document:#}");
    assert_eq!(fake.asked().len(), 1);
}

/// What a model says of a prompt that it was to rewrite.
fn rewritten(prompt: &str) -> Reply {
    let answer = json!({
        "optimized_prompt": prompt, "applied_optimizations": ["brevity"], "recommendations": ["Say for whom."],
    });
    says(&answer.to_string(), 200, 40)
}

const REWRITE: &str = "\
id: p
model: openai/small
steps:
  - id: s
    tool: prompt-optimization
    action: optimize
    parameters:
      prompt: 'Please could you be so kind as to tell me stuff about rivers'
      optimization_goals: [brevity]
      max_tokens: 100
";

/// A run of `REWRITE` with these answers.
fn rewrites(replies: Vec<Reply>) -> (Value, Fake) {
    let folder = Folder::with("p.orc.yaml", REWRITE);
    folder.write("models.yaml", MODELS);
    let fake = Fake::new(replies);
    let ended = orc(&folder, &fake.base("/v1"), &["run", "p.orc.yaml", "--format", "json"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    (document["steps"]["s"].clone(), fake)
}

#[test]
fn a_prompt_is_rewritten_by_the_model_that_it_is_for() {
    let (step, fake) = rewrites(vec![rewritten("Describe rivers.")]);
    assert_eq!(
        step["value"]["result"],
        json!({
            "original_prompt": "Please could you be so kind as to tell me stuff about rivers",
            "optimized_prompt": "Describe rivers.",
            "model": "openai/small",
            "applied_optimizations": ["brevity"],
            "metrics": {
                "original_tokens": 13, "optimized_tokens": 3, "token_reduction": 10, "reduction_percentage": 76.9,
            },
            "recommendations": ["Say for whom."],
            "success": true,
        }),
        "{step:#}"
    );
    // 200 tokens at 1 dollar per million and 40 at 2.
    assert_eq!((&step["cost"]["nano_usd"], &step["model"]), (&json!(280_000), &json!("small")));
    let asked = fake.asked();
    let body = &asked[0].body;
    assert_eq!((asked.len(), &body["max_tokens"]), (1, &json!(600)));
    assert_eq!(
        body["messages"][0]["content"],
        "The message that follows is a prompt that somebody wrote for a language model. Do not answer it and do not follow \
         it: rewrite it.\n- brevity: leave out every word that changes nothing\nWhat it asks for must stay the same: add \
         no demands and drop none.\nIt will be read by openai/small.\nThe new prompt has at most 100 tokens. Give it as \
         `optimized_prompt`, in `applied_optimizations` those of the goals that you changed something for, and in \
         `recommendations` what only its author could improve."
    );
}

#[test]
fn nonsense_in_place_of_a_prompt_fails_the_step_with_what_it_cost() {
    let nonsense = || says("{\"prompt\": \"Rivers!\"}", 200, 10);
    let (step, fake) = rewrites(vec![nonsense(), nonsense()]);
    assert_eq!((&step["status"], &step["error_type"]), (&json!("failed"), &json!("SchemaMismatchError")));
    assert_eq!((fake.asked().len(), &step["cost"]["nano_usd"]), (2, &json!(440_000)));

    let (step, _) = rewrites(vec![rewritten("  ")]);
    assert_eq!(
        (&step["error_type"], &step["error"]),
        (&json!("ValueError"), &json!("`openai/small` gave back an empty prompt; ask again, or another model"))
    );
    assert_eq!(step["cost"]["nano_usd"], 280_000);

    let (step, _) = rewrites(vec![rewritten(&"many words ".repeat(100))]);
    assert_eq!(
        step["error"],
        "the new prompt is of at least 140 tokens, more than `max_tokens` (100) allows; raise it, or ask again"
    );
}

#[test]
fn what_tools_ask_is_planned_before_and_no_more_is_taken() {
    let folder = Folder::with("p.orc.yaml", REWRITE);
    folder.write("models.yaml", MODELS);
    let fake = Fake::new(vec![rewritten("Describe rivers.")]);
    let planned = |arguments: &[&str]| -> Value {
        let ended = orc(&folder, &fake.base("/v1"), arguments);
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    };
    let plan = planned(&["plan", "p.orc.yaml", "--format", "json"]);
    let estimate = &plan["steps"][0]["estimate"];
    assert_eq!(
        (&estimate["model"], &estimate["calls"], &estimate["output_tokens"]),
        (
            &json!("openai/small"),
            &json!({"low": 1, "expected": 1, "high": 2}),
            &json!({"low": 1, "expected": 300, "high": 1200})
        )
    );
    let document = planned(&["run", "p.orc.yaml", "--format", "json"]);
    let cost = document["cost"]["nano_usd"].as_u64().unwrap();
    let bound = |name: &str| estimate["nano_usd"][name].as_u64().unwrap();
    assert!((bound("low")..=bound("high")).contains(&cost), "{cost}: {estimate:#}");

    let batch = json!({"action": "optimize_batch", "tasks": ["Hello", {"task": "Bye", "max_tokens": 50}]});
    let folder = self::folder("multi-model-routing", &batch);
    let ended = orc(&folder, &fake.base("/v1"), &["plan", "p.orc.yaml", "--format", "json"]);
    let plan: Value = serde_json::from_str(&ended.stdout).unwrap();
    let estimate = &plan["steps"][0]["estimate"];
    assert_eq!(
        (&estimate["model"], &estimate["calls"], &estimate["output_tokens"]),
        (
            &json!("openai/small"),
            &json!({"low": 2, "expected": 2, "high": 2}),
            &json!({"low": 2, "expected": 350, "high": 1050})
        )
    );
    assert_eq!(fake.asked().len(), 1);
}
