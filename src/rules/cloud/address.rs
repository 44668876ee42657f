//! Addresses and what can be told of one from outside.

use std::net::IpAddr;

use ipnet::IpNet;

/// An address or a block of them, as the tools print it; bits behind the prefix are dropped, as
/// the providers do.
pub(super) fn block(text: &str) -> Option<IpNet> {
    let text = text.trim();
    let (address, length) = text
        .split_once('/')
        .map_or((text, None), |(address, length)| (address, Some(length)));
    // An octet with a leading zero is read as octal by some, and by others not.
    let address: IpAddr = address.parse().ok()?;
    let Some(length) = length else {
        return Some(IpNet::from(address));
    };
    let is_number = length.chars().all(|digit| digit.is_ascii_digit());
    let length = length.parse().ok().filter(|_| is_number)?;
    IpNet::new(address, length).ok().map(|block| block.trunc())
}

/// Whether an address is of a range that nobody routes over the public network: RFC 1918, RFC 6598
/// and RFC 4193, loopback and link-local.
pub(super) const fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && second & 0xC0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

/// The address alone as a block: `192.0.2.1/32`.
pub(super) fn alone(address: IpAddr) -> String {
    IpNet::from(address).to_string()
}

/// Whether a block holds every address of its version.
pub(super) fn is_everything(block: &IpNet) -> bool {
    block.prefix_len() == 0
}

#[cfg(test)]
mod tests {
    use super::block;

    #[test]
    fn a_spoilt_block_is_none() {
        for (text, told) in [
            ("10.1.2.3/24", Some("10.1.2.0/24")),
            ("10.1.2.3", Some("10.1.2.3/32")),
            ("2001:db8::1/64", Some("2001:db8::/64")),
            ("03.0.113.0/24", None),
            ("10.1.2.0/033", None),
            ("10.1.2.0/+8", None),
            ("10.1.2.0/", None),
            ("10.1.2/24", None),
        ] {
            let found = block(text).map(|block| block.to_string());
            assert_eq!(found.as_deref(), told, "{text}");
        }
    }
}
