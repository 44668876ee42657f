//! Room between datagrams to one address and to one prefix, so that no host and no last router sees
//! a burst when many diagnoses go there at once.
//!
//! What one address gets is bounded by the [`Allowance`], whether one diagnosis goes there or several:
//! so many datagrams in any second and in any ten, so many SYNs in any minute. Without one, a diagnosis
//! that is alone at its address is spaced by what inference asks, and by nothing else.
//! First fragments get more room: Linux sends one reassembly timeout a second to each peer
//! (`icmp_ratelimit`), so fragments that stand closer would silence each other's reports.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::pacer::Pacer;
use super::policy::{Allowance, Policy};
use crate::model::time::Moment;

/// Datagrams that may follow each other at once, in the time they are worth.
const DEPTH: Duration = Duration::from_millis(16);
/// From the decision to send until a datagram leaves, at most, as a rule: by so much what stands apart
/// here may stand closer on the wire.
const JITTER: Duration = Duration::from_millis(20);
/// Addresses up to which those are remembered that other runs alone send something.
const ELSEWHERE: usize = 65_536;
/// Between two first fragments to one address.
const FRAGMENTS: Duration = Duration::from_millis(1100);

/// Between two probes that one device answers by an ICMP error: longer than the limit on such errors
/// (`icmp_ratelimit`, IPv6 `icmp/ratelimit`), so that each of them is answered.
const fn errors(device: IpAddr) -> Duration {
    Duration::from_millis(if device.is_ipv4() { 1250 } else { 300 })
}

/// At most so many within any span of this length.
#[derive(Clone, Debug)]
struct Window {
    span: Duration,
    most: usize,
    /// The latest, in order of time; no more than `most`.
    times: VecDeque<Moment>,
}

impl Window {
    const fn new(span: Duration, most: usize) -> Self {
        Self {
            span,
            most,
            times: VecDeque::new(),
        }
    }

    /// The earliest moment, from `now` on, when `count` more fit.
    fn ready_at(&self, now: Moment, count: usize) -> Moment {
        let first = (self.times.len() + count).checked_sub(self.most + 1);
        let gone = first.and_then(|first| self.times.get(first).or(self.times.back()));
        gone.map_or(now, |gone| gone.after(self.span).max(now))
    }

    fn spend(&mut self, at: Moment) {
        let place = self.times.partition_point(|known| *known <= at);
        self.times.insert(place, at);
        if self.times.len() > self.most {
            self.times.pop_front();
        }
    }
}

/// What an address was sent, against its allowance.
#[derive(Clone, Debug)]
struct Spent {
    datagrams: [Window; 2],
    syns: Window,
}

impl Spent {
    fn new(allowance: &Allowance) -> Self {
        Self {
            datagrams: [
                Window::new(Duration::from_secs(1) + JITTER, allowance.in_second),
                Window::new(Duration::from_secs(10) + JITTER, allowance.in_ten_seconds),
            ],
            syns: Window::new(Duration::from_secs(60) + JITTER, allowance.syns_in_minute),
        }
    }

    fn ready_at(&self, now: Moment, count: usize) -> Moment {
        self.datagrams
            .iter()
            .fold(now, |slot, window| window.ready_at(slot, count))
    }

    fn spend(&mut self, at: Moment) {
        self.datagrams
            .iter_mut()
            .for_each(|window| window.spend(at));
    }
}

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

/// The addresses and prefixes of all open diagnoses.
#[derive(Clone, Debug)]
pub(super) struct Spacing {
    host_rate: u32,
    prefix_rate: u32,
    hosts: BTreeMap<IpAddr, Gate>,
    prefixes: BTreeMap<IpAddr, Gate>,
    allowance: Option<Allowance>,
    spent: BTreeMap<IpAddr, Spent>,
    /// The devices that refuse, and when each will have another error to spare.
    devices: BTreeMap<IpAddr, Pacer>,
}

impl Spacing {
    /// No diagnosis yet.
    pub(super) const fn new(policy: &Policy) -> Self {
        Self {
            host_rate: policy.host_rate,
            prefix_rate: policy.prefix_rate,
            hosts: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            allowance: policy.allowance,
            spent: BTreeMap::new(),
            devices: BTreeMap::new(),
        }
    }

    /// A diagnosis into this address begins.
    pub(super) fn join(&mut self, address: IpAddr) {
        if let Some(allowance) = &self.allowance {
            let spent = self.spent.entry(address);
            spent.or_insert_with(|| Spent::new(allowance));
        }
        let host = self.hosts.entry(address);
        host.or_insert_with(|| Gate::new(self.host_rate)).sessions += 1;
        let prefix = self.prefixes.entry(prefix(address));
        prefix
            .or_insert_with(|| Gate::new(self.prefix_rate))
            .sessions += 1;
    }

