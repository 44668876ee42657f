//! Hears of changes to this host's addresses and interfaces, from which no silence must be drawn.
//!
//! The kernel goes on sending for a raw socket whose source address is gone (it allows any source
//! where the header is included), and the answers then go nowhere: without a look of our own that
//! would be read as a filter on the way.

use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use super::failure::{Failure, SocketRole};

/// A subscription to the kernel's announcements.
#[derive(Debug)]
pub(super) struct Watch {
    socket: Socket,
    buffer: Vec<u8>,
}

/// `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR` and `RTMGRP_IPV6_IFADDR` of `linux/rtnetlink.h`. Routes are
/// not among them: a router's tables change all the time, and a send says itself when there is none.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

/// More than any single announcement is long.
const ANNOUNCEMENT: usize = 1 << 15;

impl Watch {
    /// Subscribes.
    pub(super) fn open() -> Result<Self, Failure> {
        let open = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, GROUPS))?;
            socket.set_non_blocking(true)?;
            Ok(socket)
        };
        open()
            .map(|socket| Self {
                socket,
                buffer: Vec::with_capacity(ANNOUNCEMENT),
            })
            .map_err(|source| Failure::Socket {
                socket: SocketRole::Netlink,
                source,
            })
    }

    /// What to wait on.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether something was announced since the last call; what, the kernel's tables say better.
    pub(super) fn heard(&mut self) -> bool {
        let mut heard = false;
        loop {
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer, 0) {
                Ok(_) => heard = true,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return heard,
                // ENOBUFS: there were more than fit, which is news as well.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => heard = true,
                Err(_) => return heard,
            }
        }
    }
}
