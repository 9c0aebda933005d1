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

/// Whether the file called `name` with this tree is a pipeline, and why.
pub fn recognise(name: &str, tree: &Tree) -> Option<Recognised> {
    let _ = (name, tree);
    None
}
