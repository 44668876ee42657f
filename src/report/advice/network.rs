//! Advice for what happens between this host and the target.

use super::case::Case;
use super::piece::{Advice, Owner};
use super::situation::{Reach, Scenario};
use super::{host, local, possible};
use crate::model::near::{NearSide, near_side};
use crate::model::verdict::Cause;
use crate::report::words::capital;

pub(in crate::report) fn open_proxied(case: &Case<'_>) -> Vec<Advice> {
    let device = case
        .device()
        .unwrap_or_else(|| "something in front of it".to_owned());
    let advice = Advice::new(
        Owner::Front,
        format!(
            "{} answers for the database; whether the database itself is reachable is not shown. \
             Ask whether it has a healthy database behind it, or test with a real login.",
            capital(&device)
        ),
    );
    let target = case.target;
    vec![match case.port {
        3306 => advice.run(format!("mysqladmin -h {target} -P 3306 -u USER -p ping")),
        5432 => advice.run(format!("pg_isready -h {target} -p 5432")),
        _ => advice,
    }]
}

pub(in crate::report) fn intermittent(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            Owner::NetworkOrBalancer,
            "It answers only some of the time. Where always the same flows fail, one of several \
             paths or one member behind a load balancer is broken: check each. Where it is chance, \
             packets are lost: check links for errors and congestion.",
        ),
        watch_longer(case),
    ]
}

pub(in crate::report) fn reject_path(case: &Case<'_>) -> Vec<Advice> {
    let device = case
        .device()
        .unwrap_or_else(|| "a device on the path".to_owned());
    vec![
        Advice::new(
            format!("owner of {device}"),
            format!(
                "{} refuses the connection. It must let {} reach {} port {}.",
                capital(&device),
                case.caller(),
                case.target,
                case.port
            ),
        ),
        case.again(),
    ]
}

pub(in crate::report) fn drop_edge(case: &Case<'_>) -> Vec<Advice> {
    let mut advice = vec![security_group(case)];
    advice.extend(possible::telling(case));
    advice.extend(last_router(case));
    advice.push(case.again());
    advice
}

pub(in crate::report) fn drop_edge_or_host(case: &Case<'_>) -> Vec<Advice> {
    let mut advice = vec![
        security_group(case),
        host::find_rule(case, "discards this address or port"),
        host::unban(case),
    ];
    advice.splice(1..1, possible::telling(case));
    advice.extend(last_router(case));
    advice.push(case.again());
    advice
}

/// What the last router that reports the port's packets may do to them itself: it tells of those that
/// expire there before it asks its filter. `None` where no router stands between.
fn last_router(case: &Case<'_>) -> Option<Advice> {
    let router = case.last_router()?;
    Some(Advice::new(
        format!("owner of {router}"),
        format!(
            "The last router may discard them itself, in its filter of what it forwards: it must \
             let {} reach {} port {}.",
            case.caller(),
            case.target,
            case.port
        ),
    ))
}

pub(in crate::report) fn drop_path(case: &Case<'_>) -> Vec<Advice> {
    let mut advice = vec![
        Advice::new(
            case.network_team(),
            format!(
                "{} discards packets to {} port {} and lets others pass: a firewall or an ACL. It \
                 must let {} through. The evidence shows which hop still sees them.",
                case.suspects(),
                case.target,
                case.port,
                case.caller()
            ),
        ),
        case.again(),
    ];
    advice.splice(1..1, possible::telling(case));
    advice
}

pub(in crate::report) fn drop_return(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            Owner::TargetAcl,
            "The answers are lost on the way back. A network ACL must let answers out to the \
             client ports (1024-65535); opening the database port inwards is not enough.",
        ),
        Advice::new(
            Owner::TargetNetworkTeam,
            format!(
                "The way back to {} may be missing or go another way (VPN, peering, a second \
                 gateway). On the host, check it.",
                case.caller()
            ),
        )
        .run(format!("{} route get {}", case.ip(), case.seen_as())),
    ]
}

/// What to look at besides, where a filter of the answers would look the same.
pub(super) fn rival(case: &Case<'_>) -> Option<Advice> {
    let mut others = case.outcome.finding.alternatives.iter();
    others.find(|other| other.cause == Cause::DropReturn && !other.ruled_out)?;
    let advice = Advice::new(
        Owner::TargetAcl,
        format!(
            "Not ruled out: the answers are lost on the way back. A network ACL must let answers \
             out to the client ports (1024-65535), and the host needs a route back to {}.",
            case.caller()
        ),
    );
    Some(advice.run(format!("{} route get {}", case.ip(), case.seen_as())))
}

