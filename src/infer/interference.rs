//! Packets on our flows whose numbers answer nothing we sent: somebody on the way interferes, or refuses and
//! gets the numbers wrong.
//!
//! None of them is ever an answer. What they cost is firmness, and only where one of them, had it been
//! taken for an answer, would have changed the verdict. Left out: what came for a flow before we had
//! sent anything on it (the rest of an earlier run on its ports), and the same packet again.

use std::net::IpAddr;

use crate::model::evidence::{NearMiss, NearMissKind};
use crate::model::probe::{Target, Ttl};
use crate::model::time::Moment;
use crate::model::verdict::Cause;

use super::analysis::{Analysis, hop_of_arrival};

/// Different near misses up to which they may be an accident.
const ACCIDENTS: usize = 3;
/// Resets with wrong numbers from which on they are none: a device may show the same ones each time.
const RESETS: u64 = 3;

/// Different near misses of one kind from one place.
struct Group {
    kind: NearMissKind,
    from: IpAddr,
    ttl: Ttl,
    count: usize,
}

/// What near misses say against `cause`, as a clause that can follow "yet".
pub(super) fn interference(analysis: &Analysis<'_>, cause: Cause) -> Option<String> {
    let groups = groups(analysis);
    let changes = |group: &&Group| would_change(group.kind, cause);
    let told: Vec<&Group> = groups.iter().filter(changes).collect();
    let resets = analysis.evidence.stray_resets();
    let has_resets = told.iter().any(|group| group.kind == NearMissKind::Reset);
    let refuses = resets >= RESETS && has_resets && is_silence(cause);
    (refuses || (are_many(&groups) && !told.is_empty())).then(|| {
        let what = if has_resets {
            format!("{resets} resets")
        } else {
            "packets".to_owned()
        };
        format!(
            "{what} came back whose numbers no client accepts ({}): a device refuses with wrong \
             numbers, or somebody interferes",
            words(told.iter().copied())
        )
    })
}

/// What is said of near misses whatever the verdict.
pub(super) fn note(analysis: &Analysis<'_>) -> Option<String> {
    let count = analysis.evidence.near_misses();
    let groups = groups(analysis);
    let whence = match groups.as_slice() {
        [] => String::new(),
        all => format!(" ({})", words(all.iter())),
    };
    let flagged = if are_many(&groups) {
        "; something interferes with these flows, or answers with wrong numbers"
    } else {
        ""
    };
    (count > 0).then(|| {
        format!(
            "{count} frames of our flows carried no valid token and were not counted{whence}{flagged}"
        )
    })
}

/// Whether there are more than an accident makes.
fn are_many(groups: &[Group]) -> bool {
    groups.iter().map(|group| group.count).sum::<usize>() > ACCIDENTS
}

fn words<'a>(groups: impl Iterator<Item = &'a Group>) -> String {
    let words: Vec<String> = groups
        .map(|group| {
            let Group {
                kind,
                from,
                ttl,
                count,
            } = group;
            let (hop, kind) = (hop_of_arrival(*ttl), kind.word());
            format!("{count} × {kind} from {from}, sent from hop {hop} by its TTL")
        })
        .collect();
    words.join("; ")
}

/// The near misses that count, by kind and origin, in the order in which these first came.
fn groups(analysis: &Analysis<'_>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let strays = analysis.evidence.strays().iter();
    for (_, stray) in strays.filter(|(at, stray)| !is_leftover(analysis, *at, stray)) {
        let NearMiss {
            kind, from, ttl, ..
        } = *stray;
        let known = groups
            .iter_mut()
            .find(|group| (group.kind, group.from, group.ttl) == (kind, from, ttl));
        match known {
            Some(group) => group.count += 1,
            None => groups.push(Group {
                kind,
                from,
                ttl,
                count: 1,
            }),
        }
    }
    groups
}

/// Whether it came for a flow on which we had sent nothing yet.
fn is_leftover(analysis: &Analysis<'_>, at: Moment, stray: &NearMiss) -> bool {
    let [ours, theirs] = stray.ports;
    let flow = analysis.job.vantage.flow(ours);
    let mut trials = analysis.evidence.trials().iter();
    !trials.any(|trial| {
        let port = match trial.probe.target {
            Target::Endpoint => Some(analysis.job.endpoint.port),
            Target::Control(port) => Some(port),
            Target::Host => None,
        };
        trial.sent <= at && Some(trial.probe.flow) == flow && port == Some(theirs)
    })
}

/// Whether such a packet, had it been taken for an answer, would speak against the cause.
fn would_change(kind: NearMissKind, cause: Cause) -> bool {
    match kind {
        NearMissKind::SynAck => !matches!(
            cause,
            Cause::Open | Cause::OpenProxied | Cause::MtuBlackHole | Cause::Intermittent
        ),
        NearMissKind::Reset => !matches!(cause, Cause::Closed | Cause::Intermittent),
        NearMissKind::Refusal => !matches!(
            cause,
            Cause::RejectHost | Cause::RejectPath | Cause::NoRoute | Cause::NoNeighbor
        ),
        NearMissKind::TimeExceeded => is_silence(cause),
        NearMissKind::Other => false,
    }
}

/// Whether the cause rests on silence.
fn is_silence(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::DropHost
            | Cause::DropEdge
            | Cause::DropEdgeOrHost
            | Cause::DropPath
            | Cause::DropReturn
            | Cause::DropSomewhere
            | Cause::ListenerOverloaded
            | Cause::Inconclusive
    )
}
