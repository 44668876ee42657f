//! Targets as runnable: what `HOST:PORT` means, and which addresses must never be probed.
//!
//! Everything wrong with a target is found here, before privilege is asked for and before anything
//! is sent; the message names the target. Names of hosts and services are looked up elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::endpoint::{Endpoint, Family};

/// The port of a service name; `None` for one that is not known here.
pub type Service<'a> = &'a dyn Fn(&str) -> Option<u16>;

/// A target as typed, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The argument.
    pub given: String,
    /// Its host.
    pub host: Host,
    /// Its port.
    pub port: u16,
}

/// The host of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// A name to be resolved.
    Name(String),
}

/// A target that cannot be probed, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?}: {fault}")]
pub struct BadTarget {
    /// The argument.
    pub given: String,
    /// What is wrong with it.
    pub fault: TargetFault,
}

/// What can be wrong with a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetFault {
    /// No `:PORT`.
    #[error("the port is missing; write HOST:PORT")]
    NoPort,
    /// No `HOST`.
    #[error("the host is missing; write HOST:PORT")]
    NoHost,
    /// A URL or a path.
    #[error("write HOST:PORT, without scheme or path")]
    Url,
    /// An IPv6 address without brackets.
    #[error("an IPv6 address needs brackets; write {0}")]
    Unbracketed(String),
    /// Brackets around something else.
    #[error("{0:?} in brackets is not an IPv6 address")]
    NotIpv6(String),
    /// A port outside 1 to 65535.
    #[error("port {0} is not between 1 and 65535")]
    PortRange(String),
    /// A service nobody knows.
    #[error("port {0:?} is neither a number nor a service known here")]
    UnknownService(String),
    /// Digits and dots that are no address.
    #[error("{0:?} is not an IPv4 address")]
    NotIpv4(String),
    /// No name a resolver would take.
    #[error("{0:?} is not a host name")]
    BadName(String),
    /// The resolver knows no address.
    #[error("{0}")]
    Unresolved(String),
    /// None of its addresses is of the family asked for.
    #[error("it has no {} address, and -4, -6 or --source asks for one", family_name(*.0))]
    WrongFamily(Family),
    /// A group, not a host.
    #[error("{0} is a multicast address: a diagnosis is of one host")]
    Multicast(IpAddr),
    /// All hosts of a link.
    #[error("{0} is a broadcast address: a diagnosis is of one host")]
    Broadcast(IpAddr),
    /// No host at all.
    #[error("{0} is the unspecified address, not a host")]
    Unspecified(IpAddr),
}

const fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

impl HostPort {
    /// Takes `given` apart.
    ///
    /// # Errors
    ///
    /// [`BadTarget`] when it is no `HOST:PORT`.
    pub fn parse(given: &str, service: Service<'_>) -> Result<Self, BadTarget> {
        Self::split(given, service)
            .and_then(|(host, port)| {
                Ok(Self {
                    given: given.to_owned(),
                    host,
                    port: parse_port(port, service)?,
                })
            })
            .map_err(|fault| BadTarget {
                given: given.to_owned(),
                fault,
            })
    }

    fn split<'a>(given: &'a str, service: Service<'_>) -> Result<(Host, &'a str), TargetFault> {
        if given.contains('/') {
            return Err(TargetFault::Url);
        }
        if let Some(rest) = given.strip_prefix('[') {
            let (inside, after) = rest
                .split_once(']')
                .ok_or_else(|| TargetFault::NotIpv6(rest.to_owned()))?;
            let port = after.strip_prefix(':').ok_or(TargetFault::NoPort)?;
            return Ok((parse_bracketed(inside)?, port));
        }
        let (host, port) = given.rsplit_once(':').ok_or(TargetFault::NoPort)?;
        if host.contains(':') {
            // The end of an address may read as a port: most often it is meant as one.
            let ends_in_port =
                host.parse::<Ipv6Addr>().is_ok() && parse_port(port, service).is_ok();
            return Err(TargetFault::Unbracketed(if ends_in_port {
                format!("[{host}]:{port}")
            } else {
                format!("[{given}]:PORT")
            }));
        }
        Ok((parse_host(host)?, port))
    }

    /// The endpoints of this target at `addresses`: each once, in the order given, of the family
    /// asked for.
    ///
    /// # Errors
    ///
    /// When no address is left, or one is no host's. A name that resolves to several addresses is
    /// refused for a single bad one: such an answer is not to be trusted for the rest.
    pub fn endpoints(
        &self,
        addresses: &[IpAddr],
        family: Option<Family>,
        broadcasts: &[Ipv4Addr],
    ) -> Result<Vec<Endpoint>, BadTarget> {
        let bad = |fault| BadTarget {
            given: self.given.clone(),
            fault,
        };
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for address in addresses {
            let address = address.to_canonical();
            if let Some(fault) = unfit(address, broadcasts) {
                return Err(bad(fault));
            }
            let wanted = family.is_none_or(|family| Family::of(address) == family);
            if wanted && endpoints.iter().all(|known| known.address != address) {
                endpoints.push(Endpoint {
                    given: self.given.clone(),
                    address,
                    port: self.port,
                    label: None,
                });
            }
        }
        match family {
            Some(family) if endpoints.is_empty() => Err(bad(TargetFault::WrongFamily(family))),
            _ => Ok(endpoints),
        }
    }
}

