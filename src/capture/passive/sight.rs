//! The one place where bytes become a packet, tolerant of snapped ones.

use crate::wire::dissect::{Malformed, Packet, dissect};

/// An IPv6 header, some extension headers and the longest TCP header.
const HEADERS: usize = 256;
/// Octets of a TCP header up to its flags, without which nothing is known of a segment, and up to
/// its window.
const FLAGS: usize = 14;
const WINDOW: usize = 16;

/// A packet as far as it was captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) packet: Packet,
    /// The window of a segment is there: else its value means nothing.
    pub(super) has_window: bool,
}

/// The packet in `datagram`, whose end may be missing: a TCP header cut behind its flags is read as
/// far as it goes. `None` where nothing can be made of it.
pub(super) fn read(datagram: &[u8]) -> Option<Seen> {
    match dissect(datagram) {
        Ok(packet) => Some(Seen {
            packet,
            has_window: true,
        }),
        Err(Malformed::TcpHeader) => {
            let header = transport(datagram)?;
            let there = datagram.get(header..)?.len();
            // Zeros end the list of options.
            let mut padded = [0_u8; HEADERS];
            let beginning = datagram.get(..HEADERS).unwrap_or(datagram);
            padded
                .get_mut(..beginning.len())?
                .copy_from_slice(beginning);
            let packet = dissect(&padded).ok().filter(|_| there >= FLAGS)?;
            Some(Seen {
                packet,
                has_window: there >= WINDOW,
            })
        }
        Err(_) => None,
    }
}

/// As much of the payload of the TCP segment in `datagram`, `length` octets, as was captured.
pub(super) fn payload(datagram: &[u8], length: u16) -> Option<&[u8]> {
    let header = transport(datagram)?;
    let segment = datagram.get(header..)?;
    let offset = usize::from(segment.get(12)? >> 4) * 4;
    let payload = segment.get(offset..)?;
    Some(payload.get(..usize::from(length)).unwrap_or(payload))
}

/// Where the transport header of `datagram` begins, whether it is there or not (RFC 791 §3.1, RFC 8200
/// §4).
fn transport(datagram: &[u8]) -> Option<usize> {
    /// Extension headers: hop-by-hop, routing, fragment, authentication, destination options.
    const EXTENSIONS: [u8; 5] = [0, 43, 44, 51, 60];
    let version = *datagram.first()? >> 4;
    if version == 4 {
        return Some(usize::from(datagram.first()? & 0x0f) * 4);
    }
    let (mut next, mut at) = (*datagram.get(6)?, 40_usize);
    while EXTENSIONS.contains(&next) {
        let length = usize::from(*datagram.get(at + 1)?);
        let long = match next {
            44 => 8,
            51 => (length + 2) * 4,
            _ => (length + 1) * 8,
        };
        next = *datagram.get(at)?;
        at += long;
    }
    Some(at)
}
