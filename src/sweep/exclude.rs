//! What must not be probed, whatever a list says: addresses, blocks, endpoints and names.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::list::{BadLine, Fault, Pattern, Plain, Unreadable, plain};
use crate::sweep::list::Hosts;
use crate::sweep::target::{Host, HostPort, Service};

/// What must not be probed.
#[derive(Clone, Debug, Default)]
pub struct Exclusions {
    v4: Vec<Ipv4Net>,
    v6: Vec<Ipv6Net>,
    endpoints: BTreeSet<(IpAddr, u16)>,
    names: BTreeSet<(String, Option<u16>)>,
    blocks: Vec<Pattern>,
}

impl Exclusions {
    /// Reads a list of what must not be probed, and adds it. One line each: an address, a block
    /// (`10.0.0.0/24`), either of them or a name with a port, or a name. Returns the SHA-256 of the
    /// list.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn read(
        &mut self,
        packed: impl Read,
        file: &str,
        service: Service<'_>,
        on_bad: &mut dyn FnMut(BadLine),
    ) -> Result<String, Unreadable> {
        let digest = plain(packed, file, &mut |Plain { line, column, text }| {
            if let Err(fault) = self.add(text, service) {
                on_bad(BadLine {
                    file: file.to_owned(),
                    line,
                    column,
                    fault,
                });
            }
        })?;
        self.v4 = Ipv4Net::aggregate(&self.v4);
        self.v6 = Ipv6Net::aggregate(&self.v6);
        Ok(digest)
    }

    fn add(&mut self, text: &str, service: Service<'_>) -> Result<(), Fault> {
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        let net = bare
            .parse::<IpNet>()
            .or_else(|_| bare.parse::<IpAddr>().map(IpNet::from));
        match net {
            Ok(IpNet::V4(net)) => self.v4.push(net.trunc()),
            Ok(IpNet::V6(net)) => self.v6.push(net.trunc()),
            Err(_) if text.contains([':', '/']) => {
                self.add_pattern(Pattern::parse(text, true, service)?)
            }
            Err(_) => {
                let target =
                    HostPort::parse(&format!("{text}:1"), service).map_err(|bad| bad.fault)?;
                if let Host::Name(name) = target.host {
                    self.names.insert((name.to_ascii_lowercase(), None));
                }
            }
        }
        Ok(())
    }

    fn add_pattern(&mut self, pattern: Pattern) {
        let ports = pattern.ports.iter().cloned().flatten();
        match &pattern.hosts {
            Hosts::One(Host::Address(address)) => {
                let address = address.to_canonical();
                self.endpoints.extend(ports.map(|port| (address, port)));
            }
            Hosts::One(Host::Name(name)) => {
                let name = name.to_ascii_lowercase();
                self.names
                    .extend(ports.map(|port| (name.clone(), Some(port))));
            }
            Hosts::Block(_) => self.blocks.push(pattern),
        }
    }

    /// Whether this endpoint must not be probed.
    pub fn covers(&self, address: IpAddr, port: u16) -> bool {
        let within = match address {
            IpAddr::V4(v4) => holds(&self.v4, &v4, |net| net.network(), |net| net.broadcast()),
            IpAddr::V6(v6) => holds(&self.v6, &v6, |net| net.network(), |net| net.broadcast()),
        };
        within
            || self.endpoints.contains(&(address, port))
            || self.blocks.iter().any(|block| {
                let Hosts::Block(net) = &block.hosts else {
                    return false;
                };
                net.contains(&address) && block.ports.iter().any(|range| range.contains(&port))
            })
    }

    /// Whether the endpoint of this name must not be probed, whatever its address.
    pub fn covers_name(&self, name: &str, port: u16) -> bool {
        let name = name.to_ascii_lowercase();
        self.names.contains(&(name.clone(), None)) || self.names.contains(&(name, Some(port)))
    }
}

/// Whether one of `nets`, which are sorted and apart, holds `address`.
fn holds<N, A: Ord>(nets: &[N], address: &A, first: fn(&N) -> A, last: fn(&N) -> A) -> bool {
    let after = nets.partition_point(|net| first(net) <= *address);
    let before = after.checked_sub(1).and_then(|index| nets.get(index));
    before.is_some_and(|net| last(net) >= *address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Exclusions, Vec<String>) {
        let (mut exclusions, mut bad) = (Exclusions::default(), Vec::new());
        exclusions
            .read(text.as_bytes(), "x", &|_| None, &mut |line| {
                bad.push(line.to_string());
            })
            .expect("memory");
        (exclusions, bad)
    }

    #[test]
    fn addresses_blocks_endpoints_and_names_are_left_out() {
        let (found, bad) = read(
            "10.0.0.7\n10.1.0.0/16 # lab\n192.0.2.1:22\n2001:db8::/32\n[::1]:80\n[::2]\n\
             10.9.0.0/24:1-9\nDB.example\nweb:80,81\n10.1.2.0/24\n",
        );
        assert_eq!(bad, [""; 0]);
        let check = |address: &str, port: u16, covered: bool| {
            let parsed = address.parse().expect(address);
            assert_eq!(found.covers(parsed, port), covered, "{address} {port}");
        };
        check("10.0.0.7", 1, true);
        check("10.0.0.8", 1, false);
        check("10.0.255.255", 1, false);
        check("10.1.0.0", 1, true);
        check("10.1.255.255", 1, true);
        check("10.2.0.0", 1, false);
        check("192.0.2.1", 22, true);
        check("192.0.2.1", 23, false);
        check("2001:db8:ffff::1", 1, true);
        check("::1", 80, true);
        check("::1", 81, false);
        check("::2", 81, true);
        check("10.9.0.200", 9, true);
        check("10.9.0.200", 10, false);
        assert!(found.covers_name("db.EXAMPLE", 5));
        assert!(found.covers_name("web", 81) && !found.covers_name("web", 82));
    }

    #[test]
    fn what_is_none_of_them_is_said_with_its_place() {
        let (_, bad) = read("10.0.0.0/33\n\n  10.0.0.300\n");
        assert_eq!(bad.len(), 2);
        assert!(bad[0].starts_with("x:1:1: "), "{}", bad[0]);
        assert!(bad[1].starts_with("x:3:3: "), "{}", bad[1]);
    }
}
