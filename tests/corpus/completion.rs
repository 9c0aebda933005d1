//! What stands in real files is what is offered: each token that is legal where it stands is deleted,
//! and completion at that place must offer it again, high up.
//!
//! A token is legal if it carries no error, is known to the language (an unknown key or parameter is
//! anybody's), stands there once and is no old spelling, which is understood but never offered.
//!
//! The table shows the mean reciprocal rank (MRR) with nothing typed, which is what counts, and with the
//! token's first two characters typed, by which an editor filters.

use std::{cmp::Reverse, collections::BTreeMap, fmt::Write as _};

use lang::{
    analysis::Analysis,
    check::Severity,
    ide::completion,
    model::{
        KeyUse, LoopItem, Step,
        lower::sites::{self, Site},
        scope::Binding,
        target,
    },
    registry::{OperationSource, ParamSpec, Place, Target, ValueType, keys, usage},
    shape::{Followed, Part, Shapes},
    syntax::{Decoded, NodeId},
    template::{Access, AccessKind, Reference},
    text::{TextRange, TextSize},
};

use crate::{Row, analyse, manifest};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    RootKey,
    StepKey,
    NestedKey,
    Tool,
    Operation,
    Action,
    ParameterKey,
    EnumValue,
    Dependency,
    Input,
    StepName,
    ResultField,
    Filter,
    LoopVariable,
}

#[derive(Debug, Default)]
struct Score {
    cases: usize,
    offered: usize,
    /// Sums of reciprocal ranks: with nothing typed, and with two characters.
    empty: f64,
    typed: f64,
    missed: Vec<String>,
    /// How often each token stands there.
    names: BTreeMap<String, usize>,
}

impl Score {
    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.offered += other.offered;
        self.empty += other.empty;
        self.typed += other.typed;
        self.missed.extend(other.missed);
        for (name, count) in other.names {
            *self.names.entry(name).or_default() += count;
        }
    }

    fn line(&self, name: &str) -> String {
        let cases = self.cases as f64;
        let share = 100.0 * self.offered as f64 / cases;
        let (empty, typed) = (self.empty / cases, self.typed / cases);
        format!("{name:<14}{:>7}{share:>10.1}{empty:>12.3}{typed:>12.3}", self.cases)
    }
}

/// Unknown key, unknown parameter, deprecated name, parameter, field, variable, and prose.
const NEVER_OFFERED: [u16; 7] = [105, 406, 804, 805, 806, 807, 808];

/// The tokens of a file, each with its kind.
struct Tokens<'a> {
    analysis: &'a Analysis,
    found: BTreeMap<(TextSize, TextSize), Kind>,
}

impl<'a> Tokens<'a> {
    fn of(analysis: &'a Analysis) -> BTreeMap<(TextSize, TextSize), Kind> {
        let mut tokens = Self { analysis, found: BTreeMap::new() };
        let pipeline = analysis.pipeline();
        tokens.keys(Kind::RootKey, Place::Pipeline, &pipeline.keys);
        for input in pipeline.inputs.values() {
            tokens.keys(Kind::NestedKey, Place::Input, &input.keys);
        }
        for step in pipeline.all_steps() {
            tokens.step(step);
        }
        let tree = &analysis.parse().tree;
        let scopes = analysis.scopes();
        let shapes = analysis.shapes(&scopes);
        sites::sites(tree, pipeline, analysis.registry(), &mut |site| tokens.templates(&shapes, &site));
        tokens.found
    }

    fn add(&mut self, kind: Kind, range: TextRange) {
        let text = &self.analysis.text()[range];
        let quotes: &[char] = &['"', '\''];
        let before = text.len() - text.trim_start_matches(quotes).len();
        let inside = text.trim_matches(quotes).len();
        let start = range.start() + TextSize::new(before as u32);
        let range = TextRange::at(start, TextSize::new(inside as u32));
        let flawed = self.analysis.diagnostics().iter().any(|found| {
            let here = found.range.start() < range.end() && range.start() < found.range.end();
            here && (found.severity == Severity::Error || NEVER_OFFERED.contains(&found.code.0))
        });
        if !range.is_empty() && !flawed {
            self.found.insert((range.start(), range.end()), kind);
        }
    }

    fn keys(&mut self, kind: Kind, place: Place, uses: &[KeyUse]) {
        for used in uses {
            let twice = uses.iter().filter(|other| other.name == used.name).count() > 1;
            let Some(spec) = keys::key(place, &used.name).filter(|_| !twice) else { continue };
            self.add(kind, used.range);
            if !spec.choices.is_empty() || spec.types.contains(&ValueType::Boolean) {
                let words: Vec<&str> = spec.choices.to_vec();
                self.choice(used.value, &words, spec.types.contains(&ValueType::Boolean));
            }
        }
    }

    /// A value of a closed list.
    fn choice(&mut self, value: NodeId, choices: &[&str], flag: bool) {
        let tree = &self.analysis.parse().tree;
        let written = tree.source(value).trim_matches(['"', '\'']);
        if choices.contains(&written) || (flag && matches!(written, "true" | "false")) {
            self.add(Kind::EnumValue, tree.range(value));
        }
    }

