//! Do full-size packets pass, there and back?
//!
//! A full-size echo request with DF draws a reply as long as itself: answered, it shows both ways in
//! one packet. Where it draws nothing, SYNs padded to that size measure the way to the very port,
//! half-open: a listener answers a SYN with data like any SYN. Decision, first match:
//!
//! 1. A full-size echo reply, whole: both ways pass. In pieces: the way back is narrower than that,
//!    and whether the host learns it was seen for IPv6 only, where nobody else cuts packets up.
//! 2. A full-size SYN is answered, or a router says what fits: the way there passes. Echo requests
//!    that pass small and a little below full size and not at full size: a hole on the way back is
//!    suspected. Not a little below either: it is large echo requests that are filtered.
//! 3. Full-size SYNs vanish, small padded ones are answered: a hole on the way there.
//! 4. Padded SYNs vanish whatever their size: a filter on SYNs with data, which says nothing.
//!
//! What a session would never send is not measured: the port's own MSS bounds the size.

use std::time::Duration;

use crate::model::endpoint::Family;
use crate::model::evidence::{LocalRefusal, Trial};
use crate::model::probe::{Kind, Probe, ProbeId, Target};
use crate::model::reply::Answer;
use crate::model::time::Moment;
use crate::model::verdict::Confidence;

use super::analysis::{Analysis, Response, echo, ids, syn};
use super::hole;
use super::job::Ask;
use super::loss::{self, Loss};
use super::padded::{full, is_of_port, is_under_way, middle, of, padded, small, told, vanished};
use super::sign::{Observed, Progress, Reading, Sign};

/// Room after the packets before: guards count packets within a second.
const STEP: Duration = Duration::from_millis(150);
/// Between packets of one size: longer than a burst of loss, and than the limit of one echo reply a
/// second.
const AGAIN: Duration = Duration::from_millis(1100);
/// Probes of one size that draw nothing before the others are asked.
const FEW: usize = 2;
/// Most probes of one size and kind.
const MOST: usize = 5;
/// Most echo requests of one size, which alone speak of the way back.
const MOST_ECHOES: usize = 6;
/// Small padded SYNs that drew nothing on a path that loses, before large ones count for nothing.
const FEW_LOSSY: usize = 4;

fn said(sign: Sign, strength: Confidence, basis: Vec<ProbeId>, because: String) -> Observed {
    Observed {
        sign,
        strength,
        basis,
        because: because.into(),
    }
}

/// Reads [`super::sign::Question::Size`].
pub(super) fn read_size(analysis: &Analysis<'_>) -> Reading {
    let opened = analysis
        .port_syns()
        .filter(|trial| analysis.response(trial) == Response::SynAck)
        .take(1);
    if analysis.job.vantage.loopback {
        let because = "the target is this host: no link stands between".to_owned();
        let pass = said(Sign::SizesPass, Confidence::Proven, ids(opened), because);
        return Reading::done(pass);
    }
    if !analysis.job.check_mtu {
        return Reading::nothing();
    }
    let size = full(analysis);
    if size <= small(analysis) {
        let because = format!("a connection to this port carries {size} octets at most");
        let pass = said(Sign::SizesPass, Confidence::Likely, ids(opened), because);
        return Reading::done(pass);
    }
    let large = padded(analysis, Kind::Echo, size);
    if let Some(told) = by_echo(analysis, &large, size) {
        return Reading::done(told);
    }
    if let Some(asked) = hole::still_answers(analysis) {
        return asked;
    }
    match echo_stage(analysis, &large, size) {
        Stage::Waiting(progress) => Reading {
            sign: None,
            progress,
        },
        Stage::Unanswered => by_syns(analysis, size, false),
        Stage::LargeVanish => by_syns(analysis, size, true),
    }
}

/// How a full-size echo request was answered.
struct Echoed {
    id: ProbeId,
    /// Octets of the datagram in which the reply came, or its first piece did.
    length: u16,
    in_pieces: bool,
}

impl Echoed {
    /// How `trial` was; `None` without an echo reply.
    fn of(trial: &Trial) -> Option<Self> {
        let replies = trial.replies.iter().filter_map(|heard| {
            let Answer::EchoReply { length, in_pieces } = heard.reply.answer else {
                return None;
            };
            Some((length, in_pieces))
        });
        // Behind the firewall it is whole again: the receiver that heard pieces knows better.
        let (length, in_pieces) = replies.reduce(|one, two| (one.0.min(two.0), one.1 || two.1))?;
        Some(Self {
            id: trial.id,
            length,
            in_pieces,
        })
    }
}

