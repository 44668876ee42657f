//! Do full-size segments reach the open port?
//!
//! A listener answers a SYN with data like any SYN, so SYNs padded to the route's MTU, with DF set,
//! measure the path to the very port, half-open. Where they vanish without "fragmentation needed",
//! a small padded SYN tells a size limit from a box that drops SYNs with data, and a TTL sweep at the
//! failing size tells where.

use std::time::Duration;

use crate::model::endpoint::Family;
use crate::model::evidence::{LocalRefusal, Trial};
use crate::model::probe::{Kind, Probe, ProbeId, Target};
use crate::model::time::Moment;
use crate::model::verdict::{Confidence, HopRef};

use super::Ask;
use super::answer::STEP;
use super::case::{Case, Drawn, ids, limited_syn, spare_flow, syn};
use super::distance::{answer_hop, router_at};
use super::loss;
use super::sign::{Observed, Progress, Reading, Sign};

/// The largest datagram worth a look: loopback's 64 KiB would measure nothing.
const LARGEST: u16 = 9000;
/// When full-size SYNs that draw nothing are repeated, in milliseconds after the first.
const AGAIN_AT: [u64; 10] = [0, 50, 1300, 2300, 3500, 4700, 5900, 7100, 8300, 9500];
/// SYNs of one size and TTL when looking for the place.
const SWEEPS: usize = 3;

/// The size of a full datagram on the route.
fn full(case: &Case<'_>) -> u16 {
    case.brief.vantage.mtu.min(LARGEST)
}

/// A padded size that every path must carry: the minimum reassembly size of IPv4 (RFC 791), the
/// minimum MTU of IPv6 (RFC 8200 §5).
fn small(case: &Case<'_>) -> u16 {
    match case.family() {
        Family::V4 => 576,
        Family::V6 => 1280,
    }
}

fn padded<'a>(case: &Case<'a>, size: u16) -> Vec<&'a Trial> {
    case.trials(move |probe| probe.padded_to == Some(size) && probe.ttl.is_full())
        .collect()
}

