//! Whether probes leave this host at all, by what the tap sees go out.
//!
//! 1. This host itself reports the next hop of the port's probes unreachable, or its neighbour table
//!    says that resolution failed, and none left → the next hop is not resolved.
//! 2. Probes of another kind leave, the port's never → something between routing and the interface.
//! 3. Nothing leaves → the same, unless this host tracks connections: then a translation of its own may
//!    hide what leaves, as the tap does not know every rewritten probe again.

use std::time::Duration;

use crate::model::evidence::{KernelSays, NeighbourState, Trial};
use crate::model::probe::{Kind, Target};
use crate::model::reply::{Answer, Refusal};
use crate::model::verdict::Confidence;

use super::analysis::{Analysis, ids, syn};
use super::job::Ask;
use super::sign::{Observed, Progress, Reading, Sign};

/// How long a probe may take from the system call to the tap.
pub(super) const DEPARTURE_LAG: Duration = Duration::from_millis(250);
/// When neighbour resolution has certainly been tried: three requests a second apart
/// (`net.ipv4.neigh.*.mcast_solicit`, `retrans_time`).
const RESOLUTION: Duration = Duration::from_millis(2500);

/// What is read where no probe to the port is known to have left and none was answered from
/// elsewhere; `None` where one was.
pub(super) fn unresolved(analysis: &Analysis<'_>, sent: &[&Trial]) -> Option<Reading> {
    let lingering = |trial: &&&Trial| analysis.now.since(trial.sent) >= DEPARTURE_LAG;
    if sent.iter().any(|trial| {
        let answered =
            trial.replies.len() > own_errors(analysis, trial) || !trial.flawed.is_empty();
        trial.departed || answered
    }) {
        return None;
    }
    let stuck: Vec<&Trial> = sent.iter().filter(lingering).copied().collect();
    let first = sent.first()?;
    if stuck.is_empty() {
        return Some(Reading {
            sign: None,
            progress: Progress::Waiting(Some(first.sent.after(DEPARTURE_LAG))),
        });
    }
    let tried_long = analysis.now.since(first.sent) >= RESOLUTION;
    let Some((sign, strength, because)) = obstacle(analysis, sent, tried_long) else {
        return (!tried_long).then(|| retry(None, sent, first));
    };
    let observed = Observed {
        sign,
        strength,
        basis: ids(stuck),
        because: because.into(),
    };
    let settled = tried_long || sign == Sign::NextHopUnresolved && strength == Confidence::Proven;
    Some(if settled {
        Reading::done(observed)
    } else {
        retry(Some(observed), sent, first)
    })
}

/// Looks again when resolution has certainly been tried, with a few more probes.
fn retry(observed: Option<Observed>, sent: &[&Trial], first: &Trial) -> Reading {
    let next = first.sent.after(RESOLUTION);
    if sent.len() < 3 {
        let ask = Ask {
            probe: syn(Target::Endpoint, 0),
            not_before: next,
        };
        return Reading::going_on(observed, vec![ask]);
    }
    Reading {
        sign: observed,
        progress: Progress::Waiting(Some(next)),
    }
}

/// What keeps the probes to the port here, as far as can be told yet.
fn obstacle(
    analysis: &Analysis<'_>,
    sent: &[&Trial],
    tried_long: bool,
) -> Option<(Sign, Confidence, &'static str)> {
    let since = sent.first()?.sent;
    // A segment or fragment that opens no flow is never translated, so it is seen where others are not.
    let mut others = analysis.trials(|probe| matches!(probe.kind, Kind::Syn | Kind::Echo));
    let others_leave = others.any(|trial| trial.departed && trial.sent >= since);
    if sent.iter().any(|trial| own_errors(analysis, trial) > 0) {
        let because = if others_leave {
            "this host reports the next hop of these probes unreachable, though others leave by \
             another way"
        } else {
            "this host reports its own next hop unreachable, and no probe leaves the interface"
        };
        return Some((Sign::NextHopUnresolved, Confidence::Proven, because));
    }
    if others_leave {
        let because = "probes to this port never leave the interface, though others do";
        return Some((Sign::NeverLeaves, Confidence::Likely, because));
    }
    match analysis.evidence.neighbour() {
        Some(NeighbourState::Failed) => Some((
            Sign::NextHopUnresolved,
            Confidence::Proven,
            "the next hop answers no ARP/ND request, so no probe leaves the interface",
        )),
        Some(NeighbourState::Incomplete) => Some((
            Sign::NextHopUnresolved,
            Confidence::Likely,
            "the next hop has not answered ARP/ND requests, and no probe leaves the interface",
        )),
        Some(NeighbourState::Resolved) | None => nothing_leaves(analysis).filter(|_| tried_long),
    }
}

/// Nothing of any kind leaves, and no neighbour is to blame; `None` where a translation of this host's
/// own may hide what leaves.
fn nothing_leaves(analysis: &Analysis<'_>) -> Option<(Sign, Confidence, &'static str)> {
    let says = |says| analysis.evidence.kernel_says(says);
    let because = if says(KernelSays::PolicyOut) {
        "no probe leaves the interface, and the kernel counts what it discards by IPsec policy: a \
         policy that wants an association which does not exist, or a block"
    } else if says(KernelSays::Untracked) {
        "the kernel takes the probes, and none ever leaves the interface"
    } else {
        return None;
    };
    Some((Sign::NeverLeaves, Confidence::Likely, because))
}

/// How often this host itself reported that the next hop of a probe cannot be reached.
fn own_errors(analysis: &Analysis<'_>, trial: &Trial) -> usize {
    let own = trial.replies.iter().filter(|heard| {
        let unreachable = matches!(
            heard.reply.answer,
            Answer::Unreachable(Refusal::HostUnreachable | Refusal::AddressUnreachable6, _)
        );
        analysis.is_own(&heard.reply) && unreachable
    });
    own.count()
}
