//! Frames: strips the link layer off an IP datagram.

use super::{number16, octet};

/// The kinds of link a frame can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// Ethernet II, with up to two VLAN tags; Linux's loopback looks the same.
    Ethernet,
    /// No link header: tun devices, packet sockets of type `SOCK_DGRAM`, `LINKTYPE_RAW`.
    Raw,
}

/// 802.1Q, 802.1ad and the older 802.1ad draft that some switches still write.
const VLAN_TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;

/// The IP datagram in a frame, with whatever padding follows it; `None` where it holds none.
pub fn datagram(link: Link, frame: &[u8]) -> Option<&[u8]> {
    match link {
        Link::Raw => matches!(octet(frame, 0)? >> 4, 4 | 6).then_some(frame),
        Link::Ethernet => {
            let mut rest = frame.get(12..)?;
            for _ in 0..2 {
                if VLAN_TAGS.contains(&number16(rest, 0)?) {
                    rest = rest.get(4..)?;
                }
            }
            match number16(rest, 0)? {
                ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => rest.get(2..),
                _ => None,
            }
        }
    }
}

/// The Ethernet header of a datagram that had none: addresses of zeros, as loopback has, and the
/// type of its IP version.
pub fn zeroed_ethernet(datagram: &[u8]) -> Vec<u8> {
    let version = octet(datagram, 0).unwrap_or_default() >> 4;
    let kind = if version == 6 {
        ETHERTYPE_IPV6
    } else {
        ETHERTYPE_IPV4
    };
    let mut header = vec![0; 12];
    header.extend(kind.to_be_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

    #[test]
    fn up_to_two_vlan_tags_are_stripped_and_nothing_but_ip_is_let_through() {
        let check = |after_macs: &[u8], expected: Option<&[u8]>| {
            let frame = [&MACS, after_macs].concat();
            assert_eq!(
                datagram(Link::Ethernet, &frame),
                expected,
                "{after_macs:x?}"
            );
        };
        check(&[8, 0, 0x45], Some(&[0x45]));
        check(&[0x86, 0xdd, 0x60], Some(&[0x60]));
        check(&[0x81, 0, 0, 7, 8, 0, 0x45], Some(&[0x45]));
        check(
            &[0x88, 0xa8, 0, 1, 0x81, 0, 0, 7, 8, 0, 0x45],
            Some(&[0x45]),
        );
        check(
            &[0x81, 0, 0, 1, 0x81, 0, 0, 7, 0x81, 0, 0, 7, 8, 0, 0x45],
            None,
        );
        check(&[8, 6, 0, 1], None);
        check(&[8], None);
        check(&[], None);
        assert_eq!(datagram(Link::Ethernet, &[]), None);
        assert_eq!(datagram(Link::Raw, &[0x45, 0]), Some(&[0x45, 0][..]));
        assert_eq!(datagram(Link::Raw, &[0x20]), None);
        assert_eq!(datagram(Link::Raw, &[]), None);
    }
}
