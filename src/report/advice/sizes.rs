//! Advice where full-size packets vanish: another one for each way.

use super::case::Case;
use super::piece::{Advice, Owner};
use super::situation::{Reach, Scenario};
use crate::model::endpoint::Family;
use crate::model::probe::Kind;
use crate::model::reply::Answer;
use crate::model::verdict::Way;
use crate::report::visible::shell_word;

pub(in crate::report) fn mtu_black_hole(case: &Case<'_>) -> Vec<Advice> {
    let mut advice = match case.verdict.place.way {
        Some(Way::ToServer) => to_server(case),
        Some(Way::ToClient) => to_client(case),
        None => either_way(case),
    };
    advice.extend(meanwhile(case));
    advice
}

/// The message that tells a sender what fits, and who must receive it.
fn message(case: &Case<'_>) -> &'static str {
    match Family::of(case.target) {
        Family::V4 => "ICMP 'fragmentation needed' (type 3 code 4)",
        Family::V6 => "ICMPv6 'packet too big' (type 2)",
    }
}

fn clamp(case: &Case<'_>) -> String {
    format!(
        "{} -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
        case.iptables()
    )
}

fn to_server(case: &Case<'_>) -> Vec<Advice> {
    let place = case.place_or("on the way to the server");
    vec![
        Advice::new(
            case.network_team(),
            format!(
                "Full-size packets to the server vanish {place} and no ICMP message says so: logins \
                 work, bulk writes and uploads hang. {}The router before the narrow link must send \
                 {} to this host, and nothing between may discard it; or that router clamps the MSS \
                 (the server's SYN-ACK states what this host may send).",
                tunnel(case),
                message(case)
            ),
        )
        .run(clamp(case)),
    ]
}

fn to_client(case: &Case<'_>) -> Vec<Advice> {
    let large_result = Advice::new(
        Owner::You,
        "Have the server send much at once: if that arrives, only large echo requests are filtered \
         and nothing is wrong; if it hangs, so will every bulk read.",
    );
    let (target, port) = (case.target, case.port);
    vec![
        match port {
            3306 => large_result.run(format!(
                "mysql -h {target} -P {port} -u USER -p -e \"SELECT REPEAT('x', 100000)\" | wc -c"
            )),
            5432 => large_result.run(format!(
                "psql -h {target} -p {port} -U USER -c \"SELECT repeat('x', 100000)\" | wc -c"
            )),
            _ => large_result,
        },
        Advice::new(
            Owner::ServerGroup,
            format!(
                "{} must reach the server, from routers on its way to {}: its security group, \
                 network ACL and firewall must let it in. On the server, this shows what it has \
                 learnt (mtu); net.ipv4.tcp_mtu_probing=1 lets it find out by itself.",
                message(case),
                case.caller()
            ),
        )
        .run(format!("{} route get {}", case.ip(), case.seen_as())),
        Advice::new(
            Owner::ServerNetworkTeam,
            format!(
                "{}On the way back the router before the narrow link must send {} to the server, or \
                 clamp the MSS (this host's SYN states what the server may send).",
                tunnel(case),
                message(case)
            ),
        )
        .run(clamp(case)),
    ]
}

fn either_way(case: &Case<'_>) -> Vec<Advice> {
    vec![
        Advice::new(
            case.network_team(),
            format!(
                "Full-size packets vanish {} and no ICMP message says so: logins work, bulk data \
                 hangs. {}Let {} through, both ways, or clamp the MSS on the VPN gateway.",
                case.place_or("on the path"),
                tunnel(case),
                message(case)
            ),
        )
        .run(clamp(case)),
    ]
}

/// What this host can do by itself; `None` where nothing larger than usual was answered.
fn meanwhile(case: &Case<'_>) -> Option<Advice> {
    if case.is_observed() {
        return None;
    }
    let size = largest_answered(case)?;
    let headers = match Family::of(case.target) {
        Family::V4 => 40,
        Family::V6 => 60,
    };
    let (does, limit) = match case.verdict.place.way {
        // The MSS that this host states bounds what the server sends.
        Some(Way::ToClient) => (
            "Have this host ask the server for segments no larger than what was answered",
            format!("advmss {}", size.saturating_sub(headers)),
        ),
        Some(Way::ToServer) | None => (
            "Have this host send to the target no packet larger than the largest that was answered",
            format!("mtu {size}"),
        ),
    };
    let way = case
        .vantage
        .gateway
        .map_or(String::new(), |gateway| format!("via {gateway} "));
    let (ip, target) = (case.ip(), case.target);
    let interface = shell_word(&case.vantage.interface);
    Some(
        Advice::new(
            Owner::YouMeanwhile,
            format!(
                "{does} (larger ones may pass, up to the MTU of the narrow link); {ip} route del \
                 {target} takes that back."
            ),
        )
        .run(format!(
            "{ip} route replace {target} {way}dev {interface} {limit}"
        )),
    )
}

/// Why a way through a VPN often carries less than its interfaces do.
fn tunnel(case: &Case<'_>) -> &'static str {
    if case.is_in(Scenario::OnPrem) || case.reach == Reach::Private {
        "If a VPN is on the way, its own headers take room: its MTU must be announced. "
    } else {
        ""
    }
}

/// The largest padded probe that the target answered.
fn largest_answered(case: &Case<'_>) -> Option<u16> {
    let trials = case.outcome.evidence.trials().iter();
    trials
        .filter(|trial| {
            let answered = trial.first().is_some_and(|heard| {
                matches!(
                    heard.reply.answer,
                    Answer::SynAck { .. } | Answer::Reset | Answer::EchoReply { .. }
                )
            });
            // What shows the way back is the echo alone.
            let shows = match case.verdict.place.way {
                Some(Way::ToClient) => trial.probe.kind == Kind::Echo,
                Some(Way::ToServer) | None => true,
            };
            answered && shows
        })
        .filter_map(|trial| trial.probe.padded_to)
        .max()
}
