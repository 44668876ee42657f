//! A port that resets a bare ACK and answers no SYN: is its queue full, or does something discard
//! SYNs of one kind?
//!
//! A listener without room discards every SYN, whatever it carries. A filter on options (timestamps
//! that a translation shares, a rule on `tcp option`, PAWS of an old kernel), or one on the exact
//! flags, lets the other kind pass. So one SYN goes without options and one with the flags that ask
//! for ECN; a thorough diagnosis repeats each when silent. They take the place of the SYNs from other
//! source ports: a reset that comes back shows that no filter of the answers looks at the client's port.

use std::time::Duration;

use crate::model::evidence::Trial;
use crate::model::probe::{Extras, Kind, Probe, Target};
use crate::model::verdict::Confidence;

use super::analysis::{Analysis, Response, ids, spare_flow, syn};
use super::controls::retry_for;
use super::job::Ask;
use super::sign::{Observed, Progress, Reading, Sign};

/// Pause before each of these SYNs: they are to look like an ordinary client's.
const APART: Duration = Duration::from_millis(1100);

/// The kinds of SYN that are tried besides the usual, and what their answer shows.
const KINDS: [(Extras, Sign, &str); 2] = [
    (
        Extras::Nothing,
        Sign::OptionsMatter,
        "a SYN without options is answered, those with the options of every current client are not",
    ),
    (
        Extras::Ecn,
        Sign::FlagsMatter,
        "a SYN that asks for ECN is answered, plain ones are not",
    ),
];

/// Reads [`super::sign::Question::Extras`].
pub(super) fn read_extras(analysis: &Analysis<'_>) -> Reading {
    let mut silent: Vec<&Trial> = Vec::new();
    for (nth, (extras, sign, because)) in KINDS.into_iter().enumerate() {
        let trials: Vec<&Trial> = analysis
            .trials(move |probe| {
                probe.kind == Kind::Syn
                    && probe.target == Target::Endpoint
                    && probe.ttl.is_full()
                    && probe.extras == extras
            })
            .collect();
        let mut answered = trials
            .iter()
            .filter(|trial| matches!(analysis.response(trial), Response::SynAck | Response::Reset));
        if let Some(first) = answered.next() {
            let mut basis = vec![first.id];
            basis.extend(answered.map(|trial| trial.id));
            return Reading::done(Observed {
                sign,
                // An overloaded listener takes one in now and then.
                strength: Confidence::Likely,
                basis,
                because: because.into(),
            });
        }
        let probe = Probe {
            extras,
            ..syn(Target::Endpoint, spare_flow(analysis, nth + trials.len()))
        };
        let most = if analysis.job.thorough { 2 } else { 1 };
        match retry_for(analysis, &trials, probe, 1, most) {
            Progress::Done => silent.extend(trials),
            Progress::Waiting(until) => {
                return Reading {
                    sign: None,
                    progress: Progress::Waiting(until),
                };
            }
            Progress::Asking(_) => return Reading::going_on(None, vec![spaced(analysis, probe)]),
        }
    }
    Reading::done(Observed {
        sign: Sign::ExtrasSilent,
        strength: Confidence::Likely,
        basis: ids(silent),
        because: "SYNs without options and SYNs that ask for ECN draw nothing either".into(),
    })
}

/// The probe, a while after the last SYN to the port.
fn spaced(analysis: &Analysis<'_>, probe: Probe) -> Ask {
    let syns = analysis.trials(|probe| probe.kind == Kind::Syn && probe.target == Target::Endpoint);
    let last = syns.filter(|trial| trial.probe.ttl.is_full()).last();
    Ask {
        probe,
        not_before: last.map_or(analysis.now, |last| last.sent.after(APART)),
    }
}
