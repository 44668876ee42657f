//! Frames: strips the link layer off an IP datagram.
//!
//! What a frame begins with is known by its [`LinkType`]; those that can carry IP in a simple way are
//! a [`Link`]. Captures from elsewhere have all of them; our own receivers hear Ethernet and raw IP.

use super::bytes::{number16, octet};

/// The number by which capture files name what a frame begins with (the `LINKTYPE_` registry of
/// tcpdump.org).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Raw IP.
    pub const RAW: Self = Self(101);

    /// How to find IP in its frames; `None` where that is not known.
    pub const fn link(self) -> Option<Link> {
        match self.0 {
            0 | 108 => Some(Link::Loopback),
            1 => Some(Link::Ethernet),
            9 | 50 => Some(Link::Ppp),
            // 12 and 14 are what `DLT_RAW` is on Linux and on OpenBSD.
            12 | 14 | 101 | 228 | 229 => Some(Link::Raw),
            113 => Some(Link::Cooked),
            239 => Some(Link::Nflog),
            276 => Some(Link::Cooked2),
            _ => None,
        }
    }

    /// Its name in the registry; `None` for one that is not common.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "NULL",
            1 => "ETHERNET",
            6 => "IEEE802_5",
            8 => "SLIP",
            9 => "PPP",
            10 => "FDDI",
            12 | 14 | 101 => "RAW",
            50 => "PPP_HDLC",
            51 => "PPP_ETHER",
            104 => "C_HDLC",
            105 => "IEEE802_11",
            108 => "LOOP",
            113 => "LINUX_SLL",
            117 => "PFLOG",
            127 => "IEEE802_11_RADIOTAP",
            147..=162 => "USER",
            187 | 201 => "BLUETOOTH_HCI_H4",
            189 | 220 => "USB_LINUX",
            192 => "PPI",
            195 | 230 => "IEEE802_15_4",
            226 => "IPNET",
            227 => "CAN_SOCKETCAN",
            228 => "IPV4",
            229 => "IPV6",
            239 => "NFLOG",
            242 => "IPOIB",
            249 => "USBPCAP",
            252 => "WIRESHARK_UPPER_PDU",
            253 => "NETLINK",
            271 => "VSOCK",
            276 => "LINUX_SLL2",
            _ => return None,
        })
    }
}

/// The kinds of link a frame can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// Ethernet II, with any number of VLAN tags; Linux's loopback looks the same.
    Ethernet,
    /// No link header: tun devices, packet sockets of type `SOCK_DGRAM`, `LINKTYPE_RAW`.
    Raw,
    /// What Linux writes for `-i any` (`LINKTYPE_LINUX_SLL`).
    Cooked,
    /// Its second version (`LINKTYPE_LINUX_SLL2`).
    Cooked2,
    /// The loopback of the BSDs: an address family in either byte order.
    Loopback,
    /// PPP, with or without HDLC framing, or Cisco's.
    Ppp,
    /// Packets that a firewall rule logged (`LINKTYPE_NFLOG`).
    Nflog,
}

/// Which way a frame crossed the interface it was captured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To this host.
    Inbound,
    /// From this host.
    Outbound,
}

/// 802.1Q, 802.1ad and the older 802.1ad draft that some switches still write.
const VLAN_TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// PPPoE session (RFC 2516).
const ETHERTYPE_PPPOE: u16 = 0x8864;
const ETHERTYPE_ARP: u16 = 0x0806;
/// MPLS, unicast and multicast (RFC 5332).
const ETHERTYPE_MPLS: [u16; 2] = [0x8847, 0x8848];
/// The greatest number in the place of the EtherType that is a length (IEEE 802.3 §3.2.6).
const LONGEST_802_3: u16 = 1500;
/// LLC and SNAP before an EtherType (RFC 1042).
const SNAP: [u8; 6] = [0xaa, 0xaa, 3, 0, 0, 0];

/// Protocol numbers of PPP (RFC 1332, RFC 5072).
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;

/// `ARPHRD_NETLINK` of Linux: the protocol of a cooked frame is then no EtherType.
const HARDWARE_NETLINK: u16 = 824;

/// The IP datagram in a frame, with whatever padding follows it; `None` where it holds none.
pub fn datagram(link: Link, frame: &[u8]) -> Option<&[u8]> {
    strip(link, frame).map(|(datagram, _)| datagram)
}

