//! What the writer knows of one diagnosis: where its packets stand in the file, and what is told.

use std::collections::BTreeMap;

use super::comment;
use super::intent::intent;
use super::note::{Account, Claim, Diagnosis, Note, Step};
use crate::engine::{Job, Role, SessionId, Sighting};
use crate::model::evidence::{Fact, Observation, ReceivedBy};
use crate::model::outcome::Outcome;
use crate::model::probe::{Flow, ProbeId, Target};
use crate::model::reply::Reply;
use crate::model::time::{Moment, spell};
use crate::wire::dissect::dissect;

/// Octets of JSON in one comment: an option holds 65535, of which people scroll past few.
const PART: usize = 32_768;

/// One diagnosis in the file.
#[derive(Debug)]
pub(super) struct Page {
    job: Job,
    announced: bool,
    probes: BTreeMap<ProbeId, Shown>,
    /// The probe that each packet of an answer is about.
    answers: BTreeMap<u64, ProbeId>,
}

/// A probe in the file.
#[derive(Debug)]
struct Shown {
    number: u64,
    /// When it passed, in which packet: once for each interface.
    left: BTreeMap<Moment, u64>,
    sent: Moment,
    words: String,
    standing: Option<Standing>,
    /// In the order of the file.
    replies: Vec<(u64, Moment, Reply)>,
}

/// Where a probe's comment stands, in octets from the beginning of the file, and the room it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) comment_at: u64,
    pub(super) room: usize,
}

