//! Why a command ended without its result: the exit status that means, and what to tell the user.
//!
//! Each command turns its own errors into one of these where they are defined; those of the floors
//! below are turned here.

use std::fmt;

use super::exit::ExitStatus;
use crate::files::destination::Refused;
use crate::files::unfinished::Unfinished;
use crate::files::written::Unwritten;
use crate::net;
use crate::sweep::list;
use crate::sweep::target::BadTarget;

/// A command that ended without its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    status: ExitStatus,
    text: String,
}

impl Failure {
    /// The user asked for what cannot be done: nothing was sent.
    pub fn usage(error: impl fmt::Display) -> Self {
        Self::new(ExitStatus::Usage, error)
    }

    /// This host cannot do it.
    pub fn incapable(error: impl fmt::Display) -> Self {
        Self::new(ExitStatus::Incapable, error)
    }

    fn new(status: ExitStatus, error: impl fmt::Display) -> Self {
        Self {
            status,
            text: error.to_string(),
        }
    }

    /// The exit status it means.
    pub const fn status(&self) -> ExitStatus {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl From<BadTarget> for Failure {
    fn from(error: BadTarget) -> Self {
        Self::usage(error)
    }
}

impl From<Refused> for Failure {
    fn from(error: Refused) -> Self {
        Self::usage(error)
    }
}

impl From<list::Unreadable> for Failure {
    fn from(error: list::Unreadable) -> Self {
        Self::usage(error)
    }
}

impl From<Unfinished> for Failure {
    fn from(error: Unfinished) -> Self {
        Self::incapable(error)
    }
}

impl From<Unwritten> for Failure {
    fn from(error: Unwritten) -> Self {
        Self::incapable(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::incapable(format!("cannot write JSON: {error}"))
    }
}

impl From<net::Failure> for Failure {
    fn from(error: net::Failure) -> Self {
        match error {
            net::Failure::NoInterface { .. }
            | net::Failure::ForeignSource { .. }
            | net::Failure::Unresolved { .. }
            | net::Failure::ResolverSilent { .. }
            | net::Failure::NoAddress { .. } => Self::usage(error),
            net::Failure::NoCapability { .. }
            | net::Failure::Socket { .. }
            | net::Failure::NoMark { .. }
            | net::Failure::NoSourcePort { .. }
            | net::Failure::Netlink { .. }
            | net::Failure::Randomness { .. }
            | net::Failure::Thread { .. }
            | net::Failure::Pipe { .. } => Self::incapable(error),
        }
    }
}
