//! Room between datagrams to one address and to one prefix, so that no host and no last router sees
//! a burst when many inquests go there at once.
//!
//! An inquest that is alone at its address is spaced by what inference asks, and by nothing else.
//! First fragments get more room: Linux sends one reassembly timeout a second to each peer
//! (`icmp_ratelimit`), so fragments that stand closer would silence each other's reports.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::pacer::Pacer;
use crate::model::time::Moment;

/// Datagrams that may follow each other at once, in the time they are worth.
const DEPTH: Duration = Duration::from_millis(16);
/// Between two first fragments to one address.
const FRAGMENTS: Duration = Duration::from_millis(1100);

/// One address, or one prefix.
#[derive(Clone, Debug)]
struct Gate {
    sessions: usize,
    bucket: Pacer,
    fragments: Pacer,
}

impl Gate {
    fn new(rate: u32) -> Self {
        let interval = Duration::from_secs(1) / rate.max(1);
        Self {
            sessions: 0,
            bucket: Pacer::spaced(interval, DEPTH.max(interval)),
            fragments: Pacer::spaced(FRAGMENTS, FRAGMENTS),
        }
    }
}

/// The addresses and prefixes of all open inquests.
#[derive(Clone, Debug)]
pub(super) struct Spacing {
    host_rate: u32,
    prefix_rate: u32,
    hosts: BTreeMap<IpAddr, Gate>,
    prefixes: BTreeMap<IpAddr, Gate>,
}

impl Spacing {
    /// No inquest yet; so many datagrams a second to one address, and to one prefix.
    pub(super) const fn new(host_rate: u32, prefix_rate: u32) -> Self {
        Self {
            host_rate,
            prefix_rate,
            hosts: BTreeMap::new(),
            prefixes: BTreeMap::new(),
        }
    }

    /// An inquest into this address begins.
    pub(super) fn join(&mut self, address: IpAddr) {
        let host = self.hosts.entry(address);
        host.or_insert_with(|| Gate::new(self.host_rate)).sessions += 1;
        let prefix = self.prefixes.entry(prefix(address));
        prefix
            .or_insert_with(|| Gate::new(self.prefix_rate))
            .sessions += 1;
    }

    /// How many inquests into this address are open.
    pub(super) fn sessions_at(&self, address: IpAddr) -> usize {
        self.hosts.get(&address).map_or(0, |gate| gate.sessions)
    }

    /// An inquest into this address is over.
    pub(super) fn leave(&mut self, address: IpAddr) {
        leave(&mut self.hosts, address);
        leave(&mut self.prefixes, prefix(address));
    }

    /// Takes the earliest slot from `now` on for a datagram to this address.
    pub(super) fn reserve(&mut self, now: Moment, address: IpAddr, is_fragment: bool) -> Moment {
        let gates = [
            self.hosts.get_mut(&address),
            self.prefixes.get_mut(&prefix(address)),
        ];
        let mut gates = gates.map(|gate| gate.filter(|gate| gate.sessions > 1));
        let mut slot = now;
        for gate in gates.iter().flatten() {
            slot = gate.bucket.ready_at(slot);
        }
        if is_fragment && let [Some(host), _] = &gates {
            slot = host.fragments.ready_at(slot);
        }
        for gate in gates.iter_mut().flatten() {
            gate.bucket.spend(slot);
        }
        if is_fragment && let [Some(host), _] = &mut gates {
            host.fragments.spend(slot);
        }
        slot
    }
}

fn leave(gates: &mut BTreeMap<IpAddr, Gate>, key: IpAddr) {
    if let Some(gate) = gates.get_mut(&key) {
        gate.sessions -= 1;
        if gate.sessions == 0 {
            gates.remove(&key);
        }
    }
}

/// The /24 or /64 of an address.
fn prefix(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & !0xff).into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(last: u8) -> IpAddr {
        [10, 9, 3, last].into()
    }

    /// When the first and the last of `count` datagrams may leave that all want to leave at once.
    fn slots(spacing: &mut Spacing, hosts: &[u8], count: usize, is_fragment: bool) -> [u64; 2] {
        let now = Moment::from_nanos(1_000_000_000);
        let slots: Vec<u64> = (0..count)
            .map(|index| host(hosts[index % hosts.len()]))
            .map(|address| spacing.reserve(now, address, is_fragment))
            .map(|slot| slot.since(now).as_millis() as u64)
            .collect();
        [slots[0], slots[count - 1]]
    }

    fn spacing(hosts: &[u8]) -> Spacing {
        let mut spacing = Spacing::new(250, 1000);
        hosts.iter().for_each(|last| spacing.join(host(*last)));
        spacing
    }

    #[test]
    fn an_inquest_alone_at_its_prefix_is_not_held_up() {
        assert_eq!(slots(&mut spacing(&[1]), &[1], 100, true), [0, 0]);
    }

    #[test]
    fn inquests_at_one_host_share_its_rate_and_its_fragments_are_a_second_apart() {
        assert_eq!(slots(&mut spacing(&[1, 1]), &[1], 104, false), [0, 400]);
        assert_eq!(slots(&mut spacing(&[1, 1]), &[1], 3, true), [0, 2200]);
    }

    #[test]
    fn hosts_of_one_prefix_share_its_rate() {
        let [first, last] = slots(&mut spacing(&[1, 2]), &[1, 2], 116, false);
        assert_eq!([first, last], [0, 100]);
    }

    #[test]
    fn whoever_is_left_alone_is_free_again() {
        let mut spacing = spacing(&[1, 1]);
        slots(&mut spacing, &[1], 50, false);
        spacing.leave(host(1));
        assert_eq!(slots(&mut spacing, &[1], 50, false), [0, 0]);
        spacing.leave(host(1));
        assert!(spacing.hosts.is_empty() && spacing.prefixes.is_empty());
    }
}
