//! The system calls that no crate wraps: the only module of the program with `unsafe`.
//!
//! Each function is safe to call with any arguments: lengths are taken from the slices themselves
//! and every pointer handed to the kernel outlives the call. Retries after EINTR are the caller's.

#![allow(
    unsafe_code,
    reason = "recvmmsg, ppoll, adjtimex and packet-socket options have no safe wrapper"
)]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

/// Sets an integer socket option.
pub(super) fn set_int(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the pointer is to a live integer, and the length passed is that integer's.
    let code = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            ptr::from_ref(&value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    outcome(code)
}

/// Reads a socket option made of `N` 32-bit words; words the kernel did not fill stay zero.
pub(super) fn words<const N: usize>(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<[u32; N]> {
    let mut words = [0_u32; N];
    let mut length = size_of::<[u32; N]>() as libc::socklen_t;
    // SAFETY: the buffer is live and writable, `length` is its size, and any bytes the kernel
    // writes make valid `u32`s.
    let code = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            words.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    outcome(code).map(|()| words)
}

/// Binds a packet socket to every interface and lets it receive frames of every protocol, its own
/// host's outgoing ones included.
pub(super) fn bind_packet(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: sockaddr_ll is plain integers, for which all zeroes is a value.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    // SAFETY: the pointer is to a live sockaddr_ll, and the length passed is its size.
    let code = unsafe {
        libc::bind(
            fd.as_raw_fd(),
            ptr::from_ref(&address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    outcome(code)
}

/// Waits until one of `fds` is readable or `timeout` has passed; a flag for each tells which.
pub(super) fn wait(fds: &[BorrowedFd<'_>], timeout: Duration) -> io::Result<Vec<bool>> {
    let mut polls: Vec<libc::pollfd> = fds
        .iter()
        .map(|fd| libc::pollfd {
            fd: fd.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        // Below 10^9, which fits a long on every platform.
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    };
    // SAFETY: `polls` is a live array of exactly the length passed, `timeout` is live, and a null
    // signal mask leaves the mask as it is.
    let code = unsafe {
        libc::ppoll(
            polls.as_mut_ptr(),
            polls.len() as libc::nfds_t,
            &raw const timeout,
            ptr::null(),
        )
    };
    outcome(code)?;
    Ok(polls.iter().map(|poll| poll.revents != 0).collect())
}

/// Room for one name: the size of `sockaddr_storage`.
const NAME: usize = size_of::<libc::sockaddr_storage>();
/// Room for the control messages of one datagram: every option we switch on needs 120 octets.
const CONTROL: usize = 256;
/// Room for one datagram: the largest there is.
const PAYLOAD: usize = 1 << 16;
/// Datagrams read with one call.
const SLOTS: usize = 32;

/// Buffers for one `recvmmsg`.
pub(super) struct Batch {
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
pub(super) struct Slot<'a> {
    /// The octets received.
    pub(super) payload: &'a [u8],
    /// The socket address it came from.
    pub(super) name: &'a [u8],
    /// Its control messages.
    pub(super) control: &'a [u8],
}

impl Batch {
    /// Empty buffers.
    pub(super) fn new() -> Self {
        Self {
            payloads: vec![0; PAYLOAD * SLOTS].into_boxed_slice(),
            names: vec![[0; NAME]; SLOTS].into_boxed_slice(),
            controls: vec![[0; CONTROL]; SLOTS].into_boxed_slice(),
            filled: [Lengths::default(); SLOTS],
        }
    }

    /// Reads what is there without waiting, up to [`Batch::CAPACITY`] datagrams, and says how
    /// many; 0 when there is nothing.
    #[allow(
        clippy::unnecessary_cast,
        reason = "C libraries differ in the widths of these fields"
    )]
    pub(super) fn receive(&mut self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        let mut vectors = [libc::iovec {
            iov_base: ptr::null_mut(),
            iov_len: 0,
        }; SLOTS];
        // SAFETY: mmsghdr is integers and pointers, for which all zeroes is a value.
        let mut headers: [libc::mmsghdr; SLOTS] = unsafe { zeroed() };
        let buffers = self
            .payloads
            .chunks_exact_mut(PAYLOAD)
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
                payload: (header.msg_len as usize).min(PAYLOAD),
                name: (header.msg_hdr.msg_namelen as usize).min(NAME),
                control: (header.msg_hdr.msg_controllen as usize).min(CONTROL),
            };
        }
        Ok(count)
    }

    /// The most datagrams one call reads.
    pub(super) const CAPACITY: usize = SLOTS;

    /// The first `count` datagrams of the last call.
    pub(super) fn slots(&self, count: usize) -> impl Iterator<Item = Slot<'_>> {
        self.filled
            .iter()
            .zip(self.payloads.chunks_exact(PAYLOAD))
            .zip(self.names.iter().zip(self.controls.iter()))
            .take(count)
            .map(|((lengths, payload), (name, control))| Slot {
                payload: payload.get(..lengths.payload).unwrap_or_default(),
                name: name.get(..lengths.name).unwrap_or_default(),
                control: control.get(..lengths.control).unwrap_or_default(),
            })
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Batch").finish_non_exhaustive()
    }
}

/// Whether the wall clock is unsynchronised, and the most it is off, in microseconds. Asks and sets
/// nothing: no mode bit is set.
pub(super) fn clock_state() -> io::Result<(bool, u64)> {
    // SAFETY: timex is plain integers, for which all zeroes is a value.
    let mut state: libc::timex = unsafe { zeroed() };
    // SAFETY: the pointer is to a live timex.
    let code = unsafe { libc::adjtimex(&raw mut state) };
    outcome(code)?;
    Ok((
        state.status & libc::STA_UNSYNC != 0,
        u64::try_from(state.maxerror).unwrap_or_default(),
    ))
}

fn outcome(code: libc::c_int) -> io::Result<()> {
    if code < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
