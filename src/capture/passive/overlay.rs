//! What only the behaviour of a client and the place of the capture show: rules beside inference.
//!
//! Inference reads answers to SYNs. A capture shows more: that a client asks again although it was
//! answered, that it goes on although no answer was captured, what became of the connection, that
//! the capture was taken next to the server. Each rule below says one such thing; the first that
//! applies replaces the verdict of inference, and `support` caps whatever stands.
//!
//! 1. No SYN is in the capture → what the answers alone say.
//! 2. Refusals that follow answers, from nearer than those → a device before the server.
//! 3. The client asks again after an answer → the answer is lost behind the place of capture.
//! 4. Connections are taken and not served, and then no SYN is answered → the listener's queue.
//! 5. The port's behaviour changes once → the last phase counts, as the best reading; several times
//!    → it answers at times. The handshake is completed → what the connections carried.
//! 6. Nothing comes, and the capture holds nothing towards any client → only resent SYNs say
//!    something.
//! 7. Nothing comes, at the server, in a router that sends other SYNs on, or on a host all of whose
//!    interfaces are captured → it is lost there. A reset from nearer than the server's other
//!    answers → a device before it; on IPv6, without the flow label that the server's other resets
//!    carry → a filter.
//! 8. A router that says "no route" → no route; one that says "host unreachable" seconds later → the
//!    host does not answer ARP/ND.

mod carried;
mod refusal;
mod silence;

use std::net::IpAddr;

use crate::model::probe::ProbeId;
use crate::model::reply::Refusal;
use crate::model::verdict::{
    Alternative, Cause, Confidence, Finding, HopRef, Method, Place, PlaceKind, State,
};

use crate::wire::frame::Direction;

use super::assess::Situation;
use super::encounter::Fate;
use super::evidence::View;
use super::phase::{self, Kind, Phases};
use super::position::passed;
use super::support::{Grounds, ceiling};
use super::track::Track;
use super::{remark, words};

use carried::carried;
pub(super) use carried::serves;
use refusal::{refused_since, reset_nearer, reset_since, unrouted};
use silence::{backlog, lost_here, one_way};

/// What a rule says.
#[derive(Clone, Debug)]
pub(super) struct Say {
    pub(super) cause: Cause,
    pub(super) confidence: Confidence,
    pub(super) place: Place,
    pub(super) method: Option<Method>,
    /// Rivals that stay.
    pub(super) rivals: Vec<Cause>,
    pub(super) summary: String,
    pub(super) grounds: Grounds,
}

impl Say {
    pub(super) fn new(cause: Cause, confidence: Confidence, kind: PlaceKind) -> Self {
        Self {
            cause,
            confidence,
            place: Place::of(kind),
            method: None,
            rivals: Vec::new(),
            summary: String::new(),
            grounds: Grounds::default(),
        }
    }

    pub(super) fn against(self, rivals: &[Cause]) -> Self {
        Self {
            rivals: rivals.to_vec(),
            ..self
        }
    }

    pub(super) fn saying(self, summary: String) -> Self {
        Self { summary, ..self }
    }

    fn seen(mut self, times: usize) -> Self {
        self.grounds.times = times;
        self
    }
}

/// Whether SYNs of attempts that were answered in the end were lost so often that a retry does not
/// hide it: a third of at least nine.
pub(super) fn loses_much(view: &View<'_>) -> bool {
    let answered: Vec<&&Track> = view
        .attempts
        .iter()
        .filter(|track| track.is_established() || track.opened_at().is_some())
        .collect();
    let sent: usize = answered.iter().map(|track| track.syns.len()).sum();
    let lost = sent.saturating_sub(answered.len());
    lost >= 3 && lost * 3 >= sent
}

