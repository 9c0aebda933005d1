//! Text as it is while someone types or merges: completion knows what is meant at the cursor, the
//! outline keeps the steps, and no more is reported than what is wrong.

use std::{collections::BTreeSet, fmt::Write as _};

use lang::{
    analysis::Analysis,
    ide::{Symbol, symbols},
};

use crate::support::{analysis, at, labels};

/// Where the text of a case is put.
#[derive(Debug, Clone, Copy)]
enum Level {
    Root,
    Inputs,
    /// Among the keys of a step in the middle.
    Step,
    /// Among its parameters.
    Parameters,
    /// After it, among the steps.
    Steps,
    /// Among the keys of a step in a loop's body.
    Body,
    Outputs,
}

use Level::{Body, Inputs, Outputs, Parameters, Root, Step, Steps};

/// A text with the cursor in it, what must be offered there, and how many findings it deserves.
struct Case {
    into: Level,
    text: &'static str,
    offers: &'static str,
    deserved: usize,
}

const fn case(into: Level, text: &'static str, offers: &'static str, deserved: usize) -> Case {
    Case { into, text, offers, deserved }
}

const CASES: &[Case] = &[
    // Half-typed keys at each level.
    case(Root, "ver$0", "version", 1),
    case(Root, "bud$0", "budget", 1),
    case(Root, "description: \"open\nbud$0", "budget", 2),
    case(Inputs, "  size:\n    ty$0", "type", 1),
    case(Inputs, "  size: {ty$0", "type", 1),
    case(Inputs, "  size: {type: string, def$0", "default", 1),
    case(Inputs, "  size:\n    type: $0", "integer", 1),
    case(Inputs, "  size:\n    type: \"int$0", "integer", 1),
    case(Step, "    cond$0", "condition", 1),
    case(Step, "   cond$0", "condition", 1),
    case(Step, "     cond$0", "condition", 1),
    case(Step, "    \"cond$0", "condition", 1),
    case(Step, "    retry:\n      $0", "attempts", 1),
    case(Step, "    retry:\n      attempts: 3\n      del$0", "delay", 1),
    case(Step, "    retry: {$0", "attempts", 1),
    case(Step, "    on_error:\n      - $0", "handler_action", 1),
    case(Parameters, "      temp$0", "temperature", 1),
    case(Parameters, "      temp$0:", "temperature", 1),
    case(Body, "        cond$0", "condition", 1),
    // Half-typed steps.
    case(Steps, "  - $0", "id", 1),
    case(Steps, "  - i$0", "id", 1),
    case(Steps, "  -\n    $0", "id", 1),
    case(Steps, "  - id: new\n    tool: fi$0", "filesystem", 1),
    case(Steps, "  - id: new\n    tool: filesystem\n    action: $0", "write", 1),
    case(Steps, "  - id: new\n    tool: filesystem\n    action: write\n    parameters: {$0", "path", 2),
    case(Steps, "  - {id: new, tool: $0", "filesystem", 2),
    case(Steps, "  - id: new\n   tool: filesystem\n    act$0", "action", 2),
    // Values.
    case(Step, "    on_failure:$0", "continue", 1),
    case(Step, "    on_failure: \"co$0", "continue", 1),
    case(Step, "    on_failure: 'co$0", "continue", 1),
    case(Step, "    dependencies: [s03, $0", "s04", 1),
    case(Step, "    dependencies: [\"s03\", \"s$0", "s04", 1),
    case(Step, "    dependencies:\n      - s03\n      -$0", "s04", 1),
    case(Step, "    dependencies:\n      - s03\n      - \"$0", "s04", 1),
    case(Step, "    dependencies:\n    - $0", "s04", 1),
    case(Step, "    dependencies: [\n      s03,\n      $0", "s04", 1),
    // Quotes and brackets that are open above the cursor.
    case(Step, "    description: 'open\n    cond$0", "condition", 2),
    case(Step, "    description: \"it is \\\"open\n    cond$0", "condition", 2),
    case(Step, "    metadata: {a: 1\n    cond$0", "condition", 2),
    case(Step, "    metadata: {a: [1, {b: 2\n    cond$0", "condition", 2),
    case(Step, "    ]\n    cond$0", "condition", 2),
    case(Step, "    name: \"a\" b\n    cond$0", "condition", 2),
    // What is no YAML above the cursor.
    case(Step, "    timeout 5\n    cond$0", "condition", 2),
    case(Step, "    timeout:5\n    cond$0", "condition", 2),
    case(Step, "    name: a: b\n    cond$0", "condition", 2),
    case(Step, "    name: @home\n    cond$0", "condition", 2),
    case(Step, "    name: *home\n    cond$0", "condition", 2),
    case(Step, "    description: | text\n    cond$0", "condition", 2),
    // Templates.
    case(Step, "    condition: \"{{ $0", "s03", 1),
    case(Step, "    condition: {{ s03.$0", "result", 2),
    case(Step, "    condition: \"{% if s03.$0\"", "result", 1),
    case(Step, "    condition: \"{{ s03.$0\"\n    timeout: 5", "result", 1),
    case(Parameters, "      system_prompt: \"{{ topic | $0", "default", 1),
    case(Parameters, "      system_prompt: \"{{ topic | def$0 }}", "default", 1),
    case(Parameters, "      system_prompt: |\n        {% if topic %}\n        {{ $0", "topic", 1),
    case(Parameters, "      system_prompt: >\n        {% for one in s03.$0", "result", 1),
    case(Parameters, "      temperature: {{ $0", "topic", 2),
    case(Body, "        description: \"{{ it$0", "item", 1),
    case(Outputs, "  more: \"{{ s03.$0", "result", 1),
    case(Outputs, "  more: {{ $0", "s24", 2),
    case(Step, "    for_each: {{ topic\n    cond$0", "condition", 2),
    case(Step, "    description: {% if topic %}\n    cond$0", "condition", 2),
    // AUTO tags.
    case(Step, "    description: <AUTO $0", "type", 1),
    case(Step, "    description: <AUTO>choose: this\n    cond$0", "condition", 2),
    case(Step, "    description: \"<AUTO type=\\\"string\n    cond$0", "condition", 2),
    // Tabs.
    case(Step, "\tcond$0", "condition", 1),
    case(Step, "  \t  timeout: 5\n    cond$0", "condition", 2),
    case(Step, "    timeout:\t5\n    cond$0", "condition", 1),
    // Conflict markers, each of which is reported.
    case(Step, "<<<<<<< ours\n    cond$0\n=======\n    timeout: 6\n>>>>>>> theirs", "condition", 4),
    case(Step, "<<<<<<< ours\n    timeout: 5\n=======\n    cond$0\n>>>>>>> theirs", "condition", 4),
    case(Step, "<<<<<<< ours\n    timeout: 5\n=======\n    timeout: 6\n>>>>>>> theirs\n    cond$0", "condition", 4),
    case(
        Step,
        "<<<<<<< ours\n    timeout: 5\n||||||| base\n    timeout: 1\n=======\n    cond$0\n>>>>>>> theirs",
        "condition",
        5,
    ),
    // Comments in between.
    case(Step, "# far left: {\n    cond$0", "condition", 1),
    case(Step, "    dependencies: [s03, # one\n      # two\n      $0", "s04", 1),
    case(Parameters, "      # \"deep\n      temp$0", "temperature", 1),
];

