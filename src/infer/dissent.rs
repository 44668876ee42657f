//! Replies that the cause of a verdict does not predict: no verdict is firm beside one, and none is
//! left unsaid.
//!
//! The signs weigh what each question was asked for; this looks at every decisive reply once more,
//! whatever it was asked for, against what the cause predicts of the port.

use std::net::IpAddr;

use crate::model::evidence::Trial;
use crate::model::probe::{Extras, Kind, ProbeId, SourceRange, Target};
use crate::model::reply::Answer;
use crate::model::verdict::Cause;

use super::analysis::{Analysis, Response, class};
use super::interference::interference;
use super::translation::translation;

/// Silent SYNs to other ports from which on they are told.
const MUTE: usize = 2;

/// A fact against the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dissent {
    /// What was seen, as a clause that can follow "yet".
    pub(super) seen: String,
    /// The probes that show it.
    pub(super) basis: Vec<ProbeId>,
}

/// How a probe to the port asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    /// By a SYN of full TTL.
    Plainly,
    /// By such a SYN from a source port below 1024.
    FromBelow,
    /// By one that carries something else than a client's usual options.
    Otherwise,
    /// By a SYN whose TTL may end before it.
    Shortly,
}

/// What it drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    SynAck,
    Reset,
    Refusal,
}

/// The facts against `cause`.
pub(super) fn dissents(analysis: &Analysis<'_>, cause: Cause) -> Vec<Dissent> {
    let mut kinds: Vec<((Asked, Said, IpAddr), Vec<ProbeId>)> = Vec::new();
    for trial in
        analysis.trials(|probe| probe.target == Target::Endpoint && probe.kind == Kind::Syn)
    {
        for heard in &trial.replies {
            let Some(said) = said(&heard.reply.answer).filter(|_| !analysis.is_own(&heard.reply))
            else {
                continue;
            };
            let kind = (asked(trial), said, heard.reply.from);
            if predicted(cause, kind.0, said) {
                continue;
            }
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, basis)) => basis.push(trial.id),
                None => kinds.push((kind, vec![trial.id])),
            }
        }
    }
    let replies = kinds.into_iter().map(|(kind, basis)| Dissent {
        seen: words(kind),
        basis,
    });
    let others = [
        address(analysis, cause),
        expired(analysis, cause),
        interference(analysis, cause).map(|seen| Dissent {
            seen,
            basis: Vec::new(),
        }),
        mute_elsewhere(analysis, cause),
    ];
    replies.chain(others.into_iter().flatten()).collect()
}

/// SYNs to other ports that nothing answers either, beside a queue that is said to be full: a closed port
/// has none.
fn mute_elsewhere(analysis: &Analysis<'_>, cause: Cause) -> Option<Dissent> {
    let controls = analysis.job.controls.iter();
    let others: Vec<&Trial> = controls
        .flat_map(|control| analysis.control_syns(control.port))
        .collect();
    let silent = |trial: &&Trial| analysis.response(trial) == Response::Silence;
    let is_mute = others.len() >= MUTE && others.iter().all(silent);
    (cause == Cause::ListenerOverloaded && is_mute).then(|| Dissent {
        seen: "no SYN to another port of the host is answered either, as where something discards \
               all SYNs, or has banned this address"
            .to_owned(),
        basis: others.iter().map(|trial| trial.id).collect(),
    })
}

fn asked(trial: &Trial) -> Asked {
    if !trial.probe.ttl.is_full() {
        Asked::Shortly
    } else if trial.probe.flow.range == SourceRange::Privileged {
        Asked::FromBelow
    } else if trial.probe.extras != Extras::Usual {
        Asked::Otherwise
    } else {
        Asked::Plainly
    }
}

const fn said(answer: &Answer) -> Option<Said> {
    match class(answer) {
        Response::SynAck => Some(Said::SynAck),
        Response::Reset => Some(Said::Reset),
        Response::Refused(_) => Some(Said::Refusal),
        _ => None,
    }
}

/// Whether the cause predicts it, or its summary tells it.
const fn predicted(cause: Cause, asked: Asked, said: Said) -> bool {
    match cause {
        Cause::Open | Cause::OpenProxied | Cause::MtuBlackHole => matches!(said, Said::SynAck),
        Cause::Closed => matches!(said, Said::Reset),
        Cause::RejectHost | Cause::RejectPath => matches!(said, Said::Reset | Said::Refusal),
        Cause::NoNeighbor | Cause::NoRoute => matches!(said, Said::Refusal),
        Cause::DropReturn
        | Cause::DropHost
        | Cause::DropEdge
        | Cause::DropEdgeOrHost
        | Cause::DropPath => {
            let passing = matches!(asked, Asked::FromBelow | Asked::Otherwise);
            passing && !matches!(said, Said::Refusal)
        }
        Cause::Intermittent
        | Cause::RateLimited
        | Cause::Banned
        | Cause::Conflicting
        | Cause::Misaddressed
        | Cause::LocalEgress
        | Cause::LocalIngress => true,
        Cause::DropSomewhere | Cause::ListenerOverloaded | Cause::Inconclusive => false,
    }
}

fn words((asked, said, from): (Asked, Said, IpAddr)) -> String {
    let probe = match asked {
        Asked::Plainly => "a SYN to the port",
        Asked::FromBelow => "a SYN from a source port below 1024",
        Asked::Otherwise => "a SYN with other options or flags",
        Asked::Shortly => "a SYN of limited TTL",
    };
    match said {
        Said::SynAck => format!("{probe} was answered with SYN-ACK by {from}"),
        Said::Reset => format!("{probe} was reset by {from}"),
        Said::Refusal => format!("{probe} was refused by {from}"),
    }
}

/// The address answers, although the cause says that there is no way to it.
fn address(analysis: &Analysis<'_>, cause: Cause) -> Option<Dissent> {
    let no_way = matches!(cause, Cause::NoRoute | Cause::NoNeighbor);
    let answered: Vec<&Trial> = analysis
        .control_trials()
        .iter()
        .copied()
        .filter(|trial| analysis.response(trial).is_answer())
        .collect();
    let (first, last) = (answered.first()?, answered.last()?);
    // What the address answers is another machine's where the port is forwarded.
    let no_way = no_way && translation(analysis).is_none();
    no_way.then(|| Dissent {
        seen: "the address answers elsewhere".to_owned(),
        basis: vec![first.id, last.id],
    })
}

/// Probes whose TTL ought to have sufficed ran out on the way.
fn expired(analysis: &Analysis<'_>, cause: Cause) -> Option<Dissent> {
    if cause == Cause::NoRoute {
        return None;
    }
    let mut expired = analysis
        .trials(|probe| probe.ttl.is_full())
        .filter_map(|trial| {
            let mut replies = trial.replies.iter();
            let heard = replies.find(|heard| heard.reply.answer.is_time_exceeded())?;
            Some((trial.id, heard.reply.from))
        });
    let (first, from) = expired.next()?;
    let mut basis = vec![first];
    basis.extend(expired.map(|(id, _)| id));
    Some(Dissent {
        seen: format!(
            "probes with full TTL expired at {from}: a routing loop, or a device that lowers the TTL"
        ),
        basis,
    })
}
