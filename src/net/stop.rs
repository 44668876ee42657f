//! A handle by which anyone, on any thread, asks a run to end.

use std::io::{PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::failure::Failure;
use super::syscall::wait;

/// Asks a run to end. Clones ask the same run; asking twice is asking once.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Request>);

#[derive(Debug)]
struct Request {
    made: AtomicBool,
    reader: PipeReader,
    writer: PipeWriter,
}

impl Stop {
    /// A request not made yet.
    ///
    /// # Errors
    ///
    /// [`Failure::Pipe`].
    pub fn new() -> Result<Self, Failure> {
        let (reader, writer) = std::io::pipe().map_err(|source| Failure::Pipe { source })?;
        Ok(Self(Arc::new(Request {
            made: AtomicBool::new(false),
            reader,
            writer,
        })))
    }

    /// Asks: every diagnosis not settled yet settles at once, with the best verdict it has.
    pub fn request(&self) {
        if !self.0.made.swap(true, Ordering::AcqRel) {
            // One octet always fits an empty pipe; the flag alone is seen at the next wake-up.
            let _ = (&self.0.writer).write(&[1]);
        }
    }

    /// Whether someone asked.
    pub fn requested(&self) -> bool {
        self.0.made.load(Ordering::Acquire)
    }

    /// Waits until someone asks, at most for `timeout`. Says whether someone did.
    pub fn wait(&self, timeout: Duration) -> bool {
        // Interrupted by a signal, the wait ends early, which costs a look.
        let _ = wait(&[self.fd()], timeout);
        self.requested()
    }

    /// Readable once someone asked.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.reader.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_wakes_who_waits() {
        let stop = Stop::new().unwrap();
        assert_eq!(wait(&[stop.fd()], Duration::ZERO).unwrap(), [false]);
        assert!(!stop.requested());
        let clone = stop.clone();
        clone.request();
        clone.request();
        assert!(stop.requested());
        assert_eq!(wait(&[stop.fd()], Duration::ZERO).unwrap(), [true]);
    }
}
