//! Targets of rules: translations, refusals, and what nft shows of those of iptables.

use super::lower::exactly;
use super::pattern::{self, Kind};
use super::syntax::{Clause, Expression};
use crate::rules::condition::Field;
use crate::rules::iptables::target::NON_TERMINATING;
use crate::rules::packet::TCP;
use crate::rules::ruleset::{Family, Statement, Translation, Verdict};

/// What nft shows of an extension of iptables: its name alone.
pub(super) fn extension(matches: bool, name: &str) -> Vec<Clause> {
    // What is not shown may be something else in each rule.
    let unseen = |text: String| Clause::Opaque(text, false);
    let hidden = || Expression::Other(format!("what -j {name} makes of it"));
    let changes = |mark: &str| Clause::Mangle(Expression::Field(mark.to_owned()), hidden());
    match name {
        _ if matches => vec![unseen(format!(
            "-m {name} (nft does not show what it asks)"
        ))],
        _ if NON_TERMINATING.contains(&name) => Vec::new(),
        "REJECT" => vec![Clause::Verdict(Verdict::Reject(None))],
        "MARK" => vec![changes("meta mark")],
        "CONNMARK" => vec![changes("meta mark"), changes("ct mark")],
        "DNAT" | "NETMAP" => vec![Clause::Destination(None, Some(hidden()), None)],
        "REDIRECT" => vec![Clause::Redirect(Some(hidden()))],
        "SNAT" | "MASQUERADE" => vec![Clause::Source(None)],
        "CT" => vec![
            unseen("-j CT is --notrack (nft does not show it)".to_owned()),
            Clause::Untrack,
        ],
        _ => {
            let to = format!("the target {name}, which nft does not show,");
            vec![Clause::Handover(name.to_owned(), to)]
        }
    }
}

/// What a translation leads to.
pub(super) fn translation(address: Option<&Expression>, port: Option<&Expression>) -> Translation {
    let read = |value: &Expression| {
        if let Expression::Word(text) | Expression::Quoted(text) = value {
            text.parse().ok()
        } else {
            None
        }
    };
    let to = address.map(read);
    let new_port = port
        .map(|port| pattern::number(port, Kind::Port).and_then(|port| u16::try_from(port).ok()));
    let varied = to.is_some_and(|to| to.is_none()) || new_port.is_some_and(|port| port.is_none());
    Translation {
        address: to.flatten().filter(|_| !varied),
        port: new_port.flatten().filter(|_| !varied),
        redirect: false,
        varied,
        keeps_port: port.is_none()
            && matches!(
                address,
                Some(Expression::Range(..) | Expression::Prefix(..))
            ),
    }
}

/// The name of a refusal that `nft -nn` shows by its number.
fn named<'a>(word: &str, kind: &'a str) -> &'a str {
    match (word, kind) {
        ("icmp", "0") => "net-unreachable",
        ("icmp", "1") | ("icmpx", "2") => "host-unreachable",
        ("icmp", "2") => "prot-unreachable",
        ("icmp", "3") | ("icmpv6", "4") | ("icmpx", "1") => "port-unreachable",
        ("icmp", "9") => "net-prohibited",
        ("icmp", "10") => "host-prohibited",
        ("icmp", "13") | ("icmpv6", "1") | ("icmpx", "3") => "admin-prohibited",
        ("icmpv6" | "icmpx", "0") => "no-route",
        ("icmpv6", "3") => "addr-unreachable",
        ("icmpv6", "5") => "policy-fail",
        ("icmpv6", "6") => "reject-route",
        (_, _) => kind,
    }
}

/// A refusal in the words of iptables; those of `icmpx` are resolved by the packet's version.
fn refusal(word: &str, kind: &str, family: Family) -> String {
    let word = match (word, family) {
        ("tcp", _) => return "tcp-reset".to_owned(),
        ("" | "icmpx", Family::Ip) => "icmp",
        ("" | "icmpx", Family::Ip6) => "icmpv6",
        ("" | "icmpx", _) => "icmpx",
        (other, _) => other,
    };
    let kind = named(word, kind);
    match word {
        "icmpv6" => format!(
            "icmp6-{}",
            if kind == "admin-prohibited" {
                "adm-prohibited"
            } else {
                kind
            }
        ),
        "icmpx" => format!("icmpx-{kind}"),
        _ if kind == "prot-unreachable" => "icmp-proto-unreachable".to_owned(),
        _ => format!("icmp-{kind}"),
    }
}

/// A refusal, with what it asks of the packet.
pub(super) fn refused(word: &str, kind: &str, family: Family) -> Vec<Statement> {
    let with = refusal(word, kind, family);
    // nft adds what such an answer asks for, and does not list it.
    let asked = match (word, family) {
        ("tcp", _) => Some((Field::Protocol, TCP.into())),
        ("icmp", Family::Inet) => Some((Field::NetfilterProtocol, 2)),
        ("icmpv6", Family::Inet) => Some((Field::NetfilterProtocol, 10)),
        (_, _) => None,
    };
    let mut found: Vec<Statement> = asked
        .map(|(field, value)| exactly(field, value))
        .into_iter()
        .collect();
    found.push(Statement::End(Verdict::Reject(Some(with))));
    found
}

/// A new port on this host.
pub(super) fn redirected(port: Option<&Expression>) -> Statement {
    let to = port
        .map(|port| pattern::number(port, Kind::Port).and_then(|port| u16::try_from(port).ok()));
    Statement::Destination(Translation {
        address: None,
        port: to.flatten(),
        redirect: true,
        varied: to.is_some_and(|port| port.is_none()),
        keeps_port: false,
    })
}
