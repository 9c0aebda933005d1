//! The steps of a plan as a picture: Mermaid, Graphviz, SVG, and JSON for other programs.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

use lang::registry::is_inline_pipeline;
use serde::Serialize;
use serde_json::Value;

use super::{
    Plan,
    program::{Scope, StepKind, StepPlan},
};

/// The root's steps and what they wait for.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Picture {
    /// The pipeline's id.
    pub pipeline: String,
    /// The steps in order of declaration.
    pub steps: Vec<Node>,
    /// What waits for what, and where steps go on by a route.
    pub edges: Vec<Edge>,
    /// Ids by stage: the steps of one stage may run side by side.
    pub stages: Vec<Vec<String>>,
    /// The longest chain of steps that wait for each other.
    pub longest_chain: Vec<String>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// What it does: `filesystem.write`, `generate`, `for_each`.
    pub does: String,
    /// How many steps its body has, if it is a loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<usize>,
    /// It runs only under a condition, or only when another one fails.
    pub conditional: bool,
    /// How it stands in a run, as in the result document; `null` without one.
    pub status: Option<String>,
}

/// `to` comes after `from`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Edge {
    /// The id of the earlier step.
    pub from: String,
    /// The id of the later step.
    pub to: String,
    /// `waits`, `on_success`, `on_false`, `on_failure` or `handles`.
    pub kind: &'static str,
}

impl Picture {
    /// The picture of `plan`. `status` tells how a step stands in a run.
    pub fn of(plan: &Plan, status: &dyn Fn(&str) -> Option<String>) -> Self {
        let scope = &plan.program.scope;
        let id = |at: usize| scope.steps[at].id.clone();
        let ids: HashSet<&str> = scope.steps.iter().map(|step| &*step.id).collect();
        let mut edges = Vec::new();
        for (at, step) in scope.steps.iter().enumerate() {
            let waits = scope.dependencies[at].iter().map(|from| Edge { from: id(*from), to: id(at), kind: "waits" });
            edges.extend(waits);
            let routes = &step.routes;
            let named =
                [("on_success", routes.on_success), ("on_false", routes.on_false), ("on_failure", routes.on_failure)];
            let routes = named.into_iter().filter_map(|(kind, to)| Some(Edge { from: id(at), to: id(to?), kind }));
            edges.extend(routes);
            let tasks = step.handlers.iter().filter_map(|handler| handler.task.clone());
            edges.extend(tasks.filter(|to| ids.contains(&**to)).map(|to| Edge { from: id(at), to, kind: "handles" }));
        }
        let steps = scope.steps.iter().map(|step| Node {
            id: step.id.clone(),
            does: does(step),
            body: step.kind.body().map(|body| body.steps.len()),
            conditional: step.condition.is_some() || step.is_handler,
            status: status(&step.id),
        });
        Self {
            pipeline: plan.program.id.clone(),
            steps: steps.collect(),
            edges,
            stages: plan.program.levels.clone(),
            longest_chain: longest_chain(scope, &plan.program.levels),
        }
    }