/// What full-size echo replies show; `None` without any.
fn by_echo(analysis: &Analysis<'_>, large: &[&Trial], size: u16) -> Option<Observed> {
    let replies: Vec<Echoed> = of(analysis, large, Response::Echo)
        .into_iter()
        .filter(|trial| is_of_port(analysis, trial))
        .filter_map(Echoed::of)
        .collect();
    let whole = |echoed: &&Echoed| echoed.length >= size && !echoed.in_pieces;
    let cut = |echoed: &&Echoed| echoed.in_pieces;
    let best = replies
        .iter()
        .find(whole)
        .or_else(|| replies.iter().find(cut))
        .or(replies.first())?;
    let length = best.length;
    let mut basis = vec![best.id];
    let (sign, because) = if whole(&best) {
        match told(analysis).next() {
            Some((id, _)) => {
                basis.insert(0, id);
                let because = format!(
                    "a router says that larger packets are too long, those of {size} octets pass \
                     both ways; answers larger than that were not tested"
                );
                (Sign::WayTherePasses, because)
            }
            None => {
                let because = format!(
                    "an echo request of {size} octets was answered in full: both ways carry that"
                );
                (Sign::SizesPass, because)
            }
        }
    } else if best.in_pieces && analysis.family() == Family::V6 {
        let because = "the host cuts up what is too long for the way back: it is told so";
        (Sign::SizesPass, because.to_owned())
    } else if best.in_pieces {
        let because = format!(
            "{size} octets get there; on the way back they come in pieces of {length}, and whether \
             the host is told what fits was not tested"
        );
        (Sign::WayTherePasses, because)
    } else {
        let because = format!(
            "{size} octets get there; the host answers echo requests with {length}, so the way back \
             was not tested"
        );
        (Sign::WayTherePasses, because)
    };
    Some(said(sign, Confidence::Likely, basis, because))
}

/// How far echo requests have got.
enum Stage {
    /// There is something to send or to wait for.
    Waiting(Progress),
    /// They are of no use here.
    Unanswered,
    /// Small ones are answered, and full-size ones not so far.
    LargeVanish,
}

fn echo_stage(analysis: &Analysis<'_>, large: &[&Trial], size: u16) -> Stage {
    let natural: Vec<&Trial> = analysis.echoes().collect();
    let answered = of(analysis, &natural, Response::Echo);
    let awaited = natural
        .iter()
        .chain(large)
        .filter_map(|trial| awaited_until(analysis, trial))
        .min();
    if let Some(until) = awaited {
        return Stage::Waiting(Progress::Waiting(Some(until)));
    }
    let elsewhere = |trial: &&Trial| !is_of_port(analysis, trial);
    if answered.iter().all(elsewhere) && !natural.is_empty() {
        return Stage::Unanswered;
    }
    let translated = of(analysis, large, Response::Echo).iter().any(elsewhere);
    let waiting = large.iter().filter(|trial| is_under_way(analysis, trial));
    if translated || waiting.count() + vanished(analysis, large).len() < large.len() {
        // Refused, by a filter or by this host: that is no size that does not fit.
        return Stage::Unanswered;
    }
    if large.is_empty() {
        let ask = Ask {
            probe: Probe {
                padded_to: Some(size),
                ..echo()
            },
            not_before: after_the_last(analysis),
        };
        return Stage::Waiting(Progress::Asking(vec![ask]));
    }
    if natural.is_empty() {
        return Stage::Waiting(Progress::Asking(vec![analysis.now(echo())]));
    }
    Stage::LargeVanish
}

/// Until when a probe may still be answered as promptly as others are; `None` when it was, or not in
/// that time.
fn awaited_until(analysis: &Analysis<'_>, trial: &Trial) -> Option<Moment> {
    let timeout = (4 * analysis.round_trip()).max(Duration::from_millis(100));
    let until = trial.sent.after(timeout);
    (is_under_way(analysis, trial) && until > analysis.now).then_some(until)
}

fn after_the_last(analysis: &Analysis<'_>) -> Moment {
    let last = analysis.evidence.trials().last();
    last.map_or(analysis.now, |last| last.sent.after(STEP).max(analysis.now))
}

