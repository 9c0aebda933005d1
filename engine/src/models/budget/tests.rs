//! Budgets: what is held, for whom, and until when.

use super::*;
use crate::models::message::{Message, Role};

#[test]
fn each_turn_of_a_conversation_may_be_framed() {
    let of = |count: usize| {
        let message = Message { role: Role::User, content: "x".to_owned() };
        most_tokens(&Request { messages: vec![message; count], ..Request::default() })
    };
    assert_eq!(of(401) - of(1), 400 * 17);
}

fn purse(limit: i64) -> Purse {
    Purse::new(Budget { run: Some(limit), ..Budget::default() }, None, 0, None)
}

fn left(purse: &Purse) -> (i64, i64) {
    let accounts = purse.accounts();
    (accounts.run.spent, accounts.run.held)
}

fn held(purse: &Purse, worst: i64) -> Option<Hold<'_>> {
    held_at(purse, "a", worst)
}

fn held_at<'p>(purse: &'p Purse, path: &str, worst: i64) -> Option<Hold<'p>> {
    let number = Some(purse.take(path, worst).ok()?);
    Some(Hold { purse, path: path.to_owned(), worst, number })
}

#[test]
fn what_is_held_is_given_back_but_for_what_it_cost() {
    let purse = purse(100);
    let first = held(&purse, 60).expect("it fits");
    assert!(held(&purse, 60).is_none());
    first.settle(&Cost::of(10, true, None));
    assert_eq!(left(&purse), (10, 0));
    held(&purse, 60).expect("it fits").release();
    assert_eq!(left(&purse), (10, 0));
    // Nobody says what it cost.
    held(&purse, 60).expect("it fits").settle(&Cost::unknown());
    assert_eq!(left(&purse), (70, 0));
    drop(held(&purse, 30));
    assert_eq!(left(&purse), (100, 0));
    assert!(held(&purse, 1).is_none());
}

#[tokio::test]
async fn an_attempt_that_broke_off_counts_as_paid() {
    let purse = purse(100);
    let mut hold = held(&purse, 40).expect("it fits");
    assert_eq!(hold.again().await, Ok(()));
    assert_eq!(left(&purse), (40, 40));
    assert_eq!(hold.again().await, Err("another attempt does not fit the budget".to_owned()));
    assert_eq!(left(&purse), (80, 0));
}

#[tokio::test]
async fn another_attempt_waits_for_what_others_hold() {
    let purse = purse(100);
    let mut hold = held(&purse, 40).expect("it fits");
    let other = held(&purse, 60).expect("it fits");
    let again = hold.again();
    tokio::pin!(again);
    assert!(futures_util::poll!(&mut again).is_pending());
    other.release();
    assert_eq!(again.await, Ok(()));
    assert_eq!(left(&purse), (40, 40));
}

#[test]
fn more_than_was_held_counts_all_the_same() {
    let purse = purse(100);
    held(&purse, 10).expect("it fits").settle(&Cost::of(500, true, None));
    assert_eq!(left(&purse), (500, 0));
    assert!(held(&purse, 1).is_none());
}

#[test]
fn iterations_draw_on_the_account_of_their_loop() {
    let purse = Purse::default();
    let account = |limit| Account { limit: Some(limit), ..Account::default() };
    purse.accounts().steps.extend([("all".to_owned(), account(50)), ("all.one".to_owned(), account(40))]);
    let path = plain("all[3].one");
    assert_eq!(path, "all.one");
    assert!(purse.take(&path, 40).is_ok());
    assert!(purse.take(&plain("all[4].one"), 1).is_err());
    assert!(purse.take(&plain("all[4].other"), 10).is_ok());
    assert!(purse.take(&plain("all[5].other"), 1).is_err());
    assert!(purse.take("other", 1000).is_ok());
}

