//! Tokens: the numbers in a probe that only its answer can repeat.
//!
//! Every number is SipHash-2-4 with 128 bits of output over what it is for, the flow and the probe
//! number, under one key per run. Whoever has not seen the probe cannot guess it, and nothing needs
//! to be remembered to recompute it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use siphasher::sip128::{Hash128, SipHasher24};

use crate::wire::icmp::Echo;

/// The secret of one run, from the operating system or, for a repeatable run, from a seed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 16]);

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(..)")
    }
}

/// What a number is for; keeps the uses of one key apart.
#[derive(Clone, Copy)]
enum Purpose {
    Sequence = 1,
    Acknowledgment,
    EchoSession,
    EchoOpening,
    Identification,
    FlowLabel,
    Timestamp,
    ControlPort,
    Triage,
    Order,
}

/// The numbers of one SYN of a triage, all from one hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProbeFields {
    pub(super) sequence: u32,
    /// Chooses the source port.
    pub(super) choice: u16,
    pub(super) identification: u16,
    pub(super) timestamp: u32,
    pub(super) flow_label: u32,
}

/// Both ends of a flow; port 0 where the flow has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tuple {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
}

impl Tuple {
    /// The flow between two addresses, without ports.
    pub(super) const fn between(source: IpAddr, destination: IpAddr) -> Self {
        Self {
            source: SocketAddr::new(source, 0),
            destination: SocketAddr::new(destination, 0),
        }
    }
}

/// The source of all tokens of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tokens {
    hasher: SipHasher24,
}

impl Tokens {
    pub(super) fn new(key: Key) -> Self {
        Self {
            hasher: SipHasher24::new_with_key(&key.0),
        }
    }

    fn hash(&self, purpose: Purpose, tuple: &Tuple, number: u32) -> u64 {
        self.hash128(purpose, tuple, number).as_u64().0
    }

    fn hash128(&self, purpose: Purpose, tuple: &Tuple, number: u32) -> Hash128 {
        let mut input = [0; 41];
        let mut rest = input.as_mut_slice();
        let mut put = |field: &[u8]| {
            let (place, after) = std::mem::take(&mut rest).split_at_mut(field.len());
            place.copy_from_slice(field);
            rest = after;
        };
        put(&[purpose as u8]);
        for end in [tuple.source, tuple.destination] {
            match end.ip() {
                IpAddr::V4(address) => put(&address.to_ipv6_mapped().octets()),
                IpAddr::V6(address) => put(&address.octets()),
            }
            put(&end.port().to_be_bytes());
        }
        put(&number.to_be_bytes());
        self.hasher.hash(&input)
    }

    fn hash32(&self, purpose: Purpose, tuple: &Tuple, number: u32) -> u32 {
        (self.hash(purpose, tuple, number) & 0xffff_ffff) as u32
    }

    /// The initial sequence number of a SYN, or that of a bare ACK or FIN.
    pub(super) fn sequence(&self, tuple: &Tuple, probe: u32) -> u32 {
        self.hash32(Purpose::Sequence, tuple, probe)
    }

    /// The acknowledgment number of an ACK probe: what a reset of it repeats as its sequence number.
    pub(super) fn acknowledgment(&self, tuple: &Tuple, probe: u32) -> u32 {
        self.hash32(Purpose::Acknowledgment, tuple, probe)
    }

    /// Identifier and sequence number of an echo request.
    ///
    /// The identifier is constant for a flow, so that routers which hash it send all echoes the same
    /// way; the sequence number counts up from a keyed start, so that no two echoes of a flow share
    /// it.
    pub(super) fn echo(&self, tuple: &Tuple, probe: u32) -> Echo {
        let start = Echo::from_bits(self.hash32(Purpose::EchoSession, tuple, 0));
        Echo {
            identifier: start.identifier,
            sequence: start.sequence.wrapping_add((probe & 0xffff) as u16),
        }
    }

