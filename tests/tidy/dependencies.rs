//! What we build on: its licences, where it comes from, and what is there twice. The same rules
//! stand in `deny.toml` for cargo-deny, whose list of advisories needs the network.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

use crate::support::{none, root};

/// Licences we take. An expression fits if one of its `OR` branches does.
const LICENCES: [&str; 10] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// The only place crates come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Crates that are there in two versions, and who wants the older one.
const TWICE: [(&str, &str); 10] = [
    ("base64", "opentelemetry-proto wants 0.22"),
    ("bitflags", "lsp-types 0.94 of tower-lsp wants 1"),
    ("cpufeatures", "const-hex of opentelemetry-proto wants 0.2"),
    ("dashmap", "tower-lsp wants 5"),
    ("getrandom", "proptest and jsonschema want 0.3, ring 0.2"),
    ("hashbrown", "dashmap wants 0.14"),
    ("rand", "opentelemetry_sdk wants 0.9"),
    ("rand_core", "opentelemetry_sdk wants 0.9"),
    ("syn", "some derive crates still want 2"),
    ("tower", "tower-lsp wants 0.4"),
];

/// The packages that are built on this platform, whichever features are on.
fn packages() -> Vec<Value> {
    let version = Command::new(env!("CARGO")).args(["-vV"]).output().expect("cargo runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its host");
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--locked",
            "--offline",
            "--all-features",
            "--format-version",
            "1",
            "--filter-platform",
            host,
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let used: BTreeSet<String> = list(&metadata["resolve"]["nodes"]).iter().map(|node| text(node, "id")).collect();
    list(&metadata["packages"]).into_iter().filter(|package| used.contains(&text(package, "id"))).collect()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// Whether a licence expression can be met.
fn fits(expression: &str) -> bool {
    let one = |licence: &str| LICENCES.contains(&licence.trim_matches(['(', ')', ' ']));
    let branch = |branch: &str| branch.split(" AND ").all(one);
    let expression = expression.replace('/', " OR ");
    match expression.split_once(") AND ") {
        Some((left, right)) => fits(left.trim_start_matches('(')) && fits(right),
        None => expression.split(" OR ").any(branch),
    }
}

#[test]
fn licences_are_ones_we_take() {
    let wrong = packages().into_iter().filter(|package| !fits(&text(package, "license")));
    none(&wrong.map(|package| format!("{}: {}", text(&package, "name"), package["license"])).collect::<Vec<_>>());
}

#[test]
fn crates_come_from_the_registry_or_from_here() {
    let wrong =
        packages().into_iter().filter(|package| package["source"].as_str().is_some_and(|from| from != REGISTRY));
    none(&wrong.map(|package| format!("{}: {}", text(&package, "name"), package["source"])).collect::<Vec<_>>());
}

#[test]
fn no_crate_is_there_twice_without_a_reason() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        versions.entry(text(&package, "name")).or_default().insert(text(&package, "version"));
    }
    let twice =
        versions.iter().filter(|(name, found)| found.len() > 1 && !TWICE.iter().any(|(known, _)| known == *name));
    none(&twice.map(|(name, found)| format!("{name}: {found:?}")).collect::<Vec<_>>());
}

#[test]
fn expressions_of_licences_are_understood() {
    assert!(fits("MIT OR Apache-2.0") && fits("GPL-3.0 OR MIT") && fits("Unlicense/MIT"));
    assert!(fits("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(!fits("GPL-3.0") && !fits("MIT AND GPL-3.0") && !fits("(MIT OR Apache-2.0) AND GPL-3.0"));
}
