//! The window on a capture file through which blocks are read: it moves forward only.

use std::io::Read;

use super::damage::Unreadable;
use super::stream::{Compression, Failure, Stream};

/// Octets asked of the file at once.
const READ: usize = 512 << 10;

/// The unread part of a capture file, and the octets of it that are in memory.
///
/// A block is looked at with [`Source::want`], and left behind by the next [`Source::advance`]:
/// until then its octets stay where they are. Memory holds one block and one read.
#[derive(Debug)]
pub(super) struct Source<R: Read> {
    stream: Stream<R>,
    memory: Vec<u8>,
    start: usize,
    end: usize,
    position: u64,
    ended: bool,
    failed: Option<Failure>,
}

impl<R: Read> Source<R> {
    pub(super) fn open(reader: R) -> Result<Self, Unreadable> {
        Ok(Self {
            stream: Stream::open(reader)?,
            memory: vec![0; READ],
            start: 0,
            end: 0,
            position: 0,
            ended: false,
            failed: None,
        })
    }

    pub(super) const fn compression(&self) -> Option<Compression> {
        self.stream.compression()
    }

    /// Octets of the decompressed file before the unread part.
    pub(super) const fn position(&self) -> u64 {
        self.position
    }

    /// What of the unread part is in memory.
    #[inline]
    pub(super) fn unread(&self) -> &[u8] {
        self.memory.get(self.start..self.end).unwrap_or_default()
    }

    /// Leaves `count` octets behind, at most those in memory.
    #[inline]
    pub(super) fn advance(&mut self, count: usize) {
        let count = count.min(self.end.saturating_sub(self.start));
        self.start = self.start.saturating_add(count);
        self.position = self
            .position
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Brings the next `count` octets into memory; at the end of the file fewer of them.
    ///
    /// # Errors
    ///
    /// When reading or decompressing fails before that; what was read until then stays unread.
    #[inline]
    pub(super) fn want(&mut self, count: usize) -> Result<&[u8], Failure> {
        if self.end.saturating_sub(self.start) < count {
            self.fill(count)?;
        }
        Ok(self.unread())
    }

    /// Octets of memory it holds.
    #[cfg(test)]
    pub(super) const fn memory(&self) -> usize {
        self.memory.len()
    }

    #[cold]
    fn fill(&mut self, count: usize) -> Result<(), Failure> {
        self.memory.copy_within(self.start..self.end, 0);
        self.end = self.end.saturating_sub(self.start);
        self.start = 0;
        while self.end < count && !self.ended {
            if let Some(failure) = self.failed {
                return Err(failure);
            }
            if self.end == self.memory.len() {
                // Grown as octets arrive, never because a length promises them.
                let grown = self.memory.len().saturating_mul(2);
                self.memory.resize(grown, 0);
            }
            let room = self.memory.get_mut(self.end..).unwrap_or_default();
            match self.stream.read(room) {
                Ok(0) => self.ended = true,
                Ok(read) => self.end = self.end.saturating_add(read),
                Err(failure) => self.failed = Some(failure),
            }
        }
        Ok(())
    }
}