    fn step(&mut self, step: &Step) {
        let (tree, registry) = (&self.analysis.parse().tree, self.analysis.registry());
        self.keys(Kind::StepKey, Place::Step, &step.keys);
        let doing = target::of_step(tree, registry, step);
        let [tool, action] =
            [&step.tool, &step.action].map(|word| word.as_ref().map(|word| (&*word.value, word.range)));
        self.doing(&doing, tool, action);
        self.parameters(&doing, &step.parameters);
        if let Some(policy) = step.key("on_failure") {
            self.choice(policy.value, &["fail", "continue", "skip", "retry"], false);
        }
        for dependency in &step.dependencies {
            self.add(Kind::Dependency, dependency.range);
        }
        for route in &step.routes {
            self.add(Kind::Dependency, route.target.range);
        }
        for key in &step.keys {
            let below = keys::key(Place::Step, &key.name).and_then(|spec| spec.below);
            if let Some(place) = below.filter(|place| !matches!(place, Place::Step | Place::LoopItem)) {
                let list: Vec<NodeId> = tree.items(key.value).collect();
                for node in if list.is_empty() { vec![key.value] } else { list } {
                    let uses = tree.entries(node).filter_map(|entry| {
                        let (name, range) = (tree.key_text(entry.key)?, tree.range(entry.key));
                        Some(KeyUse { name, range, value: entry.value })
                    });
                    self.keys(Kind::NestedKey, place, &uses.collect::<Vec<KeyUse>>());
                }
            }
        }
        for item in &step.items {
            self.item(item);
        }
    }

    fn item(&mut self, item: &LoopItem) {
        let (tree, registry) = (&self.analysis.parse().tree, self.analysis.registry());
        self.keys(Kind::NestedKey, Place::LoopItem, &item.keys);
        let doing = target::of_item(tree, registry, item);
        let [tool, action] =
            [&item.tool, &item.action].map(|word| word.as_ref().map(|word| (&*word.value, word.range)));
        self.doing(&doing, tool, action);
        self.parameters(&doing, &item.parameters);
    }

    fn doing(&mut self, doing: &Target<'_>, tool: Option<(&str, TextRange)>, action: Option<(&str, TextRange)>) {
        if let Some((_, range)) = tool {
            self.add(Kind::Tool, range);
        }
        match (doing, action) {
            // What else stands as action of a tool that takes its operation elsewhere is any word.
            (Target::Operation { tool: spec, .. }, Some((name, range)))
                if tool.is_some() && spec.operation(name).is_some() =>
            {
                self.add(Kind::Operation, range);
            }
            (Target::Operation { .. }, Some(_)) if tool.is_some() => {}
            (Target::Action(_) | Target::Operation { .. }, Some((_, range))) => self.add(Kind::Action, range),
            _ => {}
        }
    }

    fn parameters(&mut self, doing: &Target<'_>, uses: &[KeyUse]) {
        let params: &[ParamSpec] = match doing {
            Target::Operation { operation: Some(operation), .. } => &operation.params,
            Target::Action(action) => &action.params,
            _ => return,
        };
        if let Target::Operation { tool, .. } = doing
            && let OperationSource::Parameter(name) = tool.operation_source
            && let Some(used) = uses.iter().find(|used| used.name == name)
        {
            let names: Vec<&str> = tool.operations.iter().map(|operation| &*operation.name).collect();
            self.choice(used.value, &names, false);
        }
        for used in uses {
            let twice = uses.iter().filter(|other| other.name == used.name).count() > 1;
            let param = params.iter().find(|param| param.name == used.name).filter(|_| !twice);
            let Some(param) = param else { continue };
            self.add(Kind::ParameterKey, used.range);
            let words: Vec<String> = param.choices.iter().map(word).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.choice(used.value, &words, param.types.contains(&ValueType::Boolean));
        }
    }

    fn templates(&mut self, shapes: &Shapes<'_, '_>, site: &Site) {
        let analysis = self.analysis;
        let Some(template) = analysis.templates().get(&site.node) else { return };
        let decoded = analysis.parse().tree.decoded(site.node);
        for filter in &template.filters {
            self.add(Kind::Filter, decoded.source_range(filter.range));
        }
        for local in template.locals.iter().filter(|local| !local.used.dollar) {
            self.add(Kind::LoopVariable, decoded.source_range(local.used.root_range));
        }
        for reference in &template.references {
            self.reference(shapes, site, &decoded, reference);
        }
    }

