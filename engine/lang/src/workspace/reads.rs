//! Files that steps read: literally named, or by the default of an input, and not there (417).
//!
//! Silence is the rule where anything else could be true: the path is not known, an earlier step may
//! write the file, or the pipeline provides for its absence.

use std::{cell::OnceCell, collections::BTreeMap};

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::{FxHashMap, FxHashSet};
use text_size::TextRange;

use super::{Resolved, Workspace, normal};
use crate::{
    analysis::Analysis,
    check::{Diagnostic, codes},
    graph::Outgoing,
    model::{
        KeyUse, StepIndex, files,
        known::{Known, known},
        lower::{content_range, sites::Site},
        provided::Provided,
        scope::Scopes,
        target,
    },
    registry::{Effect, ParamKind, ParamSpec, Target},
    syntax::NodeId,
};

pub(super) fn check(analysis: &Analysis, workspace: &Workspace, found: &mut Vec<Diagnostic>) {
    let reads = reads(analysis);
    if reads.iter().all(|read| there(workspace, read)) {
        return;
    }
    let facts = Facts::new(analysis);
    let mut writers: Option<Writers> = None;
    let mut after: Option<(StepIndex, OnceCell<FxHashSet<StepIndex>>)> = None;
    for read in reads {
        if facts.provided.is_for(&facts.scopes, read.step) {
            continue;
        }
        let known = facts.known(read.node);
        let Some(written) = known.text().filter(|text| is_plain_path(text)) else { continue };
        if workspace.resolve(written) != Resolved::Missing {
            continue;
        }
        let path = normal(&workspace.root.join(written));
        let writers = writers.get_or_insert_with(|| facts.writers(workspace));
        // The reads of a step stand together.
        let (_, after) = match after.take() {
            Some(of) if of.0 == read.step => after.insert(of),
            _ => after.insert((read.step, OnceCell::new())),
        };
        let is_first = |writer: &StepIndex| {
            let after = after.get_or_init(|| facts.after(read.step));
            !facts.scopes.around(*writer).any(|step| after.contains(&step))
        };
        if writers.may_make(&path, is_first) {
            continue;
        }
        found.push(Diagnostic::new(codes::MISSING_INPUT_FILE, read.range, message(written, &known)));
    }
}

fn message(written: &str, known: &Known) -> String {
    let coded: Vec<String> = known.inputs.iter().map(|name| format!("`{name}`")).collect();
    let missing = "does not exist, and no step of this pipeline writes it first; make it before the run";
    match (coded.as_slice(), known.inputs.as_slice()) {
        ([], _) => format!("`{written}` {missing}"),
        ([coded], [name]) if name != "output_path" => {
            format!("`{written}`, by the default of {coded}, {missing}, or give another with `-i {name}=…`")
        }
        ([coded], _) => format!("`{written}`, by the default of {coded}, {missing}"),
        (all, _) => format!("`{written}`, by the defaults of {}, {missing}", all.join(" and ")),
    }
}

/// A parameter that names what a step reads.
struct Read {
    step: StepIndex,
    node: NodeId,
    range: TextRange,
    /// The path, if it is written as it is.
    literal: Option<String>,
}

fn reads(analysis: &Analysis) -> Vec<Read> {
    let tree = &analysis.parse().tree;
    let mut found = Vec::new();
    for step in analysis.pipeline().all_steps() {
        let target = target::of_step(tree, analysis.registry(), step);
        for parameter in &step.parameters {
            let Some(spec) = spec(&target, parameter) else { continue };
            for (written, kind) in files::named(tree, spec, parameter.value) {
                if kind == ParamKind::ReadPath {
                    let node = tree.resolve(written);
                    let literal = if analysis.templates().contains_key(&node) { None } else { tree.string(node) };
                    found.push(Read { step: step.index, node, range: content_range(tree, written), literal });
                }
            }
        }
    }
    found
}

/// Whether what is read is there for sure, or nothing can be said of it: the cheap answer for most files.
fn there(workspace: &Workspace, read: &Read) -> bool {
    let Some(written) = &read.literal else { return false };
    !is_plain_path(written) || workspace.resolve(written) != Resolved::Missing
}

/// A path that means one file of the workspace: no pattern, no address, no other machine's way to write it.
fn is_plain_path(written: &str) -> bool {
    !written.trim().is_empty()
        && !written.contains(['\n', '\r', '*', '?', '[', '\\', '$'])
        && !written.contains("://")
        && !written.starts_with('~')
        && written != "-"
        && !is_of_a_scheme(written)
}

/// `data:…`, `file:…`, `C:/…`
fn is_of_a_scheme(written: &str) -> bool {
    let Some((scheme, _)) = written.split_once(':') else { return false };
    let is_drive = scheme.len() == 1 && scheme.starts_with(|character: char| character.is_ascii_alphabetic());
    is_drive || ["data", "file"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

fn params<'t>(target: &Target<'t>) -> &'t [ParamSpec] {
    match target {
        Target::Operation { operation: Some(operation), .. } => &operation.params,
        Target::Action(action) => &action.params,
        _ => &[],
    }
}

fn spec<'t>(target: &Target<'t>, parameter: &KeyUse) -> Option<&'t ParamSpec> {
    params(target).iter().find(|spec| spec.name == parameter.name || spec.aliases.contains(&parameter.name))
}

/// What a step may write.
enum Write {
    /// Anything.
    Anywhere,
    /// This file or directory, and what is in it.
    At(Utf8PathBuf),
    /// Something whose path begins so.
    Beginning(String),
}

