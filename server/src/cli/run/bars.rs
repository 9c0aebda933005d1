//! What runs right now, beneath the lines that scrolled by: a row per running step and one for the
//! whole run, on a terminal only. All of it goes to standard error.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    ops::Bound,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use engine::run::{Event, EventKind, document::dollars, event::Paid};
use serde_json::Value;

/// How many running steps have a row; of the others only the number is shown.
const ROWS: usize = 8;

/// How often the rows are drawn again.
pub(super) const TICK: Duration = Duration::from_millis(100);

const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// The one block of rows that the terminal has: the run's events fill it, a question stops it.
static BLOCK: LazyLock<Mutex<Block>> = LazyLock::new(Mutex::default);

fn block() -> MutexGuard<'static, Block> {
    BLOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether there is a terminal that can move its cursor.
pub(super) fn wanted() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Takes note of an event; nothing is drawn before the next [`draw`].
pub(super) fn note(event: &Event) {
    block().rows.note(event, Instant::now());
}

/// Shows `lines` above the rows and draws these again.
pub(super) fn draw(lines: &str) {
    block().draw(lines, Some(Instant::now()));
}

/// Shows the last `lines` and takes the rows away.
pub(super) fn end(lines: &str) {
    block().draw(lines, None);
}

/// No rows until it is dropped: the terminal belongs to who asks.
pub(super) struct Pause(());

/// Takes the rows away while a question is asked.
pub(super) fn pause() -> Pause {
    let mut block = block();
    block.draw("", None);
    block.pauses += 1;
    Pause(())
}

impl Drop for Pause {
    fn drop(&mut self) {
        let mut block = block();
        block.pauses = block.pauses.saturating_sub(1);
    }
}

#[derive(Debug, Default)]
struct Block {
    rows: Rows,
    /// How many rows stand on the terminal.
    drawn: usize,
    pauses: usize,
}

impl Block {
    /// One write for everything: a terminal never shows half of it.
    fn draw(&mut self, lines: &str, now: Option<Instant>) {
        let rows = match now {
            Some(now) if self.pauses == 0 => self.rows.text(now),
            _ => Vec::new(),
        };
        let text = frame(self.drawn, lines, &rows);
        self.drawn = rows.len();
        if !text.is_empty() {
            let mut err = io::stderr().lock();
            // That stderr is gone is no reason to stop.
            drop(err.write_all(text.as_bytes()).and_then(|()| err.flush()));
        }
    }
}

/// What replaces `drawn` rows by `lines`, which stay, and `rows`. Rows are written over, not erased
/// first, and too long ones are cut off by the terminal itself, whatever its width.
fn frame(drawn: usize, lines: &str, rows: &[String]) -> String {
    let mut text = String::new();
    if drawn > 0 {
        let _ = write!(text, "\r\u{1b}[{drawn}A");
    }
    for line in lines.lines() {
        let _ = writeln!(text, "{line}\u{1b}[K");
    }
    if !rows.is_empty() {
        text.push_str("\u{1b}[?7l");
        for row in rows {
            let _ = writeln!(text, "{row}\u{1b}[K");
        }
        text.push_str("\u{1b}[?7h");
    }
    if drawn > 0 {
        text.push_str("\u{1b}[J");
    }
    // Without rows before or after, lines are plain.
    if drawn == 0 && rows.is_empty() { text.replace("\u{1b}[K", "") } else { text }
}

/// What is known of the run.
#[derive(Debug, Default)]
struct Rows {
    since: Option<Instant>,
    /// The pipeline's own steps.
    steps: Vec<String>,
    done: usize,
    /// In the order they started.
    running: Vec<Running>,
    /// What the models of steps cost.
    costs: BTreeMap<String, Paid>,
    /// What attempts cost that were followed by another one, by step.
    earlier: Vec<(String, Paid)>,
}

#[derive(Debug)]
struct Running {
    step: String,
    attempt: u64,
    since: Instant,
}

impl Rows {
    fn note(&mut self, event: &Event, now: Instant) {
        let step = event.step.as_deref().unwrap_or_default();
        match event.kind {
            EventKind::RunStarted => {
                let steps = event.data.get("steps").and_then(Value::as_array).into_iter().flatten();
                let steps = steps.filter_map(Value::as_str).map(str::to_owned).collect();
                *self = Self { since: Some(now), steps, ..Self::default() };
            }
            EventKind::StepStarted => {
                let attempt = event.data.get("attempt").and_then(Value::as_u64).unwrap_or(1);
                self.running.retain(|running| running.step != step);
                self.running.push(Running { step: step.to_owned(), attempt, since: now });
                if attempt > 1 {
                    self.begins_again(step);
                }
            }
            EventKind::StepFinished => {
                self.running.retain(|running| running.step != step);
                // Iterations and steps of other pipelines are parts of a step.
                if !step.contains(['[', '.']) {
                    self.done += 1;
                }
                if let Some(cost) = event.data.ended().and_then(|ended| ended.cost) {
                    self.paid(step, cost);
                }
            }
            EventKind::StepRetrying => {
                self.running.retain(|running| running.step != step);
                self.begins_again(step);
            }
            _ => {}
        }
    }

