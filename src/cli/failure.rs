//! What can keep a command from doing its work, and the exit status it means.

use std::io;

use super::artefact::{self, destination::Refused, unfinished::Unfinished};
use super::exit::ExitStatus;
use super::explain::Unexplained;
use super::generate;
use super::merge::Unmergeable;
use super::outputs::baseline::BadBaseline;
use super::rules::Unjudged;
use super::sweep::BadShard;
use super::sweep::gather::BadLines;
use super::sweep::ledger::Unusable;
use crate::model::target::BadTarget;
use crate::net;
use crate::sweep::list;

/// Why a command ended without its result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A target that cannot be probed.
    #[error(transparent)]
    Target(#[from] BadTarget),
    /// Options that contradict each other on this host.
    #[error("--source {source_address} is not an {family} address, and {option} asks for one")]
    SourceFamily {
        /// The address given with `--source`.
        source_address: std::net::IpAddr,
        /// The IP version asked for.
        family: &'static str,
        /// The option that asked.
        option: &'static str,
    },
    /// A capture that cannot be explained.
    #[error(transparent)]
    Unexplained(#[from] Unexplained),
    /// Rules that cannot be judged.
    #[error(transparent)]
    Unjudged(#[from] Unjudged),
    /// The network cannot be used.
    #[error(transparent)]
    Network(#[from] net::Failure),
    /// The system gives no signal handler, thread or runtime.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// The result cannot be written.
    #[error("cannot write to stdout: {0}")]
    Output(io::Error),
    /// A result cannot be put into JSON: a bug of this program.
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A generated file cannot be written.
    #[error(transparent)]
    Unwritten(#[from] generate::Unwritten),
    /// A list that cannot be read.
    #[error(transparent)]
    List(#[from] list::Unreadable),
    /// A list with lines that cannot be used.
    #[error(transparent)]
    BadLines(#[from] BadLines),
    /// A list that asks for nothing.
    #[error("{file} names no endpoint")]
    EmptyList {
        /// The list, as the user named it.
        file: String,
    },
    /// A shard that there is not.
    #[error(transparent)]
    Shard(#[from] BadShard),
    /// Results that cannot be written or continued.
    #[error(transparent)]
    Results(#[from] Unusable),
    /// Results that cannot be joined.
    #[error(transparent)]
    Unmergeable(#[from] Unmergeable),
    /// An artefact has nowhere to go.
    #[error(transparent)]
    Destination(#[from] Refused),
    /// The capture cannot be begun.
    #[error(transparent)]
    Capture(#[from] Unfinished),
    /// An earlier run cannot be compared with.
    #[error(transparent)]
    Baseline(#[from] BadBaseline),
    /// Artefacts cannot be finished.
    #[error(transparent)]
    Artefacts(#[from] artefact::Unwritten),
}

impl Failure {
    /// The exit status it means: wrong input is 2, what this host cannot do is 4.
    pub const fn status(&self) -> ExitStatus {
        match self {
            Self::Target(_)
            | Self::SourceFamily { .. }
            | Self::Destination(_)
            | Self::List(_)
            | Self::BadLines(_)
            | Self::EmptyList { .. }
            | Self::Shard(_)
            | Self::Unmergeable(_)
            | Self::Baseline(_)
            | Self::Unexplained(_) => ExitStatus::Usage,
            Self::Results(unusable) => unusable.status(),
            Self::Unjudged(Unjudged::NoTool | Unjudged::NotPermitted) => ExitStatus::Incapable,
            Self::Unjudged(_) => ExitStatus::Usage,
            Self::Network(failure) => match failure {
                net::Failure::NoInterface { .. }
                | net::Failure::ForeignSource { .. }
                | net::Failure::Unresolved { .. }
                | net::Failure::ResolverSilent { .. }
                | net::Failure::NoAddress { .. } => ExitStatus::Usage,
                net::Failure::NoCapability { .. }
                | net::Failure::Socket { .. }
                | net::Failure::NoMark { .. }
                | net::Failure::NoSourcePort { .. }
                | net::Failure::Netlink { .. }
                | net::Failure::Randomness { .. }
                | net::Failure::Thread { .. }
                | net::Failure::Pipe { .. } => ExitStatus::Incapable,
            },
            Self::Signals(_)
            | Self::Output(_)
            | Self::Json(_)
            | Self::Unwritten(_)
            | Self::Capture(_)
            | Self::Artefacts(_) => ExitStatus::Incapable,
        }
    }

    /// Whether the reader of stdout has gone: nobody wants to hear of it.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
