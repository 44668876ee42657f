//! Could a refusal have been withheld? Devices ration the ICMP errors that they send to one address:
//! Linux one a second after a burst of six (`icmp_ratelimit`; IPv6: ten since Linux 6.18, before that
//! four towards a /64), other routers about the same. Refusals and time-exceeded come out of one
//! budget, and so does what the device sends to other diagnoses of the run and to applications of this
//! host. So silence is no refusal only where the device that could have refused had an error to spare.
//!
//! A device whose budget is spent has sent an error within the interval before. A silent SYN is
//! *fair* when that can be excluded: no device that may have refused it was heard to send an error in
//! the six seconds before, or the same device reported a probe that left right behind it.
//!
//! One budget cannot be seen: Linux charges an error about a missing route twice (`ip_error`, then
//! `icmp_send`), so that traffic of one SYN a second silences it for good, an application's as well as
//! ours. A missing route stays a rival of silence, however many errors were to spare.
//!
//! Decision, first match:
//! 1. A client of this very port on this host was refused → rationed: a rule may ration as well.
//! 2. A device on this way is known to refuse the same port or the same address → rationed, unless
//!    fair SYNs drew nothing from it.
//! 3. Fair SYNs drew nothing → refusals are spared.

use std::net::IpAddr;
use std::time::Duration;

use crate::model::endpoint::Family;
use crate::model::evidence::{DeviceRefusal, Trial};
use crate::model::probe::{Kind, Target};
use crate::model::reply::{Answer, Refusal};
use crate::model::time::Moment;
use crate::model::verdict::{Confidence, HopRef, Method};

use super::analysis::{Analysis, Response, ids};
use super::loss;
use super::sign::{Observed, Reading, Sign};
use super::trace::{self, Row};

/// After so long without an error any budget has one to spare: six of Linux's intervals, since not all
/// routers are Linux.
const QUIET: Duration = Duration::from_secs(6);

/// The longest that Linux's budget can be empty after an error went out of it, and a little more.
const fn interval(family: Family) -> Duration {
    match family {
        Family::V4 => Duration::from_millis(1200),
        Family::V6 => Duration::from_millis(300),
    }
}

/// How soon behind a silent SYN a reported probe shows that the budget was not empty: in so short a
/// time it is hardly ever refilled.
const fn behind(family: Family) -> Duration {
    match family {
        Family::V4 => Duration::from_millis(10),
        Family::V6 => Duration::from_millis(2),
    }
}

/// Fair SYNs that exclude a rationed refusal for good.
const ENOUGH: usize = 2;
/// The same by the reports right behind them alone, each of which chance may feign.
const ENOUGH_BEHIND: usize = 3;

/// An ICMP error that came out of a budget.
#[derive(Clone, Copy, Debug)]
struct Error {
    device: IpAddr,
    /// When the probe that drew it left; `None` where it was none of ours.
    drawn: Option<Moment>,
    heard: Moment,
}

/// Reads [`super::sign::Question::Ration`].
pub(super) fn read_ration(analysis: &Analysis<'_>) -> Reading {
    let rows = trace::rows(analysis);
    let known = known(analysis, &rows);
    let fair = fair(analysis, &rows, known.as_ref());
    let strength = match (known, excluded(analysis, &fair)) {
        (Some(known), None) => return Reading::done(rationed(analysis, &known)),
        // What a client of this port is told now and then is no matter of ours: a rule may ration too.
        (Some(known), Some(_)) if is_client_of_port(analysis, &known) => {
            return Reading::done(rationed(analysis, &known));
        }
        (None, None) => return Reading::nothing(),
        // Others were refused this very address, so nothing shows that its refusals are spared.
        (None, Some(_)) if is_refused_to_others(analysis, &rows) => return Reading::nothing(),
        // What is known to refuse must be seen to spare twice.
        (Some(_), Some(_)) if fair.len() < ENOUGH => Confidence::Possible,
        (_, Some(strength)) => strength,
    };
    Reading::done(Observed {
        sign: Sign::RefusalsSpared,
        strength,
        basis: ids(fair.iter().map(|(trial, _)| *trial)),
        because: "no device on the way had used up its ICMP errors when the SYNs drew nothing"
            .into(),
    })
}

