//! A probe as inference asks for it → its datagram, and the marks an answer must carry.

use std::net::SocketAddr;

use super::inflight::Marks;
use super::token::{Tokens, Tuple};
use crate::infer::Job;
use crate::model::endpoint::Family;
use crate::model::probe::{Dscp, Extras, Kind, Probe, ProbeId, Target, Ttl};
use crate::model::time::Moment;
use crate::model::vantage::Vantage;
use crate::wire::compose::{self, Envelope};
use crate::wire::dissect::Packet;
use crate::wire::fragment;
use crate::wire::icmp::Kind as Icmp;
use crate::wire::tcp::{Flags, Options, Segment};

/// Octets of an ICMP header.
const ICMP_HEADER: u16 = 8;
/// Window of a bare ACK or FIN: any plausible one.
const BARE_WINDOW: u16 = 1024;
/// The flags of a SYN that asks for ECN (RFC 3168 §6.1.1).
const ECN_SYN: Flags = Flags::SYN.with(Flags::ECE).with(Flags::CWR);

/// A datagram ready to leave.
#[derive(Clone, Debug)]
pub(super) struct Crafted {
    pub(super) datagram: Vec<u8>,
    pub(super) marks: Marks,
}

/// What a probe is made from besides itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workbench<'a> {
    pub(super) tokens: &'a Tokens,
    pub(super) job: &'a Job,
    /// How many datagrams the run has sent.
    pub(super) count: u32,
    pub(super) now: Moment,
}

/// Makes the datagram of a probe; `None` where the vantage has no such source port, no port is named
/// for a TCP probe, or source and target differ in IP version.
pub(super) fn craft(bench: Workbench<'_>, id: ProbeId, probe: &Probe) -> Option<Crafted> {
    match (probe.kind, probe.target) {
        (Kind::Echo, _) => echo(bench, id, probe),
        (Kind::Fragment, Target::Host) => incomplete(bench, echo(bench, id, probe)?),
        (Kind::Fragment, _) => incomplete(bench, segment(bench, id, probe)?),
        (Kind::Syn | Kind::Ack | Kind::Fin, _) => segment(bench, id, probe),
    }
}

fn envelope(tokens: &Tokens, count: u32, (ttl, dscp): (Ttl, Dscp), tuple: &Tuple) -> Envelope {
    Envelope {
        source: tuple.source.ip(),
        destination: tuple.destination.ip(),
        ttl: ttl.0,
        traffic_class: dscp.traffic_class(),
        identification: (tokens.identification(tuple, count) & 0xffff) as u16,
        flow_label: tokens.flow_label(tuple),
        dont_fragment: true,
    }
}

fn segment(bench: Workbench<'_>, id: ProbeId, probe: &Probe) -> Option<Crafted> {
    let Workbench { tokens, job, .. } = bench;
    let port = match probe.target {
        Target::Endpoint => job.endpoint.port,
        Target::Control(port) => port,
        Target::Host => return None,
    };
    let tuple = Tuple {
        source: SocketAddr::new(job.vantage.source, job.vantage.port(probe.flow)?),
        destination: SocketAddr::new(job.endpoint.address, port),
    };
    let envelope = envelope(bench.tokens, bench.count, (probe.ttl, probe.dscp), &tuple);
    let (flags, acknowledgment) = match probe.kind {
        Kind::Ack => (Flags::ACK, tokens.acknowledgment(&tuple, id.0)),
        Kind::Fin => (Flags::FIN, 0),
        Kind::Syn if probe.extras == Extras::Ecn => (ECN_SYN, 0),
        Kind::Syn | Kind::Fragment | Kind::Echo => (Flags::SYN, 0),
    };
    let mut segment = Segment::bare(
        tuple.source.port(),
        port,
        tokens.sequence(&tuple, id.0),
        acknowledgment,
        flags,
    );
    segment.window = BARE_WINDOW;
    if flags.contains(Flags::SYN) {
        let mss = mss(&job.vantage, job.endpoint.family());
        let ticks = (bench.now.micros() / 1000) & 0xffff_ffff;
        let timestamp = tokens.timestamp(&tuple).wrapping_add(ticks as u32);
        if probe.extras != Extras::Nothing {
            segment.options = Options::linux_client(mss, timestamp);
        }
        segment.window = opening_window(mss);
        if let Some(length) = probe.padded_to {
            segment.payload_length = compose::payload_to_fill(&envelope, &segment, length);
        }
    }
    Some(Crafted {
        datagram: compose::segment(&envelope, &segment).ok()?,
        marks: Marks::Segment(segment.into()),
    })
}