    /// A Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        let places = self.places();
        let mut text = "flowchart TD\n".to_owned();
        for (at, step) in self.steps.iter().enumerate() {
            let label = html(&format!("{}\n{}", step.id, step.label())).replace('\n', "<br/>");
            let (open, close) = if step.body.is_some() { ("[[", "]]") } else { ("[", "]") };
            let _ = writeln!(text, "  s{at}{open}\"{label}\"{close}");
        }
        for edge in &self.edges {
            let (from, to) = (places[&*edge.from], places[&*edge.to]);
            let _ = match edge.kind {
                "waits" => writeln!(text, "  s{from} --> s{to}"),
                kind => writeln!(text, "  s{from} -. {kind} .-> s{to}"),
            };
        }
        for (status, style) in STATUSES {
            let with = self.steps.iter().enumerate().filter(|(_, step)| step.status.as_deref() == Some(status));
            let ids: Vec<String> = with.map(|(at, _)| format!("s{at}")).collect();
            if !ids.is_empty() {
                let _ = writeln!(text, "  classDef {status} fill:{},stroke:{}", style.fill, style.line);
                let _ = writeln!(text, "  class {} {status}", ids.join(","));
            }
        }
        text
    }

    /// A Graphviz digraph.
    pub fn dot(&self) -> String {
        let mut text = format!(
            "digraph {} {{\n  node [shape=box, style=\"rounded,filled\", fillcolor=white];\n",
            quoted(&self.pipeline)
        );
        for step in &self.steps {
            let style = step.style();
            let shape = if step.body.is_some() { ", peripheries=2" } else { "" };
            let label = quoted(&format!("{}\n{}", step.id, step.label())).replace('\n', "\\n");
            let _ = writeln!(
                text,
                "  {} [label={label}, fillcolor=\"{}\", color=\"{}\"{shape}];",
                quoted(&step.id),
                style.fill,
                style.line
            );
        }
        for edge in &self.edges {
            let style = match edge.kind {
                "waits" => String::new(),
                kind => format!(" [style=dashed, label={}]", quoted(kind)),
            };
            let _ = writeln!(text, "  {} -> {}{style};", quoted(&edge.from), quoted(&edge.to));
        }
        text.push_str("}\n");
        text
    }

    /// An SVG picture: stages from top to bottom, the steps of a stage side by side.
    pub fn svg(&self) -> String {
        let places = self.places();
        let rows = self.rows(&places);
        let widest = rows.iter().map(Vec::len).max().unwrap_or(0).max(1) as u32;
        let (width, height) = (widest * (BOX.0 + GAP.0) + GAP.0, rows.len() as u32 * (BOX.1 + GAP.1) + GAP.1);
        let mut corners = vec![(0, 0); self.steps.len()];
        for (row, steps) in rows.iter().enumerate() {
            let used = steps.len() as u32 * (BOX.0 + GAP.0) - GAP.0;
            let margin = (width - used) / 2;
            for (column, step) in steps.iter().enumerate() {
                corners[*step] = (margin + column as u32 * (BOX.0 + GAP.0), GAP.1 / 2 + row as u32 * (BOX.1 + GAP.1));
            }
        }
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             font-family=\"system-ui, sans-serif\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
             orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#64748b\"/></marker></defs>\n",
            html(&self.pipeline)
        );
        let chain: HashSet<(&str, &str)> = self.longest_chain.windows(2).map(|pair| (&*pair[0], &*pair[1])).collect();
        for edge in &self.edges {
            let (from, to) = (corners[places[&*edge.from]], corners[places[&*edge.to]]);
            let (x, y, to_x, to_y) = (from.0 + BOX.0 / 2, from.1 + BOX.1, to.0 + BOX.0 / 2, to.1);
            let bend = (to_y.abs_diff(y) / 2).max(GAP.1 / 2);
            let line = match (edge.kind, chain.contains(&(&*edge.from, &*edge.to))) {
                ("waits", true) => "stroke-width=\"2.5\"",
                ("waits", false) => "stroke-width=\"1.2\"",
                _ => "stroke-width=\"1.2\" stroke-dasharray=\"4 3\"",
            };
            let _ = writeln!(
                text,
                "<path d=\"M{x} {y}C{x} {},{to_x} {},{to_x} {to_y}\" fill=\"none\" stroke=\"#64748b\" {line} \
                 marker-end=\"url(#tip)\"><title>{} {} {}</title></path>",
                y + bend,
                to_y.saturating_sub(bend),
                html(&edge.from),
                edge.kind,
                html(&edge.to),
            );
        }
        for (step, (x, y)) in self.steps.iter().zip(&corners) {
            let style = step.style();
            let dashes = if step.conditional { " stroke-dasharray=\"5 3\"" } else { "" };
            let _ = write!(
                text,
                "<g><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"7\" fill=\"{}\" stroke=\"{}\" \
                 stroke-width=\"1.5\"{dashes}/>",
                BOX.0, BOX.1, style.fill, style.line
            );
            if step.body.is_some() {
                let _ = write!(
                    text,
                    "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"5\" fill=\"none\" stroke=\"{}\"/>",
                    x + 3,
                    y + 3,
                    BOX.0 - 6,
                    BOX.1 - 6,
                    style.line
                );
            }
            let middle = x + BOX.0 / 2;
            let _ = writeln!(
                text,
                "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"13\" font-weight=\"600\">{}</text>\
                 <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#475569\">{}</text>\
                 <title>{}</title></g>",
                y + 19,
                html(&short(&step.id, 22)),
                y + 35,
                html(&short(&step.label(), 26)),
                html(&format!("{}: {}", step.id, step.label())),
            );
        }
        text.push_str("</svg>\n");
        text
    }

    /// The positions of the steps by stage, each near what it waits for.
    fn rows(&self, places: &HashMap<&str, usize>) -> Vec<Vec<usize>> {
        let mut waits_for: Vec<Vec<usize>> = vec![Vec::new(); self.steps.len()];
        for edge in self.edges.iter().filter(|edge| edge.kind == "waits") {
            waits_for[places[&*edge.to]].push(places[&*edge.from]);
        }
        let mut column = vec![0.0_f64; self.steps.len()];
        let mut rows: Vec<Vec<usize>> = Vec::new();
        for stage in &self.stages {
            let wish = |step: usize| {
                let from: Vec<f64> = waits_for[step].iter().map(|from| column[*from]).collect();
                if from.is_empty() { 0.0 } else { from.iter().sum::<f64>() / from.len() as f64 }
            };
            let mut row: Vec<(f64, usize)> =
                stage.iter().map(|id| places[&**id]).map(|step| (wish(step), step)).collect();
            row.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
            let row: Vec<usize> = row.into_iter().map(|(_, step)| step).collect();
            let middle = (row.len() as f64 - 1.0) / 2.0;
            for (at, step) in row.iter().enumerate() {
                column[*step] = at as f64 - middle;
            }
            rows.push(row);
        }
        rows
    }

    /// Where each step stands among the steps.
    fn places(&self) -> HashMap<&str, usize> {
        self.steps.iter().enumerate().map(|(at, step)| (&*step.id, at)).collect()
    }
}

