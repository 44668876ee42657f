//! Which of the packets of a capture are looked at, and what only the user knows of its place.

use std::net::IpAddr;

use super::conversation::Position;
use super::pair::Socket;

/// What is asked for; everything where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The server's address.
    pub server: Option<IpAddr>,
    /// The server's port.
    pub port: Option<u16>,
    /// Where the capture was taken, where the user knows better than the packets say.
    pub taken_at: Option<TakenAt>,
}

/// Where a capture was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenAt {
    /// On the client.
    Client,
    /// On the server.
    Server,
    /// On a router between them.
    Router,
    /// Beside the path, on a mirror port or a tap.
    Mirror,
}

impl Choice {
    /// Whether connections of this client with this server are looked at.
    pub(super) fn admits(&self, client: IpAddr, server: Socket) -> bool {
        self.client.is_none_or(|wanted| wanted == client)
            && self.server.is_none_or(|wanted| wanted == server.address)
            && self.port.is_none_or(|wanted| wanted == server.port)
    }

    /// Whether connections with this server are looked at, if only for what they tell of those chosen:
    /// other clients and other ports of a host show whether it lives, and how far away it is.
    pub(super) fn bears(&self, server: Socket) -> bool {
        self.server.is_none_or(|wanted| wanted == server.address)
    }

    /// The position that packets show, with what the user knows of it.
    pub(super) fn place(&self, shown: Position) -> Position {
        match self.taken_at {
            None | Some(TakenAt::Mirror) => shown,
            Some(TakenAt::Client) => Position {
                from_client: Some(0),
                forwards: false,
                ..shown
            },
            Some(TakenAt::Server) => Position {
                from_server: Some(0),
                forwards: false,
                ..shown
            },
            Some(TakenAt::Router) => Position {
                forwards: true,
                ..shown
            },
        }
    }
}
