//! The judgement: signs against the table of hypotheses, and the questions that are still worth
//! asking.
//!
//! 1. Every question whose occasion has come is read from the evidence: at most one sign each.
//! 2. A hypothesis that is not consistent with a sign is ruled out by it.
//! 3. Of those that survive with a sign that they require, the first of the table is the verdict.
//! 4. The verdict is as firm as the weakest of: the signs it rests on, the signs that rule out its
//!    rivals, and the rivals that survive.
//! 5. A question is worth asking while the survivors disagree on its signs, or while the verdict
//!    rests on it and more probes would firm it up.

use crate::model::evidence::{Evidence, Trial};
use crate::model::probe::ProbeId;
use crate::model::time::Moment;
use crate::model::verdict::{Alternative, Cause, Confidence, Finding, Verdict};

use super::analysis::{Analysis, Response};
use super::hypothesis::Hypothesis;
use super::job::{Ask, Course, Job, Judgement, Next};
use super::question::questions;
use super::sign::Sign::{self, *};
use super::sign::{Observed, Progress, Question, Reading, Signs};
use super::table::{NEUTRAL, TABLE, WITHHELD};
use super::{
    answer, bare, bystander, dissent, distance, extras, flawed, hole, local, locate, outline,
    pattern, place, refusal, reset, scope, silence, size, throttle, trace, translation, words,
};

/// Judges the evidence: the best verdict it supports at `now`, and the probes that would best test
/// it.
///
/// Every call reads all of the evidence; the same evidence, brief and time give the same judgement.
pub fn judge(evidence: &Evidence, job: &Job, now: Moment) -> Judgement {
    let analysis = Analysis::new(evidence, job, now);
    let readings = read_all(&analysis);
    let signs = signs(&readings);
    let leader = leader(&signs);
    Judgement {
        finding: find(&analysis, leader, &signs),
        course: course(&analysis, leader, &signs, &readings),
    }
}

/// What [`judge`] would do next, without the words of its finding, which cost more than to decide.
pub fn plan(evidence: &Evidence, job: &Job, now: Moment) -> Course {
    let analysis = Analysis::new(evidence, job, now);
    let readings = read_all(&analysis);
    let signs = signs(&readings);
    course(&analysis, leader(&signs), &signs, &readings)
}

fn signs(readings: &[(Question, Reading)]) -> Vec<&Observed> {
    readings
        .iter()
        .filter_map(|(_, reading)| reading.sign.as_ref())
        .collect()
}

macro_rules! readers {
    ($(
        $(#[$doc:meta])*
        $question:ident when $occasion:expr, read by $reader:path {
            $($(#[$sign_doc:meta])* $sign:ident,)+
        }
    )+) => {
        /// What the evidence says of a question.
        fn read(question: Question, analysis: &Analysis<'_>) -> Reading {
            match question {
                $(Question::$question => $reader(analysis),)+
            }
        }
    };
}

questions!(readers);

/// Reads every question whose occasion has come.
fn read_all(analysis: &Analysis<'_>) -> Vec<(Question, Reading)> {
    let mut readings: Vec<(Question, Reading)> = Vec::with_capacity(Question::ALL.len());
    let mut seen = Signs::NONE;
    for question in Question::ALL.iter().copied() {
        if question.arises(seen) {
            let reading = read(question, analysis);
            if let Some(observed) = &reading.sign {
                seen = seen.with(&[observed.sign]);
            }
            readings.push((question, reading));
        }
    }
    readings
}

/// The firmest sign that rules a hypothesis out.
fn objection<'s>(hypothesis: &Hypothesis, signs: &[&'s Observed]) -> Option<&'s Observed> {
    signs
        .iter()
        .copied()
        .filter(|observed| !hypothesis.fits(observed.sign))
        .max_by_key(|observed| observed.strength)
}

/// The first hypothesis that fits every sign; where none does, the weakest signs are left aside.
fn leader(signs: &[&Observed]) -> Option<&'static Hypothesis> {
    let weakest = [
        Confidence::Possible,
        Confidence::Likely,
        Confidence::Confirmed,
    ];
    weakest.into_iter().find_map(|weakest| {
        let kept = || {
            let kept = signs.iter().copied();
            kept.filter(|observed| observed.strength >= weakest)
        };
        TABLE.iter().find(|hypothesis| {
            let met = kept().any(|observed| hypothesis.requires.contains(observed.sign));
            met && kept().all(|observed| hypothesis.fits(observed.sign))
        })
    })
}

