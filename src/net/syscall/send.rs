//! Sends many datagrams with one call.

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use socket2::SockAddr;

/// Datagrams handed to the kernel with one call, at most.
pub(in crate::net) const AT_ONCE: usize = 64;

/// Datagrams in the order in which they are to leave, in one buffer that is used again and again.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct Burst {
    octets: Vec<u8>,
    /// Where each datagram ends in `octets`, and where it goes.
    bounds: Vec<(usize, SockAddr)>,
}

impl Burst {
    /// Adds the datagram that `write` appends to the buffer it is given.
    pub(in crate::net) fn add(&mut self, destination: SockAddr, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.octets);
        self.bounds.push((self.octets.len(), destination));
    }

    /// How many datagrams wait.
    pub(in crate::net) const fn len(&self) -> usize {
        self.bounds.len()
    }

    /// Forgets all datagrams, and keeps the memory.
    pub(in crate::net) fn clear(&mut self) {
        self.octets.clear();
        self.bounds.clear();
    }
}

/// Hands the datagrams of `burst` from number `first` on to the kernel with one call, `most` at most,
/// and says how many it took; the error is that of the first one, which was not taken then. The call
/// ends at a datagram that is refused and tells its errno only when that one is tried again: whoever
/// cannot have one tried twice hands over one at a time.
pub(in crate::net) fn send_burst(
    fd: BorrowedFd<'_>,
    burst: &mut Burst,
    first: usize,
    most: usize,
) -> io::Result<usize> {
    let Burst { octets, bounds } = burst;
    let mut vectors = [libc::iovec {
        iov_base: ptr::null_mut(),
        iov_len: 0,
    }; AT_ONCE];
    // SAFETY: mmsghdr is integers and pointers, for which all zeroes is a value.
    let mut headers: [libc::mmsghdr; AT_ONCE] = unsafe { zeroed() };
    let start = match first.checked_sub(1) {
        Some(before) => bounds.get(before).map_or(octets.len(), |(end, _)| *end),
        None => 0,
    };
    let (mut start, mut count) = (start, 0);
    let waiting = bounds.get(first..).unwrap_or_default();
    let messages = vectors.iter_mut().zip(&mut headers).take(most);
    for ((vector, header), (end, destination)) in messages.zip(waiting) {
        let datagram = octets.get_mut(start..*end).unwrap_or_default();
        start = *end;
        vector.iov_base = datagram.as_mut_ptr().cast();
        vector.iov_len = datagram.len();
        let message = &mut header.msg_hdr;
        message.msg_iov = vector;
        message.msg_iovlen = 1;
        // The kernel only reads what a message to send points to.
        message.msg_name = destination.as_ptr().cast_mut().cast();
        message.msg_namelen = destination.len();
        count += 1;
    }
    if count == 0 {
        return Ok(0);
    }
    // SAFETY: the first `count` headers point into `vectors`, `octets` and `bounds`, all live until
    // the call returns, each with its true length; `count` is at most the length of `headers`.
    let taken = unsafe {
        libc::sendmmsg(
            fd.as_raw_fd(),
            headers.as_mut_ptr(),
            count,
            (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
        )
    };
    usize::try_from(taken).map_err(|_| io::Error::last_os_error())
}
