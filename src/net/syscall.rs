//! The system calls that no crate wraps: the only module of the program with `unsafe`.
//!
//! Each function is safe to call with any arguments: lengths are taken from the slices themselves
//! and every pointer handed to the kernel outlives the call. Retries after EINTR are the caller's.

#![allow(
    unsafe_code,
    reason = "recvmmsg, sendmmsg, ppoll, adjtimex and packet-socket options have no safe wrapper"
)]

mod receive;
mod send;

pub(super) use receive::{Message, ReceiveBatch};
pub(super) use send::{AT_ONCE, Burst, send_burst};

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
