//! What is being typed at an offset, read from the original text by indentation, so that it holds
//! in text that does not parse.

use text_size::{TextRange, TextSize};

use super::Parse;

mod find;
mod flow;
mod lines;

use find::Finder;

/// The kind of place a [`Cursor`] is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// A mapping key is being typed (or a plain word that may become one).
    Key,
    /// The value of `key` is being typed.
    Value {
        /// The key whose value it is.
        key: String,
    },
    /// An item of a sequence is being typed. Where other items of it are mappings, or begin with a
    /// key, it is [`Slot::Key`] in a new item instead.
    Item,
    /// Inside `{{ … }}` or `{% … %}` of a scalar.
    Template,
    /// Inside `<AUTO …>`.
    Auto,
    /// Inside a comment.
    Comment,
}

/// One step of the way from the root to the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSegment {
    /// Under this key.
    Key(String),
    /// In the item that begins at this offset (the `-` or the flow item's first byte), which is the
    /// `index`-th of its sequence.
    Item {
        /// Position in the sequence, from zero.
        index: usize,
        /// Where the item begins.
        start: TextSize,
    },
}

/// What is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// From the root to the collection or value the cursor is in, e.g. `steps`, item 3, `parameters`.
    /// For [`Slot::Value`] the key itself is not part of the path.
    pub path: Vec<PathSegment>,
    /// What kind of place it is.
    pub slot: Slot,
    /// The key whose value the cursor is in, if it is in one; known inside a template or tag too.
    pub key: Option<String>,
    /// What is already typed of the word, up to the cursor.
    pub prefix: String,
    /// The whole word around the cursor, which a completion replaces.
    pub word: TextRange,
    /// The column (bytes) at which keys of the collection stand.
    pub indent: u32,
    /// Inside quotes: the quote character.
    pub quote: Option<char>,
    /// Inside a flow collection.
    pub flow: bool,
    /// Keys that stand already in the mapping the cursor is in (for [`Slot::Key`]), or items that
    /// stand already in the sequence (for [`Slot::Item`]); the word at the cursor left out.
    pub siblings: Vec<String>,
}

