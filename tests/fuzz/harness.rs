//! What the fuzzers do with bytes: a text is read and asked everything, or edited and asked like an
//! open document. Whatever the bytes are, nothing panics, every place lies in the text, and what is
//! known of an edited text is what is known of the same text read afresh.

use std::sync::{Arc, OnceLock};

use camino::{Utf8Path, Utf8PathBuf};
use lang::{
    analysis::Analysis,
    ide::{actions, completion, folding, format, hover, inlays, lenses, navigate, rename, signature, symbols, tokens},
    syntax,
    text::{Buffer, Encoding, TextEdit, TextRange, TextSize},
    workspace::{Entry, Files, Listing, Workspace},
};

use invariants::{check, check_layout, check_order, dump};
use material::{INSERTED, pipelines};

pub mod invariants;
pub mod material;

/// Real texts above this size are too slow to be edited many thousand times.
const LARGEST_BASE: usize = 12 * 1024;

/// How large a text may become by edits.
const LARGEST: usize = 24 * 1024;

/// How many places of a text are asked about.
const ASKED: usize = 5;

/// Reads `bytes` as a pipeline and asks everything about it.
pub fn parser(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let parse = syntax::parse(&text);
    check(&text, &parse);
    check_order(&parse);
    check_layout(&text);
    let analysis = open(&text);
    check_ranges(&analysis);
    for part in 0..=ASKED {
        let at = floor(&text, text.len() * part / ASKED);
        for answer in ANSWERS {
            answer(&analysis, at);
        }
    }
}

/// Reads `bytes` as a real pipeline, or the beginning of one, and what an editor then sends: edits,
/// steps back and requests.
pub fn edits(bytes: &[u8]) {
    let mut script = Script(bytes);
    let Some(mut text) = script.base() else { return };
    let mut buffer = Buffer::new(&text);
    let mut analysis = open(&text);
    let mut before = text.clone();
    while let Some(what) = script.byte() {
        let encoding = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32][usize::from(what) % 3];
        match what >> 6 {
            0 | 1 => {
                let (start, end, inserted) = script.edit(&analysis, encoding);
                let position = |at| analysis.lines().position(&text, at, encoding);
                buffer.replace(position(start), position(end), encoding, &inserted);
                before.clone_from(&text);
                text.replace_range(usize::from(start)..usize::from(end), &inserted);
            }
            2 => {
                std::mem::swap(&mut text, &mut before);
                buffer = Buffer::new(&text);
            }
            _ => {
                let at = script.place(&text);
                let answer = ANSWERS[usize::from(what & 0x3f) % ANSWERS.len()];
                let fresh = open(&text);
                same(&text, &answer(&fresh, at), &answer(&analysis, at));
                continue;
            }
        }
        assert_eq!(buffer.text(), text);
        if text.len() > LARGEST {
            return;
        }
        analysis = analysis.with_text(&text);
        let (tree, fresh) = (analysis.parse(), syntax::parse(&text));
        same(&text, &format!("{:#?}", fresh.problems), &format!("{:#?}", tree.problems));
        same(&text, &dump(&fresh.tree), &dump(&tree.tree));
    }
    same(&text, &known(&open(&text)), &known(&analysis));
}

/// What is known of a document as a whole.
pub fn known(analysis: &Analysis) -> String {
    format!(
        "{:#?}\n{:#?}\n{:#?}\n{:#?}",
        analysis.diagnostics(),
        symbols::symbols(analysis),
        navigate::occurrences(analysis),
        analysis.graph().levels
    )
}

/// Every diagnostic marks something, if there is anything, and points into the text.
pub fn check_ranges(analysis: &Analysis) {
    let text = analysis.text();
    let tree = &analysis.parse().tree;
    let says_nothing = tree.range(tree.root()).is_empty();
    for diagnostic in analysis.diagnostics() {
        let empty = inside(text, diagnostic.range).is_empty();
        assert!(!empty || says_nothing, "{diagnostic:?} marks nothing");
        for related in diagnostic.related.iter().filter(|related| related.file.is_none()) {
            inside(text, related.range);
        }
        for fix in &diagnostic.fixes {
            check_edits(text, &fix.edits);
        }
    }
}

