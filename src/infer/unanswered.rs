//! What SYNs to a port that answers none are, and how firmly their silence stands against loss.
//!
//! Ten SYNs over ten seconds, two of them the first one again as a kernel repeats it, with controls
//! beside them; a thorough diagnosis sends twenty.

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{Extras, Kind, SourceRange, Target};
use crate::model::verdict::Confidence;

use super::analysis::{Analysis, Response, ids, syn};
use super::answer::{STEP, Tally, flow_after};
use super::attempt::Attempt;
use super::job::Ask;
use super::loss::{self, Loss};
use super::sign::{Observed, Progress, Reading, Sign};
use super::{controls, locate};

/// What the SYNs to a silent port are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silent {
    /// On a flow of their own.
    Fresh,
    /// The first one again.
    Again,
}

/// When SYNs to a silent port are sent, in milliseconds after the first. Spread beats count: loss
/// comes in bursts.
const SILENT_AT: [(u64, Silent); 10] = [
    (0, Silent::Fresh),
    (1000, Silent::Again),
    (2000, Silent::Fresh),
    (3000, Silent::Again),
    (4200, Silent::Fresh),
    (5400, Silent::Fresh),
    (6600, Silent::Fresh),
    (7800, Silent::Fresh),
    (9100, Silent::Fresh),
    (10_300, Silent::Fresh),
];
/// Of those, how many are sent however clear the case is.
const SILENT_LEAST: usize = 9;
/// The same of a thorough diagnosis.
const SILENT_AT_THOROUGH: [(u64, Silent); 20] = [
    (0, Silent::Fresh),
    (300, Silent::Fresh),
    (900, Silent::Fresh),
    (1000, Silent::Again),
    (2100, Silent::Fresh),
    (2150, Silent::Fresh),
    (3000, Silent::Again),
    (3350, Silent::Fresh),
    (4500, Silent::Fresh),
    (4550, Silent::Fresh),
    (6900, Silent::Fresh),
    (6950, Silent::Fresh),
    (9300, Silent::Fresh),
    (9350, Silent::Fresh),
    (10_100, Silent::Fresh),
    (11_300, Silent::Fresh),
    (12_500, Silent::Fresh),
    (13_700, Silent::Fresh),
    (17_000, Silent::Fresh),
    (20_000, Silent::Fresh),
];
/// The chance of loss alone above which silence says nothing, when all was sent.
const BY_LOSS: f64 = 0.01;
/// Least pause between SYNs to a silent port.
const PAUSE: Duration = Duration::from_millis(1000);
const SILENT_LEAST_THOROUGH: usize = 14;
/// A further SYN, on a flow that is known to get far.
const FAR: (u64, Silent) = (0, Silent::Fresh);
/// How many of those are sent.
const EXTRA: usize = 1;

/// Reads what the port draws, where no SYN was answered.
pub(super) fn read(analysis: &Analysis<'_>, tally: &Tally<'_>) -> Reading {
    let syns: Vec<&Trial> = analysis.port_syns().collect();
    let Some(first) = syns.first() else {
        return Reading::going_on(None, vec![analysis.now(syn(Target::Endpoint, 0))]);
    };
    let sent = syns.len() - tally.invalidated.min(syns.len());
    let (chance, strength) = weigh(analysis, &tally.silent);
    let observed = (!tally.silent.is_empty()).then(|| Observed {
        sign: Sign::PortSilent,
        strength,
        basis: ids(tally.silent.iter().copied()),
        because: format!(
            "{} SYNs drew nothing (chance of loss alone: {})",
            tally.silent.len(),
            scientific(chance)
        )
        .into(),
    });
    let (schedule, least): (&[_], usize) = if analysis.job.thorough {
        (&SILENT_AT_THOROUGH, SILENT_LEAST_THOROUGH)
    } else {
        (&SILENT_AT, SILENT_LEAST)
    };
    let over = strength == Confidence::Confirmed && sent >= least;
    // What loss alone explains so easily is no silence.
    let lost = chance > BY_LOSS && analysis.loss().lost > 0;
    let far = unasked_flow(analysis);
    // The SYN that the budget leaves over goes where one is known to get far.
    let last = far.filter(|_| sent < schedule.len() + EXTRA).map(|_| &FAR);
    let planned = schedule
        .get(sent)
        .filter(|_| !over && tally.invalidated < schedule.len());
    let Some((offset, kind)) = planned.or(last) else {
        let progress = if tally.pending > 0 {
            Progress::Waiting(None)
        } else {
            Progress::Done
        };
        return Reading {
            sign: observed.filter(|_| !lost),
            progress,
        };
    };
    let mut not_before = first.sent.after(Duration::from_millis(*offset));
    if let Some(last) = syns.last() {
        // Those that were held up are not made up for: what stands close together counts once.
        let pause = if analysis.job.thorough { STEP } else { PAUSE };
        not_before = not_before.max(last.sent.after(pause));
    }
    let mut asks = controls::accompany(analysis);
    let again = Attempt::all(analysis)
        .first()
        .filter(|_| *kind == Silent::Again)
        .map(|attempt| attempt.repetition(analysis, schedule.len()));
    match again {
        // It is still waited for.
        Some(None) if tally.pending > 0 => {}
        Some(Some(again)) => asks.push(again),
        Some(None) | None => asks.push(Ask {
            probe: syn(
                Target::Endpoint,
                far.unwrap_or_else(|| flow_after(analysis)),
            ),
            not_before,
        }),
    }
    Reading::going_on(observed, asks)
}

