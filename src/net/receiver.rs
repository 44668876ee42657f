//! What the two kinds of receiver have in common: reading batches, dating frames, counting drops.
//!
//! A receiver never fails once it is open: a receive error is a frame not heard, and whether frames
//! were lost is what [`Receiver::drops`] says.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::Socket;

use super::clock::Clock;
use super::failure::{Failure, SocketRole};
use super::filter::{Ports, Program};
use super::syscall::{ReceiveBatch, set_int, words};
use super::{privilege, stack, tap};
use crate::engine::Heard;
use crate::model::endpoint::Family;
use crate::model::evidence;
use crate::model::time::Moment;
use crate::wire::frame::Link;

/// Where a receiver listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReceiverKind {
    /// Before the local firewall: all frames.
    Tap,
    /// Behind it: TCP.
    Tcp(Family),
    /// Behind it: ICMP.
    Icmp(Family),
}

impl ReceiverKind {
    const fn role(self) -> SocketRole {
        match self {
            Self::Tap => SocketRole::Tap,
            Self::Tcp(family) => SocketRole::TcpReceiver(family),
            Self::Icmp(family) => SocketRole::IcmpReceiver(family),
        }
    }

    fn program(self, ports: &Ports) -> Program {
        match self {
            Self::Tap => Program::tap(ports),
            Self::Tcp(Family::V4) => Program::tcp4(ports),
            Self::Tcp(Family::V6) => Program::tcp6(ports),
            Self::Icmp(Family::V4) => Program::icmp4(),
            Self::Icmp(Family::V6) => Program::icmp6(),
        }
    }

    /// The failure of a socket meant for this post to open.
    pub(super) fn unopened(self, source: io::Error) -> Failure {
        privilege::blame(self.role(), source)
    }

    /// The failure of an open socket to be set up for this post.
    pub(super) const fn unfit(self, source: io::Error) -> Failure {
        Failure::Socket {
            socket: self.role(),
            source,
        }
    }
}

/// What a receiver heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'a> {
    /// How.
    pub(super) heard: Heard,
    /// The datagram, from its IP header on.
    pub(super) datagram: &'a [u8],
    /// The frame it came in; `None` behind the firewall.
    pub(super) framed: Option<Framed<'a>>,
}

/// A frame as it passed an interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framed<'a> {
    /// The interface's number.
    pub(super) interface: u32,
    /// What it begins with.
    pub(super) link: Link,
    /// From the link header on.
    pub(super) octets: &'a [u8],
    /// The VLAN tag that was taken off it: protocol and control information.
    pub(super) tag: Option<[u16; 2]>,
}

impl Framed<'_> {
    /// The frame as it was on the wire.
    pub(super) fn restore(&self) -> Vec<u8> {
        /// Octets of an Ethernet header before its type, where a tag stands.
        const ADDRESSES: usize = 12;
        let (before, after) = self
            .octets
            .split_at_checked(ADDRESSES)
            .unwrap_or((self.octets, &[]));
        let tag = self.tag.filter(|_| self.link == Link::Ethernet);
        let tag: Vec<u8> = tag
            .into_iter()
            .flatten()
            .flat_map(u16::to_be_bytes)
            .collect();
        [before, &tag, after].concat()
    }
}

/// A socket that hears frames.
#[derive(Debug)]
pub(super) struct Receiver {
    socket: Socket,
    kind: ReceiverKind,
    /// When the socket was last seen empty: what is read now arrived later.
    floor: Moment,
    /// The kernel's running count of drops, as last read.
    counted: u32,
    scratch: Vec<u8>,
}

/// Batches read from one receiver before the others get their turn.
const BATCHES: usize = 64;

/// Octets of receive buffer asked for; without CAP_NET_ADMIN the kernel grants at most
/// `net.core.rmem_max`.
const RECEIVE_BUFFER: libc::c_int = 8 << 20;

/// `SK_MEMINFO_DROPS` of `linux/sock_diag.h`: where `SO_MEMINFO` says how many datagrams the socket
/// dropped. The same counter as `SO_RXQ_OVFL`, but read when we want to know, not with the next
/// datagram, which may never come.
const DROPS: usize = 8;

