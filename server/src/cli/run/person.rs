//! Asks the person at the terminal: prompts on standard error, answers on standard input.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    pin::Pin,
    sync::Arc,
    thread,
};

use engine::tools::person::{Answers, Field, Kind, Person, Question, shown};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::bars;

/// The person at the terminal, if there is one.
pub(in crate::cli) fn at_terminal() -> Option<Arc<dyn Person>> {
    (io::stdin().is_terminal() && io::stderr().is_terminal()).then(|| Arc::new(Terminal::default()) as Arc<dyn Person>)
}

/// Reads lines on a thread of its own, which nobody waits for: it may hang on the terminal when the run ends.
#[derive(Debug, Default)]
struct Terminal {
    lines: Mutex<Option<mpsc::UnboundedSender<oneshot::Sender<Option<String>>>>>,
}

impl Terminal {
    /// The next line without its end; `None` where there will be no more.
    async fn line(lines: &mut Option<mpsc::UnboundedSender<oneshot::Sender<Option<String>>>>) -> Option<String> {
        let (wanted, line) = oneshot::channel();
        let reader = lines.get_or_insert_with(|| {
            let (sender, mut wishes) = mpsc::unbounded_channel::<oneshot::Sender<Option<String>>>();
            thread::spawn(move || {
                while let Some(wish) = wishes.blocking_recv() {
                    let mut line = String::new();
                    let read = io::stdin().lock().read_line(&mut line);
                    let line = matches!(read, Ok(1..)).then(|| line.trim_end_matches(['\r', '\n']).to_owned());
                    // A question that was given up takes no answer.
                    drop(wish.send(line));
                }
            });
            sender
        });
        reader.send(wanted).ok()?;
        line.await.ok().flatten()
    }
}

impl Person for Terminal {
    fn ask<'a>(
        &'a self,
        step: &'a str,
        question: &'a Question,
    ) -> Pin<Box<dyn Future<Output = Option<Answers>> + Send + 'a>> {
        Box::pin(async move {
            // One question at a time, whoever asks.
            let mut lines = self.lines.lock().await;
            let _pause = bars::pause();
            say(&format!("? {}  ({step})\n", question.title));
            if let Some(content) = &question.content {
                say(&format!("{}\n", content.trim_end()));
            }
            let mut answers = Answers::new();
            for field in &question.fields {
                if !is_asked(question, field, &answers) {
                    continue;
                }
                if let Some(value) = answer(&mut lines, question, field).await? {
                    answers.insert(field.id.clone(), value);
                }
            }
            Some(answers)
        })
    }
}

/// Whether the field is asked after these answers.
fn is_asked(question: &Question, field: &Field, answers: &Answers) -> bool {
    let approved = answers.get("approved") == Some(&json!(true));
    match &*field.id {
        "reason" if question.approval => !approved,
        // Changing the content takes more than a line; `orc runs approve` can.
        "modified_content" if question.approval => false,
        _ => true,
    }
}

/// The answer to one field, asked until it fits; inside, `None` where it may be left out and is.
async fn answer(
    lines: &mut Option<mpsc::UnboundedSender<oneshot::Sender<Option<String>>>>,
    question: &Question,
    field: &Field,
) -> Option<Option<Value>> {
    if let Kind::Choice { choices } = &field.kind {
        for (at, choice) in choices.iter().enumerate() {
            say(&format!("  {}  {}\n", at + 1, shown(choice)));
        }
    }
    let text = if field.text == question.title { String::new() } else { format!("{} ", field.text) };
    let hint = match &field.kind {
        Kind::Boolean => "y/n ",
        Kind::Rating => "1–5 ",
        Kind::Number => "number ",
        Kind::Text | Kind::Choice { .. } => "",
    };
    let default = field.default.as_ref().map(|default| format!("[{}] ", shown(default))).unwrap_or_default();
    let needs_reason = question.approval && field.id == "reason";
    loop {
        say(&format!("  {text}{hint}{default}› "));
        let line = Terminal::line(lines).await?;
        if line.trim().is_empty() {
            match &field.default {
                Some(default) => return Some(Some(default.clone())),
                None if field.required || needs_reason => {
                    say("  an answer is needed\n");
                    continue;
                }
                None => return Some(None),
            }
        }
        match field.read(&line) {
            Ok(value) => return Some(Some(value)),
            Err(problem) => say(&format!("  {problem}\n")),
        }
    }
}

fn say(text: &str) {
    let mut err = io::stderr().lock();
    // Who cannot be shown the question will not answer; the run waits for them.
    drop(err.write_all(text.as_bytes()).and_then(|()| err.flush()));
}
