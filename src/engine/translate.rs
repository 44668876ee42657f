//! What a dissected packet says, in the words of the model.

use std::net::{IpAddr, SocketAddr};

use crate::model::probe::{Dscp, Ttl};
use crate::model::reply::{Answer, Quote, Refusal, Reply};
use crate::wire::dissect::{Message, Packet};
use crate::wire::header_length;
use crate::wire::icmp::Kind;
use crate::wire::quote::Quote as Quoted;
use crate::wire::tcp::{Flags, Segment};

/// The reply that `packet` is, saying `answer`.
pub(crate) const fn reply(packet: &Packet, answer: Answer) -> Reply {
    Reply {
        from: packet.source,
        ttl: Ttl(packet.ttl),
        dscp: Dscp::of_traffic_class(packet.traffic_class),
        flow_label: packet.flow_label,
        answer,
        flaw: None,
    }
}

/// What an authenticated segment says.
pub(crate) const fn segment(segment: &Segment) -> Answer {
    if segment.flags.contains(Flags::RST) {
        Answer::Reset
    } else {
        Answer::SynAck {
            window: segment.window,
            mss: segment.options.mss,
        }
    }
}

/// What an authenticated echo reply says.
pub(crate) fn echo_reply(packet: &Packet, message: &Message) -> Answer {
    /// Octets of an ICMP header.
    const HEADER: u16 = 8;
    Answer::EchoReply {
        length: message
            .payload_length
            .saturating_add(HEADER)
            .saturating_add(header_length(packet.source)),
        in_pieces: packet.fragment.is_some(),
    }
}

/// What an ICMP error about a probe of ours says, which left with the address `source` for
/// `destination`: port 0 where it has none.
pub(crate) fn error(
    packet: &Packet,
    kind: Kind,
    quoted: &Quoted,
    source: IpAddr,
    destination: SocketAddr,
) -> Answer {
    let shown = quoted.asked();
    let quote = Quote {
        dscp: Dscp::of_traffic_class(quoted.traffic_class),
        ttl: Ttl(quoted.ttl),
        foreign_source: (quoted.source != source).then_some(quoted.source),
        foreign_destination: (shown != destination).then_some(shown),
    };
    match kind {
        Kind::TimeExceeded => Answer::TimeExceeded(quote),
        Kind::ReassemblyTimeout => Answer::ReassemblyTimeout(quote),
        Kind::Unreachable(code) => Answer::Unreachable(refusal(packet.source, code), quote),
        Kind::TooBig { mtu } => Answer::TooBig {
            mtu: mtu.map(|mtu| u16::try_from(mtu).unwrap_or(u16::MAX)),
            quote,
        },
        Kind::Other { kind, code, .. } => Answer::OtherIcmp { kind, code },
        // Echoes quote nothing, so they never come here; kept by their (IPv4) numbers all the same.
        Kind::EchoRequest(_) => Answer::OtherIcmp { kind: 8, code: 0 },
        Kind::EchoReply(_) => Answer::OtherIcmp { kind: 0, code: 0 },
    }
}

/// The reason behind a code of "destination unreachable" from `sender` (RFC 792, 1122 §3.2.2.1,
/// 1812 §5.2.7.1; RFC 4443 §3.1).
const fn refusal(sender: IpAddr, code: u8) -> Refusal {
    match (sender, code) {
        (IpAddr::V4(_), 0 | 6) => Refusal::NetUnreachable,
        (IpAddr::V4(_), 1 | 7 | 8 | 12) => Refusal::HostUnreachable,
        (IpAddr::V4(_), 2) => Refusal::ProtocolUnreachable,
        (IpAddr::V4(_), 3) => Refusal::PortUnreachable,
        (IpAddr::V4(_), 9) => Refusal::NetProhibited,
        (IpAddr::V4(_), 10) => Refusal::HostProhibited,
        (IpAddr::V4(_), 13) => Refusal::AdminProhibited,
        (IpAddr::V6(_), 0) => Refusal::NoRoute6,
        (IpAddr::V6(_), 1) => Refusal::AdminProhibited6,
        (IpAddr::V6(_), 3) => Refusal::AddressUnreachable6,
        (IpAddr::V6(_), 4) => Refusal::PortUnreachable6,
        (IpAddr::V6(_), 5) => Refusal::PolicyFail6,
        (IpAddr::V6(_), 6) => Refusal::RejectRoute6,
        (_, code) => Refusal::Unknown(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_with_a_name_has_its_own_and_the_rest_keep_their_number() {
        let v4: IpAddr = [10, 0, 0, 1].into();
        let v6: IpAddr = [0xfd09_u16, 0, 0, 0, 0, 0, 0, 1].into();
        assert_eq!(refusal(v4, 3), Refusal::PortUnreachable);
        assert_eq!(refusal(v4, 13), Refusal::AdminProhibited);
        assert_eq!(refusal(v4, 12), Refusal::HostUnreachable);
        assert_eq!(refusal(v4, 15), Refusal::Unknown(15));
        assert_eq!(refusal(v6, 1), Refusal::AdminProhibited6);
        assert_eq!(refusal(v6, 2), Refusal::Unknown(2));
    }
}