/// A flow whose SYNs are known to get farthest, of limited TTL or with other options, where no plain
/// SYN of full TTL has taken any of those: of several paths or servers, the flows asked so far may all
/// have taken a dead one.
fn unasked_flow(analysis: &Analysis<'_>) -> Option<u8> {
    let asked: Vec<u8> = analysis
        .port_syns()
        .map(|trial| trial.probe.flow.index)
        .collect();
    let other = analysis.trials(|probe| {
        probe.kind == Kind::Syn
            && probe.target == Target::Endpoint
            && probe.flow.range == SourceRange::Ephemeral
            && (!probe.ttl.is_full() || probe.extras != Extras::Usual)
    });
    let through = other.filter_map(|trial| {
        let reach = match analysis.response(trial) {
            Response::SynAck => u8::MAX,
            Response::EnRoute if !trial.probe.ttl.is_full() => trial.probe.ttl.0,
            _ => return None,
        };
        Some((reach, trial.probe.flow.index))
    });
    let through: Vec<(u8, u8)> = through.collect();
    let farthest = through.iter().map(|(reach, _)| *reach).max()?;
    let mut flows = through.iter().filter(|(reach, _)| *reach == farthest);
    let (_, first) = flows.clone().next()?;
    flows
        .all(|(_, flow)| !asked.contains(flow))
        .then_some(*first)
}

/// How firmly silent trials stand against loss.
fn weigh(analysis: &Analysis<'_>, silent: &[&Trial]) -> (f64, Confidence) {
    let loss = analysis.loss();
    // Whatever stops the port's flow short of a hop that reports others stops these SYNs as well.
    let (stopped, on_the_way) = if analysis.job.thorough {
        (Vec::new(), Loss::default())
    } else {
        locate::stopped_short(analysis)
    };
    let times = silent.iter().map(|trial| trial.sent).chain(stopped);
    let chance = loss.and(on_the_way).chance_of_silence(loss::spread(times));
    let (Some(first), Some(last)) = (silent.first(), silent.last()) else {
        return (1.0, Confidence::Possible);
    };
    let controlled = analysis.controls_answered_between(first.sent, last.sent) >= 3;
    let reached =
        |trial: &Trial| !trial.probe.ttl.is_full() && analysis.response(trial).is_answer();
    let is_mute = loss == Loss::default() && !analysis.evidence.trials().iter().any(reached);
    if is_mute && silent.len() >= SILENT_LEAST {
        // Nothing on the address answers at all; the routers before it are control enough that
        // probes leave, and this is said at most as the best reading.
        return (chance, Confidence::Likely);
    }
    (
        chance,
        loss::confidence(chance, last.sent.since(first.sent), controlled),
    )
}

/// A chance in words: `3e-7`.
pub(super) fn scientific(chance: f64) -> String {
    if chance >= 0.01 {
        format!("{chance:.2}")
    } else {
        format!("{chance:.0e}")
    }
}
