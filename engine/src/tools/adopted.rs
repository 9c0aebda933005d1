//! The processes beneath this one, whatever they did to get away: a command can leave its group, its
//! session and its environment behind, but not the process that is told of its end.
//!
//! Only a process that does nothing but one run may ask for this: everything beneath it is the run's.

use std::{thread, time::Duration};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

/// How long the dead may take to be gone: the kernel ends a killed process when it is its turn.
const TURNS: u32 = 250;

/// From now on a process beneath this one whose parent ends becomes a child of this one, where the system
/// can do that.
pub fn adopt() {
    // Without it those that get away are known by their mark alone, as on other systems.
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_child_subreaper(true).ok();
}

/// Kills everything beneath this process; returns when it is gone.
pub fn end_all() {
    let own = Pid::this();
    for _ in 0..TURNS {
        let living = beneath(own);
        if living.is_empty() {
            return;
        }
        for process in living {
            // It may have ended in this instant.
            kill(process, Signal::SIGKILL).ok();
            // Not a child of ours if its parent lives still; then its parent is killed as well.
            waitpid(process, Some(WaitPidFlag::WNOHANG)).ok();
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// The living processes beneath `top`.
#[cfg(target_os = "linux")]
pub(super) fn beneath(top: Pid) -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.flatten().filter_map(|process| process.file_name().to_str()?.parse::<i32>().ok());
    let mut others: Vec<(i32, i32)> = ids.filter_map(|id| Some((id, parent(id)?))).collect();
    let mut found = vec![top.as_raw()];
    let mut at = 0;
    while let Some(above) = found.get(at).copied() {
        others.retain(|(id, parent)| {
            let is_beneath = *parent == above;
            if is_beneath {
                found.push(*id);
            }
            !is_beneath
        });
        at += 1;
    }
    found.into_iter().skip(1).map(Pid::from_raw).collect()
}

/// The parent of a living process.
#[cfg(target_os = "linux")]
fn parent(id: i32) -> Option<i32> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // `id (name) state parent …`; a name may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let is_dead = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    (!is_dead).then_some(parent)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn beneath(_top: Pid) -> Vec<Pid> {
    Vec::new()
}
