//! The two ends of a TCP connection as one key, whichever way a segment goes.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::net::IpAddr;

use siphasher::sip::SipHasher13;

/// A hasher without a seed: the same file gives the same account, whatever the process.
pub(super) type Keyless = BuildHasherDefault<SipHasher13>;

/// A map whose order is that of insertion, never of hashes.
pub(super) type Map<K, V> = indexmap::IndexMap<K, V, Keyless>;

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Socket {
    pub(super) address: IpAddr,
    pub(super) port: u16,
}

impl Socket {
    pub(super) const fn new(address: IpAddr, port: u16) -> Self {
        Self { address, port }
    }

    const fn number(self) -> u128 {
        match self.address {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits(),
        }
    }
}

/// Both ends of a connection, the lower one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    low: (u128, u16),
    high: (u128, u16),
}

impl Pair {
    /// The pair of two sockets, and whether `from` is its lower end.
    pub(super) fn of(from: Socket, to: Socket) -> (Self, bool) {
        let (one, two) = ((from.number(), from.port), (to.number(), to.port));
        if one <= two {
            let pair = Self {
                low: one,
                high: two,
            };
            (pair, true)
        } else {
            let pair = Self {
                low: two,
                high: one,
            };
            (pair, false)
        }
    }
}

impl Hash for Pair {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // One write: the hasher's cost is by the call as much as by the octet.
        let mut octets = [0_u8; 36];
        let (addresses, ports) = octets.split_at_mut(32);
        let (low, high) = addresses.split_at_mut(16);
        low.copy_from_slice(&self.low.0.to_ne_bytes());
        high.copy_from_slice(&self.high.0.to_ne_bytes());
        let both = u32::from(self.low.1) << 16 | u32::from(self.high.1);
        ports.copy_from_slice(&both.to_ne_bytes());
        state.write(&octets);
    }
}
