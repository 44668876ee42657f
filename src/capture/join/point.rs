//! Reads what one point saw.

use std::io::Read;

use super::super::tunnel::{self, Inside};
use super::coverage::{Counters, Coverage, Port};
use super::seen::Seen;
use crate::capture::read::{Item, Packet, Reader, Statistics};
use crate::wire::checksum;
use crate::wire::dissect::dissect;
use crate::wire::frame::{self, Link};

/// What the notes of synquest's own captures begin with.
const NOTE: &str = "synquest/capture/";

/// What one point saw: the TCP segments, echoes and ICMP errors of a capture, and what it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// What it is called: the name of its file.
    pub name: String,
    /// Its packets in the order of the file.
    pub packets: Vec<Seen>,
    /// What it can and cannot have seen.
    pub coverage: Coverage,
}

impl Point {
    /// Reads a capture as far as it can be read.
    pub fn read<R: Read>(name: impl Into<String>, mut reader: Reader<R>) -> Self {
        let mut point = Self {
            name: name.into(),
            packets: Vec::new(),
            coverage: Coverage::new(reader.format()),
        };
        let mut latest = 0;
        while let Some(item) = reader.next_item() {
            let coverage = &mut point.coverage;
            match item {
                Ok(Item::Section(section)) => {
                    coverage.sections = coverage.sections.saturating_add(1);
                    coverage.is_own |= section.comments().any(|words| words.starts_with(NOTE));
                    let application = section.application().map(|name| name.into_owned());
                    coverage.application = coverage.application.take().or(application);
                }
                Ok(Item::Interface(interface)) => {
                    let port = Port {
                        name: interface.name().map(|name| name.into_owned()),
                        link: interface.link,
                        snap_length: interface.snap_length,
                        filter: interface.filter().map(|words| words.into_owned()),
                        packets: 0,
                        counters: None,
                    };
                    coverage.ports.insert(interface.number, port);
                }
                Ok(Item::Packet(packet)) => {
                    latest = point.coverage.count(&packet, latest);
                    point.take(&packet, latest);
                }
                Ok(Item::Statistics(statistics)) => coverage.counted(statistics),
                Ok(Item::Names(_)) => {}
                Err(damage) => coverage.damage.push(damage),
            }
        }
        point
    }

    fn take(&mut self, packet: &Packet<'_>, at: u64) {
        let Some(link) = packet.link.link() else {
            self.coverage.hidden = self.coverage.hidden.saturating_add(1);
            return;
        };
        let Some((outer, way)) = frame::strip(link, packet.bytes) else {
            return;
        };
        let datagram = match tunnel::innermost(outer) {
            Inside::Itself => outer,
            Inside::Carried(inner) => inner,
            Inside::NoDatagram => return,
            Inside::Hidden(_) => {
                self.coverage.hidden = self.coverage.hidden.saturating_add(1);
                return;
            }
        };
        let Ok(dissected) = dissect(datagram) else {
            self.coverage.unreadable = self.coverage.unreadable.saturating_add(1);
            return;
        };
        if let Some(seen) = Seen::of(&dissected) {
            self.packets.push(Seen {
                number: packet.number,
                at,
                interface: cooked_interface(link, packet.bytes).unwrap_or(packet.interface),
                direction: packet.direction.or(way),
                checksum: checksum::whole(datagram),
                ..seen
            });
        }
    }
}

impl Coverage {
    /// Counts a packet; says when it passed, at the latest time so far where it has none.
    fn count(&mut self, packet: &Packet<'_>, latest: u64) -> u64 {
        self.packets = self.packets.saturating_add(1);
        if packet.at.is_none() {
            self.untimed = self.untimed.saturating_add(1);
        }
        let at = packet.at.unwrap_or(latest);
        self.window = Some(match self.window {
            Some((first, last)) => (first.min(at), last.max(at)),
            None => (at, at),
        });
        if let Some(port) = self.ports.get_mut(&packet.interface) {
            port.packets = port.packets.saturating_add(1);
        }
        at
    }

    fn counted(&mut self, statistics: Statistics<'_>) {
        let drops = [
            statistics.dropped_by_interface(),
            statistics.dropped_by_system(),
        ];
        if drops.iter().all(Option::is_none) {
            return;
        }
        let dropped = drops.into_iter().flatten().fold(0, u64::saturating_add);
        if let Some(port) = self.ports.get_mut(&statistics.interface) {
            let before = port.counters.unwrap_or_default();
            port.counters = Some(Counters {
                received: before.received.max(statistics.received()),
                dropped: before.dropped.max(dropped),
            });
        }
    }
}

/// The kernel's index of the interface in the second version of the cooked header (`LINKTYPE_LINUX_SLL2`).
fn cooked_interface(link: Link, frame: &[u8]) -> Option<u32> {
    let octets = frame.get(4..)?.first_chunk().copied()?;
    (link == Link::Cooked2).then(|| u32::from_be_bytes(octets))
}
