//! Advice for what happens on this host, and for what could not be told.

use super::Advice;
use super::case::Case;
use super::situation::{Scenario, is_private};
use crate::model::evidence::LocalRefusal;

const YOU: &str = "you, on this host";

pub(super) fn no_neighbor(case: &Case<'_>) -> Vec<Advice> {
    let ip = case.ip();
    let target = case.target;
    if let Some(gateway) = case.vantage.gateway {
        return vec![
            Advice::new(
                YOU,
                format!(
                    "The gateway {gateway} does not answer on {}: check the interface, its subnet \
                     and the route.",
                    case.vantage.interface
                ),
            )
            .run(format!(
                "{ip} neigh show {gateway}; {ip} route get {target}"
            )),
        ];
    }
    let mut advice = vec![
        Advice::new(
            "whoever gave you the address",
            format!(
                "By this host's routes {target} is a neighbour, and nobody on the link has that \
                 address: the host is down, or the address is wrong."
            ),
        )
        .run(format!("{ip} neigh show {target}")),
        Advice::new(
            "network team",
            "If the database is in another VPC or data centre, its CIDR block overlaps this \
             subnet: peering and VPN cannot work until the subnets are in different blocks.",
        )
        .run(format!("{ip} route get {target}")),
    ];
    if let Some(Scenario::CrossCloud | Scenario::OnPrem) = case.situation.scenario {
        advice.reverse();
    }
    advice
}

pub(super) fn no_route(case: &Case<'_>) -> Vec<Advice> {
    // Without a route nothing is a neighbour: only the addresses tell.
    let needs = match (is_private(case.target), case.situation.scenario) {
        (true, Some(Scenario::SameRegionVm)) => {
            "add the route of the peering connection (the other VPC needs one back)"
        }
        (true, Some(Scenario::OnPrem)) => {
            "add the route of the VPN (the data centre needs one back)"
        }
        (true, _) => {
            "add the route of the VPN or the peering connection (the far side needs one back)"
        }
        (false, _) => "this host needs a default route, or an EIP or NAT gateway to leave through",
    };
    vec![
        Advice::new(
            YOU,
            format!("This host has no route to {}: {needs}.", case.target),
        )
        .run(format!("{} route get {}", case.ip(), case.target)),
    ]
}

pub(super) fn local_egress(case: &Case<'_>) -> Vec<Advice> {
    let trials = case.outcome.evidence.trials();
    let prohibited = trials
        .iter()
        .any(|trial| trial.refused == Some(LocalRefusal::Prohibited));
    let mut advice = vec![
        Advice::new(
            YOU,
            format!(
                "This host's own firewall stops what it sends to {} port {}: find the rule in \
                 OUTPUT or POSTROUTING, in whichever table; doctor names it where it can.",
                case.target, case.port
            ),
        )
        .run(format!("synquest doctor {}", case.argument())),
        whole_firewall(case),
    ];
    if prohibited {
        advice.insert(
            0,
            Advice::new(YOU, "A route or routing rule here prohibits the target.").run(format!(
                "{0} rule; {0} route get {1}",
                case.ip(),
                case.target
            )),
        );
    }
    advice
}

pub(super) fn local_ingress(case: &Case<'_>) -> Vec<Advice> {
    let mut advice = vec![
        Advice::new(
            YOU,
            format!(
                "The answers of {} reach this host and are discarded here: find the rule in INPUT \
                 or PREROUTING, in whichever table; doctor names it where it can.",
                case.target
            ),
        )
        .run(format!("synquest doctor {}", case.argument())),
        whole_firewall(case),
    ];
    if case.target.is_ipv4() {
        advice.push(
            Advice::new(
                YOU,
                "If no rule does it, the reverse-path filter of the interface they come in by \
                 discards them: the route back to the target leaves by another one. Its counter \
                 rises with every probe then.",
            )
            .run(
                r"sysctl -a 2>/dev/null | grep '\.rp_filter'; nstat -az TcpExtIPReversePathFilter",
            ),
        );
    }
    advice
}

fn whole_firewall(case: &Case<'_>) -> Advice {
    let iptables = case.iptables();
    Advice::new(
        YOU,
        "Or look through all of them; what iptables-legacy has loaded no other tool shows.",
    )
    .run(format!(
        "{iptables}-save -c; {iptables}-legacy-save -c; nft -a list ruleset"
    ))
}

pub(super) fn conflicting(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            "network team",
            "Valid answers contradict each other: something on the path answers in the host's \
             name, or the address is shared by several hosts. Compare the senders and TTLs in the \
             evidence.",
        ),
        longer(case),
    ]
}

pub(super) fn inconclusive(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            YOU,
            "The measurement did not suffice; the summary says why. Check this host first.",
        )
        .run(format!("synquest doctor {}", case.argument())),
        longer(case),
    ]
}

fn longer(case: &Case<'_>) -> Advice {
    Advice::new("you", "Then take longer.").run(case.probe(" --max-time 3m"))
}
