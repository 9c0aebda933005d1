//! Budgets are reservations (contract §6.5): what a call may cost at worst is held before it is sent, and what it
//! did not cost is given back after. A call that does not fit waits while others are under way, and is not sent
//! where it cannot fit any more.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lang::registry::ModelSpec;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::{Request, calls::length, message::IMAGE_TOKENS, price, wire::Wire};

mod day;
pub(crate) use day::Day;
use day::{Taken, Unknown};

use crate::{
    plan::{Budget, Scope, Terms},
    run::document::{Cost, dollars},
    tools::ToolError,
};

/// The class of a call that is not made.
pub const OVER_BUDGET: &str = "BudgetError";

/// How often it is looked whether other processes have given something back.
const LOOK: Duration = Duration::from_millis(100);

/// Tokens a provider may add to what is sent: the frame of a tool and of the whole.
const FRAME: u64 = 512;

/// Tokens a provider may add to each turn: its role, where it begins and ends.
const FRAME_OF_TURN: u64 = 16;

/// How long a run waits for others that look at the day's budget.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a run may spend, and what it has.
#[derive(Default)]
pub struct Purse {
    accounts: Mutex<Accounts>,
    freed: Notify,
    /// What other runs of the day have, asked anew for each call.
    day: Option<Day>,
}

impl fmt::Debug for Purse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Purse").field("accounts", &self.accounts).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Accounts {
    run: Account,
    /// Its limit holds for all runs of the day together.
    day: Account,
    /// By the path of the step without the numbers of iterations; what is beneath it counts.
    steps: BTreeMap<String, Account>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Account {
    limit: Option<i64>,
    spent: i64,
    held: i64,
}

impl Account {
    /// What is short: `None` = it fits, `Some(true)` = it may fit when calls that are under way come back.
    fn lacks(&self, worst: i64, others: Taken) -> Option<bool> {
        let limit = self.limit?;
        let spent = self.spent.saturating_add(others.spent).saturating_add(worst);
        let held = self.held.saturating_add(others.held);
        if spent > limit { Some(false) } else { (spent.saturating_add(held) > limit).then_some(true) }
    }

    fn taken(&self) -> Taken {
        Taken { spent: self.spent, held: self.held }
    }
}

/// Why nothing is held.
enum Refused {
    Short(Short),
    Day(Unknown),
}

/// Why a call does not fit.
struct Short {
    /// Whose money it is, for people.
    whose: String,
    limit: i64,
    spent: i64,
    may_pass: bool,
}

impl Purse {
    /// A purse for a run that may spend at most `cap`, or what the pipeline says; `spent` so far, where it is
    /// resumed. `day` knows what other runs have of the day's budget.
    pub(crate) fn new(budget: Budget, cap: Option<i64>, spent: i64, day: Option<Day>) -> Self {
        let run = match (budget.run, cap) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let accounts = Accounts {
            run: Account { limit: run, spent, held: 0 },
            day: Account { limit: budget.day, spent: spent.max(day.as_ref().map_or(0, Day::before)), held: 0 },
            steps: BTreeMap::new(),
        };
        Self { accounts: Mutex::new(accounts), freed: Notify::new(), day }
    }

    /// Opens accounts for the steps of a scope whose paths begin with `prefix`, as far as they have budgets.
    pub(crate) fn open(&self, scope: &Scope, prefix: &str, each: Option<i64>) {
        let mut accounts = self.accounts();
        open(&mut accounts.steps, scope, &plain(prefix), each);
    }

    /// Opens an account for all that is beneath the step at `path`.
    pub(crate) fn open_child(&self, path: &str, terms: &Terms) {
        if let Some(limit) = terms.budget.run {
            let account = Account { limit: Some(limit), ..Account::default() };
            self.accounts().steps.entry(plain(path)).or_insert(account);
        }
    }

    /// Limits what the step at `path` may spend, with all its attempts and iterations; a lower limit stays.
    pub(crate) fn limit(&self, path: &str, most: i64) {
        let mut accounts = self.accounts();
        let account = accounts.steps.entry(plain(path)).or_default();
        account.limit = Some(account.limit.map_or(most, |limit| limit.min(most)));
    }

    fn accounts(&self) -> std::sync::MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything is limited for the step at `path`.
    fn is_open(&self, path: &str) -> bool {
        let accounts = self.accounts();
        accounts.run.limit.is_none() && accounts.day.limit.is_none() && above(&accounts.steps, path).is_empty()
    }

