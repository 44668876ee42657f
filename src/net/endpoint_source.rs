//! Where the endpoints of a run come from.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};

use crate::model::endpoint::Endpoint;

/// Where the endpoints of a run come from. The run takes one when it has room for it, and never
/// waits for one.
#[derive(Debug)]
pub enum EndpointSource {
    /// All are known. Each settles, also when the run is stopped before it began.
    Listed(VecDeque<Endpoint>),
    /// They come while the run goes, until the sender is dropped. When the run is stopped, those
    /// still in the channel are left there: no event tells of them.
    Fed(Receiver<Endpoint>),
}

/// What a source gives.
#[derive(Debug)]
pub(super) enum Supplied {
    /// The next endpoint.
    Endpoint(Endpoint),
    /// Nothing yet.
    NotYet,
    /// Nothing any more.
    Nothing,
}

impl EndpointSource {
    pub(super) fn next(&mut self) -> Supplied {
        match self {
            Self::Listed(list) => list
                .pop_front()
                .map_or(Supplied::Nothing, Supplied::Endpoint),
            Self::Fed(channel) => match channel.try_recv() {
                Ok(endpoint) => Supplied::Endpoint(endpoint),
                Err(TryRecvError::Empty) => Supplied::NotYet,
                Err(TryRecvError::Disconnected) => Supplied::Nothing,
            },
        }
    }
}

impl From<Vec<Endpoint>> for EndpointSource {
    fn from(endpoints: Vec<Endpoint>) -> Self {
        Self::Listed(endpoints.into())
    }
}

impl From<Receiver<Endpoint>> for EndpointSource {
    fn from(channel: Receiver<Endpoint>) -> Self {
        Self::Fed(channel)
    }
}