fn rationed(analysis: &Analysis<'_>, known: &DeviceRefusal) -> Observed {
    let by_target = known.device == known.address;
    let by_client = is_client_of_port(analysis, known);
    let sign = match reason(known) {
        Reason::Policy if by_target => Sign::RationedByTarget,
        Reason::Policy => Sign::RationedByRouter,
        Reason::NoRoute if by_client => Sign::UnroutedForOthers,
        Reason::NoRoute => Sign::UnroutedElsewhere,
        Reason::NoNeighbour if by_client => Sign::UnresolvedForOthers,
        Reason::NoNeighbour => Sign::UnresolvedElsewhere,
    };
    let what = match (known.authentic, known.address == analysis.address()) {
        (false, true) if by_client => {
            "an application of this host, asking for this very port,".to_owned()
        }
        (false, _) => "an application of this host".to_owned(),
        (true, true) => format!("port {} of this address", known.port),
        (true, false) if by_target => format!("its own port {}", known.port),
        (true, false) => format!("{}, port {},", known.address, known.port),
    };
    let who = if known.device == analysis.address() {
        "the host".to_owned()
    } else if by_target {
        format!("{}, which may be the same machine,", known.device)
    } else {
        format!("hop {} ({})", known.hop, known.device)
    };
    Observed {
        sign,
        strength: match reason(known) {
            // What is refused at one port need not be at another.
            _ if known.port != analysis.job.endpoint.port => Confidence::Possible,
            Reason::NoNeighbour if !known.late => Confidence::Possible,
            _ => Confidence::Likely,
        },
        basis: Vec::new(),
        because: format!(
            "{who} refuses {what} with {}, and sends such errors only at a limited rate",
            Method::Icmp(known.refusal).word()
        )
        .into(),
    }
}

/// Whether an application of this host asked for this very port.
fn is_client_of_port(analysis: &Analysis<'_>, known: &DeviceRefusal) -> bool {
    let endpoint = &analysis.job.endpoint;
    !known.authentic && known.address == endpoint.address && known.port == endpoint.port
}

/// Whether an application of this host, say, was refused the address, by a device that the port's flow
/// is not known to have passed.
fn is_refused_to_others(analysis: &Analysis<'_>, rows: &[Row]) -> bool {
    let mut refusals = analysis.evidence.known_refusals().iter();
    refusals.any(|known| known.address == analysis.address() && !is_passed(rows, known))
}

/// The refusal of something else that explains best why the port is silent: one of this address before
/// one of this port.
pub(super) fn known(analysis: &Analysis<'_>, rows: &[Row]) -> Option<DeviceRefusal> {
    let refusals = analysis.evidence.known_refusals().iter().copied();
    let matching = refusals.filter(|known| concerns(analysis, rows, known));
    matching.max_by_key(|known| {
        let same_address = known.address == analysis.address();
        let same_port = known.port == analysis.job.endpoint.port;
        let is_own = same_address && same_port;
        (is_own, same_port, known.authentic, known.late)
    })
}

/// The device that is known to refuse, as a hop; `None` where it is the host, or none is known. What
/// says of its own address that there is no way to it forwards the port.
pub(super) fn refuser(analysis: &Analysis<'_>) -> Option<HopRef> {
    let known = known(analysis, &trace::rows(analysis))?;
    let is_host = known.device == known.address && reason(&known) == Reason::Policy;
    (!is_host).then_some(HopRef {
        ttl: known.hop,
        address: Some(known.device),
    })
}

/// How the device that is known to refuse does so.
pub(super) fn method(analysis: &Analysis<'_>) -> Option<Method> {
    known(analysis, &trace::rows(analysis)).map(|known| Method::Icmp(known.refusal))
}

/// What a refusal says of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Policy,
    NoRoute,
    NoNeighbour,
}