impl Page {
    pub(super) const fn new(job: Job) -> Self {
        Self {
            job,
            announced: false,
            probes: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    pub(super) const fn began(&self) -> Moment {
        self.job.began
    }

    /// The note that begins the diagnosis; once.
    pub(super) fn announce(&mut self, session: SessionId) -> Option<String> {
        let fresh = !std::mem::replace(&mut self.announced, true);
        fresh.then(|| {
            let diagnosis = Diagnosis {
                session: session.0,
                job: self.job.clone(),
            };
            Note::Diagnosis(Box::new(diagnosis)).text()
        })
    }

    /// What the packet with this number is; and for a reply, what its probe is now to say. Where the
    /// file holds others, the diagnosis is named.
    pub(super) fn describe(
        &self,
        sighting: &Sighting,
        datagram: &[u8],
        number: u64,
        among_others: bool,
    ) -> (String, Option<(ProbeId, String)>) {
        let of = if among_others {
            format!(" of {}", self.job.endpoint)
        } else {
            String::new()
        };
        match sighting.attribution.role {
            Role::Probe(id) => {
                if let Some(shown) = self.probes.get(&id) {
                    let words = format!(
                        "probe {id}{of} again (packet {}), on another interface",
                        shown.number
                    );
                    return (words, None);
                }
                (self.probe_words(id, datagram, &of), None)
            }
            Role::Reply(id, reply) => {
                let says = comment::reply(&reply);
                let Some(shown) = self.probes.get(&id) else {
                    return (format!("reply to probe {id}{of} · {says}"), None);
                };
                let words = format!(
                    "reply to probe {id}{of} (packet {}) · {says} · after {}",
                    shown.number,
                    spell(sighting.at.since(shown.sent))
                );
                let first = shown.replies.is_empty();
                let update = first.then(|| {
                    let amended = format!("{} · answered by {says} (packet {number})", shown.words);
                    (id, amended)
                });
                (words, update)
            }
            Role::Closing(id) => {
                let opened = self.probes.get(&id).map_or(0, |shown| shown.number);
                (
                    format!("reset that closes what probe {id}{of} (packet {opened}) half-opened"),
                    None,
                )
            }
            Role::NearMiss(..) => (
                "near miss · on a flow of ours, but its numbers answer no probe: never evidence"
                    .to_owned(),
                None,
            ),
        }
    }

    /// What a packet of a diagnosis that is over is.
    pub(super) fn late(role: Role) -> String {
        let what = match role {
            Role::Probe(id) => format!("probe {id} again"),
            Role::Reply(id, reply) => format!("reply to probe {id} · {}", comment::reply(&reply)),
            Role::Closing(id) => format!("reset that closes what probe {id} half-opened"),
            Role::NearMiss(..) => "near miss".to_owned(),
        };
        format!("{what} · after the verdict: no part of it")
    }

    fn probe_words(&self, id: ProbeId, datagram: &[u8], of: &str) -> String {
        let packet = dissect(datagram).ok();
        packet
            .and_then(|packet| intent(&packet, &self.job))
            .map_or_else(
                || format!("probe {id}{of}"),
                |probe| comment::probe(id, of, &probe, &self.job.endpoint),
            )
    }

    /// The packet is in the file.
    pub(super) fn place(
        &mut self,
        sighting: &Sighting,
        number: u64,
        words: String,
        standing: Option<Standing>,
    ) {
        let at = sighting.at;
        match sighting.attribution.role {
            Role::Probe(id) => {
                let shown = self.probes.entry(id).or_insert_with(|| Shown {
                    number,
                    left: BTreeMap::new(),
                    sent: at,
                    words,
                    standing,
                    replies: Vec::new(),
                });
                shown.left.entry(at).or_insert(number);
            }
            // Without its probe an answer's packet cannot be told to be one.
            Role::Reply(id, reply) => {
                if let Some(shown) = self.probes.get_mut(&id) {
                    shown.replies.push((number, at, reply));
                    self.answers.insert(number, id);
                }
            }
            // Nothing is told of them but where they stand, however many there are.
            Role::Closing(_) | Role::NearMiss(..) => {}
        }
    }

    pub(super) fn standing(&self, probe: ProbeId) -> Option<Standing> {
        self.probes.get(&probe)?.standing
    }

    /// What became known, in its order.
    pub(super) fn steps(&self, outcome: &Outcome) -> Vec<Step> {
        let observations = outcome.evidence.observations();
        observations
            .map(|observation| self.step(&observation))
            .collect()
    }

    /// The packets of every probe that made a difference: its own, then its answers'.
    pub(super) fn numbers(&self, steps: &[Step]) -> BTreeMap<ProbeId, Vec<u64>> {
        let mut numbers: BTreeMap<ProbeId, Vec<u64>> = BTreeMap::new();
        for step in steps {
            let (id, number) = match step {
                Step::Left(id, number) => (Some(*id), *number),
                Step::Heard(number) | Step::HeardBehind(_, number) => {
                    (self.answers.get(number).copied(), *number)
                }
                Step::Sent(..) | Step::Fact(..) | Step::Unknown => (None, 0),
            };
            if let Some(id) = id {
                let packets = numbers.entry(id).or_default();
                if !packets.contains(&number) {
                    packets.push(number);
                }
            }
        }
        numbers
    }

    /// What the probes that drew nothing are to say.
    pub(super) fn unanswered(&self, outcome: &Outcome) -> Vec<(ProbeId, String)> {
        let silent = self
            .probes
            .iter()
            .filter(|(_, shown)| shown.replies.is_empty());
        silent
            .filter_map(|(id, shown)| {
                let trial = outcome.evidence.trial(*id)?;
                let words = match trial.first() {
                    // Heard behind the firewall only.
                    Some(heard) => format!(
                        "answered by {}, not seen on the interface",
                        comment::reply(&heard.reply)
                    ),
                    None => comment::unanswered(trial),
                };
                Some((*id, format!("{} · {words}", shown.words)))
            })
            .collect()
    }

    /// What became known, as notes.
    pub(super) fn account(
        session: SessionId,
        steps: Vec<Step>,
        settled: Moment,
        claim: &Claim,
    ) -> Vec<String> {
        let mut parts = vec![Vec::new()];
        let mut octets = 0;
        for step in steps {
            octets += serde_json::to_string(&step).map_or(0, |json| json.len() + 1);
            if octets > PART {
                octets = 0;
                parts.push(Vec::new());
            }
            if let Some(part) = parts.last_mut() {
                part.push(step);
            }
        }
        let last = parts.len().saturating_sub(1);
        let note = |(index, steps)| {
            Note::Account(Account {
                session: session.0,
                settled: (index == last).then_some(settled),
                claim: (index == last).then(|| claim.clone()),
                steps,
            })
            .text()
        };
        parts.into_iter().enumerate().map(note).collect()
    }

    fn step(&self, observation: &Observation) -> Step {
        let Observation { at, fact } = observation;
        let heard = |id: &ProbeId, reply: &Reply, when: Option<Moment>| {
            let matches = |at: Moment| when.is_none_or(|when| when == at);
            let replies = &self.probes.get(id)?.replies;
            replies
                .iter()
                .find(|(_, at, seen)| seen == reply && matches(*at))
                .map(|(number, ..)| *number)
        };
        let shown = match fact {
            Fact::Sent(id, probe) => {
                // To the host itself there are no ports, so the packet does not show the flow.
                let flowless = probe.target == Target::Host && probe.flow != Flow::ephemeral(0);
                let hidden = (flowless || !self.probes.contains_key(id)).then_some(*probe);
                Some(Step::Sent(*at, *id, hidden))
            }
            Fact::Departed(id) => {
                let left = self.probes.get(id).and_then(|shown| shown.left.get(at));
                left.map(|number| Step::Left(*id, *number))
            }
            Fact::Replied(id, ReceivedBy::Tap, reply) => {
                heard(id, reply, Some(*at)).map(Step::Heard)
            }
            Fact::Replied(id, ReceivedBy::Stack, reply) => {
                heard(id, reply, None).map(|number| Step::HeardBehind(*at, number))
            }
            _ => None,
        };
        shown.unwrap_or_else(|| Step::Fact(*at, fact.clone()))
    }
}
