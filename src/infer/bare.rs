//! What a silent port answers otherwise: bare ACKs and FINs, and SYNs from another range of source
//! ports.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{Flow, Kind, Probe, SourceRange, Target};
use crate::model::verdict::Confidence;

use super::analysis::{Analysis, Response, echo, ids, spare_flow};
use super::controls::retry_for;
use super::job::Ask;
use super::loss;
use super::sign::{Observed, Progress, Reading, Sign};

/// When bare segments to the port are sent, in milliseconds after the first SYN: one at once, the
/// others when fragments and the trace have had their turn.
const BARE_AT: [u64; 4] = [1000, 9000, 11_000, 12_500];
/// The same at a port that is refused: as far apart as ICMP errors are limited to.
const BESIDE_REFUSALS_AT: [u64; 2] = [1000, 2100];
/// The same of SYNs from the other range of source ports.
const RANGE_AT: [u64; 2] = [2500, 11_500];

/// What a question asks for, not before its turn.
fn in_turn(
    analysis: &Analysis<'_>,
    progress: Progress,
    turns: &[u64],
    sent: &[&Trial],
) -> Progress {
    let silent = analysis
        .port_syns()
        .all(|trial| !matches!(analysis.response(trial), Response::Refused(_)));
    let turn = turns
        .get(sent.len())
        .filter(|_| silent && !analysis.job.thorough);
    match (progress, turn, analysis.port_syns().next()) {
        (Progress::Asking(mut asks), Some(turn), Some(first)) => {
            let turn = first.sent.after(Duration::from_millis(*turn));
            for ask in &mut asks {
                ask.not_before = ask.not_before.max(turn);
            }
            // What the path carries in those very moments is what silence is weighed against.
            if analysis.echo_answers()
                && let Some(last) = sent.last()
                && !analysis.echoes().any(|echo| echo.sent >= last.sent)
            {
                asks.push(Ask {
                    probe: echo(),
                    not_before: turn,
                });
            }
            Progress::Asking(asks)
        }
        (progress, ..) => progress,
    }
}

/// A bare segment to the port: what it draws, tried until an answer or five silences.
fn bare(
    analysis: &Analysis<'_>,
    kind: Kind,
    (resets, silent): (Sign, Sign),
    name: &str,
) -> Reading {
    let trials: Vec<&Trial> = analysis
        .trials(move |probe| probe.kind == kind && probe.target == Target::Endpoint)
        .collect();
    let reset: Vec<&Trial> = trials
        .iter()
        .copied()
        .filter(|trial| analysis.response(trial) == Response::Reset)
        .collect();
    let flow = spare_flow(analysis, trials.len());
    let probe = Probe::plain(kind, Target::Endpoint, Flow::ephemeral(flow));
    let turns: &[u64] = if super::refusal::refusals(analysis).is_empty() {
        &BARE_AT
    } else {
        &BESIDE_REFUSALS_AT
    };
    let most = if analysis.job.thorough {
        5
    } else {
        turns.len()
    };
    let asked = retry_for(analysis, &trials, probe, 1, most);
    let progress = in_turn(analysis, asked, turns, &trials);
    let mut refused = trials
        .iter()
        .filter(|trial| matches!(analysis.response(trial), Response::Refused(_)));
    if let (Kind::Fin, Some(refused)) = (kind, refused.next()) {
        // A translation that looks at single packets would refuse it as well.
        return Reading::done(Observed {
            sign: Sign::FinRefused,
            strength: Confidence::Likely,
            basis: vec![refused.id],
            because:
                "a bare FIN, which belongs to no connection that a translation could know, is \
                      refused as well"
                    .into(),
        });
    }
    if !reset.is_empty() {
        // Where nothing else is lost, the way of one is not the way of the other.
        let is_mixed = trials
            .iter()
            .any(|trial| analysis.response(trial) == Response::Silence);
        let strength = if is_mixed && analysis.loss().lost == 0 {
            Confidence::Possible
        } else {
            Confidence::Proven
        };
        return Reading {
            sign: Some(Observed {
                sign: resets,
                strength,
                basis: ids(reset),
                because: format!("a bare {name} to the port draws a reset").into(),
            }),
            progress,
        };
    }
    let because = format!("a bare {name} to the port draws nothing");
    silence(analysis, trials, progress, silent, because)
}

/// Once all were sent, that they drew nothing: `likely` where loss hardly explains it.
fn silence(
    analysis: &Analysis<'_>,
    trials: Vec<&Trial>,
    progress: Progress,
    sign: Sign,
    because: impl Into<Cow<'static, str>>,
) -> Reading {
    if progress != Progress::Done {
        return Reading {
            sign: None,
            progress,
        };
    }
    let tries = loss::spread(trials.iter().map(|trial| trial.sent));
    let chance = analysis.loss().chance_of_silence(tries);
    Reading::done(Observed {
        sign,
        strength: if chance <= loss::LIKELY {
            Confidence::Likely
        } else {
            Confidence::Possible
        },
        basis: ids(trials),
        because: because.into(),
    })
}

/// Reads [`super::sign::Question::Ack`].
pub(super) fn read_ack(analysis: &Analysis<'_>) -> Reading {
    bare(
        analysis,
        Kind::Ack,
        (Sign::AckResets, Sign::AckSilent),
        "ACK",
    )
}

/// Reads [`super::sign::Question::Fin`].
pub(super) fn read_fin(analysis: &Analysis<'_>) -> Reading {
    bare(
        analysis,
        Kind::Fin,
        (Sign::FinResets, Sign::FinSilent),
        "FIN",
    )
}

/// Reads [`super::sign::Question::Range`].
pub(super) fn read_range(analysis: &Analysis<'_>) -> Reading {
    let available = analysis.job.vantage.privileged_ports.len();
    if available == 0 {
        return Reading::nothing();
    }
    let trials: Vec<&Trial> = analysis
        .trials(|probe| {
            probe.kind == Kind::Syn
                && probe.target == Target::Endpoint
                && probe.ttl.is_full()
                && probe.flow.range == SourceRange::Privileged
        })
        .collect();
    let answered: Vec<&Trial> = trials
        .iter()
        .copied()
        .filter(|trial| matches!(analysis.response(trial), Response::SynAck | Response::Reset))
        .collect();
    let flow = u8::try_from(trials.len() % available).unwrap_or(0);
    let probe = Probe::plain(Kind::Syn, Target::Endpoint, Flow::privileged(flow));
    let most = if analysis.job.thorough {
        4
    } else {
        RANGE_AT.len()
    };
    let progress = in_turn(
        analysis,
        retry_for(analysis, &trials, probe, 2, most),
        &RANGE_AT,
        &trials,
    );
    if !answered.is_empty() {
        return Reading {
            sign: Some(Observed {
                sign: Sign::OtherRangeAnswers,
                // A filter keyed on source ports in the other direction is not unthinkable.
                strength: Confidence::Likely,
                basis: ids(answered),
                because: "SYNs from source ports below 1024 are answered".into(),
            }),
            progress,
        };
    }
    let because = "SYNs from source ports below 1024 draw nothing either";
    silence(analysis, trials, progress, Sign::OtherRangeSilent, because)
}
