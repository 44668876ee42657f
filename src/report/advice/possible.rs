//! The causes behind a cause: what is known to show itself so, each with the command that shows it.
//!
//! What stands here is possible, not found. Only what fits the cause, its method and the way there
//! is told, the most common first, behind the advice that the verdict itself calls for.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "only some causes have such advice"
)]

use super::case::Case;
use super::piece::{Advice, Owner};
use crate::model::reply::Refusal;
use crate::model::verdict::{Cause, Method};

/// Nothing: the verdict speaks for itself.
pub(in crate::report) const fn nothing(_: &Case<'_>) -> Vec<Advice> {
    Vec::new()
}

pub(in crate::report) fn intermittent(case: &Case<'_>) -> Vec<Advice> {
    let mut possible = vec![
        member_down(case),
        conntrack_full("silently drops what is new"),
        duplicate(case),
        connlimit(case),
        timestamps(),
    ];
    possible.extend(source_ports(case));
    possible
}

pub(in crate::report) fn rate_limited(case: &Case<'_>) -> Vec<Advice> {
    let mut possible = vec![connlimit(case), conntrack_full("drops what is new")];
    possible.extend(source_ports(case));
    possible
}

pub(in crate::report) fn open_proxied(case: &Case<'_>) -> Vec<Advice> {
    vec![member_down(case), endpoints()]
}

pub(in crate::report) fn closed(case: &Case<'_>) -> Vec<Advice> {
    if case.is_translated() {
        open_proxied(case)
    } else {
        contradicted(case)
    }
}

pub(in crate::report) fn contradicted(case: &Case<'_>) -> Vec<Advice> {
    vec![duplicate(case)]
}

/// What refuses although nobody wrote a rule about this address.
pub(in crate::report) fn refused(case: &Case<'_>) -> Vec<Advice> {
    match case.verdict.method {
        Some(Method::Icmp(Refusal::PortUnreachable | Refusal::PortUnreachable6)) => {
            vec![endpoints()]
        }
        Some(Method::TcpReset) => vec![connlimit(case)],
        _ => Vec::new(),
    }
}

pub(in crate::report) fn drop_host(case: &Case<'_>) -> Vec<Advice> {
    discarded(case, vec![policy_local(), connlimit(case)], "of the target")
}

pub(in crate::report) fn drop_edge(case: &Case<'_>) -> Vec<Advice> {
    discarded(case, Vec::new(), "of the target or of the last router")
}

pub(in crate::report) fn drop_edge_or_host(case: &Case<'_>) -> Vec<Advice> {
    let of = "of the target or of the last router";
    discarded(case, vec![policy_local()], of)
}

pub(in crate::report) fn drop_path(case: &Case<'_>) -> Vec<Advice> {
    discarded(case, Vec::new(), "of a router")
}

pub(in crate::report) fn drop_return(_: &Case<'_>) -> Vec<Advice> {
    vec![reverse_path("of a router on the way back")]
}

pub(in crate::report) fn drop_somewhere(case: &Case<'_>) -> Vec<Advice> {
    let mut possible = if case.host_answers() {
        vec![policy_local(), member_down(case)]
    } else {
        vec![member_down(case), reverse_path("of the target or a router")]
    };
    possible.extend(source_ports(case));
    possible
}

/// What may discard SYNs: `these`, and what would discard other packets of ours just as well, which
/// is worth a look where none is answered. What tells SYNs apart is no shortage of anything.
fn discarded(case: &Case<'_>, these: Vec<Advice>, of: &str) -> Vec<Advice> {
    let mut possible = if case.told_apart() { Vec::new() } else { these };
    if !case.host_answers() {
        possible.push(reverse_path(of));
        possible.push(conntrack_full("drops what is new"));
    }
    if !case.host_answers_tcp() {
        possible.push(offload());
    }
    possible
}

