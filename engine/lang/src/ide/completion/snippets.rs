//! Snippets: whole steps, loops, AUTO tags, a new pipeline. Each is right as it is offered, so that
//! nothing has to be filled in before it can be read.

use super::{Completion, CompletionKind, Request, item, keys::Put};
use crate::registry::Place;

/// Behind the keys that are live, before those that are old.
const RANK: u32 = 300;

/// A snippet: its name, what it is for, and its lines.
pub(super) struct Snippet {
    name: &'static str,
    doc: &'static str,
    text: &'static str,
}

const PIPELINE: [Snippet; 1] = [Snippet {
    name: "new pipeline",
    doc: "A pipeline with an input, a step and an output.",
    text: "\
id: ${1:my_pipeline}
name: ${2:My pipeline}

inputs:
  ${3:topic}:
    type: string
    description: ${4:What to write about}

steps:
  - id: ${5:write}
    action: generate
    parameters:
      model: <AUTO>
      prompt: \"${6:Write a paragraph about} {{ ${3:topic} }}.\"

outputs:
  text: \"{{ ${5:write}.result }}\"",
}];

const STEPS: [Snippet; 6] = [
    Snippet {
        name: "step",
        doc: "A step that asks a model.",
        text: "\
id: ${1:write}
action: generate
parameters:
  model: <AUTO>
  prompt: ${2:Write a paragraph about the tides.}",
    },
    Snippet {
        name: "step with a tool",
        doc: "A step that uses a tool.",
        text: "\
id: ${1:read}
tool: ${2:filesystem}
action: ${3:read}
parameters:
  path: ${4:input.txt}",
    },
    Snippet {
        name: "step with a condition",
        doc: "A step that runs only if its condition is true.",
        text: "\
id: ${1:write}
condition: \"{{ ${2:true} }}\"
action: generate
parameters:
  model: <AUTO>
  prompt: ${3:Write a paragraph about the tides.}",
    },
    Snippet {
        name: "for_each loop",
        doc: "Steps that run once for each item of a list.",
        text: "\
id: ${1:each}
for_each: \"{{ ${2:['ebb', 'flow']} }}\"
steps:
  - id: ${3:describe}
    action: generate
    parameters:
      model: <AUTO>
      prompt: \"${4:Write a sentence about} {{ item }}.\"",
    },
    Snippet {
        name: "while loop",
        doc: "Steps that run again as long as a condition is true.",
        text: "\
id: ${1:again}
while: \"{{ ${2:iteration < 3} }}\"
max_iterations: ${3:10}
steps:
  - id: ${4:improve}
    action: generate
    parameters:
      model: <AUTO>
      prompt: ${5:Write a better sentence about the tides.}",
    },
    Snippet {
        name: "action_loop",
        doc: "Actions that are repeated in order until a condition is true.",
        text: "\
id: ${1:repeat}
action_loop:
  - action: generate
    name: ${2:draft}
    parameters:
      model: <AUTO>
      prompt: ${3:Write a sentence about the tides.}
until: \"{{ ${4:iteration >= 2} }}\"
max_iterations: ${5:3}",
    },
];

/// `'` stands for the quote that does not end the text around the tag.
const AUTO: [Snippet; 3] = [
    Snippet {
        name: "<AUTO>…</AUTO>",
        doc: "What a model decides when the pipeline runs.",
        text: "<AUTO>${1:what the model is to decide}</AUTO>",
    },
    Snippet {
        name: "<AUTO choices>",
        doc: "One of a few answers, which a model chooses when the pipeline runs.",
        text: "<AUTO choices='${1:yes, no}'>${2:whether the text is complete}</AUTO>",
    },
    Snippet {
        name: "<AUTO number>",
        doc: "A number in a range, which a model chooses when the pipeline runs.",
        text: "<AUTO type='integer' min='${1:1}' max='${2:10}'>${3:how many sentences are enough}</AUTO>",
    },
];

/// A snippet's text where nobody can fill it in: `$1` goes, `${1:default}` leaves its default, `\$` is a
/// dollar.
pub fn without_stops(snippet: &str) -> String {
    let mut text = String::with_capacity(snippet.len());
    let mut characters = snippet.chars().peekable();
    let mut open = 0_u32;
    while let Some(character) = characters.next() {
        match character {
            '\\' => text.extend(characters.next()),
            '$' if characters.peek() == Some(&'{') => {
                characters.next();
                while characters.next_if(char::is_ascii_digit).is_some() {}
                characters.next_if_eq(&':');
                open += 1;
            }
            '$' => while characters.next_if(char::is_ascii_digit).is_some() {},
            '}' if open > 0 => open -= 1,
            other => text.push(other),
        }
    }
    text
}

/// What may begin a mapping of `place` in which nothing stands yet.
pub(super) fn of_place(request: &Request<'_>, place: Place, put: Put) -> Vec<Completion> {
    let snippets: &[Snippet] = match place {
        Place::Pipeline => &PIPELINE,
        Place::Step => &STEPS,
        _ => &[],
    };
    let cursor = request.cursor;
    // Beside an item that is yet to begin stand items, no keys.
    let begins = cursor.siblings.is_empty() || !put.lead.is_empty();
    let rest = &request.analysis.text()[usize::from(cursor.word.end())..];
    let last = rest.lines().next().unwrap_or_default().trim().is_empty();
    if !begins || !last || cursor.flow || cursor.quote.is_some() {
        return Vec::new();
    }
    let below = format!("\n{}", " ".repeat(put.column));
    snippets.iter().enumerate().map(|(index, snippet)| offer(request, snippet, index, put.lead, &below)).collect()
}

/// AUTO tags, once one is begun: a value is seldom one.
pub(super) fn auto(request: &Request<'_>) -> Vec<Completion> {
    let typed = request.cursor.prefix.as_str();
    if typed.is_empty() || !"<AUTO".starts_with(&typed.to_ascii_uppercase()) {
        return Vec::new();
    }
    let offer = |(index, snippet)| {
        let mut found = offer(request, snippet, index, "", "");
        let text = match request.cursor.quote {
            Some('"') => found.edit.new_text,
            Some(_) => found.edit.new_text.replace('\'', "\""),
            // Without quotes other readers of YAML take what is in the tag for YAML.
            None => format!("'{}'", found.edit.new_text.replace('\'', "\"")),
        };
        found.edit.new_text = request.lead() + &text;
        found
    };
    AUTO.iter().enumerate().map(offer).collect()
}

fn offer(request: &Request<'_>, snippet: &Snippet, index: usize, lead: &str, below: &str) -> Completion {
    let lines: Vec<&str> = snippet.text.lines().collect();
    let text = lead.to_owned() + &lines.join(below);
    // An empty line stays empty.
    let text = text.replace(&format!("{below}\n"), "\n\n");
    let rank = RANK + index as u32;
    let mut found = item(snippet.name.to_owned(), CompletionKind::Snippet, request.cursor.word, text, rank);
    snippet.doc.clone_into(&mut found.documentation);
    found.snippet = true;
    found
}

#[cfg(test)]
mod tests {
    use super::without_stops;

    #[test]
    fn a_snippet_without_stops_keeps_its_defaults() {
        assert_eq!(without_stops("id: ${1:step}\naction: $2 \\$5"), "id: step\naction:  $5");
        assert_eq!(without_stops("{{ ${1:topic} }} {{ ${2:[1]} }}"), "{{ topic }} {{ [1] }}");
    }
}
