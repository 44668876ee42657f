//! ARP for IPv4 over anything with hardware addresses of six octets (RFC 826).

use std::net::Ipv4Addr;

use super::bytes::number16;

/// What an ARP packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A question for an address.
    Request,
    /// An answer.
    Reply,
    /// Another one, by its number.
    Unknown(u16),
}

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// What it is.
    pub operation: Operation,
    /// Who sends it: its hardware address.
    pub hardware: [u8; 6],
    /// Who sends it; unspecified where it only looks whether an address is taken (RFC 5227).
    pub sender: Ipv4Addr,
    /// Whom it is about.
    pub target: Ipv4Addr,
}

impl Arp {
    /// The packet at the beginning of `octets`; `None` where it is cut or for other protocols.
    pub fn read(octets: &[u8]) -> Option<Self> {
        const IPV4: u16 = 0x0800;
        let lengths = octets.get(4..6)?;
        if number16(octets, 2)? != IPV4 || lengths != [6, 4] {
            return None;
        }
        let address = |at: usize| Some(Ipv4Addr::from(*octets.get(at..)?.first_chunk::<4>()?));
        Some(Self {
            operation: match number16(octets, 6)? {
                1 => Operation::Request,
                2 => Operation::Reply,
                other => Operation::Unknown(other),
            },
            hardware: *octets.get(8..)?.first_chunk()?,
            sender: address(14)?,
            target: address(24)?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_once_it_is_all_there() {
        let octets: [u8; 28] = [
            0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 77,
        ];
        for length in 0..octets.len() {
            assert_eq!(Arp::read(&octets[..length]), None);
        }
        let question = Arp {
            operation: Operation::Request,
            hardware: [2, 0, 0, 0, 0, 1],
            sender: Ipv4Addr::new(10, 0, 0, 1),
            target: Ipv4Addr::new(10, 0, 0, 77),
        };
        assert_eq!(Arp::read(&octets), Some(question));
    }
}