fn check_edits(text: &str, edits: &[TextEdit]) {
    for edit in edits {
        inside(text, edit.range);
    }
}

fn inside(text: &str, range: TextRange) -> &str {
    let inside = text.get(usize::from(range.start())..usize::from(range.end()));
    inside.unwrap_or_else(|| panic!("{range:?} is no place of a text of {} bytes", text.len()))
}

/// Fails with the lines around the first that differs.
fn same(text: &str, fresh: &str, kept: &str) {
    if fresh != kept {
        let equal = fresh.lines().zip(kept.lines()).take_while(|(fresh, kept)| fresh == kept).count();
        let around = |lines: &str| lines.lines().skip(equal.saturating_sub(5)).take(12).collect::<Vec<_>>().join("\n");
        panic!("fresh:\n{}\nkept:\n{}\ntext:\n{text}", around(fresh), around(kept));
    }
}

/// Answers a request about a place; its places are checked.
type Answer = fn(&Analysis, TextSize) -> String;

/// What an editor asks for.
const ANSWERS: [Answer; 14] = [
    |analysis, _| {
        check_ranges(analysis);
        known(analysis)
    },
    |analysis, at| {
        format!(
            "{:?}",
            hover::hover(analysis, at).inspect(|hover| assert!(!inside(analysis.text(), hover.range).is_empty()))
        )
    },
    |analysis, at| {
        let items = completion::complete(analysis, at);
        for item in &items {
            assert!(inside(analysis.text(), item.edit.range).len() < 4096, "{item:?}");
            assert!(item.edit.range.contains_inclusive(at), "{item:?} is not at {at:?}");
        }
        format!("{items:?}")
    },
    |analysis, _| {
        let tokens = tokens::tokens(analysis);
        let mut done = TextSize::new(0);
        for token in &tokens {
            assert!(token.range.start() >= done, "{token:?} touches the one before");
            assert!(!inside(analysis.text(), token.range).is_empty(), "{token:?} is empty");
            done = token.range.end();
        }
        format!("{tokens:?}")
    },
    |analysis, at| {
        let found = navigate::definition(analysis, at);
        for location in found.iter().filter(|location| location.file.is_none()) {
            inside(analysis.text(), location.range);
        }
        format!("{found:?} {:?}", navigate::references(analysis, at, true))
    },
    |analysis, at| {
        let linked = navigate::linked(analysis, at);
        for range in &linked {
            inside(analysis.text(), *range);
        }
        format!("{linked:?} {:?}", navigate::file_links(analysis))
    },
    |analysis, at| format!("{:?} {:?}", signature::signature(analysis, at), lenses::lenses(analysis)),
    |analysis, at| {
        let ranges = folding::selections(analysis, at);
        for pair in ranges.windows(2) {
            assert!(pair[0].contains_range(pair[1]) || pair[1].contains_range(pair[0]), "{ranges:?} do not nest");
        }
        format!("{ranges:?} {:?}", folding::folds(analysis))
    },
    |analysis, _| {
        let all = inlays::inlays(analysis, TextRange::up_to(TextSize::of(analysis.text())));
        for inlay in &all {
            inside(analysis.text(), TextRange::empty(inlay.at));
        }
        format!("{all:?}")
    },
    |analysis, at| {
        let offered = actions::actions(analysis, TextRange::empty(at));
        for action in &offered {
            check_edits(analysis.text(), &action.fix.edits);
        }
        format!("{offered:?}")
    },
    |analysis, _| actions::fix_all(analysis, &|_| true),
    |analysis, at| {
        let entered = format::on_enter(analysis.parse(), at);
        check_edits(analysis.text(), entered.as_slice());
        format!("{entered:?} {:?}", format::format_range(analysis.parse(), TextRange::up_to(at)))
    },
    |analysis, _| {
        let edits = format::format(analysis.parse());
        check_edits(analysis.text(), edits.as_deref().unwrap_or_default());
        format!("{edits:?}")
    },
    |analysis, at| {
        let renamed = rename::rename(analysis, at, "another_name");
        for file in renamed.iter().flatten().filter(|file| file.file.is_none()) {
            check_edits(analysis.text(), &file.edits);
        }
        format!("{renamed:?}")
    },
];

