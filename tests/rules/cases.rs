//! The texts of `cases.md`. The rules are tested with them, and the reference shows them.

use lang::{
    check::codes::Code,
    text::{TextRange, TextSize},
};

const CASES: &str = include_str!("cases.md");

/// One fenced text under the heading of a code.
pub(crate) struct Case {
    pub(crate) code: Code,
    /// `wrong`, `fine`, or `fixed`, which is what the first fix makes of the text before it.
    pub(crate) kind: String,
    pub(crate) text: String,
    /// Files that stand beside the text, by name: the blocks `yaml beside NAME` before it.
    pub(crate) beside: Vec<(String, String)>,
}

/// All of them, in order.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut code = None;
    let mut beside = Vec::new();
    let mut lines = CASES.lines();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            code = Some(heading.split(' ').next().unwrap().parse::<Code>().unwrap());
            beside.clear();
        } else if let Some(name) = line.strip_prefix("```yaml beside ") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            beside.push((name.to_owned(), text.join("\n") + "\n"));
        } else if let Some(kind) = line.strip_prefix("```yaml ") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let text = whole(&text.join("\n"));
            cases.push(Case { code: code.unwrap(), kind: kind.to_owned(), text, beside: beside.clone() });
        }
    }
    cases
}

/// A fragment that begins with a step is completed to a pipeline.
fn whole(text: &str) -> String {
    let text = text.replace('⇥', "\t").replace('␀', "\0");
    if text.starts_with("- ") { format!("name: test\nsteps:\n{text}\n") } else { format!("{text}\n") }
}

/// The text without its marks, and the marked ranges.
pub(crate) fn marked(text: &str) -> (String, Vec<TextRange>) {
    let mut plain = String::new();
    let mut ranges = Vec::new();
    let mut start = TextSize::new(0);
    for character in text.chars() {
        match character {
            '«' => start = TextSize::of(&*plain),
            '»' => ranges.push(TextRange::new(start, TextSize::of(&*plain))),
            other => plain.push(other),
        }
    }
    (plain, ranges)
}
