//! The mark a verdict leaves on the path: where a drawing or a table of the path is cut, and by
//! what.

use super::record::Record;

/// Where the path is cut by what the verdict found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// It stands after the hop of this TTL; 0 is this host.
    pub(super) after: u8,
    /// Whether the hop of that TTL itself acts, rather than something behind it.
    pub(super) acts: bool,
    /// What happens there: `dropped here`.
    pub(super) words: &'static str,
}

impl Mark {
    /// The mark of `record`; `None` when its place is not known, or nothing is wrong there.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let place = &record.verdict.place;
        let last = record.path.last().map_or(0, |hop| hop.ttl);
        let (after, acts) = match (place.kind.as_str(), place.at_hop, place.after_hop) {
            (_, Some(hop), _) => (hop.ttl, true),
            (_, None, Some(hop)) => (hop.ttl, false),
            // Who lacks a neighbour is not at fault for it.
            ("local", None, None) => (0, record.verdict.cause != "no-neighbor"),
            ("host", None, None) => (last, true),
            // The host is the last row; what happens at the edge happens before it.
            ("edge", None, None) => (last.saturating_sub(1), false),
            _ => return None,
        };
        let words = match record.verdict.cause.as_str() {
            "reject-path" | "reject-host" => "refused here",
            "closed" => "nothing listens here",
            "no-route" => "no route from here",
            "no-neighbor" => "next hop does not answer here",
            "open-proxied" => "answered here, not by the host",
            "mtu-black-hole" => "full-size packets lost here",
            "drop-return" | "local-ingress" => "answers lost here",
            "drop-path" | "drop-edge" | "drop-edge-or-host" | "drop-host" | "local-egress" => {
                "dropped here"
            }
            "drop-somewhere" => "nothing beyond here",
            "rate-limited" | "banned" => "withheld here",
            "listener-overloaded" => "queue full here",
            _ => return None,
        };
        Some(Self { after, acts, words })
    }
}
