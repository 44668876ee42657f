//! Who was asked for on a link and did not answer: ARP (RFC 826) and neighbour discovery (RFC 4861).
//!
//! Requests go to everybody, answers to who asked. So that a request was not answered is known only
//! of a host whose own frames the capture holds.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use indexmap::IndexMap;

use crate::wire::arp::{Arp, Operation};
use crate::wire::frame::{self, Direction, Link};

/// Questions that are remembered.
const REMEMBERED: usize = 4096;
/// Hosts whose own frames are remembered.
const HEARD: usize = 256;
/// Packets of a question that are named.
const NAMED: usize = 16;
/// Requests that are not answered: Linux and most routers send three before they give up.
const ENOUGH: u32 = 3;

/// A hardware address.
type Station = [u8; 6];

/// The questions of a capture.
#[derive(Clone, Debug, Default)]
pub(super) struct Neighbours {
    asked: IndexMap<(IpAddr, IpAddr), Asked>,
    answered: BTreeSet<IpAddr>,
    /// Who sent or got a frame that was for nobody else.
    heard: BTreeSet<Station>,
    last: Option<(Station, Station)>,
}

#[derive(Clone, Debug)]
struct Asked {
    by: Option<Station>,
    times: u32,
    first: u64,
    last: u64,
    packets: Vec<u64>,
    departing: bool,
}

/// A question that nobody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Who asked.
    pub asker: IpAddr,
    /// For whom.
    pub target: IpAddr,
    /// How often.
    pub times: u32,
    /// When first, in nanoseconds since the Unix epoch.
    pub first: u64,
    /// When last.
    pub last: u64,
    /// The packets that ask, the first of them.
    pub packets: Vec<u64>,
    /// An answer would be in the capture.
    pub certain: bool,
}

impl Neighbours {
    /// A frame without IP: ARP, perhaps.
    pub(super) fn frame(&mut self, number: u64, at: u64, link: Link, octets: &[u8]) {
        let Some((arp, direction)) = frame::arp(link, octets) else {
            return;
        };
        let Some(Arp {
            operation,
            hardware,
            sender,
            target,
        }) = Arp::read(arp)
        else {
            return;
        };
        // Who asks with its address is there, and so is who answers. Without one it only looks whether
        // an address is taken (RFC 5227).
        if !sender.is_unspecified() {
            self.answered.insert(sender.into());
        }
        let is_question =
            operation == Operation::Request && !sender.is_unspecified() && sender != target;
        if is_question {
            let departing = direction == Some(Direction::Outbound);
            let parties = (sender.into(), target.into());
            self.ask((number, at), parties, Some(hardware), departing);
        }
    }

    /// A datagram that is neither of TCP nor an error: neighbour discovery, perhaps.
    pub(super) fn datagram(
        &mut self,
        (number, at): (u64, u64),
        direction: Option<Direction>,
        octets: &[u8],
    ) {
        const ICMPV6: u8 = 58;
        const SOLICITATION: u8 = 135;
        const ADVERTISEMENT: u8 = 136;
        let Some(header) = octets.first_chunk::<40>() else {
            return;
        };
        if header[0] >> 4 != 6 || header[6] != ICMPV6 {
            return;
        }
        let address = |at: usize| {
            let octets = octets.get(at..)?.first_chunk::<16>()?;
            Some(Ipv6Addr::from(*octets))
        };
        let (Some(source), Some(target)) = (address(8), address(48)) else {
            return;
        };
        match octets.get(40) {
            Some(&SOLICITATION) if !source.is_unspecified() && source != target => {
                let departing = direction == Some(Direction::Outbound);
                self.answered.insert(source.into());
                self.ask(
                    (number, at),
                    (source.into(), target.into()),
                    None,
                    departing,
                );
            }
            Some(&ADVERTISEMENT) => {
                self.answered.insert(target.into());
            }
            _ => {}
        }
    }

    /// The stations of an Ethernet frame that is for one of them alone.
    pub(super) fn stations(&mut self, octets: &[u8]) {
        let Some((to, rest)) = octets.split_first_chunk::<6>() else {
            return;
        };
        let Some(from) = rest.first_chunk::<6>() else {
            return;
        };
        if to[0] & 1 == 1 || self.last == Some((*to, *from)) || self.heard.len() >= HEARD {
            return;
        }
        self.last = Some((*to, *from));
        self.heard.extend([*to, *from]);
    }

    fn ask(
        &mut self,
        (number, at): (u64, u64),
        parties: (IpAddr, IpAddr),
        by: Option<Station>,
        departing: bool,
    ) {
        if self.asked.len() >= REMEMBERED && !self.asked.contains_key(&parties) {
            return;
        }
        let asked = self.asked.entry(parties).or_insert(Asked {
            by,
            times: 0,
            first: at,
            last: at,
            packets: Vec::new(),
            departing,
        });
        asked.times = asked.times.saturating_add(1);
        asked.last = asked.last.max(at);
        asked.departing |= departing;
        if asked.packets.len() < NAMED {
            asked.packets.push(number);
        }
    }

    /// Who was asked for often enough, and never spoke.
    pub(super) fn unanswered(&self) -> Vec<Unanswered> {
        let asked = self.asked.iter();
        asked
            .filter(|((_, target), asked)| asked.times >= ENOUGH && !self.answered.contains(target))
            .map(|((asker, target), asked)| Unanswered {
                asker: *asker,
                target: *target,
                times: asked.times,
                first: asked.first,
                last: asked.last,
                packets: asked.packets.clone(),
                certain: asked.departing || asked.by.is_some_and(|by| self.heard.contains(&by)),
            })
            .collect()
    }
}
