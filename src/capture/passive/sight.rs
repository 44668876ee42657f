//! The one place where bytes become a packet, tolerant of snapped ones.

use crate::wire::dissect::{Malformed, Packet, dissect};

/// An IPv6 header, some extension headers and the longest TCP header.
const HEADERS: usize = 256;

/// The packet in `datagram`, whose end may be missing: a TCP header cut within its options is read as
/// far as it goes. `None` where nothing can be made of it.
pub(super) fn read(datagram: &[u8]) -> Option<Packet> {
    match dissect(datagram) {
        Ok(packet) => Some(packet),
        Err(Malformed::TcpHeader) => {
            // Zeros end the list of options.
            let mut padded = [0_u8; HEADERS];
            let there = datagram.get(..HEADERS).unwrap_or(datagram);
            padded.get_mut(..there.len())?.copy_from_slice(there);
            dissect(&padded).ok()
        }
        Err(_) => None,
    }
}
