//! The octets of a capture file, decompressed where its magic says that it is compressed.

use std::fmt;
use std::io::{self, BufReader, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use super::damage::{Broken, Unreadable};

/// RFC 1952 §2.3.1.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// RFC 8878 §3.1.1.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Octets of compressed file read at once.
const COMPRESSED_READ: usize = 256 << 10;
/// Octets asked of the inflater at once: what it had before a corrupt place and could not hand over
/// is less than this.
const INFLATED_AT_ONCE: usize = 32 << 10;

/// How a capture file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// gzip, one or several members.
    Gzip,
    /// Zstandard, one or several frames, with windows of up to 128 MiB.
    Zstd,
}

/// Why no more octets come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Compressed(Broken),
    Io(ErrorKind),
}

/// The file as it is stored, and what the system said when it refused to read it.
pub(super) struct Stored<R> {
    opening: Cursor<Vec<u8>>,
    rest: R,
    refused: Option<ErrorKind>,
}

impl<R: Read> Read for Stored<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let from_opening = self.opening.read(into)?;
        if from_opening > 0 || into.is_empty() {
            return Ok(from_opening);
        }
        loop {
            match self.rest.read(into) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.refused = Some(error.kind());
                    return Err(error);
                }
                // A reader that claims more than there is room for is not believed.
                Ok(count) => return Ok(count.min(into.len())),
            }
        }
    }
}

/// The octets of a capture file.
pub(super) enum Stream<R: Read> {
    Plain(Stored<R>),
    Gzip(Box<MultiGzDecoder<BufReader<Stored<R>>>>),
    Zstd(zstd::Decoder<'static, BufReader<Stored<R>>>),
}

impl<R: Read> Stream<R> {
    /// Looks at the first octets of `rest` and decompresses it if they say so.
    pub(super) fn open(mut rest: R) -> Result<Self, Unreadable> {
        let mut opening = Vec::with_capacity(ZSTD.len());
        rest.by_ref()
            .take(u64::try_from(ZSTD.len()).unwrap_or(0))
            .read_to_end(&mut opening)
            .map_err(|error| Unreadable::Io(error.kind()))?;
        let gzip = opening.starts_with(&GZIP);
        let zstd = opening.starts_with(&ZSTD);
        let stored = Stored {
            opening: Cursor::new(opening),
            rest,
            refused: None,
        };
        if gzip {
            let buffered = BufReader::with_capacity(COMPRESSED_READ, stored);
            return Ok(Self::Gzip(Box::new(MultiGzDecoder::new(buffered))));
        }
        if zstd {
            let buffered = BufReader::with_capacity(COMPRESSED_READ, stored);
            return zstd::Decoder::with_buffer(buffered)
                .map(Self::Zstd)
                .map_err(|error| Unreadable::Io(error.kind()));
        }
        Ok(Self::Plain(stored))
    }

    pub(super) const fn compression(&self) -> Option<Compression> {
        match self {
            Self::Plain(_) => None,
            Self::Gzip(_) => Some(Compression::Gzip),
            Self::Zstd(_) => Some(Compression::Zstd),
        }
    }

    /// Reads some octets; zero at the end of the file.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        let (read, refused) = match self {
            Self::Plain(stored) => (stored.read(into), stored.refused),
            Self::Gzip(decoder) => {
                let end = into.len().min(INFLATED_AT_ONCE);
                let read = decoder.read(into.get_mut(..end).unwrap_or_default());
                (read, decoder.get_ref().get_ref().refused)
            }
            Self::Zstd(decoder) => (decoder.read(into), decoder.get_ref().get_ref().refused),
        };
        read.map_err(|error| match (refused, error.kind()) {
            (Some(kind), _) => Failure::Io(kind),
            (None, ErrorKind::UnexpectedEof) => Failure::Compressed(Broken::Cut),
            (None, ErrorKind::OutOfMemory) => Failure::Io(ErrorKind::OutOfMemory),
            // What ZSTD_getErrorString says; its code does not come through.
            (None, _) if error.to_string().contains("too much memory") => {
                Failure::Compressed(Broken::Window)
            }
            (None, _) => Failure::Compressed(Broken::Corrupt),
        })
    }
}

impl<R: Read> fmt::Debug for Stream<R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Stream({:?})", self.compression())
    }
}
