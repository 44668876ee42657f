//! Which probe would have decided more: what inference would ask next, in words.

use crate::model::probe::{Dscp, Kind, Probe, Target};
use crate::model::verdict::{Cause, Finding};

use super::encounter::Wanted;

/// What is worth asking, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Merit {
    Trace,
    Fragment,
    Ack,
    Mark,
    Elsewhere,
    Size,
    Again,
    Echo,
    Fin,
}

const fn merit(probe: &Probe) -> Merit {
    match probe.kind {
        Kind::Fragment => Merit::Fragment,
        Kind::Ack => Merit::Ack,
        Kind::Fin => Merit::Fin,
        Kind::Echo if probe.padded_to.is_some() => Merit::Size,
        Kind::Echo => Merit::Echo,
        Kind::Syn if !probe.ttl.is_full() => Merit::Trace,
        Kind::Syn if probe.padded_to.is_some() => Merit::Size,
        Kind::Syn if probe.dscp.0 != Dscp::ZERO.0 => Merit::Mark,
        Kind::Syn if matches!(probe.target, Target::Control(_)) => Merit::Elsewhere,
        Kind::Syn => Merit::Again,
    }
}

/// The causes that a merit decides between.
const fn decides(merit: Merit) -> &'static [Cause] {
    match merit {
        Merit::Trace => &[
            Cause::DropPath,
            Cause::DropEdge,
            Cause::DropEdgeOrHost,
            Cause::DropSomewhere,
            Cause::RejectPath,
            Cause::NoRoute,
            Cause::OpenProxied,
            Cause::MtuBlackHole,
        ],
        Merit::Fragment => &[
            Cause::DropHost,
            Cause::DropEdge,
            Cause::DropEdgeOrHost,
            Cause::DropReturn,
        ],
        Merit::Ack | Merit::Fin => &[Cause::ListenerOverloaded, Cause::DropHost],
        Merit::Mark => &[Cause::Closed, Cause::RejectHost, Cause::RejectPath],
        Merit::Elsewhere | Merit::Echo => &[
            Cause::DropSomewhere,
            Cause::DropPath,
            Cause::DropEdge,
            Cause::DropHost,
            Cause::OpenProxied,
            Cause::RejectHost,
            Cause::RejectPath,
            Cause::Closed,
            Cause::Banned,
        ],
        Merit::Size => &[Cause::MtuBlackHole, Cause::Open],
        Merit::Again => &[
            Cause::Intermittent,
            Cause::RateLimited,
            Cause::Banned,
            Cause::Conflicting,
            Cause::Inconclusive,
        ],
    }
}

/// The probes that inference would send now, one of each sort that speaks to the verdict or to a
/// rival that stands.
pub(super) fn wanted(asks: &[Probe], finding: &Finding) -> Vec<Wanted> {
    let standing: Vec<Cause> = std::iter::once(finding.verdict.cause)
        .chain(
            finding
                .alternatives
                .iter()
                .filter(|rival| !rival.ruled_out)
                .map(|rival| rival.cause),
        )
        .collect();
    let mut probes: Vec<Probe> = asks.to_vec();
    probes.extend(unasked(finding));
    probes.sort_by_key(merit);
    probes.dedup_by_key(|probe| merit(probe));
    let mut wanted: Vec<(usize, Wanted)> = probes
        .into_iter()
        .filter_map(|probe| {
            let merit = merit(&probe);
            let settles: Vec<Cause> = decides(merit)
                .iter()
                .copied()
                .filter(|cause| standing.contains(cause))
                .collect();
            let rank = usize::MAX - settles.len();
            (!settles.is_empty()).then(|| {
                let wanted = Wanted {
                    probe,
                    what: what(merit, &probe),
                    why: why(merit).to_owned(),
                    settles,
                };
                (rank, wanted)
            })
        })
        .collect();
    // Stable: of those that decide between as many, the order of merit stays.
    wanted.sort_by_key(|(rank, _)| *rank);
    wanted.into_iter().map(|(_, wanted)| wanted).collect()
}

/// Probes that inference asks for only when others have been answered.
fn unasked(finding: &Finding) -> Vec<Probe> {
    use crate::model::probe::{Flow, Ttl};
    let syn = Probe::plain(Kind::Syn, Target::Endpoint, Flow::ephemeral(0));
    let marked = Probe {
        dscp: Dscp::MARK,
        ..syn
    };
    let near = Probe { ttl: Ttl(1), ..syn };
    match finding.verdict.cause {
        Cause::Closed | Cause::RejectHost => vec![marked, near],
        Cause::RejectPath | Cause::NoRoute | Cause::NoNeighbor => vec![near],
        Cause::DropSomewhere
        | Cause::DropEdgeOrHost
        | Cause::DropEdge
        | Cause::DropHost
        | Cause::DropReturn => vec![
            near,
            Probe {
                kind: Kind::Fragment,
                ..syn
            },
            Probe {
                kind: Kind::Ack,
                ..syn
            },
        ],
        Cause::MtuBlackHole => vec![Probe {
            padded_to: Some(1500),
            ..syn
        }],
        Cause::Intermittent | Cause::RateLimited | Cause::Banned | Cause::Inconclusive => vec![syn],
        _ => Vec::new(),
    }
}

fn what(merit: Merit, probe: &Probe) -> String {
    match merit {
        Merit::Trace => {
            "SYNs to the port with TTL 1, 2, 3 … beside SYNs to another port".to_owned()
        }
        Merit::Fragment => "the first fragment of a SYN to the port, its rest withheld".to_owned(),
        Merit::Ack => "a bare ACK to the port".to_owned(),
        Merit::Fin => "a bare FIN to the port".to_owned(),
        Merit::Mark => {
            "SYNs with a DSCP mark, to the port and to one that nothing listens on".to_owned()
        }
        Merit::Elsewhere => "a SYN to a port of the server that nothing listens on".to_owned(),
        Merit::Echo => "an echo request to the server".to_owned(),
        Merit::Size => match probe.padded_to {
            Some(size) => format!("SYNs to the port padded to {size} octets, and to less"),
            None => "padded SYNs to the port".to_owned(),
        },
        Merit::Again => "more SYNs to the port, paced and crowded, from several ports".to_owned(),
    }
}

const fn why(merit: Merit) -> &'static str {
    match merit {
        Merit::Trace => "the last hop that reports them shows where they vanish or are refused",
        Merit::Fragment => "the host's reassembly timer tells whether they reach its IP stack",
        Merit::Ack | Merit::Fin => "a listener that does not answer SYNs still resets it",
        Merit::Mark => "a TCP stack copies the mark into its reset, a packet filter does not",
        Merit::Elsewhere => "it shows whether the host is there, how far away, and how it resets",
        Merit::Echo => "it shows whether the host is there, and what the path loses",
        Merit::Size => "it shows whether full-size packets get to the port",
        Merit::Again => "it shows whether loss, a rate, a flow or a ban is the pattern",
    }
}
