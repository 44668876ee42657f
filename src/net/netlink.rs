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

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
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
/// Messages begin at multiples of this (`NLMSG_ALIGNTO`).
pub(super) const ALIGNMENT: usize = 4;

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

    /// Asks for all objects of a kind and hands each to `each`.
    pub(super) fn list(
        &mut self,
        message: RouteNetlinkMessage,
        each: &mut dyn FnMut(RouteNetlinkMessage),
    ) -> io::Result<()> {
        self.send(message, NLM_F_REQUEST | NLM_F_DUMP)?;
        loop {
            self.buffer.clear();
            self.socket.recv(&mut self.buffer, 0)?;
            let mut rest = self.buffer.as_slice();
            while !rest.is_empty() {
                let answer = read(rest)?;
                let length = (answer.header.length as usize).next_multiple_of(ALIGNMENT);
                rest = rest.get(length.max(ALIGNMENT)..).unwrap_or_default();
                if answer.header.sequence_number != self.sequence {
                    continue;
                }
                match answer.payload {
                    NetlinkPayload::InnerMessage(message) => each(message),
                    NetlinkPayload::Done(_) => return Ok(()),
                    NetlinkPayload::Error(error) => {
                        let errno = error.raw_code().wrapping_neg();
                        return Err(io::Error::from_raw_os_error(errno));
                    }
                    _ => {}
                }
            }
        }
    }

    fn send(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(message));
        request.finalize();
        let mut octets = vec![0; request.buffer_len()];
        request.serialize(&mut octets);
        self.socket.send(&octets, 0).map(drop)
    }

    fn exchange(&mut self, message: RouteNetlinkMessage) -> io::Result<Answer> {
        self.send(message, NLM_F_REQUEST)?;
        loop {
            self.buffer.clear();
            self.socket.recv(&mut self.buffer, 0)?;
            let answer = read(&self.buffer)?;
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

/// Reads the first message.
pub(super) fn read(octets: &[u8]) -> io::Result<NetlinkMessage<RouteNetlinkMessage>> {
    NetlinkMessage::deserialize(octets)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
}
