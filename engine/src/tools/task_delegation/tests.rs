#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::*;

fn looks(text: &str, requirements: Value) -> Result<(String, String), String> {
    let Value::Object(requirements) = requirements else { panic!("an object") };
    let task = Task::of(text.to_owned(), &requirements).map_err(|error| error.to_string())?;
    Ok((task.analysis.task_type, task.analysis.complexity))
}

#[test]
fn a_text_looks_the_same_each_time() {
    let long = "word ".repeat(450);
    let cases = [
        ("Write a hello world function", "code_generation", "moderate"),
        ("Debug this code", "code_analysis", "moderate"),
        ("Translate to Spanish: Hello", "translation", "simple"),
        ("Summarize this document in 2-3 sentences", "summarization", "simple"),
        ("A poem about the sea", "creative_writing", "simple"),
        ("Analyze sales data trends", "analysis", "moderate"),
        ("Prove the claim", "analysis", "complex"),
        ("Why is the sky blue?", "question_answering", "simple"),
        // A word that only begins as a question does is none.
        ("However you like it", "general", "simple"),
        ("A detailed letter", "general", "complex"),
        (&long, "general", "complex"),
        ("", "general", "simple"),
    ];
    for (text, kind, complexity) in cases {
        assert_eq!(looks(text, json!({})).unwrap(), (kind.to_owned(), complexity.to_owned()), "{text}");
    }
}

#[test]
fn what_is_said_of_a_task_counts_more_than_its_words() {
    let said = json!({"complexity": "Simple", "task_type": "law"});
    assert_eq!(looks("Prove the claim", said).unwrap(), ("law".to_owned(), "simple".to_owned()));
    assert_eq!(
        looks("x", json!({"complexity": "simpel"})).unwrap_err(),
        "unknown `complexity` `simpel`; did you mean `simple`?"
    );
    assert_eq!(looks("x", json!({"max_tokens": 0})).unwrap_err(), "`max_tokens` is a number of tokens from 1, not 0");
}

#[test]
fn weights_that_weigh_nothing_are_refused() {
    let wrong = |cost, quality| Weights::of(cost, quality).unwrap_err().to_string();
    assert_eq!(
        wrong(Some(0.0), Some(0.0)),
        "`cost_weight` and `quality_weight` are both 0, so that nothing counts; raise one of them"
    );
    assert_eq!(wrong(Some(1.5), None), "`cost_weight` is a number from 0 to 1, not 1.5");
    assert_eq!(wrong(None, Some(f64::NAN)), "`quality_weight` is a number from 0 to 1, not NaN");
}
