//! Advice for answers that come and that no client takes: from elsewhere, or with a wrong checksum.

use std::net::IpAddr;

use super::case::Case;
use super::piece::{Advice, Owner};
use super::situation::is_private;
use crate::model::reply::Flaw;
use crate::model::verdict::{KernelReason, Method};

/// Whether the answers arrive with a wrong checksum.
pub(super) fn are_broken(case: &Case<'_>) -> bool {
    case.verdict.method == Some(Method::Kernel(KernelReason::Checksum))
}

/// Where the port's answers come from: address and port.
fn elsewhere(case: &Case<'_>) -> Option<(IpAddr, u16)> {
    let trials = case.outcome.evidence.trials().iter();
    let cited = trials.filter(|trial| case.verdict.basis.contains(&trial.id));
    cited
        .flat_map(|trial| &trial.flawed)
        .find_map(|heard| match heard.reply.flaw {
            Some(Flaw::Misaddressed { port }) => Some((heard.reply.from, port)),
            Some(Flaw::Checksum) | None => None,
        })
}

pub(in crate::report) fn misaddressed(case: &Case<'_>) -> Vec<Advice> {
    let target = case.target;
    let (other, port) = elsewhere(case).unwrap_or((target, case.port));
    let other_words = match elsewhere(case) {
        None => "another address".to_owned(),
        Some(_) if port == case.port => other.to_string(),
        Some(_) => format!("{other} port {port}"),
    };
    let mut advice = vec![
        Advice::new(
            format!("whoever translates {target}: the load balancer, NAT or cluster in front of it"),
            format!(
                "What goes to {target} port {} reaches a server whose answers come back to {} from \
                 {other_words}: they pass the translator by, or it does not translate them back. The \
                 server must answer through the translator (its route back leads there), or the \
                 translator must also put its own address as the source. On the server, this shows \
                 where its answers go.",
                case.port,
                case.caller(),
            ),
        )
        .run(format!("{} route get {}", case.ip(), case.seen_as())),
        Advice::new(
            Owner::Translator,
            "On the translator, this shows what it rewrites; clients of the server's own network \
             (hairpin) and members of the balancer itself need their source translated as well.",
        )
        .run(match target {
            IpAddr::V4(_) => "iptables-save -t nat; nft list ruleset; ipvsadm -Ln",
            IpAddr::V6(_) => "ip6tables-save -t nat; nft list ruleset; ipvsadm -Ln",
        }),
    ];
    if other != target {
        advice.push(direct_return(case, other, port));
    }
    if elsewhere(case).is_some() && is_private(other) == is_private(case.vantage.source) {
        advice.push(
            Advice::new(
                Owner::You,
                format!(
                    "Meanwhile {other_words} itself may answer you: use that, if you are meant to."
                ),
            )
            .run(format!("synquest probe {}", argument(other, port))),
        );
    }
    advice.push(case.again());
    advice
}

/// What a server needs that answers past the translator on purpose.
fn direct_return(case: &Case<'_>, other: IpAddr, port: u16) -> Advice {
    let target = case.target;
    Advice::new(
        format!("owner of the server {other}"),
        format!(
            "If it is to answer directly (direct server return), it needs {target} as an \
             address of its own, and its service must be bound to that or to all addresses."
        ),
    )
    .run(format!(
        "{} -br address; ss -ltn 'sport = :{port}'",
        case.ip()
    ))
}

fn argument(address: IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("'[{address}]:{port}'"),
    }
}

pub(super) fn broken(case: &Case<'_>) -> Vec<Advice> {
    let target = case.target;
    vec![
        Advice::new(
            Owner::VirtualNetwork,
            format!(
                "The answers of {target} reach this host with a wrong checksum, and its kernel \
                 discards them. Most often an offload is to blame: a virtual network card, or a \
                 tunnel (VXLAN, Geneve) that leaves the checksum to hardware which does not fill it \
                 in. Where the answers are made and where the tunnel begins, switch it off; IFACE is \
                 the interface, or the tunnel's own (flannel.1, vxlan.calico, genev_sys_6081)."
            ),
        )
        .run(
            "ethtool -K IFACE tx off; ethtool -K IFACE tx-udp_tnl-csum-segmentation off \
             tx-udp_tnl-segmentation off",
        ),
        Advice::new(
            Owner::NetworkTeam,
            "Otherwise a device on the way rewrites packets and does not mend the checksum. Capture \
             on both sides of each: “incorrect” shows where it goes wrong (at the sender itself it \
             says so of right ones, too).",
        )
        .run(format!(
            "tcpdump -nvv -i any 'host {target} and tcp port {}'",
            case.port
        )),
        Advice::new(
            Owner::YouHere,
            "The kernel counts what it discards so: these rise with every attempt.",
        )
        .run("nstat -az TcpInCsumErrors IcmpInCsumErrors Icmp6InCsumErrors"),
        case.again(),
    ]
}
