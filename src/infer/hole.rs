//! Where full-size packets vanish, and on which way.
//!
//! The way there is swept by full-size and natural SYNs of limited TTL on one flow. Of the way back
//! nothing shows the place: routers answer with less than they are asked.

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{Kind, Probe, Target};
use crate::model::verdict::{Alternative, Cause, HopRef, Way};

use super::analysis::{Analysis, Response, limited_syn, spare_flow, syn};
use super::distance::{answer_hop, router_at};
use super::job::Ask;
use super::padded::{full, is_under_way, padded, vanished};
use super::sign::{Observed, Question, Reading, Sign};

/// SYNs of one size and TTL when looking for the place.
const SWEEPS: usize = 2;
/// Between two of them to one router: longer than its limit of one error a second.
const AGAIN: Duration = Duration::from_millis(1100);
/// Packets without an answer, after which a plain one is asked whether anything is answered still.
const UNANSWERED: usize = 2;
/// Between the packets of a sweep: at most eight a second.
const STEP: Duration = Duration::from_millis(130);

/// The sweep that finds the place on the way there.
pub(super) fn sweep(analysis: &Analysis<'_>, size: u16) -> Vec<Ask> {
    let Some(host) = answer_hop(analysis) else {
        return Vec::new();
    };
    let mut asks: Vec<Ask> = Vec::new();
    let last = analysis.evidence.trials().last();
    let mut turn = last.map_or(analysis.now, |last| last.sent.after(STEP).max(analysis.now));
    for ttl in 1..host.min(30) {
        for padded_to in [None, Some(size)] {
            let probe = Probe {
                padded_to,
                ..limited_syn(Target::Endpoint, spare_flow(analysis, 0), ttl)
            };
            let sent: Vec<&Trial> = analysis.trials(move |other| *other == probe).collect();
            let mut reports = sent
                .iter()
                .filter(|trial| analysis.response(trial) == Response::EnRoute);
            let named = padded_to.is_none() && router_at(analysis, ttl).is_some();
            let known = named || reports.next().is_some();
            let waits = sent.iter().any(|trial| is_under_way(analysis, trial));
            if known || waits || sent.len() >= SWEEPS {
                continue;
            }
            let spaced = sent.last().map_or(turn, |last| last.sent.after(AGAIN));
            asks.push(Ask {
                probe,
                not_before: spaced.max(turn),
            });
            turn = turn.after(STEP);
        }
    }
    asks
}

/// Between which hops full-size SYNs vanish.
pub(super) fn interval(analysis: &Analysis<'_>) -> (Option<HopRef>, Option<HopRef>) {
    let size = full(analysis);
    let host = answer_hop(analysis).unwrap_or(1);
    let reported = |ttl: u8| {
        analysis
            .evidence
            .trials()
            .iter()
            .filter(|trial| {
                trial.probe.kind == Kind::Syn
                    && trial.probe.padded_to == Some(size)
                    && trial.probe.ttl.0 == ttl
            })
            .find(|trial| analysis.response(trial) == Response::EnRoute)
            .and_then(|trial| analysis.telling(trial).map(|heard| heard.reply.from))
    };
    let after = (1..host).rev().find_map(|ttl| {
        reported(ttl).map(|from| HopRef {
            ttl,
            address: Some(from),
        })
    });
    let last = after.map_or(0, |hop| hop.ttl);
    let before = (last + 1..host)
        .find_map(|ttl| router_at(analysis, ttl).map(|(hop, _)| hop))
        .or(Some(HopRef {
            ttl: host,
            address: Some(analysis.address()),
        }));
    (after, before)
}

/// On which way they vanish; `None` where that was not shown.
pub(super) fn way(signs: &[&Observed]) -> Option<Way> {
    signs.iter().find_map(|observed| match observed.sign {
        Sign::LargeVanish => Some(Way::ToServer),
        Sign::AnswersVanish => Some(Way::ToClient),
        _ => None,
    })
}

/// Whether the address answers anything still, where packets that are not plain drew nothing: a ban that
/// one of them drew, or a target that went down, is no matter of size. `None` where it does, or where
/// nothing speaks against it.
pub(super) fn still_answers(analysis: &Analysis<'_>) -> Option<Reading> {
    let unanswered =
        |response: Response| matches!(response, Response::Silence | Response::Refused(_));
    let all = analysis.trials(|probe| probe.ttl.is_full());
    let last = all
        .filter(|trial| analysis.response(trial).is_answer())
        .map(|trial| trial.sent)
        .max()?;
    let gone: Vec<&Trial> = analysis
        .trials(|probe| probe.ttl.is_full())
        .filter(|trial| trial.sent > last && unanswered(analysis.response(trial)))
        .collect();
    let mut plain = analysis.port_syns().filter(|trial| trial.sent > last);
    // Echo requests and other ports may be filtered: only the port's own silence is a change.
    let is_changed = gone
        .iter()
        .any(|trial| (trial.probe.kind, trial.probe.target) == (Kind::Syn, Target::Endpoint));
    if !is_changed
        || gone.len() < UNANSWERED
        || plain.any(|trial| analysis.response(trial) != Response::Pending)
    {
        return None;
    }
    if analysis.port_syns().any(|trial| trial.sent > last) {
        return Some(Reading::waiting());
    }
    let flow = analysis
        .port_syns()
        .find(|trial| analysis.response(trial) == Response::SynAck)
        .map_or(0, |trial| trial.probe.flow.index);
    let ask = Ask {
        probe: syn(Target::Endpoint, flow),
        not_before: analysis.now.max(last.after(AGAIN)),
    };
    Some(Reading::going_on(None, vec![ask]))
}

/// Whether full-size packets were sent, and drew nothing.
pub(super) fn is_tried(analysis: &Analysis<'_>) -> bool {
    let size = full(analysis);
    [Kind::Echo, Kind::Syn].iter().any(|kind| {
        let sent = padded(analysis, *kind, size);
        !vanished(analysis, &sent).is_empty()
    })
}

/// What was not tested of full-size packets is not ruled out.
pub(super) fn untested(analysis: &Analysis<'_>, signs: &[&Observed]) -> Alternative {
    let tested = signs
        .iter()
        .find(|observed| observed.sign.question() == Question::Size);
    let (because, basis) = match tested {
        Some(tested) => (tested.because.clone().into_owned(), tested.basis.clone()),
        None if is_tried(analysis) => (
            "full-size packets drew nothing, too few of them to tell that from loss".into(),
            Vec::new(),
        ),
        None => ("full-size packets were not tested".into(), Vec::new()),
    };
    Alternative {
        cause: Cause::MtuBlackHole,
        ruled_out: false,
        because,
        basis,
    }
}