    /// Holds what `request` may cost the step at `path` at worst.
    pub(super) async fn hold<'p>(
        &'p self,
        path: &str,
        request: &Request,
        asked: Asked<'_>,
    ) -> Result<Hold<'p>, ToolError> {
        let path = plain(path);
        if asked.is_free || self.is_open(&path) {
            return Ok(Hold { purse: self, path, worst: 0, held: 0 });
        }
        let worst = asked.worst(request)?;
        let patience = Instant::now() + PATIENCE;
        loop {
            // Before the look, so that nothing that is given back after it goes unheard.
            let freed = self.freed.notified();
            match self.take(&path, worst) {
                Ok(()) => return Ok(Hold { purse: self, path, worst, held: worst }),
                // Other processes do not tell when they give something back.
                Err(Refused::Short(short)) if short.may_pass && self.day.is_some() => drop(timeout(LOOK, freed).await),
                Err(Refused::Short(short)) if short.may_pass => freed.await,
                Err(Refused::Short(short)) => return Err(refusal(&short, worst, request, &asked)),
                Err(Refused::Day(Unknown::Busy(_))) if Instant::now() < patience => drop(timeout(LOOK, freed).await),
                Err(Refused::Day(unknown)) => {
                    let message = format!("it cannot be told what is left of the day's budget: {unknown}");
                    return Err(ToolError::new(OVER_BUDGET, message));
                }
            }
        }
    }

    fn take(&self, path: &str, worst: i64) -> Result<(), Refused> {
        let Some(day) = &self.day else {
            return self.take_beside(Taken::default(), path, worst).map_err(Refused::Short);
        };
        let taken = day.alone(|others| {
            self.take_beside(others, path, worst).map_err(Refused::Short)?;
            let mut accounts = self.accounts();
            // What others cannot see is not held.
            day.say(accounts.day.taken()).map_err(|error| {
                accounts.each(path, |account| account.held -= worst);
                Refused::Day(Unknown::Broken(format!("`.orc/day` cannot be written: {error}")))
            })
        });
        taken.map_err(Refused::Day)?
    }

    fn take_beside(&self, others: Taken, path: &str, worst: i64) -> Result<(), Short> {
        let mut accounts = self.accounts();
        let steps = above(&accounts.steps, path);
        let short = |whose: String, account: &Account, others: Taken| {
            account.lacks(worst, others).map(|may_pass| Short {
                whose,
                limit: account.limit.unwrap_or_default(),
                spent: account.spent.saturating_add(others.spent),
                may_pass,
            })
        };
        let of_steps = steps.iter().filter_map(|step| {
            let account = accounts.steps.get(step)?;
            short(format!("the step `{step}`"), account, Taken::default())
        });
        let all = [
            short("the run".to_owned(), &accounts.run, Taken::default()),
            short("the day".to_owned(), &accounts.day, others),
        ];
        let mut found: Vec<Short> = of_steps.chain(all.into_iter().flatten()).collect();
        // What never fits is said first.
        found.sort_by_key(|short| short.may_pass);
        if let Some(short) = found.into_iter().next() {
            return Err(short);
        }
        accounts.each(path, |account| account.held += worst);
        Ok(())
    }
}

impl Accounts {
    /// All accounts that the step at `path` draws on.
    fn each(&mut self, path: &str, change: impl Fn(&mut Account)) {
        change(&mut self.run);
        change(&mut self.day);
        for step in above(&self.steps, path) {
            if let Some(account) = self.steps.get_mut(&step) {
                change(account);
            }
        }
    }
}

fn open(steps: &mut BTreeMap<String, Account>, scope: &Scope, prefix: &str, each: Option<i64>) {
    for step in &scope.steps {
        let own = [step.terms.budget.run, step.terms.budget.step].into_iter().flatten().min();
        if let Some(limit) = own.or(each) {
            let account = Account { limit: Some(limit), ..Account::default() };
            steps.entry(format!("{prefix}{}", step.id)).or_insert(account);
        }
        if let Some(body) = step.kind.body() {
            open(steps, body, &format!("{prefix}{}.", step.id), None);
        }
    }
}

/// The path without the numbers of iterations.
fn plain(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut inside = false;
    for letter in path.chars() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            letter if !inside => plain.push(letter),
            _ => {}
        }
    }
    plain
}

/// The accounts of the step at `path` and of those above it.
fn above(steps: &BTreeMap<String, Account>, path: &str) -> Vec<String> {
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    ends.filter_map(|end| path.get(..end)).filter(|part| steps.contains_key(*part)).map(str::to_owned).collect()
}

/// What is held for one call.
#[derive(Debug)]
pub(super) struct Hold<'p> {
    purse: &'p Purse,
    path: String,
    worst: i64,
    held: i64,
}

