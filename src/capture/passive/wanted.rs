//! Which probe would have decided more, in words.

use crate::model::verdict::{Cause, Confidence, Finding};

use super::conversation::Wanted;

/// A probe, what it would show, and the causes that it decides between.
struct Test {
    what: &'static str,
    why: &'static str,
    decides: &'static [Cause],
}

/// The probes worth sending, the best first.
const TESTS: &[Test] = &[
    Test {
        what: "SYNs to the port with TTL 1, 2, 3 … beside SYNs to another port",
        why: "the last hop that reports them shows where they vanish or are refused",
        decides: &[
            Cause::DropPath,
            Cause::DropEdge,
            Cause::DropHost,
            Cause::DropEdgeOrHost,
            Cause::DropReturn,
            Cause::DropSomewhere,
            Cause::RejectPath,
            Cause::NoRoute,
            Cause::Open,
            Cause::OpenProxied,
            Cause::MtuBlackHole,
        ],
    },
    Test {
        what: "the first fragment of a SYN to the port, its rest withheld",
        why: "the host's reassembly timer tells whether they reach its IP stack",
        decides: &[
            Cause::DropHost,
            Cause::DropEdge,
            Cause::DropEdgeOrHost,
            Cause::DropReturn,
            Cause::DropSomewhere,
        ],
    },
    Test {
        what: "a bare ACK to the port",
        why: "a listener that does not answer SYNs still resets it",
        decides: &[
            Cause::ListenerOverloaded,
            Cause::DropHost,
            Cause::DropEdgeOrHost,
            Cause::DropSomewhere,
        ],
    },
    Test {
        what: "SYNs with a DSCP mark, to the port and to one that nothing listens on",
        why: "a TCP stack copies the mark into its reset, a packet filter does not",
        decides: &[Cause::Closed, Cause::RejectHost, Cause::RejectPath],
    },
    Test {
        what: "an echo request, and a SYN to a port of the server that nothing listens on",
        why: "it shows whether the host is there, how far away, and how it resets",
        decides: &[
            Cause::DropSomewhere,
            Cause::DropPath,
            Cause::DropEdge,
            Cause::DropHost,
            Cause::Open,
            Cause::OpenProxied,
            Cause::RejectHost,
            Cause::RejectPath,
            Cause::Closed,
            Cause::Banned,
        ],
    },
    Test {
        what: "padded SYNs to the port, of full size and smaller",
        why: "it shows whether full-size packets get to the port",
        decides: &[Cause::MtuBlackHole, Cause::Open],
    },
    Test {
        what: "more SYNs to the port, paced and crowded, from several ports",
        why: "it shows whether loss, a rate, a flow or a ban is the pattern",
        decides: &[
            Cause::Intermittent,
            Cause::RateLimited,
            Cause::Banned,
            Cause::Conflicting,
            Cause::Inconclusive,
        ],
    },
];

/// The probes that speak to a verdict that is not settled; those that tell it from more rivals first.
pub(super) fn wanted(finding: &Finding) -> Vec<Wanted> {
    let rivals = finding.alternatives.iter().filter(|rival| !rival.ruled_out);
    let rivals: Vec<Cause> = rivals.map(|rival| rival.cause).collect();
    let verdict = &finding.verdict;
    let is_settled = rivals.is_empty() && verdict.confidence >= Confidence::Confirmed;
    let standing = |cause: &Cause| *cause == verdict.cause || rivals.contains(cause);
    let mut wanted: Vec<Wanted> = TESTS
        .iter()
        .map(|test| Wanted {
            what: test.what.to_owned(),
            why: test.why.to_owned(),
            settles: test.decides.iter().copied().filter(standing).collect(),
        })
        .filter(|wanted| wanted.settles.contains(&verdict.cause) && !is_settled)
        .collect();
    // Stable: of those that decide between as many, the order stays.
    wanted.sort_by_key(|wanted| std::cmp::Reverse(wanted.settles.len()));
    wanted
}
