//! The arena of nodes that [`super::parse`] fills.

use std::sync::Arc;

use text_size::{TextRange, TextSize};

use super::scalar::{Decoded, Scalar};

/// The index of a node in its [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScalarStyle {
    /// Without quotes.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// `key: value` entries; `flow` means `{…}`.
    Mapping {
        /// Written with braces.
        flow: bool,
    },
    /// Items; `flow` means `[…]`.
    Sequence {
        /// Written with brackets.
        flow: bool,
    },
    /// Text, number, boolean or explicit null.
    Scalar(ScalarStyle),
    /// `*name`
    Alias,
    /// Nothing is written where a value may stand; the range is empty, just after the `:` or `-`.
    Missing,
    /// Text that could not be read and was passed over.
    Error,
}

/// A node. `range` is exact: from the first byte of the content (quotes, brackets, a block
/// scalar's `|` header included; anchors and tags excluded) to just after the last one. A block
/// collection ends where its last child ends; a block scalar ends after its last content line's
/// line end, or at the end of its header if it is empty.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Where it stands.
    pub range: TextRange,
    /// The node it lies in; `None` for the root.
    pub parent: Option<NodeId>,
    /// Where its children stand in [`TreeInner::links`], in order of place: for a mapping key, value,
    /// key, value, …; for a sequence its items.
    pub(crate) links: (u32, u32),
}

/// An anchor or a tag before a node.
#[derive(Debug, Clone)]
pub(crate) struct Property {
    pub(crate) node: NodeId,
    /// The name's place, `&` excluded.
    pub(crate) anchor: Option<TextRange>,
    pub(crate) tag: Option<CoreTag>,
}

/// YAML's own tags that change how a scalar reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CoreTag {
    Text,
    Int,
    Float,
    Bool,
    Null,
}

/// One `key: value` of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The key's node (usually a scalar).
    pub key: NodeId,
    /// The value's node; [`NodeKind::Missing`] if nothing is written.
    pub value: NodeId,
}

/// A piece of the text that is no node with children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeafKind {
    /// A scalar, alias or error node.
    Node(NodeId),
    /// `# …` up to the line end.
    Comment,
    /// Spaces, tabs, line ends, a byte order mark.
    Blank,
    /// `:` `-` `,` `?` brackets, anchors, tags, directives and document markers.
    Punctuation,
}

/// A [`LeafKind`] and its place. The leaves of a tree, in order, tile its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaf {
    /// What it is.
    pub kind: LeafKind,
    /// Where it stands; never empty.
    pub range: TextRange,
}

/// The tree of one text. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(crate) inner: Arc<TreeInner>,
}

#[derive(Debug, Default)]
pub(crate) struct TreeInner {
    pub(crate) text: Box<str>,
    pub(crate) nodes: Vec<Node>,
    /// Children of all nodes; each node knows its part.
    pub(crate) links: Vec<NodeId>,
    /// Anchors and tags, ordered by node.
    pub(crate) properties: Vec<Property>,
    /// For aliases: the node they stand for, ordered by alias.
    pub(crate) targets: Vec<(NodeId, NodeId)>,
    /// Aliases inside the node they would stand for.
    pub(crate) recursive: Vec<NodeId>,
    /// Comments in order, `#` included, line end excluded.
    pub(crate) comments: Vec<TextRange>,
    /// Unquoted template regions over line ends, which are kept to the byte.
    pub(crate) regions: Vec<TextRange>,
    /// Error nodes that are nobody's child, in order of place; they stand behind all other nodes.
    pub(crate) errors: Vec<NodeId>,
    /// What was read of one line depends on no line outside of its step.
    pub(crate) local: bool,
}

impl TreeInner {
    /// How many nodes stand in order of place, parents before children.
    pub(crate) fn ordered(&self) -> usize {
        self.nodes.len() - self.errors.len()
    }
}

