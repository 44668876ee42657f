//! What SYNs to the port draw, and whether a SYN-ACK comes from a listener of the host.
//!
//! An open port is looked at through six flows in a third of a second; a reset through four,
//! marked and unmarked in turn; a refusal twice; silence through up to twenty SYNs spread over 9 to
//! 20 seconds, with witnesses beside them. They go round
//! twelve flows: were half the legs of a multipath dead, one try in 2^12 would not show a living one.

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{ProbeId, Target};
use crate::model::reply::Answer;
use crate::model::verdict::Confidence;

use super::case::{Case, Drawn, class, ids, marked_syn, syn};
use super::distance::read_distance;
use super::loss::{self, Loss};
use super::pattern::{self, Pattern};
use super::sign::{Observed, Progress, Reading, Sign};
use super::{Ask, ControlOrigin, controls};

/// SYNs to look at an open port with.
pub(super) const OPEN_SYNS: usize = 6;
/// SYNs to look at a reset with.
pub(super) const RESET_SYNS: usize = 4;
/// SYNs to look at a refusal with; ICMP is rate-limited, so few.
const REFUSED_SYNS: usize = 2;
/// Pause between SYNs to a port that answers.
pub(super) const STEP: Duration = Duration::from_millis(50);
/// When SYNs to a silent port are sent, in milliseconds after the first. Spread beats count: loss
/// comes in bursts.
const SILENT_AT: [u64; 20] = [
    0, 300, 900, 1500, 2100, 2150, 3300, 3350, 4500, 4550, 6900, 6950, 9300, 9350, 10_100, 11_300,
    12_500, 13_700, 17_000, 20_000,
];
/// Of those, how many are sent however clear the case is.
const SILENT_LEAST: usize = 14;
/// Flows that SYNs to the port are spread over.
const FLOWS: usize = 12;
/// Flows that no SYN of full TTL takes: for probes that a tracked SYN on the way would disturb.
const RESERVED: usize = 4;

/// SYNs to the port by what they drew.
#[derive(Debug, Default)]
pub(super) struct Tally<'a> {
    pub(super) opened: Vec<&'a Trial>,
    pub(super) reset: Vec<&'a Trial>,
    pub(super) refused: Vec<&'a Trial>,
    pub(super) silent: Vec<&'a Trial>,
    pub(super) pending: usize,
    pub(super) void: usize,
}

impl<'a> Tally<'a> {
    /// Counts the plain SYNs to the port.
    pub(super) fn of(case: &Case<'a>) -> Self {
        let mut tally = Self::default();
        for trial in case.port_syns() {
            match case.drawn(trial) {
                Drawn::SynAck => tally.opened.push(trial),
                Drawn::Reset => tally.reset.push(trial),
                Drawn::Refused(_) => tally.refused.push(trial),
                // Expired in a loop, or too long for a link: the endpoint did not answer.
                Drawn::EnRoute | Drawn::Silence => tally.silent.push(trial),
                Drawn::Pending => tally.pending += 1,
                Drawn::Echo | Drawn::Reassembly | Drawn::Void => tally.void += 1,
            }
        }
        tally
    }

    fn answered(&self) -> usize {
        self.opened.len() + self.reset.len() + self.refused.len()
    }
}

/// Reads [`super::sign::Question::Port`].
pub(super) fn read_port(case: &Case<'_>) -> Reading {
    let tally = Tally::of(case);
    if let Some(reading) = contradiction(case) {
        return reading;
    }
    let (opened, reset, refused) = (tally.opened.len(), tally.reset.len(), tally.refused.len());
    if opened + reset > 0 && (opened.min(reset) + refused + tally.silent.len() > 0) {
        return mixed(case, &tally);
    }
    if opened > 0 {
        return repeat(case, &tally, &tally.opened, Sign::PortOpens);
    }
    if reset > 0 {
        return repeat(case, &tally, &tally.reset, Sign::PortResets);
    }
    if refused > 0 {
        return repeat(case, &tally, &tally.refused, Sign::PortRefused);
    }
    silent(case, &tally)
}

fn contradiction(case: &Case<'_>) -> Option<Reading> {
    let decisive =
        |drawn: &Drawn| matches!(drawn, Drawn::SynAck | Drawn::Reset | Drawn::Refused(_));
    let contradicted: Vec<&Trial> = case
        .port_syns()
        .filter(|trial| {
            let of_network = trial
                .replies
                .iter()
                .filter(|heard| !case.is_own(&heard.reply));
            let drawn = of_network
                .map(|heard| class(&heard.reply.answer))
                .filter(decisive);
            let mut kinds = drawn.map(|drawn| std::mem::discriminant(&drawn));
            let first = kinds.next();
            kinds.any(|kind| Some(kind) != first)
        })
        .collect();
    (!contradicted.is_empty()).then(|| {
        Reading::done(Observed {
            sign: Sign::PortContradicts,
            strength: Confidence::Proven,
            basis: ids(contradicted),
            because: "one and the same SYN drew contradictory answers, each with the right token"
                .into(),
        })
    })
}

