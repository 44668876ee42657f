//! Targets as typed to endpoints: names resolved, each address once, none that must not be probed.

use std::net::IpAddr;

use super::arguments::groups::WayOut;
use super::failure::Failure;
use crate::model::endpoint::{Endpoint, Family};
use crate::net::resolve::{self, Services};
use crate::net::{self, host};
use crate::sweep::target::{BadTarget, Host, HostPort, TargetFault};

/// What targets come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Their endpoints, in the order given, each address and port once.
    pub endpoints: Vec<Endpoint>,
    /// Targets whose names have no address to probe.
    pub unresolved: Vec<(HostPort, BadTarget)>,
}

impl Resolved {
    /// The endpoints, when there are some.
    ///
    /// # Errors
    ///
    /// The first name without an address, when no target has any.
    pub fn some(self) -> Result<Self, BadTarget> {
        match self.unresolved.first() {
            Some((_, bad)) if self.endpoints.is_empty() => Err(bad.clone()),
            _ => Ok(self),
        }
    }
}

/// Reads all `targets` and looks their names up.
///
/// Every target is read before any name is looked up, so a misspelt one costs no time.
///
/// # Errors
///
/// The first target that is none or must not be probed, or options that contradict each other. A
/// name without an address is a result.
pub fn endpoints(targets: &[String], leave: &WayOut) -> Result<Resolved, Failure> {
    let family = family(leave)?;
    let services = Services::read();
    let targets: Vec<HostPort> = targets
        .iter()
        .map(|given| HostPort::parse(given, &|name| services.port(name)))
        .collect::<Result<_, _>>()?;
    let broadcasts = host::broadcasts();
    let answers = addresses(&targets)?;
    let mut found = Resolved::default();
    for (target, answer) in targets.into_iter().zip(answers) {
        let resolved = answer
            .map_err(|failure| BadTarget {
                given: target.given.clone(),
                fault: TargetFault::Unresolved(failure.to_string()),
            })
            .and_then(|addresses| target.endpoints(&addresses, family, &broadcasts));
        match resolved {
            Ok(endpoints) => {
                for endpoint in endpoints {
                    let new = |known: &Endpoint| known.socket() != endpoint.socket();
                    if found.endpoints.iter().all(new) {
                        found.endpoints.push(endpoint);
                    }
                }
            }
            Err(bad) if matches!(target.host, Host::Name(_)) => {
                found.unresolved.push((target, bad));
            }
            Err(bad) => return Err(bad.into()),
        }
    }
    Ok(found)
}

/// The IP version that -4, -6 or `--source` asks for.
///
/// # Errors
///
/// When they contradict each other.
pub fn family(leave: &WayOut) -> Result<Option<Family>, Failure> {
    let asked = match (leave.ipv4, leave.ipv6) {
        (true, _) => Some((Family::V4, "IPv4", "-4")),
        (_, true) => Some((Family::V6, "IPv6", "-6")),
        (false, false) => None,
    };
    match (asked, leave.source) {
        (Some((wanted, family, option)), Some(source_address))
            if Family::of(source_address) != wanted =>
        {
            Err(Failure::usage(format!(
                "--source {source_address} is not an {family} address, and {option} asks for one"
            )))
        }
        (Some((wanted, ..)), _) => Ok(Some(wanted)),
        (None, source) => Ok(source.map(Family::of)),
    }
}

/// What the resolver says of each target's host.
fn addresses(targets: &[HostPort]) -> Result<Vec<Result<Vec<IpAddr>, net::Failure>>, Failure> {
    let literal = |target: &HostPort| match &target.host {
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
    resolve(names.collect())
}

/// What the resolver says of each name, in their order.
///
/// # Errors
///
/// When the system gives no runtime to ask it from.
pub fn resolve(names: Vec<String>) -> Result<Vec<Result<Vec<IpAddr>, net::Failure>>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| Failure::incapable(format!("cannot listen for signals: {error}")))?;
    let answers = runtime.block_on(resolve::resolve_each(names, None, resolve::TIMEOUT));
    // A resolver that still keeps silent must not keep the program from ending.
    runtime.shutdown_background();
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::{WayOut, endpoints};

    #[test]
    fn an_address_given_twice_is_probed_once() {
        let given = ["192.0.2.1:3306", "192.0.2.1:mysql", "[2001:db8::1]:3306"].map(str::to_owned);
        let found = endpoints(&given, &WayOut::default()).expect("endpoints");
        let found: Vec<String> = found.endpoints.iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:3306", "[2001:db8::1]:3306"]);
        let source = "2001:db8::9".parse().ok();
        let leave = WayOut {
            ipv4: true,
            source,
            ..WayOut::default()
        };
        let refused = endpoints(&given, &leave).expect_err("contradiction");
        assert!(refused.to_string().contains("--source 2001:db8::9"));
    }
}
