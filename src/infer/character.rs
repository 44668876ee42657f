//! What an answering port did besides: answers that came late, failed or changed their character.
//!
//! A verdict that says *open* or *closed* says what decides; whoever reads it must also learn that some
//! SYNs drew something else, that an answer was only the server's own repetition, or that not one
//! machine alone answers.

use std::collections::BTreeSet;

use crate::model::evidence::Trial;
use crate::model::reply::Answer;
use crate::model::verdict::Cause;

use super::analysis::{Analysis, is_repetition};
use super::answer::Tally;

/// SYNs to the port that were answered by the server's repetition alone.
pub(super) fn repeated<'a>(analysis: &Analysis<'a>) -> Vec<&'a Trial> {
    let Some(least) = analysis.least_round_trip() else {
        return Vec::new();
    };
    Tally::of(analysis)
        .opened
        .into_iter()
        .filter(|trial| {
            analysis
                .telling(trial)
                .is_some_and(|heard| is_repetition(heard.at.since(trial.sent), least))
        })
        .collect()
}

/// What must be said beside a verdict of `cause`, as sentences.
pub(super) fn remarks(analysis: &Analysis<'_>, cause: Cause) -> Vec<String> {
    let answers = matches!(
        cause,
        Cause::Open | Cause::OpenProxied | Cause::MtuBlackHole | Cause::Closed
    );
    if !answers {
        return Vec::new();
    }
    let mut remarks = Vec::new();
    remarks.extend(divided(analysis));
    remarks.extend(late(analysis));
    remarks.extend(changed(analysis));
    remarks
}

/// That not every SYN drew the same.
fn divided(analysis: &Analysis<'_>) -> Option<String> {
    let tally = Tally::of(analysis);
    let counts = [
        (tally.opened.len(), "answered with SYN-ACK"),
        (tally.reset.len(), "reset"),
        (tally.refused.len(), "refused by ICMP"),
        (tally.silent.len(), "left without an answer"),
    ];
    let seen: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if seen.len() < 2 {
        return None;
    }
    let refused = !tally.opened.is_empty() && tally.reset.len() + tally.refused.len() > 0;
    let reading = if refused {
        ": a change during the run (a fail-over, a service that starts), two machines with this \
         address, or a device that refuses some"
    } else {
        ""
    };
    let all: usize = counts.iter().map(|(count, _)| count).sum();
    Some(format!(
        "Not every SYN drew the same: of {all}, {}{reading}.",
        seen.join(", ")
    ))
}

/// That answers came only when the server repeated them.
fn late(analysis: &Analysis<'_>) -> Option<String> {
    let late = repeated(analysis);
    let slowest = late.iter().filter_map(|trial| trial.rtt()).max()?;
    let all = Tally::of(analysis).opened.len();
    Some(format!(
        "{} of {all} SYN-ACKs came only as the server's own repetition, up to {:.1} s late: the first \
         was lost on the way back, and connections through this way wait as long.",
        late.len(),
        slowest.as_secs_f64()
    ))
}

/// That the SYN-ACKs are not of one kind.
fn changed(analysis: &Analysis<'_>) -> Option<String> {
    let mut characters = BTreeSet::new();
    let mut initial = BTreeSet::new();
    for trial in Tally::of(analysis).opened {
        let Some(heard) = analysis.telling(trial) else {
            continue;
        };
        let Answer::SynAck { window, mss, .. } = heard.reply.answer else {
            continue;
        };
        characters.insert((window, mss));
        initial.insert(initial_ttl(heard.reply.ttl.0));
    }
    if characters.len() < 2 && initial.len() < 2 {
        return None;
    }
    let mut seen: Vec<String> = characters
        .iter()
        .map(|(window, mss)| match mss {
            Some(mss) => format!("window {window}, MSS {mss}"),
            None => format!("window {window}, no MSS"),
        })
        .collect();
    if initial.len() > 1 {
        seen.extend(initial.iter().map(|ttl| format!("initial TTL {ttl}")));
    }
    Some(format!(
        "Its SYN-ACKs are not of one kind ({}): more than one machine or listener answers, as with a \
         duplicate address, a fail-over or a load balancer.",
        seen.join("; ")
    ))
}

/// The usual initial TTL that fits an arrival.
const fn initial_ttl(arrived: u8) -> u8 {
    match arrived {
        0..=64 => 64,
        65..=128 => 128,
        129.. => 255,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_servers_repetition_is_told_by_its_timer_and_by_nothing_else() {
        let ms = Duration::from_millis;
        for (took, least, expected) in [
            (2, 1, false),
            (500, 1, false),
            (1030, 1, true),
            (1230, 20, true),
            (2000, 1, false),
            (3040, 1, true),
            (7200, 1, true),
            (1030, 1000, false),
            (3100, 900, false),
        ] {
            assert_eq!(
                is_repetition(ms(took), ms(least)),
                expected,
                "{took} {least}"
            );
        }
    }
}
