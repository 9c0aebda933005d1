//! Whether a YAML file is a pipeline (contract §2.1).

use crate::syntax::Tree;

/// Why a file counts as a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognised {
    /// By its name.
    Name,
    /// By the comment `# orc: pipeline` in its first lines.
    Comment,
    /// By its shape.
    Shape,
}

/// The endings of a name that make a file a pipeline.
const ENDINGS: [&str; 4] = [".orc.yaml", ".orc.yml", ".pipeline.yaml", ".pipeline.yml"];

/// The keys beside `id` that make an item of `steps` a step of ours.
const STEP_KEYS: [&str; 7] = ["action", "tool", "for_each", "foreach", "while", "action_loop", "create_parallel_queue"];

/// How many lines count as the first ones.
const FIRST_LINES: usize = 10;

/// Whether the file called `name` with this tree is a pipeline, and why.
pub fn recognise(name: &str, tree: &Tree) -> Option<Recognised> {
    let lower = name.to_ascii_lowercase();
    if ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
        return Some(Recognised::Name);
    }
    if has_comment(tree) {
        return Some(Recognised::Comment);
    }
    has_shape(tree).then_some(Recognised::Shape)
}

fn has_comment(tree: &Tree) -> bool {
    let text = tree.text();
    let head: usize = text.split_inclusive('\n').take(FIRST_LINES).map(str::len).sum();
    tree.comments().iter().take_while(|range| usize::from(range.start()) < head).any(|range| {
        let comment = text[*range].trim_start_matches('#').trim();
        comment.strip_prefix("orc:").is_some_and(|rest| rest.split_whitespace().next() == Some("pipeline"))
    })
}

fn has_shape(tree: &Tree) -> bool {
    let Some(steps) = tree.get(tree.root(), "steps") else { return false };
    tree.items(steps.value).any(|item| {
        let mut has_id = false;
        let mut has_step_key = false;
        for entry in tree.entries(item) {
            let Some(key) = tree.key_text(entry.key) else { continue };
            has_id |= key == "id";
            has_step_key |= STEP_KEYS.contains(&key.as_str());
        }
        has_id && has_step_key
    })
}