/// The base with `text` in it.
fn with(into: Level, text: &str) -> String {
    let mut whole = String::from("name: base\nid: base\n");
    let put = |whole: &mut String, here: bool| {
        if here && !text.is_empty() {
            whole.push_str(text);
            whole.push('\n');
        }
    };
    put(&mut whole, matches!(into, Root));
    whole.push_str("inputs:\n  topic: {type: string, default: rust}\n");
    put(&mut whole, matches!(into, Inputs));
    whole.push_str("steps:\n");
    for number in 1..=24 {
        let here = number == 12;
        write!(whole, "  - id: s{number:02}\n    action: generate\n").unwrap();
        put(&mut whole, here && matches!(into, Step));
        whole.push_str("    parameters:\n      prompt: \"Tell me about {{ topic }}.\"\n");
        put(&mut whole, here && matches!(into, Parameters));
        if here {
            put(&mut whole, matches!(into, Steps));
            whole.push_str("  - id: each\n    for_each: [a, b]\n    steps:\n");
            whole.push_str("      - id: inner\n        action: generate\n");
            put(&mut whole, matches!(into, Body));
            whole.push_str("        parameters:\n          prompt: \"Tell me about {{ item }}.\"\n");
        }
    }
    whole.push_str("outputs:\n  all: \"{{ s24.result }}\"\n");
    put(&mut whole, matches!(into, Outputs));
    whole
}

/// The names in the outline.
fn outline(analysis: &Analysis) -> BTreeSet<String> {
    fn walk(symbols: &[Symbol], found: &mut BTreeSet<String>) {
        for symbol in symbols {
            found.insert(symbol.name.clone());
            walk(&symbol.children, found);
        }
    }
    let mut found = BTreeSet::new();
    walk(&symbols::symbols(analysis), &mut found);
    found
}

/// What is wrong with a case, if anything.
fn failures(case: &Case, fixture: &str, whole: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let found = labels(fixture);
    if !found.split(' ').any(|label| label == case.offers) {
        wrong.push(format!("`{}` is not offered, but: {found:.100}", case.offers));
    }
    let (broken, _) = at(fixture);
    let outline = outline(&broken);
    let lost: Vec<&String> = whole.difference(&outline).collect();
    if lost.len() as f64 > 0.05 * whole.len() as f64 {
        wrong.push(format!("lost {lost:?}"));
    }
    let reported: Vec<String> =
        broken.diagnostics().iter().map(|found| format!("{} {}", found.code, found.message)).collect();
    if reported.len() > case.deserved + 2 {
        wrong.push(format!("deserves {}: {reported:#?}", case.deserved));
    }
    wrong
}

#[test]
fn broken_text_is_completed_kept_and_judged_by_what_is_wrong() {
    let base = analysis(&with(Root, ""));
    assert!(base.diagnostics().is_empty(), "{:?}", base.diagnostics());
    let whole = outline(&base);
    let mut wrong = String::new();
    for case in CASES {
        let text = with(case.into, case.text);
        for (ends, fixture) in [("", text.clone()), (" with CRLF", text.replace('\n', "\r\n"))] {
            for failure in failures(case, &fixture, &whole) {
                writeln!(wrong, "{:?} {:?}{ends}: {failure}", case.into, case.text).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