/// Why `address` is no host to hold a diagnosis into.
pub fn unfit(address: IpAddr, broadcasts: &[Ipv4Addr]) -> Option<TargetFault> {
    let broadcast = match address {
        IpAddr::V4(v4) => v4.is_broadcast() || broadcasts.contains(&v4),
        IpAddr::V6(_) => false,
    };
    if address.is_unspecified() {
        Some(TargetFault::Unspecified(address))
    } else if address.is_multicast() {
        Some(TargetFault::Multicast(address))
    } else if broadcast {
        Some(TargetFault::Broadcast(address))
    } else {
        None
    }
}

fn parse_bracketed(inside: &str) -> Result<Host, TargetFault> {
    // The zone (RFC 4007 section 11) names an interface; the survey of the way reads it.
    let address = inside
        .split_once('%')
        .map_or(inside, |(address, _)| address);
    address
        .parse()
        .map(|address| Host::Address(IpAddr::V6(address)))
        .map_err(|_| TargetFault::NotIpv6(inside.to_owned()))
}

fn parse_host(host: &str) -> Result<Host, TargetFault> {
    if host.is_empty() {
        return Err(TargetFault::NoHost);
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok(Host::Address(IpAddr::V4(address)));
    }
    // The C library would read `10.1` or `0x7f.1` as an address; nobody means that today.
    let last = host.trim_end_matches('.').rsplit('.').next();
    if last.is_some_and(|label| label.starts_with(|c: char| c.is_ascii_digit())) && host != "0" {
        let numeric = host.chars().all(|c| c.is_ascii_digit() || c == '.');
        let hexadecimal = last.is_some_and(|label| label.starts_with("0x"));
        if numeric || hexadecimal {
            return Err(TargetFault::NotIpv4(host.to_owned()));
        }
    }
    let plausible = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if host.len() > 253 || host.starts_with('.') || !host.chars().all(plausible) {
        return Err(TargetFault::BadName(host.to_owned()));
    }
    Ok(Host::Name(host.to_owned()))
}

