//! Every scenario in the simulator, written as a capture and explained: the outcome is the live one.

use std::io::Cursor;
use std::ops::{ControlFlow, Deref};

use synquest::capture::explain::{Explained, explain};
use synquest::capture::note::{self, Note, Step};
use synquest::capture::read::Reader;
use synquest::capture::replay::{Replayed, Standing};
use synquest::capture::write::{Origin, Writer};
use synquest::engine::SessionId;
use synquest::model::evidence::{Evidence, Fact};
use synquest::model::verdict::{Cause, Confidence};

use crate::scenario::read_all;
use crate::sim::runner::{self, Run, family_of};

/// A time of day whose nanoseconds need both halves of a pcapng time.
const BEGAN: u64 = 1_795_487_220_353_328_145;

pub(super) fn origin() -> Origin {
    Origin {
        command: "synquest probe db:3306".to_owned(),
        host: "prober".to_owned(),
        system: "Linux".to_owned(),
        hardware: String::new(),
        run: note::Run {
            began: BEGAN,
            version: "0.0.0".to_owned(),
            seed: None,
        },
    }
}

/// The capture of a run; without its end where the run was `killed`.
pub(super) fn capture(run: &Run, killed: bool) -> Vec<u8> {
    let session = SessionId(0);
    let mut writer = Writer::begin(Cursor::new(Vec::new()), &origin()).expect("memory takes all");
    writer.open(session, run.job.clone()).expect("written");
    for sighting in &run.sightings {
        writer.write(sighting).expect("written");
    }
    if !killed {
        writer.settle(session, &run.outcome).expect("written");
    }
    writer.finish().expect("written").into_inner()
}

/// All that a capture shows.
pub(super) struct Whole {
    pub(super) diagnoses: Vec<(note::Run, Replayed)>,
    rest: Explained,
}

impl Deref for Whole {
    type Target = Explained;

    fn deref(&self) -> &Explained {
        &self.rest
    }
}

pub(super) fn explained(octets: &[u8]) -> Whole {
    let mut diagnoses = Vec::new();
    let reader = Reader::open(octets).expect("a capture");
    let rest = explain(reader, &mut |run, diagnosis| {
        diagnoses.push((run.clone(), diagnosis));
        ControlFlow::Continue(())
    });
    Whole { diagnoses, rest }
}

/// The runs of every scenario in every family.
pub(super) fn runs() -> impl Iterator<Item = (String, Run)> {
    read_all().into_iter().flat_map(|scenario| {
        scenario.families.clone().into_iter().map(move |family| {
            let run = runner::run(&scenario, family_of(family), 1, false);
            (format!("{} {family:?}", scenario.name), run)
        })
    })
}

#[test]
fn every_run_is_told_again_to_the_nanosecond() {
    for (name, run) in runs() {
        let explained = explained(&capture(&run, false));
        assert_eq!(explained.damage, [], "{name}");
        let [(told_run, diagnosis)] = explained.diagnoses.as_slice() else {
            panic!("{name}: one diagnosis, not {}", explained.diagnoses.len());
        };
        assert_eq!(*told_run, origin().run);
        assert_eq!(diagnosis.outcome, run.outcome, "{name}");
        assert_eq!(diagnosis.standing, Standing::Same, "{name}");
        assert_eq!(diagnosis.noted, 0, "{name}: packets show it all");
    }
}

#[test]
fn a_killed_run_is_never_told_more_firmly_and_rarely_otherwise() {
    let mut other = Vec::new();
    let mut count = 0;
    for (name, run) in runs().filter(|(_, run)| !run.sightings.is_empty()) {
        count += 1;
        let explained = explained(&capture(&run, true));
        let [(_, diagnosis)] = explained.diagnoses.as_slice() else {
            panic!("{name}: one diagnosis, not {}", explained.diagnoses.len());
        };
        assert_eq!(diagnosis.standing, Standing::Unfinished, "{name}");
        let (told, live) = (
            &diagnosis.outcome.finding.verdict,
            &run.outcome.finding.verdict,
        );
        if told.cause != live.cause {
            other.push(format!("{name}: {} for {}", told.cause, live.cause));
        }
        // What only this host knew is not in the packets.
        let local = [Cause::LocalIngress, Cause::LocalEgress, Cause::NoNeighbor];
        assert!(
            told.cause == live.cause
                || told.confidence <= live.confidence
                || local.contains(&live.cause)
                // The handshake stands whatever becomes of full-size packets.
                || (told.cause, live.cause) == (Cause::Open, Cause::MtuBlackHole),
            "{name}: {} {} for {} {}",
            told.cause,
            told.confidence.word(),
            live.cause,
            live.confidence.word(),
        );
    }
    assert!(
        other.len() * 5 < count,
        "{} of {count}: {other:#?}",
        other.len()
    );
}