/// The IP datagram in a frame, with whatever padding follows it, and which way it went where the
/// link header says so; `None` where the frame holds none.
#[inline]
pub fn strip(link: Link, frame: &[u8]) -> Option<(&[u8], Option<Direction>)> {
    match link {
        Link::Ethernet => ethernet(frame.get(12..)?).map(|datagram| (datagram, None)),
        Link::Raw => raw(frame).map(|datagram| (datagram, None)),
        Link::Cooked => cooked(frame),
        Link::Cooked2 => cooked2(frame),
        Link::Loopback => loopback(frame).map(|datagram| (datagram, None)),
        Link::Ppp => ppp(frame).map(|datagram| (datagram, None)),
        Link::Nflog => nflog(frame),
    }
}

fn raw(frame: &[u8]) -> Option<&[u8]> {
    matches!(octet(frame, 0)? >> 4, 4 | 6).then_some(frame)
}

/// What follows an EtherType, and the tags before the one of IP.
#[inline]
fn ethernet(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let kind = number16(rest, 0)?;
        match kind {
            ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => return rest.get(2..),
            ETHERTYPE_PPPOE => return ppp(rest.get(8..)?),
            _ if VLAN_TAGS.contains(&kind) => rest = rest.get(4..)?,
            _ if ETHERTYPE_MPLS.contains(&kind) => return labelled(rest.get(2..)?),
            0..=LONGEST_802_3 if rest.get(2..)?.starts_with(&SNAP) => rest = rest.get(8..)?,
            _ => return None,
        }
    }
}

/// The datagram behind the labels of MPLS (RFC 3032 §2.1), also within an Ethernet frame behind a
/// control word of zeros (RFC 4448 §4.6).
pub fn labelled(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let is_last = octet(rest, 2)? & 1 == 1;
        rest = rest.get(4..)?;
        if is_last {
            break;
        }
    }
    match octet(rest, 0)? >> 4 {
        4 | 6 => Some(rest),
        0 => ethernet(rest.get(16..)?),
        _ => None,
    }
}

