//! Whether what stops our TCP stands on our own side: an outbound security group of this host, or the
//! network ACL of its subnet.

use super::evidence::{Evidence, HeardReply, Trial};
use super::probe::{Kind, Ttl};
use super::reply::Answer;

/// SYNs that drew nothing, at least: of those that were to reach the host, and of those that were to
/// expire at a router past the first.
const SILENT: usize = 3;

/// What the evidence says of our own side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NearSide {
    /// No TCP is answered past the first hop, and echo is by the host; the routers between answer
    /// neither, so a filter of the far side may look the same.
    Possible,
    /// Routers past the first hop answer echo requests that expire there, and no TCP.
    Suspect,
}

/// Reads what the evidence says of our own side; `None` where any TCP was answered past the first hop,
/// where nothing passes at all, or where too little was tried.
pub fn near_side(evidence: &Evidence) -> Option<NearSide> {
    let trials = evidence.trials().iter();
    let (mut silent, mut limited, mut expired, mut reached) = (0, 0, false, false);
    for trial in trials.filter(|trial| trial.refused.is_none() && !trial.invalidated) {
        let past = trial.replies.iter().any(|heard| is_past(trial, heard));
        match trial.probe.kind {
            Kind::Syn | Kind::Ack | Kind::Fin if past => return None,
            Kind::Syn if trial.is_silent() && trial.probe.ttl.is_full() => silent += 1,
            Kind::Syn if trial.is_silent() && trial.probe.ttl > Ttl(1) => limited += 1,
            Kind::Echo if past && trial.probe.ttl.is_full() => reached = true,
            Kind::Echo if past => expired = true,
            Kind::Syn | Kind::Ack | Kind::Fin | Kind::Echo | Kind::Fragment => {}
        }
    }
    if silent < SILENT {
        None
    } else if expired && limited >= SILENT {
        Some(NearSide::Suspect)
    } else {
        reached.then_some(NearSide::Possible)
    }
}

/// Whether a reply shows that the probe passed the first hop.
fn is_past(trial: &Trial, heard: &HeardReply) -> bool {
    match heard.reply.answer {
        Answer::TimeExceeded(_) => trial.probe.ttl > Ttl(1),
        Answer::OtherIcmp { .. } | Answer::TooBig { .. } => false,
        Answer::SynAck { .. }
        | Answer::Reset
        | Answer::Unreachable(..)
        | Answer::EchoReply { .. }
        | Answer::ReassemblyTimeout(_) => true,
    }
}