/// Names the owner of our own side where no TCP of ours is answered past the first hop: first where
/// routers on the way show that echo alone passes, else behind the far side's owner.
pub(super) fn put_own_side(case: &Case<'_>, advice: &mut Vec<Advice>) {
    let vanishes = matches!(
        case.verdict.cause,
        Cause::DropPath | Cause::DropSomewhere | Cause::DropEdge | Cause::DropEdgeOrHost
    );
    let routed = case.vantage.gateway.is_some() && !case.is_observed();
    let near = near_side(&case.outcome.evidence).filter(|_| vanishes && routed);
    let Some(near) = near else { return };
    let at = match near {
        NearSide::Suspect => 0,
        NearSide::Possible => advice.len().min(1),
    };
    let piece = Advice::new(
        Owner::OwnSide,
        format!(
            "Past the first hop nothing answers any TCP of this host, while echo passes: the outbound \
             rules of its own security group must let TCP port {} of {} out, and the network ACL of \
             its own subnet must let that out and the answers to ports 1024-65535 in. A filter of the \
             far side that admits ICMP alone would look much the same.",
            case.port, case.target
        ),
    );
    advice.insert(at, piece);
}

pub(in crate::report) fn drop_somewhere(case: &Case<'_>) -> Vec<Advice> {
    if case.host_answers() {
        return vec![
            watch_longer(case),
            Advice::new(
                Owner::GroupsAndFirewall,
                format!(
                    "The host answers elsewhere, so it is up and reached: check that {} may reach \
                     port {} of {}, and that answers may return.",
                    case.caller(),
                    case.port,
                    case.target
                ),
            ),
        ];
    }
    let mut advice = vec![
        Advice::new(
            Owner::AddressGiver,
            format!(
                "Nothing at all answers {}: check that {} is the right address and that the host \
                 is up.",
                case.place_or("beyond some point"),
                case.target
            ),
        ),
        Advice::new(
            case.network_team(),
            format!(
                "Check {}, and that a firewall does not discard everything.",
                what_must_be_true(case)
            ),
        )
        .run(format!("{} route get {}", case.ip(), case.target)),
        watch_longer(case),
    ];
    // A group that admits nobody discards everything; over public networks that is the usual reason.
    let at = match case.reach {
        Reach::ThroughNat | Reach::Public => Some(0),
        Reach::Private => Some(2),
        Reach::Loopback | Reach::Neighbour => None,
    };
    if let Some(at) = at {
        advice.insert(at, security_group(case));
    }
    advice
}

pub(in crate::report) fn no_neighbor(case: &Case<'_>) -> Vec<Advice> {
    if case.is_here() {
        return local::no_neighbor(case);
    }
    let device = case
        .device()
        .unwrap_or_else(|| "the last router".to_owned());
    let advice = Advice::new(
        format!("network team of {device}"),
        format!(
            "{} gets no answer to its ARP/ND requests for what comes next on the way to {}: the host \
             itself, where this is its last router (it is down, has another address, or is in \
             another subnet), or else the next router.",
            capital(&device),
            case.target
        ),
    );
    let command = format!("{0} route get {1}; {0} neigh", case.ip(), case.target);
    vec![advice.run(command)]
}

pub(in crate::report) fn no_route(case: &Case<'_>) -> Vec<Advice> {
    if case.is_here() {
        return local::no_route(case);
    }
    if case.loops() {
        let text = format!(
            "Packets to {0} go round in a loop: a router sends them back the way they came, most \
             often by its default route, since it lacks the route to {0}. Compare the routes of \
             those that the summary names.",
            case.target
        );
        let advice = Advice::new(case.network_team(), text);
        return vec![advice.run(format!("{} route get {}", case.ip(), case.target))];
    }
    let device = case.device().unwrap_or_else(|| "a router".to_owned());
    let likely = match (case.reach, case.situation.scenario) {
        (Reach::Private, Some(Scenario::SameRegionVm)) => {
            "the peering connection of the two VPCs lacks its route (both sides need one)"
        }
        (Reach::Private, Some(Scenario::OnPrem)) => {
            "the VPN is down, or lacks the route to the data centre (both sides need one)"
        }
        (Reach::Private, _) => {
            "the VPN is down, or the peering connection lacks its route (both sides need one)"
        }
        (Reach::Loopback | Reach::Neighbour | Reach::ThroughNat | Reach::Public, _) => {
            "the address is not announced"
        }
    };
    vec![Advice::new(
        format!("network team of {device}"),
        format!(
            "{} has no route to {}; most often {likely}.",
            capital(&device),
            case.target
        ),
    )]
}

