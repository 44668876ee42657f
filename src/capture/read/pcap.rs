//! Classic pcap files (draft-ietf-opsawg-pcap): one header, then records of one interface.

use std::io::Read;

use super::LONGEST_PACKET;
use super::bytes::Order;
use super::damage::{Foreign, Reason, Unreadable};
use super::item::{Interface, Item, Packet, Section};
use super::options::Options;
use super::source::Source;
use crate::wire::frame::LinkType;

/// Octets of the file header.
const HEADER: usize = 24;
/// Octets of a record before its packet.
pub(super) const RECORD: usize = 16;

/// The magics, as they stand in a file of the byte order `Big`.
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// `KUZNETZOV_TCPDUMP_MAGIC` of libpcap.
const KUZNETZOV: u32 = 0xa1b2_cd34;
/// `PCAP_IXIAHW_MAGIC` and `PCAP_IXIASW_MAGIC` of Wireshark.
const IXIA: [u32; 2] = [0x1c00_01ac, 0x1c00_01ab];

/// What the header of a classic pcap file says.
#[derive(Debug)]
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds a unit of the second timestamp field counts.
    unit: u64,
    version: u16,
    link: LinkType,
    snap_length: u32,
    said: Said,
}

/// How much has been said of what pcapng says in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Section,
    Everything,
}

impl Pcap {
    /// Reads the file header; `None` where the file begins with none of the magics.
    pub(super) fn open<R: Read>(
        magic: [u8; 4],
        source: &mut Source<R>,
    ) -> Result<Option<Self>, Unreadable> {
        let known = [
            (Order::Big, u32::from_be_bytes(magic)),
            (Order::Little, u32::from_le_bytes(magic)),
        ]
        .into_iter()
        .find_map(|(order, magic)| match magic {
            MICROSECONDS => Some(Ok((order, 1000))),
            NANOSECONDS => Some(Ok((order, 1))),
            KUZNETZOV => Some(Err(Foreign::ModifiedPcap)),
            _ if IXIA.contains(&magic) => Some(Err(Foreign::IxiaPcap)),
            _ => None,
        });
        let Some(known) = known else { return Ok(None) };
        let (order, unit) = known.map_err(|foreign| Unreadable::Foreign { foreign })?;
        let header = source.want(HEADER)?;
        let cut = Unreadable::HeaderCut {
            present: u64::try_from(header.len()).unwrap_or(u64::MAX),
        };
        let major = order.number16(header, 4).ok_or(cut)?;
        let minor = order.number16(header, 6).ok_or(cut)?;
        let snap_length = order.number32(header, 16).ok_or(cut)?;
        let link = order.number32(header, 20).ok_or(cut)?;
        if major != 2 || minor > 4 {
            return Err(Unreadable::Version { major, minor });
        }
        source.advance(HEADER);
        Ok(Some(Self {
            order,
            unit,
            version: minor,
            // The upper half tells of frame check sequences.
            link: LinkType(u16::try_from(link & 0xffff).unwrap_or(0)),
            snap_length,
            said: Said::Nothing,
        }))
    }

    /// The one section and its one interface, then `None`.
    #[inline]
    pub(super) fn opening(&mut self) -> Option<Item<'static>> {
        let options = Options::NONE;
        match self.said {
            Said::Nothing => {
                self.said = Said::Section;
                Some(Item::Section(Section { options }))
            }
            Said::Section => {
                self.said = Said::Everything;
                Some(Item::Interface(Interface {
                    number: 0,
                    link: self.link,
                    snap_length: Some(self.snap_length).filter(|length| *length != 0),
                    options,
                }))
            }
            Said::Everything => None,
        }
    }

    /// Brings the next record into memory; its length, or `None` at the end of the file.
    #[inline]
    pub(super) fn frame<R: Read>(&self, source: &mut Source<R>) -> Result<Option<usize>, Reason> {
        let unread = source.want(RECORD)?;
        let Some((captured, _)) = self.lengths(unread) else {
            return match unread.len() {
                0 => Ok(None),
                present => Err(Reason::cut(RECORD, present)),
            };
        };
        if captured > LONGEST_PACKET {
            return Err(Reason::CapturedTooLong { length: captured });
        }
        let length = usize::try_from(captured)
            .unwrap_or(usize::MAX)
            .saturating_add(RECORD);
        let present = source.want(length)?.len();
        if present < length {
            return Err(Reason::cut(length, present));
        }
        Ok(Some(length))
    }

    /// The packet in `record`; it is given `number`.
    #[inline]
    pub(super) fn packet<'a>(&self, number: u64, record: &'a [u8]) -> Option<Packet<'a>> {
        let (_, original_length) = self.lengths(record)?;
        let seconds = u64::from(self.order.number32(record, 0)?);
        let fraction = u64::from(self.order.number32(record, 4)?);
        Some(Packet {
            number,
            interface: 0,
            link: self.link,
            at: seconds
                .saturating_mul(1_000_000_000)
                .checked_add(fraction.saturating_mul(self.unit)),
            original_length,
            bytes: record.get(RECORD..)?,
            direction: None,
            options: Options::NONE,
        })
    }

    /// The captured and the original length of the record at the beginning of `unread`.
    #[inline]
    fn lengths(&self, unread: &[u8]) -> Option<(u32, u32)> {
        let captured = self.order.number32(unread, 8)?;
        let original = self.order.number32(unread, 12)?;
        // Files before 2.3 have the two the other way round, those of 2.3 either way (libpcap,
        // `sf-pcap.c`).
        let swapped = self.version < 3 || (self.version == 3 && captured > original);
        Some(if swapped {
            (original, captured)
        } else {
            (captured, original)
        })
    }
}
