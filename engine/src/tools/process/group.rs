//! Process groups, and on Linux the processes that left theirs.

use std::{
    io,
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use nix::{
    sys::{
        signal::{Signal, kill, killpg},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};
use tokio::process::{Child, Command};

use super::super::adopted;

/// Every process of a command carries this variable, also one that left the group.
const MARK: &str = "ORC_COMMAND";

/// The processes of one command; killed when this is dropped.
#[derive(Debug)]
pub(super) struct Group {
    leader: Option<Pid>,
    token: String,
    armed: AtomicBool,
}

/// Makes `command` the leader of a new group; gives the mark its processes carry.
pub(super) fn prepare(command: &mut Command) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let token = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    command.process_group(0).env(MARK, &token);
    token
}

/// The exit code, or minus the number of the signal that killed it.
pub(super) fn code(status: ExitStatus) -> i64 {
    i64::from(status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(-1))
}

/// The name of a signal.
pub(crate) fn signal_name(number: i32) -> Option<&'static str> {
    Signal::try_from(number).ok().map(Signal::as_str)
}

impl Group {
    pub(super) fn of(child: &Child, token: String) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Self { leader, token, armed: AtomicBool::new(true) }
    }

    /// Waits until the leader has exited, without reaping it where the system can do that.
    #[cfg(target_os = "linux")]
    pub(super) async fn exited(&self, child: &mut Child) -> io::Result<()> {
        use nix::{
            errno::Errno,
            sys::wait::{Id, waitid},
        };
        let Some(leader) = self.leader else { return child.wait().await.map(drop) };
        let waiting = tokio::task::spawn_blocking(move || {
            loop {
                match waitid(Id::Pid(leader), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
                    Err(Errno::EINTR) => {}
                    // Reaped already, because the waiting was given up.
                    Ok(_) | Err(Errno::ECHILD) => return Ok(()),
                    Err(error) => return Err(io::Error::from(error)),
                }
            }
        });
        waiting.await.map_err(io::Error::other)?
    }

    /// Waits until the leader has exited.
    #[cfg(not(target_os = "linux"))]
    pub(super) async fn exited(&self, child: &mut Child) -> io::Result<()> {
        child.wait().await.map(drop)
    }

    /// Kills the group.
    pub(super) fn kill(&self) {
        if let Some(leader) = self.leader {
            // A group that is empty already is what we want.
            killpg(leader, Signal::SIGKILL).ok();
        }
    }

    /// Kills the group, and the processes of the command that left it: those beneath its leader, and those
    /// that carry its mark. One that did away with both is found by [`adopted::end_all`] only.
    pub(super) fn kill_all(&self) {
        // Once the leader is dead, what it started is beneath it no more.
        let beneath = self.leader.map_or_else(Vec::new, adopted::beneath);
        self.kill();
        for process in beneath {
            kill(process, Signal::SIGKILL).ok();
        }
        // A process may start another between being seen and being killed.
        for _ in 0..8 {
            let strays = strays(&self.token);
            if strays.is_empty() {
                break;
            }
            for stray in strays {
                kill(stray, Signal::SIGKILL).ok();
            }
        }
    }

    /// There is nothing left to kill: the leader was reaped. Those of its group that were left to this
    /// process are reaped too.
    pub(super) fn forget(&self) {
        self.armed.store(false, Ordering::Relaxed);
        let Some(leader) = self.leader else { return };
        let group = Pid::from_raw(-leader.as_raw());
        while matches!(waitpid(group, Some(WaitPidFlag::WNOHANG)), Ok(status) if status.pid().is_some()) {}
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.armed.load(Ordering::Relaxed) {
            self.kill_all();
        }
    }
}

/// Living processes that carry `token`.
#[cfg(target_os = "linux")]
fn strays(token: &str) -> Vec<Pid> {
    let wanted = format!("{MARK}={token}");
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|process| process.file_name().to_str()?.parse::<i32>().ok())
        .filter(|id| {
            // A dead process that nobody has reaped has no environment any more.
            std::fs::read(format!("/proc/{id}/environ"))
                .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()))
        })
        .map(Pid::from_raw)
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn strays(_token: &str) -> Vec<Pid> {
    Vec::new()
}