impl Hold<'_> {
    /// An attempt broke off after it was sent, so it may have been paid for. Whether another one fits.
    pub(super) fn again(&mut self) -> bool {
        if self.worst == 0 {
            return true;
        }
        self.give(self.held);
        let fits = self.purse.take(&self.path, self.worst).is_ok();
        self.held = if fits { self.worst } else { 0 };
        fits
    }

    /// The call is over, and nothing was paid.
    pub(super) fn release(mut self) {
        self.give(0);
        self.held = 0;
    }

    /// The call is over and cost so much; what is not known is taken to be as much as it could be.
    pub(super) fn settle(mut self, cost: &Cost) {
        let spent = if cost.known { cost.nano_usd } else { self.held.max(cost.nano_usd) };
        self.give(spent);
        self.held = 0;
    }

    /// What is held is free again but for what was `spent`.
    fn give(&self, spent: i64) {
        let held = self.held;
        if held == 0 && spent == 0 {
            return;
        }
        let mut accounts = self.purse.accounts();
        accounts.each(&self.path, |account| {
            account.held -= held;
            account.spent = account.spent.saturating_add(spent);
        });
        if let Some(day) = &self.purse.day {
            // If that fails, more counts than was spent.
            let _ = day.say(accounts.day.taken());
        }
        drop(accounts);
        self.purse.freed.notify_waiters();
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        // Broken off: nobody told what it cost.
        if self.held > 0 {
            self.give(self.held);
        }
    }
}

/// Who is asked, for what a call may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) spec: Option<&'a ModelSpec>,
    /// The model, for messages.
    pub(super) model: &'a str,
    pub(super) is_free: bool,
    /// What the dialect asks for where the request does not limit the answer.
    pub(super) usual_answer: Option<u64>,
}

impl Asked<'_> {
    /// The most the call may cost.
    fn worst(&self, request: &Request) -> Result<i64, ToolError> {
        let refuse = |message: String| ToolError::new(OVER_BUDGET, message);
        let model = self.model;
        let Some(spec) = self.spec else {
            return Err(refuse(format!(
                "the price of `{model}` is not known, so no budget allows a call; write its `price` in `models.yaml`, or \
                 name another model"
            )));
        };
        let Some(answer) = request.max_tokens.or(self.usual_answer).or(spec.max_output) else {
            return Err(refuse(format!(
                "it is not known how long an answer of `{model}` may be, so no budget allows a call; set `max_tokens`"
            )));
        };
        price::worst(spec, most_tokens(request), answer).ok_or_else(|| {
            refuse(format!(
                "the price of `{model}` is not known in full, so no budget allows a call; write its `price` in \
                 `models.yaml`, or name another model"
            ))
        })
    }
}

/// The most tokens that what is asked can be: no token is shorter than a byte.
pub(super) fn most_tokens(request: &Request) -> u64 {
    let turns = request.turns().iter().map(|turn| turn.text.len()).sum::<usize>();
    let images = IMAGE_TOKENS.2.saturating_mul(request.images.len() as u64);
    let system = request.system.as_ref().map_or(0, String::len);
    // It may be sent in another form than it was written in.
    let schema = request
        .schema
        .as_ref()
        .map_or(0, |schema| schema.to_string().len().max(Wire::of(schema).schema.to_string().len()));
    let frames = FRAME_OF_TURN.saturating_mul(request.turns().len() as u64 + 1);
    // The frame of all tools is one more, and each has its own.
    let called = match &request.tools[..] {
        [] => 0,
        tools => {
            length(&request.tools) as u64 + length(&request.rounds) as u64 + FRAME + FRAME_OF_TURN * tools.len() as u64
        }
    };
    (turns + system + schema) as u64 + called + images + frames + FRAME
}

fn refusal(short: &Short, worst: i64, request: &Request, asked: &Asked<'_>) -> ToolError {
    let left = (short.limit - short.spent).max(0);
    let answer = request.max_tokens.or(asked.usual_answer).or(asked.spec.and_then(|spec| spec.max_output));
    ToolError::new(
        OVER_BUDGET,
        format!(
            "a call to `{}` may cost up to {} (at most {} tokens asked and {} answered), and of the {} that {} may cost \
             {} is left; raise `--max-cost` or `budget`, or lower `max_tokens`",
            asked.model,
            dollars(worst, true),
            most_tokens(request),
            answer.unwrap_or_default(),
            dollars(short.limit, true),
            short.whose,
            dollars(left, true),
        ),
    )
}

#[cfg(test)]
mod tests {
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
        purse.take("a", worst).ok()?;
        Some(Hold { purse, path: "a".to_owned(), worst, held: worst })
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

    #[test]
    fn an_attempt_that_broke_off_counts_as_paid() {
        let purse = purse(100);
        let mut hold = held(&purse, 40).expect("it fits");
        assert!(hold.again());
        assert_eq!(left(&purse), (40, 40));
        assert!(!hold.again());
        assert_eq!(left(&purse), (80, 0));
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
}