/// How long a refusal took that no probe of ours drew is not known for sure; most that say "host
/// unreachable" come from where a neighbour was asked for in vain.
const fn reason(known: &DeviceRefusal) -> Reason {
    match known.refusal {
        Refusal::HostUnreachable | Refusal::AddressUnreachable6
            if known.late || !known.authentic =>
        {
            Reason::NoNeighbour
        }
        refusal if refusal.says_no_way() => Reason::NoRoute,
        _ => Reason::Policy,
    }
}

/// Whether the device may refuse this port too: it refuses the same address, or the same port and
/// stands on this way, as far as this way is known.
fn concerns(analysis: &Analysis<'_>, rows: &[Row], known: &DeviceRefusal) -> bool {
    if is_passed(rows, known) {
        return false;
    }
    let same_address = known.address == analysis.address();
    let same_port = known.port == analysis.job.endpoint.port;
    if reason(known) != Reason::Policy {
        // The plight of one address is none of another's, nor is that of what one of its ports is
        // translated to another port's.
        return same_address && (same_port || known.device != known.address);
    }
    let is_near = prefix(known.address) == prefix(analysis.address());
    if known.device == known.address {
        // What one host's firewall refuses says nothing of its neighbours, unless it rations the
        // errors of several addresses: then they are its own.
        return same_address || same_port && is_near && known.after_silence;
    }
    same_address
        || same_port && (is_on_way(rows, known.device) || is_near && may_stand(rows, known))
}

/// Whether hops beyond the device report the port's own flow, which it therefore lets pass.
fn is_passed(rows: &[Row], known: &DeviceRefusal) -> bool {
    known.device != known.address
        && rows
            .iter()
            .any(|row| row.ttl > known.hop && row.port.reported())
}

fn senders(row: &Row) -> impl Iterator<Item = IpAddr> + '_ {
    let flows = row.port.expired.iter().chain(&row.control.expired);
    flows.map(|(_, from)| *from)
}

fn is_on_way(rows: &[Row], device: IpAddr) -> bool {
    rows.iter().flat_map(senders).any(|from| from == device)
}

/// Whether an error of this sender may have come out of the budget of the device that refuses. A host
/// may have many addresses, and writes the one it was asked at.
fn may_be_one(known: &DeviceRefusal, sender: IpAddr) -> bool {
    let is_host = known.device == known.address;
    sender == known.device || is_host && prefix(sender) == prefix(known.device)
}

/// Whether no other device is known to stand where this one does.
fn may_stand(rows: &[Row], known: &DeviceRefusal) -> bool {
    let mut there = rows.iter().filter(|row| row.ttl == known.hop);
    there.all(|row| senders(row).next().is_none())
}

/// The /24 or /64 of an address.
fn prefix(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => u64::from(address.to_bits() >> 8),
        IpAddr::V6(address) => u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX),
    }
}

/// How firmly fair SYNs exclude that a refusal was withheld.
fn excluded(analysis: &Analysis<'_>, fair: &[(&Trial, Fairness)]) -> Option<Confidence> {
    let count = |wanted: Fairness| fair.iter().filter(|(_, found)| *found == wanted).count();
    let (quiet, followed) = (count(Fairness::Quiet), count(Fairness::Followed));
    let is_enough = quiet >= ENOUGH || followed >= ENOUGH_BEHIND;
    let times = fair.iter().map(|(trial, _)| trial.sent);
    let chance = analysis.loss().chance_of_silence(loss::spread(times));
    match (quiet + count(Fairness::Refilled), followed) {
        (0, 0 | 1) => None,
        _ if is_enough && chance <= loss::LIKELY => Some(Confidence::Confirmed),
        _ => Some(Confidence::Likely),
    }
}

/// Why a silent SYN would have been refused, had it been refused at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fairness {
    /// No error had gone out of any budget for long.
    Quiet,
    /// None had for as long as the kernel's own limit lasts.
    Refilled,
    /// The budgets that had been drawn on served a probe right behind it.
    Followed,
}