/// What padded SYNs show; `echo` says whether small echo requests are answered and full-size ones not.
fn by_syns(analysis: &Analysis<'_>, size: u16, echo: bool) -> Reading {
    let large = padded(analysis, Kind::Syn, size);
    let passed = of(analysis, &large, Response::SynAck);
    if !passed.is_empty() {
        let there = There {
            passes: true,
            basis: ids(passed),
            because: format!("SYNs of {size} octets get there"),
        };
        return way_back(analysis, size, echo, there);
    }
    let mut refused = large.iter().filter_map(|trial| trial.refused);
    if refused.any(|refused| refused == LocalRefusal::TooLong) {
        return Reading::nothing();
    }
    if let Some((id, None)) = told(analysis).next() {
        // It does not say what fits: to try is the sender's.
        return Reading::done(said(
            Sign::WayTherePasses,
            Confidence::Likely,
            vec![id],
            format!("a router says that {size} octets are too long"),
        ));
    }
    let gone = vanished(analysis, &large);
    let smaller = padded(analysis, Kind::Syn, small(analysis));
    let small_passed = of(analysis, &smaller, Response::SynAck);
    let small_gone = vanished(analysis, &smaller);
    if gone.len() >= FEW && !small_passed.is_empty() {
        return way_there(analysis, size, (&gone, &small_passed), echo);
    }
    let enough = if loss_beside(analysis, &[]).lost > 0 {
        FEW_LOSSY
    } else {
        FEW
    };
    if gone.len() < FEW || small_gone.len() < enough {
        let mut asks = again(analysis, Kind::Syn, size, FEW);
        if !gone.is_empty() && small_passed.is_empty() {
            asks.extend(again(analysis, Kind::Syn, small(analysis), enough));
        }
        if !gone.is_empty() && echo {
            asks.extend(again(analysis, Kind::Echo, size, FEW));
        }
        return Reading::going_on(None, asks);
    }
    let there = There {
        passes: false,
        basis: ids(gone.into_iter().chain(small_gone)),
        because: "SYNs with data vanish whatever their size".to_owned(),
    };
    way_back(analysis, size, echo, there)
}

/// Full-size SYNs vanish and small ones do not: a hole on the way there.
fn way_there(
    analysis: &Analysis<'_>,
    size: u16,
    (gone, small_passed): (&[&Trial], &[&Trial]),
    echo: bool,
) -> Reading {
    let echoes = if echo {
        vanished(analysis, &padded(analysis, Kind::Echo, size))
    } else {
        Vec::new()
    };
    let all: Vec<&Trial> = gone.iter().chain(&echoes).copied().collect();
    let control = loss_beside(analysis, &padded(analysis, Kind::Syn, small(analysis)));
    let strength = weigh(control, &all);
    let mut basis = ids(all);
    basis.extend(ids(small_passed.iter().copied()));
    let observed = said(
        Sign::LargeVanish,
        strength,
        basis,
        format!(
            "SYNs of {size} octets vanish without an ICMP message, those of {} are answered",
            small(analysis)
        ),
    );
    let mut asks = hole::sweep(analysis, size);
    if strength < Confidence::Likely {
        asks.extend(again(analysis, Kind::Syn, size, MOST));
        asks.extend(again(analysis, Kind::Syn, small(analysis), MOST));
        if echo {
            asks.extend(again(analysis, Kind::Echo, size, MOST));
        }
    }
    let sign = Some(observed).filter(|_| !is_lossy(control, strength));
    if !asks.is_empty() {
        return Reading::going_on(sign, asks);
    }
    let mut sized = analysis.trials(|probe| probe.padded_to.is_some());
    let progress = if sized.any(|trial| is_under_way(analysis, trial)) {
        Progress::Waiting(None)
    } else {
        Progress::Done
    };
    Reading { sign, progress }
}

/// What SYNs show of the way there.
struct There {
    /// Whether full-size packets get there; not told where every SYN with data vanishes.
    passes: bool,
    basis: Vec<ProbeId>,
    because: String,
}

impl There {
    /// Nothing shows the rest, for this reason.
    fn untested(mut self, why: &str, more: Vec<ProbeId>) -> Observed {
        self.basis.extend(more);
        let (sign, subject) = if self.passes {
            (Sign::WayTherePasses, "the way back was not tested")
        } else {
            (Sign::SizesUntestable, "full-size packets were not tested")
        };
        let because = format!("{}; {why}, so {subject}", self.because);
        said(sign, Confidence::Likely, self.basis, because)
    }
}

