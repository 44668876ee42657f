//! What a record adds where the evidence is an ordinary client's, from somebody else's capture.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::page::{FAINT, PLAIN, Page, STRONG};
use super::session::SessionRecord;
use super::words::{counted, span};
use crate::model::verdict::{Cause, Confidence, State};
use crate::model::word::Known;

/// Who tried, and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The client's address.
    pub client: IpAddr,
    /// Where the capture was taken.
    pub position: Position,
    /// The connection attempts, in the order of their first packet.
    pub attempts: Vec<Attempt>,
    /// How many more there were that are not listed.
    pub more: u64,
    /// Probes that would have decided more, the best first.
    pub would_decide: Vec<WouldDecide>,
}

/// Where a capture was taken, in routers between; `None` where nothing shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// From the client, by the TTL of its SYNs.
    pub from_client: Option<u8>,
    /// From the server, by the TTL of its SYN-ACKs.
    pub from_server: Option<u8>,
}

/// One connection attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The client's port.
    pub client_port: u16,
    /// Its first packet, in microseconds since the first packet of the capture.
    pub at_us: u64,
    /// From its first packet to its last, in microseconds.
    pub lasted_us: u64,
    /// SYNs sent, resent ones included.
    pub syns: u32,
    /// Segments beside SYNs that the client sent again, or that came late.
    #[serde(default)]
    pub resent_by_client: u32,
    /// Those of the server, its SYN-ACKs included.
    #[serde(default)]
    pub resent_by_server: u32,
    /// Resets of either side.
    #[serde(default)]
    pub resets: u32,
    /// What became of it, as a clause.
    pub outcome: String,
    /// What became of the session, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionRecord>,
    /// The port's state.
    pub state: Known<State>,
    /// The cause.
    pub cause: Known<Cause>,
    /// How firmly it stands.
    pub confidence: Known<Confidence>,
    /// One sentence on what it shows, taken for itself.
    pub summary: String,
    /// The packets it is told by, numbered from 1 in the file.
    pub packets: Vec<u64>,
}

/// A probe that would have decided more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WouldDecide {
    /// What to send.
    pub probe: String,
    /// What it would show.
    pub why: String,
    /// The causes between which it would decide.
    pub settles: Vec<Known<Cause>>,
}

/// Most attempts of a text report; the JSON document holds all.
const MOST_ATTEMPTS: usize = 12;

/// The sections of the text report.
pub(super) fn sections(page: &mut Page, observed: &Observed) {
    page.gap();
    page.line(STRONG, &format!("Attempts of {}", observed.client));
    for attempt in observed.attempts.iter().take(MOST_ATTEMPTS) {
        let Attempt {
            client_port,
            at_us,
            outcome,
            cause,
            confidence,
            ..
        } = attempt;
        let syns = counted(u64::from(attempt.syns), "SYN", "SYNs");
        page.item(
            PLAIN,
            2,
            &format!("+{}", span(*at_us)),
            12,
            &format!(
                "from port {client_port}: {outcome}; {syns}{} · {cause} ({confidence})",
                packets(&attempt.packets),
            ),
        );
    }
    let listed = observed.attempts.len().min(MOST_ATTEMPTS);
    let left = observed.attempts.len().saturating_sub(listed);
    let more = observed
        .more
        .saturating_add(u64::try_from(left).unwrap_or(u64::MAX));
    if more > 0 {
        page.paragraph(
            FAINT,
            12,
            &format!("and {more} more (--json lists what is kept)"),
        );
    }
    for place in places(observed.position) {
        page.paragraph(FAINT, 2, &place);
    }
    if observed.would_decide.is_empty() {
        return;
    }
    page.gap();
    page.line(STRONG, "What would decide more");
    for wanted in &observed.would_decide {
        page.item(
            PLAIN,
            2,
            "-",
            4,
            &format!("{}: {}", wanted.probe, wanted.why),
        );
    }
}

/// Where the capture was taken, as clauses.
pub(super) fn places(position: Position) -> Vec<String> {
    let Position {
        from_client,
        from_server,
    } = position;
    let place = |(distance, side): (Option<u8>, &str)| {
        Some(match distance? {
            0 => format!("captured at the {side}, or on its link"),
            routers => format!(
                "captured {} away from the {side}",
                counted(u64::from(routers), "router", "routers")
            ),
        })
    };
    [(from_client, "client"), (from_server, "server")]
        .into_iter()
        .filter_map(place)
        .collect()
}

/// `, packets 1, 4, 9` of a few; the first and the number of many.
fn packets(numbers: &[u64]) -> String {
    match numbers {
        [] => String::new(),
        [one] => format!(", packet {one}"),
        few if few.len() <= 6 => {
            let few: Vec<String> = few.iter().map(u64::to_string).collect();
            format!(", packets {}", few.join(", "))
        }
        [first, .., last] => format!(", {} packets from {first} to {last}", numbers.len()),
    }
}
