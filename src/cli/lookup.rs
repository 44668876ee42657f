//! Targets as typed to endpoints: names resolved, each address once, none that must not be probed.

use std::net::{IpAddr, Ipv4Addr};

use super::arguments::Leave;
use super::failure::Failure;
use crate::model::endpoint::{Endpoint, Family};
use crate::model::target::{BadTarget, Fault, Host, Target};
use crate::net::host;
use crate::net::resolve::{self, Services};

/// The endpoints of all `targets`, in the order given, each address and port once.
///
/// Every target is read before any name is looked up, so a misspelt one costs no time.
///
/// # Errors
///
/// The first target that cannot be probed, or options that contradict each other.
pub fn endpoints(targets: &[String], leave: &Leave) -> Result<Vec<Endpoint>, Failure> {
    let family = family(leave)?;
    let services = Services::read();
    let targets: Vec<Target> = targets
        .iter()
        .map(|given| Target::parse(given, &|name| services.port(name)))
        .collect::<Result<_, _>>()?;
    let broadcasts = broadcasts();
    let answers = addresses(&targets)?;
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for (target, answer) in targets.iter().zip(answers) {
        let addresses = answer.map_err(|failure| BadTarget {
            given: target.given.clone(),
            fault: Fault::Unresolved(failure.to_string()),
        })?;
        for endpoint in target.endpoints(&addresses, family, &broadcasts)? {
            if endpoints
                .iter()
                .all(|known| known.socket() != endpoint.socket())
            {
                endpoints.push(endpoint);
            }
        }
    }
    Ok(endpoints)
}

/// The IP version that -4, -6 or `--source` asks for.
fn family(leave: &Leave) -> Result<Option<Family>, Failure> {
    let asked = match (leave.ipv4, leave.ipv6) {
        (true, _) => Some((Family::V4, "IPv4", "-4")),
        (_, true) => Some((Family::V6, "IPv6", "-6")),
        (false, false) => None,
    };
    match (asked, leave.source) {
        (Some((wanted, family, option)), Some(source_address))
            if Family::of(source_address) != wanted =>
        {
            Err(Failure::SourceFamily {
                source_address,
                family,
                option,
            })
        }
        (Some((wanted, ..)), _) => Ok(Some(wanted)),
        (None, source) => Ok(source.map(Family::of)),
    }
}

/// What the resolver says of each target's host.
fn addresses(targets: &[Target]) -> Result<Vec<Result<Vec<IpAddr>, crate::net::Failure>>, Failure> {
    let literal = |target: &Target| match &target.host {
        Host::Address(address) => Some(*address),
        Host::Name(_) => None,
    };
    if let Some(known) = targets
        .iter()
        .map(|target| literal(target).map(|address| Ok(vec![address])))
        .collect::<Option<Vec<_>>>()
    {
        return Ok(known);
    }
    let names = targets.iter().map(|target| match &target.host {
        Host::Address(address) => address.to_string(),
        Host::Name(name) => name.clone(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(Failure::Signals)?;
    let answers = runtime.block_on(resolve::resolve_each(
        names.collect(),
        None,
        resolve::PATIENCE,
    ));
    // A resolver that still keeps silent must not keep the program from ending.
    runtime.shutdown_background();
    Ok(answers)
}

/// The broadcast addresses of the links this host is on.
fn broadcasts() -> Vec<Ipv4Addr> {
    let interfaces = host::interfaces();
    let addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
    addresses
        .filter_map(|(address, prefix)| match address {
            IpAddr::V4(address) => broadcast(*address, *prefix),
            IpAddr::V6(_) => None,
        })
        .collect()
}

/// The broadcast address of a subnet; `None` for the two lengths that have none (RFC 3021).
fn broadcast(address: Ipv4Addr, prefix: u8) -> Option<Ipv4Addr> {
    (prefix < 31).then(|| Ipv4Addr::from_bits(address.to_bits() | (u32::MAX >> prefix)))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{Leave, broadcast, endpoints};

    #[test]
    fn a_subnet_has_one_broadcast_address_unless_it_is_too_small() {
        let check = |prefix: u8, expected: Option<[u8; 4]>| {
            let address = Ipv4Addr::new(10, 9, 3, 10);
            assert_eq!(broadcast(address, prefix), expected.map(Ipv4Addr::from));
        };
        check(24, Some([10, 9, 3, 255]));
        check(30, Some([10, 9, 3, 11]));
        check(0, Some([255, 255, 255, 255]));
        check(31, None);
        check(32, None);
    }

    #[test]
    fn an_address_given_twice_is_probed_once() {
        let given = ["192.0.2.1:3306", "192.0.2.1:mysql", "[2001:db8::1]:3306"].map(str::to_owned);
        let found = endpoints(&given, &Leave::default()).expect("endpoints");
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:3306", "[2001:db8::1]:3306"]);
        let source = "2001:db8::9".parse().ok();
        let leave = Leave {
            ipv4: true,
            source,
            ..Leave::default()
        };
        let refused = endpoints(&given, &leave).expect_err("contradiction");
        assert!(refused.to_string().contains("--source 2001:db8::9"));
    }
}
