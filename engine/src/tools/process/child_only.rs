//! Where there are no process groups: the started process alone.

use std::{io, process::ExitStatus};

use tokio::process::{Child, Command};

/// The one process of a command; tokio kills it when its handle is dropped.
#[derive(Debug)]
pub(super) struct Group {
    id: Option<u32>,
}

pub(super) fn prepare(_command: &mut Command) -> String {
    String::new()
}

/// The exit code.
pub(super) fn code(status: ExitStatus) -> i64 {
    i64::from(status.code().unwrap_or(-1))
}

/// The name of a signal.
pub(crate) fn signal_name(_number: i32) -> Option<&'static str> {
    None
}

impl Group {
    pub(super) fn of(child: &Child, _token: String) -> Self {
        Self { id: child.id() }
    }

    /// Waits until it has exited.
    #[expect(clippy::unused_self, reason = "the same shape as on unix")]
    pub(super) async fn exited(&self, child: &mut Child) -> io::Result<()> {
        child.wait().await.map(drop)
    }

    /// Kills it and what it started.
    pub(super) fn kill(&self) {
        if let Some(id) = self.id {
            let mut kill = std::process::Command::new("taskkill");
            // It may have ended meanwhile, which is what we want.
            kill.args(["/T", "/F", "/PID", &id.to_string()]).output().ok();
        }
    }

    /// Kills it and what it started.
    pub(super) fn kill_all(&self) {
        self.kill();
    }

    /// There is nothing left to kill.
    #[expect(clippy::unused_self, reason = "the same shape as on unix")]
    pub(super) fn forget(&self) {}
}
