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
    tools::{OutputSink, ToolError, output::Stream},
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
    /// The day that it is of, where one is limited.
    date: String,
    /// By the path of the step without the numbers of iterations; what is beneath it counts.
    steps: BTreeMap<String, Account>,
    /// What is held for calls that are under way, by the numbers of their holds.
    holds: BTreeMap<u64, Held>,
    /// The number of the latest.
    latest: u64,
}

/// What is held for a call.
#[derive(Debug)]
struct Held {
    /// Of the step.
    path: String,
    amount: i64,
    /// The day on which it was held, which pays it.
    date: String,
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
    held: i64,
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
            day: Account { limit: budget.day, spent: day.as_ref().map_or(0, |day| day.before(spent)), held: 0 },
            date: if budget.day.is_some() { day::today() } else { String::new() },
            ..Accounts::default()
        };
        Self { accounts: Mutex::new(accounts), freed: Notify::new(), day }
    }

    /// Opens accounts for the steps of a scope whose paths begin with `prefix`, as far as they have budgets.
    pub(crate) fn open(&self, scope: &Scope, prefix: &str, each: Option<i64>) {
        let mut accounts = self.accounts();
        open(&mut accounts, scope, &plain(prefix), each);
    }

    /// Opens an account for all that is beneath the step at `path`.
    pub(crate) fn open_child(&self, path: &str, terms: &Terms) {
        if let Some(limit) = terms.budget.run {
            self.accounts().open(plain(path), limit);
        }
    }

    /// Limits what the step at `path` may spend, with all its attempts and iterations; a lower limit stays.
    pub(crate) fn limit(&self, path: &str, most: i64) {
        let mut accounts = self.accounts();
        let account = accounts.open(plain(path), most);
        account.limit = account.limit.map(|limit| limit.min(most));
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
        if asked.is_free {
            return Ok(Hold { purse: self, path, worst: 0, number: None });
        }
        let worst = match asked.worst(request) {
            Ok(worst) => worst,
            // Where nothing is limited it does not matter.
            Err(_) if self.is_open(&path) => return Ok(Hold { purse: self, path, worst: 0, number: None }),
            Err(error) => return Err(error),
        };
        let mut is_told = false;
        let tell = |short: &Short| {
            if let Some(told) = asked.told.filter(|_| !std::mem::replace(&mut is_told, true)) {
                told.send(Stream::Stderr, &waiting(short, worst));
            }
        };
        match self.take_in_time(&path, worst, tell).await {
            Ok(number) => Ok(Hold { purse: self, path, worst, number: Some(number) }),
            Err(Refused::Short(short)) => Err(refusal(&short, worst, request, &asked)),
            Err(Refused::Day(unknown)) => Err(ToolError::new(OVER_BUDGET, untold(&unknown))),
        }
    }

    /// Holds so much for the step at `path`, as soon as others give back what they hold. `tell` hears of it when
    /// that is waited for.
    async fn take_in_time(&self, path: &str, worst: i64, mut tell: impl FnMut(&Short)) -> Result<u64, Refused> {
        let patience = Instant::now() + PATIENCE;
        loop {
            // Before the look, so that nothing that is given back after it goes unheard.
            let freed = self.freed.notified();
            match self.take(path, worst) {
                Err(Refused::Short(short)) if short.may_pass => {
                    tell(&short);
                    // Other processes do not tell when they give something back.
                    if self.day.is_some() {
                        drop(timeout(LOOK, freed).await);
                    } else {
                        freed.await;
                    }
                }
                Err(Refused::Day(Unknown::Busy(_))) if Instant::now() < patience => drop(timeout(LOOK, freed).await),
                taken => return taken,
            }
        }
    }

    /// Holds so much for the step at `path`; the number of the hold.
    fn take(&self, path: &str, worst: i64) -> Result<u64, Refused> {
        let Some(day) = &self.day else {
            return self.take_beside(Taken::default(), path, worst).map_err(Refused::Short);
        };
        let taken = day.alone(|others| {
            let number = self.take_beside(others, path, worst).map_err(Refused::Short)?;
            let mut accounts = self.accounts();
            // What others cannot see is not held.
            match day.say(&accounts.date, accounts.day.taken()) {
                Ok(()) => Ok(number),
                Err(error) => {
                    accounts.give(number, 0);
                    Err(Refused::Day(Unknown::Broken(format!("`.orc/day` cannot be written: {error}"))))
                }
            }
        });
        taken.map_err(Refused::Day)?
    }

    fn take_beside(&self, others: Taken, path: &str, worst: i64) -> Result<u64, Short> {
        let mut accounts = self.accounts();
        accounts.turn_over();
        let steps = above(&accounts.steps, path);
        let short = |whose: String, account: &Account, others: Taken| {
            account.lacks(worst, others).map(|may_pass| Short {
                whose,
                limit: account.limit.unwrap_or_default(),
                spent: account.spent.saturating_add(others.spent),
                held: account.held.saturating_add(others.held),
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
        Ok(accounts.hold(path, worst))
    }
}

impl Accounts {
    /// Begins another day, where one is limited and it is another. What was held before stays that day's.
    fn turn_over(&mut self) {
        if self.day.limit.is_none() {
            return;
        }
        let today = day::today();
        if self.date < today {
            self.day = Account { limit: self.day.limit, ..Account::default() };
            self.date = today;
        }
    }

    /// The account of the step at `path`, where there is none yet with this limit. What is under way beneath it is
    /// held there too.
    fn open(&mut self, path: String, limit: i64) -> &mut Account {
        let is_beneath =
            |held: &&Held| held.path.strip_prefix(&*path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let held = self.holds.values().filter(is_beneath).map(|held| held.amount).sum();
        self.steps.entry(path).or_insert(Account { limit: Some(limit), spent: 0, held })
    }

    fn hold(&mut self, path: &str, amount: i64) -> u64 {
        self.latest += 1;
        let held = Held { path: path.to_owned(), amount, date: self.date.clone() };
        self.each(path, &held.date, |account| account.held += amount);
        self.holds.insert(self.latest, held);
        self.latest
    }

    /// What is held under the number is free again but for what was `spent`.
    fn give(&mut self, number: u64, spent: i64) {
        let Some(Held { path, amount, date }) = self.holds.remove(&number) else { return };
        self.each(&path, &date, |account| {
            account.held -= amount;
            account.spent = account.spent.saturating_add(spent);
        });
    }

    /// All accounts that the step at `path` draws on for a call of that day.
    fn each(&mut self, path: &str, date: &str, change: impl Fn(&mut Account)) {
        change(&mut self.run);
        if date == self.date {
            change(&mut self.day);
        }
        for step in above(&self.steps, path) {
            if let Some(account) = self.steps.get_mut(&step) {
                change(account);
            }
        }
    }
}

fn open(accounts: &mut Accounts, scope: &Scope, prefix: &str, each: Option<i64>) {
    for step in &scope.steps {
        let own = [step.terms.budget.run, step.terms.budget.step].into_iter().flatten().min();
        if let Some(limit) = own.or(each) {
            accounts.open(format!("{prefix}{}", step.id), limit);
        }
        if let Some(body) = step.kind.body() {
            open(accounts, body, &format!("{prefix}{}.", step.id), None);
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
    /// Under which it is held; nothing where nothing is.
    number: Option<u64>,
}

impl Hold<'_> {
    /// An attempt broke off after it was sent, so it may have been paid for. Holds as much for another one, or says
    /// why that cannot be.
    pub(super) async fn again(&mut self) -> Result<(), String> {
        if self.worst == 0 {
            return Ok(());
        }
        self.give(self.worst);
        match self.purse.take_in_time(&self.path, self.worst, |_| ()).await {
            Ok(number) => {
                self.number = Some(number);
                Ok(())
            }
            Err(Refused::Short(_)) => Err("another attempt does not fit the budget".to_owned()),
            Err(Refused::Day(unknown)) => Err(untold(&unknown)),
        }
    }

    /// The call is over, and nothing was paid.
    pub(super) fn release(mut self) {
        self.give(0);
    }

    /// The call is over and cost so much; what is not known is taken to be as much as it could be.
    pub(super) fn settle(mut self, cost: &Cost) {
        let spent = if cost.known { cost.nano_usd } else { self.worst.max(cost.nano_usd) };
        self.give(spent);
    }

    /// What is held is free again but for what was `spent`.
    fn give(&mut self, spent: i64) {
        let mut accounts = self.purse.accounts();
        accounts.turn_over();
        match self.number.take() {
            Some(number) => accounts.give(number, spent),
            None if spent == 0 => return,
            None => {
                let date = accounts.date.clone();
                accounts.each(&self.path, &date, |account| account.spent = account.spent.saturating_add(spent));
            }
        }
        if let Some(day) = &self.purse.day {
            // If that fails, more counts than was spent.
            let _ = day.say(&accounts.date, accounts.day.taken());
        }
        drop(accounts);
        self.purse.freed.notify_waiters();
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        // Broken off: nobody told what it cost.
        if self.number.is_some() {
            self.give(self.worst);
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
    /// Who is told of a wait.
    pub(super) told: Option<&'a OutputSink>,
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

fn untold(unknown: &Unknown) -> String {
    format!("it cannot be told what is left of the day's budget: {unknown}")
}

/// That a call waits for money that others hold.
fn waiting(short: &Short, worst: i64) -> String {
    format!(
        "waiting for calls that are under way to give money back: this one may cost up to {}, and of the {} that {} may \
         cost {} is spent and {} held\n",
        dollars(worst, true),
        dollars(short.limit, true),
        short.whose,
        dollars(short.spent, true),
        dollars(short.held, true),
    )
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
mod tests;