fn of<'a>(case: &Case<'_>, trials: &[&'a Trial], drawn: Drawn) -> Vec<&'a Trial> {
    trials
        .iter()
        .copied()
        .filter(|trial| case.drawn(trial) == drawn)
        .collect()
}

/// The MTU that the first "too big" states.
fn told(trials: &[&Trial]) -> Option<(ProbeId, Option<u16>)> {
    trials.iter().find_map(|trial| {
        let mtu = trial
            .replies
            .iter()
            .find_map(|heard| heard.reply.answer.too_big())?;
        Some((trial.id, mtu))
    })
}

/// Reads [`super::sign::Question::Size`].
pub(super) fn read_size(case: &Case<'_>) -> Reading {
    if !case.brief.check_mtu {
        return Reading::nothing();
    }
    let size = full(case);
    let large = padded(case, size);
    let passed = of(case, &large, Drawn::SynAck);
    let say = |sign, strength, basis, because: String| {
        Reading::done(Observed {
            sign,
            strength,
            basis,
            because: because.into(),
        })
    };
    if !passed.is_empty() {
        let because = format!("SYNs of {size} octets get there; the way back carried none such");
        return say(Sign::SizesPass, Confidence::Proven, ids(passed), because);
    }
    if let Some((id, mtu)) = told(&large) {
        let because = match mtu {
            Some(mtu) => format!("a router says that {size} octets are too many and {mtu} fit"),
            None => format!("a router says that {size} octets are too many"),
        };
        return say(Sign::SizesPass, Confidence::Proven, vec![id], because);
    }
    if large
        .iter()
        .any(|trial| trial.refused == Some(LocalRefusal::TooLong))
    {
        return Reading::nothing();
    }
    vanishing(case, &large)
}

/// Those that drew nothing, or that the interface itself swallowed: a virtual link whose far end
/// takes less reports a full queue, for long frames only.
fn vanished<'a>(case: &Case<'_>, large: &[&'a Trial]) -> Vec<&'a Trial> {
    large
        .iter()
        .copied()
        .filter(|trial| {
            case.drawn(trial) == Drawn::Silence || trial.refused == Some(LocalRefusal::Overload)
        })
        .collect()
}

fn vanishing(case: &Case<'_>, large: &[&Trial]) -> Reading {
    let size = full(case);
    let silent = vanished(case, large);
    if silent.len() < 2 {
        return Reading::going_on(None, repeat(case, large, size, 2));
    }
    let control = padded(case, small(case));
    let small_passed = of(case, &control, Drawn::SynAck);
    let small_silent = of(case, &control, Drawn::Silence);
    if small_passed.is_empty() && small_silent.len() >= 4 {
        return Reading::done(Observed {
            sign: Sign::SizesUntestable,
            strength: Confidence::Likely,
            basis: ids(silent.into_iter().chain(small_silent)),
            because: "SYNs with data vanish whatever their size, so sizes cannot be measured"
                .into(),
        });
    }
    if small_passed.is_empty() {
        return Reading::going_on(None, repeat(case, &control, small(case), 4));
    }
    let times: Vec<Moment> = silent.iter().map(|trial| trial.sent).collect();
    let span = times
        .iter()
        .max()
        .zip(times.iter().min())
        .map_or(Duration::ZERO, |(a, b)| a.since(*b));
    let plain = case
        .port_syns()
        .filter(|trial| case.drawn(trial) == Drawn::SynAck);
    let mut witness = case.loss();
    witness.answered += u32::try_from(plain.count() + small_passed.len()).unwrap_or(0);
    let chance = witness.chance_of_silence(loss::spread(times.iter().copied()));
    let witnessed = small_passed.len() >= 3;
    let strength = loss::confidence(chance, span, witnessed);
    let mut basis = ids(silent.iter().copied());
    basis.extend(ids(small_passed.iter().copied()));
    let observed = Observed {
        sign: Sign::LargeVanish,
        strength,
        basis,
        because: format!(
            "SYNs of {size} octets vanish without an ICMP message, those of {} are answered",
            small(case)
        )
        .into(),
    };
    let mut asks = sweep(case, size);
    if strength != Confidence::Confirmed {
        asks.extend(repeat(case, large, size, AGAIN_AT.len()));
        asks.extend(repeat(case, &control, small(case), AGAIN_AT.len()));
    }
    if asks.is_empty() {
        let waiting = case
            .trials(|probe| probe.padded_to.is_some())
            .any(|trial| case.drawn(trial) == Drawn::Pending);
        let progress = if waiting {
            Progress::Waiting(None)
        } else {
            Progress::Done
        };
        return Reading {
            sign: Some(observed),
            progress,
        };
    }
    Reading::going_on(Some(observed), asks)
}

/// The next SYN of a size, up to `most`; on flows that are known to be answered.
fn repeat(case: &Case<'_>, sent: &[&Trial], size: u16, most: usize) -> Vec<Ask> {
    if sent.len() >= most {
        return Vec::new();
    }
    let alive: Vec<u8> = case
        .port_syns()
        .filter(|trial| case.drawn(trial) == Drawn::SynAck)
        .map(|trial| trial.probe.flow.index)
        .collect();
    let flow = match sent.len() {
        // The first two look through flows of their own as well.
        count @ 0..2 if alive.len() > 3 => {
            u8::try_from((6 + count) % super::answer::flows(case)).unwrap_or(0)
        }
        count => alive.get(count % alive.len().max(1)).copied().unwrap_or(0),
    };
    let begin = match sent.first() {
        Some(first) => {
            let offset = AGAIN_AT.get(sent.len()).copied().unwrap_or(0);
            first.sent.after(Duration::from_millis(offset))
        }
        None => case
            .port_syns()
            .last()
            .map_or(case.now, |trial| trial.sent.after(STEP)),
    };
    let probe = Probe {
        padded_to: Some(size),
        ..syn(Target::Endpoint, flow)
    };
    vec![Ask {
        probe,
        not_before: begin,
    }]
}

/// The sweep that finds the place: full-size and natural SYNs, of limited TTL, on one flow.
fn sweep(case: &Case<'_>, size: u16) -> Vec<Ask> {
    let Some(host) = answer_hop(case) else {
        return Vec::new();
    };
    let mut asks = Vec::new();
    for ttl in 1..host.min(30) {
        for padded_to in [None, Some(size)] {
            let probe = Probe {
                padded_to,
                ..limited_syn(Target::Endpoint, spare_flow(case, 0), ttl)
            };
            let sent: Vec<&Trial> = case.trials(move |other| *other == probe).collect();
            let reported = sent.iter().any(|trial| case.drawn(trial) == Drawn::EnRoute);
            let waiting = sent.iter().any(|trial| case.drawn(trial) == Drawn::Pending);
            if !reported && !waiting && sent.len() < SWEEPS {
                let begin = sent
                    .last()
                    .map_or(case.now, |t| t.sent.after(Duration::from_millis(1100)));
                asks.push(Ask {
                    probe,
                    not_before: begin,
                });
            }
        }
    }
    asks
}

/// Between which hops full-size SYNs vanish.
pub(super) fn hole(case: &Case<'_>) -> (Option<HopRef>, Option<HopRef>) {
    let size = full(case);
    let host = answer_hop(case).unwrap_or(1);
    let reported = |ttl: u8| {
        case.evidence
            .trials()
            .iter()
            .filter(|trial| {
                trial.probe.kind == Kind::Syn
                    && trial.probe.padded_to == Some(size)
                    && trial.probe.ttl.0 == ttl
            })
            .find(|trial| case.drawn(trial) == Drawn::EnRoute)
            .and_then(|trial| case.telling(trial).map(|heard| heard.reply.from))
    };
    let after = (1..host).rev().find_map(|ttl| {
        reported(ttl).map(|from| HopRef {
            ttl,
            address: Some(from),
        })
    });
    let last = after.map_or(0, |hop| hop.ttl);
    let before = (last + 1..host)
        .find_map(|ttl| router_at(case, ttl).map(|(hop, _)| hop))
        .or(Some(HopRef {
            ttl: host,
            address: Some(case.address()),
        }));
    (after, before)
}
