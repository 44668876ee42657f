//! What tunnels carry: the IP datagrams inside VXLAN, GENEVE, GRE, ERSPAN, IP-in-IP, 6in4 and GTP-U.
//!
//! A tunnel in a tunnel is followed a few times. What is encrypted, or of a kind that is not known
//! here, is named, so that nothing is passed over in silence.

use crate::wire::frame::{self, Link};

/// Tunnels in tunnels that are followed.
const DEEPEST: usize = 6;

/// UDP ports of tunnels (IANA's registry; 8472 is Linux's old one for VXLAN).
const VXLAN: [u16; 2] = [4789, 8472];
const GENEVE: u16 = 6081;
const GTP_USER: u16 = 2152;

/// EtherTypes within GRE and GENEVE.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ETHERNET: u16 = 0x6558;
const MPLS: u16 = 0x8847;
const ERSPAN_2: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
const PPTP: u16 = 0x880b;

/// What is inside a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside<'d> {
    /// It is no tunnel's: itself.
    Itself,
    /// A datagram that a tunnel carries.
    Carried(&'d [u8]),
    /// A frame without IP that a tunnel carries: nothing to look at.
    NoDatagram,
    /// Something that is not looked into, by its kind.
    Hidden(&'static str),
}

/// The innermost datagram of `datagram`.
pub(super) fn innermost(datagram: &[u8]) -> Inside<'_> {
    let mut inside = Inside::Itself;
    let mut current = datagram;
    for _ in 0..DEEPEST {
        match peel(current) {
            Inside::Carried(inner) => {
                current = inner;
                inside = Inside::Carried(inner);
            }
            Inside::Itself => return inside,
            last @ (Inside::NoDatagram | Inside::Hidden(_)) => return last,
        }
    }
    match peel(current) {
        Inside::Itself => inside,
        _ => Inside::Hidden("too many tunnels in one another"),
    }
}

/// One tunnel less.
fn peel(datagram: &[u8]) -> Inside<'_> {
    let Some((protocol, rest)) = carried(datagram) else {
        return Inside::Itself;
    };
    let (kind, inner) = match protocol {
        4 | 41 => ("IP-in-IP", ip(rest)),
        47 => ("GRE", gre(rest)),
        50 => return Inside::Hidden("ESP"),
        51 => return Inside::Hidden("AH"),
        115 => return Inside::Hidden("L2TP"),
        17 => {
            let Some(ports) = ports(rest) else {
                return Inside::Itself;
            };
            let Some(payload) = rest.get(8..) else {
                return Inside::Itself;
            };
            return udp(ports, payload);
        }
        _ => return Inside::Itself,
    };
    match inner {
        Some(inner) => inner,
        None => Inside::Hidden(kind),
    }
}

/// The protocol and the octets behind the header of a datagram, where it is no later fragment.
fn carried(datagram: &[u8]) -> Option<(u8, &[u8])> {
    match datagram.first()? >> 4 {
        4 => {
            let protocol = *datagram.get(9)?;
            let later = number(datagram, 6)? & 0x1fff != 0;
            let header = usize::from(datagram.first()? & 0x0f) * 4;
            let length = usize::from(number(datagram, 2)?);
            let end = if length < header {
                datagram.len()
            } else {
                length
            };
            let whole = datagram.get(..end).unwrap_or(datagram);
            Some((protocol, whole.get(header..)?)).filter(|_| !later)
        }
        // Behind options there may be a tunnel as well (RFC 2473 §4.1.1).
        6 => match *datagram.get(6)? {
            60 => {
                let length = (usize::from(*datagram.get(41)?) + 1) * 8;
                Some((*datagram.get(40)?, datagram.get(40 + length..)?))
            }
            protocol => Some((protocol, datagram.get(40..)?)),
        },
        _ => None,
    }
}

fn ports(segment: &[u8]) -> Option<[u16; 2]> {
    Some([number(segment, 0)?, number(segment, 2)?])
}