/// The way back, by echo requests, when all is known of the way there that SYNs can tell.
fn way_back(analysis: &Analysis<'_>, size: u16, echo: bool, there: There) -> Reading {
    if !echo {
        let why = "echo requests say nothing of this port";
        return Reading::done(there.untested(why, Vec::new()));
    }
    let between = padded(analysis, Kind::Echo, middle(analysis));
    let answered = of(analysis, &between, Response::Echo);
    if answered.is_empty() {
        let gone = vanished(analysis, &between);
        if gone.len() >= FEW {
            let why = format!(
                "echo requests of {} octets are not answered either: large ones are filtered",
                middle(analysis)
            );
            return Reading::done(there.untested(&why, ids(gone)));
        }
        let mut asks = again(analysis, Kind::Echo, middle(analysis), FEW);
        asks.extend(again(analysis, Kind::Echo, size, FEW));
        return Reading::going_on(None, asks);
    }
    let gone = vanished(analysis, &padded(analysis, Kind::Echo, size));
    if gone.len() < FEW {
        return Reading::going_on(None, again(analysis, Kind::Echo, size, FEW));
    }
    // Nothing else speaks of the way back: chance needs more than a few to be excluded.
    let most = if gone.len() < MOST_ECHOES {
        Confidence::Possible
    } else {
        Confidence::Likely
    };
    let control = loss_beside(analysis, &between);
    let strength = weigh(control, &gone).min(most);
    let mut asks = again(analysis, Kind::Echo, size, MOST_ECHOES);
    let lossy = is_lossy(control, strength);
    let large = padded(analysis, Kind::Echo, size);
    let awaited = asks.is_empty() && large.iter().any(|trial| is_under_way(analysis, trial));
    if lossy && asks.is_empty() && !awaited {
        let why = format!("the path loses too much to tell by echo requests of {size} octets");
        return Reading::done(there.untested(&why, ids(gone)));
    }
    let (sign, greatest) = if there.passes {
        (Sign::AnswersVanish, Confidence::Likely)
    } else {
        (Sign::EchoesVanish, Confidence::Possible)
    };
    let mut basis = there.basis;
    basis.extend(ids(gone.iter().chain(&answered).copied()));
    let because = format!(
        "{}; echo requests of {} octets are answered, those of {size} are not",
        there.because,
        middle(analysis)
    );
    let observed = said(sign, strength.min(greatest), basis, because);
    if strength >= Confidence::Likely || asks.is_empty() && !awaited {
        return Reading::done(observed);
    }
    let sign = Some(observed).filter(|_| !lossy);
    if asks.is_empty() {
        return Reading {
            sign,
            progress: Progress::Waiting(None),
        };
    }
    // Controls beside them: what the path carries meanwhile.
    asks.extend(again(analysis, Kind::Echo, middle(analysis), MOST_ECHOES));
    Reading::going_on(sign, asks)
}

/// Whether the path loses so much that the silence of some full-size packets shows no hole.
fn is_lossy(control: Loss, strength: Confidence) -> bool {
    strength < Confidence::Likely && control.lost > 0
}

/// What others show of the loss: the controls, SYNs to the port, which answers, and `smaller` packets.
fn loss_beside<'a>(analysis: &Analysis<'a>, smaller: &[&'a Trial]) -> Loss {
    let drew = |pick: &dyn Fn(Response) -> bool| {
        let all = analysis.port_syns().chain(smaller.iter().copied());
        u32::try_from(all.filter(|trial| pick(analysis.response(trial))).count())
            .unwrap_or(u32::MAX)
    };
    analysis.loss().and(Loss {
        answered: drew(&Response::is_answer),
        lost: drew(&|response| response == Response::Silence),
    })
}

/// How firmly the silence of full-size probes stands against loss as `control` shows it.
fn weigh(control: Loss, gone: &[&Trial]) -> Confidence {
    let chance = control.chance_of_silence(loss::spread(gone.iter().map(|trial| trial.sent)));
    // However many: a filter by size alone would look the same.
    loss::confidence(chance, Duration::ZERO, false)
}

/// The next probe of a kind and size, up to `most`; SYNs on flows that are known to be answered. None
/// while one is under way.
fn again(analysis: &Analysis<'_>, kind: Kind, size: u16, most: usize) -> Vec<Ask> {
    let sent = padded(analysis, kind, size);
    let waits = sent
        .iter()
        .any(|trial| awaited_until(analysis, trial).is_some());
    if sent.len() >= most || waits {
        return Vec::new();
    }
    let alive: Vec<u8> = analysis
        .port_syns()
        .filter(|trial| analysis.response(trial) == Response::SynAck)
        .map(|trial| trial.probe.flow.index)
        .collect();
    let flow = alive.get(sent.len() % alive.len().max(1)).copied();
    let plain = match kind {
        Kind::Echo => echo(),
        _ => syn(Target::Endpoint, flow.unwrap_or(0)),
    };
    let spaced = after_the_last(analysis);
    vec![Ask {
        probe: Probe {
            padded_to: Some(size),
            ..plain
        },
        not_before: sent
            .last()
            .map_or(spaced, |last| last.sent.after(AGAIN).max(spaced)),
    }]
}
