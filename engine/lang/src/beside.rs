//! Two pieces of work at once, on a thread of its own the one, here the other.

use std::{
    panic::resume_unwind,
    sync::{Mutex, PoisonError},
    thread,
};

/// What `other` and `here` give. `other` is done on a thread of its own, and here afterwards where none can be
/// made. A panic of `other` goes on here.
pub fn beside<A, B: Send>(other: impl FnOnce() -> B + Send, here: impl FnOnce() -> A) -> (B, A) {
    spawned(thread::Builder::new(), other, here)
}

fn spawned<A, B: Send>(thread: thread::Builder, other: impl FnOnce() -> B + Send, here: impl FnOnce() -> A) -> (B, A) {
    let other = Mutex::new(Some(other));
    let work = || {
        let other = other.lock().unwrap_or_else(PoisonError::into_inner).take();
        other.map(|other| other())
    };
    let (other, here) = thread::scope(|threads| {
        let other = thread.spawn_scoped(threads, work);
        let here = here();
        (other.map_or_else(|_| work(), |other| other.join().unwrap_or_else(|panic| resume_unwind(panic))), here)
    });
    (other.expect("invariant: it is done once, there or here"), here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_here_where_no_thread_can_be_made() {
        let me = thread::current().id();
        // No machine has such a stack.
        let impossible = thread::Builder::new().stack_size(1 << 60);
        assert_eq!(spawned(impossible, || thread::current().id(), || 1), (me, 1));
        let (other, here) = beside(|| thread::current().id(), || thread::current().id());
        assert!(other != me && here == me);
    }
}
