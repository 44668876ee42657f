//! The order in which endpoints are probed, and the shard each belongs to.
//!
//! Both are keyed hashes of the seed and the endpoint alone: whatever else a list holds, on whichever
//! machine, an endpoint keeps its shard, and neighbours in a list are no neighbours in time. A name
//! that is not resolved yet is an endpoint by its name, so that shards that resolve it differently
//! still agree whose it is.

use std::hash::Hasher as _;
use std::net::{IpAddr, Ipv6Addr};

use siphasher::sip::SipHasher24;

use super::roll::{Entry, Roll, Where};

/// Keeps the two hashes of an endpoint independent of each other.
const ORDER: u64 = 0x6f72_6465_7200;
const SHARD: u64 = 0x7368_6172_6400;

/// One of the parts a sweep is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0.
    pub index: u32,
    /// Of how many.
    pub count: u32,
}

impl Shard {
    /// The whole sweep.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Whether an endpoint is its.
    pub fn holds(self, seed: u64, at: Where<'_>, port: u16) -> bool {
        hash(seed, SHARD, at, port) % u64::from(self.count.max(1)) == u64::from(self.index)
    }
}

/// The endpoints of `roll`, each once, in the order in which to probe them.
pub fn shuffled(roll: &Roll, seed: u64) -> Vec<Entry> {
    let mut entries: Vec<Entry> = roll.entries().collect();
    entries.sort_by_cached_key(|entry| {
        let (at, port) = roll.whereabouts(*entry).unwrap_or((Where::Name(""), 0));
        hash(seed, ORDER, at, port)
    });
    entries
}

fn hash(seed: u64, use_of_it: u64, at: Where<'_>, port: u16) -> u64 {
    let mut hasher = SipHasher24::new_with_keys(seed, use_of_it);
    match at {
        Where::Address(address) => {
            let v6: Ipv6Addr = match address {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            };
            hasher.write(&v6.octets());
        }
        Where::Name(name) => hasher.write(name.to_ascii_lowercase().as_bytes()),
    }
    hasher.write(&port.to_be_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn every_endpoint_is_in_one_shard_and_the_shards_are_of_a_size() {
        let mut sizes = [0_u32; 4];
        for host in 0..4000_u32 {
            let at = Where::Address(IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + host)));
            let holders: Vec<usize> = (0..4)
                .filter(|index| {
                    Shard {
                        index: *index,
                        count: 4,
                    }
                    .holds(7, at, 3306)
                })
                .map(|index| index as usize)
                .collect();
            assert_eq!(holders.len(), 1);
            sizes[holders[0]] += 1;
        }
        // Five standard deviations of a fair draw.
        assert!(
            sizes.iter().all(|size| size.abs_diff(1000) < 137),
            "{sizes:?}"
        );
    }

    #[test]
    fn the_shard_of_an_endpoint_is_a_contract_between_machines() {
        let shard =
            |seed, at| (0..10).find(|&index| Shard { index, count: 10 }.holds(seed, at, 3306));
        let address = Where::Address("10.9.3.10".parse().expect("an address"));
        // Kept: shards of different builds must agree.
        assert_eq!(
            (
                shard(7, address),
                shard(8, address),
                shard(7, Where::Name("db"))
            ),
            (Some(6), Some(2), Some(2))
        );
        assert_eq!(shard(7, Where::Name("DB")), shard(7, Where::Name("db")));
    }
}
