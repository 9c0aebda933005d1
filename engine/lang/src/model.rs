//! The pipeline as the rules, the editor and the engine read it: typed, with the place of every
//! part. Made from any tree; what is missing or of the wrong shape is `None` or left out, and the
//! rules say so.

use indexmap::IndexMap;
use text_size::TextRange;

use crate::{
    registry::LoopConstruct,
    syntax::{NodeId, Tree},
    text::Spanned,
};

pub(crate) mod files;
pub(crate) mod known;
pub mod lower;
pub mod pipeline_file;
pub(crate) mod provided;
pub mod scope;
pub mod target;

/// A pipeline file.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// The root mapping.
    pub node: NodeId,
    /// `id`, if it is text.
    pub id: Option<Spanned<String>>,
    /// `name`, if it is text.
    pub name: Option<Spanned<String>>,
    /// `description`.
    pub description: Option<Spanned<String>>,
    /// `version`, as written.
    pub version: Option<Spanned<String>>,
    /// `model` at the root.
    pub model: Option<Spanned<String>>,
    /// Declared inputs, `inputs` and `parameters` merged; a name in both keeps the `inputs` one.
    pub inputs: IndexMap<String, Input>,
    /// Steps at the root, in order.
    pub steps: Vec<Step>,
    /// Declared outputs.
    pub outputs: Vec<Output>,
    /// `metadata.default_timeout` / `config.default_timeout`, in seconds, if it is a number.
    pub default_timeout: Option<Spanned<f64>>,
    /// All keys of the root as written: name and place, in order.
    pub keys: Vec<KeyUse>,
}

/// A key as it stands in a mapping.
#[derive(Debug, Clone)]
pub struct KeyUse {
    /// The key's text.
    pub name: String,
    /// The key's place.
    pub range: TextRange,
    /// Its value.
    pub value: NodeId,
}

/// How an input is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputForm {
    /// `name: {type: …}`
    Object,
    /// `name: value` – the value is the default.
    Bare,
    /// `- name: …` in a list (deprecated form).
    List,
}

/// A declared input or parameter.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name and the place of the name.
    pub name: Spanned<String>,
    /// How it is declared.
    pub form: InputForm,
    /// Declared beneath `parameters` rather than `inputs`.
    pub from_parameters: bool,
    /// The declaration's node.
    pub node: NodeId,
    /// `type` as written.
    pub type_name: Option<Spanned<String>>,
    /// `required: true`
    pub required: bool,
    /// `secret: true`
    pub secret: bool,
    /// The default's node (the value itself in the bare form).
    pub default: Option<NodeId>,
    /// `enum` or `choices`: its node.
    pub choices: Option<NodeId>,
    /// `description`
    pub description: Option<String>,
    /// All keys of the object form.
    pub keys: Vec<KeyUse>,
}

/// A declared output.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its name.
    pub name: Spanned<String>,
    /// What it renders: the text, or `value` of the object form.
    pub value: NodeId,
}

/// The index of a step among all steps of a file, loop bodies included, in order of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepIndex(pub u32);

/// A step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its index in the file.
    pub index: StepIndex,
    /// Its mapping's node.
    pub node: NodeId,
    /// The whole step.
    pub range: TextRange,
    /// `id`, if it is text.
    pub id: Option<Spanned<String>>,
    /// `tool`, if it is text.
    pub tool: Option<Spanned<String>>,
    /// `action`, if it is text.
    pub action: Option<Spanned<String>>,
    /// The step loops: how.
    pub loops: Option<LoopConstruct>,
    /// Ids in `dependencies` / `depends_on` (list, or comma-separated text), each with its place.
    pub dependencies: Vec<Spanned<String>>,
    /// The node of `dependencies`/`depends_on` where it is AUTO or otherwise not a list of ids.
    pub dynamic_dependencies: Option<NodeId>,
    /// `parameters`: name → value, merge keys expanded, in order.
    pub parameters: Vec<KeyUse>,
    /// The node of `parameters`.
    pub parameters_node: Option<NodeId>,
    /// `condition` or `if`.
    pub condition: Option<NodeId>,
    /// Routes: `on_success`, `on_false`, `goto`, and `on_failure` when it names a step.
    pub routes: Vec<Route>,
    /// `on_failure` when it is a policy word, or `continue_on_error: true`.
    pub on_failure: Option<Spanned<FailurePolicy>>,
    /// Steps in the body (`steps`).
    pub body: Vec<Step>,
    /// Items of `action_loop` (the step's own or the queue's), as written.
    pub items: Vec<LoopItem>,
    /// All keys as written, in order.
    pub keys: Vec<KeyUse>,
}

/// A place a step may continue at.
#[derive(Debug, Clone)]
pub struct Route {
    /// Which key says so: `on_success`, `on_false`, `on_failure`, `goto`.
    pub key: &'static str,
    /// The target's id and its place.
    pub target: Spanned<String>,
}

/// What happens when a step fails (contract §2.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum FailurePolicy {
    /// No further step is admitted.
    Fail,
    /// The others go on, dependants too.
    Continue,
    /// The others go on, dependants are skipped.
    Skip,
    /// Three attempts unless a count is given, then as `continue`.
    Retry,
}

/// An item of an action loop or queue.
#[derive(Debug, Clone)]
pub struct LoopItem {
    /// Its mapping's node.
    pub node: NodeId,
    /// `name`, under which its result is seen.
    pub name: Option<Spanned<String>>,
    /// `tool`
    pub tool: Option<Spanned<String>>,
    /// `action`
    pub action: Option<Spanned<String>>,
    /// `parameters`
    pub parameters: Vec<KeyUse>,
    /// All keys.
    pub keys: Vec<KeyUse>,
}

impl Step {
    /// The value of the key `name` as written.
    pub fn key(&self, name: &str) -> Option<&KeyUse> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The parameter `name`.
    pub fn parameter(&self, name: &str) -> Option<&KeyUse> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// The id's text, or the empty text.
    pub fn id_text(&self) -> &str {
        self.id.as_ref().map_or("", |id| &id.value)
    }
}

impl Pipeline {
    /// All steps, bodies included, in order of [`StepIndex`].
    pub fn all_steps(&self) -> Vec<&Step> {
        fn walk<'p>(steps: &'p [Step], found: &mut Vec<&'p Step>) {
            for step in steps {
                found.push(step);
                walk(&step.body, found);
            }
        }
        let mut found = Vec::new();
        walk(&self.steps, &mut found);
        found
    }

    /// The pipeline's id as runs name it: `id`, else `name`, else `unnamed`.
    pub fn id_text(&self) -> &str {
        self.id.as_ref().or(self.name.as_ref()).map_or("unnamed", |id| &id.value)
    }

    /// Where a run writes to if nobody chooses a directory: `output/<id>`, as a name of the working directory.
    pub fn output_directory(&self) -> String {
        output_directory(self.id_text())
    }
}

/// Where a run of the pipeline `id` writes to if nobody chooses a directory, in the working directory.
pub fn output_directory(id: &str) -> String {
    format!("output/{}", slug(id))
}

/// A pipeline's id as the name of a directory.
pub fn slug(id: &str) -> String {
    let slug: String =
        id.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' }).collect();
    if slug.is_empty() { "_".to_owned() } else { slug }
}

/// Reads the pipeline out of any tree.
pub fn lower(tree: &Tree) -> Pipeline {
    lower::lower(tree)
}
