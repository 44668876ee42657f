//! Which hops are asked, how often and when: the probes of the trace.

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{Flow, Probe, Target, Ttl};
use crate::model::time::Moment;

use super::analysis::{Analysis, Response, echo, limited_syn};
use super::controls::baseline;
use super::job::Ask;
use super::locate::{End, MEASURED, measure};
use super::sign::Progress;
use super::trace::Row;

/// Rounds at the hop that decides, the first beyond the last report of the port's flow that reports a
/// control: enough that controls reported each time, and the port never, are beyond chance.
const ROUNDS: usize = 8;
/// Rounds at the other hops beyond, where nothing is reported yet.
const OTHER_ROUNDS: usize = 2;
/// Rounds at every hop beyond, of a thorough diagnosis.
const ROUNDS_THOROUGH: usize = 7;
/// Pause between rounds: longer than the ICMP rate limit of Linux (one a second a destination).
const ROUND: Duration = Duration::from_millis(1250);
/// Pause between the probes of a round.
const GAP: Duration = Duration::from_millis(8);
/// Hops looked at when nothing shows how far away the host is.
const FIRST_LOOK: u8 = 4;
/// The same of a thorough diagnosis.
const FIRST_LOOK_THOROUGH: u8 = 5;
/// Further hops looked at while the last ones still report.
const BEYOND: u8 = 2;
/// The same of a thorough diagnosis.
const BEYOND_THOROUGH: u8 = 3;
/// Longest path looked at.
const LONGEST: u8 = 30;

/// The probes that the plan still lacks: each hop and flow is tried once a round, hops that already
/// reported the port's flow only once. Who goes first changes from round to round, so that a hop's
/// rate limit favours neither.
pub(super) fn plan(analysis: &Analysis<'_>, rows: &[Row], end: &End) -> Progress {
    let baseline = baseline(analysis);
    let traced: Vec<&Trial> = analysis
        .trials(|probe| !probe.ttl.is_full() && probe.padded_to.is_none())
        .collect();
    if traced.is_empty() && baseline != Progress::Done && !waited_long(analysis) {
        // The host's distance and the best control are worth a moment's wait.
        return baseline;
    }
    // The first probe sets the time of all others: until it is sent, all are due.
    let began = traced.first().map_or(Moment::START, |first| first.sent);
    let known = end.after.map_or(0, |hop| hop.ttl);
    let attempts = |probe: &Probe| {
        let like = |other: &Probe| {
            (other.kind, other.target, other.ttl) == (probe.kind, probe.target, probe.ttl)
        };
        traced.iter().filter(|trial| like(&trial.probe)).count()
    };
    let mut asks = Vec::new();
    for ttl in 1..=horizon(analysis, rows, end) {
        for probe in turn(analysis, ttl, end, known) {
            let rounds = rounds_at(analysis, rows, ttl, end, probe.target);
            let round = attempts(&probe);
            if round >= rounds
                || probe.target != Target::Endpoint && awaits_port(analysis, rows, ttl)
            {
                continue;
            }
            let pause = ROUND.saturating_mul(u32::try_from(round).unwrap_or(u32::MAX));
            let place = GAP.saturating_mul(u32::from(ttl));
            // No period, or a hop's limit of another period would always serve the same flow.
            let turn = (round.count_ones() + u32::from(ttl)) % 2 == 1;
            let second = turn == (probe.target == Target::Endpoint);
            // Each further round takes other flows: one leg of a multipath may be mute.
            let index = u8::try_from(round % super::answer::flows(analysis)).unwrap_or(0);
            let probe = Probe {
                flow: Flow::ephemeral(index),
                ..probe
            };
            let order = if second { GAP / 2 } else { Duration::ZERO };
            asks.push(Ask {
                probe,
                not_before: began.after(pause + place + order),
            });
        }
    }
    if !asks.is_empty() {
        Progress::Asking(asks)
    } else if traced
        .iter()
        .any(|trial| analysis.response(trial) == Response::Pending)
    {
        Progress::Waiting(None)
    } else {
        baseline
    }
}

