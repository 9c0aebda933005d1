//! A provider's server on this machine that plays a script, and tells what it was asked. The tests of the
//! command line use it, too.
//!
//! It refuses what the real one would refuse, before the script is looked at; where nobody expects that, the test
//! fails however it went.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use serde_json::Value;

#[path = "fake/rules.rs"]
mod rules;
pub(crate) use rules::Rules;

/// What the server does when it is asked.
pub(crate) enum Reply {
    /// Answers with this status and body.
    Json(u16, Value),
    /// The same with these headers more.
    With(u16, &'static [(&'static str, &'static str)], Value),
    /// Writes this and closes.
    Raw(&'static str),
    /// Answers in pieces of this content type, then ends as it is said.
    Pieces(&'static str, Vec<String>, End),
    /// Answers with these bytes of this content type, whatever they are.
    Bytes(&'static str, Vec<u8>),
    /// Closes without a word.
    Close,
    /// Says nothing until whoever asks goes away, then tells so.
    Stall,
    /// The same, and answers then: nobody hears it.
    Late(Value),
}

/// How an answer in pieces ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum End {
    /// As it should.
    Whole,
    /// The connection breaks.
    Cut,
    /// Nothing more comes until whoever asks goes away, which is told.
    Stall,
}

/// What it was asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    /// In the order they came, names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Asked {
    /// The header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The server.
pub(crate) struct Fake {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// A message when it was asked, and one when somebody it let wait went away.
    pub(crate) news: Receiver<&'static str>,
    /// Whether it may be asked what it refuses.
    is_tried: bool,
}

/// What [`Fake::settle`] asks, which counts for nothing.
const SETTLE: &[u8] = b"SETTLE / HTTP/1.1\r\n\r\n";

struct Shared {
    /// What it says where the script is at its end.
    always: Option<fn(&Asked) -> Reply>,
    rules: Rules,
    replies: Mutex<VecDeque<Reply>>,
    asked: Mutex<Vec<Asked>>,
    /// What it refused to look at, and with which words.
    refused: Mutex<Vec<String>>,
    connections: AtomicUsize,
    /// Of these, those that are being served.
    open: AtomicUsize,
}

impl Fake {
    /// One that answers with these, in order; whoever asks more often is told so with status 418.
    pub(crate) fn new(replies: Vec<Reply>) -> Self {
        Self::start(replies, None, Rules::default())
    }

    /// The same with rules of its own.
    pub(crate) fn with(rules: Rules, replies: Vec<Reply>) -> Self {
        Self::start(replies, None, rules)
    }

    /// One that may be asked what it refuses.
    pub(crate) fn tried(mut self) -> Self {
        self.is_tried = true;
        self
    }

    /// One that answers whoever asks, as often as it is asked.
    pub(crate) fn always(answer: fn(&Asked) -> Reply) -> Self {
        Self::start(Vec::new(), Some(answer), Rules::default())
    }

    fn start(replies: Vec<Reply>, always: Option<fn(&Asked) -> Reply>, rules: Rules) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let replies = Mutex::new(replies.into());
        let shared = Arc::new(Shared {
            always,
            rules,
            replies,
            asked: Mutex::default(),
            refused: Mutex::default(),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        });
        let (sender, news) = channel();
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                served.connections.fetch_add(1, Ordering::SeqCst);
                served.open.fetch_add(1, Ordering::SeqCst);
                let (served, sender) = (Arc::clone(&served), sender.clone());
                thread::spawn(move || {
                    serve(&stream, &served, &sender);
                    served.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, shared, news, is_tried: false }
    }

    /// Its address, with this path.
    pub(crate) fn base(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until all is served that was sent by those who have gone.
    pub(crate) fn settle(&self) {
        // Connections are taken in their order: once this one is, all before it are.
        let mut last = TcpStream::connect(self.address).expect("it listens");
        last.write_all(SETTLE).expect("it reads");
        last.read_to_end(&mut Vec::new()).expect("it answers");
        while self.shared.open.load(Ordering::SeqCst) > 0 {
            thread::yield_now();
        }
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).clone()
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let refused = lock(&self.shared.refused);
        assert!(
            self.is_tried || thread::panicking() || refused.is_empty(),
            "it was asked what a provider refuses: {refused:#?}"
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: &TcpStream, shared: &Shared, news: &Sender<&'static str>) {
    let (mut reader, mut out) = (BufReader::new(stream), stream);
    while let Some((asked, sent)) = read(&mut reader) {
        if SETTLE.starts_with(asked.line.as_bytes()) {
            return;
        }
        if let Some(refusal) = rules::refusal(&shared.rules, &asked, &sent) {
            lock(&shared.refused).push(format!("{}: {}", asked.line, refusal.body));
            lock(&shared.asked).push(asked);
            // Nobody may listen.
            let _ = news.send("refused");
            let _ = out.write_all(response(refusal.status, refusal.content_type, &[], &refusal.body).as_bytes());
            continue;
        }
        let always = shared.always.map(|answer| answer(&asked));
        lock(&shared.asked).push(asked);
        // Nobody may listen.
        let _ = news.send("asked");
        let reply = lock(&shared.replies).pop_front().or(always);
        let (status, headers, body): (u16, &[(&str, &str)], Value) = match reply {
            Some(Reply::Json(status, body)) => (status, &[], body),
            Some(Reply::With(status, headers, body)) => (status, headers, body),
            Some(Reply::Raw(text)) => {
                let _ = out.write_all(text.as_bytes());
                return;
            }
            Some(Reply::Pieces(kind, pieces, end)) => {
                let head = format!("HTTP/1.1 200 X\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n");
                let chunks = pieces.iter().map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()));
                let last = if end == End::Whole { "0\r\n\r\n" } else { "" };
                let all: String = [head].into_iter().chain(chunks).chain([last.to_owned()]).collect();
                if out.write_all(all.as_bytes()).is_err() || end == End::Cut {
                    return;
                }
                if end == End::Stall {
                    let _ = reader.read_to_end(&mut Vec::new());
                    let _ = news.send("gone");
                    return;
                }
                continue;
            }
            Some(Reply::Bytes(kind, bytes)) => {
                let length = bytes.len();
                let head = format!("HTTP/1.1 200 X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
                if out.write_all(&[head.as_bytes(), &bytes].concat()).is_err() {
                    return;
                }
                continue;
            }
            Some(Reply::Close) => return,
            Some(Reply::Stall) => {
                let _ = reader.read_to_end(&mut Vec::new());
                let _ = news.send("gone");
                return;
            }
            Some(Reply::Late(body)) => {
                let _ = reader.read_to_end(&mut Vec::new());
                let _ = out.write_all(format!("HTTP/1.1 200 X\r\n\r\n{body}").as_bytes());
                let _ = news.send("gone");
                return;
            }
            None => (418, &[], "nobody thought that this would be asked".into()),
        };
        let text = response(status, "application/json", headers, &body.to_string());
        if out.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn response(status: u16, content_type: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{text}\r\n{body}")
}

/// The next request, and its body as it was sent; `None` when there is none.
fn read(reader: &mut impl BufRead) -> Option<(Asked, Vec<u8>)> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|size| *size > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = Vec::new();
    while let Some((name, value)) = line()?.split_once(": ") {
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let asked = Asked {
        line: first.trim_end_matches(" HTTP/1.1").to_owned(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    Some((asked, body))
}
