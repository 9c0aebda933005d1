//! Running `orc` in a folder of its own.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// A folder to run `orc` in.
pub(crate) struct Folder(TempDir);

/// What `orc` did.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with one file.
    pub(crate) fn with(name: &str, text: impl AsRef<[u8]>) -> Self {
        let folder = Self::new();
        folder.write(name, text);
        folder
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs `orc` until it has come to the `point`-th point at which it may be killed, where it is;
    /// whether it was. The commands it had started, which go on without it, have ended after this.
    pub(crate) fn orc_killed_at(&self, point: u32, arguments: &[&str]) -> bool {
        self.orc_seeing_killed_at(point, &[], arguments)
    }

    /// The same with these variables in the environment.
    pub(crate) fn orc_seeing_killed_at(&self, point: u32, variables: &[(&str, &str)], arguments: &[&str]) -> bool {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
        command.args(arguments).current_dir(self.path()).env("ORC_CRASH_AT", point.to_string());
        command.envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mark = format!("ORC_COMMAND={}-", child.id());
        let killed = child.wait().unwrap().code().is_none();
        while killed && carries(&mark) {
            std::thread::yield_now();
        }
        killed
    }

    /// Runs `orc` with nothing on standard input and these variables more.
    pub(crate) fn orc_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
        command.args(arguments).current_dir(self.path()).envs(variables.iter().copied()).stdin(Stdio::null());
        Ended::of(command.output().unwrap())
    }

    /// Runs `orc` with nothing on standard input.
    pub(crate) fn orc(&self, arguments: &[&str]) -> Ended {
        self.orc_reading(arguments, b"")
    }

    /// Runs `orc` with these variables in the environment.
    pub(crate) fn orc_seeing(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
        command.args(arguments).current_dir(self.path()).envs(variables.iter().copied()).stdin(Stdio::null());
        Ended::of(command.output().unwrap())
    }

    /// Runs `orc` with a standard output that nobody reads; its exit code.
    pub(crate) fn orc_unread(&self, arguments: &[&str]) -> Option<i32> {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null()).stderr(Stdio::null());
        command.stdout(writer).status().unwrap().code()
    }

    /// Runs `orc` with `input` on standard input.
    pub(crate) fn orc_reading(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let mut child = Command::new(env!("CARGO_BIN_EXE_orc"))
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A process that refuses its arguments does not read.
        let _ = child.stdin.take().unwrap().write_all(input);
        Ended::of(child.wait_with_output().unwrap())
    }
}

/// Whether a living process has a variable that begins so; only Linux tells.
fn carries(mark: &str) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else { return false };
    processes
        .flatten()
        .filter_map(|process| std::fs::read(process.path().join("environ")).ok())
        .any(|environment| environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(mark.as_bytes())))
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It refused with exit code 2 and exactly this on standard error.
    #[track_caller]
    pub(crate) fn refused(&self, stderr: &str) {
        assert_eq!((self.code, self.stderr.trim_end()), (Some(2), stderr), "{self:?}");
    }

    /// It ended in order: no signal, no panic.
    #[track_caller]
    pub(crate) fn in_order(&self) {
        assert!(matches!(self.code, Some(0..=2)), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }
}
