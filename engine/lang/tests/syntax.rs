//! The tree over real pipelines: it says what other YAML readers say, and holds its invariants.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use lang::{
    syntax::{LeafKind, NodeId, NodeKind, Parse, ProblemKind, Tree, parse},
    text::{TextRange, TextSize},
};

fn corpus() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/pipelines");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                files.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(files.len() > 80, "the corpus is missing");
    files
}

/// The invariants of the module doc.
fn check(text: &str, parse: &Parse) {
    let tree = &parse.tree;
    assert_eq!(tree.text(), text);
    let mut done = TextSize::new(0);
    for leaf in tree.leaves() {
        assert_eq!(leaf.range.start(), done, "leaves do not tile");
        assert!(!leaf.range.is_empty());
        done = leaf.range.end();
    }
    assert_eq!(done, TextSize::of(text));
    let all = TextRange::up_to(TextSize::of(text));
    for problem in &parse.problems {
        assert!(all.contains_range(problem.range), "{problem:?}");
        let _ = &text[problem.range];
    }
    visit(tree, tree.root(), all);
}

fn visit(tree: &Tree, root: NodeId, all: TextRange) {
    let mut waiting = vec![(root, all)];
    while let Some((id, parent)) = waiting.pop() {
        let range = tree.range(id);
        assert!(parent.contains_range(range), "{:?} {range:?} not in {parent:?}", tree.kind(id));
        let _ = tree.source(id);
        let mut last = range.start();
        for child in tree.children(id) {
            assert_eq!(tree.node(*child).parent, Some(id));
            assert!(tree.range(*child).start() >= last, "siblings overlap");
            last = tree.range(*child).end();
            waiting.push((*child, range));
        }
        if matches!(tree.kind(id), NodeKind::Scalar(_)) {
            let decoded = tree.decoded(id);
            assert!(decoded.source_offset(TextSize::of(&*decoded.text)) <= range.end());
        }
    }
    assert!(tree.leaves().iter().all(|leaf| matches!(
        leaf.kind,
        LeafKind::Node(_) | LeafKind::Comment | LeafKind::Blank | LeafKind::Punctuation
    )));
}

fn normal(value: serde_yaml::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        serde_yaml::Value::Null => Value::Null,
        serde_yaml::Value::Bool(value) => Value::Bool(value),
        serde_yaml::Value::Number(number) => serde_json::to_value(number).unwrap(),
        serde_yaml::Value::String(text) => Value::String(text),
        serde_yaml::Value::Sequence(items) => Value::Array(items.into_iter().map(normal).collect()),
        serde_yaml::Value::Mapping(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(key, value)| {
                    let key = match key {
                        serde_yaml::Value::String(text) => text,
                        other => serde_yaml::to_string(&other).unwrap().trim_end().to_owned(),
                    };
                    (key, normal(value))
                })
                .collect(),
        ),
        serde_yaml::Value::Tagged(tagged) => normal(tagged.value),
    }
}

#[test]
fn valid_files_read_as_serde_yaml_reads_them() {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (name, text) in corpus() {
        let parse = parse(&text);
        check(&text, &parse);
        let Ok(value) = serde_yaml::from_str::<serde_yaml::Value>(&text) else {
            eprintln!("not YAML: {name}: {:#?}", parse.problems);
            continue;
        };
        compared += 1;
        let expected = normal(value);
        let json = parse.tree.to_json(parse.tree.root()).unwrap();
        if json != expected {
            wrong.push(format!("{name}\n  {}", difference("", &expected, &json)));
        }
        let serious: Vec<_> =
            parse.problems.iter().filter(|problem| problem.kind != ProblemKind::UnquotedTemplate).collect();
        if !serious.is_empty() {
            wrong.push(format!("{name}\n  {serious:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 75, "{compared}");
}

fn difference(path: &str, one: &serde_json::Value, other: &serde_json::Value) -> String {
    use serde_json::Value;
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for (key, value) in one {
                match other.get(key) {
                    None => return format!("{path}.{key} is missing"),
                    Some(found) if found != value => return difference(&format!("{path}.{key}"), value, found),
                    Some(_) => {}
                }
            }
            format!("{path}: other keys: {:?}", other.keys().filter(|key| !one.contains_key(*key)).collect::<Vec<_>>())
        }
        (Value::Array(one), Value::Array(other)) => {
            for (index, value) in one.iter().enumerate() {
                match other.get(index) {
                    None => return format!("{path}[{index}] is missing"),
                    Some(found) if found != value => return difference(&format!("{path}[{index}]"), value, found),
                    Some(_) => {}
                }
            }
            format!("{path}: longer")
        }
        _ => format!("{path}:\n  expected {one:?}\n  found    {other:?}"),
    }
}

/// Every file cut and changed at seeded places: nothing panics, and the invariants hold.
#[test]
fn broken_files_keep_the_invariants() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |limit: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % limit.max(1) as u64) as usize
    };
    for (name, text) in corpus() {
        for round in 0..6 {
            let mut at = random(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let width = text[at..].chars().next().map_or(0, char::len_utf8);
            let insert = ["\"", "'", "[", "{", "}", ":", "\t", "-", "{{", "<AUTO>", "*", "&", "\0", "é"][random(14)];
            let changed = match round % 3 {
                0 => text[..at].to_owned(),
                1 => format!("{}{}", &text[..at], &text[at + width..]),
                _ => format!("{}{insert}{}", &text[..at], &text[at..]),
            };
            let result = std::panic::catch_unwind(|| {
                let parse = parse(&changed);
                check(&changed, &parse);
                let _ = parse.tree.to_json(parse.tree.root());
                lang::syntax::cursor(&parse, TextSize::new(at as u32));
            });
            assert!(result.is_ok(), "{name} at {at}, round {round}, {insert:?}");
        }
    }
}
