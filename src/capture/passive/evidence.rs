//! Attempts as evidence in the words of the model: every SYN a probe, every answer its reply.
//!
//! An answer belongs to the SYN that it shows (its timestamp echo, the quoted identification), else
//! to the latest SYN that was sent before it; several errors of one kind that show no more than the
//! sequence number belong to as many SYNs, the latest first.
//!
//! A SYN is silent when nothing came within [`PATIENCE`], or before it was sent again, and the
//! capture goes on so long; a SYN that the end of the capture overtakes stays pending.

use std::net::IpAddr;

use crate::model::evidence::{Evidence, Fact, ReceivedBy};
use crate::model::probe::{Dscp, Flow, Kind, Probe, ProbeId, Target, Ttl};
use crate::model::reply::{Answer, Reply};
use crate::model::time::Moment;

use super::attempt::{AttemptState, Heard, PATIENCE, Shows, Syn};
use super::conversation::Cited;
use super::position::passed;

/// Attempts with a flow of their own; further ones share the last.
const FLOWS: usize = 250;
/// SYNs of one attempt to another port that serve as comparison.
const COMPARED: usize = 4;

/// The attempts of a conversation, and those to other ports of the same server.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) client: IpAddr,
    pub(super) attempts: &'a [&'a AttemptState],
    /// Port and attempt.
    pub(super) others: &'a [(u16, &'a AttemptState)],
    /// Routers between the client and the place of capture.
    pub(super) hops: u8,
    pub(super) end: Moment,
}

/// Evidence, and which packets it was made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) evidence: Evidence,
    pub(super) packets: Vec<Cited>,
    /// The probes of each attempt, in the order of the view.
    pub(super) probes: Vec<Vec<ProbeId>>,
}

/// How an attempt's facts are told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Whether a SYN that was silent within an attempt that was answered counts: a retry hides it.
    pub(super) hidden: bool,
    /// Whether answers that the client did not hear count as heard by its tap alone.
    pub(super) unheard: bool,
}

struct Sending<'a> {
    attempt: &'a AttemptState,
    syn: &'a Syn,
    probe: Probe,
    index: Option<usize>,
    heard: Vec<&'a Heard>,
    /// Answers from elsewhere, to a client that never went on.
    astray: Vec<&'a Heard>,
    expired: Option<Moment>,
    departed: bool,
    by_stack: bool,
}

/// Tells the evidence of a view.
pub(super) fn tell(view: &View<'_>, manner: Manner) -> Told {
    let mut sendings: Vec<Sending<'_>> = Vec::new();
    for (index, attempt) in view.attempts.iter().enumerate() {
        let target = Target::Endpoint;
        send(
            view,
            attempt,
            (target, index, Some(index)),
            manner,
            usize::MAX,
            &mut sendings,
        );
    }
    for (index, (port, attempt)) in view.others.iter().enumerate() {
        let target = Target::Control(*port);
        let flow = view.attempts.len() + index;
        send(
            view,
            attempt,
            (target, flow, None),
            manner,
            COMPARED,
            &mut sendings,
        );
    }
    sendings.sort_by_key(|sending| (sending.syn.at, sending.syn.number));
    let mut told = Told {
        probes: vec![Vec::new(); view.attempts.len()],
        ..Told::default()
    };
    let mut facts: Vec<(Moment, u8, Fact)> = Vec::new();
    for (id, sending) in (1..).map(ProbeId).zip(&sendings) {
        let at = sending.syn.at;
        facts.push((at, 0, Fact::Sent(id, sending.probe)));
        if sending.departed {
            facts.push((at, 1, Fact::Departed(id)));
        }
        for heard in &sending.heard {
            let reply = as_the_client_reads(sending.attempt, heard, view.hops);
            let when = heard.at.max(at);
            facts.push((when, 2, Fact::Replied(id, ReceivedBy::Tap, reply)));
            if sending.by_stack {
                facts.push((when, 3, Fact::Replied(id, ReceivedBy::Stack, reply)));
            }
        }
        for heard in &sending.astray {
            let reply = as_the_client_reads(sending.attempt, heard, view.hops);
            for by in [ReceivedBy::Tap, ReceivedBy::Stack] {
                facts.push((heard.at.max(at), 2, Fact::Replied(id, by, reply)));
            }
        }
        if let Some(expired) = sending.expired {
            facts.push((expired, 4, Fact::Expired(id)));
        }
        told.packets.push(Cited {
            probe: id,
            sent: sending.syn.number,
            replies: {
                let all = sending.heard.iter().chain(&sending.astray);
                all.map(|heard| heard.number).collect()
            },
            without_window: sending.heard.iter().any(|heard| !heard.has_window),
        });
        if let Some(probes) = sending.index.and_then(|index| told.probes.get_mut(index)) {
            probes.push(id);
        }
    }
    for attempt in view.attempts {
        for _ in 0..attempt.near_misses.min(99) {
            facts.push((attempt.last, 5, Fact::NearMiss(None)));
        }
    }
    // Stable: the facts of one moment keep the order of the probes.
    facts.sort_by_key(|(at, rank, _)| (*at, *rank));
    for (at, _, fact) in facts {
        told.evidence.record(at, fact);
    }
    told
}

