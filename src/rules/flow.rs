//! A packet on its way, and what its way changes.

mod fields;
mod translate;

use std::net::IpAddr;

use super::condition::Field;
use super::family::Family;
use super::host_facts::HostFacts;
use super::packet::{Journey, Packet, Step};
use super::part::Part;

/// The loopback interface.
const LOOPBACK: &str = "lo";

/// What the first packet of a connection left behind in connection tracking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct History {
    tracked: bool,
    translated: Option<bool>,
    /// Where the destination was translated to, where it was.
    to: Option<(Option<IpAddr>, Option<u16>)>,
    source_translated: bool,
}

/// A packet on its way: what was asked, and what rules have changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    asked: Packet,
    history: Option<History>,
    /// Which packet of the connection it is.
    pub step: Step,
    /// Which way it takes now: one from this host to itself leaves first, and then comes in.
    pub journey: Journey,
    in_interface: Option<String>,
    out_interface: Option<String>,
    /// The source now; `None` when nobody can tell.
    pub from: Option<IpAddr>,
    /// The source port now.
    pub source_port: Option<u16>,
    /// The destination now.
    pub to: Option<IpAddr>,
    /// The destination port now.
    pub port: Option<u16>,
    /// Whether the destination is an address of this host; `None` when nobody can tell.
    pub to_here: Option<bool>,
    /// The packet's mark; `None` when a rule set it to something unknown.
    pub mark: Option<u32>,
    /// The connection's mark.
    pub connection_mark: Option<u32>,
    /// Whether connection tracking has seen it.
    pub tracked: bool,
    /// Whether a rule keeps it from being tracked.
    pub untracked: bool,
    /// Whether a rule has settled its destination: later ones are not asked.
    pub destination_settled: bool,
    /// Whether a rule has settled its source.
    pub source_settled: bool,
    /// Whether its destination became another one; `None` when nobody can tell.
    pub translated: Option<bool>,
    /// Whether a chain asks that translates destinations.
    pub in_translation: bool,
    /// Whether the hook it is at knows the incoming interface.
    pub hook_has_in: bool,
    /// Whether the hook it is at knows the outgoing interface.
    pub hook_has_out: bool,
    /// How often each [`Part`] was written anew.
    ages: [u32; 5],
}

impl Flow {
    /// The packet before its way begins.
    pub fn of(packet: &Packet) -> Self {
        Self {
            history: None,
            step: Step::Opening,
            journey: packet.journey,
            in_interface: packet.in_interface.clone(),
            out_interface: packet.out_interface.clone(),
            from: Some(packet.from),
            source_port: packet.source_port,
            to: packet.to,
            port: packet.port,
            to_here: match (packet.journey, &packet.out_interface) {
                (Journey::Inbound, None) => match packet.to {
                    Some(to) if !to.is_loopback() => packet.here,
                    Some(_) | None => Some(true),
                },
                // Before a translation it may be one of the host's own.
                (Journey::Inbound, Some(_)) => None,
                (Journey::Outbound, _) => Some(false),
            },
            mark: Some(packet.mark),
            connection_mark: Some(0),
            tracked: false,
            untracked: false,
            destination_settled: false,
            source_settled: false,
            translated: Some(false),
            in_translation: false,
            hook_has_in: false,
            hook_has_out: false,
            ages: [0; 5],
            asked: packet.clone(),
        }
    }

    /// The answer to this packet, which has arrived; it goes back by the interfaces it came by.
    pub fn answer(&self) -> Self {
        let asked = &self.asked;
        let forwarded = asked.journey == Journey::Inbound && self.to_here == Some(false);
        let within = asked.journey != self.journey;
        let leaves = within || (asked.journey == Journey::Inbound && !forwarded);
        Self {
            history: Some(History {
                tracked: self.tracked,
                translated: self.translated,
                to: self.destination_settled.then_some((self.to, self.port)),
                source_translated: self.source_settled && self.from.is_none(),
            }),
            step: Step::Answer,
            journey: if leaves {
                Journey::Outbound
            } else {
                Journey::Inbound
            },
            in_interface: asked.out_interface.clone(),
            out_interface: asked.in_interface.clone(),
            from: self.to,
            source_port: self.port,
            to: self.from,
            port: self.source_port,
            to_here: Some(!leaves && !forwarded),
            mark: Some(0),
            connection_mark: self.connection_mark,
            ..Self::of(asked)
        }
    }

