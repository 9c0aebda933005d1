//! From events to spans: one for the run, one for each step, one for each of its attempts. What a loop or a
//! pipeline beneath a step does stands under the attempt of that step.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    time::SystemTime,
};

use engine::run::{
    Event, EventKind,
    event::{RunStarted, StepFinished, StepRetrying, StepStarted},
};
use opentelemetry::{
    Context, InstrumentationScope, KeyValue,
    propagation::TextMapPropagator as _,
    trace::{
        Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_sdk::{
    propagation::TraceContextPropagator,
    trace::{SdkTracer, SdkTracerProvider, Span},
};
use serde::Deserialize as _;
use serde_json::Value;

/// The class of an error of which nobody tells the class.
const OTHER: &str = "_OTHER";

/// The spans of a run that are open, and the way to those that are not any more.
pub(super) struct Trace {
    tracer: SdkTracer,
    /// What called orc, if it says so.
    above: Context,
    run: Option<Span>,
    /// By path, so that what is beneath a step stands behind it.
    steps: BTreeMap<String, Step>,
    last: SystemTime,
}

/// A step that has not come to its end.
struct Step {
    span: Span,
    attempt: Option<Attempt>,
}

struct Attempt {
    span: Span,
    /// The model it is to ask.
    model: Option<String>,
}

impl Trace {
    pub(super) fn new(provider: SdkTracerProvider) -> Self {
        let scope = InstrumentationScope::builder("orc").with_version(env!("CARGO_PKG_VERSION")).build();
        let carried: HashMap<String, String> = [("traceparent", "TRACEPARENT"), ("tracestate", "TRACESTATE")]
            .into_iter()
            .filter_map(|(header, variable)| Some((header.to_owned(), env::var(variable).ok()?)))
            .collect();
        Self {
            tracer: provider.tracer_with_scope(scope),
            above: TraceContextPropagator::new().extract_with_context(&Context::new(), &carried),
            run: None,
            steps: BTreeMap::new(),
            last: SystemTime::now(),
        }
    }

    /// Takes in what happened. What an event does not tell is left out.
    pub(super) fn note(&mut self, event: &Event) {
        let now = event.at().unwrap_or(self.last);
        self.last = now;
        let data: &Value = &event.data;
        match (event.kind, event.step.as_deref()) {
            (EventKind::RunStarted, _) => {
                if let Ok(started) = RunStarted::deserialize(data) {
                    self.begin(event, &started);
                }
            }
            (EventKind::StepReady, Some(path)) => {
                self.step(path, now);
            }
            (EventKind::StepStarted, Some(path)) => {
                if let Ok(started) = StepStarted::deserialize(data) {
                    self.attempt(path, started, now);
                }
            }
            (EventKind::StepRetrying, Some(path)) => {
                if let Ok(retrying) = StepRetrying::deserialize(data) {
                    self.retry(path, retrying, now);
                }
            }
            (EventKind::Approval, Some(path)) => {
                let title = data["question"]["title"].as_str().unwrap_or_default().to_owned();
                let asked = vec![KeyValue::new("orc.question.title", title)];
                self.step(path, now).span.add_event_with_timestamp("approval", now, asked);
            }
            (EventKind::ModelRouted, Some(path)) => {
                let model = data["model"].as_str().unwrap_or_default().to_owned();
                let chosen = vec![KeyValue::new("gen_ai.request.model", model)];
                self.step(path, now).span.add_event_with_timestamp("model.routed", now, chosen);
            }
            (EventKind::AutoResolved, Some(path)) => {
                let position = data["position"].as_str().unwrap_or_default().to_owned();
                let answered = vec![KeyValue::new("orc.auto.position", position)];
                self.step(path, now).span.add_event_with_timestamp("auto.resolved", now, answered);
            }
            (EventKind::StepFinished, Some(path)) => {
                if let Ok(finished) = StepFinished::deserialize(data) {
                    self.finish(path, finished, now);
                }
            }
            (EventKind::RunFinished, _) => self.end(event, now),
            // What is printed may be long, and is kept elsewhere.
            (EventKind::StepOutput, _) | (_, None) => {}
        }
    }

    fn begin(&mut self, event: &Event, started: &RunStarted) {
        let mut attributes = vec![
            KeyValue::new("orc.run.id", event.run_id.clone()),
            KeyValue::new("orc.pipeline", started.pipeline.clone()),
            KeyValue::new("orc.pipeline.file", started.file.clone()),
        ];
        if started.resumed {
            attributes.push(KeyValue::new("orc.run.resumed", true));
        }
        let builder = SpanBuilder::from_name(format!("run {}", started.pipeline));
        let builder = builder.with_kind(SpanKind::Internal).with_start_time(self.last).with_attributes(attributes);
        self.run = Some(self.tracer.build_with_context(builder, &self.above));
    }

    /// The span of a step, begun where it is not yet.
    fn step(&mut self, path: &str, now: SystemTime) -> &mut Step {
        if !self.steps.contains_key(path) {
            let place = Place::of(path);
            let mut attributes = vec![
                KeyValue::new("orc.step.path", path.to_owned()),
                KeyValue::new("orc.step.id", place.id.to_owned()),
            ];
            if let Some(iteration) = place.iteration {
                attributes.push(KeyValue::new("orc.iteration", iteration));
            }
            let what = if place.is_handler { "handler of" } else { "step" };
            let builder = SpanBuilder::from_name(format!("{what} {}", place.id));
            let builder = builder.with_kind(SpanKind::Internal).with_start_time(now).with_attributes(attributes);
            let span = self.tracer.build_with_context(builder, &self.parent(&place));
            self.steps.insert(path.to_owned(), Step { span, attempt: None });
        }
        self.steps.get_mut(path).expect("invariant: it was put there")
    }

    /// The span beneath which a step stands.
    fn parent(&self, place: &Place<'_>) -> Context {
        let beneath = place.above.and_then(|above| self.steps.get(above));
        let span = beneath.map(|step| match &step.attempt {
            Some(attempt) if !place.is_handler => attempt.span.span_context(),
            _ => step.span.span_context(),
        });
        match span.or_else(|| self.run.as_ref().map(Span::span_context)) {
            Some(span) => within(span),
            None => self.above.clone(),
        }
    }

    fn attempt(&mut self, path: &str, started: StepStarted, now: SystemTime) {
        let place = Place::of(path);
        if let Some(failed) = place.above.filter(|_| place.is_handler).and_then(|above| self.steps.get_mut(above)) {
            // Its handler is asked, so it failed, and not even retrying will help.
            fail(failed.attempt.take(), OTHER, None, now);
        }
        let mut attributes = vec![KeyValue::new("orc.attempt", i64::from(started.attempt))];
        for (name, value) in [("orc.tool", &started.tool), ("orc.action", &started.action)] {
            if let Some(value) = value {
                attributes.push(KeyValue::new(name, value.clone()));
            }
        }
        let kind = if started.model.is_some() { SpanKind::Client } else { SpanKind::Internal };
        let step = self.step(path, now);
        step.span.set_attributes(attributes.iter().skip(1).cloned());
        let parent = within(step.span.span_context());
        fail(step.attempt.take(), OTHER, None, now);
        let builder = SpanBuilder::from_name("attempt").with_kind(kind);
        let builder = builder.with_start_time(now).with_attributes(attributes);
        let span = self.tracer.build_with_context(builder, &parent);
        self.step(path, now).attempt = Some(Attempt { span, model: started.model });
    }

    fn retry(&mut self, path: &str, retrying: StepRetrying, now: SystemTime) {
        self.close_beneath(path, now);
        let step = self.step(path, now);
        fail(step.attempt.take(), &retrying.error_type, Some(&retrying.error), now);
        let told = vec![
            KeyValue::new("orc.attempt", i64::from(retrying.attempt)),
            KeyValue::new("orc.retry.delay_ms", i64::try_from(retrying.delay_ms).unwrap_or(i64::MAX)),
            KeyValue::new("error.type", retrying.error_type),
            KeyValue::new("exception.message", retrying.error),
        ];
        step.span.add_event_with_timestamp("retry", now, told);
    }

    fn finish(&mut self, path: &str, finished: StepFinished, now: SystemTime) {
        self.close_beneath(path, now);
        self.step(path, now);
        let Some(Step { mut span, attempt }) = self.steps.remove(path) else { return };
        let error_type = match &*finished.status {
            "failed" => Some(finished.error_type.as_deref().unwrap_or(OTHER)),
            "cancelled" => Some("CancelledError"),
            _ => None,
        };
        if let Some(mut attempt) = attempt {
            asked(&mut attempt, &finished);
            match error_type {
                Some(error_type) => fail(Some(attempt), error_type, finished.error.as_deref(), now),
                None => attempt.span.end_with_timestamp(now),
            }
        }
        span.set_attribute(KeyValue::new("orc.step.status", finished.status.clone()));
        span.set_attribute(KeyValue::new("orc.step.attempts", i64::from(finished.attempts)));
        for (name, is_so) in [("orc.step.cached", finished.cached), ("orc.step.reused", finished.reused)] {
            if is_so {
                span.set_attribute(KeyValue::new(name, true));
            }
        }
        if let Some(error_type) = error_type {
            failed(&mut span, error_type, finished.error.as_deref());
        }
        span.end_with_timestamp(now);
    }

    /// Ends what is open beneath a step: steps of an attempt that was given up, and handlers, of which no event
    /// says that they end.
    fn close_beneath(&mut self, path: &str, now: SystemTime) {
        for mark in ['[', '!'] {
            let first = format!("{path}{mark}");
            let beneath = self.steps.range(first.clone()..).map(|(path, _)| path.clone());
            let beneath: Vec<String> = beneath.take_while(|path| path.starts_with(&first)).collect();
            for step in beneath.into_iter().filter_map(|path| self.steps.remove(&path)) {
                close(step, now);
            }
        }
    }

    fn end(&mut self, event: &Event, now: SystemTime) {
        self.close_all(now);
        let Some(mut run) = self.run.take() else { return };
        let data: &Value = &event.data;
        if let Some(status) = data["status"].as_str() {
            run.set_attribute(KeyValue::new("orc.run.status", status.to_owned()));
        }
        if let Some(code) = data["exit_code"].as_i64() {
            run.set_attribute(KeyValue::new("process.exit.code", code));
        }
        if matches!(data["status"].as_str(), Some("failed" | "cancelled")) {
            failed(&mut run, data["result"]["error_type"].as_str().unwrap_or(OTHER), data["error"].as_str());
        }
        run.end_with_timestamp(now);
    }

    fn close_all(&mut self, now: SystemTime) {
        // What is beneath another stands behind it, and ends before it.
        for step in std::mem::take(&mut self.steps).into_values().rev() {
            close(step, now);
        }
    }
}

impl Drop for Trace {
    /// A run whose end is not told has none that went well.
    fn drop(&mut self) {
        self.close_all(self.last);
        if let Some(mut run) = self.run.take() {
            failed(&mut run, OTHER, None);
            run.end_with_timestamp(self.last);
        }
    }
}

/// Where a step stands: `loop[2].step`, or `step!0` for what its first handler does.
struct Place<'a> {
    id: &'a str,
    above: Option<&'a str>,
    iteration: Option<i64>,
    is_handler: bool,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Self {
        let (above, iteration, id) = match path.rsplit_once("].") {
            Some((head, id)) => match head.rsplit_once('[') {
                Some((above, iteration)) => (Some(above), iteration.parse().ok(), id),
                None => (None, None, path),
            },
            None => (None, None, path),
        };
        match id.rfind('!') {
            Some(at) => {
                let above = Some(&path[..path.len() - id.len() + at]);
                Self { id: &id[..at], above, iteration: None, is_handler: true }
            }
            None => Self { id, above, iteration, is_handler: false },
        }
    }
}

fn within(span: &SpanContext) -> Context {
    Context::new().with_remote_span_context(span.clone())
}

/// Puts down what was asked of a model, by the conventions for generative AI.
fn asked(attempt: &mut Attempt, finished: &StepFinished) {
    // Of a loop the tokens are those of its steps, which have spans of their own.
    let model = match (&attempt.model, &finished.model) {
        (None, None) => return,
        (Some(asked), _) => asked.clone(),
        (None, Some(served)) => served.clone(),
    };
    let span = &mut attempt.span;
    span.update_name(format!("chat {model}"));
    span.set_attribute(KeyValue::new("gen_ai.operation.name", "chat"));
    span.set_attribute(KeyValue::new("gen_ai.request.model", model));
    if let Some(provider) = &finished.provider {
        span.set_attribute(KeyValue::new("gen_ai.provider.name", provider.clone()));
    }
    if let Some(served) = &finished.model {
        span.set_attribute(KeyValue::new("gen_ai.response.model", served.clone()));
    }
    if let Some(usage) = &finished.usage {
        // The conventions count what comes from a cache as input.
        let input = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens;
        for (name, tokens) in
            [("gen_ai.usage.input_tokens", input), ("gen_ai.usage.output_tokens", usage.output_tokens)]
        {
            span.set_attribute(KeyValue::new(name, i64::try_from(tokens).unwrap_or(i64::MAX)));
        }
    }
}

fn failed(span: &mut Span, error_type: &str, error: Option<&str>) {
    span.set_attribute(KeyValue::new("error.type", error_type.to_owned()));
    span.set_status(Status::error(error.unwrap_or_default().to_owned()));
}

fn fail(attempt: Option<Attempt>, error_type: &str, error: Option<&str>, now: SystemTime) {
    if let Some(Attempt { mut span, .. }) = attempt {
        failed(&mut span, error_type, error);
        span.end_with_timestamp(now);
    }
}

fn close(step: Step, now: SystemTime) {
    let Step { mut span, attempt } = step;
    if let Some(mut attempt) = attempt {
        attempt.span.end_with_timestamp(now);
    }
    span.end_with_timestamp(now);
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_path_says_what_it_is_beneath() {
        let places = ["a", "each[2].b", "each[2].deep[10].c", "a!0", "each[2].b!1", "odd].x"].map(|path| {
            let place = Place::of(path);
            (place.id, place.above, place.iteration, place.is_handler)
        });
        assert_eq!(
            places,
            [
                ("a", None, None, false),
                ("b", Some("each"), Some(2), false),
                ("c", Some("each[2].deep"), Some(10), false),
                ("a", Some("a"), None, true),
                ("b", Some("each[2].b"), None, true),
                ("odd].x", None, None, false),
            ]
        );
    }
}
