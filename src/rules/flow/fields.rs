//! What is known of the fields of a packet where it is.

use std::net::IpAddr;

use super::{Flow, LOOPBACK};
use crate::rules::condition::Field;
use crate::rules::names;
use crate::rules::packet::{
    ASSURED, DESTINATION_TRANSLATED, ESTABLISHED, INVALID, Journey, LOCAL, MULTICAST, NEW,
    SEEN_REPLY, Step, TCP, UDP, UNICAST, UNTRACKED, Value,
};

const FIN_TO_ACK_SYN: u128 = 0x02;
const SYN_ACK: u128 = 0x12;
const ACK: u128 = 0x10;

/// Bit of the fragment offset field that senders set as they like (do not fragment).
const DO_NOT_FRAGMENT: u128 = 0x4000;

/// IPv4 addresses of hosts: neither "this network", nor loopback, nor multicast and above.
const HOSTS4: [(u128, u128); 2] = [(0x0100_0000, 0x7eff_ffff), (0x8000_0000, 0xdfff_ffff)];
/// The same of IPv6.
const HOSTS6: [(u128, u128); 1] = [(2, (0xff << 120) - 1)];

impl Flow {
    /// What is known of `field`.
    pub fn value(&self, field: &Field, mask: u128) -> Value {
        let asked = &self.asked;
        let number = |known: Option<u32>| known.map_or(Value::Unknown, Value::exactly);
        let tracked = |value: Value| if self.tracked { value } else { Value::Absent };
        match field {
            Field::NetfilterProtocol => Value::exactly(if self.is_ipv4() { 2_u8 } else { 10 }),
            Field::EtherType => Value::exactly(if self.is_ipv4() { 0x0800_u16 } else { 0x86dd }),
            Field::Protocol => Value::exactly(asked.protocol),
            Field::Source4 => self.one_version(self.from, true),
            Field::Source6 => self.one_version(self.from, false),
            Field::Destination4 | Field::Destination6 => {
                let four = *field == Field::Destination4;
                let known = self.one_version(self.to, four);
                self.where_hosts_are(known, self.translated == Some(false))
            }
            Field::OriginalSource4 => tracked(self.one_version(Some(asked.from), true)),
            Field::OriginalSource6 => tracked(self.one_version(Some(asked.from), false)),
            Field::OriginalDestination4 | Field::OriginalDestination6 => {
                let four = *field == Field::OriginalDestination4;
                let known = self.one_version(asked.to, four);
                tracked(self.where_hosts_are(known, true))
            }
            Field::OriginalDestinationPort => {
                tracked(asked.port.map_or(Value::Unknown, Value::exactly))
            }
            Field::SourcePort(protocol) => {
                let chosen = self.step != Step::Answer && !self.source_settled;
                self.ported(*protocol, self.source_port, chosen)
            }
            Field::DestinationPort(protocol) => {
                self.ported(*protocol, self.port, self.step == Step::Answer)
            }
            Field::TcpFlags if asked.protocol == TCP => Value::exactly(match self.step {
                Step::Opening => FIN_TO_ACK_SYN,
                Step::Answer => SYN_ACK,
                Step::Completion => ACK,
            }),
            Field::TcpFlags => Value::Absent,
            Field::FragmentOffset if !self.is_ipv4() => Value::Absent,
            Field::FragmentOffset if mask & DO_NOT_FRAGMENT == 0 => Value::exactly(0_u8),
            Field::FragmentOffset => Value::Unknown,
            Field::Other(words) => chosen(words),
            Field::InInterface => self.interface(self.hook_has_in, self.in_interface.as_ref()),
            Field::OutInterface => self.interface(self.hook_has_out, self.out_interface.as_ref()),
            Field::Mark => number(self.mark),
            Field::ConnectionMark => tracked(number(self.connection_mark)),
            Field::ConnectionState => self.connection_state(),
            Field::ConnectionDirection => {
                tracked(Value::exactly(u8::from(self.step == Step::Answer)))
            }
            Field::ConnectionStatus => tracked(self.connection_status(mask)),
            Field::SourceType => self.source_type(),
            Field::DestinationType => self.destination_type(),
            Field::PacketType if self.journey == Journey::Inbound && self.age(field) == 0 => {
                Value::exactly(0_u8)
            }
            Field::PacketType => Value::Unknown,
        }
    }

    /// What is known of a destination as it was `asked` for: one that nobody gave is a host's, and
    /// no packet from the network is to a loopback or multicast address of it.
    fn where_hosts_are(&self, known: Value, asked: bool) -> Value {
        let from_network = self.asked.journey == Journey::Inbound
            && !self.is_within_host()
            && self.asked.in_interface.as_deref() != Some(LOOPBACK);
        if known != Value::Unknown || !from_network || !asked || self.step == Step::Answer {
            return known;
        }
        let spans: &[(u128, u128)] = if self.is_ipv4() { &HOSTS4 } else { &HOSTS6 };
        Value::within(spans.to_vec()).unwrap_or(Value::Unknown)
    }

