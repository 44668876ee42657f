//! What stands in a capture file: packets, and what is said about where they come from.
//!
//! Everything borrows from the block it was read from. Text is as the file has it (octets that are
//! no UTF-8 replaced): whoever shows it makes it harmless first.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::Order;
use super::options::{Comments, Options, text};
use crate::wire::frame::{Direction, LinkType};

/// A thing that stands in a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A section begins; a classic pcap file is one section.
    Section(Section<'a>),
    /// An interface is described; the packets of it follow.
    Interface(Interface<'a>),
    /// A packet.
    Packet(Packet<'a>),
    /// What an interface counted.
    Statistics(Statistics<'a>),
    /// Names of addresses.
    Names(Names<'a>),
}

/// The beginning of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    pub(super) options: Options<'a>,
}

impl<'a> Section<'a> {
    /// The application that wrote it (`shb_userappl`).
    pub fn application(self) -> Option<Cow<'a, str>> {
        self.options.text(4)
    }

    /// The operating system it was written on (`shb_os`).
    pub fn system(self) -> Option<Cow<'a, str>> {
        self.options.text(3)
    }

    /// The hardware it was written on (`shb_hardware`).
    pub fn hardware(self) -> Option<Cow<'a, str>> {
        self.options.text(2)
    }

    /// The comments on it.
    pub const fn comments(self) -> Comments<'a> {
        Comments::of(self.options)
    }
}

/// An interface that packets were captured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface<'a> {
    /// Its number, from 0 over all sections of the file.
    pub number: u32,
    /// What the frames of its packets begin with.
    pub link: LinkType,
    /// The octets of a frame that were captured at most; `None` where there was no limit.
    pub snap_length: Option<u32>,
    pub(super) options: Options<'a>,
}

impl<'a> Interface<'a> {
    /// Its name (`if_name`).
    pub fn name(self) -> Option<Cow<'a, str>> {
        self.options.text(2)
    }

    /// What it is (`if_description`).
    pub fn description(self) -> Option<Cow<'a, str>> {
        self.options.text(3)
    }

    /// The capture filter, in the words of libpcap (`if_filter`).
    pub fn filter(self) -> Option<Cow<'a, str>> {
        match self.options.value(11)? {
            [0, words @ ..] => Some(text(words)),
            _ => None,
        }
    }

    /// The comments on it.
    pub const fn comments(self) -> Comments<'a> {
        Comments::of(self.options)
    }
}

/// A captured packet: a frame, or the beginning of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its number, from 1 over the file, as Wireshark counts.
    pub number: u64,
    /// The number of its interface, from 0 over all sections of the file.
    pub interface: u32,
    /// What its frame begins with.
    pub link: LinkType,
    /// Nanoseconds from the Unix epoch to its capture; `None` where the file says none, or a time
    /// before 1970 or after 2554.
    pub at: Option<u64>,
    /// Octets of the frame as it crossed the interface.
    pub original_length: u32,
    /// The octets of the frame that were captured.
    pub bytes: &'a [u8],
    /// Which way it crossed the interface, where the file says so.
    pub direction: Option<Direction>,
    pub(super) options: Options<'a>,
}

impl<'a> Packet<'a> {
    /// The comments on it.
    pub const fn comments(self) -> Comments<'a> {
        Comments::of(self.options)
    }
}

/// What an interface counted, from the beginning of the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics<'a> {
    /// The number of the interface, from 0 over all sections of the file.
    pub interface: u32,
    /// Nanoseconds from the Unix epoch to the reading of the counters.
    pub at: Option<u64>,
    pub(super) options: Options<'a>,
}

impl<'a> Statistics<'a> {
    /// Packets received from the interface (`isb_ifrecv`).
    pub fn received(self) -> Option<u64> {
        self.options.number64(4)
    }

    /// Packets that the interface dropped for want of room (`isb_ifdrop`).
    pub fn dropped_by_interface(self) -> Option<u64> {
        self.options.number64(5)
    }

    /// Packets that passed the filter (`isb_filteraccept`).
    pub fn accepted(self) -> Option<u64> {
        self.options.number64(6)
    }

    /// Packets that the operating system dropped (`isb_osdrop`).
    pub fn dropped_by_system(self) -> Option<u64> {
        self.options.number64(7)
    }

    /// Packets that reached the application (`isb_usrdeliv`).
    pub fn delivered(self) -> Option<u64> {
        self.options.number64(8)
    }

    /// The comments on it.
    pub const fn comments(self) -> Comments<'a> {
        Comments::of(self.options)
    }
}

/// The names of addresses: each with its address, an address once for each of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    pub(super) records: Records<'a>,
    /// The names of the current address that are still to be told, each closed by a zero.
    pub(super) current: Option<(IpAddr, &'a [u8])>,
    pub(super) options: Options<'a>,
}

impl<'a> Names<'a> {
    /// The comments on them.
    pub const fn comments(self) -> Comments<'a> {
        Comments::of(self.options)
    }
}

impl<'a> Iterator for Names<'a> {
    type Item = (IpAddr, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((address, names)) = self.current {
                let mut parts = names.splitn(2, |octet| *octet == 0);
                let name = parts.next().unwrap_or_default();
                self.current = parts.next().map(|rest| (address, rest));
                if !name.is_empty() {
                    return Some((address, text(name)));
                }
            } else {
                let (kind, value) = self.records.next()?;
                self.current = named(kind, value);
            }
        }
    }
}

/// The address of a name record and the names that follow it; `None` for other kinds of record.
fn named(kind: u16, value: &[u8]) -> Option<(IpAddr, &[u8])> {
    match kind {
        1 => {
            let (address, names) = value.split_first_chunk::<4>()?;
            Some((Ipv4Addr::from(*address).into(), names))
        }
        2 => {
            let (address, names) = value.split_first_chunk::<16>()?;
            Some((Ipv6Addr::from(*address).into(), names))
        }
        _ => None,
    }
}

/// The records of a name resolution block (pcapng §4.5): built as options are, with an end of
/// their own before the options of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Records<'a>(Options<'a>);

impl<'a> Records<'a> {
    pub(super) const fn new(body: &'a [u8], order: Order) -> Self {
        Self(Options::new(body, order))
    }

    /// The options after the last record; `None` where a record runs past the end.
    pub(super) fn after(mut self, body: &'a [u8], order: Order) -> Option<Options<'a>> {
        let mut at: usize = 0;
        for (_, value) in self.by_ref() {
            at = at
                .saturating_add(value.len().next_multiple_of(4))
                .saturating_add(4);
        }
        let rest = body.get(at..)?;
        if rest.is_empty() {
            return Some(Options::NONE);
        }
        (order.number16(rest, 0)? == 0).then_some(())?;
        Some(Options::new(rest.get(4..)?, order))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}