/// Every answer so far says the same: look again through other flows.
fn repeat(case: &Case<'_>, tally: &Tally<'_>, answered: &[&Trial], sign: Sign) -> Reading {
    let (wanted, because) = match sign {
        Sign::PortOpens => (OPEN_SYNS, "the port answers SYN-ACK"),
        Sign::PortResets => (RESET_SYNS, "the port answers with a reset"),
        _ => (REFUSED_SYNS, "the SYN is refused by ICMP"),
    };
    let wanted = if case.brief.quick { 1 } else { wanted };
    let observed = Observed {
        sign,
        strength: Confidence::Proven,
        basis: ids(answered.iter().copied()),
        because: because.into(),
    };
    let sent = answered.len() + tally.pending + tally.silent.len();
    let enough = answered.len() >= wanted
        || tally.void >= 2 * wanted
        || sign == Sign::PortRefused && sent >= 2 * REFUSED_SYNS;
    if enough {
        return Reading {
            sign: Some(observed),
            progress: let_contradict(case, answered, sign),
        };
    }
    if answered.len() + tally.pending >= wanted {
        return Reading::going_on(Some(observed), Vec::new());
    }
    let last = case.port_syns().last().map_or(case.now, |trial| trial.sent);
    let flow = flow_after(case);
    let marked = sign == Sign::PortResets && case.port_syns().count() % 2 == 1;
    let probe = if marked {
        marked_syn(Target::Endpoint, flow)
    } else {
        syn(Target::Endpoint, flow)
    };
    let ask = Ask {
        probe,
        not_before: last.after(STEP),
    };
    Reading::going_on(Some(observed), vec![ask])
}

/// A box on the way answers sooner than the host behind it: time for the host to contradict it.
fn let_contradict(case: &Case<'_>, answered: &[&Trial], sign: Sign) -> Progress {
    let least = match sign {
        Sign::PortRefused => Duration::from_millis(500),
        Sign::PortResets => Duration::from_millis(150),
        _ => Duration::ZERO,
    };
    let until = answered
        .first()
        .map(|trial| trial.sent.after(least.max(2 * case.round_trip())));
    match until.filter(|until| *until > case.now && !case.brief.quick) {
        Some(until) if sign != Sign::PortOpens => Progress::Waiting(Some(until)),
        _ => Progress::Done,
    }
}

/// The flow that the next SYN to the port takes: each its own as long as they last.
pub(super) fn flow_after(case: &Case<'_>) -> u8 {
    u8::try_from(case.port_syns().count() % flows(case)).unwrap_or(0)
}

/// How many flows SYNs of full TTL are spread over.
pub(super) fn flows(case: &Case<'_>) -> usize {
    case.brief
        .vantage
        .ephemeral_ports
        .len()
        .saturating_sub(RESERVED)
        .clamp(1, FLOWS)
}

fn mixed(case: &Case<'_>, tally: &Tally<'_>) -> Reading {
    let best = if tally.opened.is_empty() {
        &tally.reset
    } else {
        &tally.opened
    };
    let (kind, says) = if tally.opened.is_empty() {
        (Sign::PortResets, "the port answers with a reset")
    } else {
        (Sign::PortOpens, "the port answers SYN-ACK")
    };
    let pattern = pattern::classify(case);
    if let Pattern::Negligible = pattern.pattern {
        return Reading::done(Observed {
            sign: kind,
            strength: Confidence::Proven,
            basis: ids(best.iter().copied()),
            because: format!("{says}, but for losses that a retry hides").into(),
        });
    }
    let mut basis = ids(best.iter().copied());
    basis.extend(ids(tally.silent.iter().chain(&tally.refused).copied()));
    basis.sort_unstable();
    let observed = Observed {
        sign: Sign::PortMixed,
        strength: Confidence::Proven,
        basis,
        because: format!(
            "{} of {} SYNs were answered alike",
            best.len(),
            tally.answered() + tally.silent.len()
        )
        .into(),
    };
    Reading {
        sign: Some(observed),
        progress: pattern.progress,
    }
}

