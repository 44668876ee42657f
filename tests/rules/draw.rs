//! What random rules are drawn from: values that fit the packet as often as not.

use std::net::IpAddr;

use fastrand::Rng;

/// The packet of a trial.
#[derive(Clone, Debug)]
pub(crate) struct Knock {
    pub(crate) from: IpAddr,
    pub(crate) to: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) port: u16,
    pub(crate) udp: bool,
}

/// One of several.
pub(crate) fn one<T: Clone>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(..all.len())].clone()
}

/// A port, the packet's own as often as not.
pub(crate) fn port(rng: &mut Rng, own: u16) -> u16 {
    if rng.bool() {
        own
    } else {
        one(rng, &[22, 80, 443, 3306, 5432, 6379, 8080])
    }
}

/// Bounds of a range of ports that holds `own` as often as not.
pub(crate) fn ports(rng: &mut Rng, own: u16) -> (u16, u16) {
    if rng.bool() {
        (
            own.saturating_sub(rng.u16(..50)).max(1),
            own.saturating_add(rng.u16(..50)),
        )
    } else {
        let low = rng.u16(1..20_000);
        (low, low.saturating_add(rng.u16(..3000)))
    }
}

/// A network or address that holds `own` as often as not.
pub(crate) fn network(rng: &mut Rng, own: IpAddr) -> String {
    let address = if rng.u8(..3) > 0 {
        own
    } else {
        other(rng, own)
    };
    let whole = if address.is_ipv4() { 32_u8 } else { 128 };
    let length = match rng.u8(..3) {
        0 => whole,
        1 => whole - rng.u8(1..12),
        _ => rng.u8(8..=whole),
    };
    let masked = match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::from(std::net::Ipv4Addr::from(u32::from(address) & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::from(std::net::Ipv6Addr::from(u128::from(address) & mask))
        }
    };
    if length == whole {
        masked.to_string()
    } else {
        format!("{masked}/{length}")
    }
}

/// Another address of the same version, near to this one or not.
pub(crate) fn other(rng: &mut Rng, own: IpAddr) -> IpAddr {
    match own {
        IpAddr::V4(own) => {
            let flipped = u32::from(own) ^ (1 << rng.u32(..24));
            IpAddr::from(std::net::Ipv4Addr::from(flipped))
        }
        IpAddr::V6(own) => {
            let flipped = u128::from(own) ^ (1 << rng.u32(..64));
            IpAddr::from(std::net::Ipv6Addr::from(flipped))
        }
    }
}

/// Two addresses, the lower first, that hold `own` between them as often as not.
pub(crate) fn addresses(rng: &mut Rng, own: IpAddr) -> (IpAddr, IpAddr) {
    let reach = rng.u8(1..40);
    match if rng.bool() { own } else { other(rng, own) } {
        IpAddr::V4(middle) => {
            let middle = u32::from(middle);
            let low = middle.saturating_sub(rng.u32(..u32::from(reach)));
            let high = middle.saturating_add(rng.u32(..u32::from(reach)));
            (
                std::net::Ipv4Addr::from(low).into(),
                std::net::Ipv4Addr::from(high).into(),
            )
        }
        IpAddr::V6(middle) => {
            let middle = u128::from(middle);
            let low = middle.saturating_sub(rng.u128(..u128::from(reach)));
            let high = middle.saturating_add(rng.u128(..u128::from(reach)));
            (
                std::net::Ipv6Addr::from(low).into(),
                std::net::Ipv6Addr::from(high).into(),
            )
        }
    }
}
