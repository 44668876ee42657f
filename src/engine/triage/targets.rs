//! The list of endpoints, the numbers of their SYNs, and whose an answer is.

use std::net::{IpAddr, SocketAddr};

use super::super::token::{Key, ProbeFields, Tokens, Tuple};
use super::SYNS;
use crate::model::endpoint::Family;
use crate::model::probe::{Flow, Ttl};
use crate::model::time::Moment;
use crate::model::vantage::Vantage;
use crate::wire::compose::Envelope;
use crate::wire::packet_template::{Numbers, PacketTemplate};
use crate::wire::tcp::{Flags, Options, Segment};

/// An endpoint of a triage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub address: IpAddr,
    /// Its TCP port.
    pub port: u16,
    /// From where it is probed: a place in the list of vantages.
    pub vantage: u32,
}

/// What an answer shows of the SYN that drew it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// Address and port it went to.
    pub(super) theirs: (IpAddr, u16),
    /// The port it left from.
    pub(super) ours: u16,
    /// Its sequence number.
    pub(super) sequence: u32,
}

/// One SYN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syn {
    pub(super) target: u32,
    pub(super) attempt: u8,
    /// Which of the vantage's source ports it leaves from.
    pub(super) flow: Flow,
    port: u16,
    probe_fields: ProbeFields,
}

impl Syn {
    /// The port it leaves from and its sequence number: what any answer shows of it.
    pub(super) const fn key(&self) -> (u16, u32) {
        (self.port, self.probe_fields.sequence)
    }
}

/// The endpoints.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    tokens: Tokens,
    vantages: Vec<Vantage>,
    /// What the SYNs and resets of each vantage are made from; `None` where it has no source.
    stencils: Vec<Option<[PacketTemplate; 2]>>,
    targets: Vec<Target>,
    /// Every endpoint's place in the list, by its fingerprint.
    index: Vec<(u64, u32)>,
}

impl Targets {
    pub(super) fn new(key: Key, vantages: Vec<Vantage>, targets: Vec<Target>) -> Self {
        let mut index: Vec<_> = targets
            .iter()
            .zip(0_u32..)
            .map(|(target, place)| (fingerprint(target.address, target.port), place))
            .collect();
        index.sort_unstable();
        Self {
            tokens: Tokens::new(key),
            stencils: vantages.iter().map(stencils).collect(),
            vantages,
            targets,
            index,
        }
    }

