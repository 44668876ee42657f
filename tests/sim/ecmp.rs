//! The layer-4 hash by which a router with two next hops chooses one for a flow.
//!
//! As `fib_multipath_custom_hash` over the 5-tuple: addresses, protocol and TCP ports. The kernel's dissector
//! stops at a fragment, so a first fragment hashes without ports, as ICMP does.

use std::net::IpAddr;

use super::datagram::Datagram;

/// Which of `ways` next hops the flow of `datagram` takes at a router whose hash is seeded `seed`.
pub fn choose(seed: u64, datagram: &Datagram, ways: usize) -> usize {
    let mut hash = Mixer(seed);
    hash.add_address(datagram.source);
    hash.add_address(datagram.destination);
    hash.add(datagram.protocol.into());
    if datagram.fragment.is_none()
        && let Some(segment) = datagram.segment()
    {
        hash.add(u64::from(segment.source_port) << 16 | u64::from(segment.destination_port));
    }
    let ways = u64::try_from(ways).expect("few next hops");
    usize::try_from((hash.finish() >> 32) % ways).expect("less than the number of ways")
}

/// The non-zero flow label Linux puts on a flow of its own stack (`ip6_make_flowlabel`).
pub fn flow_label(seed: u64, datagram: &Datagram) -> u32 {
    let mut hash = Mixer(seed ^ 0x6c61_6265_6c00);
    hash.add_address(datagram.source);
    hash.add_address(datagram.destination);
    if let Some(segment) = datagram.segment() {
        hash.add(u64::from(segment.source_port) << 16 | u64::from(segment.destination_port));
    }
    u32::try_from(hash.finish() >> 44)
        .expect("twenty bits")
        .max(1)
}

/// `splitmix64` steps over the words of a key.
struct Mixer(u64);

impl Mixer {
    fn add_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.add(u32::from(address).into()),
            IpAddr::V6(address) => {
                let bits = u128::from(address);
                self.add((bits >> 64) as u64);
                self.add(bits as u64);
            }
        }
    }

    fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0 = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        self.0 = (self.0 ^ (self.0 >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 ^= self.0 >> 31;
    }

    fn finish(self) -> u64 {
        self.0
    }
}
