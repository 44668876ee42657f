//! Whether a router that refuses the port refuses everything on the address.

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{Kind, Target};
use crate::model::time::Moment;
use crate::model::verdict::Confidence;

use super::analysis::{Analysis, Response, echo, ids, syn};
use super::answer::flow_after;
use super::controls::{ATTEMPTS, baseline};
use super::job::Ask;
use super::refusal::{find_refuser, refusals};
use super::sign::{Observed, Progress, Reading, Sign};

/// Reads [`super::sign::Question::Scope`].
pub(super) fn read_scope(analysis: &Analysis<'_>) -> Reading {
    let progress = baseline(analysis);
    let controls = analysis.job.controls.iter();
    let mut tried: Vec<&Trial> = controls
        .flat_map(|c| analysis.control_syns(c.port))
        .collect();
    tried.extend(analysis.echoes());
    let spared: Vec<&Trial> = tried
        .iter()
        .copied()
        .filter(|trial| analysis.response(trial).is_answer())
        .collect();
    if !spared.is_empty() {
        // A policy rule may send this port alone where there is no route.
        let is_unrouted =
            find_refuser(analysis).is_some_and(|found| found.sign == Sign::RouteMissing);
        return Reading::done(Observed {
            sign: Sign::PortAlone,
            strength: if is_unrouted {
                Confidence::Likely
            } else {
                Confidence::Proven
            },
            basis: ids(spared),
            because: "other probes to the same address are answered".into(),
        });
    }
    if progress != Progress::Done {
        return Reading {
            sign: None,
            progress,
        };
    }
    let refused: Vec<&Trial> = tried
        .iter()
        .copied()
        .filter(|trial| matches!(analysis.response(trial), Response::Refused(_)))
        .collect();
    if refused.iter().any(|trial| trial.probe.kind == Kind::Echo) {
        return Reading::done(Observed {
            sign: Sign::Everything,
            strength: Confidence::Proven,
            basis: ids(refused),
            because: "echo requests and other ports are refused alike".into(),
        });
    }
    spared_in_silence(analysis, &tried)
}

/// How soon after a silent probe a refused one shows that the router had an error to spare.
const BESIDE: Duration = Duration::from_millis(100);
/// How much later at least, or the two may have come there in the other order.
const IN_ORDER: Duration = Duration::from_millis(10);
/// Between such pairs, at least.
const PAUSE: Duration = Duration::from_secs(1);
/// By how much these pauses differ.
const IRREGULAR: Duration = Duration::from_millis(137);
/// Such pairs before silence counts.
const PAIRS: usize = 3;
/// Pairs that are tried.
const TRIED: usize = 6;

/// Whether what else was `tried`, and is silent, is not refused. A router limits its errors for each
/// of its peers, so that many endpoints share them: silence counts only right before a refusal.
fn spared_in_silence(analysis: &Analysis<'_>, tried: &[&Trial]) -> Reading {
    let refusals = refusals(analysis);
    let in_order = analysis.round_trip().clamp(IN_ORDER, BESIDE / 2);
    let refused_beside = |silent: &Trial| {
        let mut full = refusals
            .iter()
            .filter(|refused| refused.trial.probe.ttl.is_full());
        full.find(|refused| {
            let apart = refused.trial.sent.since(silent.sent);
            refused.trial.sent >= silent.sent && apart >= in_order && apart <= BESIDE
        })
    };
    let is_silent = |trial: &&&Trial| analysis.response(trial) == Response::Silence;
    let mut beside: Vec<&Trial> = tried
        .iter()
        .filter(is_silent)
        .filter_map(|silent| Some(refused_beside(silent)?.trial))
        .collect();
    beside.sort_by_key(|trial| trial.id);
    beside.dedup_by_key(|trial| trial.id);
    if beside.len() >= PAIRS {
        return Reading::done(Observed {
            sign: Sign::PortAlone,
            strength: Confidence::Likely,
            basis: ids(beside),
            because: "right before such a refusal, echo requests and other ports are not refused"
                .into(),
        });
    }
    let follower = |after: Moment| Ask {
        probe: syn(Target::Endpoint, flow_after(analysis)),
        not_before: after.after(in_order + in_order / 10),
    };
    let echoes: Vec<&Trial> = analysis.echoes().collect();
    match echoes.last() {
        Some(last) if analysis.response(last) == Response::Pending => {
            let is_followed = analysis.port_syns().any(|trial| trial.id > last.id);
            let asks = if is_followed {
                Vec::new()
            } else {
                vec![follower(last.sent)]
            };
            Reading::going_on(None, asks)
        }
        Some(_) if echoes.len() >= ATTEMPTS + TRIED => Reading::nothing(),
        Some(_) | None => {
            // At even pauses, each pair could stand astride the moment when an error is to spare again.
            let uneven = IRREGULAR * u32::try_from(echoes.len() % 4).unwrap_or(0);
            let not_before = echoes
                .last()
                .map_or(analysis.now, |last| last.sent.after(PAUSE + uneven));
            let first = Ask {
                probe: echo(),
                not_before,
            };
            Reading::going_on(None, vec![first, follower(not_before)])
        }
    }
}
