//! `orc fmt`.

use crate::support::Folder;

const LOOSE: &str = "id:   a\nsteps:\n- id: s\n  action: generate\n  parameters: {prompt: hi}\n";
const NEAT: &str = "id: a\nsteps:\n  - id: s\n    action: generate\n    parameters: {prompt: hi}\n";

#[test]
fn files_are_laid_out_in_place_and_named() {
    let folder = Folder::with("a.yaml", LOOSE);
    folder.write("b.yaml", NEAT);
    folder.write("other.yaml", "not:   a pipeline\n");
    let ended = folder.orc(&["fmt", "."]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "./a.yaml\n"));
    assert_eq!(ended.stderr, "1 file changed, 1 left as it was\n");
    assert_eq!(folder.read("a.yaml"), NEAT);
    assert_eq!(folder.read("other.yaml"), "not:   a pipeline\n");
    let again = folder.orc(&["fmt", "."]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""));
    assert_eq!(again.stderr, "0 files changed, 2 left as they were\n");
}

#[test]
fn check_and_diff_write_nothing_and_say_so_with_their_exit_code() {
    let folder = Folder::with("a.yaml", LOOSE);
    let check = folder.orc(&["fmt", "--check", "a.yaml"]);
    assert_eq!((check.code, check.stdout.as_str()), (Some(1), "a.yaml\n"));
    assert_eq!(check.stderr, "1 file would change, 0 left as they were\n");
    let diff = folder.orc(&["fmt", "--diff", "a.yaml"]);
    assert_eq!(diff.code, Some(1));
    assert_eq!(
        diff.stdout,
        "--- a/a.yaml\n+++ b/a.yaml\n@@ -1,5 +1,5 @@\n-id:   a\n+id: a\n steps:\n-- id: s\n-  action: generate\n-  parameters: {prompt: hi}\n+  - id: s\n+    action: generate\n+    parameters: {prompt: hi}\n"
    );
    assert_eq!(folder.read("a.yaml"), LOOSE);
    folder.write("a.yaml", NEAT);
    assert_eq!(folder.orc(&["fmt", "--check", "a.yaml"]).code, Some(0));
}

#[test]
fn standard_input_goes_to_standard_output() {
    let folder = Folder::new();
    let ended = folder.orc_reading(&["fmt", "-"], LOOSE.as_bytes());
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), NEAT, ""));
}

#[test]
fn what_cannot_be_laid_out_is_left_alone_with_the_reason() {
    let broken = "id: a\nsteps: [\n";
    let folder = Folder::with("a.yaml", broken);
    folder.write("b.yaml", LOOSE);
    let ended = folder.orc(&["fmt", "a.yaml", "b.yaml", "missing.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), "b.yaml\n"));
    assert_eq!(
        ended.stderr,
        "error: a.yaml:2:8: this `[` is not closed; add `]`\nerror: cannot read `missing.yaml`: there is no such \
         file\n1 file changed, 0 left as they were, 2 could not be laid out\n"
    );
    assert_eq!(folder.read("a.yaml"), broken);
}
