//! Advice for a port that its address forwards to another machine: what is wrong must be looked for
//! there, and the translation found first.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "only some causes have such advice"
)]

use super::case::Case;
use super::host;
use super::piece::{Advice, Owner};
use crate::model::verdict::{Cause, HopRef};
use crate::report::place::hop_phrase;
use crate::report::record::HopName;
use crate::report::words::capital;

/// What to do where `device` forwards the port; `None` for a cause that is not of the port's machine.
pub(super) fn advise(case: &Case<'_>, device: HopRef) -> Option<Vec<Advice>> {
    let port = case.port;
    let admin = format!("administrator of {}", hop_phrase(HopName::from(device)));
    let subject = capital(&hop_phrase(HopName::from(device)));
    let forwards = |rest: String| {
        let text = format!("{subject} forwards port {port} to another machine: {rest}");
        Advice::new(admin.clone(), text).run(find_translation(case))
    };
    let there = || {
        forwards(
            "find out to which machine and port, and look there, not on the address that was \
             asked."
                .to_owned(),
        )
    };
    let mut advice = match case.verdict.cause {
        Cause::Closed => vec![
            there(),
            Advice::new(
                Owner::DatabaseAdmin,
                "That machine is reached and nothing listens on the port. On it (of a container: \
                 inside), check that the database runs, on the port that is forwarded to, and not \
                 on 127.0.0.1 only (bind-address, listen_addresses, bindIp).",
            )
            .run("ss -ltn"),
        ],
        Cause::RejectHost | Cause::DropHost | Cause::DropSomewhere | Cause::DropEdgeOrHost => vec![
            there(),
            either_firewall(case, &admin),
        ],
        Cause::NoNeighbor => vec![forwards(
            "no machine has the address that it is forwarded to. The container or host behind it is \
             gone, or has another address by now: correct the translation, or take it away."
                .to_owned(),
        )],
        Cause::NoRoute => vec![
            forwards(
                "it has no route to the address that it is forwarded to. Correct the translation, or \
                 bring that network back."
                    .to_owned(),
            ),
            host::find_rule(case, "refuses this address or port, should there be no translation"),
        ],
        _ => return None,
    };
    advice.push(case.again());
    Some(advice)
}

/// Shows the translations of the port, whatever made them.
fn find_translation(case: &Case<'_>) -> String {
    let port = case.port;
    format!(
        "{}-save -t nat | grep -w {port}; nft list ruleset | grep -w {port}; docker ps --filter \
         publish={port}",
        case.iptables()
    )
}

/// The firewall that may be the device's or that of the machine behind it.
fn either_firewall(case: &Case<'_>, admin: &str) -> Advice {
    Advice::new(
        format!("{admin}, and of the machine behind it"),
        format!(
            "The firewall may be either's: the forwarding chain of the one (DOCKER-USER, \
             KUBE-…) or the input chain of the other must let {} in. Or give the output of \
             iptables-save and of nft -a list ruleset to `synquest rules`: it names the rule \
             and the commands that remove it.",
            case.caller()
        ),
    )
    .run(format!(
        "{} -L FORWARD -n -v --line-numbers; nft -a list ruleset",
        case.iptables()
    ))
}