/// What the steps of a pipeline may write, to be asked for one path after the other.
#[derive(Default)]
struct Writers {
    anywhere: Vec<StepIndex>,
    at: BTreeMap<Utf8PathBuf, Vec<StepIndex>>,
    beginning: BTreeMap<String, Vec<StepIndex>>,
}

impl Writers {
    fn add(&mut self, step: StepIndex, write: Write) {
        match write {
            Write::Anywhere => self.anywhere.push(step),
            Write::At(path) => self.at.entry(path).or_default().push(step),
            Write::Beginning(beginning) => self.beginning.entry(beginning).or_default().push(step),
        }
    }

    /// Whether a step of which `is_first` is true may make `path`, something in it, or the folder it is in.
    fn may_make(&self, path: &Utf8Path, is_first: impl Fn(&StepIndex) -> bool) -> bool {
        let any = |steps: &Vec<StepIndex>| steps.iter().any(&is_first);
        let text = path.as_str();
        any(&self.anywhere)
            || path.ancestors().filter_map(|around| self.at.get(around)).any(any)
            || self.at.range(path.to_owned()..).take_while(|(at, _)| at.starts_with(path)).any(|(_, steps)| any(steps))
            || text.char_indices().filter_map(|(end, _)| self.beginning.get(&text[..end])).any(any)
            || self
                .beginning
                .range(text.to_owned()..)
                .take_while(|(beginning, _)| beginning.starts_with(text))
                .any(|(_, steps)| any(steps))
    }
}

struct Facts<'a> {
    analysis: &'a Analysis,
    scopes: Scopes<'a>,
    sites: FxHashMap<NodeId, &'a Site>,
    provided: Provided<'a>,
    outgoing: Outgoing,
}

impl<'a> Facts<'a> {
    fn new(analysis: &'a Analysis) -> Self {
        let scopes = analysis.scopes();
        let graph = analysis.graph();
        let provided = Provided::new(&analysis.parse().tree, graph, &scopes);
        let sites = analysis.sites().iter().map(|site| (site.node, site)).collect();
        Self { analysis, scopes, sites, provided, outgoing: graph.outgoing() }
    }

    fn known(&self, node: NodeId) -> Known {
        let tree = &self.analysis.parse().tree;
        let node = tree.resolve(node);
        let template = self.analysis.templates().get(&node).map(|template| &**template);
        let read = template.zip(self.sites.get(&node).copied());
        if template.is_some() && read.is_none() {
            return Known::default();
        }
        known(tree, self.analysis.pipeline(), &self.scopes, node, read)
    }

    /// The steps that cannot have begun before `step` has ended; bodies come after the step that loops.
    fn after(&self, step: StepIndex) -> FxHashSet<StepIndex> {
        let mut after = self.analysis.graph().waiting_for(&self.outgoing, self.scopes.around(step));
        after.insert(step);
        after
    }

    /// What steps may write.
    fn writers(&self, workspace: &Workspace) -> Writers {
        let tree = &self.analysis.parse().tree;
        let registry = self.analysis.registry();
        let mut found = Writers::default();
        for step in self.scopes.steps() {
            let mut add = |writes: Vec<Write>| writes.into_iter().for_each(|write| found.add(step.index, write));
            if ["on_error", "error_handlers"].iter().any(|key| step.key(key).is_some()) {
                add(vec![Write::Anywhere]);
            }
            for item in &step.items {
                add(self.writes(workspace, &target::of_item(tree, registry, item), &item.parameters));
            }
            if step.items.is_empty() && step.body.is_empty() {
                add(self.writes(workspace, &target::of_step(tree, registry, step), &step.parameters));
            }
        }
        found
    }

    fn writes(&self, workspace: &Workspace, target: &Target<'_>, given: &[KeyUse]) -> Vec<Write> {
        let effect = match target {
            Target::Operation { operation: Some(operation), .. } => operation.effect,
            Target::Action(action) => action.effect,
            Target::Echo { .. } | Target::Auto => return Vec::new(),
            Target::Operation { operation: None, .. } | Target::FileProse | Target::Unknown => {
                return vec![Write::Anywhere];
            }
        };
        let paths: Vec<&ParamSpec> = params(target).iter().filter(|spec| spec.kind == ParamKind::WritePath).collect();
        // What changes the world without saying where, and what a person does meanwhile.
        if effect == Effect::Human || (effect == Effect::Effectful && paths.is_empty()) {
            return vec![Write::Anywhere];
        }
        let write = |path: &&ParamSpec| {
            let given = given.iter().find(|key| key.name == path.name || path.aliases.contains(&key.name));
            let known = match (given, &path.default) {
                (Some(key), _) => self.known(key.value),
                (None, Some(serde_json::Value::String(default))) => {
                    Known { beginning: default.clone(), whole: true, ..Known::default() }
                }
                (None, _) => Known::default(),
            };
            written(workspace, &known)
        };
        paths.iter().map(write).collect()
    }
}

fn written(workspace: &Workspace, known: &Known) -> Write {
    if let Some(path) = known.text() {
        return Write::At(normal(&workspace.root.join(path)));
    }
    let beginning = known.beginning.trim_start_matches("./");
    if beginning.is_empty() || beginning.contains("..") || beginning.contains("/./") || beginning.contains("//") {
        return Write::Anywhere;
    }
    Write::Beginning(workspace.root.join(beginning).into_string())
}