/// A filter that some SYNs pass: what tells them apart, where the evidence shows it; else `None`.
pub(super) fn telling(case: &Case<'_>) -> Option<Advice> {
    let place = if case.verdict.cause == Cause::DropHost {
        Owner::HostAdmin
    } else {
        Owner::Filter
    };
    if case.options_matter() {
        return Some(
            Advice::new(
                place,
                "SYNs are told apart by what they carry: look for a rule on TCP options or flags, a \
                 normaliser or IPS, and on the host for timestamps that several clients behind one \
                 NAT share (PAWS; net.ipv4.tcp_tw_recycle before Linux 4.12). The counters rise \
                 with every SYN that is discarded so.",
            )
            .run(format!(
                "nstat -az | grep -i paws; {}-save | grep -E 'tcp-option|tcp-flags|ecn'; nft list \
                 ruleset | grep -E 'tcp option|tcp flags|ecn'",
                case.iptables()
            )),
        );
    }
    case.low_ports_answered().then(|| {
        Advice::new(
            Owner::PortFilter,
            "Clients' source ports are told apart: source ports below 1024 are let through, those \
             that every client uses are not. Look for a rule on the client's port, either way: it \
             must admit 1024-65535.",
        )
        .run(format!(
            "{}-save | grep -E 'sport|dport'; nft list ruleset | grep -E 'sport|dport'",
            case.iptables()
        ))
    })
}

fn member_down(case: &Case<'_>) -> Advice {
    Advice::new(
        Owner::Balancer,
        "If a load balancer stands there, a member that is down, or unhealthy by its checks, shows \
         itself so: see which members are live (Linux: this command; a cloud: its list of targets).",
    )
    .run(format!("ipvsadm -L -n | grep -A9 ':{}'", case.port))
}

fn endpoints() -> Advice {
    Advice::new(
        Owner::ClusterAdmin,
        "If the port belongs to a Kubernetes service, one without ready endpoints is refused so: see \
         whether it has any.",
    )
    .run("kubectl get endpointslices -A -o wide")
}

fn policy_local() -> Advice {
    Advice::new(
        Owner::ClusterAdmin,
        "If the port belongs to a Kubernetes service with externalTrafficPolicy: Local, nodes \
         without a pod of it discard what comes for it.",
    )
    .run(
        "kubectl get svc -A -o custom-columns='NAME:.metadata.name,PORT:.spec.ports[*].nodePort,\
         POLICY:.spec.externalTrafficPolicy'",
    )
}

/// `None` where no NAT can stand between.
fn source_ports(case: &Case<'_>) -> Option<Advice> {
    let advice = Advice::new(
        Owner::NatGateway,
        "If many connections leave through one public address, its source ports for this target may \
         be used up: then new ones get none. On a Linux gateway insert_failed and drop count it.",
    );
    case.is_public().then(|| advice.run("conntrack -S"))
}

fn conntrack_full(does: &str) -> Advice {
    Advice::new(
        Owner::HostOrRouterAdmin,
        format!(
            "A full table of connection tracking {does}: compare its count with its maximum; the \
             kernel's log says \"table full, dropping packet\"."
        ),
    )
    .run("sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max")
}

fn reverse_path(of: &str) -> Advice {
    Advice::new(
        Owner::NetworkTeam,
        format!(
            "A reverse-path filter {of} (rp_filter, uRPF) discards what comes in where the way back \
             does not leave; the counter shows it on Linux."
        ),
    )
    .run("nstat -az TcpExtIPReversePathFilter")
}

fn connlimit(case: &Case<'_>) -> Advice {
    Advice::new(
        Owner::Firewall,
        "A limit on connections of one source (connlimit, ct count) withholds those above it.",
    )
    .run(format!(
        "{}-save | grep connlimit; nft list ruleset | grep 'ct count'",
        case.iptables()
    ))
}

fn duplicate(case: &Case<'_>) -> Advice {
    let advice = Advice::new(
        Owner::NetworkTeam,
        "Two machines may have the same address: run this on the target's own subnet; more than one \
         hardware address in the answers is the proof.",
    );
    if case.target.is_ipv4() {
        advice.run(format!("arping -c 3 -I INTERFACE {}", case.target))
    } else {
        advice.run(format!("ndisc6 -m {} INTERFACE", case.target))
    }
}