/// The finding of inference with what the rules add, and no firmer than passive evidence supports.
pub(super) fn apply(situation: &Situation<'_>, finding: Finding, all: &[ProbeId]) -> Finding {
    let rules = [
        unseen,
        refused_since,
        reset_since,
        unheard,
        disowned,
        backlog,
        changed,
        at_times,
        carried,
        lost_here,
        one_way,
        reset_nearer,
        unrouted,
    ];
    let said = rules.iter().find_map(|rule| rule(situation, &finding));
    let mut finding = finding;
    let grounds = match &said {
        Some(say) => say.grounds,
        None => grounds(situation),
    };
    if let Some(say) = said {
        replace(&mut finding, say, all);
    } else {
        words::rewrite(situation, &mut finding);
    }
    let verdict = &mut finding.verdict;
    verdict.confidence = verdict.confidence.min(ceiling(verdict.cause, &grounds));
    if situation.translated {
        // Distances are those of another flow, from behind the translation.
        verdict.confidence = verdict.confidence.min(Confidence::Likely);
    }
    remark::mourn(situation, &mut finding);
    remark::remark(situation, &mut finding);
    finding
}

fn replace(finding: &mut Finding, say: Say, all: &[ProbeId]) {
    let verdict = &mut finding.verdict;
    verdict.cause = say.cause;
    verdict.state = state(say.cause);
    verdict.confidence = say.confidence;
    verdict.place = say.place;
    verdict.method = say.method;
    verdict.summary = say.summary;
    if verdict.basis.is_empty() {
        verdict.basis = all.to_vec();
    }
    if !say.rivals.is_empty() {
        let rivals: Vec<&str> = say.rivals.iter().map(|cause| cause.word()).collect();
        let open = format!(" Not excluded: {}.", rivals.join(", "));
        verdict.summary.push_str(&open);
    }
    finding.alternatives.retain(|rival| {
        rival.ruled_out && rival.cause != say.cause && !say.rivals.contains(&rival.cause)
    });
    finding
        .alternatives
        .extend(say.rivals.iter().map(|cause| Alternative {
            cause: *cause,
            ruled_out: false,
            because: "a capture alone does not tell it apart".into(),
            basis: Vec::new(),
        }));
}

/// The state that goes with a cause (see the output contract).
const fn state(cause: Cause) -> State {
    match cause {
        Cause::Open | Cause::OpenProxied | Cause::MtuBlackHole | Cause::Intermittent => State::Open,
        Cause::Closed => State::Closed,
        Cause::NoNeighbor | Cause::NoRoute => State::Unreachable,
        Cause::Conflicting | Cause::Inconclusive => State::Unknown,
        _ => State::Filtered,
    }
}

/// What the capture shows besides answers to SYNs.
fn grounds(situation: &Situation<'_>) -> Grounds {
    let attempts = situation.view.attempts;
    Grounds {
        served: attempts.iter().any(|track| serves(track)),
        answered: attempts.iter().any(|track| track.opened_at().is_some()),
        nearer: refused_nearer(situation),
        traced: attempts
            .iter()
            .any(|track| track.limited(situation.view.hops).is_some()),
        meanwhile: situation.others_served,
        times: attempts.len(),
    }
}

/// Whether an ICMP policy comes from nearer than the server's own answers.
fn refused_nearer(situation: &Situation<'_>) -> bool {
    let Some(server) = situation.position.from_server else {
        return false;
    };
    let heard = situation
        .view
        .attempts
        .iter()
        .flat_map(|track| &track.answers);
    heard
        .filter(|heard| heard.reply.from != situation.server.address)
        .any(|heard| heard.reply.answer.refusal().is_some() && passed(heard.reply.ttl.0) < server)
}

/// Whether all that answers an attempt in the server's name comes from nearer than the farthest of
/// its SYN-ACKs.
pub(super) fn is_forged(track: &Track, server: IpAddr, farthest: Option<u8>) -> bool {
    let Some(farthest) = farthest.filter(|_| track.opened_at().is_none()) else {
        return false;
    };
    let own = || {
        track
            .answers
            .iter()
            .filter(|heard| heard.reply.from == server)
    };
    own().next().is_some() && own().all(|heard| track.away(heard) < farthest)
}

