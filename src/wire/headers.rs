//! Where the headers of a datagram end: what a capture may keep without keeping payload.

use super::bytes::octet;
use super::icmp::Kind;
use super::ip::{self, protocol};

/// Octets of an ICMP header, and of the first part of a transport header that every ICMP error
/// must quote (RFC 792).
const EIGHT: usize = 8;

/// Octets of `datagram` up to the end of its headers: IP with extensions, and TCP with options, or
/// ICMP with the headers it quotes. Of other transports nothing is counted; bytes that are no
/// datagram have no headers.
pub fn length(datagram: &[u8]) -> usize {
    let Ok((header, rest)) = ip::read(datagram) else {
        return 0;
    };
    let transport = if header.is_later_fragment() {
        0
    } else {
        match (header.family(), header.protocol) {
            (_, protocol::TCP) => tcp(rest),
            (family @ ip::Family::V4, protocol::ICMP)
            | (family @ ip::Family::V6, protocol::ICMPV6) => icmp(family, rest),
            _ => 0,
        }
    };
    datagram
        .len()
        .saturating_sub(rest.len())
        .saturating_add(transport.min(rest.len()))
}

/// The data offset counts words, and is at least 5 (RFC 9293 §3.1).
fn tcp(segment: &[u8]) -> usize {
    let words = octet(segment, 12).unwrap_or_default() >> 4;
    usize::from(words.max(5)).saturating_mul(4)
}

/// An error quotes the datagram it is about; anything else is header and payload.
fn icmp(family: ip::Family, message: &[u8]) -> usize {
    let is_error = octet(message, 0)
        .zip(octet(message, 1))
        .is_some_and(|(kind, code)| Kind::read(family, kind, code, 0).quotes(family));
    let quoted = message
        .get(EIGHT..)
        .filter(|_| is_error)
        .unwrap_or_default();
    EIGHT.saturating_add(quoted_length(quoted))
}

/// As [`length`], but an error about an error is not followed.
fn quoted_length(quoted: &[u8]) -> usize {
    let Ok((header, rest)) = ip::read(quoted) else {
        return 0;
    };
    let transport = if header.is_later_fragment() {
        0
    } else if header.protocol == protocol::TCP && rest.len() > 12 {
        tcp(rest)
    } else {
        EIGHT
    };
    quoted
        .len()
        .saturating_sub(rest.len())
        .saturating_add(transport.min(rest.len()))
}

#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]
mod tests {
    use super::length;
    use crate::wire::compose::{self, Envelope};
    use crate::wire::fragment;
    use crate::wire::icmp::{Echo, Kind};
    use crate::wire::tcp::{Flags, Options, Segment};

    fn envelope(v6: bool) -> Envelope {
        let address = |last: u16| match v6 {
            true => std::net::Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, last).into(),
            false => std::net::Ipv4Addr::new(10, 9, 0, last as u8).into(),
        };
        Envelope {
            source: address(1),
            destination: address(2),
            ttl: 64,
            traffic_class: 0,
            identification: 1,
            flow_label: 0,
            dont_fragment: true,
        }
    }

    fn syn(v6: bool, payload_length: u16) -> Vec<u8> {
        let segment = Segment {
            options: Options::linux_client(1460, 1),
            payload_length,
            ..Segment::bare(40_001, 3306, 7, 0, Flags::SYN)
        };
        compose::segment(&envelope(v6), &segment).unwrap()
    }

    #[test]
    fn headers_end_where_payload_begins() {
        for (v6, ip) in [(false, 20), (true, 40)] {
            for payload in [0, 100, 1400] {
                assert_eq!(length(&syn(v6, payload)), ip + 40);
            }
            let echo = Kind::EchoRequest(Echo::from_bits(7));
            let ping = compose::message(&envelope(v6), echo, &[0xaa; 56]).unwrap();
            assert_eq!(length(&ping), ip + 8);
            let error = compose::message(&envelope(v6), Kind::TimeExceeded, &syn(v6, 500)).unwrap();
            assert_eq!(length(&error), ip + 8 + ip + 40);
            let short = compose::message(&envelope(v6), Kind::TimeExceeded, &syn(v6, 0)[..ip + 8]);
            assert_eq!(length(&short.unwrap()), ip + 8 + ip + 8);
            let about_ping = compose::message(&envelope(v6), Kind::TimeExceeded, &ping).unwrap();
            assert_eq!(length(&about_ping), ip + 8 + ip + 8);
        }
        assert_eq!(length(&fragment::first(&syn(false, 0), 1).unwrap()), 60);
        assert_eq!(length(&fragment::first(&syn(true, 0), 1).unwrap()), 88);
        assert_eq!(length(&[]), 0);
    }

    #[test]
    fn no_cut_ends_beyond_what_is_there() {
        let error = compose::message(&envelope(false), Kind::TimeExceeded, &syn(false, 9)).unwrap();
        for end in 0..error.len() {
            assert!(length(&error[..end]) <= end);
        }
    }
}