#[test]
fn an_account_that_opens_while_calls_are_under_way_counts_them() {
    let purse = Purse::default();
    let under_way = held_at(&purse, "all.s", 60).expect("nothing is limited");
    held_at(&purse, "all.other", 500).expect("nothing is limited").release();
    purse.limit("all[1].s", 100);
    assert!(held_at(&purse, "all.s", 41).is_none());
    let other = held_at(&purse, "all.s", 40).expect("it fits");
    under_way.settle(&Cost::of(10, true, None));
    assert!(held_at(&purse, "all.s", 51).is_none());
    held_at(&purse, "all.s", 50).expect("it fits").release();
    other.release();
    held_at(&purse, "all.s", 90).expect("it fits").release();
}

#[tokio::test]
async fn who_waits_for_money_is_told_once() {
    let said = std::sync::Arc::new(Mutex::new(String::new()));
    let sink = {
        let said = std::sync::Arc::clone(&said);
        OutputSink::new(move |_, text: &str| said.lock().unwrap_or_else(PoisonError::into_inner).push_str(text))
    };
    let price = lang::registry::Price { input: Some(1.0), output: Some(1.0), ..lang::registry::Price::default() };
    let spec = ModelSpec { price, ..ModelSpec::default() };
    let asked = Asked { spec: Some(&spec), model: "m", is_free: false, usual_answer: None, told: Some(&sink) };
    // 545 tokens are asked at most, and 100 answered.
    let request = Request { prompt: "x".to_owned(), max_tokens: Some(100), ..Request::default() };
    let purse = purse(1_000_000);
    let first = purse.hold("a", &request, asked).await.expect("it fits");
    let waiting = purse.hold("b", &request, asked);
    tokio::pin!(waiting);
    for _ in 0..3 {
        assert!(futures_util::poll!(&mut waiting).is_pending());
        purse.freed.notify_waiters();
    }
    assert_eq!(
        *said.lock().unwrap_or_else(PoisonError::into_inner),
        "waiting for calls that are under way to give money back: this one may cost up to $0.0006, and of the \
         $0.0010 that the run may cost $0.0000 is spent and $0.0006 held\n"
    );
    first.settle(&Cost::of(300_000, true, None));
    assert!(matches!(futures_util::poll!(&mut waiting), std::task::Poll::Ready(Ok(_))));
}

#[test]
fn at_midnight_what_is_held_stays_with_the_day_on_which_it_was() {
    let budget = Budget { day: Some(100), ..Budget::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("runs.db");
    let day = |run: &str| Some(Day::new(store.clone(), run));
    let _runs = crate::run::lock::RunLock::take(&store, "other").expect("a lock").expect("nobody has it");
    day::DATE.set("2026-11-28");
    let (other, purse) = (Purse::new(budget, None, 0, day("other")), Purse::new(budget, None, 0, day("one")));
    held(&other, 20).expect("it fits").settle(&Cost::of(20, true, None));
    let under_way = held(&other, 70).expect("it fits");
    assert!(held(&purse, 11).is_none());
    day::DATE.set("2026-11-29");
    // Another day begins, which has all of its money.
    let first = held(&purse, 100).expect("it fits");
    assert!(folder.path().join("day/other.json").exists(), "who runs is not forgotten");
    under_way.settle(&Cost::of(70, true, None));
    first.settle(&Cost::of(40, true, None));
    assert!(held(&other, 61).is_none());
    held(&other, 60).expect("it fits").release();
    // A run that goes on takes nothing of the day before with it.
    assert!(held(&Purse::new(budget, None, 90, day("other")), 60).is_some());
    day::DATE.set("");
}

#[test]
fn the_day_counts_what_other_runs_spent() {
    let budget = Budget { day: Some(100), ..Budget::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let day = |run: &str| Some(Day::new(folder.path().join("runs.db"), run));
    let other = Purse::new(budget, None, 0, day("other"));
    held(&other, 95).expect("it fits").settle(&Cost::of(90, true, None));
    let broken_off = held(&other, 5).expect("it fits");
    let purse = Purse::new(budget, None, 0, day("one"));
    assert!(held(&purse, 6).is_none());
    assert!(held(&purse, 5).is_some());
    drop(broken_off);
}
