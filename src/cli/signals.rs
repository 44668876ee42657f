//! SIGINT and SIGTERM: the first asks the run to end with what it has learnt, the second ends it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use super::exit::ExitStatus;
use super::failure::Failure;

/// What was caught so far.
#[derive(Clone, Debug)]
pub struct Signals {
    caught: Arc<AtomicU8>,
}

/// No signal was caught: no exit status of a signal is 0.
const NONE: u8 = 0;

impl Signals {
    /// Begins to listen; calls `stop` on the first signal. A second one ends the process at once,
    /// with the status of the first.
    ///
    /// # Errors
    ///
    /// When the system gives no thread or no signal handler.
    pub fn listen(stop: impl Fn() + Send + 'static) -> Result<Self, Failure> {
        Self::begin(stop)
            .map_err(|error| Failure::incapable(format!("cannot listen for signals: {error}")))
    }

    fn begin(stop: impl Fn() + Send + 'static) -> io::Result<Self> {
        let caught = Arc::new(AtomicU8::new(NONE));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let guard = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        drop(guard);
        let shared = Arc::clone(&caught);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    loop {
                        let status = tokio::select! {
                            _ = interrupt.recv() => ExitStatus::Interrupted,
                            _ = terminate.recv() => ExitStatus::Terminated,
                        };
                        let earlier = shared.swap(status.code(), Ordering::SeqCst);
                        if earlier != NONE {
                            std::process::exit(i32::from(earlier));
                        }
                        stop();
                    }
                });
            })?;
        Ok(Self { caught })
    }

    /// The exit status of the signal that was caught.
    pub fn caught(&self) -> Option<ExitStatus> {
        let code = self.caught.load(Ordering::SeqCst);
        [ExitStatus::Interrupted, ExitStatus::Terminated]
            .into_iter()
            .find(|status| status.code() == code)
    }
}
