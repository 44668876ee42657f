//! An encounter in somebody else's capture → its record.

use std::time::Duration;

use crate::capture::neighbours::Unanswered;
use crate::capture::passive::{Attempt, AttemptOutcome, Conversation, Ending};
use crate::capture::unanswered::outcome;
use crate::model::greeting::{Greeting, Heard};
use crate::model::probe::ProbeId;
use crate::model::session::Said;
use crate::report::masked::masked;
use crate::report::observed::{self, Observed};
use crate::report::record::{Record, Run};
use crate::report::session::SessionRecord;

/// The record of an encounter; names that the server says are left out unless `names`.
pub fn record(encounter: &Conversation, run: &Run, names: bool) -> Record {
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
                settles: wanted.settles.iter().map(|cause| (*cause).into()).collect(),
            })
            .collect(),
    });
    if let Some((attempt, session)) = encounter.session() {
        let outcome = &encounter.outcome;
        record.live(outcome, session, attempt.client_port);
        if let Some(said) = session.said.as_ref().filter(|_| !session.died()) {
            record.greet(outcome, &greeting(encounter, said, names));
        }
    }
    // A window that was not captured is absent.
    let cut = encounter
        .packets
        .iter()
        .filter(|cited| cited.without_window);
    for id in cut.map(|cited| cited.probe.0) {
        for entry in record.evidence.iter_mut().filter(|entry| entry.id == id) {
            entry.details.window = None;
        }
    }
    record
}

/// What a server said to a client, as the greeting of a connection of our own is told.
fn greeting(encounter: &Conversation, said: &Said, names: bool) -> Greeting {
    let mut answer = said.answer.clone();
    if !names {
        answer.words = masked(&answer.words);
        let client = encounter.client.to_string();
        answer.caller = answer.caller.filter(|caller| *caller == client);
    }
    let sessions = encounter.attempts.iter();
    let sessions = sessions.filter(|attempt| attempt.session.is_some()).count();
    Greeting {
        protocol: Some(said.protocol),
        server: None,
        tls: None,
        heard: Heard::Answer(answer),
        connections: u32::try_from(sessions).unwrap_or(u32::MAX),
        took: Duration::ZERO,
    }
}

/// The record of an address that was asked for on its link and did not answer.
pub fn unanswered(question: &Unanswered, run: &Run) -> Record {
    let mut record = Record::new(&outcome(question), run);
    record.observed = Some(Observed {
        client: question.asker,
        position: observed::Position {
            from_client: None,
            from_server: None,
        },
        attempts: Vec::new(),
        more: 0,
        would_decide: Vec::new(),
    });
    record
}

fn packets(encounter: &Conversation, id: ProbeId) -> Vec<u64> {
    let cited = encounter.packets.iter().find(|cited| cited.probe == id);
    cited.map_or_else(Vec::new, |cited| {
        let replies = cited.replies.iter().copied();
        std::iter::once(cited.sent).chain(replies).collect()
    })
}

fn attempt(attempt: &Attempt) -> observed::Attempt {
    let [resent_by_client, resent_by_server] = attempt.resent;
    observed::Attempt {
        client_port: attempt.client_port,
        at_us: attempt.first.micros(),
        lasted_us: u64::try_from(attempt.lasted().as_micros()).unwrap_or(u64::MAX),
        syns: attempt.syns,
        resent_by_client,
        resent_by_server,
        resets: attempt.resets,
        outcome: match &attempt.session {
            Some(session) => format!(
                "established, {} octets sent, {} received, {}",
                session.to_server,
                session.from_server,
                session.words()
            ),
            None => fate(&attempt.outcome),
        },
        session: attempt
            .session
            .as_ref()
            .map(|session| SessionRecord::of(session, attempt.client_port)),
        state: attempt.opinion.state.into(),
        cause: attempt.opinion.cause.into(),
        confidence: attempt.opinion.confidence.into(),
        summary: attempt.opinion.summary.clone(),
        packets: attempt.packets.clone(),
    }
}

/// What became of an attempt, as a clause.
fn fate(fate: &AttemptOutcome) -> String {
    match *fate {
        AttemptOutcome::Silent => "no answer".to_owned(),
        AttemptOutcome::CutOff => "the capture ends before its time was over".to_owned(),
        AttemptOutcome::Answered { unheard: true, .. } => {
            "answered by a SYN-ACK that the client does not hear".to_owned()
        }
        AttemptOutcome::Answered { dropped: true, .. } => {
            "answered by a SYN-ACK, and reset by the client".to_owned()
        }
        AttemptOutcome::Answered { .. } => "answered by a SYN-ACK, and not gone on with".to_owned(),
        AttemptOutcome::Reset => "reset".to_owned(),
        AttemptOutcome::Refused { refusal, by } => {
            format!("{} from {by}", refusal.word())
        }
        AttemptOutcome::Expired { by } => format!("the TTL ran out at {by}"),
        AttemptOutcome::Contradicted => "answers that contradict each other".to_owned(),
        AttemptOutcome::Established {
            sent,
            received,
            ending,
        } => format!(
            "established, {sent} octets sent, {received} received, {}",
            ended(ending)
        ),
        AttemptOutcome::Unseen => "its SYN is not in the capture".to_owned(),
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