impl Receiver {
    /// Makes a receiver of an open socket.
    pub(super) fn new(socket: Socket, kind: ReceiverKind) -> Result<Self, Failure> {
        let prepare = || {
            socket.set_nonblocking(true)?;
            let fd = socket.as_fd();
            set_int(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
            set_int(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER)
                .or_else(|_| set_int(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BUFFER))
        };
        prepare().map_err(|source| kind.unfit(source))?;
        Ok(Self {
            socket,
            kind,
            floor: Moment::START,
            counted: 0,
            scratch: Vec::new(),
        })
    }

    /// What to wait on.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Lets through what the reserved ports may hear.
    pub(super) fn listen_for(&self, ports: &Ports) -> Result<(), Failure> {
        let program = self.kind.program(ports).assemble();
        self.socket
            .attach_filter(&program)
            .map_err(|source| self.kind.unfit(source))
    }

    /// Whether this host's own datagrams are heard leaving: at first they are. Only the tap ever hears
    /// them, and kernels before 4.20 always let it.
    pub(super) fn hear_departures(&self, heard: bool) {
        /// `PACKET_IGNORE_OUTGOING` of `linux/if_packet.h`.
        const IGNORE_OUTGOING: libc::c_int = 23;
        if self.kind == ReceiverKind::Tap {
            let ignored = libc::c_int::from(!heard);
            // To hear more than was asked for costs time and changes nothing.
            let _ = set_int(self.fd(), libc::SOL_PACKET, IGNORE_OUTGOING, ignored);
        }
    }

    /// Reads one batch of what is there and hands each sound to `sink`. Says whether the socket is
    /// empty now.
    pub(super) fn hear(
        &mut self,
        clock: &Clock,
        batch: &mut ReceiveBatch,
        sink: &mut dyn FnMut(Moment, &Received<'_>),
    ) -> bool {
        let started = clock.now();
        let count = match batch.receive(self.socket.as_fd()) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return false,
            Err(_) => return true,
        };
        let tie = clock.tie();
        for message in batch.messages(count) {
            match self.kind {
                ReceiverKind::Tap => {
                    if let Some((stamp, received)) = tap::interpret(&message) {
                        sink(tie.moment(stamp, self.floor), &received);
                    }
                }
                ReceiverKind::Tcp(family) | ReceiverKind::Icmp(family) => {
                    let protocol = stack::protocol(self.kind);
                    let heard = Heard::Arriving(evidence::ReceivedBy::Stack);
                    let stamp = stack::restore(family, protocol, &message, &mut self.scratch);
                    if let Some(stamp) = stamp {
                        let received = Received {
                            heard,
                            datagram: &self.scratch,
                            framed: None,
                        };
                        sink(tie.moment(stamp, self.floor), &received);
                    }
                }
            }
        }
        let empty = count < ReceiveBatch::CAPACITY;
        if empty {
            self.floor = started;
        }
        empty
    }

    /// Frames dropped since the last call because the socket's buffer was full.
    pub(super) fn drops(&mut self) -> u64 {
        let fd = self.socket.as_fd();
        if self.kind == ReceiverKind::Tap {
            // Reading resets the counters.
            return words::<2>(fd, libc::SOL_PACKET, libc::PACKET_STATISTICS)
                .map_or(0, |[_, drops]| u64::from(drops));
        }
        let Ok(words) = words::<{ DROPS + 1 }>(fd, libc::SOL_SOCKET, libc::SO_MEMINFO) else {
            return 0;
        };
        let total = words.last().copied().unwrap_or_default();
        let new = total.wrapping_sub(self.counted);
        self.counted = total;
        u64::from(new)
    }

    /// Octets of receive buffer the kernel granted; it counts its own bookkeeping in.
    pub(super) fn buffer(&self) -> Option<usize> {
        self.socket.recv_buffer_size().ok()
    }
}

/// All receivers of a run, the tap first.
#[derive(Debug)]
pub(super) struct Receivers(Vec<Receiver>);

impl Receivers {
    /// Hears by the tap alone, until others are added.
    pub(super) fn new(tap: Receiver) -> Self {
        Self(vec![tap])
    }

    /// Hears by these as well.
    pub(super) fn add(&mut self, receivers: impl IntoIterator<Item = Receiver>) {
        self.0.extend(receivers);
    }

    /// What to wait on.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(Receiver::fd)
    }

    /// Lets through what the reserved ports may hear. A receiver that does not take the program keeps the old
    /// one and hears too little, which drops would not show; but a longer program of a kind it took
    /// before is only refused for want of memory, and then nothing else works either.
    pub(super) fn listen_for(&self, ports: &Ports) {
        for receiver in &self.0 {
            if let Err(failure) = receiver.listen_for(ports) {
                tracing::error!(%failure, "a receiver keeps its old filter");
            }
        }
    }

    /// Whether this host's own datagrams are heard leaving: at first they are.
    pub(super) fn hear_departures(&self, heard: bool) {
        self.0
            .iter()
            .for_each(|receiver| receiver.hear_departures(heard));
    }

    /// Hands everything that was heard up to `at` to `sink`, and gives the time up to which nothing is
    /// left unheard.
    pub(super) fn hear(
        &mut self,
        clock: &Clock,
        at: Moment,
        batch: &mut ReceiveBatch,
        sink: &mut dyn FnMut(Moment, &Received<'_>),
    ) -> Moment {
        let mut complete = at;
        for receiver in &mut self.0 {
            let mut last = None;
            let emptied = (0..BATCHES).any(|_| {
                receiver.hear(clock, batch, &mut |heard_at, received| {
                    last = Some(heard_at);
                    sink(heard_at, received);
                })
            });
            if let (false, Some(last)) = (emptied, last) {
                complete = complete.min(last);
            }
        }
        complete
    }

    /// Frames dropped since the last call because a socket's buffer was full.
    pub(super) fn drops(&mut self) -> u64 {
        self.0.iter_mut().map(Receiver::drops).sum()
    }
}
