//! Advice for what happens on this host, and for what could not be told.

use super::answers;
use super::case::Case;
use super::piece::{Advice, Owner};
use super::situation::{Scenario, is_private};
use crate::model::evidence::LocalRefusal;
use crate::model::verdict::{KernelReason, Method};

pub(super) fn no_neighbor(case: &Case<'_>) -> Vec<Advice> {
    let ip = case.ip();
    let target = case.target;
    if let Some(gateway) = case.vantage.gateway {
        return vec![
            Advice::new(
                Owner::YouHere,
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
            Owner::AddressGiver,
            format!(
                "By this host's routes {target} is a neighbour, and nobody on the link has that \
                 address: the host is down, or the address is wrong."
            ),
        )
        .run(format!("{ip} neigh show {target}")),
        Advice::new(
            Owner::NetworkTeam,
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
    let (ip, target) = (case.ip(), case.target);
    if case.outcome.evidence.detour().is_some() {
        let advice = Advice::new(
            Owner::YouHere,
            format!(
                "A policy rule of this host sends TCP connections to port {} another way than other \
                 packets, and there is none: mend the table that it names, or delete it.",
                case.port
            ),
        );
        let command = format!(
            "{ip} rule; {ip} route get {target} ipproto tcp dport {}",
            case.port
        );
        return vec![advice.run(command)];
    }
    let told = case.last_refusal();
    let text = match told {
        Some(LocalRefusal::Blackhole | LocalRefusal::Prohibited) => format!(
            "A route or policy rule of this host keeps packets to {target} here on purpose (type \
             {}): delete it if it is not meant, or mark these packets otherwise.",
            if told == Some(LocalRefusal::Blackhole) {
                "blackhole"
            } else {
                "prohibit"
            }
        ),
        Some(LocalRefusal::InterfaceDown) => {
            let interface = &case.vantage.interface;
            let text = format!("The interface {interface} is down or has no carrier.");
            let name = crate::report::visible::shell_word(interface);
            return vec![
                Advice::new(Owner::YouHere, text).run(format!("ip -s link show dev {name}")),
            ];
        }
        _ => return vec![missing_route(case)],
    };
    let command = format!(
        "{ip} rule; {ip} route get {target}; {ip} route show table all | grep -E \
         'blackhole|prohibit|unreachable'"
    );
    vec![Advice::new(Owner::YouHere, text).run(command)]
}

fn missing_route(case: &Case<'_>) -> Advice {
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
    Advice::new(
        Owner::YouHere,
        format!("This host has no route to {}: {needs}.", case.target),
    )
    .run(format!("{} route get {}", case.ip(), case.target))
}

pub(in crate::report) fn local_egress(case: &Case<'_>) -> Vec<Advice> {
    let interface = crate::report::visible::shell_word(&case.vantage.interface);
    let mut trials = case.outcome.evidence.trials().iter();
    let by_firewall = trials.any(|trial| trial.refused == Some(LocalRefusal::Firewall));
    let reason = match case.verdict.method {
        Some(Method::Kernel(reason)) => Some(reason),
        _ => by_firewall.then_some(KernelReason::Netfilter),
    };
    match reason {
        Some(KernelReason::XfrmPolicy) => vec![
            Advice::new(
                Owner::YouHere,
                format!(
                    "An IPsec policy of this host covers {} and no association carries it: bring the \
                     tunnel up, or delete the policy.",
                    case.target
                ),
            )
            .run("ip xfrm policy; ip xfrm state; grep -v '[[:space:]]0$' /proc/net/xfrm_stat"),
        ],
        Some(KernelReason::Netfilter) => vec![
            Advice::new(
                Owner::YouHere,
                format!(
                    "This host's own firewall stops what it sends to {} port {}: find the rule in \
                     OUTPUT or POSTROUTING, in whichever table; doctor names it where it can.",
                    case.target, case.port
                ),
            )
            .run(format!("synquest doctor {}", case.argument())),
            whole_firewall(case),
        ],
        _ => vec![
            Advice::new(
                Owner::YouHere,
                format!(
                    "Something between routing and the wire stops what this host sends to {} port \
                     {}: a filter at the interface (nft egress, tc), an IPsec policy, or a queue that \
                     stays full.",
                    case.target, case.port
                ),
            )
            .run(format!(
                "nft list ruleset netdev; tc -s qdisc show dev {interface}; tc filter show dev \
                 {interface} egress; ip xfrm policy"
            )),
        ],
    }
}

pub(in crate::report) fn local_ingress(case: &Case<'_>) -> Vec<Advice> {
    if answers::are_broken(case) {
        return answers::broken(case);
    }
    let mut advice = vec![
        Advice::new(
            Owner::YouHere,
            format!(
                "The answers of {} reach this host and are discarded here: find the rule in INPUT \
                 or PREROUTING, in whichever table; doctor names it where it can.",
                case.target
            ),
        )
        .run(format!("synquest doctor {}", case.argument())),
        whole_firewall(case),
    ];
    if let Some(Method::Kernel(KernelReason::ReversePath)) = case.verdict.method {
        return vec![
            Advice::new(
                Owner::YouHere,
                "The reverse-path filter of the interface by which the answers come in discards them: \
                 the route back to the target leaves by another one. Let the routes agree, or set \
                 rp_filter to 2 (loose) there.",
            )
            .run(format!(
                r"sysctl -a 2>/dev/null | grep '\.rp_filter'; {} route get {}",
                case.ip(),
                case.target
            )),
        ];
    }
    if let Some(Method::Kernel(KernelReason::XfrmPolicy)) = case.verdict.method {
        let text = "An IPsec policy of this host wants the answers protected, and they come in the \
                    clear: the far side's policy and this one must agree.";
        return vec![Advice::new(Owner::YouHere, text).run("ip xfrm policy; ip xfrm state")];
    }
    if case.target.is_ipv4() {
        advice.push(
            Advice::new(
                Owner::YouHere,
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
        Owner::YouHere,
        "Or look through all of them; what iptables-legacy has loaded no other tool shows.",
    )
    .run(format!(
        "{iptables}-save -c; {iptables}-legacy-save -c; nft -a list ruleset"
    ))
}

pub(in crate::report) fn conflicting(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            Owner::NetworkTeam,
            "Valid answers contradict each other: something on the path answers in the host's \
             name, or the address is shared by several hosts. Compare the senders and TTLs in the \
             evidence.",
        ),
        longer(case),
    ]
}

pub(in crate::report) fn inconclusive(case: &Case<'_>) -> Vec<Advice> {
    if case.last_refusal() == Some(LocalRefusal::SourceGone) {
        return vec![
            Advice::new(
                Owner::YouHere,
                "The source address of the probes is not this host's: bring it back, or choose another \
                 with --source. Then test again.",
            )
            .run("ip addr"),
            longer(case),
        ];
    }
    vec![
        Advice::new(
            Owner::YouHere,
            "The measurement did not suffice; the summary says why. Check this host first.",
        )
        .run(format!("synquest doctor {}", case.argument())),
        longer(case),
    ]
}

fn longer(case: &Case<'_>) -> Advice {
    Advice::new(Owner::You, "Then take longer.").run(case.probe(" --max-time 3m"))
}
