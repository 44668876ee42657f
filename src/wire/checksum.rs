//! Whether the checksums of a datagram are right, as the stack that receives it would compute them.
//!
//! Of a fragment, and of a datagram that was cut short, the transport's cannot be told.

use std::net::IpAddr;

use super::bytes::octet;
use super::ip::Header;
use super::ip::{self, protocol};

/// What the checksums of a datagram show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// All are right.
    Right,
    /// One is wrong.
    Wrong,
    /// Not to be told: a fragment, cut short, or another transport.
    Unknown,
}

/// What the checksum of the IP header shows: no stack takes a wrong one, whatever the hardware says of
/// the transport's. IPv6 has none.
pub fn header(bytes: &[u8]) -> Checksum {
    let Some(first) = octet(bytes, 0) else {
        return Checksum::Unknown;
    };
    if first >> 4 != 4 {
        return Checksum::Right;
    }
    let length = usize::from(first & 0x0f).saturating_mul(4);
    bytes
        .get(..length)
        .map_or(Checksum::Unknown, |header| told(sum(0, header)))
}

/// What both checksums show, the IP header's and that of the TCP segment or ICMP message behind it.
pub fn whole(bytes: &[u8]) -> Checksum {
    let outer = header(bytes);
    if outer != Checksum::Right {
        return outer;
    }
    let Ok((header, rest)) = ip::read(bytes) else {
        return Checksum::Unknown;
    };
    let transport = rest.get(..header.declared);
    let Some(transport) = transport.filter(|held| !held.is_empty() && header.fragment.is_none())
    else {
        return Checksum::Unknown;
    };
    match header.protocol {
        protocol::TCP | protocol::ICMPV6 => told(sum(pseudo_header(&header), transport)),
        protocol::ICMP => told(sum(0, transport)),
        _ => Checksum::Unknown,
    }
}

/// RFC 9293 §3.1 and RFC 8200 §8.1: addresses, protocol and length count as if they stood before the
/// transport.
fn pseudo_header(header: &Header) -> u32 {
    let start = u32::from(header.protocol)
        .saturating_add(u32::try_from(header.declared).unwrap_or(u32::MAX));
    let add = |start, address| match address {
        IpAddr::V4(address) => sum(start, &address.octets()),
        IpAddr::V6(address) => sum(start, &address.octets()),
    };
    add(add(fold(start), header.source), header.destination)
}

/// Adds octets as big-endian words to a sum, an odd last one as if a zero followed (RFC 1071).
fn sum(start: u32, octets: &[u8]) -> u32 {
    let words = octets.chunks(2).map(|word| match word {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    });
    // At most 65 535 octets: the sum of all words fits.
    fold(words.fold(start, u32::saturating_add))
}

/// The carries added back, until none is left.
const fn fold(sum: u32) -> u32 {
    let once = (sum & 0xffff).saturating_add(sum >> 16);
    (once & 0xffff).saturating_add(once >> 16)
}

const fn told(sum: u32) -> Checksum {
    if sum == 0xffff {
        Checksum::Right
    } else {
        Checksum::Wrong
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use super::*;
    use crate::wire::compose::{self, Envelope};
    use crate::wire::icmp::{Echo, Kind};
    use crate::wire::tcp::{Flags, Segment};

    fn envelope(source: &str, destination: &str) -> Envelope {
        Envelope {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            ttl: 63,
            traffic_class: 0,
            identification: 7,
            flow_label: 9,
            dont_fragment: true,
        }
    }

    fn samples() -> Vec<Vec<u8>> {
        let mut samples = Vec::new();
        for ends in [("10.9.3.10", "10.9.0.2"), ("fd09::10", "fd09::2")] {
            let envelope = envelope(ends.0, ends.1);
            let segment = Segment::bare(3306, 40_000, 1, 2, Flags::SYN.with(Flags::ACK));
            samples.push(compose::segment(&envelope, &segment).unwrap());
            let echo = Echo::from_bits(0x1234_5678);
            let odd = [1, 2, 3, 4, 5, 6, 7, 8, 9];
            samples.push(compose::message(&envelope, Kind::EchoReply(echo), &odd).unwrap());
        }
        samples
    }

    #[test]
    fn every_flipped_bit_of_what_a_checksum_covers_is_seen() {
        for sample in samples() {
            assert_eq!(whole(&sample), Checksum::Right);
            let is_v4 = sample[0] >> 4 == 4;
            for at in 0..sample.len() {
                for bit in 0..8 {
                    let mut flipped = sample.clone();
                    flipped[at] ^= 1 << bit;
                    // IPv6 covers addresses and what follows them; a changed length, version or next
                    // header leaves nothing that could be checked, or another thing.
                    if is_v4 && at > 0 && at < 20 {
                        assert_eq!(header(&flipped), Checksum::Wrong, "{at}");
                    }
                    if at >= if is_v4 { 20 } else { 8 } {
                        assert_eq!(whole(&flipped), Checksum::Wrong, "{at}");
                    }
                }
            }
        }
    }

    #[test]
    fn of_what_is_not_all_there_nothing_is_said() {
        for sample in samples() {
            for length in 0..sample.len() {
                assert_eq!(whole(&sample[..length]), Checksum::Unknown, "{length}");
            }
            let mut padded = sample.clone();
            padded.extend([0xff; 6]);
            assert_eq!(whole(&padded), Checksum::Right);
        }
        let mut fragment = samples().remove(0);
        fragment[6] |= 0x20;
        fragment[10..12].copy_from_slice(&[0, 0]);
        let right = !u16::try_from(sum(0, &fragment[..20])).unwrap();
        fragment[10..12].copy_from_slice(&right.to_be_bytes());
        assert_eq!(header(&fragment), Checksum::Right);
        assert_eq!(whole(&fragment), Checksum::Unknown);
    }
}
