//! pcapng files (draft-ietf-opsawg-pcapng): sections of blocks, from several interfaces.
//!
//! A block is brought into memory whole, its two lengths compared, and only then looked into. So a
//! block that contradicts itself inside can be left out, and reading goes on behind it; where the
//! lengths are wrong it cannot, for whatever follows would be a guess.

use std::io::Read;

use super::bytes::Order;
use super::clock::Clock;
use super::damage::Reason;
use super::item::{Interface, Item, Names, Packet, Records, Section, Statistics};
use super::options::Options;
use super::source::Source;
use super::{LONGEST_BLOCK, LONGEST_PACKET, MOST_INTERFACES};
use crate::wire::frame::{Direction, LinkType};

/// The type of a section header block, the same in both byte orders.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

/// Octets of a block before its body.
const FRONT: usize = 8;
/// Octets of a block after its body.
const BACK: usize = 4;

/// `if_tsresol` and `if_tsoffset` (pcapng §4.2).
const RESOLUTION: u16 = 9;
const OFFSET: u16 = 14;
/// `epb_flags` (pcapng §4.3) and `pack_flags` (§A.1).
const FLAGS: u16 = 2;

/// The kinds of block that are looked into (pcapng §11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Section,
    Interface,
    EnhancedPacket,
    SimplePacket,
    /// The Packet Block that EnhancedPacket replaced.
    ObsoletePacket,
    Statistics,
    Names,
}

impl Kind {
    const fn of(number: u32) -> Option<Self> {
        match number {
            SECTION => Some(Self::Section),
            1 => Some(Self::Interface),
            2 => Some(Self::ObsoletePacket),
            3 => Some(Self::SimplePacket),
            4 => Some(Self::Names),
            5 => Some(Self::Statistics),
            6 => Some(Self::EnhancedPacket),
            _ => None,
        }
    }

    /// Whether the blocks after it can be read without having read it.
    pub(super) const fn is_dispensable(self) -> bool {
        !matches!(self, Self::Section | Self::Interface)
    }
}

/// A block that is in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// `None` for one that is passed over.
    pub(super) kind: Option<Kind>,
    /// Whether it takes a packet number.
    pub(super) is_numbered: bool,
    /// Octets of it.
    pub(super) length: usize,
}

/// Whether blocks of this type take a packet number: packets, and what Wireshark shows as one
/// (`pcapng.c` of wiretap): journal entries of systemd, events of Sysdig, custom blocks.
const fn is_numbered(block: u32) -> bool {
    matches!(
        block,
        2 | 3 | 6 | 9 | 0x204 | 0x208 | 0x216 | 0x217 | 0x221 | 0x222 | 0xbad | 0x4000_0bad
    )
}

/// What of an interface the blocks after it need.
#[derive(Clone, Copy, Debug)]
struct Described {
    link: LinkType,
    snap_length: u32,
    clock: Clock,
}

/// The section that is being read.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Described>,
    /// The interfaces of the sections before it.
    before: u32,
}

/// What a block says, and what is wrong with its end.
type Said<'a> = (Item<'a>, Option<Reason>);

/// A packet as its block frames it.
struct Framed<'a> {
    interface: u32,
    at: Option<u64>,
    original_length: u32,
    captured: u32,
    /// The packet, its padding and the options.
    rest: &'a [u8],
}

impl Pcapng {
    /// Nothing is known before the first section header.
    pub(super) const fn new() -> Self {
        Self {
            order: Order::Little,
            interfaces: Vec::new(),
            before: 0,
        }
    }

