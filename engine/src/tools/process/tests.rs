#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;

use crate::tools::{OutputSink, Tool as _, fixture::World, terminal::Terminal};

/// Two levels down, and one that left the group.
const TREE: &str = "echo $$ > pids; sh -c 'echo $$ >> pids; sleep 100 & echo $! >> pids; wait' & \
                    setsid sh -c 'echo $$ >> pids; sleep 100' & wait";

fn pids(world: &World) -> Vec<String> {
    let text = std::fs::read_to_string(world.path("work/pids")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_timeout_kills_the_whole_tree() {
    let world = World::new();
    world.run(&Terminal, "execute", json!({"command": TREE, "timeout": 1})).unwrap();
    let pids = pids(&world);
    assert_eq!(pids.len(), 4);
    for pid in &pids {
        assert!(World::is_gone(pid), "{pid} of {pids:?} lives");
    }
}

#[test]
fn cancelling_kills_the_whole_tree() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let params = json!({"command": TREE}).as_object().unwrap().clone();
    runtime.block_on(async {
        let begun = async {
            while pids(&world).len() < 4 {
                tokio::task::yield_now().await;
            }
            world.cx.cancel.cancel();
        };
        let (outcome, ()) = tokio::join!(Terminal.run("execute", params, &world.cx), begun);
        assert_eq!(outcome.unwrap_err().0.error_type, "CancelledError");
    });
    assert!(pids(&world).iter().all(|pid| World::is_gone(pid)));
}

#[test]
fn forgetting_a_command_kills_the_whole_tree() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let params = json!({"command": TREE}).as_object().unwrap().clone();
    runtime.block_on(async {
        tokio::select! {
            outcome = Terminal.run("execute", params, &world.cx) => panic!("it ended by itself: {outcome:?}"),
            () = async { while pids(&world).len() < 4 { tokio::task::yield_now().await } } => {}
        }
    });
    assert!(pids(&world).iter().all(|pid| World::is_gone(pid)));
}

/// What looks at output may take longer than the command that printed it.
#[test]
fn output_is_read_to_its_end_however_slowly_it_is_taken() {
    let mut world = World::new();
    let taken = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&taken);
    world.cx.on_output = Some(OutputSink::new(move |_, text| {
        std::thread::sleep(Duration::from_millis(30));
        *seen.lock().unwrap() += text.len();
    }));
    let outcome = world.run(&Terminal, "execute", json!({"command": "yes x | head -c 200000"})).unwrap();
    assert_eq!(outcome.result["stdout"].as_str().map(str::len), Some(200_000));
    assert_eq!(*taken.lock().unwrap(), 200_000);
}