/// Whether what a hop makes of the port's flow is to be known before controls are sent to it: most
/// hops report it, and need no comparison.
fn awaits_port(analysis: &Analysis<'_>, rows: &[Row], ttl: u8) -> bool {
    let row = rows.iter().find(|row| row.ttl == ttl);
    !analysis.job.thorough && row.is_none_or(|row| row.port.tried == 0)
}

/// How often a hop is tried with one flow.
fn rounds_at(analysis: &Analysis<'_>, rows: &[Row], ttl: u8, end: &End, target: Target) -> usize {
    let known = end.after.map_or(0, |hop| hop.ttl);
    let thorough = analysis.job.thorough;
    let at_host = end.host == Some(ttl);
    if at_host && target != Target::Endpoint && !end.measured {
        return MEASURED;
    }
    let at_host = at_host && target == Target::Endpoint;
    if at_host || end.host.is_some_and(|host| ttl > host) {
        return if thorough { 2 } else { 1 };
    }
    // At the last hop that reported the port's flow, where it goes no farther, a control shows whether
    // both go the same way.
    let stuck = |row: &Row| row.ttl > known && !row.port.silent.is_empty();
    let ends = end.host != Some(known + 1) && rows.iter().any(stuck);
    let compares = target == Target::Endpoint || ttl == known && ends;
    match end.before {
        // Neighbours' SYNs are reported there.
        _ if ttl <= known && end.inferred && !thorough => 0,
        _ if ttl <= known => usize::from(compares || thorough),
        _ if thorough => ROUNDS_THOROUGH,
        Some(decides) if decides.ttl == ttl => ROUNDS,
        Some(_) | None => OTHER_ROUNDS,
    }
}

fn waited_long(analysis: &Analysis<'_>) -> bool {
    analysis.now.since(analysis.began()) > Duration::from_millis(3500)
}

/// The probes of one hop: the port's flow, the control that answers (or a random one), and echo where
/// no TCP control answers.
fn turn(analysis: &Analysis<'_>, ttl: u8, end: &End, known: u8) -> Vec<Probe> {
    let host = end.host;
    let answering = analysis.answering_control();
    let mut turn = Vec::new();
    // At the host's own distance only a device that translates the address reports.
    if host.is_none_or(|host| ttl <= host) || known >= host.unwrap_or(0) {
        turn.push(limited_syn(Target::Endpoint, 0, ttl));
    }
    // One that lives to reach the host is a SYN to another port.
    if host.is_none_or(|host| ttl < host)
        && let Some(port) = answering.or_else(|| analysis.random_control())
    {
        turn.push(limited_syn(Target::Control(port), 0, ttl));
    }
    // It matters only where the port's flow is seen to get there.
    if host == Some(ttl) && !end.measured && known.saturating_add(1) >= ttl {
        turn.extend(measure(analysis, ttl));
        return turn;
    }
    // Where nothing answers, silence of either flow says as little: one of them will do.
    if answering.is_none() && (analysis.job.thorough || analysis.echo_answers()) {
        turn.push(Probe {
            ttl: Ttl(ttl),
            ..echo()
        });
    }
    turn
}

/// The largest TTL worth a look.
fn horizon(analysis: &Analysis<'_>, rows: &[Row], end: &End) -> u8 {
    let (first_look, beyond) = if analysis.job.thorough {
        (FIRST_LOOK_THOROUGH, BEYOND_THOROUGH)
    } else {
        (FIRST_LOOK, BEYOND)
    };
    if let Some(host) = end.host {
        // A flow that goes on past the address is followed to its end.
        let known = end.after.map_or(0, |hop| hop.ttl);
        let farthest = if known >= host { known + beyond } else { host };
        return farthest.min(LONGEST);
    }
    let seen = rows
        .iter()
        .rev()
        .find(|row| row.port.seen() || row.control.seen());
    first_look
        .max(seen.map_or(0, |row| row.ttl) + beyond)
        .min(LONGEST)
}
