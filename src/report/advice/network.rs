//! Advice for what happens between this host and the target.

use super::Advice;
use super::case::{Case, Reach};
use super::host;
use crate::model::probe::Target;
use crate::model::reply::Answer;

pub(super) fn open_proxied(case: &Case<'_>) -> Vec<Advice> {
    let device = case
        .device()
        .unwrap_or_else(|| "something in front of it".to_owned());
    let advice = Advice::new(
        "owner of the load balancer or DDoS protection in front of the database",
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

pub(super) fn mtu_black_hole(case: &Case<'_>) -> Vec<Advice> {
    let place = case.place_or("on the path");
    let mut advice = vec![
        Advice::new(
            case.network_team(),
            format!(
                "Full-size packets vanish {place} and no ICMP message says so: logins work, bulk \
                 reads hang. Let ICMP 'fragmentation needed' (ICMPv6 'packet too big') through, or \
                 clamp the MSS on the VPN gateway.",
            ),
        )
        .run(format!(
            "{} -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
            case.iptables()
        )),
    ];
    if let Some(size) = largest_answered(case) {
        let way = case
            .vantage
            .gateway
            .map_or(String::new(), |gateway| format!("via {gateway} "));
        let interface = crate::report::visible::shell_word(&case.vantage.interface);
        advice.push(
            Advice::new(
                "you, until that is mended",
                "Have this host send to the target no packet larger than the largest that was \
                 answered.",
            )
            .run(format!(
                "{} route replace {} {way}dev {interface} mtu {size}",
                case.ip(),
                case.target
            )),
        );
    }
    advice
}

/// The largest padded SYN to the endpoint that the endpoint answered.
fn largest_answered(case: &Case<'_>) -> Option<u16> {
    let trials = case.outcome.evidence.trials().iter();
    trials
        .filter(|trial| trial.probe.target == Target::Endpoint)
        .filter(|trial| {
            trial.first().is_some_and(|heard| {
                matches!(heard.reply.answer, Answer::SynAck { .. } | Answer::Reset)
            })
        })
        .filter_map(|trial| trial.probe.padded_to)
        .max()
}

pub(super) fn intermittent(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            "owner of the network or load balancer",
            "It answers only some of the time. Where always the same flows fail, one of several \
             paths or one member behind a load balancer is broken: check each. Where it is chance, \
             packets are lost: check links for errors and congestion.",
        ),
        watch_longer(case),
    ]
}

pub(super) fn reject_path(case: &Case<'_>) -> Vec<Advice> {
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

pub(super) fn drop_edge(case: &Case<'_>) -> Vec<Advice> {
    vec![security_group(case), case.again()]
}

pub(super) fn drop_edge_or_host(case: &Case<'_>) -> Vec<Advice> {
    vec![
        security_group(case),
        host::find_rule(case, "discards this address or port"),
        case.again(),
    ]
}

pub(super) fn drop_path(case: &Case<'_>) -> Vec<Advice> {
    vec![
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
    ]
}

pub(super) fn drop_return(case: &Case<'_>) -> Vec<Advice> {
    // Behind a NAT the host sees an address that we do not know.
    let back = match case.reach {
        Reach::ThroughNat => "EIP".to_owned(),
        Reach::Loopback | Reach::Private | Reach::Public => case.vantage.source.to_string(),
    };
    vec![
        Advice::new(
            "owner of the target's network ACL",
            "The answers are lost on the way back. A network ACL must let answers out to the \
             client ports (1024-65535); opening the database port inwards is not enough.",
        ),
        Advice::new(
            "network team of the target",
            format!(
                "The way back to {} may be missing or go another way (VPN, peering, a second \
                 gateway). On the host, check it.",
                case.caller()
            ),
        )
        .run(format!("{} route get {back}", case.ip())),
    ]
}

pub(super) fn drop_somewhere(case: &Case<'_>) -> Vec<Advice> {
    if case.host_answers() {
        return vec![
            watch_longer(case),
            Advice::new(
                "owner of the security groups and of the host's firewall",
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
    let way = match case.reach {
        Reach::Private => {
            "that the VPN or the peering connection is up and has routes both ways, that the \
             subnets of the two sides do not overlap"
        }
        Reach::ThroughNat | Reach::Public => {
            "that the database is publicly accessible and its whitelist is not empty"
        }
        Reach::Loopback => "that the loopback interface is up",
    };
    vec![
        Advice::new(
            "whoever gave you the address",
            format!(
                "Nothing at all answers {}: check that {} is the right address and that the host \
                 is up.",
                case.place_or("beyond some point"),
                case.target
            ),
        ),
        Advice::new(
            case.network_team(),
            format!("Check {way}, and that a firewall does not discard everything."),
        )
        .run(format!("{} route get {}", case.ip(), case.target)),
        watch_longer(case),
    ]
}

pub(super) fn no_neighbor(case: &Case<'_>) -> Vec<Advice> {
    let device = case
        .device()
        .unwrap_or_else(|| "the last router".to_owned());
    vec![Advice::new(
        format!("network team of {device}"),
        format!(
            "{} stands on the target's subnet and finds no host with the address {}: the host is \
             down, has another address, or is in another subnet.",
            capital(&device),
            case.target
        ),
    )]
}

pub(super) fn no_route(case: &Case<'_>) -> Vec<Advice> {
    let device = case.device().unwrap_or_else(|| "a router".to_owned());
    let likely = match case.reach {
        Reach::Private => {
            "the VPN is down, or the peering connection lacks its route (both sides need one)"
        }
        Reach::ThroughNat | Reach::Public | Reach::Loopback => "the address is not announced",
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

/// What security groups, whitelists and network ACLs in front of the target must allow.
fn security_group(case: &Case<'_>) -> Advice {
    let risk = match case.reach {
        Reach::ThroughNat | Reach::Public => {
            " Allowing 0.0.0.0/0 would work too but is a risk. Remove the entry after the \
             migration."
        }
        Reach::Private | Reach::Loopback => "",
    };
    Advice::new(
        "owner of the target's security group, whitelist or network ACL",
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
        let text = "An inquest from the client tells more than its own attempts do.";
        return Advice::new("you", text).run(format!("synquest probe {}", case.argument()));
    }
    Advice::new("you", "A longer inquest may tell more.")
        .run(format!("synquest probe --max-time 3m {}", case.argument()))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
