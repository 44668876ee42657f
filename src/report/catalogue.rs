//! The catalogue: what the reports say and advise about a cause, one row each.
//!
//! A cause without a row, or a row without a field or out of its order, does not compile.

pub(super) mod counters;

use super::advice::case::Case;
use super::advice::piece::Advice;
use super::advice::{answers, host, local, network, possible, sizes};
use super::flows::{Flows, Step};
use super::record::Record;
use super::reproduce;
use crate::model::verdict::Cause;
use crate::model::word::Known;

/// How a verdict looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All is well.
    Good,
    /// The question stands, or the answer is not the host's.
    Doubtful,
    /// It does not work.
    Bad,
}

/// What a SYN scan of the port should say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// The port's state.
    State,
    /// Another thing from run to run.
    Varies,
    /// Nothing: the kernel refuses its packets.
    Stopped,
}

/// What is said of one cause.
#[derive(Clone, Copy, Debug)]
pub(super) struct CauseRow {
    /// Which.
    cause: Cause,
    /// What it means, as a sentence for a reader who has never heard of this program.
    pub(super) meaning: &'static str,
    /// What it is called in a list of rivals, as a phrase.
    pub(super) short: &'static str,
    /// What it does to one endpoint and to many, as clauses whose subject is their number.
    pub(super) clause: [&'static str; 2],
    /// What happens at its place, where that cuts the path.
    pub(super) mark: Option<&'static str>,
    /// How it looks.
    pub(super) tone: Tone,
    /// Who must act, and what to tell them.
    pub(super) advise: fn(&Case<'_>) -> Vec<Advice>,
    /// What is known to show itself so, besides.
    pub(super) possible: fn(&Case<'_>) -> Vec<Advice>,
    /// The counters that move with it; none where no packet of ours gets that far, or all is well.
    pub(super) counters: counters::Counters,
    /// What a SYN scan should say.
    pub(super) scan: Scan,
    /// What else shows it, with tools that everybody has.
    pub(super) reproduce: fn(&Record, &Flows) -> Option<Step>,
}

/// The row of a cause; `None` for a word of another version.
pub(super) fn of(cause: &Known<Cause>) -> Option<&'static CauseRow> {
    cause.known().map(row)
}

/// The row of `cause`.
pub(super) const fn row(cause: Cause) -> &'static CauseRow {
    &ROWS[cause as usize]
}

const _: () = {
    let mut at = 0;
    while at < ROWS.len() {
        assert!(
            ROWS[at].cause as usize == at,
            "rows stand in the order of the causes"
        );
        at += 1;
    }
};

/// A row a cause, in the order of the causes.
const ROWS: [CauseRow; Cause::ALL.len()] = [
    CauseRow {
        cause: Cause::Open,
        meaning: "The port answers a connection request: the network lets it through.",
        short: "the port is open",
        clause: ["is open", "are open"],
        mark: None,
        tone: Tone::Good,
        advise: host::open,
        possible: possible::nothing,
        counters: counters::NONE,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::OpenProxied,
        meaning: "Something in front of the host answers in its name; whether the service \
                      behind it is reachable is not shown.",
        short: "something in front answers",
        clause: [
            "is answered for by something",
            "are answered for by something",
        ],
        mark: Some("answered here, not by the host"),
        tone: Tone::Doubtful,
        advise: network::open_proxied,
        possible: possible::open_proxied,
        counters: counters::NONE,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::MtuBlackHole,
        meaning: "Small packets pass and full-size ones vanish, and no ICMP message tells \
                      the sender to send smaller ones: logins work, large results hang.",
        short: "full-size packets vanish",
        clause: ["loses full-size packets", "lose full-size packets"],
        mark: Some("full-size packets lost here"),
        tone: Tone::Bad,
        advise: sizes::mtu_black_hole,
        possible: possible::nothing,
        counters: counters::SIZES,
        scan: Scan::State,
        reproduce: reproduce::sizes,
    },
    CauseRow {
        cause: Cause::Intermittent,
        meaning: "The port answers some connection requests and not others.",
        short: "it answers only sometimes",
        clause: ["answers only sometimes", "answer only sometimes"],
        mark: None,
        tone: Tone::Doubtful,
        advise: network::intermittent,
        possible: possible::intermittent,
        counters: counters::HOW_FAR,
        scan: Scan::Varies,
        reproduce: reproduce::by_source_port,
    },
    CauseRow {
        cause: Cause::RateLimited,
        meaning: "Connection requests pass up to a rate and are withheld above it.",
        short: "a rate limit",
        clause: ["is rate-limited", "are rate-limited"],
        mark: Some("withheld here"),
        tone: Tone::Bad,
        advise: host::rate_limited,
        possible: possible::rate_limited,
        counters: counters::HOW_FAR,
        scan: Scan::Varies,
        reproduce: reproduce::burst,
    },
    CauseRow {
        cause: Cause::Banned,
        meaning: "The port answered at first and then stopped for good during the test: a \
                      dynamic ban.",
        short: "a ban during the test",
        clause: ["was banned during the test", "were banned during the test"],
        mark: Some("withheld here"),
        tone: Tone::Bad,
        advise: host::banned,
        possible: possible::nothing,
        counters: counters::HOW_FAR,
        scan: Scan::Varies,
        reproduce: reproduce::burst,
    },
    CauseRow {
        cause: Cause::Closed,
        meaning: "The host is reached and refuses by itself: no service listens on this \
                      port. No firewall is involved.",
        short: "nothing listens",
        clause: ["is closed", "are closed"],
        mark: Some("nothing listens here"),
        tone: Tone::Bad,
        advise: host::closed,
        possible: possible::closed,
        counters: counters::RESETS,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::RejectHost,
        meaning: "A firewall on the target host refuses the connection.",
        short: "the host's firewall refuses",
        clause: [
            "is refused by its host's firewall",
            "are refused by their hosts' firewalls",
        ],
        mark: Some("refused here"),
        tone: Tone::Bad,
        advise: host::reject_host,
        possible: possible::refused,
        counters: counters::REFUSALS,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::RejectPath,
        meaning: "A device before the target host refuses the connection.",
        short: "a device on the path refuses",
        clause: ["is refused", "are refused"],
        mark: Some("refused here"),
        tone: Tone::Bad,
        advise: network::reject_path,
        possible: possible::refused,
        counters: counters::REFUSALS,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::DropHost,
        meaning: "Connection requests reach the target host, and its own firewall discards \
                      them.",
        short: "the host's firewall discards it",
        clause: [
            "is discarded by its host's firewall",
            "are discarded by their hosts' firewalls",
        ],
        mark: Some("dropped here"),
        tone: Tone::Bad,
        advise: host::drop_host,
        possible: possible::drop_host,
        counters: counters::HOW_FAR,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::DropEdge,
        meaning: "Connection requests pass the last router and are discarded before the \
                      target host's network stack: a security group, a network ACL, a hypervisor \
                      filter.",
        short: "discarded right before the host",
        clause: ["dies", "die"],
        mark: Some("dropped here"),
        tone: Tone::Bad,
        advise: network::drop_edge,
        possible: possible::drop_edge,
        counters: counters::HOW_FAR,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::DropEdgeOrHost,
        meaning: "Connection requests pass the last router and are discarded right before \
                      the target host or on it; the evidence cannot split the two.",
        short: "discarded at or before the host",
        clause: ["dies on its host or", "die on their hosts or"],
        mark: Some("dropped here"),
        tone: Tone::Bad,
        advise: network::drop_edge_or_host,
        possible: possible::drop_edge_or_host,
        counters: counters::HOW_FAR,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::DropPath,
        meaning: "Connection requests to this port are discarded on the way, where other \
                      packets to the same host pass: a firewall or an ACL.",
        short: "discarded on the path",
        clause: ["dies", "die"],
        mark: Some("dropped here"),
        tone: Tone::Bad,
        advise: network::drop_path,
        possible: possible::drop_path,
        counters: counters::HOW_FAR,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::DropReturn,
        meaning: "Connection requests arrive and are answered; the answers are lost on the \
                      way back.",
        short: "answers lost on the way back",
        clause: [
            "answers, and the answers die",
            "answer, and the answers die",
        ],
        mark: Some("answers lost here"),
        tone: Tone::Bad,
        advise: network::drop_return,
        possible: possible::drop_return,
        counters: counters::HOW_FAR,
        scan: Scan::State,
        reproduce: reproduce::from_below_1024,
    },
    CauseRow {
        cause: Cause::DropSomewhere,
        meaning: "Nothing answers past some point, on this port or on others: a filter, a \
                      dead host or a missing route.",
        short: "nothing answers at all",
        clause: ["is silent", "are silent"],
        mark: Some("nothing beyond here"),
        tone: Tone::Doubtful,
        advise: network::drop_somewhere,
        possible: possible::drop_somewhere,
        counters: counters::HOW_FAR,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::ListenerOverloaded,
        meaning: "The service listens, and its queue of new connections is full.",
        short: "the service's queue is full",
        clause: ["is overloaded", "are overloaded"],
        mark: Some("queue full here"),
        tone: Tone::Bad,
        advise: host::listener_overloaded,
        possible: possible::nothing,
        counters: counters::QUEUE,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::NoNeighbor,
        meaning: "The next device on the link has no known hardware address: nobody answers.",
        short: "no such host on the link",
        clause: ["has no answering neighbour", "have no answering neighbour"],
        mark: Some("next hop does not answer here"),
        tone: Tone::Bad,
        advise: network::no_neighbor,
        possible: possible::nothing,
        counters: counters::NONE,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::NoRoute,
        meaning: "A router, or the sending host, has no route to the target.",
        short: "no route",
        clause: ["has no route", "have no route"],
        mark: Some("no route from here"),
        tone: Tone::Bad,
        advise: network::no_route,
        possible: possible::nothing,
        counters: counters::ROUTES,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::Misaddressed,
        meaning: "The connection request arrives, and its answer comes from another address \
                      or port than the one that was asked: no client takes it for its answer.",
        short: "the answer comes from another address",
        clause: [
            "answers from another address",
            "answer from other addresses",
        ],
        mark: None,
        tone: Tone::Bad,
        advise: answers::misaddressed,
        possible: possible::nothing,
        counters: counters::HOW_FAR,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::LocalEgress,
        meaning: "The sending host's own firewall or routing stops the connection request.",
        short: "the sending host stops it",
        clause: ["is stopped by this host", "are stopped by this host"],
        mark: Some("dropped here"),
        tone: Tone::Bad,
        advise: local::local_egress,
        possible: possible::nothing,
        counters: counters::NONE,
        scan: Scan::Stopped,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::LocalIngress,
        meaning: "The answers come back to the sending host, and that host itself discards \
                      them.",
        short: "the sending host discards answers",
        clause: [
            "answers, and this host discards the answers",
            "answer, and this host discards the answers",
        ],
        mark: Some("answers lost here"),
        tone: Tone::Bad,
        advise: local::local_ingress,
        possible: possible::nothing,
        counters: counters::HOW_FAR,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::Conflicting,
        meaning: "Valid answers contradict each other: something on the path interferes.",
        short: "answers contradict each other",
        clause: ["contradicts itself", "contradict themselves"],
        mark: None,
        tone: Tone::Doubtful,
        advise: local::conflicting,
        possible: possible::contradicted,
        counters: counters::HOW_FAR,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
    CauseRow {
        cause: Cause::Inconclusive,
        meaning: "It could not be measured.",
        short: "not measured",
        clause: ["could not be measured", "could not be measured"],
        mark: None,
        tone: Tone::Doubtful,
        advise: local::inconclusive,
        possible: possible::nothing,
        counters: counters::HOW_FAR,
        scan: Scan::State,
        reproduce: reproduce::nothing,
    },
];
