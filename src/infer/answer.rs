//! What SYNs to the port draw, and whether a SYN-ACK comes from a listener of the host.
//!
//! An answer is looked at twice, through flows of its own: a reset marked and unmarked. Silence is
//! looked at through ten SYNs spread over ten seconds, two of them repetitions of the first as a
//! kernel sends them, with controls beside them. A thorough diagnosis looks at an open
//! port through six flows, at a reset through four, and at silence through twenty SYNs over twelve
//! flows: were half the legs of a multipath dead, one try in 2^12 would not show a living one.

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{ProbeId, Target};
use crate::model::reply::Answer;
use crate::model::verdict::Confidence;

use super::analysis::{Analysis, Response, class, ids, marked_syn, syn};
use super::attempt::Attempt;
use super::distance::read_distance;
use super::job::{Ask, ControlOrigin};
use super::pattern::{self, Pattern};
use super::sign::{Observed, Progress, Reading, Sign};
use super::{controls, flawed, refusal, unanswered};

/// SYNs to look at an open port with, of a thorough diagnosis.
pub(super) const OPEN_SYNS: usize = 6;
/// SYNs to look at an answer with otherwise; at a refusal always: ICMP is rate-limited.
const FEW_SYNS: usize = 2;
/// SYNs to look at a reset with, of a thorough diagnosis.
const RESET_SYNS: usize = 4;
/// Pause between SYNs to a port that answers.
pub(super) const STEP: Duration = Duration::from_millis(50);

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
    pub(super) invalidated: usize,
}

impl<'a> Tally<'a> {
    /// Counts the plain SYNs to the port. Those that drew nothing until they were repeated are not
    /// silent.
    pub(super) fn of(analysis: &Analysis<'a>) -> Self {
        let mut tally = Self::default();
        for attempt in Attempt::all(analysis) {
            let excused = attempt.needed_repetition(analysis);
            for trial in attempt.trials() {
                match analysis.response(trial) {
                    Response::SynAck => tally.opened.push(trial),
                    Response::Reset => tally.reset.push(trial),
                    Response::Refused(_) => tally.refused.push(trial),
                    // Expired in a loop, or too long for a link: the endpoint did not answer.
                    Response::EnRoute | Response::Silence if !excused => tally.silent.push(trial),
                    Response::EnRoute | Response::Silence => {}
                    Response::Pending => tally.pending += 1,
                    Response::Echo | Response::Reassembly | Response::Invalidated => {
                        tally.invalidated += 1
                    }
                }
            }
        }
        tally
    }

    fn answered(&self) -> usize {
        self.opened.len() + self.reset.len() + self.refused.len()
    }
}

/// Reads [`super::sign::Question::Port`].
pub(super) fn read_port(analysis: &Analysis<'_>) -> Reading {
    let tally = Tally::of(analysis);
    if let Some(mut reading) = contradiction(analysis) {
        // Data that the client took say whose answer counts.
        if let (Some(seen), true) = (&mut reading.sign, analysis.job.observer.serves()) {
            seen.sign = Sign::PortOpens;
        }
        return reading;
    }
    let (opened, reset, refused) = (tally.opened.len(), tally.reset.len(), tally.refused.len());
    if opened + reset > 0 && (opened.min(reset) + refused + tally.silent.len() > 0) {
        return mixed(analysis, &tally);
    }
    if opened > 0 {
        return repeat(analysis, &tally, &tally.opened, Sign::PortOpens);
    }
    if reset > 0 {
        return repeat(analysis, &tally, &tally.reset, Sign::PortResets);
    }
    if refused > 0 {
        return repeat(analysis, &tally, &tally.refused, Sign::PortRefused);
    }
    // One that a SYN of limited TTL drew, or came late, is a refusal all the same: a device may have
    // had no error to spare for the others.
    let elsewhere: Vec<&Trial> = refusal::refusals(analysis)
        .iter()
        .map(|one| one.trial)
        .collect();
    if !elsewhere.is_empty() {
        let mut reading = repeat(analysis, &tally, &elsewhere, Sign::PortRefused);
        if let Some(observed) = &mut reading.sign {
            observed.strength = observed.strength.min(Confidence::Likely);
        }
        return reading;
    }
    let astray = flawed::astray(analysis);
    if !astray.is_empty() {
        return flawed::read_astray(analysis, &astray);
    }
    if !flawed::broken(analysis).is_empty() {
        // Not silent, and nothing that a client would hear: the way back says why.
        return Reading::nothing();
    }
    unanswered::read(analysis, &tally)
}

