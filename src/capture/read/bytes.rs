//! Numbers in the byte order of the machine that wrote them.

/// A byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// The 16-bit number at `at`; `None` past the end.
    #[inline]
    pub(super) fn number16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let octets = bytes.get(at..)?.first_chunk().copied()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(octets),
            Self::Big => u16::from_be_bytes(octets),
        })
    }

    /// The 32-bit number at `at`; `None` past the end.
    #[inline]
    pub(super) fn number32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let octets = bytes.get(at..)?.first_chunk().copied()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(octets),
            Self::Big => u32::from_be_bytes(octets),
        })
    }

    /// The 64-bit number at `at`; `None` past the end.
    #[inline]
    pub(super) fn number64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let octets = bytes.get(at..)?.first_chunk().copied()?;
        Some(match self {
            Self::Little => u64::from_le_bytes(octets),
            Self::Big => u64::from_be_bytes(octets),
        })
    }

    /// The 64-bit number that stands at `at` as two of 32 bits, the upper one first.
    #[inline]
    pub(super) fn halves64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let upper = u64::from(self.number32(bytes, at)?);
        let lower = u64::from(self.number32(bytes, at.checked_add(4)?)?);
        Some((upper << 32) | lower)
    }
}
