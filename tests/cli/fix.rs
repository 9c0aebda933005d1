//! `orc validate --fix` and `--diff`.

use crate::support::Folder;

const OLD: &str = "name: n\nsteps:\n- id: s\n  action: generate_text\n  parameters: {prompt: hi}\n";
const NEW: &str = "name: n\nsteps:\n- id: s\n  action: generate\n  parameters: {prompt: hi}\n";
const DIFF: &str = "--- a/a.yaml\n+++ b/a.yaml\n@@ -1,5 +1,5 @@\n name: n\n steps:\n - id: s\n-  action: generate_text\n+  action: generate\n   parameters: {prompt: hi}\n";

#[test]
fn fixes_are_written_once() {
    let folder = Folder::with("a.yaml", OLD);
    let ended = folder.orc(&["validate", "--fix", "a.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.starts_with("fixed 1 file\n"), "{ended:?}");
    assert_eq!(folder.read("a.yaml"), NEW);
    let again = folder.orc(&["validate", "--fix", "a.yaml"]);
    assert!(again.stderr.starts_with("fixed 0 files\n"), "{again:?}");
    assert_eq!(folder.read("a.yaml"), NEW);
}

#[test]
fn a_diff_alone_writes_nothing() {
    let folder = Folder::with("a.yaml", OLD);
    let ended = folder.orc(&["validate", "--diff", "a.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), DIFF));
    assert_eq!(folder.read("a.yaml"), OLD);
    let both = folder.orc(&["validate", "--fix", "--diff", "a.yaml"]);
    assert!(both.stdout.starts_with(DIFF), "{both:?}");
    assert_eq!(folder.read("a.yaml"), NEW);
}

#[test]
fn a_file_that_is_named_twice_is_fixed_once() {
    let folder = Folder::with("a.yaml", OLD);
    let ended = folder.orc(&["validate", "--fix", "a.yaml", "./a.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.starts_with("fixed 1 file\n"), "{ended:?}");
    assert_eq!(folder.read("a.yaml"), NEW);
}

#[test]
fn what_cannot_be_read_is_told_with_a_diff_too() {
    let ended = Folder::new().orc(&["validate", "--diff", "nope.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("nope.yaml"), "{ended:?}");
}

#[test]
fn a_diff_does_not_mix_with_what_machines_read() {
    let folder = Folder::with("a.yaml", OLD);
    let ended = folder.orc(&["validate", "--fix", "--diff", "--format", "json", "a.yaml"]);
    assert!(ended.stdout.starts_with('{') && ended.stderr.starts_with("fixed 1 file\n--- a/a.yaml\n"), "{ended:?}");
}

#[test]
fn standard_input_is_shown_but_not_fixed() {
    let folder = Folder::new();
    let ended = folder.orc_reading(&["validate", "--fix", "-"], OLD.as_bytes());
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("standard input cannot be fixed in place; name a file, or use --diff"), "{ended:?}");
}

#[test]
fn what_no_fix_mends_is_still_told() {
    let folder = Folder::with("a.yaml", OLD.replace("hi", "\"{{ nobody }}\""));
    let ended = folder.orc(&["validate", "--fix", "a.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stdout.contains("ORC302"), "{ended:?}");
    assert!(folder.read("a.yaml").contains("action: generate\n"));
}