fn contradiction(analysis: &Analysis<'_>) -> Option<Reading> {
    let decisive = |response: &Response| {
        matches!(
            response,
            Response::SynAck | Response::Reset | Response::Refused(_)
        )
    };
    let contradicted: Vec<&Trial> = analysis
        .port_syns()
        .filter(|trial| {
            let of_network = trial
                .replies
                .iter()
                .filter(|heard| !analysis.is_own(&heard.reply));
            let drawn = of_network
                .map(|heard| class(&heard.reply.answer))
                .filter(decisive);
            let mut kinds = drawn.map(|response| std::mem::discriminant(&response));
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
fn repeat(analysis: &Analysis<'_>, tally: &Tally<'_>, answered: &[&Trial], sign: Sign) -> Reading {
    let thorough = analysis.job.thorough;
    let (wanted, because) = match sign {
        Sign::PortOpens if thorough => (OPEN_SYNS, OPENS),
        // Its SYNs with data are the second look.
        Sign::PortOpens if analysis.job.check_mtu && controls::is_without_echo(analysis) => {
            (1, OPENS)
        }
        Sign::PortOpens => (FEW_SYNS, OPENS),
        Sign::PortResets => (reset_syns(analysis), RESETS),
        _ => (FEW_SYNS, "the SYN is refused by ICMP"),
    };
    // Others behind the same device wait for its errors.
    let is_rationed = sign == Sign::PortRefused && !analysis.evidence.known_refusals().is_empty();
    let wanted = if analysis.job.quick || is_rationed {
        1
    } else {
        wanted
    };
    let observed = answers(sign, answered, because);
    let sent = answered.len() + tally.pending + tally.silent.len();
    let enough = answered.len() >= wanted
        || tally.invalidated >= 2 * wanted
        || sign == Sign::PortRefused && sent >= 2 * FEW_SYNS;
    if enough {
        return Reading {
            sign: Some(observed),
            progress: let_contradict(analysis, answered, sign),
        };
    }
    if answered.len() + tally.pending >= wanted {
        return Reading::going_on(Some(observed), Vec::new());
    }
    let last = analysis
        .port_syns()
        .last()
        .map_or(analysis.now, |trial| trial.sent);
    let flow = flow_after(analysis);
    let marked = sign == Sign::PortResets && analysis.port_syns().count() % 2 == 1;
    let probe = if marked {
        marked_syn(Target::Endpoint, flow)
    } else {
        syn(Target::Endpoint, flow)
    };
    let opens = sign == Sign::PortOpens && !thorough && analysis.job.check_mtu;
    let vantage = &analysis.job.vantage;
    let is_far = !vantage.on_link() && !vantage.loopback;
    let until = controls::echo_shows_at(analysis);
    if opens && (until.is_some() || is_far && analysis.echoes().next().is_none()) {
        // Whether another SYN is needed hangs on the echo request, which another question asks for.
        return Reading {
            sign: Some(observed),
            progress: Progress::Waiting(until),
        };
    }
    let ask = Ask {
        probe,
        not_before: last.after(STEP),
    };
    Reading::going_on(Some(observed), vec![ask])
}

/// A box on the way answers sooner than the host behind it: time for the host to contradict it.
fn let_contradict(analysis: &Analysis<'_>, answered: &[&Trial], sign: Sign) -> Progress {
    let least = match sign {
        Sign::PortRefused => Duration::from_millis(500),
        Sign::PortResets => Duration::from_millis(150),
        _ => Duration::ZERO,
    };
    let until = answered
        .first()
        .map(|trial| trial.sent.after(least.max(2 * analysis.round_trip())));
    match until.filter(|until| *until > analysis.now && !analysis.job.quick) {
        Some(until) if sign != Sign::PortOpens => Progress::Waiting(Some(until)),
        _ => Progress::Done,
    }
}

/// The flow that the next SYN to the port takes: each its own as long as they last.
pub(super) fn flow_after(analysis: &Analysis<'_>) -> u8 {
    u8::try_from(analysis.port_syns().count() % flows(analysis)).unwrap_or(0)
}

/// How many flows SYNs of full TTL are spread over.
pub(super) fn flows(analysis: &Analysis<'_>) -> usize {
    analysis
        .job
        .vantage
        .ephemeral_ports
        .len()
        .saturating_sub(RESERVED)
        .clamp(1, FLOWS)
}

/// SYNs to look at a reset with: as many marked as unmarked ones.
pub(super) const fn reset_syns(analysis: &Analysis<'_>) -> usize {
    if analysis.job.thorough {
        RESET_SYNS
    } else {
        FEW_SYNS
    }
}

const OPENS: &str = "the port answers SYN-ACK";
const RESETS: &str = "the port answers with a reset";

fn answers(sign: Sign, answered: &[&Trial], because: &'static str) -> Observed {
    Observed {
        sign,
        strength: Confidence::Proven,
        basis: ids(answered.iter().copied()),
        because: because.into(),
    }
}

fn best<'t, 'a>(tally: &'t Tally<'a>) -> (&'t [&'a Trial], Sign, &'static str) {
    if tally.opened.is_empty() {
        (&tally.reset, Sign::PortResets, RESETS)
    } else {
        (&tally.opened, Sign::PortOpens, OPENS)
    }
}

fn mixed(analysis: &Analysis<'_>, tally: &Tally<'_>) -> Reading {
    let (best, kind, says) = best(tally);
    let pattern = pattern::classify(analysis);
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

/// Reads [`super::sign::Question::Listener`].
pub(super) fn read_listener(analysis: &Analysis<'_>) -> Reading {
    let tally = Tally::of(analysis);
    let windowless: Vec<ProbeId> = tally
        .opened
        .iter()
        .filter(|trial| {
            analysis
                .telling(trial)
                .is_some_and(|heard| matches!(heard.reply.answer, Answer::SynAck { window: 0, .. }))
        })
        .map(|trial| trial.id)
        .collect();
    let distance = read_distance(analysis);
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
    let randoms: Vec<u16> = analysis
        .controls(ControlOrigin::Random)
        .map(|c| c.port)
        .collect();
    let opened: Vec<&Trial> = randoms
        .iter()
        .filter_map(|port| {
            analysis
                .control_syns(*port)
                .find(|trial| analysis.response(trial) == Response::SynAck)
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
    if let (true, Some(waiting)) = (needs_comparison(analysis, &tally), unlike_randoms(analysis)) {
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

/// Whether a SYN-ACK must be compared with what ports answer that nothing should listen on: where
/// nothing else shows how far away the host is, or the SYN-ACK is not what a stack writes.
fn needs_comparison(analysis: &Analysis<'_>, tally: &Tally<'_>) -> bool {
    let bare = |trial: &&Trial| {
        analysis
            .telling(trial)
            .is_some_and(|heard| matches!(heard.reply.answer, Answer::SynAck { mss: None, .. }))
    };
    let vantage = &analysis.job.vantage;
    let far = !vantage.on_link() && !vantage.loopback;
    analysis.job.thorough
        || tally.opened.iter().any(bare)
        || far && controls::is_without_echo(analysis)
}

/// What is still to be seen of the random controls; `None` when each was answered, or left without an
/// answer for clearly longer than whatever answers the port takes.
fn unlike_randoms(analysis: &Analysis<'_>) -> Option<Progress> {
    let patience = (4 * analysis.round_trip()).max(Duration::from_millis(100));
    let mut waiting = None;
    let most = if analysis.job.thorough { usize::MAX } else { 1 };
    for control in analysis.controls(ControlOrigin::Random).take(most) {
        let Some(first) = analysis.control_syns(control.port).next() else {
            return Some(controls::baseline(analysis));
        };
        let answered = analysis
            .control_syns(control.port)
            .any(|t| analysis.response(t).is_answer());
        if !answered && analysis.now.since(first.sent) < patience {
            waiting = Some(Progress::Waiting(Some(first.sent.after(patience))));
        }
    }
    waiting
}
