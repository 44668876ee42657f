//! What can be wrong with a capture file: as a whole, or from some octet on.

use std::fmt;
use std::io::ErrorKind;

use thiserror::Error;

use super::stream::Failure;

/// Why a file cannot be read as a capture at all; nothing was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// There is not a single octet.
    #[error("it is empty")]
    Empty,
    /// The file ends inside its header.
    #[error("it ends after {present} octets, inside its header")]
    HeaderCut {
        /// Octets that are there.
        present: u64,
    },
    /// It begins like no capture file.
    #[error("it is no pcap or pcapng file: it begins with {magic:02x?}")]
    NotCapture {
        /// Its first four octets.
        magic: [u8; 4],
    },
    /// A capture or a compressed file of a kind that is not read here.
    #[error("it is a {foreign} file; {remedy}", remedy = foreign.remedy())]
    Foreign {
        /// The kind.
        foreign: Foreign,
    },
    /// A classic pcap file of a version that libpcap does not read either.
    #[error("it is a pcap file of version {major}.{minor}; only 2.0 to 2.4 are known")]
    Version {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// It begins like a compressed file, but cannot be decompressed.
    #[error("it cannot be decompressed: {0}")]
    Compressed(Broken),
    /// The system refused to read it.
    #[error("it cannot be read: {0}")]
    Io(ErrorKind),
}

/// Kinds of file that are recognised, and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Foreign {
    /// pcap as Kuznetzov's patched libpcap wrote it: longer record headers.
    ModifiedPcap,
    /// pcap as IXIA's devices write it.
    IxiaPcap,
    /// Solaris `snoop` (RFC 1761).
    Snoop,
    /// Microsoft Network Monitor.
    NetworkMonitor,
    /// An xz archive.
    Xz,
    /// A bzip2 archive.
    Bzip2,
    /// An LZ4 frame.
    Lz4,
    /// A zip archive.
    Zip,
}

impl Foreign {
    /// The kind of file that begins with `magic`.
    pub(super) const fn of(magic: [u8; 4]) -> Option<Self> {
        match magic {
            [b's', b'n', b'o', b'o'] => Some(Self::Snoop),
            [b'R', b'T', b'S', b'S'] | [b'G', b'M', b'B', b'U'] => Some(Self::NetworkMonitor),
            [0xfd, b'7', b'z', b'X'] => Some(Self::Xz),
            [b'B', b'Z', b'h', _] => Some(Self::Bzip2),
            [0x04, 0x22, 0x4d, 0x18] => Some(Self::Lz4),
            [b'P', b'K', 3, 4] => Some(Self::Zip),
            _ => None,
        }
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::ModifiedPcap | Self::IxiaPcap | Self::Snoop | Self::NetworkMonitor => {
                "convert it with `editcap -F pcapng`"
            }
            Self::Xz | Self::Bzip2 | Self::Lz4 | Self::Zip => {
                "decompress it first; gzip and zstd are read as they are"
            }
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::ModifiedPcap => "modified (Kuznetzov) pcap",
            Self::IxiaPcap => "IXIA pcap",
            Self::Snoop => "snoop",
            Self::NetworkMonitor => "Network Monitor",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
            Self::Zip => "zip",
        })
    }
}

/// How decompression failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum Broken {
    /// The compressed file ends too early.
    #[error("the compressed file is cut short")]
    Cut,
    /// Its content contradicts itself or its checksum.
    #[error("the compressed file is corrupt")]
    Corrupt,
    /// Its window is larger than the 128 MiB that the zstd program itself allows by default.
    #[error(
        "the compressed file needs a window of more than 128 MiB; recompress it without --long"
    )]
    Window,
}

/// A place from which a capture file cannot be read as it claims; everything before it was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Octets of the (decompressed) file before the damaged block or record.
    pub position: u64,
    /// Ordinal of that block or record, from 1; the header of a classic pcap file is not one.
    pub block: u64,
    /// Packets numbered up to and including that block or record.
    pub packets: u64,
    /// What is wrong.
    pub reason: Reason,
    /// Whether nothing after it is read: where the next block begins cannot be known.
    pub is_final: bool,
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "at octet {} (block {}, after {} packets): {}",
            self.position, self.block, self.packets, self.reason
        )
    }
}

impl From<Failure> for Reason {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Compressed(broken) => Self::Compressed(broken),
            Failure::Io(kind) => Self::Io(kind),
        }
    }
}

impl From<Failure> for Unreadable {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Compressed(broken) => Self::Compressed(broken),
            Failure::Io(kind) => Self::Io(kind),
        }
    }
}

impl Reason {
    /// The file ends after `present` of `needed` octets.
    pub(super) fn cut(needed: usize, present: usize) -> Self {
        let count = |octets| u64::try_from(octets).unwrap_or(u64::MAX);
        Self::Cut {
            needed: count(needed),
            present: count(present),
        }
    }
}

/// What is wrong with a block or record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// The file ends inside it.
    #[error("the file ends inside it: {needed} octets announced, {present} there")]
    Cut {
        /// Octets that the block or record, as far as it can be read, takes.
        needed: u64,
        /// Octets that are there.
        present: u64,
    },
    /// A block length that no block, or no block of this kind, can have.
    #[error("a block length of {declared} octets is impossible")]
    BlockLength {
        /// The length.
        declared: u32,
    },
    /// A block longer than [`super::LONGEST_BLOCK`].
    #[error("a block length of {declared} octets is beyond belief")]
    BlockTooLong {
        /// The length.
        declared: u32,
    },
    /// The lengths before and after the block differ.
    #[error("the block says {front} octets at its front and {back} at its end")]
    LengthsDiffer {
        /// The length at the front.
        front: u32,
        /// The length at the end.
        back: u32,
    },
    /// A section whose byte-order magic is none.
    #[error("a section begins without a byte-order magic")]
    ByteOrder,
    /// A section of an unknown version of pcapng.
    #[error("pcapng version {major}.{minor} is unknown")]
    Version {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A block of an interface that was not described before.
    #[error("interface {interface} was not described before it")]
    UnknownInterface {
        /// The number within its section.
        interface: u32,
    },
    /// A section with more than [`super::MOST_INTERFACES`] interfaces.
    #[error("the section describes too many interfaces")]
    TooManyInterfaces,
    /// More octets captured than the block has.
    #[error("{length} octets captured, but the block has room for {room}")]
    CapturedBeyondBlock {
        /// Octets captured.
        length: u32,
        /// Octets of the block that could hold them.
        room: u32,
    },
    /// More octets captured than [`super::LONGEST_PACKET`].
    #[error("{length} captured octets are beyond belief")]
    CapturedTooLong {
        /// Octets captured.
        length: u32,
    },
    /// An option that runs past the end of its block; those before it were used.
    #[error("an option runs past the end of the block")]
    OptionBeyondBlock,
    /// A name record that runs past the end of its block; those before it were used.
    #[error("a name record runs past the end of the block")]
    NameBeyondBlock,
    /// Decompression failed.
    #[error("{0}")]
    Compressed(Broken),
    /// The system refused to read on.
    #[error("reading failed: {0}")]
    Io(ErrorKind),
}