    /// All endpoints in an order that the run's key decides.
    pub(super) fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..).take(self.targets.len()).collect();
        // Fisher and Yates.
        for (place, bound) in (1..order.len()).zip(2_u64..) {
            let number = self.tokens.order(u32::try_from(place).unwrap_or(u32::MAX));
            let other = usize::try_from(number % bound).unwrap_or_default();
            order.swap(place, other);
        }
        order
    }

    /// An endpoint, by its place in the list.
    pub(super) fn target(&self, place: u32) -> Option<&Target> {
        self.targets.get(place as usize)
    }

    /// The address from which an endpoint is probed.
    pub(super) fn source(&self, target: u32) -> Option<IpAddr> {
        let target = self.targets.get(target as usize)?;
        let vantage = self.vantages.get(target.vantage as usize)?;
        Some(vantage.source)
    }

    /// A SYN of an endpoint; `None` where its vantage has no source ports.
    pub(super) fn at(&self, place: u32, attempt: u8) -> Option<Syn> {
        let target = self.targets.get(place as usize)?;
        let vantage = self.vantages.get(target.vantage as usize)?;
        let tuple = Tuple {
            source: SocketAddr::new(vantage.source, 0),
            destination: SocketAddr::new(target.address, target.port),
        };
        // The place in the list keeps apart the lines that name one endpoint twice.
        let number = place
            .wrapping_mul(SYNS as u32)
            .wrapping_add(u32::from(attempt));
        let probe_fields = self.tokens.probe_fields(&tuple, number);
        let ports = u16::try_from(vantage.ephemeral_ports.len()).ok()?;
        let chosen = probe_fields.choice.checked_rem(ports)?;
        Some(Syn {
            target: place,
            attempt,
            flow: Flow::ephemeral(u8::try_from(chosen).ok()?),
            port: *vantage.ephemeral_ports.get(usize::from(chosen))?,
            probe_fields,
        })
    }

    /// The SYN that an answer shows. An answer on a flow of ours that shows none is the near miss of
    /// an endpoint; on no flow of ours, it is nobody's.
    pub(super) fn find(&self, shown: &Shown) -> Result<Syn, Option<u32>> {
        let (address, port) = shown.theirs;
        let print = fingerprint(address, port);
        let first = self.index.partition_point(|(other, _)| *other < print);
        let alike = self.index.get(first..).unwrap_or_default().iter();
        let mut near = None;
        for (_, place) in alike.take_while(|(other, _)| *other == print) {
            let target = self.target(*place);
            if target.is_none_or(|target| (target.address, target.port) != shown.theirs) {
                continue;
            }
            for attempt in 0..SYNS as u8 {
                let Some(syn) = self.at(*place, attempt) else {
                    continue;
                };
                if syn.port == shown.ours && syn.probe_fields.sequence == shown.sequence {
                    return Ok(syn);
                }
                if syn.port == shown.ours {
                    near = near.or(Some(*place));
                }
            }
        }
        Err(near)
    }

    /// Appends a SYN; false where it cannot be made.
    pub(super) fn syn(&self, place: u32, attempt: u8, now: Moment, out: &mut Vec<u8>) -> bool {
        let Some((stencils, syn, target)) = self.made_from(place, attempt) else {
            return false;
        };
        let [packet_template, _] = stencils;
        let ticks = (now.micros() / 1000) & 0xffff_ffff;
        let mut numbers = numbers(target, &syn);
        numbers.timestamp = syn.probe_fields.timestamp.wrapping_add(ticks as u32);
        packet_template.copy(&numbers, out);
        true
    }

    /// Appends the reset that closes what a SYN half-opened: its sequence number is what the SYN-ACK
    /// acknowledged (RFC 9293 §3.10.7.3). False where it cannot be made.
    pub(super) fn reset(
        &self,
        place: u32,
        attempt: u8,
        acknowledged: u32,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some((stencils, syn, target)) = self.made_from(place, attempt) else {
            return false;
        };
        let [_, packet_template] = stencils;
        let mut numbers = numbers(target, &syn);
        numbers.sequence = acknowledged;
        numbers.identification = numbers.identification.wrapping_add(1);
        packet_template.copy(&numbers, out);
        true
    }

    fn made_from(&self, place: u32, attempt: u8) -> Option<(&[PacketTemplate; 2], Syn, &Target)> {
        let target = self.targets.get(place as usize)?;
        let vantage = self.vantages.get(target.vantage as usize)?;
        let stencils = self.stencils.get(target.vantage as usize)?.as_ref()?;
        let same_family = Family::of(vantage.source) == Family::of(target.address);
        same_family.then_some(())?;
        Some((stencils, self.at(place, attempt)?, target))
    }
}

/// A number by which an endpoint is looked up; few others share it.
fn fingerprint(address: IpAddr, port: u16) -> u64 {
    let bits = match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    let (high, low) = ((bits >> 64) as u64, bits as u64);
    // 2^64 divided by the golden ratio spreads neighbours apart (Knuth, volume 3, section 6.4).
    let spread = high.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ low;
    spread.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(port)
}

const fn numbers(target: &Target, syn: &Syn) -> Numbers {
    Numbers {
        destination: target.address,
        identification: syn.probe_fields.identification,
        flow_label: syn.probe_fields.flow_label,
        source_port: syn.port,
        destination_port: target.port,
        sequence: syn.probe_fields.sequence,
        timestamp: 0,
    }
}

/// The SYN of an ordinary Linux client, as the prober sends it, and a reset.
fn stencils(vantage: &Vantage) -> Option<[PacketTemplate; 2]> {
    let Ttl(ttl) = Ttl::FULL;
    let envelope = Envelope {
        source: vantage.source,
        // Of the same IP version; the copies say which.
        destination: vantage.source,
        ttl,
        traffic_class: 0,
        identification: 0,
        flow_label: 0,
        dont_fragment: true,
    };
    let mss = super::super::craft::mss(vantage, Family::of(vantage.source));
    let mut syn = Segment::bare(0, 0, 0, 0, Flags::SYN);
    syn.options = Options::linux_client(mss, 0);
    syn.window = super::super::craft::opening_window(mss);
    let reset = Segment::bare(0, 0, 0, 0, Flags::RST);
    Some([
        PacketTemplate::new(&envelope, &syn).ok()?,
        PacketTemplate::new(&envelope, &reset).ok()?,
    ])
}
