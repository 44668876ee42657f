//! Our own captures, cut anywhere and changed anywhere: never a panic, never a diagnosis more than
//! there was.

use fastrand::Rng;

use super::retold::{capture, explained, runs};
use crate::sim::runner::Run;

fn run(wanted: &str) -> Run {
    runs()
        .find_map(|(name, run)| (name == wanted).then_some(run))
        .expect("a scenario's run")
}

#[test]
fn a_capture_cut_anywhere_is_told_as_far_as_it_goes() {
    let run = run("reject-r2-tcp-reset V4");
    let whole = capture(&run, false);
    let packets = u64::try_from(run.sightings.len()).expect("few");
    let header = 8 + usize::try_from(u32::from_le_bytes(
        *whole[4..].first_chunk::<4>().expect("a length"),
    ))
    .expect("short");
    let mut most = 0;
    for length in (header..whole.len()).step_by(3) {
        let explained = explained(&whole[..length]);
        assert!(explained.diagnoses.len() <= 1);
        assert!(most <= explained.packets && explained.packets <= packets);
        most = explained.packets;
        assert!(explained.damage.len() <= 1, "{:?}", explained.damage);
    }
    assert_eq!(most, packets, "the last cut is behind the last packet");
}

#[test]
fn a_capture_changed_anywhere_is_told_without_a_panic() {
    let mut rng = Rng::with_seed(7);
    for name in ["closed V6", "drop-r2-forward V4"] {
        let whole = capture(&run(name), false);
        for _ in 0..400 {
            let mut changed = whole.clone();
            for _ in 0..rng.usize(1..8) {
                // Beyond the magic, without which it is no capture.
                let at = rng.usize(16..changed.len());
                changed[at] = rng.u8(..);
            }
            let explained = explained(&changed);
            assert!(explained.diagnoses.len() <= 1, "{name}");
        }
    }
}

#[test]
fn a_reply_that_is_changed_no_longer_counts() {
    let run = run("closed V4");
    let whole = capture(&run, false);
    let live = explained(&whole).diagnoses.remove(0).1.outcome;
    // The acknowledgment number of the first reset, which is what makes it an answer to the probe.
    let reply = run.sightings.iter().find(|sighting| !sighting.departing);
    let frame = &reply.expect("an answer").frame;
    let at = whole
        .windows(frame.len())
        .position(|octets| octets == frame.as_slice())
        .expect("the frame is in the file");
    let mut changed = whole.clone();
    changed[at + 20 + 8] ^= 0xff;
    let told = explained(&changed).diagnoses.remove(0).1.outcome;
    let answered = |outcome: &synquest::model::outcome::Outcome| {
        let trials = outcome.evidence.trials().iter();
        trials.filter(|trial| trial.first().is_some()).count()
    };
    assert_eq!(answered(&told) + 1, answered(&live));
}