    fn connection_state(&self) -> Value {
        if self.untracked {
            Value::exactly(UNTRACKED)
        } else if !self.tracked {
            Value::exactly(INVALID)
        } else if self.is_new() {
            Value::exactly(NEW)
        } else if self.history.is_some_and(|history| history.tracked) {
            Value::exactly(ESTABLISHED)
        } else {
            // Taken for a connection that was there before, or not (`nf_conntrack_tcp_loose`).
            Value::Unknown
        }
    }

    fn connection_status(&self, mask: u128) -> Value {
        let told = SEEN_REPLY | ASSURED | DESTINATION_TRANSLATED;
        if mask & !told != 0 || (!self.is_new() && mask & ASSURED != 0) {
            return Value::Unknown;
        }
        let mut status = 0;
        if !self.is_new() {
            status |= SEEN_REPLY;
        }
        match self.translated {
            Some(true) => status |= DESTINATION_TRANSLATED,
            None if mask & DESTINATION_TRANSLATED != 0 => return Value::Unknown,
            Some(false) | None => {}
        }
        Value::exactly(status)
    }

    fn ported(&self, protocol: u8, port: Option<u16>, chosen: bool) -> Value {
        let own = self.asked.protocol;
        if !matches!(own, TCP | UDP) || (protocol != 0 && protocol != own) {
            return Value::Absent;
        }
        match port {
            Some(port) => Value::exactly(port),
            None if chosen => Value::Number(1024, 65_535),
            None => Value::Number(1, 65_535),
        }
    }

    fn interface(&self, exists: bool, name: Option<&String>) -> Value {
        match name {
            // The kernel compares with an empty name.
            _ if !exists => Value::Name(String::new()),
            Some(name) => Value::Name(name.clone()),
            None if self.is_within_host() => Value::Unknown,
            None => Value::NoneOf(vec![LOOPBACK.to_owned()]),
        }
    }

    /// Whether the packet may travel by the loopback interface.
    fn is_within_host(&self) -> bool {
        let own = |address: IpAddr| address.is_loopback();
        own(self.asked.from)
            || self.asked.to.is_some_and(own)
            || self.asked.to == Some(self.asked.from)
    }

    fn one_version(&self, address: Option<IpAddr>, four: bool) -> Value {
        match (self.is_ipv4() == four, four) {
            (false, _) => Value::Absent,
            (true, true) => version4(address),
            (true, false) => version6(address),
        }
    }

    fn source_type(&self) -> Value {
        let Some(from) = self.from else {
            return match self.journey {
                Journey::Outbound => Value::exactly(LOCAL),
                Journey::Inbound => Value::Unknown,
            };
        };
        if self.journey == Journey::Outbound || from.is_loopback() {
            return Value::exactly(LOCAL);
        }
        if from.is_multicast() {
            return Value::exactly(MULTICAST);
        }
        if self.is_within_host() || self.in_interface.as_deref() == Some(LOOPBACK) {
            return Value::Unknown;
        }
        Value::exactly(UNICAST)
    }

    fn destination_type(&self) -> Value {
        match (self.to, self.to_here) {
            (Some(to), _) if to.is_multicast() => Value::exactly(MULTICAST),
            (Some(to), _) if to.is_loopback() => Value::exactly(LOCAL),
            (_, Some(true)) => Value::exactly(LOCAL),
            (_, Some(false)) if self.journey == Journey::Inbound => Value::exactly(UNICAST),
            // Nobody gave the address: it is one of the host's own, where a rule is to translate it.
            (None, None) if self.in_translation && self.asked.to.is_none() => Value::exactly(LOCAL),
            (_, Some(false) | None) => Value::Unknown,
        }
    }
}

/// What `numgen random mod 2 offset 1`, and what else chooses one of several, may come to.
fn chosen(words: &str) -> Value {
    let mut words = words.split(' ');
    if !words
        .next()
        .is_some_and(|first| matches!(first, "numgen" | "jhash" | "symhash"))
    {
        return Value::Unknown;
    }
    let (mut many, mut offset) = (None, 0_u32);
    while let Some(word) = words.next() {
        let number = || names::number(words.clone().next()?)?.try_into().ok();
        match word {
            "mod" => many = number(),
            "offset" => offset = number().unwrap_or(0),
            _ => {}
        }
    }
    let last = many.and_then(|many: u32| offset.checked_add(many)?.checked_sub(1));
    last.map_or(Value::Unknown, |last| {
        Value::Number(offset.into(), last.into())
    })
}

fn version4(address: Option<IpAddr>) -> Value {
    match address {
        Some(IpAddr::V4(address)) => Value::exactly(u32::from(address)),
        Some(IpAddr::V6(_)) => Value::Absent,
        None => Value::Unknown,
    }
}

fn version6(address: Option<IpAddr>) -> Value {
    match address {
        Some(IpAddr::V6(address)) => Value::exactly(u128::from(address)),
        Some(IpAddr::V4(_)) => Value::Absent,
        None => Value::Unknown,
    }
}
