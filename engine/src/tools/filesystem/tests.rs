#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::Filesystem;
use crate::tools::fixture::World;

fn ok(world: &World, operation: &str, params: Value) -> Value {
    world.ok(&Filesystem, operation, params)
}

fn failure(world: &World, operation: &str, params: Value) -> String {
    world.failure(&Filesystem, operation, params)
}

#[test]
fn write_then_read_is_exact_to_the_byte() {
    let world = World::new();
    let text = "é\r\n\ttail without newline";
    let written = ok(&world, "write", json!({"path": "./a/b/c.txt", "content": text}));
    assert_eq!(written, json!({"action": "write", "path": "./a/b/c.txt", "size": 25}));
    assert_eq!(world.read("work/a/b/c.txt"), text);
    let read = ok(&world, "read", json!({"path": "./a/b/c.txt"}));
    assert_eq!(read, json!({"action": "read", "path": "./a/b/c.txt", "content": text, "size": 25}));
}

#[test]
fn write_replaces_and_leaves_nothing_else_behind() {
    let world = World::new();
    world.write("work/a.txt", "old and longer");
    ok(&world, "write", json!({"path": "a.txt", "content": "new"}));
    assert_eq!(world.read("work/a.txt"), "new");
    assert_eq!(std::fs::read_dir(world.path("work")).unwrap().count(), 1);
}

#[test]
fn what_is_no_text_is_written_as_json() {
    let world = World::new();
    ok(&world, "write", json!({"path": "a.json", "content": {"b": [1, 2.5], "a": null}}));
    assert_eq!(world.read("work/a.json"), r#"{"b":[1,2.5],"a":null}"#);
    ok(&world, "write", json!({"path": "n.txt", "content": 7}));
    assert_eq!(world.read("work/n.txt"), "7");
}

#[test]
fn missing_file_is_a_reported_failure() {
    let world = World::new();
    let message = "FileNotFoundError: cannot read `./output/none.txt`: there is no such file or directory";
    assert_eq!(failure(&world, "read", json!({"path": "./output/none.txt"})), message);
    assert_eq!(
        failure(&world, "delete", json!({"path": "none"})),
        "FileNotFoundError: cannot delete `none`: there is no such file or directory"
    );
    assert_eq!(
        failure(&world, "list", json!({"path": "none"})),
        "FileNotFoundError: cannot list `none`: there is no such file or directory"
    );
}

#[test]
fn directories_and_foreign_bytes_are_no_text() {
    let world = World::new();
    world.write("work/dir/a", "");
    std::fs::write(world.path("work/latin"), b"ab\xe9").unwrap();
    assert_eq!(
        failure(&world, "read", json!({"path": "dir"})),
        "IsADirectoryError: cannot read `dir`: it is a directory"
    );
    assert_eq!(
        failure(&world, "write", json!({"path": "dir", "content": "x"})),
        "IsADirectoryError: cannot write `dir`: it is a directory"
    );
    assert_eq!(
        failure(&world, "write", json!({"path": "latin/x", "content": "x"})),
        "NotADirectoryError: cannot write `latin/x`: a part of the path is a file or a link, not a directory"
    );
    assert_eq!(
        failure(&world, "read", json!({"path": "latin"})),
        "UnicodeDecodeError: cannot read `latin`: it is no UTF-8 text (byte 2); convert it to UTF-8, or process it \
         with a command"
    );
}

#[test]
fn copy_goes_to_a_name_or_into_a_directory() {
    let world = World::new();
    world.write("work/a.txt", "a");
    let copied = ok(&world, "copy", json!({"path": "a.txt", "destination": "new/b.txt"}));
    assert_eq!(copied, json!({"action": "copy", "source": "a.txt", "destination": "new/b.txt"}));
    assert_eq!(world.read("work/new/b.txt"), "a");
    ok(&world, "copy", json!({"path": "a.txt", "destination": "new"}));
    assert_eq!(world.read("work/new/a.txt"), "a");
    ok(&world, "copy", json!({"path": "new", "destination": "tree"}));
    assert_eq!(world.read("work/tree/b.txt"), "a");
    assert_eq!(
        failure(&world, "copy", json!({"path": "new", "destination": "new/inner"})),
        "ValueError: cannot copy `new` into itself"
    );
}

#[test]
fn move_takes_the_source_away() {
    let world = World::new();
    world.write("work/a.txt", "a");
    let moved = ok(&world, "move", json!({"path": "a.txt", "destination": "x/y.txt"}));
    assert_eq!(moved, json!({"action": "move", "source": "a.txt", "destination": "x/y.txt"}));
    assert_eq!(world.read("work/x/y.txt"), "a");
    assert!(!world.path("work/a.txt").exists());
}

#[test]
fn delete_takes_a_tree_but_never_an_allowed_directory() {
    let world = World::new();
    world.write("work/tree/a/b.txt", "b");
    assert_eq!(ok(&world, "delete", json!({"path": "tree"})), json!({"action": "delete", "path": "tree"}));
    assert!(!world.path("work/tree").exists());
    assert_eq!(
        failure(&world, "delete", json!({"path": "."})),
        "PermissionError: cannot delete `.`: it is a whole allowed directory; name what is in it"
    );
}

#[test]
fn list_is_sorted_by_name() {
    let world = World::new();
    world.write("work/d/b.txt", "bb");
    world.write("work/d/a.txt", "a");
    world.write("work/d/c/x", "");
    assert_eq!(
        ok(&world, "list", json!({"path": "d/"})),
        json!({"action": "list", "path": "d/", "items": [
            {"name": "a.txt", "path": "d/a.txt", "type": "file", "size": 1},
            {"name": "b.txt", "path": "d/b.txt", "type": "file", "size": 2},
            {"name": "c", "path": "d/c", "type": "directory", "size": 0},
        ], "count": 3})
    );
}

#[test]
fn unknown_operation_suggests_the_nearest() {
    let world = World::new();
    assert_eq!(
        failure(&world, "wirte", json!({"path": "a"})),
        "UnknownActionError: `filesystem` has no operation `wirte`; did you mean `write`?"
    );
}

#[cfg(unix)]
#[test]
fn write_keeps_the_permissions_of_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    world.write("work/run.sh", "old");
    std::fs::set_permissions(world.path("work/run.sh"), std::fs::Permissions::from_mode(0o750)).unwrap();
    ok(&world, "write", json!({"path": "run.sh", "content": "new"}));
    assert_eq!(world.path("work/run.sh").metadata().unwrap().permissions().mode() & 0o777, 0o750);
}

#[cfg(unix)]
#[test]
fn delete_and_list_do_not_follow_links() {
    let world = World::new();
    world.write("outside/keep.txt", "keep");
    std::fs::create_dir(world.path("work/d")).unwrap();
    std::os::unix::fs::symlink(world.path("outside"), world.path("work/d/link")).unwrap();
    assert_eq!(
        ok(&world, "list", json!({"path": "d"}))["items"],
        json!([{"name": "link", "path": "d/link", "type": "other", "size": 0}])
    );
    ok(&world, "delete", json!({"path": "d"}));
    assert_eq!(world.read("outside/keep.txt"), "keep");
}