/// Finds out what is being typed at `offset`.
pub fn cursor(parse: &Parse, offset: TextSize) -> Cursor {
    let tree = &parse.tree;
    let mut at = usize::from(offset.min(TextSize::of(tree.text())));
    while !tree.text().is_char_boundary(at) {
        at -= 1;
    }
    Finder::new(tree, at).find()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use expect_test::{Expect, expect};

    use super::*;
    use crate::syntax::parse;

    fn check(fixture: &str, expected: &Expect) {
        let at = fixture.find('|').unwrap();
        let text = format!("{}{}", &fixture[..at], &fixture[at + 1..]);
        let cursor = cursor(&parse(&text), TextSize::new(at as u32));
        let path: Vec<String> = cursor
            .path
            .iter()
            .map(|segment| match segment {
                PathSegment::Key(key) => key.clone(),
                PathSegment::Item { index, .. } => format!("[{index}]"),
            })
            .collect();
        let quote = cursor.quote.map(|quote| format!(" quote {quote}")).unwrap_or_default();
        let flow = if cursor.flow { " flow" } else { "" };
        expected.assert_eq(&format!(
            "{} {:?} `{}` of `{}` column {}{quote}{flow} beside {:?}",
            path.join("."),
            cursor.slot,
            cursor.prefix,
            &text[cursor.word],
            cursor.indent,
            cursor.siblings
        ));
    }

    const HEAD: &str = "id: p\nsteps:\n  - id: a\n    action: x\n";

    fn step(rest: &str, expected: &Expect) {
        check(&format!("{HEAD}{rest}"), expected);
    }

    #[test]
    fn a_blank_line_in_a_step_is_a_key() {
        step("    |", &expect![[r#"steps.[0] Key `` of `` column 4 beside ["id", "action"]"#]]);
        step(
            "    |\n    timeout: 3\n  - id: b\n    name: n\n",
            &expect![[r#"steps.[0] Key `` of `` column 4 beside ["id", "action", "timeout"]"#]],
        );
        step("  - id: b\n    |\n", &expect![[r#"steps.[1] Key `` of `` column 4 beside ["id"]"#]]);
    }

    #[test]
    fn a_word_in_a_step_is_a_key() {
        step("    max_r|", &expect![[r#"steps.[0] Key `max_r` of `max_r` column 4 beside ["id", "action"]"#]]);
        step("    ti|meout: 3\n", &expect![[r#"steps.[0] Key `ti` of `timeout` column 4 beside ["id", "action"]"#]]);
        step(
            "   ma|\n    timeout: 3\n",
            &expect![[r#"steps.[0] Key `ma` of `ma` column 4 beside ["id", "action", "timeout"]"#]],
        );
    }

    #[test]
    fn after_the_colon_is_a_value() {
        step("    on_failure: |\n", &expect![[r#"steps.[0] Value { key: "on_failure" } `` of `` column 4 beside []"#]]);
        step(
            "    on_failure: re|try\n",
            &expect![[r#"steps.[0] Value { key: "on_failure" } `re` of `retry` column 4 beside []"#]],
        );
        step(
            "    description: \"a b|\"\n",
            &expect![[r#"steps.[0] Value { key: "description" } `b` of `b` column 4 quote " beside []"#]],
        );
    }

    #[test]
    fn items_of_lists() {
        step("    dependencies:\n      - |\n", &expect!["steps.[0].dependencies Item `` of `` column 6 beside []"]);
        step(
            "    dependencies:\n      - one\n      - tw|\n",
            &expect![[r#"steps.[0].dependencies Item `tw` of `tw` column 6 beside ["one"]"#]],
        );
        step(
            "    dependencies: [step_1, |\n",
            &expect![[r#"steps.[0].dependencies Item `` of `` column 4 flow beside ["step_1"]"#]],
        );
        step(
            "    dependencies: [step_1, s|, step_3]\n",
            &expect![[r#"steps.[0].dependencies Item `s` of `s` column 4 flow beside ["step_1", "step_3"]"#]],
        );
        step(
            "    retry: {attempts: 3, |}\n",
            &expect![[r#"steps.[0].retry Key `` of `` column 4 flow beside ["attempts"]"#]],
        );
        step(
            "    retry: {attempts: |}\n",
            &expect![[r#"steps.[0].retry Value { key: "attempts" } `` of `` column 4 flow beside []"#]],
        );
    }

    #[test]
    fn a_dash_in_steps_begins_a_step() {
        step("  - |\n", &expect!["steps.[1] Key `` of `` column 4 beside []"]);
        check("id: p\nsteps:\n- id: a\n- |\n", &expect!["steps.[1] Key `` of `` column 2 beside []"]);
        step("  |\n", &expect![[r#"steps Item `` of `` column 2 beside ["id: a"]"#]]);
    }

    #[test]
    fn inside_templates_and_tags() {
        step("    description: \"{{ |\n", &expect![[r#"steps.[0] Template `` of `` column 4 quote " beside []"#]]);
        step(
            "    description: \"{{ a.b| }}\"\n",
            &expect![[r#"steps.[0] Template `b` of `b` column 4 quote " beside []"#]],
        );
        step("    prompt: >\n      text {{ ite|\n", &expect!["steps.[0] Template `ite` of `ite` column 4 beside []"]);
        step("    model: <AUTO ta|\n", &expect!["steps.[0] Auto `ta` of `ta` column 4 beside []"]);
    }

    #[test]
    fn a_block_scalar_is_the_value_of_its_key() {
        step(
            "    prompt: >\n      text: te|xt\n",
            &expect![[r#"steps.[0] Value { key: "prompt" } `te` of `text` column 4 beside []"#]],
        );
        step(
            "    prompt: >\n      text\n      |\n",
            &expect![[r#"steps.[0] Value { key: "prompt" } `` of `` column 4 beside []"#]],
        );
        step(
            "    prompt: >\n      text\n    |\n",
            &expect![[r#"steps.[0] Key `` of `` column 4 beside ["id", "action", "prompt"]"#]],
        );
    }

    #[test]
    fn below_a_key_its_keys_are_typed() {
        step("    parameters:\n      |\n", &expect!["steps.[0].parameters Key `` of `` column 6 beside []"]);
        step(
            "    parameters:\n      url: x\n      me|\n      body: y\n    timeout: 3\n",
            &expect![[r#"steps.[0].parameters Key `me` of `me` column 6 beside ["url", "body"]"#]],
        );
    }

    #[test]
    fn broken_lines_above_do_not_matter() {
        step(
            "    description: \"unterminated\n    ma|\n",
            &expect![[r#"steps.[0] Key `ma` of `ma` column 4 beside ["id", "action", "description"]"#]],
        );
        step(
            "    metadata: [a, b\n    ma|\n",
            &expect![[r#"steps.[0] Key `ma` of `ma` column 4 beside ["id", "action", "metadata"]"#]],
        );
        step(
            "    for_each: {{ topic\n    ma|\n",
            &expect![[r#"steps.[0] Key `ma` of `ma` column 4 beside ["id", "action", "for_each"]"#]],
        );
        step(
            "\tdescription: x\n    ma|\n",
            &expect![[r#"steps.[0] Key `ma` of `ma` column 4 beside ["id", "action"]"#]],
        );
        step("<<<<<<< HEAD\n    ma|\n", &expect![[r#"steps.[0] Key `ma` of `ma` column 4 beside ["id", "action"]"#]]);
    }

    #[test]
    fn a_slip_is_taken_for_what_is_meant() {
        step("     ma|\n", &expect![[r#"steps.[0] Key `ma` of `ma` column 4 beside ["id", "action"]"#]]);
        step("      more ma|\n", &expect![[r#"steps.[0] Value { key: "action" } `ma` of `ma` column 4 beside []"#]]);
        step("    \"ma|\n", &expect![[r#"steps.[0] Key `ma` of `ma` column 4 quote " beside ["id", "action"]"#]]);
        step(
            "    description:\n      \"ma|\n",
            &expect![[r#"steps.[0] Value { key: "description" } `ma` of `ma` column 4 quote " beside []"#]],
        );
        step(
            "    dependencies: [\n      one, # a \"comment\n      t|\n    timeout: 3\n",
            &expect![[r#"steps.[0].dependencies Item `t` of `t` column 0 flow beside ["one"]"#]],
        );
        step(
            "    retry: {\n      attempts: 3,\n      d|\n    timeout: 3\n",
            &expect![[r#"steps.[0].retry Key `d` of `d` column 0 flow beside ["attempts"]"#]],
        );
    }

    #[test]
    fn at_the_root_and_in_comments() {
        check("|", &expect![" Key `` of `` column 0 beside []"]);
        check("na|", &expect![" Key `na` of `na` column 0 beside []"]);
        check("id: p\n|\nsteps:\n  - id: a\n", &expect![[r#" Key `` of `` column 0 beside ["id", "steps"]"#]]);
        step("    # te|xt\n", &expect![" Comment `    # te` of `    # text` column 0 beside []"]);
    }
}