fn udp([from, to]: [u16; 2], payload: &[u8]) -> Inside<'_> {
    let inner = if VXLAN.contains(&to) {
        vxlan(payload).ok_or("VXLAN")
    } else if to == GENEVE {
        geneve(payload).ok_or("GENEVE")
    } else if to == GTP_USER {
        gtp(payload).ok_or("GTP-U")
    } else {
        return match (from, to) {
            // Four zeros mark what is of the key exchange (RFC 3948 §2.2).
            (4500, _) | (_, 4500) if payload.len() > 4 && !payload.starts_with(&[0; 4]) => {
                Inside::Hidden("ESP in UDP")
            }
            (_, 1701) => Inside::Hidden("L2TP"),
            (51_820, _) | (_, 51_820) => Inside::Hidden("WireGuard"),
            (1194, _) | (_, 1194) => Inside::Hidden("OpenVPN"),
            _ => Inside::Itself,
        };
    };
    inner.unwrap_or_else(Inside::Hidden)
}

/// RFC 7348 §5.
fn vxlan(payload: &[u8]) -> Option<Inside<'_>> {
    let valid = payload.first()? & 0x08 != 0;
    ethernet(payload.get(8..)?).filter(|_| valid)
}

/// RFC 8926 §3.4.
fn geneve(payload: &[u8]) -> Option<Inside<'_>> {
    let first = *payload.first()?;
    let options = usize::from(first & 0x3f) * 4;
    let protocol = number(payload, 2)?;
    typed(protocol, payload.get(8 + options..)?).filter(|_| first >> 6 == 0)
}

/// 3GPP TS 29.281 §5.1.
fn gtp(payload: &[u8]) -> Option<Inside<'_>> {
    const CARRIES_USER_DATA: u8 = 255;
    let [flags, kind] = *payload.first_chunk::<2>()?;
    if flags >> 4 != 3 {
        return None;
    }
    if kind != CARRIES_USER_DATA {
        return Some(Inside::NoDatagram);
    }
    let mut rest = payload.get(8..)?;
    if flags & 0x07 != 0 {
        let mut next = *rest.get(3)?;
        rest = rest.get(4..)?;
        while flags & 0x04 != 0 && next != 0 {
            let length = usize::from(*rest.first()?) * 4;
            next = *rest.get(length.checked_sub(1)?)?;
            rest = rest.get(length..)?;
        }
    }
    ip(rest)
}

/// RFC 2784, RFC 2890; ERSPAN after its Internet-Draft; RFC 2637 §4.1.
fn gre(rest: &[u8]) -> Option<Inside<'_>> {
    const CHECKSUM: u16 = 0x8000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGMENT: u16 = 0x0080;
    let (flags, protocol) = (number(rest, 0)?, number(rest, 2)?);
    let options = [CHECKSUM, KEY, SEQUENCE, ACKNOWLEDGMENT];
    let present = options.iter().filter(|option| flags & **option != 0);
    let payload = rest.get(4 + 4 * present.count()..)?;
    match protocol {
        // Type I has no header of its own, and no sequence number.
        ERSPAN_2 if flags & SEQUENCE == 0 => ethernet(payload),
        ERSPAN_2 => ethernet(payload.get(8..)?),
        ERSPAN_3 => {
            let more = if payload.get(11)? & 1 == 1 { 8 } else { 0 };
            ethernet(payload.get(12 + more..)?)
        }
        PPTP => Some(of(frame::datagram(Link::Ppp, payload))),
        protocol => typed(protocol, payload),
    }
}

fn typed(protocol: u16, payload: &[u8]) -> Option<Inside<'_>> {
    match protocol {
        IPV4 | IPV6 => ip(payload),
        ETHERNET => ethernet(payload),
        MPLS => Some(of(frame::labelled(payload))),
        _ => Some(Inside::NoDatagram),
    }
}

fn ip(payload: &[u8]) -> Option<Inside<'_>> {
    matches!(payload.first()? >> 4, 4 | 6).then_some(Inside::Carried(payload))
}

fn ethernet(payload: &[u8]) -> Option<Inside<'_>> {
    payload.get(..14)?;
    Some(of(frame::datagram(Link::Ethernet, payload)))
}

fn of(datagram: Option<&[u8]>) -> Inside<'_> {
    datagram.map_or(Inside::NoDatagram, Inside::Carried)
}

