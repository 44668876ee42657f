//! Reads capture files as a stream: pcapng and classic pcap, also compressed with gzip or zstd.
//!
//! The format is known by its magic, never by a name. What a file says is not believed until it is
//! there: memory is bounded by one block and one read whatever lengths it claims, no bytes make the
//! reader panic or loop, and what is wrong is said with its exact place ([`Damage`]) after
//! everything before it was delivered. A block that is framed well and wrong inside is left out, and
//! reading goes on behind it; behind a wrong length nothing is guessed.
//!
//! Own block readers instead of a crate's, because none of those at hand does all this: `pcap-parser`
//! reports nom's error kinds without a reason, needs the whole first block in its first read (a pipe
//! may give less), does not know the obsolete Packet Block, and fills a list of options for every
//! packet; `pcap-file` gives no positions either, and copies every packet. The formats themselves are
//! two screens of code.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod bytes;
mod clock;
mod damage;
mod item;
mod options;
mod pcap;
mod pcapng;
mod source;
mod stream;

use std::fmt;
use std::io::Read;

pub use damage::{Broken, Damage, Foreign, Reason, Unreadable};
pub use item::{Interface, Item, Names, Packet, Section, Statistics};
pub use options::Comments;
pub use stream::Compression;

use pcap::Pcap;
use pcapng::Pcapng;
use source::Source;

/// Most octets of a packet that are believed to have been captured: `MAXIMUM_SNAPLEN` of libpcap and
/// `WTAP_MAX_PACKET_SIZE_STANDARD` of Wireshark.
pub const LONGEST_PACKET: u32 = 262_144;
/// Most octets of a pcapng block: `MAX_BLOCK_SIZE` of Wireshark, `INITIAL_MAX_BLOCKSIZE` of libpcap.
pub const LONGEST_BLOCK: u32 = 16 << 20;
/// Most interfaces of a section: as many as the obsolete Packet Block can name.
pub const MOST_INTERFACES: u32 = 1 << 16;

/// Most damages of a file that are told; the last of them is final. A file with more of them is noise,
/// and whoever keeps what is told keeps a bounded amount.
pub const MOST_DAMAGES: u16 = 1000;

/// The formats of a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Classic pcap.
    Pcap,
    /// pcapng.
    Pcapng,
}

/// A capture file that is being read.
///
/// ```
/// use synquest::capture::read::{Item, Reader, Unreadable};
///
/// # fn main() -> Result<(), Unreadable> {
/// let file: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";
/// let mut reader = Reader::open(file)?;
/// let mut packets = 0;
/// while let Some(item) = reader.next_item() {
///     match item {
///         Ok(Item::Packet(packet)) => packets = packet.number,
///         Ok(_) => {}
///         Err(damage) => eprintln!("{damage}"),
///     }
/// }
/// assert_eq!(packets, 0);
/// # Ok(())
/// # }
/// ```
pub struct Reader<R: Read> {
    source: Source<R>,
    form: Form,
    /// Octets of the last block, which are left behind when the next one is asked for.
    taken: usize,
    /// Blocks or records begun.
    blocks: u64,
    /// Packets numbered.
    packets: u64,
    /// Damage of the last block, still to be told.
    later: Option<Damage>,
    /// Damages that may still be told.
    patience: Patience,
    finished: bool,
}

/// How many damages may still be told.
#[derive(Debug)]
struct Patience(u16);

impl Patience {
    /// The damage as it is told: the last one is final.
    const fn tell(&mut self, damage: Damage) -> Damage {
        self.0 = self.0.saturating_sub(1);
        let is_final = damage.is_final || self.0 == 0;
        Damage { is_final, ..damage }
    }
}

#[derive(Debug)]
enum Form {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Form {
    fn open<R: Read>(source: &mut Source<R>) -> Result<Self, Unreadable> {
        let opening = source.want(4)?;
        let Some(magic) = opening.first_chunk().copied() else {
            return Err(match u64::try_from(opening.len()).unwrap_or(u64::MAX) {
                0 => Unreadable::Empty,
                present => Unreadable::HeaderCut { present },
            });
        };
        if u32::from_be_bytes(magic) == pcapng::SECTION {
            return match pcapng::byte_order(source.want(12)?) {
                Some(_) => Ok(Self::Pcapng(Pcapng::new())),
                None => Err(Unreadable::NotCapture { magic }),
            };
        }
        if let Some(foreign) = Foreign::of(magic) {
            return Err(Unreadable::Foreign { foreign });
        }
        Pcap::open(magic, source)?
            .map(Self::Pcap)
            .ok_or(Unreadable::NotCapture { magic })
    }
}

impl<R: Read> Reader<R> {
    /// Begins to read a capture file.
    ///
    /// # Errors
    ///
    /// When it is none, or of a kind that is not read here.
    pub fn open(file: R) -> Result<Self, Unreadable> {
        let mut source = Source::open(file)?;
        let form = Form::open(&mut source)?;
        Ok(Self {
            source,
            form,
            taken: 0,
            blocks: 0,
            packets: 0,
            later: None,
            patience: Patience(MOST_DAMAGES),
            finished: false,
        })
    }