/// The size of a box, and the space between boxes.
const BOX: (u32, u32) = (172, 46);
const GAP: (u32, u32) = (22, 42);

struct Style {
    fill: &'static str,
    line: &'static str,
}

const PLAIN: Style = Style { fill: "#f8fafc", line: "#334155" };

/// How the steps of a run are drawn.
const STATUSES: [(&str, Style); 5] = [
    ("completed", Style { fill: "#dcfce7", line: "#15803d" }),
    ("failed", Style { fill: "#fee2e2", line: "#b91c1c" }),
    ("skipped", Style { fill: "#f1f5f9", line: "#94a3b8" }),
    ("cancelled", Style { fill: "#fef3c7", line: "#b45309" }),
    ("running", Style { fill: "#dbeafe", line: "#1d4ed8" }),
];

impl Node {
    fn style(&self) -> &'static Style {
        let status = self.status.as_deref();
        STATUSES.iter().find(|(name, _)| status == Some(*name)).map_or(&PLAIN, |(_, style)| style)
    }

    fn label(&self) -> String {
        let steps = |count: usize| if count == 1 { "1 step".to_owned() } else { format!("{count} steps") };
        self.body.map_or_else(|| self.does.clone(), |count| format!("{} · {}", self.does, steps(count)))
    }
}

/// What a step does, in a word.
pub(super) fn does(step: &StepPlan) -> String {
    match &*step.kind {
        StepKind::ForEach { .. } => "for_each".to_owned(),
        StepKind::While { .. } => "while".to_owned(),
        StepKind::ActionLoop { .. } => "action_loop".to_owned(),
        StepKind::Queue { .. } => "create_parallel_queue".to_owned(),
        StepKind::Child => match step.parameters.get("pipeline").and_then(Value::as_str) {
            Some(named) if !is_inline_pipeline(named) => format!("pipeline {named}"),
            _ => "pipeline".to_owned(),
        },
        StepKind::Act => match (&step.tool, &step.action) {
            (Some(tool), Some(action)) => format!("{tool}.{action}"),
            (Some(word), None) | (None, Some(word)) => word.lines().next().unwrap_or_default().to_owned(),
            (None, None) => String::new(),
        },
    }
}

/// The longest chain; of several the one that is declared first.
fn longest_chain(scope: &Scope, stages: &[Vec<String>]) -> Vec<String> {
    let places: HashMap<&str, usize> = scope.steps.iter().enumerate().map(|(at, step)| (&*step.id, at)).collect();
    let mut chains: Vec<(usize, Option<usize>)> = vec![(0, None); scope.steps.len()];
    // What a step waits for stands in an earlier stage.
    for at in stages.iter().flatten().map(|id| places[&**id]) {
        for from in &scope.dependencies[at] {
            let length = chains[*from].0 + 1;
            if length > chains[at].0 {
                chains[at] = (length, Some(*from));
            }
        }
    }
    let last = (0..chains.len()).max_by_key(|at| (chains[*at].0, std::cmp::Reverse(*at)));
    let mut chain: Vec<String> =
        std::iter::successors(last, |at| chains[*at].1).map(|at| scope.steps[at].id.clone()).collect();
    chain.reverse();
    chain
}

fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
