//! Everything known about one document: computed once, then only read.

use std::sync::{Arc, OnceLock};

use crate::{
    check::{self, Diagnostic, Facts},
    graph::{self, Graph},
    model::{
        self, Pipeline,
        pipeline_file::{self, Recognised},
        scope::Scopes,
    },
    registry::Registry,
    shape::Shapes,
    syntax::{self, NodeId, Parse},
    template::{self, Reading, Template, Templates},
    text::LineIndex,
    workspace::{self, Workspace},
};

/// One document, analysed on demand. Immutable; share it behind an `Arc`.
#[derive(Debug)]
pub struct Analysis {
    registry: Arc<Registry>,
    file_name: String,
    parse: Parse,
    lines: LineIndex,
    // Each on its own: most of what is asked while someone types needs the pipeline alone.
    pipeline: OnceLock<Pipeline>,
    templates: OnceLock<Templates>,
    graph: OnceLock<Graph>,
    own: OnceLock<Vec<Diagnostic>>,
    diagnostics: OnceLock<Vec<Diagnostic>>,
    workspace: Option<Workspace>,
}

impl Analysis {
    /// Parses `text`; everything else is computed when first asked for. `file_name` is the last part
    /// of the path, which may say that the file is a pipeline.
    pub fn new(registry: Arc<Registry>, file_name: &str, text: &str) -> Self {
        Self {
            registry,
            file_name: file_name.to_owned(),
            parse: syntax::parse(text),
            lines: LineIndex::new(text),
            pipeline: OnceLock::new(),
            templates: OnceLock::new(),
            graph: OnceLock::new(),
            own: OnceLock::new(),
            diagnostics: OnceLock::new(),
            workspace: None,
        }
    }

    /// The same among other files, as they are from now on.
    pub fn within(self, workspace: Workspace) -> Self {
        Self { diagnostics: OnceLock::new(), workspace: Some(workspace), ..self }
    }

    /// Where the document lies, if that is known.
    pub fn workspace(&self) -> Option<&Workspace> {
        self.workspace.as_ref()
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.parse.tree.text()
    }

    /// The tree and its problems.
    pub fn parse(&self) -> &Parse {
        &self.parse
    }

    /// Where lines start.
    pub fn lines(&self) -> &LineIndex {
        &self.lines
    }

    /// What exists.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Whether the document is a pipeline, and why. Only pipelines have diagnostics.
    pub fn recognised(&self) -> Option<Recognised> {
        pipeline_file::recognise(&self.file_name, &self.parse.tree)
    }

    /// The typed pipeline.
    pub fn pipeline(&self) -> &Pipeline {
        self.pipeline.get_or_init(|| model::lower(&self.parse.tree))
    }

    /// Parsed templates by scalar node.
    pub fn templates(&self) -> &Templates {
        self.templates.get_or_init(|| model::lower::sites::templates(&self.parse.tree, self.pipeline(), &self.registry))
    }

    /// The step graph.
    pub fn graph(&self) -> &Graph {
        self.graph.get_or_init(|| graph::graph(&self.parse.tree, self.pipeline(), self.templates(), &self.registry))
    }

    /// Who sees whom.
    pub fn scopes(&self) -> Scopes<'_> {
        Scopes::new(self.pipeline(), &self.parse.tree)
    }

    /// What values look like.
    pub fn shapes<'s, 'a>(&'a self, scopes: &'s Scopes<'a>) -> Shapes<'s, 'a> {
        Shapes {
            tree: &self.parse.tree,
            registry: &self.registry,
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
            check::finish(&self.parse.tree, found)
        })
    }

    /// What is wrong with this document by itself, in no particular order, nothing ignored.
    pub(crate) fn own_diagnostics(&self) -> &[Diagnostic] {
        self.own.get_or_init(|| {
            if self.recognised().is_none() {
                return Vec::new();
            }
            check::check(&Facts {
                parse: &self.parse,
                pipeline: self.pipeline(),
                templates: self.templates(),
                graph: self.graph(),
                registry: &self.registry,
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