fn send<'a>(
    view: &View<'_>,
    attempt: &'a AttemptState,
    (target, flow, number): (Target, usize, Option<usize>),
    manner: Manner,
    most: usize,
    sendings: &mut Vec<Sending<'a>>,
) {
    let flow = u8::try_from(flow.min(FLOWS)).unwrap_or(u8::MAX);
    let heard = attribute(attempt);
    let answered = attempt.is_established()
        || attempt
            .answers
            .iter()
            .any(|heard| is_decisive(&heard.reply.answer));
    let unheard = attempt.unheard() > 0;
    for (index, (syn, heard)) in attempt.syns.iter().zip(heard).enumerate().take(most) {
        let ttl = attempt.limited(view.hops).map_or(Ttl::FULL, Ttl);
        let patience = syn.at.after(PATIENCE);
        let again = attempt.syns.get(index + 1).map(|next| next.at);
        let due = again.map_or(patience, |again| patience.min(again.max(syn.at)));
        let first = heard.iter().map(|heard| heard.at).min();
        // What went on without an answer in the capture was answered all the same.
        let alone = attempt.speaks_alone() && again.is_none();
        let silent = first.is_none_or(|first| first > due) && due <= view.end && !alone;
        let hidden = heard.is_empty() && answered && !unheard && !manner.hidden;
        sendings.push(Sending {
            attempt,
            syn,
            probe: Probe {
                ttl,
                dscp: Dscp::of_traffic_class(syn.traffic_class),
                ..Probe::plain(Kind::Syn, target, Flow::ephemeral(flow))
            },
            index: number,
            by_stack: !(manner.unheard && unheard),
            heard,
            astray: astray(attempt, index),
            expired: silent.then_some(due),
            departed: !hidden || alone,
        });
    }
}

/// The answers from elsewhere that came after a SYN of an attempt and before its next; none where the
/// client goes on: then they were translated back behind the place of capture.
fn astray(attempt: &AttemptState, index: usize) -> Vec<&Heard> {
    let sent = |index: usize| attempt.syns.get(index).map(|syn| syn.at);
    let after = |heard: &&Heard| index == 0 || sent(index).is_some_and(|at| heard.at >= at);
    let before = |heard: &&Heard| sent(index.saturating_add(1)).is_none_or(|at| heard.at < at);
    let astray = attempt.astray.iter().filter(|_| attempt.went_on.is_none());
    astray.filter(after).filter(before).collect()
}

/// Whether an answer settles what becomes of an attempt.
pub(super) const fn is_decisive(answer: &Answer) -> bool {
    matches!(
        answer,
        Answer::SynAck { .. } | Answer::Reset | Answer::Unreachable(..)
    )
}

/// The answers of an attempt by SYN.
pub(super) fn attribute(attempt: &AttemptState) -> Vec<Vec<&Heard>> {
    let mut by_syn: Vec<Vec<&Heard>> = vec![Vec::new(); attempt.syns.len()];
    let mut answers: Vec<&Heard> = attempt.answers.iter().collect();
    answers.sort_by_key(|heard| (heard.at, heard.number));
    for heard in answers {
        let shown = |syn: &Syn| match heard.shows {
            Shows::Stamp(stamp) => syn.stamp == Some(stamp),
            Shows::Identification(id) => syn.identification == Some(id),
            Shows::Sequence => false,
        };
        let before = |syn: &Syn| syn.at <= heard.at;
        let alike = |index: usize| {
            by_syn.get(index).is_some_and(|known: &Vec<&Heard>| {
                known.iter().any(|known| {
                    known.reply.from == heard.reply.from
                        && known.reply.answer.same_kind(&heard.reply.answer)
                })
            })
        };
        let latest = || attempt.syns.iter().rposition(before);
        let fresh = || {
            (0..attempt.syns.len())
                .rev()
                .find(|index| attempt.syns.get(*index).is_some_and(before) && !alike(*index))
        };
        let several = heard.shows == Shows::Sequence
            && !matches!(heard.reply.answer, Answer::SynAck { .. } | Answer::Reset);
        let index = attempt
            .syns
            .iter()
            .rposition(shown)
            .or_else(|| if several { fresh() } else { None })
            .or_else(latest)
            // The file has it before its SYN.
            .unwrap_or(0);
        if let Some(place) = by_syn.get_mut(index) {
            place.push(heard);
        }
    }
    by_syn
}

/// A reply with the TTL that it arrives with at the client: less by the routers between, and by the
/// capturing host where that is a router itself and the TTL the one that it received.
fn as_the_client_reads(attempt: &AttemptState, heard: &Heard, hops: u8) -> Reply {
    let beyond = attempt
        .away(heard)
        .saturating_sub(passed(heard.reply.ttl.0));
    let hops = hops.saturating_add(beyond);
    Reply {
        ttl: Ttl(heard.reply.ttl.0.saturating_sub(hops)),
        ..heard.reply
    }
}
