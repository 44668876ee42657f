//! ICMP and ICMPv6 messages under one set of names; what has no name here survives by its numbers.
//!
//! | name | ICMP (RFC 792, 1122, 1812) | ICMPv6 (RFC 4443) |
//! |---|---|---|
//! | echo request, reply | 8/0, 0/0 | 128/0, 129/0 |
//! | unreachable | 3, save 3/4 | 1 |
//! | too big | 3/4 | 2/0 |
//! | time exceeded | 11/0 | 3/0 |
//! | reassembly timeout | 11/1 | 3/1 |

use super::ip::Family;

/// What an ICMP message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Echo request.
    EchoRequest(Echo),
    /// Echo reply.
    EchoReply(Echo),
    /// Destination unreachable, by its code; the codes of the two versions differ.
    Unreachable(u8),
    /// Fragmentation needed, or packet too big.
    TooBig {
        /// Next-hop MTU in octets; `None` where the router left it zero (before RFC 1191).
        mtu: Option<u32>,
    },
    /// The TTL ran out in transit.
    TimeExceeded,
    /// The reassembly timer ran out.
    ReassemblyTimeout,
    /// Anything else, as it came.
    Other {
        /// The type octet.
        kind: u8,
        /// The code octet.
        code: u8,
        /// The four octets after the checksum.
        rest: u32,
    },
}

/// Identifier and sequence number of an echo message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Echo {
    /// Identifier.
    pub identifier: u16,
    /// Sequence number.
    pub sequence: u16,
}

impl Echo {
    /// Both numbers as the 32 bits of the header.
    pub const fn from_bits(bits: u32) -> Self {
        let [a, b, c, d] = bits.to_be_bytes();
        Self {
            identifier: u16::from_be_bytes([a, b]),
            sequence: u16::from_be_bytes([c, d]),
        }
    }

    /// The 32 bits of the header.
    pub const fn bits(self) -> u32 {
        let [a, b] = self.identifier.to_be_bytes();
        let [c, d] = self.sequence.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

impl Kind {
    /// The kind of a message with this type and code and these four octets after the checksum.
    pub fn read(family: Family, kind: u8, code: u8, rest: u32) -> Self {
        let echo = Echo::from_bits(rest);
        match (family, kind, code) {
            (Family::V4, 8, 0) | (Family::V6, 128, 0) => Self::EchoRequest(echo),
            (Family::V4, 0, 0) | (Family::V6, 129, 0) => Self::EchoReply(echo),
            // RFC 1191 §4: the MTU is the lower half; the upper is unused (RFC 4884 uses it).
            (Family::V4, 3, 4) => Self::too_big(rest & 0xffff),
            (Family::V6, 2, 0) => Self::too_big(rest),
            (Family::V4, 3, code) | (Family::V6, 1, code) => Self::Unreachable(code),
            (Family::V4, 11, 0) | (Family::V6, 3, 0) => Self::TimeExceeded,
            (Family::V4, 11, 1) | (Family::V6, 3, 1) => Self::ReassemblyTimeout,
            (_, kind, code) => Self::Other { kind, code, rest },
        }
    }

    const fn too_big(mtu: u32) -> Self {
        Self::TooBig {
            mtu: if mtu == 0 { None } else { Some(mtu) },
        }
    }

    /// Type, code and the four octets after the checksum.
    pub fn write(self, family: Family) -> (u8, u8, u32) {
        let v4 = family == Family::V4;
        match self {
            Self::EchoRequest(echo) => (if v4 { 8 } else { 128 }, 0, echo.bits()),
            Self::EchoReply(echo) => (if v4 { 0 } else { 129 }, 0, echo.bits()),
            Self::Unreachable(code) => (if v4 { 3 } else { 1 }, code, 0),
            Self::TooBig { mtu } => {
                let (kind, code) = if v4 { (3, 4) } else { (2, 0) };
                (kind, code, mtu.unwrap_or(0))
            }
            Self::TimeExceeded => (if v4 { 11 } else { 3 }, 0, 0),
            Self::ReassemblyTimeout => (if v4 { 11 } else { 3 }, 1, 0),
            Self::Other { kind, code, rest } => (kind, code, rest),
        }
    }

    /// Whether a message of this kind quotes the datagram it is about.
    pub const fn quotes(self, family: Family) -> bool {
        match self {
            Self::EchoRequest(_) | Self::EchoReply(_) => false,
            Self::Unreachable(_)
            | Self::TooBig { .. }
            | Self::TimeExceeded
            | Self::ReassemblyTimeout => true,
            Self::Other { kind, .. } => match family {
                // Unreachable, source quench, redirect, time exceeded, parameter problem.
                Family::V4 => matches!(kind, 3 | 4 | 5 | 11 | 12),
                // RFC 4443 §2.1: error messages have types below 128.
                Family::V6 => kind < 128,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_and_code_survives_both_ways() {
        for family in [Family::V4, Family::V6] {
            for kind in 0..=u8::MAX {
                for code in 0..=u8::MAX {
                    let read = Kind::read(family, kind, code, 0);
                    let (kind_again, code_again, _) = read.write(family);
                    assert_eq!(
                        (kind, code),
                        (kind_again, code_again),
                        "{family:?} {read:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_two_versions_share_their_names() {
        let echo = Echo {
            identifier: 0x1234,
            sequence: 0x5678,
        };
        for (v4, v6, rest, name) in [
            ((8, 0), (128, 0), 0x1234_5678, Kind::EchoRequest(echo)),
            ((0, 0), (129, 0), 0x1234_5678, Kind::EchoReply(echo)),
            ((3, 4), (2, 0), 1400, Kind::TooBig { mtu: Some(1400) }),
            ((3, 4), (2, 0), 0, Kind::TooBig { mtu: None }),
            ((3, 1), (1, 1), 0, Kind::Unreachable(1)),
            ((11, 0), (3, 0), 0, Kind::TimeExceeded),
            ((11, 1), (3, 1), 0, Kind::ReassemblyTimeout),
        ] {
            assert_eq!(Kind::read(Family::V4, v4.0, v4.1, rest), name);
            assert_eq!(Kind::read(Family::V6, v6.0, v6.1, rest), name);
        }
    }
}