impl Tree {
    /// The text the tree was made from.
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    /// The root; [`NodeKind::Missing`] if the text holds nothing.
    pub fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// The node behind `id`.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.inner.nodes[id.0 as usize]
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.inner.nodes.len()
    }

    /// Whether there is no node; never true for a parsed text.
    pub fn is_empty(&self) -> bool {
        self.inner.nodes.is_empty()
    }

    /// What the node is.
    pub fn kind(&self, id: NodeId) -> NodeKind {
        self.node(id).kind
    }

    /// Where the node stands.
    pub fn range(&self, id: NodeId) -> TextRange {
        self.node(id).range
    }

    /// The source text of the node.
    pub fn source(&self, id: NodeId) -> &str {
        &self.text()[self.range(id)]
    }

    /// Whether the content of a scalar holds no brace and no angle bracket, so that nothing of a
    /// template, an inclusion or an AUTO tag can stand in it. Looks at the source, undoes nothing.
    pub fn is_surely_plain(&self, id: NodeId) -> bool {
        // A backslash may be an escape of one of them.
        memchr::memchr3(b'{', b'<', b'\\', self.source(self.resolve(id)).as_bytes()).is_none()
    }

    /// Comments in order of place, `#` included, line end excluded.
    pub fn comments(&self) -> &[TextRange] {
        &self.inner.comments
    }

    /// Follows an alias to the node it stands for; any other node is itself.
    pub fn resolve(&self, id: NodeId) -> NodeId {
        if self.kind(id) != NodeKind::Alias {
            return id;
        }
        let targets = &self.inner.targets;
        targets.binary_search_by_key(&id, |(alias, _)| *alias).map_or(id, |index| targets[index].1)
    }

    /// The entries of a mapping as written, in order; empty for any other node. Aliases are
    /// followed for `id` itself. Merge keys are not expanded.
    pub fn entries(&self, id: NodeId) -> impl Iterator<Item = Entry> + '_ {
        let node = self.node(self.resolve(id));
        let children = if matches!(node.kind, NodeKind::Mapping { .. }) { self.links(node) } else { &[] };
        children.chunks_exact(2).map(|pair| Entry { key: pair[0], value: pair[1] })
    }

    /// The items of a sequence in order; empty for any other node. Aliases are followed.
    pub fn items(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let node = self.node(self.resolve(id));
        let children = if matches!(node.kind, NodeKind::Sequence { .. }) { self.links(node) } else { &[] };
        children.iter().copied()
    }

    /// Whether the node, aliases followed, is a mapping.
    pub fn is_mapping(&self, id: NodeId) -> bool {
        matches!(self.kind(self.resolve(id)), NodeKind::Mapping { .. })
    }

    /// Whether the node, aliases followed, is a sequence.
    pub fn is_sequence(&self, id: NodeId) -> bool {
        matches!(self.kind(self.resolve(id)), NodeKind::Sequence { .. })
    }

    /// Whether the node, aliases followed, is a scalar.
    pub fn is_scalar(&self, id: NodeId) -> bool {
        matches!(self.kind(self.resolve(id)), NodeKind::Scalar(_))
    }

    /// The entry whose key reads `key`; with merge keys, what the mapping itself says wins.
    pub fn get(&self, id: NodeId, key: &str) -> Option<Entry> {
        let mut merges = false;
        for entry in self.entries(id) {
            let text = self.decoded(entry.key).text;
            if text == key && self.is_scalar(entry.key) {
                return Some(entry);
            }
            merges |= text == "<<";
        }
        if !merges {
            return None;
        }
        self.merged_entries(id).into_iter().find(|entry| self.key_text(entry.key).as_deref() == Some(key))
    }

    /// The entries of a mapping with merge keys (`<<`) expanded: own entries in order, then merged
    /// ones that no earlier entry names. The `<<` entries themselves are left out.
    pub fn merged_entries(&self, id: NodeId) -> Vec<Entry> {
        super::scalar::merged_entries(self, id)
    }

    /// The text of a key: the decoded scalar; booleans of YAML 1.1 read as they are written.
    pub fn key_text(&self, key: NodeId) -> Option<String> {
        let key = self.resolve(key);
        matches!(self.kind(key), NodeKind::Scalar(_)).then(|| self.decoded(key).text.into_owned())
    }

    /// The content of a scalar with a map back to the source; for an alias the target's; empty text
    /// for any other node.
    pub fn decoded(&self, id: NodeId) -> Decoded<'_> {
        super::scalar::decode(self, self.resolve(id))
    }

    /// The typed value of a scalar by the YAML 1.2 core schema (only plain scalars are anything but
    /// text); `None` for collections and errors, [`Scalar::Null`] for a missing value.
    pub fn scalar(&self, id: NodeId) -> Option<Scalar<'_>> {
        super::scalar::typed(self, self.resolve(id))
    }

    /// The scalar's text if the node is a scalar that is text or reads as text; `None` otherwise.
    pub fn string(&self, id: NodeId) -> Option<String> {
        let id = self.resolve(id);
        matches!(self.kind(id), NodeKind::Scalar(_)).then(|| self.decoded(id).text.into_owned())
    }

    /// The whole value as JSON: aliases and merge keys expanded, non-text keys written as text,
    /// error nodes null. `None` if expanding the aliases would make more than a million nodes.
    pub fn to_json(&self, id: NodeId) -> Option<serde_json::Value> {
        super::scalar::to_json(self, id)
    }

    /// The anchor (`&name`) of a node and the name's place, `&` excluded.
    pub fn anchor(&self, id: NodeId) -> Option<(&str, TextRange)> {
        let range = self.property(id)?.anchor?;
        Some((&self.text()[range], range))
    }

    /// The children of a node in order of place; aliases are not followed, error nodes between
    /// entries are left out.
    pub fn children(&self, id: NodeId) -> &[NodeId] {
        self.links(self.node(id))
    }

    fn links(&self, node: &Node) -> &[NodeId] {
        &self.inner.links[node.links.0 as usize..][..node.links.1 as usize]
    }

    pub(crate) fn property(&self, id: NodeId) -> Option<&Property> {
        let properties = &self.inner.properties;
        properties.binary_search_by_key(&id, |property| property.node).ok().map(|index| &properties[index])
    }

    /// The deepest node that contains `offset`; at a boundary the node that ends there if nothing
    /// begins there.
    pub fn node_at(&self, offset: TextSize) -> NodeId {
        let mut found = self.root();
        loop {
            let children = self.children(found);
            // Children before `next` begin at or before the offset.
            let next = children.partition_point(|child| self.range(*child).start() <= offset);
            let containing = children[..next].iter().rev().take(2).find(|child| self.range(**child).contains(offset));
            let touching =
                children[..next].iter().rev().take(2).find(|child| self.range(**child).contains_inclusive(offset));
            match containing.or(touching) {
                Some(child) => found = *child,
                None => break,
            }
        }
        let errors = &self.inner.errors;
        let next = errors.partition_point(|error| self.range(*error).start() <= offset);
        match next.checked_sub(1).map(|index| errors[index]) {
            Some(error) if self.range(error).contains_inclusive(offset) && !self.range(found).contains(offset) => error,
            Some(error) if self.range(error).contains(offset) => error,
            _ => found,
        }
    }

    /// From the node up to the root.
    pub fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(Some(id), |id| self.node(*id).parent)
    }

    /// The pieces of the text in order; joined they are the text.
    pub fn leaves(&self) -> Vec<Leaf> {
        super::trivia::leaves(self)
    }
}