    /// Brings the next block into memory; `None` at the end of the file.
    #[inline]
    pub(super) fn frame<R: Read>(
        &mut self,
        source: &mut Source<R>,
    ) -> Result<Option<Block>, Reason> {
        const SHORTEST: usize = FRONT + BACK;
        let unread = source.want(SHORTEST)?;
        match unread.len() {
            0 => return Ok(None),
            present if present < SHORTEST => return Err(Reason::cut(SHORTEST, present)),
            _ => {}
        }
        let cut = Reason::cut(SHORTEST, 0);
        let number = self.order.number32(unread, 0).ok_or(cut)?;
        if number == SECTION {
            self.order = byte_order(unread).ok_or(Reason::ByteOrder)?;
        }
        let declared = self.order.number32(unread, 4).ok_or(cut)?;
        let length = usize::try_from(declared).unwrap_or(usize::MAX);
        if length < SHORTEST || length % 4 != 0 {
            return Err(Reason::BlockLength { declared });
        }
        if declared > LONGEST_BLOCK {
            return Err(Reason::BlockTooLong { declared });
        }
        let present = source.want(length)?;
        let back = present
            .get(..length)
            .and_then(|block| self.order.number32(block, length.saturating_sub(BACK)))
            .ok_or(Reason::cut(length, present.len()))?;
        if back != declared {
            return Err(Reason::LengthsDiffer {
                front: declared,
                back,
            });
        }
        Ok(Some(Block {
            kind: Kind::of(number),
            is_numbered: is_numbered(number),
            length,
        }))
    }

