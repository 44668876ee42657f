//! The packets of a run being replayed, kept until the diagnosis that they belong to has been told.
//!
//! They lie by the address under diagnosis, so that a diagnosis is told from its own and not from all:
//! the sender's, the receiver's where they left, the quoted one of an ICMP error. A translation on the
//! way may have rewritten the last, and an answer may come from elsewhere than its probe went: what
//! arrives and is about no open diagnosis's address lies apart, in reach of all, as long as a diagnosis is
//! open that had begun by then. What leaves and belongs to no open diagnosis came after its verdict,
//! and is not kept.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::time::Moment;
use crate::wire::dissect::{Content, Packet};

/// A packet as far as it is needed.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) at: Moment,
    pub(super) departing: bool,
    pub(super) packet: Packet,
    /// Its comment says that its checksum was wrong.
    pub(super) broken: bool,
    /// Its comment says that it comes from elsewhere than its probe went.
    pub(super) elsewhere: bool,
}

/// By their numbers within the section.
type Numbered = BTreeMap<u64, Kept>;

/// Packets by whom they are about.
#[derive(Debug, Default)]
pub(super) struct Packets {
    rooms: BTreeMap<IpAddr, Room>,
    strays: Numbered,
    /// The number that the comment of a packet gives the probe it is, in the order of the file. It
    /// stays when the packet goes: an account may name any packet.
    said: Vec<(u64, u32)>,
}

/// The packets about one address, and how many diagnoses of it are open.
#[derive(Debug, Default)]
struct Room {
    open: usize,
    packets: Numbered,
}

impl Packets {
    /// A diagnosis into an address begins.
    pub(super) fn open(&mut self, address: IpAddr) {
        let room = self.rooms.entry(address).or_default();
        room.open = room.open.saturating_add(1);
    }

    /// A diagnosis into an address has been told, with these packets; of those still open the earliest
    /// began at `earliest`.
    pub(super) fn close(&mut self, address: IpAddr, told: &[u64], earliest: Option<Moment>) {
        if let Some(room) = self.rooms.get_mut(&address) {
            room.open = room.open.saturating_sub(1);
            for number in told {
                room.packets.remove(number);
                self.strays.remove(number);
            }
            if room.open == 0 {
                self.rooms.remove(&address);
            }
        }
        while let Some(first) = self.strays.first_entry() {
            if earliest.is_some_and(|earliest| first.get().at >= earliest) {
                break;
            }
            first.remove();
        }
    }

    /// Takes a packet; its comment may say which probe it is.
    pub(super) fn put(&mut self, number: u64, kept: Kept, probe: Option<u32>) {
        self.said.extend(probe.map(|probe| (number, probe)));
        let room = self.rooms.get_mut(&about(&kept));
        if let Some(room) = room.filter(|_| !kept.elsewhere) {
            room.packets.insert(number, kept);
        } else if !kept.departing {
            self.strays.insert(number, kept);
        }
    }

    /// What a diagnosis into an address is told from.
    pub(super) fn around(&self, address: IpAddr) -> Around<'_> {
        Around {
            own: self.rooms.get(&address).map(|room| &room.packets),
            strays: &self.strays,
            said: &self.said,
        }
    }

    /// How many packets are kept.
    pub(super) fn count(&self) -> usize {
        let own = self.rooms.values().map(|room| room.packets.len());
        own.sum::<usize>().saturating_add(self.strays.len())
    }
}

/// The packets within reach of one diagnosis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    own: Option<&'a Numbered>,
    strays: &'a Numbered,
    said: &'a [(u64, u32)],
}

impl<'a> Around<'a> {
    pub(super) fn find(self, number: u64) -> Option<&'a Kept> {
        self.own
            .and_then(|own| own.get(&number))
            .or_else(|| self.strays.get(&number))
    }

    /// All of them, in the order of the file.
    pub(super) fn in_order(self) -> Vec<(u64, &'a Kept)> {
        let own = self.own.into_iter().flatten();
        let all = own.chain(self.strays);
        let mut all: Vec<_> = all.map(|(number, kept)| (*number, kept)).collect();
        all.sort_unstable_by_key(|(number, _)| *number);
        all
    }

    /// Which probe the packet with this number says it is.
    pub(super) fn said(self, number: u64) -> Option<u32> {
        let index = self.said.binary_search_by_key(&number, |(at, _)| *at);
        index
            .ok()
            .and_then(|index| self.said.get(index))
            .map(|(_, probe)| *probe)
    }
}

/// The address that a packet is about.
fn about(kept: &Kept) -> IpAddr {
    let packet = &kept.packet;
    match &packet.content {
        _ if kept.departing => packet.destination,
        Content::Icmp(message) => message
            .quote
            .as_ref()
            .map_or(packet.source, |quote| quote.destination),
        _ => packet.source,
    }
}
