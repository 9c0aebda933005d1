//! Everything known about one document: computed once, then only read.

use std::sync::{Arc, OnceLock};

use crate::{
    check::{self, Diagnostic, Facts},
    graph::{self, Graph},
    model::{
        self, Pipeline,
        lower::sites::{self, Site},
        pipeline_file::{self, Recognised},
        scope::Scopes,
    },
    registry::Registry,
    shape::Shapes,
    syntax::{self, NodeId, Parse, Splice},
    template::{self, Reading, Template, Templates},
    text::LineIndex,
    workspace::{self, Workspace},
};

/// One document, analysed on demand. Immutable; share it behind an `Arc`.
#[derive(Debug, Clone)]
pub struct Analysis {
    alone: Arc<Alone>,
    workspace: Option<Workspace>,
    diagnostics: OnceLock<Vec<Diagnostic>>,
}

/// What follows from the text alone, whatever other files say.
#[derive(Debug)]
struct Alone {
    registry: Arc<Registry>,
    file_name: String,
    parse: Parse,
    lines: LineIndex,
    // Each on its own: most of what is asked while someone types needs the pipeline alone.
    pipeline: OnceLock<Pipeline>,
    templates: OnceLock<(Arc<Templates>, Vec<Site>)>,
    /// The templates of the text before, and what has changed in its tree since.
    earlier: Option<(Arc<Templates>, Splice)>,
    graph: OnceLock<Graph>,
    own: OnceLock<Vec<Diagnostic>>,
}

impl Analysis {
    /// Parses `text`; everything else is computed when first asked for. `file_name` is the last part
    /// of the path, which may say that the file is a pipeline.
    pub fn new(registry: Arc<Registry>, file_name: &str, text: &str) -> Self {
        Self::of(registry, file_name, syntax::parse(text), None)
    }

    fn of(registry: Arc<Registry>, file_name: &str, parse: Parse, earlier: Option<(Arc<Templates>, Splice)>) -> Self {
        let alone = Alone {
            registry,
            file_name: file_name.to_owned(),
            lines: LineIndex::new(parse.tree.text()),
            parse,
            pipeline: OnceLock::new(),
            templates: OnceLock::new(),
            earlier,
            graph: OnceLock::new(),
            own: OnceLock::new(),
        };
        Self { alone: Arc::new(alone), workspace: None, diagnostics: OnceLock::new() }
    }

    /// The same among other files, as they are from now on; what follows from the text alone is
    /// shared, not computed again.
    pub fn within(&self, workspace: Workspace) -> Self {
        Self { alone: Arc::clone(&self.alone), workspace: Some(workspace), diagnostics: OnceLock::new() }
    }

    /// The same document at the same place with another text. Where only one step differs, no other
    /// is read again.
    pub fn with_text(&self, text: &str) -> Self {
        let Alone { registry, file_name, parse, templates, .. } = &*self.alone;
        let (parse, splice) = syntax::reparse(parse, text);
        let earlier = templates.get().map(|(templates, _)| Arc::clone(templates)).zip(splice);
        Self { workspace: self.workspace.clone(), ..Self::of(Arc::clone(registry), file_name, parse, earlier) }
    }

    /// Where the document lies, if that is known.
    pub fn workspace(&self) -> Option<&Workspace> {
        self.workspace.as_ref()
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.alone.parse.tree.text()
    }

    /// The tree and its problems.
    pub fn parse(&self) -> &Parse {
        &self.alone.parse
    }

    /// Where lines start.
    pub fn lines(&self) -> &LineIndex {
        &self.alone.lines
    }

    /// What exists.
    pub fn registry(&self) -> &Registry {
        &self.alone.registry
    }

    /// The same, to be kept.
    pub fn shared_registry(&self) -> &Arc<Registry> {
        &self.alone.registry
    }

    /// Whether the document is a pipeline, and why. Only pipelines have diagnostics.
    pub fn recognised(&self) -> Option<Recognised> {
        pipeline_file::recognise(&self.alone.file_name, &self.alone.parse.tree)
    }

    /// The typed pipeline.
    pub fn pipeline(&self) -> &Pipeline {
        self.alone.pipeline.get_or_init(|| model::lower(&self.alone.parse.tree))
    }

    /// Parsed templates by scalar node.
    pub fn templates(&self) -> &Templates {
        &self.rendered().0
    }

    /// Where those templates stand, as [`sites::sites`] visits them.
    pub fn sites(&self) -> &[Site] {
        &self.rendered().1
    }

    fn rendered(&self) -> &(Arc<Templates>, Vec<Site>) {
        self.alone.templates.get_or_init(|| {
            let Alone { parse, registry, earlier, .. } = &*self.alone;
            let known = |node| {
                let (templates, splice) = earlier.as_ref()?;
                Some(templates.get(&splice.earlier(node)?).cloned())
            };
            let (templates, sites) = sites::templates(&parse.tree, self.pipeline(), registry, &known);
            (Arc::new(templates), sites)
        })
    }

    /// The step graph.
    pub fn graph(&self) -> &Graph {
        self.alone
            .graph
            .get_or_init(|| graph::graph(&self.alone.parse.tree, self.pipeline(), self.templates(), self.sites()))
    }

    /// Who sees whom.
    pub fn scopes(&self) -> Scopes<'_> {
        Scopes::new(self.pipeline(), &self.alone.parse.tree)
    }

    /// What values look like.
    pub fn shapes<'s, 'a>(&'a self, scopes: &'s Scopes<'a>) -> Shapes<'s, 'a> {
        Shapes {
            tree: &self.alone.parse.tree,
            registry: &self.alone.registry,
            pipeline: self.pipeline(),
            templates: self.templates(),
            scopes,
        }
    }

    /// What is wrong, in order of place; empty for a file that is no pipeline.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        self.diagnostics.get_or_init(|| {
            let mut found = self.own_diagnostics().to_vec();
            if let Some(workspace) = self.workspace.as_ref().filter(|_| self.recognised().is_some()) {
                found.extend(workspace::check(self, workspace));
            }
            check::finish(&self.alone.parse.tree, found)
        })
    }

    /// What is wrong with this document by itself, in no particular order, nothing ignored.
    pub(crate) fn own_diagnostics(&self) -> &[Diagnostic] {
        self.alone.own.get_or_init(|| {
            if self.recognised().is_none() {
                return Vec::new();
            }
            check::check(&Facts {
                parse: &self.alone.parse,
                pipeline: self.pipeline(),
                templates: self.templates(),
                sites: self.sites(),
                graph: self.graph(),
                registry: &self.alone.registry,
            })
        })
    }
}

/// Parses the template in the scalar `node`, or nothing if it is plain text.
pub fn template_of(parse: &Parse, node: NodeId, reading: Reading) -> Option<Template> {
    let decoded = parse.tree.decoded(node);
    if reading == Reading::Template && template::is_plain(&decoded.text) {
        return None;
    }
    Some(template::parse(&decoded.text, reading))
}
