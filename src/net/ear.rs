//! What the two kinds of ear have in common: reading batches, dating frames, counting drops.
//!
//! An ear never fails once it is open: a receive error is a frame not heard, and whether frames
//! were lost is what [`Ear::drops`] says.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::Socket;

use super::clock::Clock;
use super::failure::{Failure, SocketRole};
use super::filter::Ports;
use super::syscall::{Batch, set_int, words};
use super::{stack, tap};
use crate::engine::Heard;
use crate::model::evidence;
use crate::model::time::Moment;

/// A socket that hears frames.
#[derive(Debug)]
pub(super) struct Ear {
    socket: Socket,
    role: SocketRole,
    /// When the socket was last seen empty: what is read now arrived later.
    floor: Moment,
    /// The kernel's running count of drops, as last read.
    counted: u32,
    scratch: Vec<u8>,
}

/// Octets of receive buffer asked for; without CAP_NET_ADMIN the kernel grants at most
/// `net.core.rmem_max`.
const RECEIVE_BUFFER: libc::c_int = 8 << 20;

/// `SK_MEMINFO_DROPS` of `linux/sock_diag.h`: where `SO_MEMINFO` says how many datagrams the socket
/// dropped. The same counter as `SO_RXQ_OVFL`, but read when we want to know, not with the next
/// datagram, which may never come.
const DROPS: usize = 8;

impl Ear {
    /// Makes an ear of an open socket.
    pub(super) fn new(socket: Socket, role: SocketRole) -> Result<Self, Failure> {
        let prepare = || {
            socket.set_nonblocking(true)?;
            let fd = socket.as_fd();
            set_int(fd, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
            set_int(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER)
                .or_else(|_| set_int(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BUFFER))
        };
        match prepare() {
            Ok(()) => Ok(Self {
                socket,
                role,
                floor: Moment::START,
                counted: 0,
                scratch: Vec::new(),
            }),
            Err(source) => Err(Failure::Socket {
                socket: role,
                source,
            }),
        }
    }

    /// What to wait on.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Lets through what the reserved ports may hear.
    pub(super) fn listen_for(&self, ports: &Ports) -> Result<(), Failure> {
        let program = match self.role {
            SocketRole::Tap => tap::program(ports),
            role => stack::program(role, ports),
        };
        self.socket
            .attach_filter(&program.assemble())
            .map_err(|source| Failure::Socket {
                socket: self.role,
                source,
            })
    }

    /// Reads one batch of what is there and hands each datagram, from its IP header on, to `sink`.
    /// Says whether the socket is empty now.
    pub(super) fn hear(
        &mut self,
        clock: &Clock,
        batch: &mut Batch,
        sink: &mut dyn FnMut(Moment, Heard, &[u8]),
    ) -> bool {
        let started = clock.now();
        let count = match batch.receive(self.socket.as_fd()) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return false,
            Err(_) => return true,
        };
        let tie = clock.tie();
        for slot in batch.slots(count) {
            match self.role {
                SocketRole::Tap => {
                    if let Some((stamp, heard)) = tap::interpret(&slot) {
                        sink(tie.moment(stamp, self.floor), heard, slot.payload);
                    }
                }
                role => {
                    let heard = Heard::Arriving(evidence::Ear::Stack);
                    if let Some(stamp) = stack::restore(role, &slot, &mut self.scratch) {
                        sink(tie.moment(stamp, self.floor), heard, &self.scratch);
                    }
                }
            }
        }
        let empty = count < Batch::CAPACITY;
        if empty {
            self.floor = started;
        }
        empty
    }

    /// Frames dropped since the last call because the socket's buffer was full.
    pub(super) fn drops(&mut self) -> u64 {
        let fd = self.socket.as_fd();
        if self.role == SocketRole::Tap {
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