fn silent(case: &Case<'_>, tally: &Tally<'_>) -> Reading {
    let syns: Vec<&Trial> = case.port_syns().collect();
    let Some(first) = syns.first() else {
        return Reading::going_on(None, vec![case.now(syn(Target::Endpoint, 0))]);
    };
    let sent = syns.len() - tally.void.min(syns.len());
    let (chance, strength) = weigh(case, &tally.silent);
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
    let over = strength == Confidence::Confirmed && sent >= SILENT_LEAST;
    let Some(offset) = SILENT_AT
        .get(sent)
        .filter(|_| !over && tally.void < SILENT_AT.len())
    else {
        let progress = if tally.pending > 0 {
            Progress::Waiting(None)
        } else {
            Progress::Done
        };
        return Reading {
            sign: observed,
            progress,
        };
    };
    let mut not_before = first.sent.after(Duration::from_millis(*offset));
    if let Some(last) = syns.last() {
        not_before = not_before.max(last.sent.after(STEP));
    }
    let mut asks = controls::accompany(case);
    asks.push(Ask {
        probe: syn(Target::Endpoint, flow_after(case)),
        not_before,
    });
    Reading::going_on(observed, asks)
}

/// How firmly silent trials stand against loss.
fn weigh(case: &Case<'_>, silent: &[&Trial]) -> (f64, Confidence) {
    let loss = case.loss();
    let chance = loss.chance_of_silence(loss::spread(silent.iter().map(|trial| trial.sent)));
    let (Some(first), Some(last)) = (silent.first(), silent.last()) else {
        return (1.0, Confidence::Possible);
    };
    let witnessed = case.witnessed_between(first.sent, last.sent) >= 3;
    if loss == Loss::default() && silent.len() >= SILENT_LEAST {
        // Nothing on the address answers at all; the routers before it are witness enough that
        // probes leave, and this is said at most as the best reading.
        return (chance, Confidence::Likely);
    }
    (
        chance,
        loss::confidence(chance, last.sent.since(first.sent), witnessed),
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

/// Reads [`super::sign::Question::Listener`].
pub(super) fn read_listener(case: &Case<'_>) -> Reading {
    let tally = Tally::of(case);
    let windowless: Vec<ProbeId> = tally
        .opened
        .iter()
        .filter(|trial| {
            case.telling(trial)
                .is_some_and(|heard| matches!(heard.reply.answer, Answer::SynAck { window: 0, .. }))
        })
        .map(|trial| trial.id)
        .collect();
    let distance = read_distance(case);
    let near = distance.sign.as_ref().is_some_and(|seen| {
        seen.sign == Sign::NearerThanHost && seen.strength == Confidence::Proven
    });
    if !windowless.is_empty() && !near {
        let observed = Observed {
            sign: Sign::ZeroWindow,
            strength: Confidence::Likely,
            basis: windowless,
            because: "the SYN-ACK offers window 0, as SYN proxies do and listeners do not".into(),
        };
        return Reading {
            sign: Some(observed),
            progress: distance.progress,
        };
    }
    let randoms: Vec<u16> = case
        .controls(ControlOrigin::Random)
        .map(|c| c.port)
        .collect();
    let opened: Vec<&Trial> = randoms
        .iter()
        .filter_map(|port| {
            case.control_syns(*port)
                .find(|trial| case.drawn(trial) == Drawn::SynAck)
        })
        .collect();
    if opened.len() >= 2 && !near {
        let observed = Observed {
            sign: Sign::EveryPortOpens,
            strength: Confidence::Likely,
            basis: ids(opened),
            because: "random ports that nothing should listen on answer SYN-ACK as well".into(),
        };
        return Reading {
            sign: Some(observed),
            progress: distance.progress,
        };
    }
    if let Some(waiting) = unlike_randoms(case) {
        return Reading {
            sign: None,
            progress: waiting,
        };
    }
    let Some(seen) = distance.sign else {
        return distance;
    };
    let (sign, because) = match seen.sign {
        Sign::NearerThanHost => (Sign::NearListener, seen.because),
        Sign::AtHost => (
            Sign::GenuineListener,
            format!(
                "{}, offers a window, and random ports do not answer alike",
                seen.because
            )
            .into(),
        ),
        _ => (Sign::UncertainListener, seen.because),
    };
    Reading {
        sign: Some(Observed {
            sign,
            because,
            ..seen
        }),
        progress: distance.progress,
    }
}

/// What is still to be seen of the random controls; `None` when each was answered, or left without an
/// answer for clearly longer than whatever answers the port takes.
fn unlike_randoms(case: &Case<'_>) -> Option<Progress> {
    let patience = (4 * case.round_trip()).max(Duration::from_millis(100));
    let mut waiting = None;
    for control in case.controls(ControlOrigin::Random) {
        let Some(first) = case.control_syns(control.port).next() else {
            return Some(controls::baseline(case));
        };
        let answered = case
            .control_syns(control.port)
            .any(|t| case.drawn(t).is_answer());
        if !answered && case.now.since(first.sent) < patience {
            waiting = Some(Progress::Waiting(Some(first.sent.after(patience))));
        }
    }
    waiting
}
