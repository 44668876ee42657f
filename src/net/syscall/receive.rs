//! Receives many datagrams with one call.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// Room for one name: the size of `sockaddr_storage`.
const NAME: usize = size_of::<libc::sockaddr_storage>();
/// Room for the control messages of one datagram: every option we switch on needs 120 octets.
const CONTROL: usize = 256;
/// Room for the largest datagram there is, with its link header.
const WHOLE: usize = 1 << 16;
/// Room for all headers, and for an ICMP error with the datagram it quotes. No power of two: slots a
/// power of two apart would share few lines of the processor's caches.
const HEADERS: usize = 2048 + 64;
/// Datagrams read with one call.
const SLOTS: usize = 64;

/// Buffers for one `recvmmsg`.
pub(in crate::net) struct ReceiveBatch {
    /// Room for one datagram, in octets.
    room: usize,
    payloads: Box<[u8]>,
    names: Box<[[u8; NAME]]>,
    controls: Box<[[u8; CONTROL]]>,
    filled: [Lengths; SLOTS],
}

#[derive(Clone, Copy, Default)]
struct Lengths {
    payload: usize,
    name: usize,
    control: usize,
}

/// One datagram of a batch, as the kernel filled it in.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct Message<'a> {
    /// The octets received.
    pub(in crate::net) payload: &'a [u8],
    /// The socket address it came from.
    pub(in crate::net) name: &'a [u8],
    /// Its control messages.
    pub(in crate::net) control: &'a [u8],
}

impl ReceiveBatch {
    /// Empty buffers for whole datagrams, however long.
    pub(in crate::net) fn whole() -> Self {
        Self::of(WHOLE)
    }

    /// Empty buffers for the headers of datagrams: longer ones are cut.
    pub(in crate::net) fn headers() -> Self {
        Self::of(HEADERS)
    }

    fn of(room: usize) -> Self {
        Self {
            room,
            payloads: vec![0; room * SLOTS].into_boxed_slice(),
            names: vec![[0; NAME]; SLOTS].into_boxed_slice(),
            controls: vec![[0; CONTROL]; SLOTS].into_boxed_slice(),
            filled: [Lengths::default(); SLOTS],
        }
    }

    /// Reads what is there without waiting, up to [`ReceiveBatch::CAPACITY`] datagrams, and says how
    /// many; 0 when there is nothing.
    #[allow(
        clippy::unnecessary_cast,
        reason = "C libraries differ in the widths of these fields"
    )]
    pub(in crate::net) fn receive(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        let mut vectors = [libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: 0,
        }; SLOTS];
        // SAFETY: mmsghdr is integers and pointers, for which all zeroes is a value.
        let mut headers: [libc::mmsghdr; SLOTS] = unsafe { zeroed() };
        let buffers = self
            .payloads
            .chunks_exact_mut(self.room)
            .zip(self.names.iter_mut().zip(self.controls.iter_mut()));
        for ((vector, header), (payload, (name, control))) in
            vectors.iter_mut().zip(&mut headers).zip(buffers)
        {
            vector.iov_base = payload.as_mut_ptr().cast();
            vector.iov_len = payload.len();
            let message = &mut header.msg_hdr;
            message.msg_iov = vector;
            message.msg_iovlen = 1;
            message.msg_name = name.as_mut_ptr().cast();
            message.msg_namelen = NAME as libc::socklen_t;
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = CONTROL as _;
        }
        // SAFETY: the headers point into `vectors` and into buffers of `self`, all live and
        // unaliased until the call returns, each with its true length; `SLOTS` is the length of
        // `headers`; a null timeout is allowed.
        let count = unsafe {
            libc::recvmmsg(
                fd.as_raw_fd(),
                headers.as_mut_ptr(),
                SLOTS as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock {
                Ok(0)
            } else {
                Err(error)
            };
        };
        for (lengths, header) in self.filled.iter_mut().zip(&headers).take(count) {
            *lengths = Lengths {
                payload: (header.msg_len as usize).min(self.room),
                name: (header.msg_hdr.msg_namelen as usize).min(NAME),
                control: (header.msg_hdr.msg_controllen as usize).min(CONTROL),
            };
        }
        Ok(count)
    }

    /// The most datagrams one call reads.
    pub(in crate::net) const CAPACITY: usize = SLOTS;

    /// The first `count` datagrams of the last call.
    pub(in crate::net) fn messages(&self, count: usize) -> impl Iterator<Item = Message<'_>> {
        self.filled
            .iter()
            .zip(self.payloads.chunks_exact(self.room))
            .zip(self.names.iter().zip(self.controls.iter()))
            .take(count)
            .map(|((lengths, payload), (name, control))| Message {
                payload: payload.get(..lengths.payload).unwrap_or_default(),
                name: name.get(..lengths.name).unwrap_or_default(),
                control: control.get(..lengths.control).unwrap_or_default(),
            })
    }
}

impl std::fmt::Debug for ReceiveBatch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ReceiveBatch").finish_non_exhaustive()
    }
}
