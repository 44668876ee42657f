//! Full-size packets: both ways, by echo requests and by SYNs with data.

use super::*;
use crate::model::verdict::{Alternative, Way};

/// What vanishes, by size and kind; all else is as on a healthy path to a listener.
fn unless(vanishes: impl Fn(&Probe, u16) -> bool) -> impl Fn(&Probe, Moment) -> Drew {
    move |probe, _| {
        let size = probe.padded_to.unwrap_or(60);
        healthy(probe, true).filter(|_| !vanishes(probe, size))
    }
}

type Drew = Option<(Duration, Reply)>;

const fn is_echo(probe: &Probe) -> bool {
    matches!(probe.kind, Kind::Echo)
}

/// Open and `proven`; gives what is said of the hole, and how many padded SYNs and echoes it cost.
#[track_caller]
fn open(script: Script<'_>, seconds: f64) -> (Alternative, usize, usize) {
    let finding = check(script, Cause::Open, Confidence::Proven, seconds);
    let (_, evidence, _) = run(script, &|_| None, &job());
    let padded = |kind: Kind| {
        let trials = evidence.trials().iter().map(|trial| trial.probe);
        trials
            .filter(|probe| probe.kind == kind && probe.padded_to.is_some())
            .count()
    };
    let mut others = finding.alternatives.into_iter();
    let hole = others.find(|other| other.cause == Cause::MtuBlackHole);
    let hole = hole.expect("what is said of full-size packets");
    let says = finding.verdict.summary.contains("Not tested");
    assert_eq!(says, !hole.ruled_out, "{}", finding.verdict.summary);
    (hole, padded(Kind::Syn), padded(Kind::Echo))
}

#[track_caller]
fn hole(script: Script<'_>, confidence: Confidence, way: Option<Way>) -> Finding {
    let finding = check(script, Cause::MtuBlackHole, confidence, 15.0);
    assert_eq!(
        finding.verdict.place.way, way,
        "{}",
        finding.verdict.summary
    );
    let mut others = finding.alternatives.iter();
    assert!(others.any(|other| other.cause == Cause::Open && !other.ruled_out));
    finding
}

#[test]
fn one_full_size_echo_shows_both_ways() {
    let (hole, syns, echoes) = open(&unless(|_, _| false), 1.0);
    assert!(hole.ruled_out, "{}", hole.because);
    assert_eq!((syns, echoes), (0, 1));
}

#[test]
fn a_filter_on_syns_with_data_is_no_hole_where_echo_is_answered() {
    for least in [61, 600] {
        let filter = unless(|probe, size| !is_echo(probe) && size >= least);
        let (hole, syns, _) = open(&filter, 1.0);
        assert!(hole.ruled_out, "{}", hole.because);
        assert_eq!(syns, 0);
    }
}

#[test]
fn a_filter_on_syns_with_data_hides_sizes_where_echo_is_not_answered() {
    let (hole, ..) = open(&unless(|probe, size| is_echo(probe) || size > 60), 8.0);
    assert!(!hole.ruled_out, "{}", hole.because);
    assert!(
        hole.because.contains("whatever their size"),
        "{}",
        hole.because
    );
}

#[test]
fn full_size_packets_lost_on_the_way_there_are_a_hole_with_a_place() {
    for echo_answers in [true, false] {
        let lost =
            unless(|probe, size| size > 1400 && probe.ttl.0 > 2 || !echo_answers && is_echo(probe));
        let finding = hole(&lost, Confidence::Likely, Some(Way::ToServer));
        let place = finding.verdict.place;
        assert_eq!(place.after_hop.map(|hop| hop.ttl), Some(2));
        assert_eq!(place.before_hop.map(|hop| hop.ttl), Some(3));
    }
}

#[test]
fn full_size_answers_that_are_lost_are_suspected_of_a_hole_on_the_way_back() {
    let lost = unless(|probe, size| is_echo(probe) && size > 1400);
    let finding = hole(&lost, Confidence::Likely, Some(Way::ToClient));
    let place = finding.verdict.place;
    assert_eq!((place.after_hop, place.before_hop), (None, None));
}

#[test]
fn filtered_large_echo_requests_are_no_hole() {
    for least in [100, 600, 1024] {
        let filter = unless(|probe, size| is_echo(probe) && size >= least);
        let (hole, syns, echoes) = open(&filter, 5.0);
        assert!(!hole.ruled_out, "{}", hole.because);
        assert!(syns <= 1 && echoes <= 4, "{syns} SYNs, {echoes} echoes");
    }
}

#[test]
fn without_echo_the_way_back_is_not_tested() {
    let (hole, syns, echoes) = open(&unless(|probe, _| is_echo(probe)), 8.0);
    assert!(!hole.ruled_out);
    assert!(hole.because.contains("get there"), "{}", hole.because);
    assert_eq!((syns, echoes), (1, 0));
}