    /// The first 8 octets of an echo request's payload.
    pub(super) fn echo_opening(&self, tuple: &Tuple, probe: u32) -> [u8; 8] {
        self.hash(Purpose::EchoOpening, tuple, probe).to_be_bytes()
    }

    /// An identification for the `count`-th datagram of the run: no two of 65 536 in a row share it
    /// between two addresses (of 2³² for the fragment header of IPv6), so that a host which
    /// reassembles never mixes two of our fragments.
    pub(super) fn identification(&self, tuple: &Tuple, count: u32) -> u32 {
        let pair = Tuple::between(tuple.source.ip(), tuple.destination.ip());
        self.hash32(Purpose::Identification, &pair, 0)
            .wrapping_add(count)
    }

    /// The IPv6 flow label: never zero, constant for a flow, so that its path is (RFC 6438).
    pub(super) fn flow_label(&self, tuple: &Tuple) -> u32 {
        (self.hash32(Purpose::FlowLabel, tuple, 0) & 0x000f_ffff).max(1)
    }

    /// The start of the TCP timestamp clock between two addresses (Linux keeps one offset for each
    /// pair, `secure_tcp_ts_off`).
    pub(super) fn timestamp(&self, tuple: &Tuple) -> u32 {
        let pair = Tuple::between(tuple.source.ip(), tuple.destination.ip());
        self.hash32(Purpose::Timestamp, &pair, 0)
    }

    /// The numbers of the `number`-th SYN of a triage between the ends of `tuple`, whose source port is
    /// yet to be chosen.
    pub(super) fn probe_fields(&self, tuple: &Tuple, number: u32) -> ProbeFields {
        let (one, two) = self.hash128(Purpose::Triage, tuple, number).as_u64();
        ProbeFields {
            sequence: (one >> 32) as u32,
            choice: (one & 0xffff) as u16,
            identification: (one >> 16 & 0xffff) as u16,
            timestamp: (two >> 32) as u32,
            flow_label: (two & 0x000f_ffff).max(1) as u32,
        }
    }

    /// A number by which the endpoint at `index` of a list is put in its place.
    pub(super) fn order(&self, index: u32) -> u64 {
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let tuple = Tuple {
            source: nowhere,
            destination: nowhere,
        };
        self.hash(Purpose::Order, &tuple, index)
    }

    /// A number to choose the `attempt`-th control port from.
    pub(super) fn control_port(&self, tuple: &Tuple, attempt: u32) -> u64 {
        self.hash(Purpose::ControlPort, tuple, attempt)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn tuple(source_port: u16) -> Tuple {
        Tuple {
            source: SocketAddr::new([10, 0, 0, 1].into(), source_port),
            destination: SocketAddr::new([10, 0, 0, 2].into(), 3306),
        }
    }

    #[test]
    fn key_flow_probe_and_purpose_each_change_the_token() {
        let tokens = Tokens::new(Key([7; 16]));
        let all = [
            tokens.sequence(&tuple(1), 1),
            tokens.sequence(&tuple(1), 2),
            tokens.sequence(&tuple(2), 1),
            tokens.acknowledgment(&tuple(1), 1),
            Tokens::new(Key([8; 16])).sequence(&tuple(1), 1),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert_eq!(all[0], tokens.sequence(&tuple(1), 1));
    }

    #[test]
    fn the_echoes_of_a_flow_share_the_identifier_and_never_the_sequence() {
        let tokens = Tokens::new(Key([7; 16]));
        let echoes: Vec<Echo> = (1..=400).map(|n| tokens.echo(&tuple(1), n)).collect();
        assert!(echoes.iter().all(|e| e.identifier == echoes[0].identifier));
        let sequences: BTreeSet<u16> = echoes.iter().map(|e| e.sequence).collect();
        assert_eq!(sequences.len(), 400);
    }

    #[test]
    fn flow_labels_are_never_zero_and_fit_twenty_bits() {
        let tokens = Tokens::new(Key([7; 16]));
        assert!((1..2000).all(|port| (1..=0xf_ffff).contains(&tokens.flow_label(&tuple(port)))));
    }
}