    /// How many diagnoses of this address are open.
    pub(super) fn sessions_at(&self, address: IpAddr) -> usize {
        self.hosts.get(&address).map_or(0, |gate| gate.sessions)
    }

    /// A diagnosis into this address is over.
    pub(super) fn leave(&mut self, address: IpAddr) {
        leave(&mut self.hosts, address);
        leave(&mut self.prefixes, prefix(address));
    }

    /// The earliest moment, from `now` on, when this address may be sent `count` more datagrams.
    pub(super) fn allowed_at(&self, now: Moment, address: IpAddr, count: usize) -> Moment {
        let spent = self.spent.get(&address);
        spent.map_or(now, |spent| spent.ready_at(now, count))
    }

    /// A datagram leaves for this address.
    pub(super) fn note(&mut self, now: Moment, address: IpAddr) {
        if let Some(spent) = self.spent.get_mut(&address) {
            spent.spend(now);
        }
    }

    /// Another run sent this address a datagram, which was a SYN for it where `knocks`.
    pub(super) fn note_elsewhere(&mut self, now: Moment, address: IpAddr, knocks: bool) {
        let Some(allowance) = &self.allowance else {
            return;
        };
        if self.spent.len() >= ELSEWHERE && !self.spent.contains_key(&address) {
            return;
        }
        let spent = self.spent.entry(address);
        spent.or_insert_with(|| Spent::new(allowance));
        self.note(now, address);
        if knocks {
            self.note_syn(now, address);
        }
    }

    /// The earliest moment, from `now` on, when a SYN may reach this address.
    pub(super) fn syn_ready_at(&self, now: Moment, address: IpAddr) -> Moment {
        let spent = self.spent.get(&address);
        spent.map_or(now, |spent| spent.syns.ready_at(now, 1))
    }

    /// A SYN that reaches this address leaves.
    pub(super) fn note_syn(&mut self, now: Moment, address: IpAddr) {
        if let Some(spent) = self.spent.get_mut(&address) {
            spent.syns.spend(now);
        }
    }

    /// The last SYN to this address did not leave: this host refused it.
    pub(super) fn take_back_syn(&mut self, address: IpAddr) {
        if let Some(spent) = self.spent.get_mut(&address) {
            spent.syns.times.pop_back();
        }
    }

    /// Forgets what was sent longer than a minute ago.
    pub(super) fn forget_before(&mut self, now: Moment) {
        let hosts = &self.hosts;
        self.spent.retain(|address, spent| {
            let last = spent
                .datagrams
                .iter()
                .filter_map(|window| window.times.back())
                .max();
            hosts.contains_key(address)
                || last.is_some_and(|last| now.since(*last) < Duration::from_secs(60))
        });
    }

    /// Takes the earliest turn from `now` on for a probe that this device refuses or reports.
    pub(super) fn reserve_error(&mut self, now: Moment, device: IpAddr) -> Moment {
        let interval = errors(device);
        let pacer = self.devices.entry(device);
        let pacer = pacer.or_insert_with(|| Pacer::spaced(interval, interval));
        let turn = pacer.ready_at(now);
        pacer.spend(turn);
        turn
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
pub(super) fn prefix(address: IpAddr) -> IpAddr {
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
        let policy = Policy {
            allowance: None,
            ..Policy::default()
        };
        let mut spacing = Spacing::new(&policy);
        hosts.iter().for_each(|last| spacing.join(host(*last)));
        spacing
    }

    #[test]
    fn a_diagnosis_alone_at_its_prefix_is_not_held_up() {
        assert_eq!(slots(&mut spacing(&[1]), &[1], 100, true), [0, 0]);
    }

    #[test]
    fn an_allowance_holds_in_any_second_and_in_any_ten() {
        let mut spacing = Spacing::new(&Policy::default());
        spacing.join(host(1));
        let start = Moment::from_nanos(1_000_000_000);
        let mut now = start;
        let slots: Vec<u64> = (0..60)
            .map(|_| {
                now = spacing.allowed_at(now, host(1), 1);
                spacing.note(now, host(1));
                now.since(start).as_millis() as u64
            })
            .collect();
        for (most, span) in [(8, 1000), (25, 10_000)] {
            for (index, slot) in slots.iter().enumerate().skip(most) {
                assert!(slot - slots[index - most] >= span, "{index} {slots:?}");
            }
        }
        assert_eq!(
            [slots[7], slots[8], slots[24], slots[25]],
            [0, 1020, 3060, 10_020]
        );
    }

    #[test]
    fn diagnoses_at_one_host_share_its_rate_and_its_fragments_are_a_second_apart() {
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
