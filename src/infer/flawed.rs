//! Answers that bear our token and that no client's stack takes for such: broken on the way, or from
//! elsewhere.
//!
//! To a client their probes are silent, and so they are here; what they show beside that is read in
//! this room. A translation of this host's own is undone behind the tap, which then sees answers from
//! elsewhere that no client ever does: they count where the tap saw the probe leave as it was made, or
//! where the receiver behind the firewall hears them as well.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::model::evidence::{HeardReply, Trial};
use crate::model::probe::{Kind, Target};
use crate::model::reply::Flaw;
use crate::model::time::Moment;
use crate::model::verdict::{Cause, Confidence};

use super::analysis::{Analysis, ids, syn};
use super::answer::flow_after;
use super::job::{Ask, Job};
use super::sign::{Observed, Progress, Reading, Sign};

/// Different tokens that such answers must bear to be firm: one could be a single frame gone wrong.
const TOKENS: usize = 2;
/// SYNs to the port that are sent to see them.
const SYNS: usize = 4;
/// Pause between those.
const PAUSE: Duration = Duration::from_millis(300);
/// How long the right answer may take to follow one from elsewhere.
const PATIENCE: Duration = Duration::from_millis(500);

type Answered<'a> = (&'a Trial, &'a HeardReply);

/// SYNs to the port, whatever their size and source port.
fn to_port<'a>(analysis: &Analysis<'a>) -> impl Iterator<Item = &'a Trial> + 'a {
    analysis.trials(|probe| {
        probe.kind == Kind::Syn && probe.target == Target::Endpoint && probe.ttl.is_full()
    })
}

fn with_flaw<'a>(
    trials: impl Iterator<Item = &'a Trial>,
    pick: impl Fn(Flaw) -> bool,
) -> Vec<Answered<'a>> {
    let each = trials.flat_map(|trial| trial.flawed.iter().map(move |heard| (trial, heard)));
    each.filter(|(_, heard)| heard.reply.flaw.is_some_and(&pick))
        .collect()
}

fn is_elsewhere(flaw: Flaw) -> bool {
    matches!(flaw, Flaw::Misaddressed { .. })
}

/// Whether an answer from elsewhere is what a client gets, or what a translation of this host's own is
/// yet to undo.
pub(super) fn is_translated_here(trial: &Trial, heard: &HeardReply) -> bool {
    !trial.departed && !heard.by_stack
}

/// Answers to the port's SYNs that come from elsewhere, where the right ones do not come as well.
pub(super) fn astray<'a>(analysis: &Analysis<'a>) -> Vec<Answered<'a>> {
    let unanswered = to_port(analysis).filter(|trial| trial.replies.is_empty());
    let mut astray = with_flaw(unanswered, is_elsewhere);
    astray.retain(|(trial, heard)| !is_translated_here(trial, heard));
    astray
}

/// Answers to the port's SYNs that this host's stack discards for their checksum.
pub(super) fn broken<'a>(analysis: &Analysis<'a>) -> Vec<Answered<'a>> {
    let mut broken = with_flaw(to_port(analysis), |flaw| flaw == Flaw::Checksum);
    broken.retain(|(_, heard)| {
        !analysis.is_own(&heard.reply) && !heard.reply.answer.is_time_exceeded()
    });
    broken
}

/// Whether the port still answers SYNs sent from a moment on, though not as a client could use.
pub(super) fn answers_since(analysis: &Analysis<'_>, moment: Moment) -> bool {
    let mut answered = astray(analysis).into_iter().chain(broken(analysis));
    answered.any(|(trial, _)| trial.sent >= moment)
}

/// How many different tokens answers bear: a segment that is sent again bears the old one.
fn tokens(answered: &[Answered<'_>]) -> usize {
    let token = |trial: &Trial| trial.probe.repeats.unwrap_or(trial.id);
    let tokens: BTreeSet<_> = answered.iter().map(|(trial, _)| token(trial)).collect();
    tokens.len()
}

fn strength(answered: &[Answered<'_>]) -> Confidence {
    if tokens(answered) >= TOKENS {
        Confidence::Proven
    } else {
        Confidence::Likely
    }
}

fn basis(answered: &[Answered<'_>]) -> Vec<crate::model::probe::ProbeId> {
    let mut basis = ids(answered.iter().map(|(trial, _)| *trial));
    basis.dedup();
    basis
}

/// The next SYN that could draw another; `None` where enough were drawn or sent.
fn another(analysis: &Analysis<'_>, answered: &[Answered<'_>]) -> Option<Ask> {
    let sent = analysis.port_syns().count();
    let enough = tokens(answered) >= TOKENS || sent >= SYNS || analysis.job.quick;
    let last = analysis.port_syns().last()?;
    (!enough).then(|| Ask {
        probe: syn(Target::Endpoint, flow_after(analysis)),
        not_before: last.sent.after(PAUSE),
    })
}

/// The part of [`super::sign::Question::Port`] about a port whose answers come from elsewhere alone.
pub(super) fn read_astray(analysis: &Analysis<'_>, astray: &[Answered<'_>]) -> Reading {
    let observed = Observed {
        sign: Sign::PortMisaddressed,
        strength: strength(astray),
        basis: basis(astray),
        because: format!(
            "the answers bear the right token and come from {}",
            places(astray)
        )
        .into(),
    };
    let progress = match another(analysis, astray) {
        Some(ask) => Progress::Asking(vec![ask]),
        None => wait_for_the_right_one(analysis, astray),
    };
    Reading {
        sign: Some(observed),
        progress,
    }
}

fn wait_for_the_right_one(analysis: &Analysis<'_>, astray: &[Answered<'_>]) -> Progress {
    let slowest = astray
        .iter()
        .map(|(trial, heard)| heard.at.since(trial.sent));
    let patience = PATIENCE.max(2 * slowest.max().unwrap_or_default());
    let first = astray.iter().map(|(trial, _)| trial.sent).min();
    match first.map(|sent| sent.after(patience)) {
        Some(until) if until > analysis.now && !analysis.job.quick => {
            Progress::Waiting(Some(until))
        }
        _ => Progress::Done,
    }
}

