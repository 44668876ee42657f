//! Names to addresses and service names to ports.
//!
//! The system's resolver does the work (`/etc/hosts`, `nsswitch.conf`, DNS), on threads of its own,
//! a few names at a time and each within a bound of time. A name that does not resolve is a result
//! of its own, told apart from one that the resolver kept silent about.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time;

use super::failure::Failure;
use crate::model::endpoint::Family;

/// How long the resolver may take over one name: its own default is two rounds of 5 s over up to
/// three servers (`resolv.conf(5)`), of which a user waits for one.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Names asked about at once.
const AT_ONCE: usize = 64;

/// The addresses of a name, each once, in the resolver's order of preference; of one family only,
/// where one is given. An address in figures is its own answer, asked of nobody.
///
/// A zone (`fe80::1%eth0`) is accepted and left out of the address.
///
/// # Errors
///
/// [`Failure::Unresolved`], [`Failure::ResolverSilent`] after `timeout`, [`Failure::NoAddress`]
/// when none is of the family.
pub async fn resolve(
    name: &str,
    family: Option<Family>,
    timeout: Duration,
) -> Result<Vec<IpAddr>, Failure> {
    let found: Vec<IpAddr> = if let Ok(address) = name.parse() {
        vec![address]
    } else {
        match time::timeout(timeout, lookup_host((name, 0))).await {
            Ok(Ok(addresses)) => addresses.map(|socket: SocketAddr| socket.ip()).collect(),
            Ok(Err(source)) => {
                let name = name.to_owned();
                return Err(Failure::Unresolved { name, source });
            }
            Err(_) => {
                let name = name.to_owned();
                return Err(Failure::ResolverSilent { name, timeout });
            }
        }
    };
    let mut addresses = Vec::with_capacity(found.len());
    for address in found {
        let wanted = family.is_none_or(|family| family == Family::of(address));
        if wanted && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        let name = name.to_owned();
        return Err(Failure::NoAddress { name, family });
    }
    Ok(addresses)
}

/// Resolves many names, some at a time; the answers stand in the order of the names.
pub async fn resolve_each(
    names: Vec<String>,
    family: Option<Family>,
    timeout: Duration,
) -> Vec<Result<Vec<IpAddr>, Failure>> {
    let mut waiting = names.into_iter().enumerate();
    let mut tasks = JoinSet::new();
    let mut answers = Vec::with_capacity(waiting.len());
    loop {
        for (place, name) in waiting.by_ref().take(AT_ONCE - tasks.len()) {
            tasks.spawn(async move { (place, resolve(&name, family, timeout).await) });
        }
        match tasks.join_next().await {
            None => break,
            Some(Ok(answer)) => answers.push(answer),
            // Nobody aborts them.
            Some(Err(broken)) => std::panic::resume_unwind(broken.into_panic()),
        }
    }
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// The services of this host (`/etc/services`), read once, and the databases we know without it.
#[derive(Clone, Debug)]
pub struct Services(String);

impl Services {
    /// Those of this host; none of its own where it has no such file (a container).
    pub fn read() -> Self {
        Self(fs::read_to_string("/etc/services").unwrap_or_default())
    }

    /// The TCP port of a service name or alias: of this host's, else of a database we know.
    pub fn port(&self, name: &str) -> Option<u16> {
        listed(&self.0, name).or_else(|| known(name))
    }
}

/// The port of a name or alias in the format of `services(5)`.
fn listed(services: &str, name: &str) -> Option<u16> {
    services.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let official = words.next()?;
        let port = words.next()?.strip_suffix("/tcp")?;
        if official == name || words.any(|alias| alias == name) {
            port.parse().ok()
        } else {
            None
        }
    })
}

/// What a host without `/etc/services` (a container) still understands: IANA's registered ports of
/// databases, and two that everybody uses.
fn known(name: &str) -> Option<u16> {
    Some(match name {
        "ssh" => 22,
        "http" => 80,
        "https" => 443,
        "ms-sql-s" | "mssql" => 1433,
        "oracle" => 1521,
        "mysql" | "mariadb" => 3306,
        "postgresql" | "postgres" => 5432,
        "redis" => 6379,
        "mongodb" => 27017,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICES: &str = "# comment\nssh\t\t22/tcp\ndomain 53/udp\nmysql 3306/tcp db mydb # x\n";

    #[test]
    fn services_are_found_by_name_and_alias() {
        assert_eq!(listed(SERVICES, "mysql"), Some(3306));
        assert_eq!(listed(SERVICES, "mydb"), Some(3306));
        assert_eq!(listed(SERVICES, "domain"), None);
        assert_eq!(listed(SERVICES, "comment"), None);
        assert_eq!(listed(SERVICES, "x"), None);
    }

    #[test]
    fn this_hosts_services_come_first_then_those_everybody_knows() {
        let services = Services("mariadb 3307/tcp\n".to_owned());
        assert_eq!(services.port("mariadb"), Some(3307));
        assert_eq!(services.port("postgres"), Some(5432));
        assert_eq!(services.port("no-such-service"), None);
        assert_eq!(services.port(""), None);
    }

    #[tokio::test]
    async fn figures_are_their_own_answer() {
        let loopback: IpAddr = "::1".parse().unwrap();
        let found = resolve("::1", None, TIMEOUT).await.unwrap();
        assert_eq!(found, vec![loopback]);
        let found = resolve("::1", Some(Family::V4), TIMEOUT).await;
        assert!(matches!(found, Err(Failure::NoAddress { .. })));
    }

    #[tokio::test]
    async fn answers_stand_in_the_order_of_the_names() {
        let names = ["127.0.0.2", "127.0.0.1", "127.0.0.3"];
        let asked = names.iter().map(ToString::to_string).collect();
        let found = resolve_each(asked, None, TIMEOUT).await;
        let found: Vec<String> = found
            .into_iter()
            .flat_map(Result::unwrap)
            .map(|address| address.to_string())
            .collect();
        assert_eq!(found, names);
    }
}
