//! One or several endpoints in one spelling: `host:port`, `10.0.0.0/24:3306,5432`,
//! `[2001:db8::/120]:5432-5439`.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::fault::Fault;
use crate::sweep::target::{self, Host, HostPort, Service};

/// The hosts of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// One.
    One(Host),
    /// Every address of a block, the first and the last one included: which of them are a subnet's
    /// own and its broadcast address, only the subnet's hosts know.
    Block(IpNet),
}

/// Hosts and ports, each host with each port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The hosts.
    pub hosts: Hosts,
    /// The ports, in ranges.
    pub ports: Vec<RangeInclusive<u16>>,
}

impl Pattern {
    /// Reads `given`; several endpoints only where `expand` allows them.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(given: &str, expand: bool, service: Service<'_>) -> Result<Self, Fault> {
        match HostPort::parse(given, service) {
            Ok(target) => Ok(Self {
                hosts: Hosts::One(target.host),
                ports: vec![target.port..=target.port],
            }),
            Err(bad) => match several(given, service) {
                Some(Ok(_)) if !expand => Err(Fault::Unexpanded(given.to_owned())),
                Some(pattern) => pattern,
                None => Err(bad.fault.into()),
            },
        }
    }

    /// How many endpoints it stands for.
    pub fn count(&self) -> u128 {
        let hosts = match &self.hosts {
            Hosts::One(_) => 1,
            Hosts::Block(net) => 1_u128
                .checked_shl(u32::from(net.max_prefix_len() - net.prefix_len()))
                .unwrap_or(u128::MAX),
        };
        let ports: usize = self.ports.iter().map(ExactSizeIterator::len).sum();
        hosts.saturating_mul(u128::try_from(ports).unwrap_or(u128::MAX))
    }
}

/// `given` as a pattern of several endpoints; `None` where it does not look like one.
fn several(given: &str, service: Service<'_>) -> Option<Result<Pattern, Fault>> {
    let (host, ports) = given.rsplit_once(':')?;
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    let block = bare.split_once('/').is_some_and(|(address, length)| {
        address.parse::<IpAddr>().is_ok() || length.parse::<u8>().is_ok()
    });
    let ranges = ports.contains(',')
        || ports.starts_with(|c: char| c.is_ascii_digit()) && ports.contains('-');
    (block || ranges).then(|| {
        let ports = ports
            .split(',')
            .map(|range| parse_range(range.trim(), service))
            .collect::<Result<Vec<_>, _>>()?;
        let hosts = if block {
            let net: IpNet = bare.parse().map_err(|_| Fault::NotBlock(bare.to_owned()))?;
            Hosts::Block(net.trunc())
        } else {
            let one = HostPort::parse(&format!("{host}:1"), service).map_err(|bad| bad.fault)?;
            Hosts::One(one.host)
        };
        Ok(Pattern { hosts, ports })
    })
}

fn parse_range(range: &str, service: Service<'_>) -> Result<RangeInclusive<u16>, Fault> {
    let numeric = range.starts_with(|c: char| c.is_ascii_digit());
    match range.split_once('-') {
        Some((first, last)) if numeric => {
            let bound = |text: &str| text.parse().ok().filter(|port| *port != 0);
            match (bound(first), bound(last)) {
                (Some(first), Some(last)) if first <= last => Ok(first..=last),
                _ => Err(Fault::NotPorts(range.to_owned())),
            }
        }
        _ => target::parse_port(range, service)
            .map(|port| port..=port)
            .map_err(Fault::Target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(given: &str, expand: bool) -> Result<Pattern, Fault> {
        Pattern::parse(given, expand, &|name| (name == "ms-sql-s").then_some(1433))
    }

    #[test]
    fn a_pattern_stands_for_every_host_with_every_port() {
        let check = |given: &str, count: u128| {
            assert_eq!(parse(given, true).map(|p| p.count()), Ok(count), "{given}");
        };
        check("db:3306", 1);
        check("10.0.0.0/24:3306", 256);
        check("10.0.0.7/31:3306,5432", 4);
        check("10.0.0.0/30:1-3,9", 16);
        check("db:ms-sql-s,1434", 2);
        check("[2001:db8::/126]:1", 4);
        check("[::/0]:1-65535", u128::MAX);
    }

    #[test]
    fn several_endpoints_are_probed_only_when_asked_for() {
        for given in ["10.0.0.0/24:3306", "db:1,2", "[2001:db8::/126]:1", "db:1-3"] {
            let refused = Fault::Unexpanded(given.to_owned());
            assert_eq!(parse(given, false), Err(refused));
        }
        for expand in [false, true] {
            let check = |given: &str, fault: Fault| {
                assert_eq!(parse(given, expand), Err(fault), "{given}");
            };
            let text = str::to_owned;
            check("10.0.0.0/33:1", Fault::NotBlock(text("10.0.0.0/33")));
            check("db/24:1", Fault::NotBlock(text("db/24")));
            check("db:9-1", Fault::NotPorts(text("9-1")));
            check("db:1-", Fault::NotPorts(text("1-")));
            check("db:1,", target::TargetFault::NoPort.into());
            check("http://db:1", target::TargetFault::Url.into());
            check("db", target::TargetFault::NoPort.into());
        }
    }
}
