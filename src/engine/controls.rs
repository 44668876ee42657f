//! Which ports of the same address a diagnosis compares with.

use std::net::SocketAddr;

use super::policy::Policy;
use super::token::{Tokens, Tuple};
use crate::infer::{Control, ControlOrigin};
use crate::model::endpoint::Endpoint;
use crate::model::vantage::Vantage;

/// Random control ports lie from here …
const LOWEST: u16 = 20_000;
/// … to below here.
const BEYOND: u16 = 60_000;
/// How many random control ports there are.
const RANDOM: usize = 2;

/// Ports of the random range on which something commonly listens.
const COMMONLY_USED: [u16; 34] = [
    20_000, 22_222, 25_565, 25_672, 26_257, 26_379, 27_015, 27_017, 27_018, 27_019, 28_015, 28_017,
    29_015, 33_060, 33_061, 33_062, 37_777, 44_818, 47_808, 49_152, 49_153, 49_154, 49_155, 49_156,
    49_157, 50_000, 50_010, 50_020, 50_051, 50_070, 51_820, 54_321, 55_432, 55_555,
];

/// Ports a Kubernetes node answers for its services (`--service-node-port-range`).
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// The control ports, best first: the user's, two random high ones, then SSH (HTTPS where SSH itself
/// is under diagnosis). The same key and endpoint give the same ports.
pub(super) fn choose(
    tokens: &Tokens,
    endpoint: &Endpoint,
    vantage: &Vantage,
    policy: &Policy,
) -> Vec<Control> {
    let given = &policy.control_ports;
    let mut controls: Vec<Control> = Vec::with_capacity(given.len() + RANDOM + 1);
    let mut add = |port: u16, origin: ControlOrigin| {
        let fresh = port != endpoint.port
            && controls
                .iter()
                .all(|control: &Control| control.port != port);
        if fresh {
            controls.push(Control { port, origin });
        }
        fresh
    };
    for &port in given {
        add(port, ControlOrigin::Given);
    }
    // Diagnoses that share compare with the same ports.
    let port = if policy.share { 0 } else { endpoint.port };
    let tuple = Tuple {
        source: SocketAddr::new(vantage.source, 0),
        destination: SocketAddr::new(endpoint.address, port),
    };
    // Of a hundred candidates at least two are free: fewer than a tenth of the range is not.
    (0..100)
        .map(|attempt| candidate(tokens, &tuple, attempt))
        .filter(|port| !COMMONLY_USED.contains(port) && !NODE_PORTS.contains(port))
        .filter(|port| !vantage.ephemeral_ports.contains(port))
        .filter(|port| add(*port, ControlOrigin::Random))
        .take(RANDOM)
        .for_each(drop);
    add(
        if endpoint.port == 22 { 443 } else { 22 },
        ControlOrigin::WellKnown,
    );
    controls
}

fn candidate(tokens: &Tokens, tuple: &Tuple, attempt: u32) -> u16 {
    let span = u64::from(BEYOND - LOWEST);
    LOWEST + (tokens.control_port(tuple, attempt) % span) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::token::Key;

    fn check(port: u16, given: &[u16]) -> Vec<Control> {
        chosen(port, given, false)
    }

    fn chosen(port: u16, given: &[u16], share: bool) -> Vec<Control> {
        let endpoint = Endpoint {
            given: String::new(),
            address: [10, 9, 3, 10].into(),
            port,
            label: None,
        };
        let vantage = Vantage {
            source: [10, 9, 0, 2].into(),
            interface: String::new(),
            gateway: None,
            mtu: 1500,
            loopback: false,
            ephemeral_ports: vec![40_001],
            privileged_ports: Vec::new(),
        };
        let policy = Policy {
            control_ports: given.to_vec(),
            share,
            ..Policy::default()
        };
        choose(&Tokens::new(Key([1; 16])), &endpoint, &vantage, &policy)
    }

    #[test]
    fn the_users_ports_come_first_then_two_random_then_ssh() {
        let controls = check(3306, &[8080, 3306, 8080]);
        let origins: Vec<ControlOrigin> = controls.iter().map(|c| c.origin).collect();
        use ControlOrigin::{Given, Random, WellKnown};
        assert_eq!(origins, [Given, Random, Random, WellKnown]);
        assert_eq!(controls[0].port, 8080);
        assert_eq!(controls[3].port, 22);
        assert!((LOWEST..BEYOND).contains(&controls[1].port));
        assert_ne!(controls[1].port, controls[2].port);
        assert_eq!(check(3306, &[8080]), controls);
    }

    #[test]
    fn diagnoses_that_share_compare_with_the_same_ports() {
        assert_ne!(chosen(3306, &[], false), chosen(5432, &[], false));
        assert_eq!(chosen(3306, &[], true), chosen(5432, &[], true));
    }

    #[test]
    fn ssh_is_compared_with_https() {
        assert_eq!(check(22, &[]).last().map(|c| c.port), Some(443));
    }

    #[test]
    fn no_random_port_is_one_where_something_commonly_listens() {
        for port in 1..2000 {
            for control in check(port, &[]) {
                if control.origin == ControlOrigin::Random {
                    assert!(!COMMONLY_USED.contains(&control.port));
                    assert!(!NODE_PORTS.contains(&control.port));
                    assert_ne!(control.port, port);
                }
            }
        }
    }
}
