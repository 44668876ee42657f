//! TCP segments as values: flags, options and the header fields a probe or its answer carries.

use std::fmt;

/// The control bits of a TCP header (RFC 9293 §3.1), CWR highest.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flags(u8);

impl Flags {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x02);
    /// Reset the connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment number means something.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer means something.
    pub const URG: Self = Self(0x20);
    /// ECN echo (RFC 3168).
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(0x80);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::SYN, "SYN"),
        (Self::FIN, "FIN"),
        (Self::RST, "RST"),
        (Self::PSH, "PSH"),
        (Self::ACK, "ACK"),
        (Self::URG, "URG"),
        (Self::ECE, "ECE"),
        (Self::CWR, "CWR"),
    ];

    /// The flags of a header octet.
    pub const fn from_bits(octet: u8) -> Self {
        Self(octet)
    }

    /// The header octet.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// These flags and those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every flag of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Self::NAMES
            .iter()
            .filter(|(flag, _)| self.contains(*flag))
            .map(|(_, name)| *name);
        out.write_str(names.next().unwrap_or("NONE"))?;
        names.try_for_each(|name| write!(out, "|{name}"))
    }
}

/// The options of a segment that matter here; others are skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Options {
    /// Maximum segment size, in octets (RFC 9293 §3.7.1).
    pub mss: Option<u16>,
    /// Selective acknowledgment permitted (RFC 2018).
    pub sack_permitted: bool,
    /// Timestamp value and echo reply (RFC 7323).
    pub timestamps: Option<(u32, u32)>,
    /// Window scale shift (RFC 7323).
    pub window_scale: Option<u8>,
    /// The numbers before and after the latest octets that arrived out of order (RFC 2018 §3): only read,
    /// never sent.
    pub selective: Option<(u32, u32)>,
}

impl Options {
    /// None at all.
    pub const NONE: Self = Self {
        mss: None,
        sack_permitted: false,
        timestamps: None,
        window_scale: None,
        selective: None,
    };

    /// What a SYN of a current Linux client carries: MSS, SACK permitted, timestamps, and window
    /// scale 7 (`tcp_syn_options` with the default `tcp_rmem`).
    pub const fn linux_client(mss: u16, timestamp: u32) -> Self {
        Self {
            mss: Some(mss),
            sack_permitted: true,
            timestamps: Some((timestamp, 0)),
            window_scale: Some(7),
            selective: None,
        }
    }

    /// Octets they take in the header, padded to whole words; at most 20.
    pub const fn length(&self) -> u16 {
        let mut length: u16 = 0;
        if self.mss.is_some() {
            length = length.saturating_add(4);
        }
        if self.sack_permitted {
            length = length.saturating_add(2);
        }
        if self.timestamps.is_some() {
            length = length.saturating_add(10);
        }
        if self.window_scale.is_some() {
            length = length.saturating_add(4);
        }
        length.next_multiple_of(4)
    }
}

/// A TCP segment: the header, and how many octets of payload follow it.
///
/// What we compose carries zeros as payload; of what we dissect only the length is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number of the first octet (of the SYN or FIN, where there is no payload).
    pub sequence: u32,
    /// Acknowledgment number; carried even where ACK is not set.
    pub acknowledgment: u32,
    /// Control bits.
    pub flags: Flags,
    /// Receive window as written, unscaled.
    pub window: u16,
    /// Options.
    pub options: Options,
    /// Octets of payload.
    pub payload_length: u16,
}

impl Segment {
    /// A segment with these numbers and flags, no window, no options and no payload.
    pub const fn bare(
        source_port: u16,
        destination_port: u16,
        sequence: u32,
        acknowledgment: u32,
        flags: Flags,
    ) -> Self {
        Self {
            source_port,
            destination_port,
            sequence,
            acknowledgment,
            flags,
            window: 0,
            options: Options::NONE,
            payload_length: 0,
        }
    }

    /// Octets of the header with its options.
    pub const fn header_length(&self) -> u16 {
        self.options.length().saturating_add(20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_survive_as_an_octet_and_print_as_tcpdump_readers_expect() {
        for octet in 0..=u8::MAX {
            assert_eq!(Flags::from_bits(octet).bits(), octet);
        }
        assert_eq!(format!("{:?}", Flags::SYN.with(Flags::ACK)), "SYN|ACK");
        assert_eq!(format!("{:?}", Flags::NONE), "NONE");
    }

    #[test]
    fn the_options_of_a_linux_client_take_five_words() {
        assert_eq!(Options::linux_client(1460, 1).length(), 20);
        assert_eq!(Options::NONE.length(), 0);
    }
}