    fn reference(&mut self, shapes: &Shapes<'_, '_>, site: &Site, decoded: &Decoded<'_>, reference: &Reference) {
        let Some(binding) = shapes.scopes.resolve(site, &reference.root) else { return };
        let kind = match binding {
            Binding::Step(_) | Binding::Item(..) => Kind::StepName,
            Binding::Input(_) => Kind::Input,
            Binding::Loop(..) | Binding::State(_) | Binding::Named(_) => Kind::LoopVariable,
            Binding::Inputs | Binding::Runtime(_) | Binding::Global(_) => return,
        };
        if !reference.dollar {
            self.add(kind, decoded.source_range(reference.root_range));
        }
        if kind != Kind::StepName {
            return;
        }
        let mut at = shapes.of_binding(&binding);
        for Access { kind, range } in &reference.path {
            let Followed::To(next) = shapes.follow(at, Part::of(kind)) else { return };
            if let AccessKind::Field(name) = kind
                && decoded.text[*range] == *name
            {
                self.add(Kind::ResultField, decoded.source_range(*range));
            }
            at = next;
        }
    }
}

fn word(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The place of `token` among what is offered where its first `kept` bytes stand, counted from one.
fn rank(analysis: &Analysis, range: TextRange, kept: usize) -> Option<usize> {
    let token = &analysis.text()[range];
    let kept = token.char_indices().map(|(at, _)| at).nth(kept).unwrap_or(token.len());
    let cursor = range.start() + TextSize::new(kept as u32);
    let mut broken = analysis.text().to_owned();
    broken.replace_range(usize::from(cursor)..usize::from(range.end()), "");
    let mut items = completion::complete(&analysis.with_text(&broken), cursor);
    items.retain(|item| item.label.starts_with(&token[..kept]));
    items.sort_by(|one, other| (one.rank, &one.label).cmp(&(other.rank, &other.label)));
    items.iter().position(|item| item.label == token).map(|at| at + 1)
}

/// Every token of some files, and how completion does on it.
fn scores(rows: &[Row]) -> BTreeMap<Kind, Score> {
    let mut scores: BTreeMap<Kind, Score> = BTreeMap::new();
    for row in rows {
        let analysis = analyse(row);
        for ((start, end), kind) in Tokens::of(&analysis) {
            let range = TextRange::new(start, end);
            let (empty, typed) = (rank(&analysis, range, 0), rank(&analysis, range, 2));
            let mut score = Score { cases: 1, ..Score::default() };
            score.offered = usize::from(empty.is_some() && typed.is_some());
            score.empty = empty.map_or(0.0, |rank| 1.0 / rank as f64);
            score.typed = typed.map_or(0.0, |rank| 1.0 / rank as f64);
            score.names.insert(analysis.text()[range].to_owned(), 1);
            if score.offered == 0 {
                let line = analysis.lines().line_of(start) + 1;
                score.missed.push(format!("{}:{line} {}", row.path, &analysis.text()[range]));
            }
            scores.entry(kind).or_default().add(score);
        }
    }
    scores
}

#[test]
fn what_stands_in_real_files_is_offered_where_it_stands() {
    let rows = manifest();
    let (one, other) = rows.split_at(rows.len() / 2);
    let (mut found, others) = std::thread::scope(|scope| {
        let others = scope.spawn(|| scores(other));
        (scores(one), others.join().unwrap())
    });
    for (kind, score) in others {
        found.entry(kind).or_default().add(score);
    }
    let mut table = format!("{:<14}{:>7}{:>10}{:>12}{:>12}\n", "kind", "cases", "offered %", "MRR empty", "MRR typed");
    let mut all = Score::default();
    for (kind, score) in &found {
        writeln!(table, "{}", score.line(&format!("{kind:?}"))).unwrap();
    }
    let registry = engine::catalog::registry();
    let tools = |available: bool| -> Vec<&str> {
        let tools = registry.tools.values().filter(|tool| tool.available == available);
        tools.map(|tool| tool.name.as_str()).collect()
    };
    for (kind, names) in [
        (Kind::RootKey, usage::keys(Place::Pipeline)),
        (Kind::StepKey, usage::keys(Place::Step)),
        (Kind::NestedKey, usage::keys(Place::Input)),
        (Kind::Tool, &tools(true)),
        (Kind::Tool, &tools(false)),
        (Kind::Action, usage::ACTIONS),
        (Kind::Filter, usage::FILTERS),
        (Kind::ResultField, usage::RESULT_FIELDS),
    ] {
        let counts = &found[&kind].names;
        let most_first = names.is_sorted_by_key(|name| Reverse(counts.get(*name).copied().unwrap_or_default()));
        assert!(most_first, "{kind:?}: {names:?} is not the order of {counts:?}");
    }
    let missed: Vec<String> = found.values().flat_map(|score| score.missed.clone()).collect();
    let kinds: Vec<(Kind, f64)> =
        found.iter().map(|(kind, score)| (*kind, score.offered as f64 / score.cases as f64)).collect();
    for score in found.into_values() {
        all.add(score);
    }
    let mean = all.empty / all.cases as f64;
    writeln!(table, "{}", all.line("all")).unwrap();
    println!("{table}");
    assert_eq!(kinds.len(), 14, "a kind has no case:\n{table}");
    for (kind, share) in kinds {
        assert!(share >= 0.98, "{kind:?} is offered too seldom:\n{table}\n{missed:#?}");
    }
    assert!(mean >= 0.8, "what is meant stands too low:\n{table}");
}