/// The ARP packet in a frame, and which way it went where the link header says so; `None` where the
/// frame holds none.
pub fn arp(link: Link, frame: &[u8]) -> Option<(&[u8], Option<Direction>)> {
    let (mut rest, direction) = match link {
        Link::Ethernet => (frame.get(12..)?, None),
        Link::Cooked => (frame.get(14..)?, cooked_direction(number16(frame, 0)?)),
        Link::Cooked2 => {
            let direction = cooked_direction(octet(frame, 10)?.into());
            let is_arp = number16(frame, 0)? == ETHERTYPE_ARP;
            return is_arp.then_some((frame.get(20..)?, direction));
        }
        Link::Raw | Link::Loopback | Link::Ppp | Link::Nflog => return None,
    };
    while VLAN_TAGS.contains(&number16(rest, 0)?) {
        rest = rest.get(4..)?;
    }
    (number16(rest, 0)? == ETHERTYPE_ARP).then_some((rest.get(2..)?, direction))
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

/// The direction that Linux's packet type tells (`PACKET_HOST` … `PACKET_OUTGOING`).
const fn cooked_direction(packet_type: u16) -> Option<Direction> {
    match packet_type {
        0..=2 => Some(Direction::Inbound),
        4 => Some(Direction::Outbound),
        _ => None,
    }
}

/// Packet type, hardware type, address length, address, protocol.
fn cooked(frame: &[u8]) -> Option<(&[u8], Option<Direction>)> {
    let direction = cooked_direction(number16(frame, 0)?);
    if number16(frame, 2)? == HARDWARE_NETLINK {
        return None;
    }
    Some((ethernet(frame.get(14..)?)?, direction))
}

/// Protocol, reserved, interface, hardware type, packet type, address length, address.
fn cooked2(frame: &[u8]) -> Option<(&[u8], Option<Direction>)> {
    let direction = cooked_direction(octet(frame, 10)?.into());
    if number16(frame, 8)? == HARDWARE_NETLINK {
        return None;
    }
    let rest = frame.get(20..)?;
    let datagram = match number16(frame, 0)? {
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => rest,
        ETHERTYPE_PPPOE => ppp(rest.get(6..)?)?,
        // The tag's own two octets come first, then the EtherType it covers.
        tag if VLAN_TAGS.contains(&tag) => ethernet(rest.get(2..)?)?,
        _ => return None,
    };
    Some((datagram, direction))
}

/// Four octets of address family, in the byte order of the host that captured (`NULL`) or of the
/// network (`LOOP`).
fn loopback(frame: &[u8]) -> Option<&[u8]> {
    match *frame.first_chunk::<4>()? {
        // AF_INET, and AF_INET6 of Linux, NetBSD, FreeBSD and macOS.
        [0, 0, 0, 2 | 10 | 24 | 28 | 30] | [2 | 10 | 24 | 28 | 30, 0, 0, 0] => raw(frame.get(4..)?),
        _ => None,
    }
}

fn ppp(frame: &[u8]) -> Option<&[u8]> {
    let rest = match frame {
        // Address and control field of RFC 1662.
        [0xff, 3, rest @ ..] => rest,
        // Cisco HDLC: unicast or multicast, then an EtherType.
        [0x0f | 0x8f, 0, rest @ ..] => return ethernet(rest),
        rest => rest,
    };
    // A protocol below 256 may be one octet long (RFC 1661 §6.5).
    if let [0x21 | 0x57, rest @ ..] = rest {
        return raw(rest);
    }
    match number16(rest, 0)? {
        PPP_IPV4 | PPP_IPV6 => rest.get(2..),
        _ => None,
    }
}

/// Attributes in the byte order of the host that captured (`struct nfattr`): a length that covers
/// the four octets of its own header, a type, the value, padded to four.
fn nflog(frame: &[u8]) -> Option<(&[u8], Option<Direction>)> {
    const HEADER: u16 = 1;
    const PAYLOAD: u16 = 9;
    let mut rest = frame.get(4..)?;
    // Types are small, so the octet that is zero tells the order.
    let swapped = octet(rest, 2)? == 0 && octet(rest, 3)? != 0;
    let number = |bytes: &[u8], at| {
        number16(bytes, at).map(|number| if swapped { number } else { number.swap_bytes() })
    };
    let mut direction = None;
    loop {
        let length = usize::from(number(rest, 0)?);
        let value = rest.get(4..length)?;
        match number(rest, 2)? {
            PAYLOAD => return Some((raw(value)?, direction)),
            HEADER => {
                // The hook: pre-routing, input, forward, output, post-routing.
                direction = match octet(value, 2) {
                    Some(0 | 1) => Some(Direction::Inbound),
                    Some(3 | 4) => Some(Direction::Outbound),
                    _ => None,
                };
            }
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]
mod tests {
    use super::*;

    const MACS: [u8; 12] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

    #[test]
    fn vlan_tags_are_stripped_and_nothing_but_ip_is_let_through() {
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
            &[0x81, 0, 0, 1, 0x91, 0, 0, 7, 0x81, 0, 0, 7, 8, 0, 0x45],
            Some(&[0x45]),
        );
        check(&[0x81, 0, 0, 1, 0x81, 0, 0], None);
        // PPPoE: version, code, session and length, then PPP.
        check(
            &[0x88, 0x64, 0x11, 0, 0, 1, 0, 3, 0, 0x21, 0x45],
            Some(&[0x45]),
        );
        // 802.3 with LLC and SNAP, and with LLC alone.
        check(&[0, 8, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45], Some(&[0x45]));
        check(&[0, 8, 0x42, 0x42, 3, 0, 0, 0, 8, 0, 0x45], None);
        // MPLS: two labels, and one before a frame behind a control word.
        check(
            &[0x88, 0x47, 0, 0x10, 0, 64, 0, 0x20, 1, 64, 0x45],
            Some(&[0x45]),
        );
        let within = [&[0x88, 0x47, 0, 0x10, 1, 64, 0, 0, 0, 0][..], &MACS].concat();
        check(&[&within[..], &[8, 0, 0x45]].concat(), Some(&[0x45]));
        check(&[0x88, 0x47, 0, 0x10, 0, 64], None);
        // ARP, and cut frames.
        check(&[8, 6, 0, 1], None);
        check(&[8], None);
        check(&[], None);
        assert_eq!(datagram(Link::Ethernet, &[]), None);
        assert_eq!(datagram(Link::Raw, &[0x45, 0]), Some(&[0x45, 0][..]));
        assert_eq!(datagram(Link::Raw, &[0x20]), None);
        assert_eq!(datagram(Link::Raw, &[]), None);
    }

    #[test]
    fn every_other_link_gives_its_datagram_and_says_which_way_it_went_where_it_can() {
        const IN: Option<Direction> = Some(Direction::Inbound);
        const OUT: Option<Direction> = Some(Direction::Outbound);
        let check = |number: u16, frame: &[u8], expected: Option<(&[u8], Option<Direction>)>| {
            let link = LinkType(number).link().unwrap();
            assert_eq!(strip(link, frame), expected, "{number} {frame:x?}");
            for end in 0..frame.len() {
                let _ = strip(link, &frame[..end]);
            }
        };
        let v4: &[u8] = &[0x45];
        let v6: &[u8] = &[0x60];
        // Cooked: packet type, hardware type 1, six octets of address, protocol.
        let cooked = |kind: u8, hardware: [u8; 2], rest: &[u8]| {
            [
                &[
                    0,
                    kind,
                    hardware[0],
                    hardware[1],
                    0,
                    6,
                    1,
                    2,
                    3,
                    4,
                    5,
                    6,
                    0,
                    0,
                ],
                rest,
            ]
            .concat()
        };
        check(113, &cooked(0, [0, 1], &[8, 0, 0x45]), Some((v4, IN)));
        check(
            113,
            &cooked(4, [0, 1], &[0x86, 0xdd, 0x60]),
            Some((v6, OUT)),
        );
        check(113, &cooked(3, [0, 1], &[8, 0, 0x45]), Some((v4, None)));
        check(
            113,
            &cooked(1, [0, 1], &[0x81, 0, 0, 7, 8, 0, 0x45]),
            Some((v4, IN)),
        );
        check(113, &cooked(0, [0, 1], &[8, 6, 0, 1]), None);
        check(113, &cooked(0, [3, 56], &[8, 0, 0x45]), None);
        let cooked2 = |protocol: [u8; 2], kind: u8, rest: &[u8]| {
            let front = [protocol[0], protocol[1], 0, 0, 0, 0, 0, 2, 0, 1, kind, 6];
            [&front[..], &[1, 2, 3, 4, 5, 6, 0, 0], rest].concat()
        };
        check(276, &cooked2([8, 0], 4, v4), Some((v4, OUT)));
        check(276, &cooked2([0x86, 0xdd], 2, v6), Some((v6, IN)));
        check(
            276,
            &cooked2([0x81, 0], 0, &[0, 7, 8, 0, 0x45]),
            Some((v4, IN)),
        );
        check(276, &cooked2([8, 6], 0, v4), None);
        check(0, &[2, 0, 0, 0, 0x45], Some((v4, None)));
        check(0, &[0, 0, 0, 30, 0x60], Some((v6, None)));
        check(108, &[0, 0, 0, 2, 0x45], Some((v4, None)));
        check(108, &[0, 0, 0, 7, 0x45], None);
        check(9, &[0xff, 3, 0, 0x21, 0x45], Some((v4, None)));
        check(9, &[0, 0x57, 0x60], Some((v6, None)));
        check(9, &[0x21, 0x45], Some((v4, None)));
        check(9, &[0xff, 3, 0xc0, 0x21, 1], None);
        check(50, &[0x0f, 0, 8, 0, 0x45], Some((v4, None)));
        for raw in [12, 14, 101, 228] {
            check(raw, v4, Some((v4, None)));
        }
        check(229, v6, Some((v6, None)));
        // NFLOG: family, version, group; then hook 1 (input), a prefix "x", and the payload.
        let little: &[u8] = &[
            2, 0, 0, 0, 8, 0, 1, 0, 8, 0, 1, 0, 6, 0, 10, 0, b'x', 0, 0, 0, 5, 0, 9, 0, 0x45,
        ];
        let big: &[u8] = &[
            2, 0, 0, 0, 0, 8, 0, 1, 8, 0, 3, 0, 0, 6, 0, 10, b'x', 0, 0, 0, 0, 5, 0, 9, 0x45,
        ];
        check(239, little, Some((v4, IN)));
        check(239, big, Some((v4, OUT)));
        check(239, &[2, 0, 0, 0, 0, 0, 1, 0, 0, 0], None);
        assert_eq!(LinkType(105).link(), None);
        assert_eq!(LinkType(105).name(), Some("IEEE802_11"));
        assert_eq!(LinkType(9999).name(), None);
    }
}
