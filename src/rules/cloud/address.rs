//! Addresses and what can be told of one from outside.

use std::net::IpAddr;

use ipnet::IpNet;

/// An address or a block of them, as the tools print it; bits behind the prefix are dropped, as
/// the providers do.
pub(super) fn block(text: &str) -> Option<IpNet> {
    let text = text.trim();
    match text.parse::<IpNet>() {
        Ok(block) => Some(block.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
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
