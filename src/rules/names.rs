//! Numbers behind names: protocols, services and types of addresses.
//!
//! A name that is not here is not guessed: what compares with it cannot be told.

mod services;

use self::services::SERVICES;

/// Protocols by the names that iptables and nft print (`/etc/protocols`).
const PROTOCOLS: [(&str, u8); 60] = [
    ("hopopt", 0),
    ("ip", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipencap", 4),
    ("st", 5),
    ("tcp", 6),
    ("egp", 8),
    ("igp", 9),
    ("pup", 12),
    ("udp", 17),
    ("hmp", 20),
    ("xns-idp", 22),
    ("rdp", 27),
    ("iso-tp4", 29),
    ("dccp", 33),
    ("xtp", 36),
    ("ddp", 37),
    ("idpr-cmtp", 38),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("idrp", 45),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ipv6-crypt", 50),
    ("ah", 51),
    ("ipv6-auth", 51),
    ("skip", 57),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("rspf", 73),
    ("vmtp", 81),
    ("eigrp", 88),
    ("ospf", 89),
    ("ax.25", 93),
    ("ipip", 94),
    ("etherip", 97),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("isis", 124),
    ("sctp", 132),
    ("fc", 133),
    ("ipv6-mh", 135),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
    ("wesp", 141),
    ("rohc", 142),
    ("ethernet", 143),
];

/// Types of addresses as nft names them: `enum`, `include/uapi/linux/rtnetlink.h`, from 0.
const ADDRESS_TYPES: [&str; 9] = [
    "unspec",
    "unicast",
    "local",
    "broadcast",
    "anycast",
    "multicast",
    "blackhole",
    "unreachable",
    "prohibit",
];

/// The kernel's number of a type of address, in either case.
pub fn address_type(name: &str) -> Option<u128> {
    let fits = |known: &&str| known.eq_ignore_ascii_case(name);
    let at = ADDRESS_TYPES.iter().position(fits)?;
    u128::try_from(at).ok()
}

/// The number of a protocol, given by name or number.
pub fn protocol(text: &str) -> Option<u8> {
    let named = PROTOCOLS.iter().find(|(name, _)| *name == text);
    named
        .map(|(_, number)| *number)
        .or_else(|| text.parse().ok())
}

/// The number of a port, given by name or number.
pub fn port(text: &str) -> Option<u16> {
    let named = || {
        let mut all = SERVICES.split(' ');
        all.find_map(|service| service.strip_prefix(text)?.strip_prefix('/')?.parse().ok())
    };
    text.parse().ok().or_else(named)
}

/// A number in decimal, or in hexadecimal after `0x`.
pub fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A mark, or a mask of marks.
pub fn mark(text: &str) -> Option<u32> {
    number(text).and_then(|number| u32::try_from(number).ok())
}
