//! What became of the files of a run: one that cannot be written keeps none of the others from it.

use super::destination::Destination;
use super::unfinished::Unfinished;

/// What became of files.
#[derive(Debug, Default)]
pub struct Written {
    /// Those in their places.
    pub done: Vec<Destination>,
    /// Why the others are not.
    pub failures: Vec<Unfinished>,
}

/// Files that could not be finished.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Unwritten(pub Vec<Unfinished>);

impl Written {
    /// Remembers what became of one.
    pub fn keep(&mut self, destination: &Destination, result: Result<(), Unfinished>) {
        match result {
            Ok(()) => self.done.push(destination.clone()),
            Err(failure) => self.failures.push(failure),
        }
    }

    /// Remembers what became of others too.
    pub fn join(&mut self, others: Self) {
        self.done.extend(others.done);
        self.failures.extend(others.failures);
    }

    /// Nothing, when all are in their places.
    ///
    /// # Errors
    ///
    /// Those that are not.
    pub fn all(self) -> Result<(), Unwritten> {
        if self.failures.is_empty() {
            Ok(())
        } else {
            Err(Unwritten(self.failures))
        }
    }
}