/// What only a bystander sees, where that decides.
fn symptom<'s>(signs: &[&'s Observed]) -> Option<&'s Observed> {
    let mut signs = signs.iter().copied();
    signs.find(|observed| observed.sign.question() == Question::Symptom)
}

/// Whether the hypothesis is a rival worth naming: it predicts what the port draws, or what a bystander
/// sees, and is neither the leader nor one that stands for it.
fn is_rival(hypothesis: &Hypothesis, leader: &Hypothesis, signs: &[&Observed]) -> bool {
    if let Some(seen) = symptom(signs) {
        return hypothesis.cause != leader.cause && hypothesis.predictions().contains(seen.sign);
    }
    let explains_port = signs
        .iter()
        .find(|observed| observed.sign.question() == Question::Port)
        .is_some_and(|observed| hypothesis.consistent_with.contains(observed.sign));
    explains_port
        && hypothesis.cause != leader.cause
        && !hypothesis.covers.contains(&leader.cause)
        && !leader.covers.contains(&hypothesis.cause)
}

fn confidence(analysis: &Analysis<'_>, leader: &Hypothesis, signs: &[&Observed]) -> Confidence {
    let of = |pick: &dyn Fn(Sign) -> bool| {
        signs
            .iter()
            .filter(|observed| pick(observed.sign))
            .map(|observed| observed.strength)
            .max()
    };
    let port =
        of(&|sign| sign.question() == Question::Port && leader.consistent_with.contains(sign));
    let needed = of(&|sign| leader.requires.contains(sign));
    let seen = [port, needed]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(Confidence::Possible);
    let mut confidence = seen
        .min(leader.firmest)
        .min(observable(analysis, leader, signs));
    if analysis.evidence.detour().is_some() {
        // What was measured is not the way that the port's clients take.
        confidence = confidence.min(Confidence::Likely);
    }
    let shows = |set: Signs| signs.iter().any(|observed| set.contains(observed.sign));
    if shows(leader.doubted_by) && !shows(leader.settled_by) {
        confidence = confidence.min(Confidence::Possible);
    }
    if shows(leader.rarely) {
        confidence = confidence.min(Confidence::Likely);
    }
    for rival in TABLE.iter().filter(|rival| is_rival(rival, leader, signs)) {
        let surviving = if rival.rare || shows(rival.rarely) {
            Confidence::Likely
        } else {
            Confidence::Possible
        };
        let cap = match objection(rival, signs) {
            Some(observed) => observed.strength.max(surviving),
            None => surviving,
        };
        confidence = confidence.min(cap);
    }
    confidence
}

/// The firmest that the observer can name a cause.
fn observable(analysis: &Analysis<'_>, leader: &Hypothesis, signs: &[&Observed]) -> Confidence {
    let Some(bystander) = bystander::bystander(analysis) else {
        return Confidence::Proven;
    };
    let seen = signs.iter().filter(|observed| {
        let only_seen = matches!(
            observed.sign.question(),
            Question::Symptom | Question::Nearness
        );
        only_seen && leader.requires.contains(observed.sign)
    });
    let seen = seen.map(|observed| observed.strength).max();
    let most = seen.map_or(leader.observed, |seen| seen.max(leader.observed));
    // Distances are those of another flow, from behind the translation.
    let behind = if bystander.translated {
        Confidence::Likely
    } else {
        Confidence::Proven
    };
    most.min(behind)
}