    /// The packet that completes the handshake, after this one, the answer, has arrived.
    pub fn completion(&self) -> Self {
        Self {
            history: self.history,
            step: Step::Completion,
            connection_mark: self.connection_mark,
            ..Self::of(&self.asked)
        }
    }

    /// Whether it leaves only to come in again.
    pub fn returns(&self) -> bool {
        let own = |address: IpAddr| address.is_loopback() || Some(address) == self.from;
        self.journey == Journey::Outbound
            && (self.to_here == Some(true) || self.to.is_some_and(own))
    }

    /// It goes on to another host, by the interface that the rules tell where nobody said it.
    pub fn leave_by(&mut self, host_facts: &HostFacts) {
        if self.out_interface.is_none() {
            let way = self.to.and_then(|to| host_facts.way_to(to));
            self.out_interface = way.map(str::to_owned);
        }
    }

    /// It has left by the loopback interface, and comes in by it.
    pub fn turn(&mut self) {
        self.journey = Journey::Inbound;
        self.in_interface = Some(LOOPBACK.to_owned());
        self.out_interface = None;
        self.to_here = Some(true);
        self.destination_settled = true;
        self.source_settled = true;
    }

    /// The connection's first packet as asked for.
    pub const fn asked(&self) -> &Packet {
        &self.asked
    }

    /// The interfaces it comes in and goes out by, where they are known.
    pub const fn interfaces(&self) -> (Option<&String>, Option<&String>) {
        (self.in_interface.as_ref(), self.out_interface.as_ref())
    }

    /// The family of its IP version.
    pub const fn family(&self) -> Family {
        if self.is_ipv4() {
            Family::Ip
        } else {
            Family::Ip6
        }
    }

    /// Whether it is of IP version 4.
    pub const fn is_ipv4(&self) -> bool {
        self.asked.from.is_ipv4()
    }

    /// Whether it is on its way through this host to another one, as far as that is known.
    pub fn is_forwarded(&self) -> bool {
        let leaves = || self.to_here.is_none() && self.out_interface.is_some();
        self.journey == Journey::Inbound && (self.to_here == Some(false) || leaves())
    }

    /// Connection tracking sees the packet.
    pub fn track(&mut self) {
        let known = self.history.is_none_or(|history| history.tracked);
        // An answer to nothing belongs to no connection; an acknowledgement may begin one.
        self.tracked = !self.untracked && (known || self.step == Step::Completion);
        if !known {
            self.connection_mark = None;
        }
    }

    /// The destination of a known connection's packet is translated; says whether it was.
    pub fn translate_destination(&mut self) -> bool {
        let Some(history) = self.history.filter(|_| self.tracked) else {
            return false;
        };
        self.translated = history.translated;
        let (to, port) = match (self.step, history.to) {
            (Step::Completion, Some(new)) => new,
            (Step::Answer, _) if history.source_translated => {
                (Some(self.asked.from), self.asked.source_port)
            }
            (_, _) => return false,
        };
        (self.to, self.port) = (to, port);
        true
    }

    /// The source of a known connection's packet is translated; says whether it was.
    pub fn translate_source(&mut self) -> bool {
        let Some(history) = self.history.filter(|_| self.tracked) else {
            return false;
        };
        let (from, port) = match self.step {
            Step::Answer if history.to.is_some() => (self.asked.to, self.asked.port),
            Step::Completion if history.source_translated => (None, None),
            Step::Opening | Step::Answer | Step::Completion => return false,
        };
        (self.from, self.source_port) = (from, port);
        true
    }

    /// Notes that a rule wrote `part` anew.
    pub const fn rewrite(&mut self, part: Part) {
        let age = &mut self.ages[part as usize];
        *age = age.saturating_add(1);
    }

    /// How often the part that `field` tells of was written anew.
    pub fn age(&self, field: &Field) -> u32 {
        if matches!(field, Field::Other(_)) {
            // It may be made of any part.
            return self.rewritings();
        }
        Part::of(field).map_or(0, |part| self.ages[part as usize])
    }

    /// How often anything of it was written anew.
    pub fn rewritings(&self) -> u32 {
        self.ages.iter().sum()
    }

    /// Whether the connection is new to its tracking.
    pub fn is_new(&self) -> bool {
        self.step == Step::Opening
    }
}
