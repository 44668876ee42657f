//! An encounter in somebody else's capture → its record.

use crate::capture::passive::{Attempt, Encounter, Ending, Fate};
use crate::model::probe::ProbeId;
use crate::report::observed::{self, Observed};
use crate::report::record::{Record, Run};

/// The record of an encounter.
pub fn record(encounter: &Encounter, run: &Run) -> Record {
    let mut record = Record::new(&encounter.outcome, run);
    record.number(|id| packets(encounter, id));
    record.observed = Some(Observed {
        client: encounter.client,
        position: observed::Position {
            from_client: encounter.position.from_client,
            from_server: encounter.position.from_server,
        },
        attempts: encounter.attempts.iter().map(attempt).collect(),
        more: encounter
            .forgotten
            .established
            .saturating_add(encounter.forgotten.failed),
        would_decide: encounter
            .wanted
            .iter()
            .map(|wanted| observed::WouldDecide {
                probe: wanted.what.clone(),
                why: wanted.why.clone(),
                settles: wanted
                    .settles
                    .iter()
                    .map(|cause| cause.word().to_owned())
                    .collect(),
            })
            .collect(),
    });
    record
}

fn packets(encounter: &Encounter, id: ProbeId) -> Vec<u64> {
    let cited = encounter.packets.iter().find(|cited| cited.probe == id);
    cited.map_or_else(Vec::new, |cited| {
        let replies = cited.replies.iter().copied();
        std::iter::once(cited.sent).chain(replies).collect()
    })
}

fn attempt(attempt: &Attempt) -> observed::Attempt {
    observed::Attempt {
        client_port: attempt.client_port,
        at_us: attempt.first.micros(),
        lasted_us: u64::try_from(attempt.lasted().as_micros()).unwrap_or(u64::MAX),
        syns: attempt.syns,
        outcome: fate(&attempt.fate),
        state: attempt.opinion.state.word().to_owned(),
        cause: attempt.opinion.cause.word().to_owned(),
        confidence: attempt.opinion.confidence.word().to_owned(),
        summary: attempt.opinion.summary.clone(),
        packets: attempt.packets.clone(),
    }
}

/// What became of an attempt, as a clause.
fn fate(fate: &Fate) -> String {
    match *fate {
        Fate::Silent => "no answer".to_owned(),
        Fate::CutOff => "the capture ends before its time was over".to_owned(),
        Fate::Answered { unheard: true, .. } => {
            "answered by a SYN-ACK that the client does not hear".to_owned()
        }
        Fate::Answered { dropped: true, .. } => {
            "answered by a SYN-ACK, and reset by the client".to_owned()
        }
        Fate::Answered { .. } => "answered by a SYN-ACK, and not gone on with".to_owned(),
        Fate::Reset { unheard: true } => {
            "answered by a reset that the client does not hear".to_owned()
        }
        Fate::Reset { unheard: false } => "reset".to_owned(),
        Fate::Refused { refusal, by } => {
            format!("{} from {by}", refusal.word())
        }
        Fate::Expired { by } => format!("the TTL ran out at {by}"),
        Fate::Contradicted => "answers that contradict each other".to_owned(),
        Fate::Established {
            sent,
            received,
            ending,
        } => format!(
            "established, {sent} octets sent, {received} received, {}",
            ended(ending)
        ),
        Fate::Unseen => "its SYN is not in the capture".to_owned(),
    }
}

fn ended(ending: Ending) -> String {
    match ending {
        Ending::Closed => "closed by both sides".to_owned(),
        Ending::Half(side) => format!("closed by the {} only", side.word()),
        Ending::Reset(side) => format!("reset by the {}", side.word()),
        Ending::Stuck {
            sender,
            size,
            tries,
            ..
        } => format!(
            "then stuck: the {} sent {size} octets {tries} times and got no acknowledgment",
            sender.word()
        ),
        Ending::Open => "still open at the end".to_owned(),
    }
}
