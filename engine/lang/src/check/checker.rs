//! What all rules share: the facts, the scopes, what each step resolves to, and the findings.

use text_size::TextRange;

use super::{Code, Diagnostic, Facts, Fix, Related, Tag};
use crate::{
    model::{Step, StepIndex, scope::Scopes, target},
    registry::{LoopConstruct, Registry, Target},
    shape::Shapes,
    syntax::{NodeId, NodeKind, ProblemKind, Scalar, ScalarStyle, Tree},
    template::{self, Shape},
    text::TextEdit,
};

/// One run of the rules over one document.
pub(super) struct Checker<'f> {
    pub(super) facts: &'f Facts<'f>,
    pub(super) tree: &'f Tree,
    pub(super) registry: &'f Registry,
    pub(super) scopes: Scopes<'f>,
    /// What each step's `tool` and `action` mean, by index.
    pub(super) targets: Vec<Target<'f>>,
    pub(super) found: Vec<Diagnostic>,
    /// Where the text is no YAML; what is missing around there may only be unreadable.
    damage: Vec<TextRange>,
    /// Ids that can still be read in a damaged text, sorted.
    lost_ids: Vec<&'f str>,
}

impl<'f> Checker<'f> {
    pub(super) fn new(facts: &'f Facts<'f>) -> Self {
        let tree = &facts.parse.tree;
        let scopes = Scopes::new(facts.pipeline, tree);
        let targets = scopes.steps().iter().map(|step| target::of_step(tree, facts.registry, step)).collect();
        let damage: Vec<TextRange> = facts
            .parse
            .problems
            .iter()
            .filter(|problem| {
                matches!(
                    problem.kind,
                    ProblemKind::Syntax
                        | ProblemKind::TabIndent
                        | ProblemKind::BlockTagBetweenEntries
                        | ProblemKind::ConflictMarker
                        | ProblemKind::Control
                        | ProblemKind::TooDeep
                )
            })
            .map(|problem| problem.range)
            .collect();
        let lost_ids = if damage.is_empty() { Vec::new() } else { lost_ids(tree.text()) };
        Self { facts, tree, registry: facts.registry, scopes, targets, found: Vec::new(), damage, lost_ids }
    }

    /// Adds a finding and hands it back for what belongs to it.
    pub(super) fn report(&mut self, code: Code, range: TextRange, message: impl Into<String>) -> &mut Diagnostic {
        self.found.push(Diagnostic::new(code, range, message));
        self.found.last_mut().expect("invariant: one was just pushed")
    }

    /// Whether part of `range` could not be read, so that what it lacks may stand there.
    pub(super) fn damaged(&self, range: TextRange) -> bool {
        self.damage.iter().any(|damage| damage.start() <= range.end() && range.start() <= damage.end())
    }

    /// Whether any of the text could not be read.
    pub(super) fn damaged_anywhere(&self) -> bool {
        !self.damage.is_empty()
    }

    /// Whether `id` is the id of a step that stands in the text but could not be read.
    pub(super) fn lost(&self, id: &str) -> bool {
        self.lost_ids.binary_search(&id).is_ok()
    }

    /// Whether the scalar holds a template or AUTO tag, so that its value is not known yet.
    pub(super) fn is_dynamic(&self, node: NodeId) -> bool {
        let node = self.tree.resolve(node);
        if !self.tree.is_scalar(node) || self.tree.is_surely_plain(node) {
            return false;
        }
        if let Some(template) = self.facts.templates.get(&node) {
            return !matches!(template.shape, Shape::Plain | Shape::Constant(_));
        }
        !template::is_plain(&self.tree.decoded(node).text)
    }

    /// Whether nothing is written there: no value, or `null`.
    pub(super) fn is_null(&self, node: NodeId) -> bool {
        let node = self.tree.resolve(node);
        matches!(self.tree.kind(node), NodeKind::Missing) || self.tree.scalar(node) == Some(Scalar::Null)
    }

    /// Whether the value could not be read.
    pub(super) fn is_error(&self, node: NodeId) -> bool {
        matches!(self.tree.kind(self.tree.resolve(node)), NodeKind::Error)
    }

    /// The exact token of a value: a scalar's content without quotes, the first line of anything
    /// longer (of a block scalar, the first after its header).
    pub(super) fn token(&self, node: NodeId) -> TextRange {
        let mut range = crate::model::lower::content_range(self.tree, node);
        if let NodeKind::Scalar(ScalarStyle::Literal | ScalarStyle::Folded) = self.tree.kind(node) {
            let decoded = self.tree.decoded(node);
            let line = decoded.text.lines().next().unwrap_or_default().trim_end();
            if !line.is_empty() {
                range = decoded.source_range(TextRange::up_to(text_size::TextSize::of(line)));
            }
        }
        let text = &self.tree.text()[range];
        match text.find(['\n', '\r']) {
            Some(at) => TextRange::at(range.start(), text_size::TextSize::of(text[..at].trim_end())),
            None => range,
        }
    }

    /// Where a step that lacks something is marked: its id, else its first key.
    pub(super) fn head(&self, step: &Step) -> TextRange {
        match (&step.id, step.keys.first()) {
            (Some(id), _) if !id.range.is_empty() => id.range,
            (_, Some(key)) => key.range,
            _ => self.token(step.node),
        }
    }

    /// What values look like.
    pub(super) fn shapes(&self) -> Shapes<'_, 'f> {
        Shapes {
            tree: self.tree,
            registry: self.registry,
            pipeline: self.facts.pipeline,
            templates: self.facts.templates,
            scopes: &self.scopes,
        }
    }

    /// How a name of a step reads in messages.
    pub(super) fn id_of(&self, step: StepIndex) -> &'f str {
        self.scopes.step(step).id_text()
    }
}

impl Diagnostic {
    /// Adds another place.
    pub(super) fn related(&mut self, range: TextRange, message: impl Into<String>) -> &mut Self {
        self.related.push(Related { message: message.into(), range, file: None });
        self
    }

    /// Adds a fix that needs a person's eye.
    pub(super) fn fix(&mut self, title: impl Into<String>, edits: Vec<TextEdit>) -> &mut Self {
        self.fixes.push(Fix { title: title.into(), edits, safe: false });
        self
    }

    /// Adds a fix that keeps what the pipeline means.
    pub(super) fn safe_fix(&mut self, title: impl Into<String>, edits: Vec<TextEdit>) -> &mut Self {
        self.fixes.push(Fix { title: title.into(), edits, safe: true });
        self
    }

    /// Draws it struck through.
    pub(super) fn deprecated(&mut self) -> &mut Self {
        self.tag = Some(Tag::Deprecated);
        self
    }

    /// Draws it faded.
    pub(super) fn unnecessary(&mut self) -> &mut Self {
        self.tag = Some(Tag::Unnecessary);
        self
    }
}

/// The key that makes a step a loop, for messages.
pub(super) fn construct_key(construct: LoopConstruct) -> &'static str {
    match construct {
        LoopConstruct::ForEach => "for_each",
        LoopConstruct::While => "while",
        LoopConstruct::ActionLoop => "action_loop",
        LoopConstruct::Queue => "create_parallel_queue",
    }
}

/// Ids as they stand on lines of their own, whether or not the lines could be read.
fn lost_ids(text: &str) -> Vec<&str> {
    let mut ids: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            let line = line.trim_start().trim_start_matches("- ").trim_start();
            let id = line.strip_prefix("id:")?.split('#').next()?.trim();
            Some(id.trim_matches(['"', '\'']))
        })
        .filter(|id| !id.is_empty())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