/// What must hold of the way for anything at all to come back, as an object of "check".
fn what_must_be_true(case: &Case<'_>) -> &'static str {
    match (case.reach, case.situation.scenario) {
        (Reach::Loopback, _) => "that the loopback interface is up",
        (Reach::Neighbour, _) => "that the host is up and on this subnet",
        (Reach::Private, Some(Scenario::SameRegionVm)) => {
            "that the two VPCs are joined by a peering connection with routes both ways, and that \
             their subnets are in different CIDR blocks (peering needs no change of security \
             groups)"
        }
        (Reach::Private, Some(Scenario::OnPrem)) => {
            "that the VPN is up and has routes both ways, and that the subnets of the two sides do \
             not overlap"
        }
        (Reach::Private, _) => {
            "that the VPN or the peering connection is up and has routes both ways, that the \
             subnets of the two sides do not overlap"
        }
        (Reach::ThroughNat | Reach::Public, _) => "that the database is publicly accessible",
    }
}

/// A doubt about the address itself.
pub(super) struct Doubt {
    /// Whether it contradicts where the user says that the database is.
    pub(super) contradicts: bool,
    /// What to do about it.
    pub(super) advice: Advice,
}

/// Whether the local table may take a far host for a neighbour, or the address is of another kind
/// than the place the database is said to be in; `None` where the address raises no doubt.
pub(super) fn doubt(case: &Case<'_>) -> Option<Doubt> {
    let whoever = Owner::AddressGiver;
    match (case.reach, case.situation.scenario) {
        (Reach::Neighbour, scenario) => {
            let far = matches!(scenario, Some(Scenario::CrossCloud | Scenario::OnPrem));
            let advice = Advice::new(
                Owner::NetworkTeam,
                format!(
                    "By this host's routes {} is a neighbour on {}. If the database is in another \
                     VPC or data centre, its CIDR block overlaps a subnet here: packets never \
                     leave for it, and whatever was heard is another machine. The subnets must be \
                     in different blocks.",
                    case.target, case.vantage.interface
                ),
            );
            Some(Doubt {
                contradicts: far,
                advice: advice.run(format!("{} route show match {}", case.ip(), case.target)),
            })
        }
        (Reach::Private, Some(Scenario::CrossCloud)) if !case.host_answers() => Some(Doubt {
            contradicts: true,
            advice: Advice::new(
                whoever,
                format!(
                    "{} is a private address, which no public network carries: between clouds use \
                     the database's public address, or a VPN.",
                    case.target
                ),
            ),
        }),
        (Reach::ThroughNat | Reach::Public, Some(Scenario::SameRegionVm)) => Some(Doubt {
            contradicts: true,
            advice: Advice::new(
                whoever,
                format!(
                    "{} is a public address. A database on a virtual machine of the same region is \
                     reached by its private one, which needs no EIP.",
                    case.target
                ),
            ),
        }),
        (Reach::Loopback | Reach::Private | Reach::ThroughNat | Reach::Public, _) => None,
    }
}

/// What security groups, whitelists and network ACLs in front of the target must allow.
fn security_group(case: &Case<'_>) -> Advice {
    let risk = match case.reach {
        Reach::ThroughNat | Reach::Public => {
            " Allowing 0.0.0.0/0 would work too but is a risk. Remove the entry after the \
             migration."
        }
        Reach::Neighbour | Reach::Private | Reach::Loopback => "",
    };
    Advice::new(
        Owner::TargetGroup,
        format!(
            "It must allow {} to reach TCP port {} of {}.{risk}",
            case.caller(),
            case.port,
            case.target
        ),
    )
}

fn watch_longer(case: &Case<'_>) -> Advice {
    if case.is_observed() {
        let text = "A diagnosis from the client tells more than its own attempts do.";
        return Advice::new(Owner::You, text).run(case.probe(""));
    }
    Advice::new(Owner::You, "A longer diagnosis may tell more.").run(case.probe(" --max-time 3m"))
}