/// Rule 1.
fn unseen(situation: &Situation<'_>, _: &Finding) -> Option<Say> {
    let attempts = situation.view.attempts;
    if attempts.iter().any(|track| !track.syns.is_empty()) {
        return None;
    }
    let port = situation.server.port;
    let client = situation.view.client;
    for track in attempts {
        match track.fate(situation.view.end) {
            Fate::Refused { refusal, by } if by == client => {
                let unresolved = matches!(
                    refusal,
                    Refusal::HostUnreachable | Refusal::AddressUnreachable6
                );
                let (cause, rival) = if unresolved {
                    (Cause::NoNeighbor, Cause::LocalEgress)
                } else {
                    (Cause::LocalEgress, Cause::NoRoute)
                };
                let say = Say::new(cause, Confidence::Likely, PlaceKind::Local);
                return Some(
                    say.against(&[rival])
                        .saying(words::own_refusal(port, unresolved)),
                );
            }
            Fate::Refused { by, .. } => {
                let (cause, rival) = if by == situation.server.address {
                    (Cause::RejectHost, Cause::RejectPath)
                } else {
                    (Cause::RejectPath, Cause::NoRoute)
                };
                let say = Say::new(cause, Confidence::Possible, PlaceKind::Unknown);
                return Some(
                    say.against(&[rival])
                        .saying(words::refused_unseen(port, by)),
                );
            }
            Fate::Answered { .. } | Fate::Established { .. } => {
                let running: Vec<&&Track> = attempts.iter().filter(|track| track.runs()).collect();
                if let Some(say) = carried::hole(situation, &running) {
                    return Some(say);
                }
                let say = Say::new(Cause::Open, Confidence::Likely, PlaceKind::Host);
                let mut say = say
                    .against(&[Cause::OpenProxied])
                    .saying(words::answered_unseen(port, running.len()));
                say.grounds.answered = track.is_established();
                return Some(say);
            }
            _ => {}
        }
    }
    let say = Say::new(
        Cause::Inconclusive,
        Confidence::Possible,
        PlaceKind::Unknown,
    );
    Some(say.saying(words::NOTHING_SEEN.to_owned()))
}

