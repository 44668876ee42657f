//! What only the behaviour of a client and the place of the capture show: rules beside inference.
//!
//! Inference reads answers to SYNs. A capture shows more: that a client asks again although it was
//! answered, that it goes on although no answer was captured, what became of the connection, that
//! the capture was taken next to the server. Each rule below says one such thing; the first that
//! applies replaces the verdict of inference, and `support` caps whatever stands.
//!
//! 1. No SYN is in the capture → what the answers alone say.
//! 2. The client asks again after an answer → the answer is lost behind the place of capture.
//! 3. The port's behaviour changes once → the last phase counts, as the best reading; several times
//!    → it answers at times.
//! 4. The handshake is completed → what the connections carried.
//! 5. Nothing comes, and the capture holds nothing towards any client → only resent SYNs say
//!    something.
//! 6. Nothing comes, at the server or in a router that sends other SYNs on → it is lost there.
//! 7. A reset from nearer than the server's other answers → a device before it; on IPv6, without the
//!    flow label that the server's other resets carry → a filter.
//! 8. A router that says "no route" → no route; one that says "host unreachable" seconds later → the
//!    host does not answer ARP/ND.

use std::time::Duration;

use crate::model::probe::ProbeId;
use crate::model::reply::{Answer, Refusal, Reply};
use crate::model::verdict::{
    Alternative, Cause, Confidence, Finding, HopRef, Method, Place, PlaceKind, State,
};

use super::assess::Situation;
use super::encounter::{Ending, Fate, Side};
use super::evidence::{View, attribute};
use super::phase::{self, Kind, Phases};
use super::position::passed;
use super::support::{Grounds, ceiling};
use super::track::Track;
use super::words;

/// A client resends a SYN because of silence no sooner than this; sooner ones follow a reset.
const RESENT: Duration = Duration::from_millis(900);

/// A router that waits for ARP/ND refuses after 3 s (three requests a second apart); no path is so
/// slow.
const RESOLUTION: Duration = Duration::from_millis(2500);

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
        unheard,
        changed,
        at_times,
        carried,
        one_way,
        lost_here,
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
    words::remark(situation, &mut finding);
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

/// Whether who completed the handshake serves as well: data that the client took, from as far away
/// as the SYN-ACK, which offered a window.
pub(super) fn serves(track: &Track) -> bool {
    let Some(opened) = track.opened_at() else {
        return false;
    };
    let windowless = matches!(opened.reply.answer, Answer::SynAck { window: 0, .. });
    track.is_established()
        && track.server.acknowledged() > 0
        && track.served_ttl == Some(opened.reply.ttl.0)
        && !windowless
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
                let say = Say::new(Cause::Open, Confidence::Likely, PlaceKind::Host);
                let mut say = say
                    .against(&[Cause::OpenProxied])
                    .saying(words::answered_unseen(port));
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

/// Rule 2.
fn unheard(situation: &Situation<'_>, _: &Finding) -> Option<Say> {
    let attempts = situation.view.attempts;
    let times: usize = attempts.iter().map(|track| track.unheard()).sum();
    if times == 0 || attempts.iter().any(|track| track.is_established()) {
        return None;
    }
    let port = situation.server.port;
    let refused_by = attempts.iter().find_map(|track| track.answer_refused);
    let here = situation.position.from_client == Some(0);
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
    let say = Say::new(cause, firm, kind).against(&[rival]).seen(times);
    Some(say.saying(words::unheard(port, here, refused_by)))
}

/// Rule 3.
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
        (Kind::Open, Kind::Refused) => Say::new(Cause::Banned, possible, PlaceKind::Unknown)
            .against(&[Cause::RejectHost, Cause::RejectPath, Cause::NoRoute])
            .saying(summary),
        _ => return None,
    })
}

/// Rule 3, several times.
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

