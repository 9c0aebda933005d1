//! What the fuzzers have found worth keeping (`tests/fuzz`), without a fuzzer.

use std::{fs, panic};

use crate::{harness, root};

/// Gives each kept file of a fuzzer to it, and names those on which it fails.
fn replay(name: &str, fuzzer: fn(&[u8])) {
    let folder = root().join("tests/fuzz/corpus").join(name);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 20, "{} files are kept", paths.len());
    let fails = |bytes: &[u8]| panic::catch_unwind(|| fuzzer(bytes)).is_err();
    let failed: Vec<_> = paths.into_iter().filter(|path| fails(&fs::read(path).unwrap())).collect();
    assert!(failed.is_empty(), "{name} fails on {failed:#?}");
}

#[test]
fn no_text_that_was_kept_is_read_wrongly() {
    replay("parser", harness::parser);
}

#[test]
fn no_edits_that_were_kept_leave_another_analysis_than_a_fresh_one() {
    replay("edits", harness::edits);
}