#[test]
fn a_hole_beside_a_filter_on_syns_with_data_is_possible_on_either_way() {
    let lost = unless(|probe, size| {
        if is_echo(probe) {
            size > 1400
        } else {
            size > 60
        }
    });
    hole(&lost, Confidence::Possible, None);
}

#[test]
fn a_lost_full_size_echo_is_asked_again() {
    let first = std::cell::Cell::new(None);
    let (hole, ..) = open(
        &|probe, now| {
            let large = is_echo(probe) && probe.padded_to.is_some();
            if large && first.get().is_none_or(|first| first == now) {
                first.set(Some(now));
                return None;
            }
            healthy(probe, true)
        },
        5.0,
    );
    assert!(hole.ruled_out, "{}", hole.because);
}

/// A router at hop 2 that says what fits.
fn honest(probe: &Probe, most: u16) -> Drew {
    let too_big = Answer::TooBig {
        mtu: Some(most),
        quote: quote(probe),
    };
    if probe.padded_to.is_some_and(|size| size > most) && probe.ttl.0 > 2 {
        return Some(reply(address(2), 2, Dscp::CS6, too_big));
    }
    healthy(probe, true)
}

#[test]
fn where_a_router_says_what_fits_that_size_is_tested_and_larger_answers_are_not() {
    let (hole, syns, echoes) = open(&|probe, _| honest(probe, 1400), 2.0);
    assert!(!hole.ruled_out);
    assert!(hole.because.contains("1400"), "{}", hole.because);
    assert_eq!((syns, echoes), (0, 2));
}

#[test]
fn a_second_narrower_link_that_says_nothing_is_a_hole() {
    let lost = |probe: &Probe, _| {
        let lost = probe.padded_to.is_some_and(|size| size > 1400) && probe.ttl.0 > 3;
        honest(probe, 1450).filter(|(_, reply)| reply.answer.too_big().is_some() || !lost)
    };
    let finding = hole(&lost, Confidence::Likely, Some(Way::ToServer));
    assert_eq!(finding.verdict.place.after_hop.map(|hop| hop.ttl), Some(3));
}

#[test]
fn what_the_mss_of_the_port_never_lets_out_is_not_measured() {
    let clamped = |probe: &Probe, _| {
        let (delay, mut found) = healthy(probe, true)?;
        if let Answer::SynAck { mss, .. } = &mut found.answer {
            *mss = Some(1360);
        }
        let lost = probe.padded_to.is_some_and(|size| size > 1400);
        (!lost).then_some((delay, found))
    };
    let (hole, ..) = open(&clamped, 1.0);
    assert!(hole.ruled_out, "{}", hole.because);
}

#[test]
fn an_echo_reply_in_pieces_or_cut_short_shows_the_way_there_only() {
    for (length, in_pieces) in [(1396, true), (92, false)] {
        let script = |probe: &Probe, _: Moment| {
            let (delay, mut found) = healthy(probe, true)?;
            if probe.padded_to.is_some() && is_echo(probe) {
                found.answer = Answer::EchoReply { length, in_pieces };
            }
            Some((delay, found))
        };
        let (hole, syns, _) = open(&script, 1.0);
        assert!(!hole.ruled_out && hole.because.contains(&length.to_string()));
        assert_eq!(syns, 0);
    }
}

#[test]
fn the_echo_of_the_address_says_nothing_of_a_port_on_another_machine() {
    let translated = |probe: &Probe, _: Moment| {
        let (delay, found) = healthy(probe, true)?;
        let inward = to_port(probe) && probe.ttl.is_full();
        let ttl = Ttl(found.ttl.0 - u8::from(inward));
        Some((delay, Reply { ttl, ..found }))
    };
    let (finding, evidence, _) = run(&translated, &|_| None, &job());
    assert_eq!(finding.verdict.cause, Cause::Open);
    let mut others = finding.alternatives.iter();
    assert!(others.any(|other| other.cause == Cause::MtuBlackHole && !other.ruled_out));
    let mut trials = evidence.trials().iter();
    assert!(trials.any(|trial| trial.probe.kind == Kind::Syn && trial.probe.padded_to.is_some()));
}

#[test]
fn sizes_that_were_not_to_be_tested_are_not_ruled_out() {
    let unasked = Job {
        check_mtu: false,
        ..job()
    };
    let (finding, ..) = run(&unless(|_, _| false), &|_| None, &unasked);
    let verdict = &finding.verdict;
    assert_eq!(
        (verdict.cause, verdict.confidence),
        (Cause::Open, Confidence::Proven)
    );
    let mut others = finding.alternatives.iter();
    assert!(others.any(|other| other.cause == Cause::MtuBlackHole && !other.ruled_out));
}