/// The document, opened beside another pipeline and a prompt.
fn open(text: &str) -> Analysis {
    let path = Utf8PathBuf::from("/fuzz/fuzz.orc.yaml");
    let workspace = Workspace { path, root: "/fuzz".into(), files: Arc::new(Beside) };
    Analysis::new(engine::catalog::registry(), "fuzz.orc.yaml", text).within(workspace)
}

/// The files beside the document.
#[derive(Debug)]
struct Beside;

const BESIDE: [(&str, &str); 2] = [
    (
        "/fuzz/child.orc.yaml",
        "id: child\ninputs:\n  topic: string\nsteps:\n  - id: a\n    action: generate\n    parameters:\n      prompt: \"{{ topic }}\"\noutputs:\n  text: \"{{ a.result }}\"\n",
    ),
    ("/fuzz/prompt.md", "Write about {{ topic }}.\n"),
];

impl Files for Beside {
    fn is_directory(&self, path: &Utf8Path) -> Option<bool> {
        if path == "/fuzz" { Some(true) } else { self.text(path).map(|_| false) }
    }

    fn text(&self, path: &Utf8Path) -> Option<Arc<str>> {
        BESIDE.iter().find(|(name, _)| path == *name).map(|(_, text)| (*text).into())
    }

    fn analysis(&self, path: &Utf8Path) -> Option<Arc<Analysis>> {
        let text = self.text(path)?;
        Some(Arc::new(Analysis::new(engine::catalog::registry(), path.file_name()?, &text)))
    }

    fn list(&self, directory: &Utf8Path, _: &str) -> Listing {
        let names = BESIDE.iter().filter_map(|(path, _)| Utf8Path::new(path).strip_prefix(directory).ok());
        let entries = names.map(|name| Entry { name: name.to_string(), directory: false }).collect();
        Listing { entries, cut: false }
    }

    fn pipelines(&self, _: &Utf8Path) -> Vec<Utf8PathBuf> {
        vec![BESIDE[0].0.into()]
    }
}

/// Bytes read as what an editor does. Any bytes are something.
struct Script<'b>(&'b [u8]);

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The text that is opened: which one, and how much of it.
    fn base(&mut self) -> Option<String> {
        static BASES: OnceLock<Vec<String>> = OnceLock::new();
        let bases = BASES.get_or_init(|| {
            let texts = pipelines().into_iter().map(|(_, text)| text);
            texts.filter(|text| text.len() <= LARGEST_BASE).collect()
        });
        let text = &bases[usize::from(self.byte()?) % bases.len()];
        let lines = text.split_inclusive('\n');
        let kept = lines.clone().count() * (usize::from(self.byte()?) + 1) / 256;
        Some(lines.take(kept).collect())
    }

    /// A place between two characters.
    fn place(&mut self, text: &str) -> TextSize {
        let number = usize::from(self.byte().unwrap_or_default()) * 256 + usize::from(self.byte().unwrap_or_default());
        floor(text, (text.len() + 1) * number / 65_536)
    }

    /// What is replaced, as far as positions of this encoding can say it, and by what.
    fn edit(&mut self, analysis: &Analysis, encoding: Encoding) -> (TextSize, TextSize, String) {
        let text = analysis.text();
        let start = self.place(text);
        let deleted = self.byte().unwrap_or_default();
        // Most edits take little away.
        let deleted = if deleted < 128 { deleted / 16 } else { deleted - 128 };
        let end = floor(text, (usize::from(start) + usize::from(deleted)).min(text.len()));
        let sent = |at| analysis.lines().offset(text, analysis.lines().position(text, at, encoding), encoding);
        (sent(start), sent(end), self.inserted())
    }

    /// One of what is often inserted, or a few bytes as they are.
    fn inserted(&mut self) -> String {
        let what = usize::from(self.byte().unwrap_or_default());
        if what < 128 {
            return INSERTED[what % INSERTED.len()].to_owned();
        }
        let (own, rest) = self.0.split_at((what - 128).min(self.0.len()));
        self.0 = rest;
        String::from_utf8_lossy(own).into_owned()
    }
}

fn floor(text: &str, mut at: usize) -> TextSize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    TextSize::new(at as u32)
}
