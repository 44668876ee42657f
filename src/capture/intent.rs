//! Which probe a packet on its way out is: the way back from octets to what was meant.

use crate::infer::Job;
use crate::model::probe::{Dscp, Extras, Flow, Kind, Probe, Target, Ttl};
use crate::wire::dissect::{Content, Packet};
use crate::wire::header_length;
use crate::wire::icmp;
use crate::wire::tcp::{Flags, Options};

/// The flags of a SYN that asks for ECN (RFC 3168 §6.1.1).
const ECN_SYN: Flags = Flags::SYN.with(Flags::ECE).with(Flags::CWR);

/// The probe that `packet` is in a diagnosis held under `job`; `None` where it is none: other
/// addresses, a source port that was not reserved, a segment of another kind.
pub(super) fn intent(packet: &Packet, job: &Job) -> Option<Probe> {
    let ours = packet.source == job.vantage.source;
    if !ours || packet.destination != job.endpoint.address {
        return None;
    }
    let fragment = packet.fragment.is_some();
    let whole_or = |kind| if fragment { Kind::Fragment } else { kind };
    let (kind, target, flow, padding, extras) = match packet.content {
        Content::Tcp(segment) => {
            let kind = match segment.flags {
                Flags::SYN => whole_or(Kind::Syn),
                ECN_SYN => Kind::Syn,
                Flags::ACK => Kind::Ack,
                Flags::FIN => Kind::Fin,
                _ => return None,
            };
            let target = if segment.destination_port == job.endpoint.port {
                Target::Endpoint
            } else {
                Target::Control(segment.destination_port)
            };
            let flow = job.vantage.flow(segment.source_port)?;
            let headers =
                header_length(job.endpoint.address).saturating_add(segment.header_length());
            let length = headers.saturating_add(segment.payload_length);
            let padding = (segment.payload_length > 0 && !fragment).then_some(length);
            let extras = match (kind, segment.flags) {
                (Kind::Syn, ECN_SYN) => Extras::Ecn,
                (Kind::Syn, _) if segment.options == Options::NONE => Extras::Nothing,
                _ => Extras::Usual,
            };
            (kind, target, flow, padding, extras)
        }
        Content::Icmp(message) => {
            let icmp::Kind::EchoRequest(_) = message.kind else {
                return None;
            };
            let payload = message.payload_length;
            let length = header_length(job.endpoint.address)
                .saturating_add(8)
                .saturating_add(payload);
            let padding = (payload != Probe::ECHO_PAYLOAD && !fragment).then_some(length);
            let flow = Flow::ephemeral(0);
            (
                whole_or(Kind::Echo),
                Target::Host,
                flow,
                padding,
                Extras::Usual,
            )
        }
        Content::LaterFragment { .. } | Content::Other { .. } => return None,
    };
    Some(Probe {
        kind,
        target,
        flow,
        ttl: Ttl(packet.ttl),
        dscp: Dscp::of_traffic_class(packet.traffic_class),
        padded_to: padding,
        repeats: None,
        extras,
    })
}