/// Rule 4.
fn carried(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    let open = matches!(
        finding.verdict.cause,
        Cause::Open | Cause::OpenProxied | Cause::MtuBlackHole | Cause::Inconclusive
    );
    let established: Vec<&&Track> = situation
        .view
        .attempts
        .iter()
        .filter(|track| track.is_established())
        .collect();
    if !open || established.is_empty() {
        return None;
    }
    let port = situation.server.port;
    if let Some(say) = hole(situation, &established) {
        return Some(say);
    }
    let served = established.iter().any(|track| serves(track));
    if finding.verdict.cause == Cause::OpenProxied {
        return None;
    }
    let full = established.iter().filter(|track| track.resent > 0);
    let full: usize = full.map(|track| usize::from(track.resent)).sum();
    if full > 0 && !served {
        let say = Say::new(
            Cause::ListenerOverloaded,
            Confidence::Likely,
            PlaceKind::Host,
        );
        return Some(
            say.against(&[Cause::Open, Cause::OpenProxied])
                .seen(full)
                .saying(words::overloaded(port)),
        );
    }
    let ignored = established.iter().all(|track| {
        track.client.acknowledged() == 0
            && matches!(
                track.fate(situation.view.end),
                Fate::Established {
                    ending: Ending::Stuck {
                        sender: Side::Client,
                        ..
                    },
                    ..
                }
            )
    });
    if ignored {
        let say = Say::new(Cause::OpenProxied, Confidence::Possible, PlaceKind::Unknown);
        return Some(
            say.against(&[Cause::Open, Cause::ListenerOverloaded, Cause::MtuBlackHole])
                .saying(words::ignored(port)),
        );
    }
    let alone = established.iter().all(|track| track.speaks_alone());
    let answered = !alone
        || established
            .iter()
            .any(|track| track.server.acknowledged() > 0);
    let wish = if served {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    let mut say = Say::new(Cause::Open, wish, PlaceKind::Host);
    say.grounds = Grounds {
        served,
        answered,
        ..Grounds::default()
    };
    let rivals: &[Cause] = if served { &[] } else { &[Cause::OpenProxied] };
    Some(
        say.against(rivals)
            .saying(words::open(port, &established, served, alone)),
    )
}

/// Large segments that never arrive, on connections whose small ones do.
fn hole(situation: &Situation<'_>, established: &[&&Track]) -> Option<Say> {
    let mut times = 0;
    let mut size = 0;
    for track in established {
        for (stream, back) in [
            (&track.client, &track.server),
            (&track.server, &track.client),
        ] {
            let Some(stuck) = stream.stuck().filter(|stuck| stuck.is_large()) else {
                continue;
            };
            // Told honestly, it is no hole; and what passed before does not stick for its size.
            if track.too_big.is_some() || stream.large_passed() {
                continue;
            }
            let alive = stuck.alive || back.octets() > 0 && stream.acknowledged() > 0;
            times += if alive { 2 } else { 1 };
            size = size.max(stuck.size);
        }
    }
    if times == 0 {
        return None;
    }
    let say = Say::new(Cause::MtuBlackHole, Confidence::Likely, PlaceKind::Path);
    Some(
        say.against(&[Cause::Open, Cause::Banned])
            .seen(times)
            .saying(words::hole(situation.server.port, size)),
    )
}

/// Whether the verdict rests on silence.
const fn is_silence(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::DropSomewhere
            | Cause::DropEdgeOrHost
            | Cause::DropEdge
            | Cause::DropHost
            | Cause::DropPath
    )
}

/// Rule 5.
fn one_way(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    if situation.both_ways || !is_silence(finding.verdict.cause) {
        return None;
    }
    let port = situation.server.port;
    let resent = situation.view.attempts.iter().any(|track| {
        track
            .syns
            .windows(2)
            .any(|two| matches!(two, [one, two] if two.at.since(one.at) >= RESENT))
    });
    let cause = if resent {
        Cause::DropSomewhere
    } else {
        Cause::Inconclusive
    };
    let say = Say::new(cause, Confidence::Possible, PlaceKind::Unknown);
    Some(say.saying(words::one_way(port, resent)))
}

/// Rule 6.
fn lost_here(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    let traced = finding.verdict.cause == Cause::DropPath;
    if !is_silence(finding.verdict.cause) || traced {
        return None;
    }
    let port = situation.server.port;
    let attempts = situation.view.attempts;
    let position = situation.position;
    let others = || situation.view.others.iter().map(|(_, track)| *track);
    let kept_back = !situation.translated && !attempts.iter().any(|track| track.forwarded);
    // A host that routes for its containers sends nothing on that is for itself.
    let for_itself = position.from_server == Some(0) && !others().any(|track| track.forwarded);
    if situation.router && kept_back && !for_itself {
        let ttl = position.from_client.unwrap_or(0).saturating_add(1);
        let mut say = Say::new(Cause::DropPath, Confidence::Likely, PlaceKind::Path)
            .against(&[Cause::NoRoute, Cause::NoNeighbor])
            .saying(words::not_forwarded(port));
        say.place.after_hop = Some(HopRef { ttl, address: None });
        say.grounds.traced = true;
        return Some(say);
    }
    if position.from_server == Some(0) {
        let wish = match position.from_client {
            Some(0) | None => Confidence::Possible,
            Some(_) => Confidence::Likely,
        };
        let say = Say::new(Cause::DropEdgeOrHost, wish, PlaceKind::Edge)
            .against(&[Cause::DropHost, Cause::DropEdge, Cause::ListenerOverloaded])
            .saying(words::at_server(port));
        return Some(say);
    }
    None
}