fn timestamps() -> Advice {
    Advice::new(
        Owner::DatabaseAdmin,
        "Clients that share an address behind a NAT have clocks of their own, and a host that \
         compares their TCP timestamps (tcp_tw_recycle, PAWS) discards some of them.",
    )
    .run("nstat -az | grep -i paws")
}

fn offload() -> Advice {
    Advice::new(
        Owner::OverlayAdmin,
        "In an overlay (VXLAN, Geneve) a broken checksum offload makes the receiver discard every \
         segment: this counter rises there then.",
    )
    .run("nstat -az TcpInCsumErrors")
}

#[cfg(test)]
mod tests {
    use crate::model::evidence::{Fact, ReceivedBy};
    use crate::model::outcome::Outcome;
    use crate::model::probe::{Dscp, Extras, Flow, Kind, Probe, ProbeId, Target, Ttl};
    use crate::model::reply::{Answer, Reply};
    use crate::model::time::Moment;
    use crate::model::verdict::{Cause, PlaceKind};
    use crate::report::advice::advise::advise;
    use crate::report::advice::piece::Advice;
    use crate::report::advice::situation::Situation;
    use crate::report::advice::tests::outcome;

    const KINDS: [PlaceKind; 4] = [
        PlaceKind::Path,
        PlaceKind::Edge,
        PlaceKind::Host,
        PlaceKind::Unknown,
    ];

    fn advised(outcome: &Outcome) -> Vec<Advice> {
        advise(outcome, &Situation::default())
    }

    fn every() -> Vec<Vec<Advice>> {
        let mut every = Vec::new();
        for cause in Cause::ALL {
            for kind in KINDS {
                for target in ["10.1.0.2", "203.0.113.9"] {
                    let mut outcome = outcome(cause, kind, "10.0.0.2", target);
                    outcome.vantage.gateway = "10.0.0.1".parse().ok();
                    every.push(advised(&outcome));
                }
            }
        }
        every
    }

    #[test]
    fn the_common_causes_are_told_with_the_command_that_shows_them() {
        let commands: Vec<String> = every()
            .into_iter()
            .flatten()
            .filter_map(|piece| piece.command)
            .collect();
        for shows in [
            "externalTrafficPolicy",
            "endpointslices",
            "ipvsadm",
            "conntrack -S",
            "nf_conntrack_max",
            "TcpExtIPReversePathFilter",
            "paws",
            "connlimit",
            "arping",
            "TcpInCsumErrors",
        ] {
            let told = commands.iter().any(|command| command.contains(shows));
            assert!(told, "{shows}");
        }
    }

    #[test]
    fn the_agents_chain_never_stands_before_the_general_command() {
        for advice in every() {
            let at = |words: &str| {
                let in_command = |piece: &Advice| {
                    let command = piece.command.as_deref();
                    command.is_some_and(|command| command.contains(words))
                };
                advice.iter().position(in_command)
            };
            if let Some(chain) = at("IN_HIDS_MYSQLD_DENY_DROP") {
                assert_eq!(
                    at("-L -n -v --line-numbers"),
                    Some(chain - 1),
                    "{advice:#?}"
                );
            }
        }
    }

    #[test]
    fn a_filter_that_spares_syns_without_options_is_looked_for_by_them() {
        let mut drop = outcome(Cause::DropHost, PlaceKind::Host, "10.0.0.2", "10.1.0.2");
        let probe = Probe {
            extras: Extras::Nothing,
            ..Probe::plain(Kind::Syn, Target::Endpoint, Flow::ephemeral(0))
        };
        let answer = Answer::SynAck {
            window: 1024,
            mss: None,
        };
        let reply = Reply {
            from: drop.endpoint.address,
            ttl: Ttl(61),
            dscp: Dscp::ZERO,
            flow_label: None,
            answer,
            flaw: None,
        };
        let id = ProbeId(1);
        drop.evidence.record(Moment::START, Fact::Sent(id, probe));
        drop.evidence
            .record(Moment::START, Fact::Replied(id, ReceivedBy::Tap, reply));
        let first = advised(&drop).remove(0).command.unwrap_or_default();
        assert!(first.contains("tcp option"), "{first}");
    }
}
