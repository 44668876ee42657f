//! The first fragment of a datagram whose rest is never sent.
//!
//! It has offset 0, the more-fragments bit, and all of the transport the datagram had, so that every
//! filter on the way can judge it like the whole.

use etherparse::{IpFragOffset, IpNumber, Ipv4Header, Ipv6FragmentHeader, Ipv6Header};

use super::bytes::octet;
use super::compose::Uncomposable;
use super::ip::protocol;

/// Makes the first fragment of `datagram`, to be reassembled under `identification` (IPv4 takes its
/// lower 16 bits).
///
/// The transport must be a multiple of 8 octets long, as RFC 791 §3.2 and RFC 8200 §4.5 demand of
/// every fragment but the last.
pub fn first(datagram: &[u8], identification: u32) -> Result<Vec<u8>, Uncomposable> {
    match octet(datagram, 0).map(|first| first >> 4) {
        Some(4) => first_v4(datagram, identification),
        Some(6) => first_v6(datagram, identification),
        _ => Err(Uncomposable::NotADatagram),
    }
}

fn whole_units(transport: &[u8]) -> Result<(), Uncomposable> {
    if transport.len().is_multiple_of(8) {
        Ok(())
    } else {
        Err(Uncomposable::OddFragment)
    }
}

fn first_v4(datagram: &[u8], identification: u32) -> Result<Vec<u8>, Uncomposable> {
    let (mut header, transport) =
        Ipv4Header::from_slice(datagram).map_err(|_| Uncomposable::NotADatagram)?;
    whole_units(transport)?;
    header.identification = u16::try_from(identification & 0xffff).unwrap_or(0);
    header.dont_fragment = false;
    header.more_fragments = true;
    header.fragment_offset = IpFragOffset::ZERO;
    header.header_checksum = header.calc_header_checksum();
    Ok([&header.to_bytes(), transport].concat())
}

fn first_v6(datagram: &[u8], identification: u32) -> Result<Vec<u8>, Uncomposable> {
    let (mut header, transport) =
        Ipv6Header::from_slice(datagram).map_err(|_| Uncomposable::NotADatagram)?;
    whole_units(transport)?;
    let extension =
        Ipv6FragmentHeader::new(header.next_header, IpFragOffset::ZERO, true, identification);
    header.next_header = IpNumber(protocol::FRAGMENT);
    header.payload_length = header
        .payload_length
        .checked_add(8)
        .ok_or(Uncomposable::TooLong)?;
    Ok([&header.to_bytes(), &extension.to_bytes()[..], transport].concat())
}