/// Rule 7.
fn reset_nearer(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    if !matches!(finding.verdict.cause, Cause::Closed | Cause::RejectHost) {
        return None;
    }
    let port = situation.server.port;
    let own = resets(situation, situation.view.attempts.iter().copied());
    let others = situation.view.others.iter().map(|(_, track)| *track);
    let reset = own.iter().map(|reply| passed(reply.ttl.0)).max()?;
    // The farthest that anything in the server's name comes from: a device may answer other ports.
    let elsewhere = resets(situation, others);
    let farthest = elsewhere
        .iter()
        .map(|reply| passed(reply.ttl.0))
        .chain(situation.position.from_server)
        .max();
    if farthest.is_some_and(|farthest| reset < farthest) {
        let ttl = (reset + 1).saturating_add(situation.view.hops);
        let mut say = Say::new(Cause::RejectPath, Confidence::Likely, PlaceKind::Path)
            .against(&[Cause::Closed])
            .saying(words::reset_nearer(port, ttl));
        say.method = Some(Method::TcpReset);
        say.place = Place::at(HopRef { ttl, address: None });
        return Some(say);
    }
    // A TCP stack writes a flow label into its resets, netfilter's REJECT none.
    let labelled = |replies: &[Reply]| replies.iter().any(|reply| reply.flow_label > Some(0));
    if own.iter().all(|reply| reply.flow_label == Some(0)) && labelled(&elsewhere) {
        let mut say = Say::new(Cause::RejectHost, Confidence::Likely, PlaceKind::Host)
            .against(&[Cause::RejectPath])
            .saying(words::unlabelled(port));
        say.method = Some(Method::TcpReset);
        return Some(say);
    }
    labelled(&own).then(|| {
        Say::new(Cause::Closed, Confidence::Likely, PlaceKind::Host).saying(words::labelled(port))
    })
}

/// The resets in the server's name.
fn resets<'t>(situation: &Situation<'_>, tracks: impl Iterator<Item = &'t Track>) -> Vec<Reply> {
    let replies = tracks.flat_map(|track| track.answers.iter().map(|heard| heard.reply));
    replies
        .filter(|reply| reply.answer == Answer::Reset && reply.from == situation.server.address)
        .collect()
}

/// Rule 8.
fn unrouted(situation: &Situation<'_>, finding: &Finding) -> Option<Say> {
    let verdict = &finding.verdict;
    let unrouted = matches!(
        verdict.method,
        Some(Method::Icmp(
            Refusal::NetUnreachable | Refusal::NoRoute6 | Refusal::RejectRoute6
        ))
    );
    if verdict.cause == Cause::RejectPath && refused_late(&situation.view) {
        let mut say = Say::new(Cause::NoNeighbor, Confidence::Likely, PlaceKind::Path)
            .against(&[Cause::RejectPath])
            .saying(words::no_neighbor(
                situation.server.port,
                verdict.place.at_hop,
            ));
        say.place = verdict.place;
        return Some(say);
    }
    if verdict.cause != Cause::RejectPath || !unrouted {
        return None;
    }
    let mut say = Say::new(Cause::NoRoute, Confidence::Likely, PlaceKind::Path)
        .against(&[Cause::RejectPath])
        .saying(words::unrouted(situation.server.port, verdict.place.at_hop));
    say.place = verdict.place;
    Some(say)
}

/// Whether "host unreachable" took as long as vain ARP/ND requests do.
fn refused_late(view: &View<'_>) -> bool {
    view.attempts.iter().any(|track| {
        let by_syn = attribute(track);
        let mut pairs = track.syns.iter().zip(&by_syn);
        pairs.any(|(syn, heard)| {
            heard.iter().any(|heard| {
                let plight = matches!(
                    heard.reply.answer.refusal(),
                    Some(Refusal::HostUnreachable | Refusal::AddressUnreachable6)
                );
                plight && heard.at.since(syn.at) >= RESOLUTION
            })
        })
    })
}
