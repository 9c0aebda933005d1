//! Sends spans that have ended, from a thread of its own: the run never waits for the collector.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use engine::run::secrets::Redactor;
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::{SdkTracerProvider, Span, SpanData, SpanExporter as _, SpanProcessor},
};

/// How long the end of the command waits for the collector.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The same after a cancel: somebody waits.
pub(super) const LITTLE_PATIENCE: Duration = Duration::from_millis(200);

/// How many spans go into one request at most, and how long the first of them waits for others.
const TOGETHER: usize = 512;
const DELAY: Duration = Duration::from_secs(5);

/// How many spans wait for a collector that is slow; memory is not spent on more.
const MOST: usize = 100_000;

/// The way of spans to the collector.
pub(super) struct Sending {
    address: String,
    counts: Arc<Counts>,
    /// Says why spans were lost, once all have been tried.
    done: mpsc::Receiver<Option<String>>,
}

/// How many spans there were, and how many arrived.
#[derive(Debug, Default)]
struct Counts {
    ended: AtomicUsize,
    /// Neither sent nor given up.
    waiting: AtomicUsize,
    arrived: AtomicUsize,
}

/// Hands spans that have ended over.
#[derive(Debug)]
struct Queue {
    spans: mpsc::Sender<SpanData>,
    counts: Arc<Counts>,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.counts.ended.fetch_add(1, Ordering::Relaxed);
        if self.counts.waiting.fetch_add(1, Ordering::Relaxed) >= MOST || self.spans.send(span).is_err() {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Sending {
    /// Begins to send to the address that `variable` holds; what ends of the provider's spans is sent.
    pub(super) fn begin(variable: &str) -> Result<(Self, SdkTracerProvider), String> {
        let address = env::var(variable).unwrap_or_default();
        let address = address.trim();
        if !address.to_ascii_lowercase().starts_with("http://") {
            return Err(format!(
                "`{variable}` is `{}`; this orc sends to addresses with `http://` only, so have a collector nearby that \
                 passes it on",
                shown(address)
            ));
        }
        let address = match variable {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => format!("{}/v1/traces", address.trim_end_matches('/')),
            _ => address.to_owned(),
        };
        let protocol = protocol()?;
        let failed = |error: &dyn std::fmt::Display| shown(&format!("`{address}` cannot be sent to: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| failed(&e))?;
        // A collector that is not there is not waited for again and again at the end of a run.
        let retries = RetryPolicy::default().with_max_retries(1).with_initial_delay(Duration::from_millis(200));
        engine::models::prepare_tls();
        let exporter = SpanExporter::builder().with_http().with_protocol(protocol).with_retry_policy(retries).build();
        let mut exporter = exporter.map_err(|error| failed(&error))?;
        let resource = resource();
        exporter.set_resource(&resource);
        let counts = Arc::new(Counts::default());
        let (spans, queue) = mpsc::channel();
        let (told, done) = mpsc::channel();
        let sent = Arc::clone(&counts);
        thread::Builder::new()
            .name("orc-traces".to_owned())
            .spawn(move || {
                let mut problem = None;
                while let Some(batch) = together(&queue) {
                    let count = batch.len();
                    match runtime.block_on(exporter.export(batch)) {
                        Ok(()) => {
                            sent.arrived.fetch_add(count, Ordering::Relaxed);
                        }
                        Err(error) => {
                            problem.get_or_insert_with(|| error.to_string());
                        }
                    }
                    sent.waiting.fetch_sub(count, Ordering::Relaxed);
                }
                let _ = told.send(problem);
            })
            .map_err(|error| failed(&error))?;
        let queue = Queue { spans, counts: Arc::clone(&counts) };
        let provider = SdkTracerProvider::builder().with_resource(resource).with_span_processor(queue).build();
        Ok((Self { address, counts, done }, provider))
    }

    /// Waits for the collector, but not for long; what could not be sent, and why. No span may be made any more.
    pub(super) fn end(self, patience: Duration) -> Option<String> {
        let why = match self.done.recv_timeout(patience) {
            Ok(problem) => problem,
            Err(_) => Some(format!("the collector did not take them within {} s of the end", patience.as_secs_f64())),
        };
        let ended = self.counts.ended.load(Ordering::Relaxed);
        let lost = ended - self.counts.arrived.load(Ordering::Relaxed);
        let why = why.unwrap_or_else(|| format!("more than {MOST} were waiting"));
        (lost > 0).then(|| {
            shown(&format!("{lost} of the {ended} spans of this run could not be sent to `{}`: {why}", self.address))
        })
    }
}

/// How spans are written.
fn protocol() -> Result<Protocol, String> {
    for variable in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
        match env::var(variable).unwrap_or_default().trim() {
            "" => {}
            "http/protobuf" => return Ok(Protocol::HttpBinary),
            "http/json" => return Ok(Protocol::HttpJson),
            other => {
                return Err(format!(
                    "`{variable}` is `{}`; this orc speaks `http/protobuf` and `http/json`",
                    shown(other)
                ));
            }
        }
    }
    Ok(Protocol::HttpBinary)
}

/// What is sent together: all that is there, and for a while what follows. Nothing once nothing will follow.
fn together(queue: &mpsc::Receiver<SpanData>) -> Option<Vec<SpanData>> {
    let mut batch = vec![queue.recv().ok()?];
    let until = Instant::now() + DELAY;
    while batch.len() < TOGETHER {
        match queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(span) => batch.push(span),
            Err(_) => break,
        }
    }
    Some(batch)
}

/// What the spans are about: this program, and whatever the environment says of it.
fn resource() -> Resource {
    let builder = Resource::builder_empty()
        .with_service_name("orc")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
    match env::var("OTEL_SERVICE_NAME") {
        Ok(name) if !name.trim().is_empty() => builder.with_service_name(name).build(),
        _ => builder.build(),
    }
}

/// Addresses may hold secrets.
fn shown(text: &str) -> String {
    Redactor::of_environment().text(text)
}
