//! What stops a run: Ctrl-C, SIGTERM, the end of its terminal, and the end of the caller.

use std::io::{self, Read};

use tokio_util::sync::CancellationToken;

/// Cancels `cancel` at Ctrl-C, SIGTERM or SIGHUP, and, where the text came on standard input, at its end.
pub(in crate::cli) fn watch(cancel: CancellationToken, stdin: bool) -> io::Result<()> {
    if stdin {
        let cancel = cancel.clone();
        // A plain thread: a read cannot be taken back, and the process ends without it.
        std::thread::spawn(move || {
            let mut rest = [0; 64];
            while matches!(io::stdin().lock().read(&mut rest), Ok(read) if read > 0) {}
            cancel.cancel();
        });
    }
    interrupted(&cancel)
}

#[cfg(unix)]
fn interrupted(cancel: &CancellationToken) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        if is_ignored(kind) {
            continue;
        }
        let mut signals = signal(kind)?;
        let cancel = cancel.clone();
        tokio::spawn(async move {
            signals.recv().await;
            cancel.cancel();
        });
    }
    Ok(())
}

/// Whether the caller wants the signal ignored, as `nohup` wants SIGHUP, and a shell that starts a job in the
/// background Ctrl-C.
#[cfg(unix)]
fn is_ignored(kind: tokio::signal::unix::SignalKind) -> bool {
    // Where that cannot be found out, it is not so.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

#[cfg(not(unix))]
fn interrupted(cancel: &CancellationToken) -> io::Result<()> {
    let cancel = cancel.clone();
    tokio::spawn(async move {
        // Without a handler the process is ended by the system, which is what was asked.
        let _ = tokio::signal::ctrl_c().await;
        cancel.cancel();
    });
    Ok(())
}
