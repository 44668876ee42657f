//! A template: a TCP datagram made once, of which every copy differs in a few numbers only.
//!
//! A copy costs a few tens of nanoseconds and no allocation: its checksums are worked out from the
//! template's own and the numbers filled in (RFC 1624). It equals, octet for octet, what
//! [`compose::segment`] makes of the same numbers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::compose::{self, Envelope, Uncomposable};
use super::tcp::Segment;

/// A TCP datagram without payload and with its changing numbers left at zero.
#[derive(Clone, Debug)]
pub struct PacketTemplate {
    octets: Vec<u8>,
    /// Octets of IP header.
    header: usize,
    /// Sums of the words that never change, checksums left out.
    header_sum: u32,
    segment_sum: u32,
    /// Where the value of the timestamps option stands.
    timestamp_at: Option<usize>,
}

/// The numbers of one copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Destination address, of the template's IP version.
    pub destination: IpAddr,
    /// IPv4 identification; IPv6 has none.
    pub identification: u16,
    /// IPv6 flow label, its lower 20 bits; IPv4 has none.
    pub flow_label: u32,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Value of the timestamps option; passed over where the template has none.
    pub timestamp: u32,
}

impl PacketTemplate {
    /// Makes a template of a datagram; those of its numbers that a copy fills in do not matter.
    ///
    /// # Errors
    ///
    /// As [`compose::segment`].
    pub fn new(envelope: &Envelope, segment: &Segment) -> Result<Self, Uncomposable> {
        let mut blank = *segment;
        blank.source_port = 0;
        blank.destination_port = 0;
        blank.sequence = 0;
        blank.payload_length = 0;
        blank.options.timestamps = blank.options.timestamps.map(|(_, echo)| (0, echo));
        let envelope = Envelope {
            destination: match envelope.destination {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            },
            identification: 0,
            flow_label: 0,
            ..*envelope
        };
        let octets = compose::segment(&envelope, &blank)?;
        let header = usize::from(envelope.header_length());
        let options = header.saturating_add(20);
        Ok(Self {
            header_sum: unsummed(&octets, 10),
            segment_sum: unsummed(&octets, header.saturating_add(16)),
            timestamp_at: blank.options.timestamps.map(|_| {
                // Kind and length stand before the value, and these options before that.
                let mss = if blank.options.mss.is_some() { 4 } else { 0 };
                let sack = if blank.options.sack_permitted { 2 } else { 0 };
                options
                    .saturating_add(mss)
                    .saturating_add(sack)
                    .saturating_add(2)
            }),
            header,
            octets,
        })
    }

    /// Appends a copy with these numbers to `out`.
    pub fn copy(&self, numbers: &Numbers, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.octets);
        let Some(copy) = out.get_mut(start..) else {
            return;
        };
        let segment = self.header;
        let mut sum = self.segment_sum;
        match numbers.destination {
            IpAddr::V4(destination) => {
                let octets = destination.octets();
                let identification = numbers.identification.to_be_bytes();
                put(copy, 4, &identification);
                put(copy, 16, &octets);
                let header = self
                    .header_sum
                    .wrapping_add(words(&identification))
                    .wrapping_add(words(&octets));
                put(copy, 10, &checksum(header));
                sum = sum.wrapping_add(words(&octets));
            }
            IpAddr::V6(destination) => {
                let octets = destination.octets();
                if let Some([_, second, third, fourth]) = copy.first_chunk_mut::<4>() {
                    let [_, high, middle, low] = (numbers.flow_label & 0x000f_ffff).to_be_bytes();
                    // Its upper half belongs to the traffic class.
                    *second |= high;
                    *third = middle;
                    *fourth = low;
                }
                put(copy, 24, &octets);
                sum = sum.wrapping_add(words(&octets));
            }
        }
        let mut fill = |at: usize, field: &[u8]| {
            put(copy, at, field);
            sum = sum.wrapping_add(words(field));
        };
        fill(segment, &numbers.source_port.to_be_bytes());
        fill(
            segment.saturating_add(2),
            &numbers.destination_port.to_be_bytes(),
        );
        fill(segment.saturating_add(4), &numbers.sequence.to_be_bytes());
        if let Some(at) = self.timestamp_at {
            fill(at, &numbers.timestamp.to_be_bytes());
        }
        put(copy, segment.saturating_add(16), &checksum(sum));
    }
}

/// What the checksum at `at` was made of: the one's complement sum of all words but itself.
fn unsummed(octets: &[u8], at: usize) -> u32 {
    let checksum = super::bytes::number16(octets, at).unwrap_or_default();
    u32::from(!checksum)
}

/// The sum of 16-bit words; of few, so that it cannot overflow. Every field begins on a word.
fn words(octets: &[u8]) -> u32 {
    octets.chunks_exact(2).fold(0, |sum, pair| {
        sum.wrapping_add(u32::from(
            super::bytes::number16(pair, 0).unwrap_or_default(),
        ))
    })
}

/// The checksum of a sum (RFC 1071).
fn checksum(mut sum: u32) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum & 0xffff).wrapping_add(sum >> 16);
    }
    (!u16::try_from(sum).unwrap_or_default()).to_be_bytes()
}

fn put(octets: &mut [u8], at: usize, field: &[u8]) {
    let end = at.saturating_add(field.len());
    if let Some(place) = octets.get_mut(at..end) {
        place.copy_from_slice(field);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::tcp::{Flags, Options};

    fn check(source: IpAddr, numbers: Numbers, options: Options, flags: Flags) {
        let envelope = Envelope {
            source,
            destination: numbers.destination,
            ttl: 64,
            traffic_class: 0x48,
            identification: numbers.identification,
            flow_label: numbers.flow_label,
            dont_fragment: true,
        };
        let mut segment = Segment::bare(
            numbers.source_port,
            numbers.destination_port,
            numbers.sequence,
            0,
            flags,
        );
        segment.window = 64_240;
        segment.options = options;
        let packet_template = PacketTemplate::new(&envelope, &segment).unwrap();
        segment.options.timestamps = options.timestamps.map(|_| (numbers.timestamp, 0));
        let mut copy = vec![7];
        packet_template.copy(&numbers, &mut copy);
        let whole = compose::segment(&envelope, &segment).unwrap();
        assert_eq!(copy.get(1..), Some(whole.as_slice()), "{numbers:?}");
    }

    proptest! {
        #[test]
        fn a_copy_equals_the_datagram_composed_whole(
            destination: [u8; 16],
            [identification, source_port, destination_port] in any::<[u16; 3]>(),
            [flow_label, sequence, timestamp] in any::<[u32; 3]>(),
        ) {
            let [a, b, c, d, ..] = destination;
            let ends: [(IpAddr, IpAddr); 2] = [
                ([10, 9, 0, 2].into(), [a, b, c, d].into()),
                ([0xfd09_u16, 0, 0, 0, 0, 0, 0, 2].into(), destination.into()),
            ];
            for (source, destination) in ends {
                let numbers = Numbers {
                    destination,
                    identification,
                    flow_label: flow_label & 0x000f_ffff,
                    source_port,
                    destination_port,
                    sequence,
                    timestamp,
                };
                check(source, numbers, Options::linux_client(1460, 0), Flags::SYN);
                check(source, numbers, Options::NONE, Flags::RST);
            }
        }
    }
}
