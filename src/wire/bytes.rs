//! Numbers at a place in a datagram, as far as it goes.

/// The octet at `at`; `None` past the end.
pub(super) fn octet(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The big-endian 16-bit number at `at`; `None` past the end.
pub(super) fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk::<2>()
        .copied()
        .map(u16::from_be_bytes)
}

/// The big-endian 32-bit number at `at`; `None` past the end.
pub(super) fn number32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk::<4>()
        .copied()
        .map(u32::from_be_bytes)
}
