//! What stops a run: Ctrl-C, SIGTERM, and the end of the caller.

use std::io::{self, Read};

use tokio_util::sync::CancellationToken;

/// Cancels `cancel` at Ctrl-C or SIGTERM, and, where the text came on standard input, at its end.
pub(super) fn watch(cancel: CancellationToken, stdin: bool) -> io::Result<()> {
    if stdin {
        let cancel = cancel.clone();
        // A plain thread: a read cannot be taken back, and the process ends without it.
        std::thread::spawn(move || {
            let mut rest = [0; 64];
            while matches!(io::stdin().lock().read(&mut rest), Ok(read) if read > 0) {}
            cancel.cancel();
        });
    }
    let interrupted = interrupted()?;
    tokio::spawn(async move {
        interrupted.await;
        cancel.cancel();
    });
    Ok(())
}

#[cfg(unix)]
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn interrupted() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a handler the process is ended by the system, which is what was asked.
        let _ = tokio::signal::ctrl_c().await;
    })
}