fn find(
    analysis: &Analysis<'_>,
    leader: Option<&'static Hypothesis>,
    signs: &[&Observed],
) -> Finding {
    let rows = trace::rows(analysis);
    let cause = leader.map_or(Cause::Inconclusive, |leader| leader.cause);
    let place = place::place(analysis, cause, signs, &rows);
    let method = place::method(analysis, cause);
    let mut confidence = leader.map_or(Confidence::Possible, |leader| {
        confidence(analysis, leader, signs)
    });
    let alternatives = leader.map_or_else(Vec::new, |leader| alternatives(analysis, leader, signs));
    let mut basis: Vec<ProbeId> = signs
        .iter()
        .filter(|observed| rests_on(leader, observed))
        .flat_map(|observed| observed.basis.iter().copied())
        .collect();
    // What a bystander sees has weighed every answer.
    let dissents = match symptom(signs) {
        Some(_) => Vec::new(),
        None => dissent::dissents(analysis, cause),
    };
    if !dissents.is_empty() {
        confidence = confidence.min(leader.map_or(Confidence::Likely, |leader| leader.disputed));
        basis.extend(
            dissents
                .iter()
                .flat_map(|dissent| dissent.basis.iter().copied().take(4)),
        );
    }
    let mut basis = citable(analysis, basis);
    if let (Some(seen), true) = (symptom(signs), basis.is_empty()) {
        // What a client does beside its SYNs is told by them, answered or not.
        basis.clone_from(&seen.basis);
    }
    let open: Vec<Cause> = alternatives
        .iter()
        .filter(|rival| !rival.ruled_out)
        .map(|rival| rival.cause)
        .collect();
    let state = place::state(analysis, cause);
    let mut notes = outline::notes(analysis, cause, &rows);
    notes.extend(flawed::notes(analysis, cause));
    let mut summary = bystander::summary(analysis, cause, signs, &open)
        .unwrap_or_else(|| words::summary(analysis, cause, &place, method, signs, &open));
    for dissent in &dissents {
        summary.push_str(&format!(" Yet {}.", dissent.seen));
    }
    Finding {
        verdict: Verdict {
            state,
            cause,
            confidence,
            place,
            method,
            summary,
            basis,
        },
        alternatives,
        path: outline::path(analysis, &rows),
        loss: analysis.loss().bounds(),
        notes,
    }
}

/// The probes of a basis that show something: each once, none that is still awaited or void.
fn citable(analysis: &Analysis<'_>, mut basis: Vec<ProbeId>) -> Vec<ProbeId> {
    let shows = |id: &ProbeId| {
        let trial = analysis.evidence.trial(*id);
        trial.is_some_and(|trial| {
            let answered = !trial.replies.is_empty() || !trial.flawed.is_empty();
            answered || !trial.is_pending() && !trial.invalidated
        })
    };
    basis.retain(shows);
    basis.sort_unstable();
    basis.dedup();
    basis
}

/// Whether the verdict rests on a sign: what the port draws, and what the cause needs.
fn rests_on(leader: Option<&Hypothesis>, observed: &Observed) -> bool {
    leader.is_some_and(|leader| {
        leader.requires.contains(observed.sign)
            || leader.consistent_with.contains(observed.sign) && !NEUTRAL.contains(observed.sign)
    })
}

fn alternatives(
    analysis: &Analysis<'_>,
    leader: &'static Hypothesis,
    signs: &[&Observed],
) -> Vec<Alternative> {
    let mut alternatives: Vec<Alternative> = TABLE
        .iter()
        .filter(|rival| {
            let covered = symptom(signs).is_none() && leader.covers.contains(&rival.cause);
            covered || is_rival(rival, leader, signs)
        })
        .filter_map(|rival| match objection(rival, signs) {
            Some(observed) => Some(Alternative {
                cause: rival.cause,
                ruled_out: observed.strength > Confidence::Possible,
                because: observed.because.clone().into_owned(),
                basis: citable(analysis, observed.basis.clone()),
            }),
            None if signs.is_empty() => None,
            None if rival.cause == Cause::MtuBlackHole && symptom(signs).is_none() => {
                Some(hole::untested(analysis, signs))
            }
            None => Some(Alternative {
                cause: rival.cause,
                ruled_out: false,
                because: match symptom(signs) {
                    Some(_) => "a capture alone does not tell it apart",
                    None => words::still_open(rival.cause),
                }
                .into(),
                basis: Vec::new(),
            }),
        })
        .collect();
    alternatives.extend(closed_although_silent(analysis, signs));
    if leader.cause == Cause::MtuBlackHole && symptom(signs).is_none() {
        alternatives.push(Alternative {
            cause: Cause::Open,
            ruled_out: false,
            because: words::no_hole(signs).into(),
            basis: Vec::new(),
        });
    }
    alternatives
}

/// A silent port is not a closed one where the host resets SYNs to closed ports.
fn closed_although_silent(analysis: &Analysis<'_>, signs: &[&Observed]) -> Option<Alternative> {
    signs.iter().find(|observed| observed.sign == PortSilent)?;
    let reset: Vec<ProbeId> = analysis
        .control_trials()
        .iter()
        .copied()
        .filter(|trial| analysis.response(trial) == Response::Reset)
        .map(|trial: &Trial| trial.id)
        .take(3)
        .collect();
    (!reset.is_empty()).then(|| Alternative {
        cause: Cause::Closed,
        ruled_out: true,
        because: "the host resets SYNs to closed ports, and never reset this one".into(),
        basis: reset,
    })
}