/// The part of [`super::sign::Question::Way`] about answers that arrive broken.
pub(super) fn read_broken(analysis: &Analysis<'_>) -> Option<Reading> {
    let broken = broken(analysis);
    let (_, first) = broken.first()?;
    let observed = Observed {
        sign: Sign::BrokenOnArrival,
        strength: strength(&broken),
        basis: basis(&broken),
        because: format!(
            "the answers ({}) reach the interface with a wrong checksum, and the kernel discards them",
            first.reply.answer.word()
        )
        .into(),
    };
    let progress =
        another(analysis, &broken).map_or(Progress::Done, |ask| Progress::Asking(vec![ask]));
    Some(Reading {
        sign: Some(observed),
        progress,
    })
}

/// Where answers come from, in words: `10.9.3.11`, `10.9.3.10 port 13306`.
fn places(answered: &[Answered<'_>]) -> String {
    let mut from: Vec<String> = sources(answered)
        .into_iter()
        .map(|source| match source.port() {
            0 => source.ip().to_string(),
            port => format!("{} port {port}", source.ip()),
        })
        .collect();
    from.truncate(4);
    from.join(" and ")
}

/// Addresses and ports that answers come from.
fn sources(answered: &[Answered<'_>]) -> BTreeSet<SocketAddr> {
    let source = |(_, heard): &Answered<'_>| match heard.reply.flaw {
        Some(Flaw::Misaddressed { port }) => SocketAddr::new(heard.reply.from, port),
        Some(Flaw::Checksum) | None => SocketAddr::new(heard.reply.from, 0),
    };
    answered.iter().map(source).collect()
}

/// Where the port's answers come from instead of where they should: the words of a summary.
pub(super) fn elsewhere(analysis: &Analysis<'_>) -> Option<String> {
    let astray = astray(analysis);
    let Job { endpoint, .. } = analysis.job;
    let other_port = |source: &SocketAddr| source.port() != endpoint.port;
    (!astray.is_empty()).then(|| {
        if sources(&astray).iter().any(other_port) {
            format!("{}, not from {}", places(&astray), asked(analysis))
        } else {
            let from: BTreeSet<IpAddr> = sources(&astray).iter().map(SocketAddr::ip).collect();
            let from: Vec<String> = from.iter().map(ToString::to_string).collect();
            format!("{}, not from {}", from.join(" and "), endpoint.address)
        }
    })
}

fn asked(analysis: &Analysis<'_>) -> String {
    let Job { endpoint, .. } = analysis.job;
    format!("{} port {}", endpoint.address, endpoint.port)
}

/// Remarks on answers that the verdict does not name.
pub(super) fn notes(analysis: &Analysis<'_>, cause: Cause) -> Vec<String> {
    let mut notes = Vec::new();
    let all = || analysis.evidence.trials().iter();
    let mut from: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for (trial, heard) in with_flaw(all(), is_elsewhere) {
        if trial.replies.is_empty() && !is_translated_here(trial, heard) {
            *from.entry(heard.reply.from).or_default() += 1;
        }
    }
    if cause != Cause::Misaddressed {
        notes.extend(from.into_iter().map(|(from, count)| {
            format!(
                "{count} of our probes drew an answer with the right token from {from} that came from \
                 another address or port than they went to: no client takes that for an answer"
            )
        }));
    }
    let broken = with_flaw(all(), |flaw| flaw == Flaw::Checksum).len();
    if cause != Cause::LocalIngress && broken > 0 {
        notes.push(format!(
            "{broken} answers arrived with a wrong checksum: this host's kernel discards such, so they \
             count as none"
        ));
    }
    notes
}
