//! Traces of runs, as a collector gets them.

use std::net::TcpListener;

use crate::support::Folder;

const PIPELINE: &str = "\
id: traced
model: simulated/small
steps:
  - {id: hello, action: echo, parameters: {message: hello}}
  - {id: asked, action: generate, parameters: {prompt: Say hello}}
  - id: rows
    tool: data-processing
    action: convert
    parameters: {data: '[{\"a\": 1}]', input_format: json, output_format: csv}
  - {id: each, for_each: [x, y], steps: [{id: inner, action: echo, parameters: {message: '{{ item }}'}}]}
  - {id: passed, action: echo, condition: 'false', parameters: {message: no}}
  - id: saved
    tool: filesystem
    action: read
    parameters: {path: missing.txt}
    on_error: {handler_action: echo mended}
  - id: broken
    tool: filesystem
    action: read
    retry: {attempts: 2, delay: 0.001, backoff: fixed, jitter: false}
    on_failure: continue
    parameters: {path: missing.txt}
";

/// Where nobody has connected to the listener.
#[track_caller]
fn untouched(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

fn address(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn what_is_only_looked_at_is_not_traced() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = address(&listener);
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    for arguments in [["validate", "p.orc.yaml"], ["plan", "p.orc.yaml"], ["explain", "ORC206"]] {
        let ended = folder.orc_seeing(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &address)], &arguments);
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
    }
    untouched(&listener);
}

#[cfg(not(feature = "otlp"))]
#[test]
fn without_the_feature_who_asks_for_traces_is_told_so_and_nothing_connects() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = address(&listener);
    let folder = Folder::with("p.orc.yaml", "id: p\nsteps:\n  - {id: a, action: echo, parameters: {message: a}}\n");
    let run = |variables: &[(&str, &str)]| folder.orc_seeing(variables, &["run", "p.orc.yaml", "--format", "jsonl"]);
    let ended = run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &address)]);
    assert_eq!(
        (ended.code, &*ended.stderr),
        (
            Some(0),
            "warning: `OTEL_EXPORTER_OTLP_ENDPOINT` is set, but this orc was built without traces; build it with \
             `--features otlp`, or set `OTEL_SDK_DISABLED=true`\n"
        )
    );
    let silenced = run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &address), ("OTEL_SDK_DISABLED", "true")]);
    assert_eq!((silenced.code, &*silenced.stderr), (Some(0), ""));
    untouched(&listener);
}

#[cfg(feature = "otlp")]
mod collected {
    use std::{
        collections::BTreeMap,
        fmt::Write as _,
        io::{BufRead, BufReader, Read, Write as _},
        net::{TcpListener, TcpStream},
        process::{Command, Stdio},
        sync::{Arc, Mutex},
        thread,
    };

    use engine::run::ResultDocument;
    use expect_test::expect;
    use serde_json::{Value, json};

    use super::{PIPELINE, address, untouched};
    use crate::support::{Ended, Folder};

    /// What was sent in one request.
    #[derive(Debug, Clone)]
    struct Request {
        path: String,
        /// Names in small letters.
        headers: BTreeMap<String, String>,
        body: Vec<u8>,
    }

    /// A collector that takes whatever comes.
    struct Collector {
        address: String,
        requests: Arc<Mutex<Vec<Request>>>,
    }

