//! One question and one answer over a route-netlink socket.
//!
//! The kernel answers a question within the call that sends it, so nothing here waits. A refusal
//! by the kernel (an errno) is an answer like any other: to a question for a route it says how
//! there is none.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "the netlink crates' enums are non-exhaustive"
)]

use std::io;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use super::failure::{Failure, Question, SocketRole};

/// A socket to the kernel's tables.
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// What the kernel says to a question.
#[derive(Debug)]
pub(super) enum Answer {
    /// The one object asked for.
    Found(RouteNetlinkMessage),
    /// A positive errno.
    Refused(i32),
}

/// More than any single answer is long.
const ANSWER: usize = 1 << 15;

impl Netlink {
    /// Opens a socket.
    ///
    /// # Errors
    ///
    /// [`Failure::Socket`].
    pub fn open() -> Result<Self, Failure> {
        let open = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(socket)
        };
        let socket = open().map_err(|source| Failure::Socket {
            socket: SocketRole::Netlink,
            source,
        })?;
        Ok(Self {
            socket,
            sequence: 0,
            buffer: Vec::with_capacity(ANSWER),
        })
    }

    /// Asks for one object.
    pub(super) fn ask(
        &mut self,
        question: &Question,
        message: RouteNetlinkMessage,
    ) -> Result<Answer, Failure> {
        self.exchange(message).map_err(|source| Failure::Netlink {
            question: question.clone(),
            source,
        })
    }

    fn exchange(&mut self, message: RouteNetlinkMessage) -> io::Result<Answer> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST;
        header.sequence_number = self.sequence;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(message));
        request.finalize();
        let mut octets = vec![0; request.buffer_len()];
        request.serialize(&mut octets);
        self.socket.send(&octets, 0)?;
        loop {
            self.buffer.clear();
            self.socket.recv(&mut self.buffer, 0)?;
            let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&self.buffer)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            if answer.header.sequence_number != self.sequence {
                continue;
            }
            return Ok(match answer.payload {
                NetlinkPayload::InnerMessage(message) => Answer::Found(message),
                NetlinkPayload::Error(error) => Answer::Refused(error.raw_code().wrapping_neg()),
                _ => Answer::Refused(libc::EPROTO),
            });
        }
    }
}
