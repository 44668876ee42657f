//! Captures of a sweep: what writer, reader and hold keep is that of the diagnoses open at once,
//! however many there are.

use std::io::Cursor;
use std::ops::ControlFlow;

use synquest::capture::explain::explain;
use synquest::capture::hold::{Hold, MOST_OCTETS, MOST_PACKETS};
use synquest::capture::read::Reader;
use synquest::capture::replay::Standing;
use synquest::capture::write::Writer;
use synquest::engine::{Attribution, Role, SessionId, Sighting};
use synquest::model::endpoint::Family;
use synquest::model::evidence::{NearMiss, NearMissKind};
use synquest::model::probe::Ttl;

use super::retold::origin;
use crate::scenario::read_all;
use crate::sim::runner::{self, Run};

const DIAGNOSES: usize = 2000;

fn closed() -> Run {
    let scenarios = read_all();
    let closed = scenarios.iter().find(|scenario| scenario.name == "closed");
    runner::run(closed.expect("a scenario"), Family::V4, 1, false)
}

fn of(session: SessionId, sighting: &Sighting) -> Sighting {
    let role = sighting.attribution.role;
    Sighting {
        attribution: Attribution { session, role },
        ..sighting.clone()
    }
}

/// As many diagnoses one after the other, each of which some packets come after.
fn capture(run: &Run) -> Vec<u8> {
    let mut writer = Writer::begin(Cursor::new(Vec::new()), &origin()).expect("memory takes all");
    for session in (0..DIAGNOSES).map(SessionId) {
        writer.open(session, run.job.clone()).expect("written");
        for sighting in &run.sightings {
            writer.write(&of(session, sighting)).expect("written");
        }
        assert_eq!(writer.kept(), 1);
        writer.settle(session, &run.outcome).expect("written");
        assert_eq!(
            writer.kept(),
            0,
            "a settled diagnosis leaves nothing behind"
        );
        let late = run.sightings.last().expect("a packet");
        writer.write(&of(session, late)).expect("written");
    }
    writer.finish().expect("written").into_inner()
}

#[test]
fn a_sweep_is_written_and_told_in_the_room_of_one_diagnosis() {
    let run = closed();
    let octets = capture(&run);
    let mut told = 0;
    let reader = Reader::open(octets.as_slice()).expect("a capture");
    let explained = explain(reader, &mut |_, diagnosis| {
        assert_eq!(diagnosis.standing, Standing::Same);
        assert_eq!(diagnosis.outcome, run.outcome);
        told += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(told, DIAGNOSES);
    let packets = DIAGNOSES * (run.sightings.len() + 1);
    assert_eq!(explained.packets, u64::try_from(packets).expect("few"));
    // With the first packet of the next.
    assert!(explained.most_kept <= run.sightings.len() + 1);
    assert!(explained.observed.is_none(), "late packets are ours");
}

#[test]
fn telling_ends_when_nobody_listens() {
    let run = closed();
    let octets = capture(&run);
    let mut told = 0;
    let reader = Reader::open(octets.as_slice()).expect("a capture");
    explain(reader, &mut |_, _| {
        told += 1;
        ControlFlow::Break(())
    });
    assert_eq!(told, 1);
}

#[test]
fn a_flood_of_near_misses_leaves_the_account_as_it_was() {
    let run = closed();
    let answer = run.sightings.iter().find(|sighting| !sighting.departing);
    let mut miss = answer.expect("an answer").clone();
    miss.attribution.role = Role::NearMiss(NearMiss {
        kind: NearMissKind::Other,
        from: run.job.endpoint.address,
        ttl: Ttl(61),
        ports: [40_000, run.job.endpoint.port],
        numbers: [1, 2],
    });
    let write = |misses: usize| {
        let session = SessionId(0);
        let mut writer = Writer::begin(Cursor::new(Vec::new()), &origin()).expect("memory");
        writer.open(session, run.job.clone()).expect("written");
        for sighting in &run.sightings {
            writer.write(sighting).expect("written");
        }
        for _ in 0..misses {
            writer.write(&miss).expect("written");
        }
        writer.settle(session, &run.outcome).expect("written")
    };
    assert_eq!(write(0), write(100_000));
}

#[test]
fn a_hold_stays_within_its_bounds_and_frees_what_it_gives() {
    let run = closed();
    let mut hold = Hold::default();
    let mut seen = 0;
    for session in (0..DIAGNOSES).map(SessionId) {
        hold.open(session, run.job.clone());
        for sighting in run.sightings.iter().cycle().take(MOST_PACKETS + 1) {
            hold.see(&of(session, sighting));
            seen += 1;
        }
        assert!(hold.octets() <= MOST_OCTETS);
    }
    let mut held = 0;
    for session in (0..DIAGNOSES).map(SessionId) {
        let diagnosis = hold.take(session).expect("open");
        assert!(diagnosis.sightings.len() <= MOST_PACKETS);
        held += diagnosis.sightings.len();
    }
    assert_eq!(hold.octets(), 0);
    assert!(hold.left_out() > 0);
    let left_out = usize::try_from(hold.left_out()).expect("few");
    assert_eq!(held + left_out, seen, "each is held or counted");
}