fn number(octets: &[u8], at: usize) -> Option<u16> {
    let two = octets.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*two))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 header for `protocol` and what it carries.
    fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(20 + payload.len()).expect("short");
        let [high, low] = length.to_be_bytes();
        let mut datagram = vec![0x45, 0, high, low, 0, 1, 0, 0, 64, protocol, 0, 0];
        datagram.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        datagram.extend(payload);
        datagram
    }

    fn udp_to(port: u16, payload: &[u8]) -> Vec<u8> {
        let [high, low] = port.to_be_bytes();
        ipv4(17, &[&[0xc0, 0, high, low, 0, 0, 0, 0], payload].concat())
    }

    fn frame(datagram: &[u8]) -> Vec<u8> {
        [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], datagram].concat()
    }

    #[test]
    fn each_tunnel_gives_what_it_carries_and_cut_ones_say_so() {
        let inner = ipv4(6, &[0; 20]);
        let check = |outer: Vec<u8>| {
            assert_eq!(innermost(&outer), Inside::Carried(&inner), "{outer:02x?}");
            for end in 0..outer.len() {
                let _ = innermost(&outer[..end]);
            }
        };
        check(udp_to(
            4789,
            &[&[8, 0, 0, 0, 0, 0, 7, 0], &frame(&inner)[..]].concat(),
        ));
        check(udp_to(
            8472,
            &[&[8, 0, 0, 0, 0, 0, 7, 0], &frame(&inner)[..]].concat(),
        ));
        // One word of options.
        let geneve = [1, 0, 0x65, 0x58, 0, 0, 7, 0, 0, 1, 0, 0];
        check(udp_to(6081, &[&geneve, &frame(&inner)[..]].concat()));
        check(ipv4(47, &[&[0, 0, 8, 0], &inner[..]].concat()));
        // Key and sequence number.
        check(ipv4(
            47,
            &[&[0x30, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0, 2], &inner[..]].concat(),
        ));
        check(ipv4(
            47,
            &[&[0, 0, 0x65, 0x58], &frame(&inner)[..]].concat(),
        ));
        // ERSPAN I, II and III.
        check(ipv4(
            47,
            &[&[0, 0, 0x88, 0xbe], &frame(&inner)[..]].concat(),
        ));
        let second = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 7, 0, 0, 0, 0, 0, 0];
        check(ipv4(47, &[&second, &frame(&inner)[..]].concat()));
        let third = [
            0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        check(ipv4(47, &[&third, &frame(&inner)[..]].concat()));
        check(ipv4(4, &inner));
        // GTP-U without and with an extension header.
        check(udp_to(
            2152,
            &[&[0x30, 255, 0, 40, 0, 0, 0, 9], &inner[..]].concat(),
        ));
        let extended = [0x34, 255, 0, 48, 0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0, 0, 0];
        check(udp_to(2152, &[&extended, &inner[..]].concat()));
        // A tunnel in a tunnel.
        check(ipv4(4, &ipv4(47, &[&[0, 0, 8, 0], &inner[..]].concat())));
        // MPLS within GRE.
        check(ipv4(
            47,
            &[&[0, 0, 0x88, 0x47, 0, 1, 1, 64], &inner[..]].concat(),
        ));
    }

    #[test]
    fn what_is_not_looked_into_is_named_and_what_is_no_tunnel_is_itself() {
        assert_eq!(innermost(&ipv4(50, &[0; 20])), Inside::Hidden("ESP"));
        assert_eq!(
            innermost(&udp_to(4500, &[9; 20])),
            Inside::Hidden("ESP in UDP")
        );
        assert_eq!(
            innermost(&udp_to(4789, &[8, 0, 0])),
            Inside::Hidden("VXLAN")
        );
        for plain in [ipv4(6, &[0; 20]), udp_to(53, &[1; 20]), ipv4(1, &[8; 8])] {
            assert_eq!(innermost(&plain), Inside::Itself);
        }
        let mut deep = ipv4(6, &[0; 20]);
        for _ in 0..DEEPEST + 1 {
            deep = ipv4(4, &deep);
        }
        assert!(matches!(innermost(&deep), Inside::Hidden(_)));
    }
}