/// The silent SYNs of the port whose refusal no empty budget withheld: that of the device that is
/// known to refuse, or of any.
fn fair<'a>(
    analysis: &Analysis<'a>,
    rows: &[Row],
    known: Option<&DeviceRefusal>,
) -> Vec<(&'a Trial, Fairness)> {
    let mut errors = errors(analysis, rows);
    if let Some(known) = known {
        errors.retain(|error| may_be_one(known, error.device));
    }
    let last = rows.iter().rev().find(|row| row.port.reported());
    let last = last.map_or(0, |row| row.ttl);
    let silent = analysis.trials(move |probe| {
        probe.kind == Kind::Syn
            && probe.target == Target::Endpoint
            && probe.padded_to.is_none()
            && probe.ttl.0 > last
    });
    silent
        .filter(|trial| analysis.response(trial) == Response::Silence)
        .filter_map(|trial| Some((trial, fairness(analysis, trial, &errors)?)))
        .collect()
}

fn fairness(analysis: &Analysis<'_>, trial: &Trial, errors: &[Error]) -> Option<Fairness> {
    let family = analysis.family();
    let within = |span: Duration| {
        move |error: &&Error| error.heard <= trial.sent && trial.sent.since(error.heard) < span
    };
    // What went out before we listened, nothing shows.
    let listened = trial.sent.since(analysis.job.began);
    let has_any =
        |span: Duration| listened < span || errors.iter().any(|error| within(span)(&error));
    let served = |device: IpAddr| {
        let mut own = errors.iter().filter(|error| error.device == device);
        own.any(|error| {
            error.drawn.is_some_and(|drawn| {
                drawn >= trial.sent && drawn.since(trial.sent) <= behind(family)
            })
        })
    };
    let interval = interval(family);
    if !has_any(QUIET) {
        Some(Fairness::Quiet)
    } else if !has_any(interval) {
        Some(Fairness::Refilled)
    } else {
        // Of what went out before we listened nobody knows whose it was.
        let mut recent = errors.iter().filter(within(interval)).peekable();
        let is_known = listened >= interval && recent.peek().is_some();
        (is_known && recent.all(|error| served(error.device))).then_some(Fairness::Followed)
    }
}

/// The errors that came from devices which may have refused the port: not from those that its flow is
/// known to have passed.
fn errors(analysis: &Analysis<'_>, rows: &[Row]) -> Vec<Error> {
    let last = rows.iter().rev().find(|row| row.port.reported());
    let last = last.map_or(0, |row| row.ttl);
    let passed: Vec<IpAddr> = rows
        .iter()
        .filter(|row| row.ttl < last)
        .flat_map(senders)
        .collect();
    let replies = analysis.evidence.trials().iter().flat_map(|trial| {
        trial.replies.iter().map(move |heard| Error {
            device: heard.reply.from,
            drawn: is_rationed(&heard.reply.answer).then_some(trial.sent),
            heard: heard.at,
        })
    });
    let spent = analysis.evidence.spent().iter();
    let spent = spent.filter(|(_, device)| may_refuse(analysis, rows, *device));
    let spent = spent.map(|(at, device)| Error {
        device: *device,
        drawn: None,
        heard: *at,
    });
    replies
        .filter(|error| error.drawn.is_some())
        .chain(spent)
        .filter(|error| !passed.contains(&error.device))
        .collect()
}

/// Whether a device that is known by others' errors alone may be the one that refuses: the host, one
/// that this way is known to pass, or any while a hop of it is mute.
fn may_refuse(analysis: &Analysis<'_>, rows: &[Row], device: IpAddr) -> bool {
    let is_mute = |row: &Row| senders(row).next().is_none() && row.control.reached.is_empty();
    prefix(device) == prefix(analysis.address())
        || is_on_way(rows, device)
        || rows.is_empty()
        || rows.iter().any(is_mute)
}

/// Whether an answer is an ICMP error that devices ration.
const fn is_rationed(answer: &Answer) -> bool {
    matches!(
        answer,
        Answer::TimeExceeded(_)
            | Answer::Unreachable(..)
            | Answer::ReassemblyTimeout(_)
            | Answer::OtherIcmp { .. }
    )
}