/// Reads a port number or a service name.
///
/// # Errors
///
/// [`TargetFault::NoPort`], [`TargetFault::PortRange`], [`TargetFault::UnknownService`].
pub fn parse_port(port: &str, service: Service<'_>) -> Result<u16, TargetFault> {
    if port.is_empty() {
        return Err(TargetFault::NoPort);
    }
    let digits = port.strip_prefix(['-', '+']).unwrap_or(port);
    if digits.chars().all(|c| c.is_ascii_digit()) {
        return match port.parse() {
            Ok(0) | Err(_) => Err(TargetFault::PortRange(port.to_owned())),
            Ok(number) => Ok(number),
        };
    }
    service(port).ok_or_else(|| TargetFault::UnknownService(port.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::{BadTarget, Family, Host, HostPort, TargetFault};

    fn parse(given: &str) -> Result<HostPort, BadTarget> {
        HostPort::parse(given, &|name| match name {
            "mysql" => Some(3306),
            "redis" => Some(6379),
            _ => None,
        })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn targets_are_taken_apart() {
        let check = |given: &str, host: Host, port: u16| {
            let target = parse(given).expect("a target");
            assert_eq!((target.host, target.port), (host, port), "{given}");
        };
        let name = |name: &str| Host::Name(name.to_owned());
        check("db1.example:3306", name("db1.example"), 3306);
        check("db_1:mysql", name("db_1"), 3306);
        check("1db.example.:65535", name("1db.example."), 65535);
        check("10.9.3.10:1", Host::Address(address("10.9.3.10")), 1);
        check("[fe80::1%eth0]:1", Host::Address(address("fe80::1")), 1);
        check(
            "[2001:db8::1]:redis",
            Host::Address(address("2001:db8::1")),
            6379,
        );
    }

    #[test]
    fn what_is_no_target_is_refused_with_its_reason() {
        let check = |given: &str, fault: TargetFault| {
            let bad = parse(given).expect_err(given);
            assert_eq!(bad.fault, fault, "{given}");
            assert!(bad.to_string().contains(given), "{bad}");
        };
        let text = str::to_owned;
        check("db1", TargetFault::NoPort);
        check("db1:", TargetFault::NoPort);
        check("[2001:db8::1]", TargetFault::NoPort);
        check(":3306", TargetFault::NoHost);
        check("mysql://db:3306", TargetFault::Url);
        check("db:0", TargetFault::PortRange(text("0")));
        check("db:70000", TargetFault::PortRange(text("70000")));
        check("db:-1", TargetFault::PortRange(text("-1")));
        check(
            "db:99999999999999999999",
            TargetFault::PortRange(text("99999999999999999999")),
        );
        check(
            "db:nosuchservice",
            TargetFault::UnknownService(text("nosuchservice")),
        );
        check(
            "2001:db8::",
            TargetFault::Unbracketed(text("[2001:db8::]:PORT")),
        );
        check(
            "2001:db8::1:3306",
            TargetFault::Unbracketed(text("[2001:db8::1]:3306")),
        );
        check("::1:mysql", TargetFault::Unbracketed(text("[::1]:mysql")));
        check(
            "::1:hello",
            TargetFault::Unbracketed(text("[::1:hello]:PORT")),
        );
        check("[10.0.0.1]:80", TargetFault::NotIpv6(text("10.0.0.1")));
        check("10.0.0.300:80", TargetFault::NotIpv4(text("10.0.0.300")));
        check("10.1:80", TargetFault::NotIpv4(text("10.1")));
        check("0x7f.0x1:80", TargetFault::NotIpv4(text("0x7f.0x1")));
        check("a b:80", TargetFault::BadName(text("a b")));
        check(".example:80", TargetFault::BadName(text(".example")));
    }

    #[test]
    fn only_hosts_of_the_family_asked_for_become_endpoints_each_once() {
        let target = parse("db:3306").expect("a target");
        let both = ["10.0.0.1", "2001:db8::1", "10.0.0.1", "::ffff:10.0.0.1"].map(address);
        let check = |family, expected: &[&str]| {
            let endpoints = target.endpoints(&both, family, &[]).expect("endpoints");
            let found: Vec<IpAddr> = endpoints.iter().map(|endpoint| endpoint.address).collect();
            assert_eq!(
                found,
                expected.iter().copied().map(address).collect::<Vec<_>>()
            );
        };
        check(None, &["10.0.0.1", "2001:db8::1"]);
        check(Some(Family::V4), &["10.0.0.1"]);
        check(Some(Family::V6), &["2001:db8::1"]);
    }

    #[test]
    fn addresses_that_are_no_host_are_refused() {
        let target = parse("db:3306").expect("a target");
        let own = [Ipv4Addr::new(10, 0, 0, 255)];
        let check = |text: &str, family, fault: TargetFault| {
            let bad = target.endpoints(&[address(text)], family, &own);
            assert_eq!(bad.expect_err(text).fault, fault);
        };
        check(
            "0.0.0.0",
            None,
            TargetFault::Unspecified(address("0.0.0.0")),
        );
        check("::", None, TargetFault::Unspecified(address("::")));
        check(
            "224.0.0.1",
            None,
            TargetFault::Multicast(address("224.0.0.1")),
        );
        check("ff02::1", None, TargetFault::Multicast(address("ff02::1")));
        check(
            "255.255.255.255",
            None,
            TargetFault::Broadcast(address("255.255.255.255")),
        );
        check(
            "10.0.0.255",
            None,
            TargetFault::Broadcast(address("10.0.0.255")),
        );
        check(
            "10.0.0.1",
            Some(Family::V6),
            TargetFault::WrongFamily(Family::V6),
        );
    }
}