    /// The format of the file.
    pub const fn format(&self) -> Format {
        match self.form {
            Form::Pcap(_) => Format::Pcap,
            Form::Pcapng(_) => Format::Pcapng,
        }
    }

    /// How the file is compressed.
    pub const fn compression(&self) -> Option<Compression> {
        self.source.compression()
    }

    /// Octets of the decompressed file that were read, up to and including the last item.
    pub fn position(&self) -> u64 {
        let taken = u64::try_from(self.taken).unwrap_or(u64::MAX);
        self.source.position().saturating_add(taken)
    }

    /// Packets numbered so far.
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// The next thing in the file; `None` at its end, and after damage that is final.
    ///
    /// # Errors
    ///
    /// Where the file is damaged; unless that is final, the next call reads behind the damage.
    #[inline]
    pub fn next_item(&mut self) -> Option<Result<Item<'_>, Damage>> {
        if let Some(damage) = self.later.take() {
            let damage = self.patience.tell(damage);
            self.finished |= damage.is_final;
            return Some(Err(damage));
        }
        if self.finished {
            return None;
        }
        let taken = std::mem::take(&mut self.taken);
        self.source.advance(taken);
        match self.form {
            Form::Pcap(_) => self.next_record(),
            Form::Pcapng(_) => self.next_block(),
        }
    }

    #[inline]
    fn next_record(&mut self) -> Option<Result<Item<'_>, Damage>> {
        let Form::Pcap(pcap) = &mut self.form else {
            return None;
        };
        if let Some(opening) = pcap.opening() {
            return Some(Ok(opening));
        }
        match pcap.frame(&mut self.source) {
            Ok(Some(length)) => self.taken = length,
            Ok(None) => {
                self.finished = true;
                return None;
            }
            Err(reason) => {
                self.blocks = self.blocks.saturating_add(1);
                return Some(Err(self.finish(reason)));
            }
        }
        self.blocks = self.blocks.saturating_add(1);
        self.packets = self.packets.saturating_add(1);
        let record = self.source.unread().get(..self.taken)?;
        let packet = pcap.packet(self.packets, record)?;
        Some(Ok(Item::Packet(packet)))
    }

    #[inline]
    fn next_block(&mut self) -> Option<Result<Item<'_>, Damage>> {
        let Form::Pcapng(pcapng) = &mut self.form else {
            return None;
        };
        let kind = loop {
            match pcapng.frame(&mut self.source) {
                Ok(Some(block)) => {
                    self.blocks = self.blocks.saturating_add(1);
                    self.packets = self.packets.saturating_add(block.is_numbered.into());
                    if let Some(kind) = block.kind {
                        self.taken = block.length;
                        break kind;
                    }
                    self.source.advance(block.length);
                }
                Ok(None) => {
                    self.finished = true;
                    return None;
                }
                Err(reason) => {
                    self.blocks = self.blocks.saturating_add(1);
                    return Some(Err(self.finish(reason)));
                }
            }
        };
        let damage = Damage {
            position: self.source.position(),
            block: self.blocks,
            packets: self.packets,
            reason: Reason::ByteOrder,
            is_final: !kind.is_dispensable(),
        };
        let block = self.source.unread().get(..self.taken)?;
        match pcapng.item(kind, self.packets, block) {
            Ok((item, fault)) => {
                self.later = fault.map(|reason| Damage {
                    reason,
                    is_final: false,
                    ..damage
                });
                Some(Ok(item))
            }
            Err(reason) => {
                let damage = self.patience.tell(Damage { reason, ..damage });
                self.finished |= damage.is_final;
                Some(Err(damage))
            }
        }
    }

    /// The damage of the block that begins here, behind which nothing can be read.
    fn finish(&mut self, reason: Reason) -> Damage {
        self.finished = true;
        Damage {
            position: self.source.position(),
            block: self.blocks,
            packets: self.packets,
            reason,
            is_final: true,
        }
    }
}

impl<R: Read> fmt::Debug for Reader<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Reader")
            .field("format", &self.format())
            .field("compression", &self.compression())
            .field("position", &self.position())
            .field("packets", &self.packets)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]
mod tests;