/// Rule 3.
fn unheard(situation: &Situation<'_>, _: &Finding) -> Option<Say> {
    let attempts = situation.view.attempts;
    let times: usize = attempts.iter().map(|track| track.unheard()).sum();
    // Answers that others of its attempts heard are lost by chance.
    let heard = |track: &&Track| {
        track.is_established() || !track.answers.is_empty() && track.unheard() == 0
    };
    if times == 0 || attempts.iter().any(heard) {
        return None;
    }
    let port = situation.server.port;
    let refused_by = attempts.iter().find_map(|track| track.answer_refused);
    // A router next to the client has sent the answers on, or not: the client did not get them.
    let here = situation.position.from_client == Some(0) && !situation.position.forwards;
    let (cause, rival, kind) = if here {
        (Cause::LocalIngress, Cause::DropReturn, PlaceKind::Local)
    } else {
        (Cause::DropReturn, Cause::LocalIngress, PlaceKind::Path)
    };
    let firm = if !here || situation.on_client {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    if refused_by.is_none()
        && let Some(say) = unheard_behind_router(situation, times)
    {
        return Some(say);
    }
    let (cause, kind, here) = match refused_by {
        Some(_) => (Cause::DropReturn, PlaceKind::Path, false),
        None => (cause, kind, here),
    };
    let rivals: &[Cause] = if refused_by.is_some() { &[] } else { &[rival] };
    let mut say = Say::new(cause, firm, kind).against(rivals).seen(times);
    if let Some(refused) = refused_by {
        // Written by the capturing router itself: as fresh as it left.
        let own = refused.direction == Some(Direction::Outbound) && passed(refused.ttl) == 0;
        let ttl = situation.position.from_client.map(|hops| hops + 1);
        if let Some(ttl) = ttl.filter(|_| own && situation.position.forwards) {
            let address = Some(refused.by);
            say.place.at_hop = Some(HopRef { ttl, address });
        }
    }
    let refused_by = refused_by.map(|refused| refused.by);
    Some(say.saying(words::unheard(port, here, refused_by)))
}

/// Rule 3, of a client that resets the answers and asks again.
fn disowned(situation: &Situation<'_>, _: &Finding) -> Option<Say> {
    let attempts = situation.view.attempts;
    let times: usize = attempts.iter().map(|track| track.disowned()).sum();
    if times == 0 || attempts.iter().any(|track| track.disowned() == 0) {
        return None;
    }
    let say = Say::new(
        Cause::Misaddressed,
        Confidence::Possible,
        PlaceKind::Unknown,
    );
    let say = say.against(&[Cause::Open, Cause::LocalIngress]).seen(times);
    Some(say.saying(words::disowned(situation.server.port)))
}

/// Rule 3, on a router that sends the SYNs on: whether it sends the answers on as well.
fn unheard_behind_router(situation: &Situation<'_>, times: usize) -> Option<Say> {
    let attempts = situation.view.attempts;
    let port = situation.server.port;
    let answers = || {
        let tracks = attempts.iter().filter(|track| track.forwarded);
        tracks.flat_map(|track| track.answers.iter().map(move |heard| (*track, heard)))
    };
    if !situation.position.forwards || answers().next().is_none() {
        return None;
    }
    let hops = situation.position.from_client;
    if answers().all(|(track, heard)| !heard.relayed && track.is_beyond(heard.crossing)) {
        let say = Say::new(Cause::DropReturn, Confidence::Likely, PlaceKind::Path);
        let hop = hops.map(|hops| hops.saturating_add(1));
        let say = say.seen(times).saying(words::not_sent_back(port, hop));
        return Some(say);
    }
    // The next station is the client.
    if hops == Some(0) && answers().all(|(_, heard)| heard.relayed) {
        let say = Say::new(Cause::LocalIngress, Confidence::Possible, PlaceKind::Local)
            .against(&[Cause::DropReturn])
            .seen(times);
        return Some(say.saying(words::sent_back(port)));
    }
    None
}

/// Rule 5.
fn changed(situation: &Situation<'_>, _: &Finding) -> Option<Say> {
    let phases = Phases::of(&situation.view)?;
    let port = situation.server.port;
    let times = phases.after;
    let possible = Confidence::Possible;
    let summary = words::changed(port, &phases);
    Some(match (phases.first, phases.then) {
        (Kind::Open, Kind::Silent) => {
            let wish = if situation.others_served {
                Confidence::Likely
            } else {
                possible
            };
            let mut say = Say::new(Cause::Banned, wish, PlaceKind::Unknown)
                .against(&[
                    Cause::RateLimited,
                    Cause::Intermittent,
                    Cause::ListenerOverloaded,
                    Cause::DropSomewhere,
                ])
                .saying(summary)
                .seen(times);
            say.grounds.meanwhile = situation.others_served;
            say
        }
        (_, Kind::Open) => {
            let mut say = Say::new(Cause::Open, Confidence::Likely, PlaceKind::Host)
                .against(&[Cause::Intermittent, Cause::OpenProxied])
                .saying(summary);
            say.grounds.answered = true;
            say
        }
        (Kind::Open, Kind::Reset) => Say::new(Cause::Closed, possible, PlaceKind::Host)
            .against(&[Cause::Banned, Cause::RejectHost, Cause::RejectPath])
            .saying(summary),
        (Kind::Reset, Kind::Silent) => Say::new(Cause::Banned, possible, PlaceKind::Unknown)
            .against(&[Cause::DropSomewhere, Cause::Intermittent, Cause::Closed])
            .saying(summary),
        (_, Kind::Reset) => Say::new(Cause::Closed, Confidence::Likely, PlaceKind::Host)
            .against(&[Cause::Intermittent, Cause::RejectHost, Cause::RejectPath])
            .saying(summary),
        (Kind::Open, Kind::Refused) => Say::new(Cause::Banned, possible, PlaceKind::Unknown)
            .against(&[Cause::RejectHost, Cause::RejectPath, Cause::NoRoute])
            .saying(summary),
        _ => return None,
    })
}

/// Rule 5, several times.
fn at_times(situation: &Situation<'_>, _: &Finding) -> Option<Say> {
    let kinds = phase::kinds(&situation.view);
    let open = kinds.iter().filter(|kind| **kind == Kind::Open).count();
    let failed = kinds.len() - open;
    if open == 0 || failed == 0 {
        return None;
    }
    let mut say = Say::new(
        Cause::Intermittent,
        Confidence::Possible,
        PlaceKind::Unknown,
    )
    .against(&[Cause::RateLimited, Cause::Banned])
    .saying(words::at_times(situation.server.port, open, kinds.len()));
    say.grounds.times = failed;
    Some(say)
}