    /// Takes note of what `step` cost, in place of what its parts and its earlier attempts did; what it cost when
    /// it ended before was paid too.
    fn paid(&mut self, step: &str, cost: Paid) {
        self.without_parts(step);
        let is_within = |path: &str| path.strip_prefix(step).is_some_and(|rest| rest.starts_with(['[', '.']));
        self.earlier.retain(|(path, _)| path != step && !is_within(path));
        // An end before this one belongs to no attempt of it.
        let before = self.costs.insert(step.to_owned(), cost);
        self.earlier.extend(before.map(|cost| (format!("{step}!"), cost)));
    }

    /// What an attempt cost is paid, whatever the next one costs: parts have the same paths in each.
    fn begins_again(&mut self, step: &str) {
        let mut spent = self.without_parts(step);
        spent.extend(self.costs.remove(step));
        self.earlier.extend(spent.into_iter().map(|cost| (step.to_owned(), cost)));
    }

    /// Takes out what the parts of `step` cost.
    fn without_parts(&mut self, step: &str) -> Vec<Paid> {
        let from = (Bound::Excluded(step.to_owned()), Bound::Unbounded);
        let beneath = self.costs.range(from).map(|(path, _)| path).take_while(|path| path.starts_with(step));
        let parts: Vec<String> = beneath.filter(|path| path[step.len()..].starts_with(['[', '.'])).cloned().collect();
        parts.iter().filter_map(|part| self.costs.remove(part)).collect()
    }

    /// What the run cost so far; nothing where no model was asked.
    fn cost(&self) -> Option<String> {
        let paid = || self.costs.values().chain(self.earlier.iter().map(|(_, cost)| cost));
        let amount = paid().map(|cost| cost.nano_usd).sum();
        let known = paid().all(|cost| cost.known);
        paid().next().is_some().then(|| dollars(amount, known))
    }

    /// The rows as they are now: the longest running steps, how many more there are, the whole run.
    fn text(&self, now: Instant) -> Vec<String> {
        let Some(began) = self.since else { return Vec::new() };
        let elapsed = |since: Instant| now.saturating_duration_since(since);
        let turn = elapsed(began).as_millis() / TICK.as_millis();
        let spinner = SPINNER[(turn % SPINNER.len() as u128) as usize];
        let mut rows = Vec::new();
        for Running { step, attempt, since } in self.running.iter().take(ROWS) {
            let attempt = if *attempt > 1 { format!("  attempt {attempt}") } else { String::new() };
            rows.push(format!("{spinner} {step}{attempt}  {:.1} s", elapsed(*since).as_secs_f64()));
        }
        if self.running.len() > ROWS {
            rows.push(format!("  … and {} more", self.running.len() - ROWS));
        }
        let cost = self.cost().map_or_else(String::new, |cost| format!("  {cost}"));
        rows.push(format!("{}/{} steps  {:.1} s{cost}", self.done, self.steps.len(), elapsed(began).as_secs_f64()));
        rows
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: EventKind, step: Option<&str>, data: Value) -> Event {
        Event {
            run_id: "r".into(),
            seq: 1,
            time: String::new(),
            kind,
            step: step.map(str::to_owned),
            data: data.into(),
        }
    }

    #[test]
    fn running_steps_have_rows_and_too_many_are_counted() {
        let began = Instant::now();
        let mut rows = Rows::default();
        let steps: Vec<String> = (0..1000).map(|at| format!("s{at}")).collect();
        rows.note(&event(EventKind::RunStarted, None, json!({"steps": steps})), began);
        for step in &steps {
            rows.note(&event(EventKind::StepStarted, Some(step), json!({"attempt": 1})), began);
        }
        let now = began + Duration::from_millis(2500);
        let shown = rows.text(now);
        assert_eq!(shown.len(), ROWS + 2);
        assert_eq!([&*shown[0], &*shown[8], &*shown[9]], ["⠴ s0  2.5 s", "  … and 992 more", "0/1000 steps  2.5 s"]);
    }