#[test]
fn runs_one_behind_the_other_in_a_file_are_each_told_again() {
    let mut count = 0;
    let runs: Vec<(String, Run)> = runs().collect();
    for pair in runs.windows(2).step_by(40) {
        let both: Vec<u8> = pair
            .iter()
            .flat_map(|(_, run)| capture(run, false))
            .collect();
        let explained = explained(&both);
        assert_eq!(explained.diagnoses.len(), pair.len());
        for ((_, diagnosis), (name, run)) in explained.diagnoses.iter().zip(pair) {
            assert_eq!(diagnosis.outcome, run.outcome, "{name}");
            assert_eq!(diagnosis.standing, Standing::Same, "{name}");
            count += 1;
        }
    }
    assert!(count > 2, "pairs were told");
}

#[test]
fn an_account_that_calls_an_answered_probe_silent_is_contradicted_by_the_packets() {
    let (name, mut run) = runs()
        .find(|(name, _)| name.starts_with("closed "))
        .expect("the scenario of a closed port");
    let late = run.job.deadline;
    let mut told = Evidence::new();
    for observation in run.outcome.evidence.observations() {
        if let Fact::Replied(id, ..) = observation.fact {
            told.record(late, Fact::Expired(id));
        } else {
            told.record(observation.at, observation.fact.clone());
        }
    }
    let live = std::mem::replace(&mut run.outcome.evidence, told);
    let silent = |evidence: &Evidence| {
        let trials = evidence.trials().iter();
        trials.filter(|trial| trial.is_silent()).count()
    };
    assert!(silent(&run.outcome.evidence) > silent(&live), "{name}");
    let explained = explained(&capture(&run, false));
    let [(_, diagnosis)] = explained.diagnoses.as_slice() else {
        panic!("{name}: one diagnosis, not {}", explained.diagnoses.len());
    };
    assert_eq!(silent(&diagnosis.outcome.evidence), silent(&live), "{name}");
    assert_eq!(diagnosis.outcome.finding.verdict.cause, Cause::Closed);
    let mut replies = diagnosis
        .outcome
        .evidence
        .trials()
        .iter()
        .flat_map(|trial| &trial.replies);
    assert!(
        replies.all(|heard| heard.by_tap && heard.by_stack),
        "{name}"
    );
}

/// A capture as version 1 wrote it, of the scenario `closed` over IPv6 in the simulator.
const FIRST_VERSION: &[u8] = include_bytes!("closed-v1.pcapng");

#[test]
fn what_the_first_version_wrote_is_still_told() {
    let explained = explained(FIRST_VERSION);
    let [(_, diagnosis)] = explained.diagnoses.as_slice() else {
        panic!("one diagnosis, not {}", explained.diagnoses.len());
    };
    assert_eq!(diagnosis.outcome.finding.verdict.cause, Cause::Closed);
    assert_eq!(
        diagnosis.outcome.finding.verdict.confidence,
        Confidence::Proven
    );
    assert_eq!(
        (&diagnosis.standing, explained.unread),
        (&Standing::Same, 0)
    );
}

#[test]
fn a_later_versions_steps_are_passed_over_and_counted() {
    let note = format!(
        r#"{} {{"account":{{"session":0,"settled":null,"later":1,"steps":[{{"later":[1]}},{{"heard":7}}]}}}}"#,
        note::SCHEMA
    );
    let Some(Note::Account(account)) = Note::read(&note) else {
        panic!("an account");
    };
    assert_eq!(account.steps, [Step::Unknown, Step::Heard(7)]);
    assert!(Note::is_unread("synquest/capture/2 {}"));
    assert!(!Note::is_unread("a comment") && !Note::is_unread(&note));
}

/// The types of a capture's blocks, in order.
fn block_types(mut octets: &[u8]) -> Vec<u32> {
    let word = |octets: &[u8], at: usize| {
        let word = octets[at..at + 4].try_into().expect("four octets");
        u32::from_le_bytes(word)
    };
    let mut types = Vec::new();
    while !octets.is_empty() {
        types.push(word(octets, 0));
        octets = &octets[word(octets, 4) as usize..];
    }
    types
}

/// editcap takes the link type from the descriptions before any other block, and refuses to write a
/// file that has none there.
#[test]
fn an_interface_is_described_before_any_name() {
    const INTERFACE: u32 = 1;
    const NAMES: u32 = 4;
    let (_, run) = runs().next().expect("a scenario");
    assert!(run.job.endpoint.given.starts_with(char::is_alphabetic));
    let types = block_types(&capture(&run, false));
    assert_eq!(types[1..3], [INTERFACE, NAMES]);
}
