//! What can keep bytes from being a packet.

/// Why bytes are not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Malformed {
    /// No bytes at all.
    Empty,
    /// An IP version that is neither 4 nor 6.
    Version(u8),
    /// The bytes end inside the IP header.
    IpHeaderCut,
    /// The IPv4 header says it is shorter than 20 octets.
    IpHeaderLength,
    /// The bytes end inside an IPv6 extension header.
    ExtensionCut,
    /// The bytes end inside the first 20 octets of the TCP header, or its data offset is below 5 or
    /// beyond the datagram.
    TcpHeader,
    /// The bytes end inside the 8 octets of ICMP header.
    IcmpHeader,
}