    #[test]
    fn attempts_and_iterations_are_named_and_only_whole_steps_are_done() {
        let began = Instant::now();
        let mut rows = Rows::default();
        rows.note(&event(EventKind::RunStarted, None, json!({"steps": ["a", "each"]})), began);
        rows.note(&event(EventKind::StepStarted, Some("a"), json!({"attempt": 1})), began);
        rows.note(&event(EventKind::StepRetrying, Some("a"), json!({"attempt": 1})), began);
        assert_eq!(rows.text(began), ["0/2 steps  0.0 s"]);
        rows.note(&event(EventKind::StepStarted, Some("a"), json!({"attempt": 2})), began);
        rows.note(&event(EventKind::StepStarted, Some("each[2].b"), json!({"attempt": 1})), began);
        let now = began + Duration::from_secs(1);
        assert_eq!(rows.text(now), ["⠋ a  attempt 2  1.0 s", "⠋ each[2].b  1.0 s", "0/2 steps  1.0 s"]);
        rows.note(&event(EventKind::StepFinished, Some("each[2].b"), json!({})), now);
        rows.note(&event(EventKind::StepFinished, Some("a"), json!({})), now);
        assert_eq!(rows.text(now), ["1/2 steps  1.0 s"]);
    }

    #[test]
    fn the_cost_so_far_counts_each_call_once() {
        let began = Instant::now();
        let mut rows = Rows::default();
        rows.note(&event(EventKind::RunStarted, None, json!({"steps": ["a", "each"]})), began);
        let mut paid = |step: &str, data: Value| {
            rows.note(&event(EventKind::StepFinished, Some(step), data), began);
            rows.text(began).remove(0)
        };
        let ended = json!({"status": "completed", "success": true, "duration_ms": 1, "attempts": 1});
        let cost = |nano_usd: i64, known: bool| {
            let mut ended = ended.clone();
            ended["cost"] = json!({"nano_usd": nano_usd, "known": known});
            ended
        };
        assert_eq!(paid("free", ended.clone()), "1/2 steps  0.0 s");
        assert_eq!(paid("each[0].b", cost(1_200_000, true)), "1/2 steps  0.0 s  $0.0012");
        assert_eq!(paid("each[1].b", cost(300_000, true)), "1/2 steps  0.0 s  $0.0015");
        assert_eq!(paid("each", cost(1_500_000, true)), "2/2 steps  0.0 s  $0.0015");
        assert_eq!(paid("each2", cost(0, false)), "3/2 steps  0.0 s  ≥ $0.0015");
    }

    #[test]
    fn the_cost_so_far_has_that_of_earlier_attempts_in_it() {
        let began = Instant::now();
        let mut rows = Rows::default();
        rows.note(&event(EventKind::RunStarted, None, json!({"steps": ["each"]})), began);
        let mut after = |kind: EventKind, step: &str, nano_usd: i64| {
            let cost = json!({"nano_usd": nano_usd, "known": true});
            let data = match kind {
                EventKind::StepFinished => {
                    json!({"status": "completed", "success": true, "duration_ms": 1, "attempts": 1, "cost": cost})
                }
                _ => json!({"attempt": 2}),
            };
            rows.note(&event(kind, Some(step), data), began);
            rows.cost().unwrap_or_default()
        };
        assert_eq!(after(EventKind::StepFinished, "each[0].b", 1_000_000), "$0.0010");
        assert_eq!(after(EventKind::StepFinished, "each[1].b", 1_000_000), "$0.0020");
        assert_eq!(after(EventKind::StepRetrying, "each", 0), "$0.0020");
        assert_eq!(after(EventKind::StepStarted, "each", 0), "$0.0020");
        assert_eq!(after(EventKind::StepFinished, "each[0].b", 4_000_000), "$0.0060");
        assert_eq!(after(EventKind::StepFinished, "each[1].b", 4_000_000), "$0.0100");
        // The loop tells of all its attempts.
        assert_eq!(after(EventKind::StepFinished, "each", 10_000_000), "$0.0100");
        assert_eq!(after(EventKind::StepFinished, "each", 1_000_000), "$0.0110");
    }

    #[test]
    fn rows_are_written_over_and_lines_stay_above_them() {
        let rows = ["one".to_owned(), "two".to_owned()];
        assert_eq!(frame(0, "done\n", &[]), "done\n");
        assert_eq!(frame(0, "", &rows), "\u{1b}[?7lone\u{1b}[K\ntwo\u{1b}[K\n\u{1b}[?7h");
        assert_eq!(
            frame(2, "done\n", &rows[..1]),
            "\r\u{1b}[2Adone\u{1b}[K\n\u{1b}[?7lone\u{1b}[K\n\u{1b}[?7h\u{1b}[J"
        );
        assert_eq!(frame(2, "", &[]), "\r\u{1b}[2A\u{1b}[J");
    }
}