/// A Linux client opens with as many whole segments as an unscaled window holds
/// (`tcp_select_initial_window`).
pub(super) const fn opening_window(mss: u16) -> u16 {
    u16::MAX / mss * mss
}

/// The maximum segment size that a client states; never zero.
pub(super) fn mss(vantage: &Vantage, family: Family) -> u16 {
    let headers = match family {
        Family::V4 => 40,
        Family::V6 => 60,
    };
    vantage.mtu.saturating_sub(headers).max(88)
}

/// The flow of a session's echoes: no ports, but ones that tell sessions of one address apart.
fn echo_tuple(job: &Job) -> Tuple {
    let port = job.vantage.ephemeral_ports.first().copied().unwrap_or(0);
    Tuple {
        source: SocketAddr::new(job.vantage.source, port),
        destination: job.endpoint.socket(),
    }
}

fn echo(bench: Workbench<'_>, id: ProbeId, probe: &Probe) -> Option<Crafted> {
    let Workbench { tokens, job, .. } = bench;
    let tuple = echo_tuple(job);
    let echo = tokens.echo(&tuple, id.0);
    let opening = tokens.echo_opening(&tuple, id.0);
    let envelope = envelope(bench.tokens, bench.count, (probe.ttl, probe.dscp), &tuple);
    let headers = envelope.header_length().saturating_add(ICMP_HEADER);
    let length = probe
        .padded_to
        .map_or(Probe::ECHO_PAYLOAD, |whole| whole.saturating_sub(headers));
    let mut payload = Vec::with_capacity(length.into());
    payload.extend(opening);
    payload.extend(balance(echo.sequence, opening).to_be_bytes());
    payload.resize(payload.len().max(length.into()), 0);
    Some(Crafted {
        datagram: compose::message(&envelope, Icmp::EchoRequest(echo), &payload).ok()?,
        marks: Marks::Echo {
            echo,
            opening: Some(opening),
        },
    })
}

/// The 16 bits that make the ICMP checksum of all echoes of a session the same, whatever their
/// sequence number and opening: routers that balance load by it keep them on one path (Paris
/// traceroute, IMC 2006).
fn balance(sequence: u16, opening: [u8; 8]) -> u16 {
    let words = opening.chunks_exact(2).map(|pair| {
        pair.iter()
            .fold(0, |word, octet| word << 8 | u32::from(*octet))
    });
    let mut sum = u32::from(sequence) + words.sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn incomplete(bench: Workbench<'_>, whole: Crafted) -> Option<Crafted> {
    let pair = Tuple::between(bench.job.vantage.source, bench.job.endpoint.address);
    let identification = bench.tokens.identification(&pair, bench.count);
    Some(Crafted {
        datagram: fragment::first(&whole.datagram, identification).ok()?,
        ..whole
    })
}

/// The reset that closes what a SYN-ACK half-opened: its sequence number is what the SYN-ACK
/// acknowledged (RFC 9293 §3.10.7.3), its DSCP that of the SYN-ACK, as Linux writes it
/// (`tcp_v4_send_reset`).
pub(super) fn reset(
    tokens: &Tokens,
    count: u32,
    packet: &Packet,
    syn_ack: &Segment,
) -> Option<Vec<u8>> {
    let tuple = Tuple {
        source: SocketAddr::new(packet.destination, syn_ack.destination_port),
        destination: SocketAddr::new(packet.source, syn_ack.source_port),
    };
    let segment = Segment::bare(
        syn_ack.destination_port,
        syn_ack.source_port,
        syn_ack.acknowledgment,
        0,
        Flags::RST,
    );
    let dscp = Dscp::of_traffic_class(packet.traffic_class);
    let envelope = envelope(tokens, count, (Ttl::FULL, dscp), &tuple);
    compose::segment(&envelope, &segment).ok()
}
