//! The way to one endpoint: route, MTU, source address, next hop, reverse path.

use crate::model::check::{Check, Rating};
use crate::model::endpoint::Endpoint;
use crate::model::evidence::NeighbourState;
use crate::model::host::{Approach, Arrival, ReversePath, Route, Way};

/// The checks of the way to `endpoint`.
pub fn checks(endpoint: &Endpoint, approach: &Approach) -> Vec<Check> {
    let name = format!("way to {}", endpoint.address);
    let mut checks = vec![way(&name, &approach.way)];
    checks.extend(
        approach
            .connection
            .as_ref()
            .map(|way| connection(endpoint, way)),
    );
    if let Some(route) = approach.way.route().filter(|route| !route.local) {
        checks.push(source(route, approach));
        checks.push(mtu(route));
        checks.push(neighbour(approach.neighbour));
    }
    checks.extend(approach.arrival.as_ref().map(reverse_path));
    checks
}

fn way(name: &str, way: &Way) -> Check {
    let bad = |finding: &str| Check::new(name, Rating::Bad, finding);
    match way {
        Way::Open(route) => {
            let by = match (route.local, route.gateway) {
                (true, _) => "this host itself".to_owned(),
                (false, Some(gateway)) => format!("by gateway {gateway}"),
                (false, None) => "on the link, without a gateway".to_owned(),
            };
            let finding = format!("{by}, on {}", route.link.name);
            Check::new(name, Rating::Good, finding)
        }
        Way::Unreachable => bad("no route")
            .with_remedy("Add a route, or bring up the VPN or peering that should carry it."),
        Way::Prohibited => bad("a route of type prohibit"),
        Way::Blackhole => bad("a route of type blackhole"),
        Way::InterfaceDown => bad("its interface is down or gone"),
        Way::Refused(refusal) => bad(&format!("refused by the kernel ({})", refusal.errno())),
    }
}

/// What the clients of the database meet and raw probes do not.
fn connection(endpoint: &Endpoint, taken: &Way) -> Check {
    let port = endpoint.port;
    let found = way(&format!("way of a connection to port {port}"), taken);
    let version = if endpoint.address.is_ipv4() { 4 } else { 6 };
    let destination = endpoint.address;
    let doubtful = Check {
        standing: Rating::Doubtful,
        ..found
    };
    doubtful
        .with_remedy(
            "By a policy rule for the port, or one of several next hops: raw probes do not meet \
             such rules, so that a verdict may hold for them and not for the client.",
        )
        .with_command(format!(
            "ip -{version} rule; ip -{version} route get {destination} ipproto tcp dport {port}"
        ))
}

fn source(route: &Route, approach: &Approach) -> Check {
    const NAME: &str = "source address";
    let own = route.source;
    let others: Vec<String> = approach
        .sources
        .iter()
        .filter(|(address, _)| *address != own)
        .map(|(address, interface)| format!("{address} ({interface})"))
        .collect();
    if others.is_empty() {
        return Check::new(NAME, Rating::Good, format!("{own}, the only one"));
    }
    let finding = format!("{own}, chosen before {}", others.join(", "));
    Check::new(NAME, Rating::Note, finding).with_remedy(
        "A whitelist that names another address of this host does not let these connections in: \
         name this one (or, behind a NAT, the public address in its place), or choose with \
         --source.",
    )
}

fn mtu(route: &Route) -> Check {
    const NAME: &str = "MTU";
    let whole = route.link.mtu;
    if u32::from(route.mtu) >= whole {
        return Check::new(NAME, Rating::Good, format!("{whole}, the interface's"));
    }
    let (origin, remedy) = if route.learnt {
        (
            "learnt from an ICMP message",
            "A link on the way takes no more, as a VPN does, and said so: that is as it should be. \
             The kernel forgets it after some minutes and learns anew.",
        )
    } else {
        (
            "set on the route",
            "Somebody set it below the interface's, as for a VPN: right if a link on the way takes \
             no more.",
        )
    };
    let finding = format!("{}, {origin}; the interface's is {whole}", route.mtu);
    Check::new(NAME, Rating::Note, finding).with_remedy(remedy)
}

fn neighbour(state: Option<NeighbourState>) -> Check {
    let check = |standing, finding: &str| Check::new("next hop", standing, finding);
    match state {
        None => check(Rating::Note, "its link-layer address was not asked for yet"),
        Some(NeighbourState::Resolved) => check(Rating::Good, "its link-layer address is known"),
        Some(NeighbourState::Incomplete) => check(
            Rating::Doubtful,
            "its link-layer address is being asked for",
        ),
        Some(NeighbourState::Failed) => check(
            Rating::Doubtful,
            "nobody answered for its link-layer address",
        )
        .with_remedy("The next hop is down, or the subnet is wrong or overlaps another one."),
    }
}

fn reverse_path(arrival: &Arrival) -> Check {
    const NAME: &str = "reverse-path filter";
    let interface = &arrival.interface;
    let good = |finding: String| Check::new(NAME, Rating::Good, finding);
    match (arrival.mode, &arrival.routed_by) {
        (ReversePath::Off, _) => good(format!("off on {interface}")),
        (ReversePath::Loose, _) => good(format!("loose on {interface}")),
        (ReversePath::Strict, None) => good(format!(
            "strict on {interface}, by which the routes lead to the target as well: an answer that \
             comes in by another interface may be discarded"
        )),
        (ReversePath::Strict, Some(routed_by)) => {
            let finding = format!(
                "strict on {interface}, and by the routes the target is reached through {routed_by}"
            );
            Check::new(NAME, Rating::Doubtful, finding)
                .with_remedy(format!(
                    "Answers that come in by {interface} are discarded here though the probes \
                     leave: set rp_filter to 2 (loose) on it, or let the routes agree."
                ))
                .with_command(r"sysctl -a 2>/dev/null | grep '\.rp_filter'")
        }
    }
}
