//! The narrowest rule that lets a packet in: what it asks for, as the walk understands it and as
//! each tool writes it.

use std::net::IpAddr;

use super::condition::{Condition, Field, Key, Pattern};
use super::flow::Flow;
use super::iptables::words::shell;
use super::packet::{ESTABLISHED, Journey, Step, UDP, Value};
use super::ruleset::{Recipe, Rule, Statement, Verdict};

/// Something that the rule asks for.
enum Ask {
    Source(IpAddr),
    Destination(IpAddr),
    Comes(String),
    Goes(String),
    SourcePort(u16),
    DestinationPort(u16),
    Established,
}

/// What tells the packet from others. One that comes to this host is told by who sends it and by
/// its port; any other by both its ends, its interfaces, and for an answer by its connection.
fn asks(flow: &Flow) -> Vec<Ask> {
    let answers = flow.step == Step::Answer;
    let comes_here = flow.journey == Journey::Inbound && !flow.is_forwarded() && !answers;
    let mut asks: Vec<Ask> = flow.from.map(Ask::Source).into_iter().collect();
    if !comes_here {
        asks.extend(flow.to.map(Ask::Destination));
        asks.extend(interface(flow, &Field::InInterface).map(Ask::Comes));
        asks.extend(interface(flow, &Field::OutInterface).map(Ask::Goes));
    }
    if answers {
        asks.extend(flow.source_port.map(Ask::SourcePort));
    }
    asks.extend(flow.port.map(Ask::DestinationPort));
    let state = flow.value(&Field::ConnectionState, u128::MAX);
    if answers && state == Value::exactly(u64::try_from(ESTABLISHED).unwrap_or(0)) {
        asks.push(Ask::Established);
    }
    asks
}

fn interface(flow: &Flow, field: &Field) -> Option<String> {
    match flow.value(field, u128::MAX) {
        // Quotes would end the word that holds it.
        Value::Name(name) if !name.is_empty() && !name.contains(['"', '\'', '\\']) => Some(name),
        Value::Name(_)
        | Value::Number(..)
        | Value::Within(_)
        | Value::Bits(..)
        | Value::Begins(_)
        | Value::NoneOf(_)
        | Value::Unknown
        | Value::Absent => None,
    }
}

/// The rule, as the walk understands it.
pub(super) fn rule(flow: &Flow) -> Rule {
    let exactly = |field: Field, value: u128| {
        let pattern = Pattern::exactly(value);
        Condition::one_of(Key::whole(field), [pattern], false, "")
    };
    let named = |field: Field, name: &str| {
        let pattern = Pattern::Name(name.to_owned());
        Condition::one_of(Key::whole(field), [pattern], false, "")
    };
    let number = |address: &IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(*address)),
        IpAddr::V6(address) => u128::from(*address),
    };
    let side = |four: Field, six: Field| if flow.is_ipv4() { four } else { six };
    let mut statements = vec![Statement::Match(exactly(
        Field::Protocol,
        flow.asked().protocol.into(),
    ))];
    for ask in asks(flow) {
        statements.push(Statement::Match(match ask {
            Ask::Source(address) => exactly(side(Field::Source4, Field::Source6), number(&address)),
            Ask::Destination(address) => exactly(
                side(Field::Destination4, Field::Destination6),
                number(&address),
            ),
            Ask::Comes(name) => named(Field::InInterface, &name),
            Ask::Goes(name) => named(Field::OutInterface, &name),
            Ask::SourcePort(port) => exactly(Field::SourcePort(0), port.into()),
            Ask::DestinationPort(port) => exactly(Field::DestinationPort(0), port.into()),
            Ask::Established => exactly(Field::ConnectionState, ESTABLISHED),
        }));
    }
    statements.push(Statement::End(Verdict::Accept));
    Rule {
        number: 0,
        handle: None,
        text: String::new(),
        statements,
        recipe: Recipe::Incomplete,
    }
}

/// The words of the rule for iptables.
pub(super) fn for_iptables(flow: &Flow) -> String {
    let length = if flow.is_ipv4() { 32 } else { 128 };
    let protocol = protocol(flow);
    let (mut before, mut ports, mut behind) = (Vec::new(), Vec::new(), Vec::new());
    for ask in asks(flow) {
        match ask {
            Ask::Source(address) => before.push(format!("-s {address}/{length}")),
            Ask::Destination(address) => before.push(format!("-d {address}/{length}")),
            Ask::Comes(name) => before.push(format!("-i {}", shell(&name))),
            Ask::Goes(name) => before.push(format!("-o {}", shell(&name))),
            Ask::SourcePort(port) => ports.push(format!("--sport {port}")),
            Ask::DestinationPort(port) => ports.push(format!("--dport {port}")),
            Ask::Established => behind.push("-m conntrack --ctstate ESTABLISHED".to_owned()),
        }
    }
    before.push(format!("-p {protocol}"));
    if !ports.is_empty() {
        before.push(format!("-m {protocol}"));
    }
    let words = [before, ports, behind].concat();
    format!("{} -j ACCEPT", words.join(" "))
}

/// The words of the rule for nft, without what marks it.
pub(super) fn for_nft(flow: &Flow) -> String {
    let version = if flow.is_ipv4() { "ip" } else { "ip6" };
    let protocol = protocol(flow);
    let mut words = vec![format!("meta l4proto {protocol}")];
    for ask in asks(flow) {
        words.push(match ask {
            Ask::Source(address) => format!("{version} saddr {address}"),
            Ask::Destination(address) => format!("{version} daddr {address}"),
            Ask::Comes(name) => format!("iifname \"{name}\""),
            Ask::Goes(name) => format!("oifname \"{name}\""),
            Ask::SourcePort(port) => format!("{protocol} sport {port}"),
            Ask::DestinationPort(port) => format!("{protocol} dport {port}"),
            Ask::Established => "ct state established".to_owned(),
        });
    }
    if words.iter().any(|word| word.contains("port ")) {
        // The port says it already.
        words.remove(0);
    }
    format!("{} accept", words.join(" "))
}

fn protocol(flow: &Flow) -> &'static str {
    if flow.asked().protocol == UDP {
        "udp"
    } else {
        "tcp"
    }
}
