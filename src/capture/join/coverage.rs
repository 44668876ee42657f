//! What a capture can and cannot have seen.

use std::collections::BTreeMap;

use crate::capture::read::{Damage, Format};
use crate::wire::frame::{Link, LinkType};

/// What a capture file tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Its format.
    pub format: Format,
    /// The program that wrote it.
    pub application: Option<String>,
    /// When its first and its last packet passed, in nanoseconds since the Unix epoch.
    pub window: Option<(u64, u64)>,
    /// Its packets of any kind.
    pub packets: u64,
    /// Packets without a time of their own.
    pub untimed: u64,
    /// IP packets of which too little was kept to tell what they are.
    pub unreadable: u64,
    /// Frames of links that are not understood, and tunnels that are not looked into.
    pub hidden: u64,
    /// Sections: more than one where captures were put one behind the other.
    pub sections: u64,
    /// Whether it holds a run of synquest's own: then it has all packets of the run, and no others.
    pub is_own: bool,
    /// Where it is damaged.
    pub damage: Vec<Damage>,
    /// Its interfaces by their numbers in the file.
    pub ports: BTreeMap<u32, Port>,
}

/// An interface of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: Option<String>,
    /// What its frames begin with.
    pub link: LinkType,
    /// Octets kept of a frame at most.
    pub snap_length: Option<u32>,
    /// The filter of the capture, where it is told.
    pub filter: Option<String>,
    /// Its packets in the file.
    pub packets: u64,
    /// What it counted.
    pub counters: Option<Counters>,
}

/// What an interface counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets received.
    pub received: Option<u64>,
    /// Packets dropped, by the interface or the system.
    pub dropped: u64,
}

/// Whether a capture lost packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drops {
    /// Its counters say how many.
    Counted(u64),
    /// It does not tell.
    Untold,
}

/// Packets by which a file may fall short of what its counters received: those that were still on
/// their way into it when it was ended.
const ON_THE_WAY: u64 = 4;

impl Coverage {
    pub(super) const fn new(format: Format) -> Self {
        Self {
            format,
            application: None,
            window: None,
            packets: 0,
            untimed: 0,
            unreadable: 0,
            hidden: 0,
            sections: 0,
            is_own: false,
            damage: Vec::new(),
            ports: BTreeMap::new(),
        }
    }

    /// Whether it lost packets, by its counters.
    pub fn drops(&self) -> Drops {
        let mut total: u64 = 0;
        for port in self.ports.values() {
            match port.counters {
                Some(counters) => total = total.saturating_add(counters.dropped),
                None => return Drops::Untold,
            }
        }
        if self.ports.is_empty() {
            Drops::Untold
        } else {
            Drops::Counted(total)
        }
    }

    /// Whether packets were taken out of it after it was made: its counters received more.
    pub fn is_thinned(&self) -> bool {
        !self.is_own
            && self.ports.values().any(|port| {
                let received = port.counters.and_then(|counters| counters.received);
                received.is_some_and(|count| count > port.packets.saturating_add(ON_THE_WAY))
            })
    }

    /// Whether it was made on all interfaces of its host.
    pub fn is_of_all(&self) -> bool {
        self.is_own
            || self.ports.values().any(|port| {
                matches!(port.link.link(), Some(Link::Cooked | Link::Cooked2))
                    || port.name.as_deref() == Some("any")
            })
    }

    /// Whether its filter is known: the program that wrote it tells filters, and its counters stand at
    /// the end, so that no other program wrote it anew.
    pub fn tells_filter(&self) -> bool {
        let tells = |name: &str| {
            ["dumpcap", "tshark", "wireshark", "synquest"]
                .iter()
                .any(|known| name.to_ascii_lowercase().starts_with(known))
        };
        self.is_own
            || self.ports.values().any(|port| port.filter.is_some())
            || (self.drops() != Drops::Untold && self.application.as_deref().is_some_and(tells))
    }

    /// The filters it was made with.
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        self.ports
            .values()
            .filter_map(|port| port.filter.as_deref())
    }

    /// Whether the file ends where it should.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }
}