    /// What the block says; a packet is given `number`. The second part is what is wrong with its
    /// end, which the first part does without.
    #[inline]
    pub(super) fn item<'a>(
        &mut self,
        kind: Kind,
        number: u64,
        block: &'a [u8],
    ) -> Result<Said<'a>, Reason> {
        let short = Reason::BlockLength {
            declared: u32::try_from(block.len()).unwrap_or(u32::MAX),
        };
        let body = block
            .get(FRONT..block.len().saturating_sub(BACK))
            .ok_or(short)?;
        match kind {
            Kind::EnhancedPacket => {
                let framed = self.enhanced(body).ok_or(short)?;
                self.packet(number, framed?)
            }
            Kind::ObsoletePacket => {
                let framed = self.obsolete(body).ok_or(short)?;
                self.packet(number, framed?)
            }
            Kind::SimplePacket => {
                let framed = self.simple(body).ok_or(short)?;
                self.packet(number, framed?)
            }
            Kind::Section => self.section(body).ok_or(short)?,
            Kind::Interface => self.interface(body).ok_or(short)?,
            Kind::Statistics => self.statistics(body).ok_or(short)?,
            Kind::Names => Ok(self.names(body)),
        }
    }

    fn described(&self, interface: u32) -> Result<Described, Reason> {
        usize::try_from(interface)
            .ok()
            .and_then(|at| self.interfaces.get(at).copied())
            .ok_or(Reason::UnknownInterface { interface })
    }

    #[inline]
    fn enhanced<'a>(&self, body: &'a [u8]) -> Option<Result<Framed<'a>, Reason>> {
        let interface = self.order.number32(body, 0)?;
        self.timed(body, interface)
    }

    fn obsolete<'a>(&self, body: &'a [u8]) -> Option<Result<Framed<'a>, Reason>> {
        let interface = u32::from(self.order.number16(body, 0)?);
        self.timed(body, interface)
    }

    /// What both packet blocks with a time have in common.
    #[inline]
    fn timed<'a>(&self, body: &'a [u8], interface: u32) -> Option<Result<Framed<'a>, Reason>> {
        let stamp = self.order.halves64(body, 4)?;
        let captured = self.order.number32(body, 12)?;
        let original_length = self.order.number32(body, 16)?;
        let rest = body.get(20..)?;
        Some(self.described(interface).map(|described| Framed {
            interface,
            at: described.clock.read(stamp),
            original_length,
            captured,
            rest,
        }))
    }

    /// A packet of interface 0 without a time, cut to the snap length.
    fn simple<'a>(&self, body: &'a [u8]) -> Option<Result<Framed<'a>, Reason>> {
        let original_length = self.order.number32(body, 0)?;
        let rest = body.get(4..)?;
        Some(self.described(0).map(|described| Framed {
            interface: 0,
            at: None,
            original_length,
            captured: match described.snap_length {
                0 => original_length,
                limit => original_length.min(limit),
            },
            rest,
        }))
    }

    #[inline]
    fn packet<'a>(&self, number: u64, framed: Framed<'a>) -> Result<Said<'a>, Reason> {
        let captured = framed.captured;
        if captured > LONGEST_PACKET {
            return Err(Reason::CapturedTooLong { length: captured });
        }
        let length = usize::try_from(captured).unwrap_or(usize::MAX);
        let bytes = framed
            .rest
            .get(..length)
            .ok_or(Reason::CapturedBeyondBlock {
                length: captured,
                room: u32::try_from(framed.rest.len()).unwrap_or(u32::MAX),
            })?;
        let rest = framed
            .rest
            .get(length.next_multiple_of(4)..)
            .unwrap_or_default();
        let options = Options::new(rest, self.order);
        let (direction, fault) = if rest.is_empty() {
            (None, None)
        } else {
            (self.direction(options), fault(options))
        };
        let packet = Packet {
            number,
            interface: self.before.saturating_add(framed.interface),
            link: self.described(framed.interface)?.link,
            at: framed.at,
            original_length: framed.original_length,
            bytes,
            direction,
            options,
        };
        Ok((Item::Packet(packet), fault))
    }

    fn direction(&self, options: Options<'_>) -> Option<Direction> {
        let flags = self.order.number32(options.value(FLAGS)?, 0)?;
        match flags & 3 {
            1 => Some(Direction::Inbound),
            2 => Some(Direction::Outbound),
            _ => None,
        }
    }

    fn section<'a>(&mut self, body: &'a [u8]) -> Option<Result<Said<'a>, Reason>> {
        let major = self.order.number16(body, 4)?;
        let minor = self.order.number16(body, 6)?;
        let options = Options::new(body.get(16..)?, self.order);
        // Minor 2 was written by mistake, and means 0 (pcapng §4.1).
        if major != 1 || !matches!(minor, 0 | 2) {
            return Some(Err(Reason::Version { major, minor }));
        }
        let described = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        self.before = self.before.saturating_add(described);
        self.interfaces.clear();
        Some(Ok((Item::Section(Section { options }), fault(options))))
    }

    fn interface<'a>(&mut self, body: &'a [u8]) -> Option<Result<Said<'a>, Reason>> {
        let link = LinkType(self.order.number16(body, 0)?);
        let snap_length = self.order.number32(body, 4)?;
        let options = Options::new(body.get(8..)?, self.order);
        let number = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        if number >= MOST_INTERFACES {
            return Some(Err(Reason::TooManyInterfaces));
        }
        let resolution = options
            .value(RESOLUTION)
            .and_then(|value| value.first().copied());
        let offset = options.number64(OFFSET).unwrap_or(0).cast_signed();
        self.interfaces.push(Described {
            link,
            snap_length,
            clock: Clock::new(resolution, offset),
        });
        let interface = Interface {
            number: self.before.saturating_add(number),
            link,
            snap_length: Some(snap_length).filter(|length| *length != 0),
            options,
        };
        Some(Ok((Item::Interface(interface), fault(options))))
    }

    fn statistics<'a>(&self, body: &'a [u8]) -> Option<Result<Said<'a>, Reason>> {
        let interface = self.order.number32(body, 0)?;
        let stamp = self.order.halves64(body, 4)?;
        let options = Options::new(body.get(12..)?, self.order);
        Some(self.described(interface).map(|described| {
            let statistics = Statistics {
                interface: self.before.saturating_add(interface),
                at: described.clock.read(stamp),
                options,
            };
            (Item::Statistics(statistics), fault(options))
        }))
    }

    fn names<'a>(&self, body: &'a [u8]) -> Said<'a> {
        let records = Records::new(body, self.order);
        let after = records.after(body, self.order);
        let fault = match after {
            Some(options) => fault(options),
            None => Some(Reason::NameBeyondBlock),
        };
        let names = Names {
            records,
            current: None,
            options: after.unwrap_or(Options::NONE),
        };
        (Item::Names(names), fault)
    }
}

/// The byte order that the section header at the beginning of `unread` was written in.
pub(super) fn byte_order(unread: &[u8]) -> Option<Order> {
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| order.number32(unread, 8) == Some(BYTE_ORDER))
}

fn fault(options: Options<'_>) -> Option<Reason> {
    (!options.are_whole()).then_some(Reason::OptionBeyondBlock)
}