    impl Collector {
        fn new() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = address(&listener);
            let requests = Arc::<Mutex<Vec<Request>>>::default();
            let got = Arc::clone(&requests);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let request = read(&stream);
                    got.lock().unwrap().push(request);
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
                    write!(stream, "{head}content-length: 2\r\nconnection: close\r\n\r\n{{}}").unwrap();
                }
            });
            Self { address, requests }
        }

        /// Runs orc, whose traces come here as JSON.
        fn orc(&self, folder: &Folder, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
            let own = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*self.address), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")];
            folder.orc_seeing(&[&own, variables].concat(), arguments)
        }

        /// What has come since this was asked last.
        fn taken(&self) -> Vec<Request> {
            std::mem::take(&mut *self.requests.lock().unwrap())
        }

        fn trace(&self) -> Trace {
            let requests = self.taken();
            let bodies = requests.iter().map(|request| serde_json::from_slice(&request.body).unwrap());
            Trace::of(bodies.collect())
        }
    }

    fn read(stream: &TcpStream) -> Request {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let path = line.split(' ').nth(1).unwrap().to_owned();
        assert!(line.starts_with("POST "), "{line}");
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        Request { path, headers, body }
    }

    /// The spans of all requests.
    struct Trace {
        resource: Value,
        spans: Vec<Value>,
    }

    impl Trace {
        fn of(bodies: Vec<Value>) -> Self {
            let mut resource = Value::Null;
            let mut spans = Vec::new();
            for body in &bodies {
                for of_resource in body["resourceSpans"].as_array().unwrap() {
                    resource = attributes(&of_resource["resource"]);
                    for of_scope in of_resource["scopeSpans"].as_array().unwrap() {
                        assert_eq!(of_scope["scope"]["name"], "orc");
                        spans.extend(of_scope["spans"].as_array().unwrap().iter().cloned());
                    }
                }
            }
            Self { resource, spans }
        }

        fn named(&self, name: &str) -> &Value {
            self.spans.iter().find(|span| span["name"] == name).unwrap()
        }

        /// The tree beneath a span; every span lies in the one above.
        fn tree(&self, above: &str) -> String {
            let mut text = String::new();
            self.write(&mut text, above, 0);
            text
        }

        fn write(&self, text: &mut String, above: &str, depth: usize) {
            let mut spans: Vec<&Value> = self.spans.iter().filter(|span| parent(span) == above).collect();
            let order = |span: &Value| {
                let attributes = attributes(span);
                (attributes["orc.step.path"].to_string(), attributes["orc.attempt"].as_i64())
            };
            spans.sort_by_key(|span| order(span));
            for span in spans {
                if let Some(outer) = self.spans.iter().find(|outer| outer["spanId"] == above) {
                    assert!(time(outer, "start") <= time(span, "start"), "{outer}\n{span}");
                    assert!(time(span, "end") <= time(outer, "end"), "{outer}\n{span}");
                }
                assert!(time(span, "start") <= time(span, "end"));
                let kind = match span["kind"].as_i64() {
                    Some(1) => "",
                    Some(3) => " client",
                    _ => panic!("{span}"),
                };
                let status = match span["status"]["code"].as_i64().unwrap_or_default() {
                    0 => String::new(),
                    2 => format!(" ERROR {:?}", span["status"]["message"].as_str().unwrap_or_default()),
                    _ => panic!("{span}"),
                };
                let indent = "  ".repeat(depth);
                writeln!(text, "{indent}{}{kind}{status}", span["name"].as_str().unwrap()).unwrap();
                writeln!(text, "{indent}    {}", shown(&attributes(span))).unwrap();
                for event in span["events"].as_array().into_iter().flatten() {
                    let name = event["name"].as_str().unwrap();
                    writeln!(text, "{indent}    * {name} {}", shown(&attributes(event))).unwrap();
                }
                self.write(text, span["spanId"].as_str().unwrap(), depth + 1);
            }
        }
    }

    fn parent(span: &Value) -> &str {
        span["parentSpanId"].as_str().unwrap_or_default()
    }

    fn time(span: &Value, which: &str) -> u64 {
        span[format!("{which}TimeUnixNano")].as_str().unwrap().parse().unwrap()
    }

    /// The attributes as an object.
    fn attributes(of: &Value) -> Value {
        let all = of["attributes"].as_array().into_iter().flatten().map(|attribute| {
            let value = match attribute["value"].as_object().unwrap().iter().next().unwrap() {
                (kind, Value::String(number)) if kind == "intValue" => number.parse::<i64>().unwrap().into(),
                (_, value) => value.clone(),
            };
            (attribute["key"].as_str().unwrap().to_owned(), value)
        });
        Value::Object(all.collect())
    }

    /// In the order of their names, without what is another one in each run.
    fn shown(attributes: &Value) -> String {
        let mut shown: Vec<String> = attributes
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| *key != "orc.run.id")
            .map(|(key, value)| format!("{key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        shown.sort();
        shown.join(" ")
    }

    const RUN: [&str; 4] = ["run", "p.orc.yaml", "--format", "json"];

    #[test]
    fn a_run_is_a_tree_of_spans() {
        let collector = Collector::new();
        let folder = Folder::with("p.orc.yaml", PIPELINE);
        let ended = collector.orc(&folder, &[("OTEL_EXPORTER_OTLP_HEADERS", "api-key=k%201,x-team=a")], &RUN);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
        let requests = collector.taken();
        for request in &requests {
            assert_eq!(request.path, "/v1/traces");
            let header = |name: &str| &*request.headers[name];
            assert_eq!((header("content-type"), header("api-key"), header("x-team")), ("application/json", "k 1", "a"));
        }
        let trace = Trace::of(requests.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect());
        let document: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(attributes(trace.named("run traced"))["orc.run.id"], document["execution_id"]);
        let trace_ids: Vec<&Value> = trace.spans.iter().map(|span| &span["traceId"]).collect();
        assert!(trace_ids.windows(2).all(|pair| pair[0] == pair[1]), "{trace_ids:?}");
        let resource = &trace.resource;
        assert_eq!(
            (&resource["service.name"], &resource["service.version"], &resource["telemetry.sdk.name"]),
            (&json!("orc"), &json!(env!("CARGO_PKG_VERSION")), &json!("opentelemetry"))
        );
        expect![[r#"
            run traced ERROR "step `broken` failed: cannot read `missing.txt`: there is no such file or directory"
                error.type=FileNotFoundError orc.pipeline.file=p.orc.yaml orc.pipeline=traced orc.run.status=failed process.exit.code=1
              step asked
                  orc.action=generate orc.step.attempts=1 orc.step.id=asked orc.step.path=asked orc.step.status=completed
                chat simulated/small client
                    gen_ai.operation.name=chat gen_ai.provider.name=simulated gen_ai.request.model=simulated/small gen_ai.response.model=simulated/small gen_ai.usage.input_tokens=3 gen_ai.usage.output_tokens=13 orc.action=generate orc.attempt=1
              step broken ERROR "cannot read `missing.txt`: there is no such file or directory"
                  error.type=FileNotFoundError orc.action=read orc.step.attempts=2 orc.step.id=broken orc.step.path=broken orc.step.status=failed orc.tool=filesystem
                  * retry error.type=FileNotFoundError exception.message=cannot read `missing.txt`: there is no such file or directory orc.attempt=1 orc.retry.delay_ms=1
                attempt ERROR "cannot read `missing.txt`: there is no such file or directory"
                    error.type=FileNotFoundError orc.action=read orc.attempt=1 orc.tool=filesystem
                attempt ERROR "cannot read `missing.txt`: there is no such file or directory"
                    error.type=FileNotFoundError orc.action=read orc.attempt=2 orc.tool=filesystem
              step each
                  orc.step.attempts=1 orc.step.id=each orc.step.path=each orc.step.status=completed
                attempt
                    orc.attempt=1
                  step inner
                      orc.action=echo orc.iteration=0 orc.step.attempts=1 orc.step.id=inner orc.step.path=each[0].inner orc.step.status=completed
                    attempt
                        orc.action=echo orc.attempt=1
                  step inner
                      orc.action=echo orc.iteration=1 orc.step.attempts=1 orc.step.id=inner orc.step.path=each[1].inner orc.step.status=completed
                    attempt
                        orc.action=echo orc.attempt=1
              step hello
                  orc.action=echo orc.step.attempts=1 orc.step.id=hello orc.step.path=hello orc.step.status=completed
                attempt
                    orc.action=echo orc.attempt=1
              step passed
                  orc.step.attempts=0 orc.step.id=passed orc.step.path=passed orc.step.status=skipped
              step rows
                  orc.action=convert orc.step.attempts=1 orc.step.id=rows orc.step.path=rows orc.step.status=completed orc.tool=data-processing
                attempt
                    orc.action=convert orc.attempt=1 orc.tool=data-processing
              step saved
                  orc.action=read orc.step.attempts=1 orc.step.id=saved orc.step.path=saved orc.step.status=completed orc.tool=filesystem
                handler of saved
                    orc.action=echo mended orc.step.id=saved orc.step.path=saved!0
                  attempt
                      orc.action=echo mended orc.attempt=1
                attempt ERROR ""
                    error.type=_OTHER orc.action=read orc.attempt=1 orc.tool=filesystem
        "#]].assert_eq(&trace.tree(""));

        // What is not done anew has no attempt.
        collector.orc(&folder, &[("OTEL_SERVICE_NAME", "mine")], &RUN);
        let trace = collector.trace();
        assert_eq!(trace.resource["service.name"], "mine");
        assert_eq!(
            shown(&attributes(trace.named("step rows"))),
            "orc.step.attempts=0 orc.step.cached=true orc.step.id=rows orc.step.path=rows orc.step.status=completed"
        );
        let rows = &trace.named("step rows")["spanId"];
        assert!(trace.spans.iter().all(|span| span["parentSpanId"] != *rows), "it did nothing");
    }

    #[test]
    fn a_pipeline_beneath_a_step_stands_beneath_its_attempt() {
        let collector = Collector::new();
        let folder = Folder::with(
            "p.orc.yaml",
            "id: outer\nsteps:\n  - {id: call, tool: pipeline-executor, action: execute, parameters: {pipeline: inner.orc.yaml}}\n",
        );
        folder.write("inner.orc.yaml", "id: inner\nsteps:\n  - {id: a, action: echo, parameters: {message: a}}\n");
        assert_eq!(collector.orc(&folder, &[], &RUN).code, Some(0));
        expect![[r#"
            run outer
                orc.pipeline.file=p.orc.yaml orc.pipeline=outer orc.run.status=completed process.exit.code=0
              step call
                  orc.action=execute orc.step.attempts=1 orc.step.id=call orc.step.path=call orc.step.status=completed orc.tool=pipeline-executor
                attempt
                    orc.action=execute orc.attempt=1 orc.tool=pipeline-executor
                  step a
                      orc.action=echo orc.iteration=0 orc.step.attempts=1 orc.step.id=a orc.step.path=call[0].a orc.step.status=completed
                    attempt
                        orc.action=echo orc.attempt=1
        "#]].assert_eq(&collector.trace().tree(""));
    }

    #[test]
    fn a_run_continues_the_trace_of_what_calls_it() {
        let collector = Collector::new();
        let folder = Folder::with("p.orc.yaml", PIPELINE);
        let parent = |flags: &str| format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        collector.orc(&folder, &[("TRACEPARENT", &parent("01"))], &RUN);
        let trace = collector.trace();
        assert!(trace.spans.len() > 10);
        assert!(trace.spans.iter().all(|span| span["traceId"] == "0af7651916cd43dd8448eb211c80319c"));
        assert_eq!(self::parent(trace.named("run traced")), "b7ad6b7169203331");
        // What the caller does not want is not sent.
        collector.orc(&folder, &[("TRACEPARENT", &parent("00"))], &RUN);
        assert_eq!(collector.taken().len(), 0);
    }

    #[test]
    fn runs_that_editors_start_are_traced_too() {
        let collector = Collector::new();
        let folder = Folder::with("p.orc.yaml", "");
        let request = json!({"text": PIPELINE, "inputs": {}}).to_string();
        let mut child = Command::new(env!("CARGO_BIN_EXE_orc"))
            .args(["run", "p.orc.yaml", "--request-on-stdin", "--format", "jsonl"])
            .current_dir(folder.path())
            .env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{}/own", collector.address))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        write!(stdin, "{}\n{request}", request.len()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1));
        drop(stdin);
        let requests = collector.taken();
        assert!(!requests.is_empty());
        for request in requests {
            assert_eq!((&*request.path, &*request.headers["content-type"]), ("/own", "application/x-protobuf"));
        }
    }

    fn normalized(ended: &Ended) -> (Option<i32>, ResultDocument) {
        (ended.code, serde_json::from_str::<ResultDocument>(&ended.stdout).unwrap().normalized())
    }

    #[test]
    fn a_collector_that_is_not_there_or_does_not_answer_changes_nothing_but_one_line() {
        let folder = Folder::with("p.orc.yaml", PIPELINE);
        let run = |variables: &[(&str, &str)]| {
            let ended = folder.orc_seeing(variables, &["run", "p.orc.yaml", "--format", "json", "--no-store"]);
            let warnings = ended.stderr.lines().filter(|line| line.starts_with("warning"));
            (normalized(&ended), warnings.map(str::to_owned).collect::<Vec<_>>())
        };
        let (usual, none) = run(&[]);
        assert_eq!(none, [""; 0]);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = address(&listener);
        let (document, warnings) = run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &silent)]);
        assert_eq!(document, usual);
        let problem = "the collector did not take them within 2 s of the end";
        assert_eq!(
            warnings,
            [format!("warning: 21 of the 21 spans of this run could not be sent to `{silent}/v1/traces`: {problem}")]
        );

        drop(listener);
        let (document, warnings) = run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &silent)]);
        assert_eq!(document, usual);
        let problem = "Operation failed: HTTP export failed: network error";
        assert_eq!(
            warnings,
            [format!("warning: 21 of the 21 spans of this run could not be sent to `{silent}/v1/traces`: {problem}")]
        );

        let (document, warnings) = run(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://localhost:1")]);
        assert_eq!(document, usual);
        let problem = "this orc sends to addresses with `http://` only, so have a collector nearby that passes it on";
        let variable = "`OTEL_EXPORTER_OTLP_ENDPOINT` is `https://localhost:1`";
        assert_eq!(warnings, [format!("warning: no trace of this run is sent: {variable}; {problem}")]);

        let grpc = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*silent), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        let (document, warnings) = run(&grpc);
        assert_eq!(document, usual);
        let problem = "`OTEL_EXPORTER_OTLP_PROTOCOL` is `grpc`; this orc speaks `http/protobuf` and `http/json`";
        assert_eq!(warnings, [format!("warning: no trace of this run is sent: {problem}")]);
    }

    #[test]
    fn traces_that_are_switched_off_are_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = address(&listener);
        let folder = Folder::with("p.orc.yaml", PIPELINE);
        for off in
            [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "")]
        {
            let ended = folder.orc_seeing(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &address), off], &RUN);
            assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
        }
        untouched(&listener);
    }
}