/// Whether a hypothesis survives only by a far-fetched story.
fn is_far_fetched(hypothesis: &Hypothesis, signs: &[&Observed]) -> bool {
    signs.iter().any(|observed| {
        observed.strength > Confidence::Possible && hypothesis.far_fetched.contains(observed.sign)
    })
}

/// Whether the surviving hypotheses disagree on a question.
fn splits(question: Question, survivors: &[&'static Hypothesis]) -> bool {
    let of_question = question.signs();
    let mut predictions = survivors
        .iter()
        .map(|hypothesis| hypothesis.predictions().and(of_question));
    let first = predictions.next();
    predictions.any(|prediction| Some(prediction) != first)
}

/// Whether a question rests: while a device is believed to withhold refusals, only further SYNs can
/// tell, and all else that draws errors from it would use them up.
fn rests(question: Question, signs: &[&Observed]) -> bool {
    let is_rationed = signs
        .iter()
        .any(|observed| WITHHELD.contains(observed.sign));
    is_rationed && !matches!(question, Question::Way | Question::Port | Question::Ration)
}

fn course(
    analysis: &Analysis<'_>,
    leader: Option<&'static Hypothesis>,
    signs: &[&Observed],
    readings: &[(Question, Reading)],
) -> Course {
    if analysis.evidence.interrupted() || quick_enough(analysis, leader, signs) {
        return Course::SETTLE;
    }
    let survivors: Vec<&'static Hypothesis> = TABLE
        .iter()
        .filter(|hypothesis| {
            objection(hypothesis, signs).is_none_or(|by| by.strength == Confidence::Possible)
                && !is_far_fetched(hypothesis, signs)
        })
        .collect();
    if survivors.is_empty() {
        return Course::SETTLE;
    }
    let looped = signs
        .iter()
        .any(|observed| observed.sign == TraceLoops && observed.strength > Confidence::Possible);
    let mut asks: Vec<Ask> = Vec::new();
    let mut waiting: Option<Option<Moment>> = None;
    for (question, reading) in readings {
        let carries = reading.sign.as_ref().is_some_and(|observed| {
            // Each SYN into a loop is carried as often as its TTL allows: no more than needed.
            observed.sign.question() == Question::Port
                && !looped
                && leader.is_none_or(|leader| leader.predictions().contains(observed.sign))
                || leader.is_some_and(|leader| leader.requires.contains(observed.sign))
        });
        let places = leader.is_some_and(|leader| leader.placed_by == Some(*question));
        if !carries && !places && !splits(*question, &survivors) || rests(*question, signs) {
            continue;
        }
        match &reading.progress {
            Progress::Done => {}
            Progress::Waiting(until) => {
                waiting = Some(match (waiting.flatten(), *until) {
                    (Some(one), Some(two)) => Some(one.min(two)),
                    (one, two) => one.or(two),
                });
            }
            Progress::Asking(more) => more.iter().for_each(|ask| add(&mut asks, *ask)),
        }
    }
    match (asks.is_empty(), waiting) {
        (true, None) => Course::SETTLE,
        (_, waiting) => Course {
            next: Next::Ask(asks),
            // A moment that has passed without a new fact would be looked at for ever.
            look_again: waiting.flatten().filter(|due| *due > analysis.now),
        },
    }
}

/// Adds a probe that is not wanted already; the earlier wish counts.
fn add(asks: &mut Vec<Ask>, ask: Ask) {
    match asks.iter_mut().find(|known| known.probe == ask.probe) {
        Some(known) => known.not_before = known.not_before.min(ask.not_before),
        None => asks.push(ask),
    }
}

fn quick_enough(analysis: &Analysis<'_>, leader: Option<&Hypothesis>, signs: &[&Observed]) -> bool {
    let answered = |observed: &&Observed| -> bool {
        matches!(
            observed.sign,
            PortOpens | PortResets | PortRefused | SendForbidden | SendUnrouted
        )
    };
    analysis.job.quick && leader.is_some() && signs.iter().any(answered)
}
