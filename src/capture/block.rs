//! The blocks of a pcapng file as octets (draft-ietf-opsawg-pcapng), little-endian.
//!
//! Composed here because the writer goes back to a block to change its comment, and so must know
//! where in it what stands. (The crate `pcap-file` 2.0.0 hides the layout, and writes the two halves
//! of a statistics block's time in the wrong order.)

use std::net::IpAddr;

use crate::wire::frame::{Link, LinkType};

/// A block in the making: its options are added one by one.
#[derive(Clone, Debug)]
pub(super) struct Block(Vec<u8>);

/// Octets of an option before its value: code and length.
pub(super) const OPTION_HEAD: usize = 4;
/// The longest value of an option, in octets.
pub(super) const OPTION_MOST: usize = u16::MAX as usize;
/// An option of local use (draft §3.5.1: codes with the highest bit set): room for a longer comment.
const ROOM: u16 = 0x8000;

const COMMENT: u16 = 1;
const END: u16 = 0;

impl Block {
    fn new(kind: u32) -> Self {
        let mut block = Self(Vec::with_capacity(256));
        block.number32(kind);
        // The length, filled in when the block is finished.
        block.number32(0);
        block
    }

    /// Begins a section (draft §4.1) of unknown length.
    pub(super) fn section() -> Self {
        let mut block = Self::new(0x0a0d_0d0a);
        block.number32(0x1a2b_3c4d);
        block.number16(1);
        block.number16(0);
        block.number32(u32::MAX);
        block.number32(u32::MAX);
        block
    }

    /// Describes an interface (draft §4.2), whose times count nanoseconds.
    pub(super) fn interface(link: Link, name: &str) -> Self {
        // Our own receivers hear these two only.
        let LinkType(number) = match link {
            Link::Ethernet => LinkType::ETHERNET,
            _ => LinkType::RAW,
        };
        let mut block = Self::new(1);
        block.number16(number);
        block.number16(0);
        // No limit: what is cut is cut at the end of the headers, not at a length.
        block.number32(0);
        block.option(2, name.as_bytes());
        block.option(9, &[9]);
        block
    }

    /// A packet (draft §4.3) that passed the interface at `nanos` since the Unix epoch, of which
    /// `kept` octets are kept of `original`.
    pub(super) fn packet(interface: u32, nanos: u64, kept: &[u8], original: usize) -> Self {
        let mut block = Self::new(6);
        block.number32(interface);
        block.time(nanos);
        block.number32(u32::try_from(kept.len()).unwrap_or(u32::MAX));
        block.number32(u32::try_from(original).unwrap_or(u32::MAX));
        block.padded(kept);
        block
    }

    /// Names of addresses (draft §4.5).
    pub(super) fn names<'a>(names: impl IntoIterator<Item = (IpAddr, &'a str)>) -> Self {
        let mut block = Self::new(4);
        for (address, name) in names {
            let (kind, octets) = match address {
                IpAddr::V4(address) => (1, address.octets().to_vec()),
                IpAddr::V6(address) => (2, address.octets().to_vec()),
            };
            // A record ends its name with a zero.
            block.option(kind, &[&octets, name.as_bytes(), &[0]].concat());
        }
        block.number32(0);
        block
    }

    /// Statistics of an interface (draft §4.6) as of `nanos` since the Unix epoch.
    pub(super) fn statistics(interface: u32, nanos: u64, received: u64, dropped: u64) -> Self {
        let mut block = Self::new(5);
        block.number32(interface);
        block.time(nanos);
        block.option(4, &received.to_le_bytes());
        block.option(5, &dropped.to_le_bytes());
        block
    }

    /// Adds a comment; what is too long for an option is cut.
    pub(super) fn comment(&mut self, text: &str) {
        let mut end = text.len().min(OPTION_MOST);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.option(COMMENT, text.get(..end).unwrap_or_default().as_bytes());
    }

    /// Adds what a section header says of hardware, system and program.
    pub(super) fn origin(&mut self, hardware: &str, system: &str, program: &str) {
        for (code, text) in [(2, hardware), (3, system), (4, program)] {
            if !text.is_empty() {
                self.option(code, text.as_bytes());
            }
        }
    }

    /// Adds a packet's flags: its direction.
    pub(super) fn direction(&mut self, departing: bool) {
        let flags: u32 = if departing { 0b10 } else { 0b01 };
        self.option(2, &flags.to_le_bytes());
    }

    /// Adds empty room that a later, longer comment may take: a multiple of 4 octets.
    pub(super) fn room(&mut self, octets: usize) {
        if let Some(value) = octets.checked_sub(OPTION_HEAD) {
            self.option(ROOM, &vec![0; value.min(OPTION_MOST & !3)]);
        }
    }

    /// The octets that a comment and the room left behind it take in place of another, when both
    /// together have `room` octets; a comment too long for it is cut.
    pub(super) fn amended(text: &str, room: usize) -> Vec<u8> {
        let most = room.saturating_sub(OPTION_HEAD);
        let mut end = text.len().min(most);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut octets = Self(Vec::with_capacity(room));
        octets.comment(text.get(..end).unwrap_or_default());
        octets.room(room.saturating_sub(octets.length()));
        octets.0
    }

    /// Writes `octets` over those of the unfinished block from `at` on.
    pub(super) fn overwrite(&mut self, at: u64, octets: &[u8]) {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let place = at
            .checked_add(octets.len())
            .and_then(|end| self.0.get_mut(at..end));
        if let Some(place) = place {
            place.copy_from_slice(octets);
        }
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        self.number16(code);
        self.number16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        self.padded(value);
    }

    fn padded(&mut self, value: &[u8]) {
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn number16(&mut self, number: u16) {
        self.0.extend(number.to_le_bytes());
    }

    fn number32(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    /// The upper half of a time comes first, whatever the byte order.
    fn time(&mut self, nanos: u64) {
        self.number32((nanos >> 32) as u32);
        self.number32((nanos & 0xffff_ffff) as u32);
    }

    /// Octets so far; of a finished block 8 more.
    pub(super) const fn length(&self) -> usize {
        self.0.len()
    }

    /// The block's octets.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.number16(END);
        self.number16(0);
        let length = u32::try_from(self.0.len().saturating_add(4)).unwrap_or(u32::MAX);
        self.number32(length);
        if let Some(place) = self.0.get_mut(4..8) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        self.0
    }
}

/// Octets that an option with a value of so many takes.
pub(super) const fn option_length(value: usize) -> usize {
    OPTION_HEAD + value.next_multiple_of(4)
}
