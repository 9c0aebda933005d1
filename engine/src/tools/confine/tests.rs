#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::tools::{filesystem::Filesystem, fixture::World};

fn write(world: &World, path: &str) -> String {
    world.failure(&Filesystem, "write", json!({"path": path, "content": "bad"}))
}

fn read(world: &World, path: &str) -> String {
    world.failure(&Filesystem, "read", json!({"path": path}))
}

#[test]
fn parents_do_not_lead_out() {
    let world = World::new();
    world.write("secret.txt", "secret");
    assert_eq!(
        read(&world, "../secret.txt"),
        "PermissionError: reading `../secret.txt` is not allowed (it leads to `<dir>/secret.txt`): it lies outside the \
         working and output directories; allow it with `--allow-read <dir>`"
    );
    assert!(read(&world, "a/../../secret.txt").starts_with("PermissionError: "));
    assert!(write(&world, "new/../../x.txt").starts_with("PermissionError: "));
    assert!(write(&world, "..").starts_with("PermissionError: "));
    assert!(!world.path("x.txt").exists());
    assert!(!world.path("work/new").exists());
}

#[test]
fn absolute_paths_are_judged_by_where_they_are() {
    let world = World::new();
    let inside = world.path("work/a.txt");
    world.ok(&Filesystem, "write", json!({"path": inside, "content": "a"}));
    assert_eq!(world.read("work/a.txt"), "a");
    let outside = world.path("b.txt");
    assert_eq!(
        write(&world, outside.as_str()),
        "PermissionError: writing `<dir>/b.txt` is not allowed: it lies outside the working and output directories; \
         allow it with `--allow-write <dir>`"
    );
    // A sibling whose name begins alike is no part of it.
    assert!(write(&world, world.path("work-too/x").as_str()).starts_with("PermissionError: "));
}

#[test]
fn permissions_open_directories() {
    let mut world = World::new();
    world.write("data/a.txt", "a");
    world.cx.permissions.read = vec!["../data".into()];
    assert_eq!(world.ok(&Filesystem, "read", json!({"path": "../data/a.txt"}))["content"], "a");
    assert!(write(&world, "../data/a.txt").starts_with("PermissionError: writing `../data/a.txt` is not allowed"));
    world.cx.permissions.write = vec![world.path("data")];
    world.ok(&Filesystem, "write", json!({"path": "../data/a.txt", "content": "b"}));
    assert_eq!(world.read("data/a.txt"), "b");
}

#[test]
fn the_output_directory_is_open_before_it_exists() {
    let mut world = World::new();
    world.cx.output_dir = world.path("elsewhere/output");
    world.ok(&Filesystem, "write", json!({"path": "../elsewhere/output/a.txt", "content": "a"}));
    assert_eq!(world.read("elsewhere/output/a.txt"), "a");
    assert!(write(&world, "../elsewhere/a.txt").starts_with("PermissionError: "));
}

#[test]
fn empty_and_broken_paths_are_refused() {
    let world = World::new();
    assert_eq!(read(&world, " "), "ValueError: the path is empty; name a file or directory");
    assert_eq!(read(&world, "a\0b"), "ValueError: the path \"a\\0b\" holds a NUL character");
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_to_a_file_outside_is_refused() {
        let world = World::new();
        world.write("secret.txt", "secret");
        symlink("../secret.txt", world.path("work/link")).unwrap();
        assert!(
            read(&world, "link")
                .starts_with("PermissionError: reading `link` is not allowed (it leads to `<dir>/secret.txt`)")
        );
        assert!(write(&world, "link").starts_with("PermissionError: "));
        assert_eq!(world.read("secret.txt"), "secret");
    }

    #[test]
    fn a_link_to_a_directory_outside_is_refused() {
        let world = World::new();
        world.write("outside/secret.txt", "secret");
        symlink(world.path("outside"), world.path("work/dir")).unwrap();
        assert!(read(&world, "dir/secret.txt").starts_with("PermissionError: "));
        assert!(write(&world, "dir/new/deep.txt").starts_with("PermissionError: "));
        assert!(!world.path("outside/new").exists());
        // `..` after a link means the parent of where it leads.
        symlink(world.path("work"), world.path("work/self")).unwrap();
        assert!(read(&world, "self/../outside/secret.txt").starts_with("PermissionError: "));
    }

    #[test]
    fn a_dangling_link_and_a_chain_of_links_are_followed_before_judging() {
        let world = World::new();
        symlink(world.path("planted.txt"), world.path("work/dangling")).unwrap();
        symlink("dangling", world.path("work/chain")).unwrap();
        assert!(write(&world, "chain").starts_with("PermissionError: "));
        assert!(!world.path("planted.txt").exists());
        symlink("ring", world.path("work/ring")).unwrap();
        assert_eq!(read(&world, "ring"), "OSError: `ring` cannot be resolved: too many links");
    }

    #[test]
    fn links_that_stay_inside_work() {
        let world = World::new();
        world.write("work/real/a.txt", "a");
        symlink("real", world.path("work/link")).unwrap();
        assert_eq!(world.ok(&Filesystem, "read", json!({"path": "link/a.txt"}))["content"], "a");
        world.ok(&Filesystem, "write", json!({"path": "link/b.txt", "content": "b"}));
        assert_eq!(world.read("work/real/b.txt"), "b");
    }

    #[test]
    fn a_link_put_in_between_is_met_with_an_error() {
        let world = World::new();
        world.write("outside/a.txt", "secret");
        world.write("work/dir/a.txt", "a");
        let place = locate(&world.cx, "dir/a.txt", Access::Read, Last::Followed).unwrap();
        std::fs::remove_dir_all(world.path("work/dir")).unwrap();
        symlink(world.path("outside"), world.path("work/dir")).unwrap();
        assert_eq!(place.parent(false).unwrap_err().kind(), io::ErrorKind::NotADirectory);

        let place = locate(&world.cx, "new/deep/b.txt", Access::Write, Last::Followed).unwrap();
        symlink(world.path("outside"), world.path("work/new")).unwrap();
        assert_eq!(place.parent(true).unwrap_err().kind(), io::ErrorKind::NotADirectory);
        assert!(!world.path("outside/deep").exists());

        world.write("work/file.txt", "a");
        let place = locate(&world.cx, "file.txt", Access::Read, Last::Followed).unwrap();
        std::fs::remove_file(world.path("work/file.txt")).unwrap();
        symlink(world.path("outside/a.txt"), world.path("work/file.txt")).unwrap();
        let (directory, name) = place.parent(false).unwrap();
        assert_eq!(directory.read(name.unwrap(), 10).unwrap_err().to_string(), "a link was put in its place meanwhile");
        // Writing replaces the link, not what it leads to.
        directory.write(name.unwrap(), b"mine").unwrap();
        assert_eq!(world.read("outside/a.txt"), "secret");
    }

    #[test]
    fn a_pipe_is_refused_at_once() {
        let world = World::new();
        nix::unistd::mkfifo(world.path("work/pipe").as_std_path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read(&world, "pipe"), "OSError: cannot read `pipe`: it is no regular file");
    }
}
