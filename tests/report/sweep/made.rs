//! Records of a sweep, made by hand: one way through a provider, a firewall in it, and targets with
//! firewalls of their own.

use synquest::report::advice::piece::Advice;
use synquest::report::listed::{Line, Unresolved, UnresolvedEndpoint};
use synquest::report::record::{HopName, HopRecord, PlaceRecord, Record, Run};
use synquest::report::sweep::brief::Brief;
use synquest::report::sweep::digest::Digest;
use synquest::report::sweep::facts::Facts;
use synquest::report::sweep::listing::Listing;
use synquest::report::sweep::summary::Summary;

use crate::report::outcomes::{drop_path, open, record, reject_path};

/// A hop of a path: its distance and its address.
pub(super) type Hop = (u8, Option<&'static str>);

/// A place of which only the kind is known.
pub(super) fn place(kind: &str) -> PlaceRecord {
    PlaceRecord {
        kind: kind.into(),
        at_hop: None,
        after_hop: None,
        before_hop: None,
        way: None,
        translated_at: None,
    }
}

pub(super) fn hop((ttl, address): Hop) -> HopName {
    HopName {
        ttl,
        address: address.map(|text| text.parse().expect("an address")),
        inferred: false,
    }
}

/// The place between two hops.
pub(super) fn between(after: Hop, before: Hop) -> PlaceRecord {
    PlaceRecord {
        after_hop: Some(hop(after)),
        before_hop: Some(hop(before)),
        ..place("path")
    }
}

/// `record` as a result on `name` at `target`, whose path is `hops` and then the target.
pub(super) fn at(mut record: Record, name: &str, target: &str, hops: &[Hop]) -> Record {
    let before = record.endpoint.address;
    record.endpoint.given = name.to_owned();
    record.endpoint.address = target.parse().expect("an address");
    record.endpoint.label = None;
    record.path = hops
        .iter()
        .map(|&(ttl, address)| HopRecord {
            ttl,
            address: hop((ttl, address)).address,
            rtt_us: address.map(|_| 200 * u64::from(ttl)),
            endpoint_flow: None,
            control_flow: None,
            notes: Vec::new(),
        })
        .collect();
    let address = record.endpoint.address;
    for entry in &mut record.evidence {
        entry.from = entry
            .from
            .map(|from| if from == before { address } else { from });
    }
    record
}

/// `record` with another verdict.
pub(super) fn judged(
    mut record: Record,
    [state, cause, confidence]: [&str; 3],
    place: PlaceRecord,
) -> Record {
    let verdict = &mut record.verdict;
    verdict.state = state.into();
    verdict.cause = cause.into();
    verdict.confidence = confidence.into();
    verdict.place = place;
    verdict.summary = format!("Port 3306 of {} is {cause}.", record.endpoint.address);
    let advice = Advice::new(
        format!("owner of what is {cause}"),
        format!("Let this host reach {}.", record.endpoint.address),
    );
    record.advice = vec![advice.run(format!("synquest probe {}:3306", record.endpoint.address))];
    record
}

/// `record` with a line of a list.
pub(super) fn listed(mut record: Record, line: Line) -> Record {
    record.list.push(line);
    record
}

pub(super) const FIRST: Hop = (1, Some("10.9.0.1"));
pub(super) const SECOND: Hop = (2, Some("10.9.1.2"));
pub(super) const FIREWALL: Hop = (3, Some("10.1.2.3"));
pub(super) const BEHIND: Hop = (4, Some("10.1.2.4"));

/// 37 endpoints dropped behind one hop, three closed ones, two open ones, one refused elsewhere, one
/// undecided, one without an address.
pub(super) fn results() -> (Vec<Record>, Unresolved) {
    let mut records = Vec::new();
    let line = |number: u64, group: &str, expect: Option<&str>, met: Option<bool>| Line {
        line: number,
        group: Some(group.to_owned()),
        expect: expect.map(str::to_owned),
        as_expected: met,
        columns: [("ticket".to_owned(), format!("NET-{number}"))].into(),
        ..Line::default()
    };
    for number in 1_u64..=37 {
        let way = [FIRST, SECOND, FIREWALL, BEHIND];
        let target = format!("10.2.0.{number}");
        let name = format!("db{number}.example:3306");
        let dropped = at(record(&drop_path()), &name, &target, &way);
        let confidence = if number % 5 == 0 {
            "likely"
        } else {
            "confirmed"
        };
        let words = ["filtered", "drop-path", confidence];
        let group = if number % 3 == 0 { "eu" } else { "us" };
        let dropped = judged(dropped, words, between(FIREWALL, BEHIND));
        records.push(listed(dropped, line(number, group, None, None)));
    }
    for number in 38_u64..=40 {
        let way = [FIRST, (2, None), FIREWALL, BEHIND];
        let target = format!("10.2.0.{number}");
        let name = format!("{target}:3306");
        let closed = at(record(&open()), &name, &target, &way);
        let closed = judged(closed, ["closed", "closed", "proven"], place("host"));
        records.push(listed(closed, line(number, "eu", None, None)));
    }
    for number in 41_u64..=42 {
        let target = format!("10.3.0.{number}");
        let opened = at(
            record(&open()),
            &format!("{target}:3306"),
            &target,
            &[FIRST, SECOND],
        );
        records.push(listed(opened, line(number, "us", Some("open"), Some(true))));
    }
    let refused = at(
        record(&reject_path()),
        "10.3.0.43:3306",
        "10.3.0.43",
        &[FIRST, SECOND],
    );
    let acts = PlaceRecord {
        at_hop: Some(hop(SECOND)),
        ..place("path")
    };
    let refused = judged(refused, ["filtered", "reject-path", "proven"], acts);
    records.push(listed(refused, line(43, "us", Some("open"), Some(false))));
    let silent = at(
        record(&drop_path()),
        "10.3.0.44:3306",
        "10.3.0.44",
        &[FIRST, (2, None)],
    );
    let nowhere = PlaceRecord {
        after_hop: Some(hop(FIRST)),
        ..place("unknown")
    };
    let silent = judged(silent, ["filtered", "drop-somewhere", "possible"], nowhere);
    records.push(listed(silent, line(44, "us", None, None)));
    let unresolved = Unresolved::new(
        UnresolvedEndpoint {
            given: "gone.example:3306".to_owned(),
            port: 3306,
            label: Some("the old one".to_owned()),
        },
        "the name has no address".to_owned(),
        vec![line(45, "us", None, None)],
        &Run::new(Some(7), "2026-11-22T12:00:00Z"),
    );
    (records, unresolved)
}

pub(super) fn facts() -> Facts {
    Facts {
        endpoints: Some(45),
        started: "2026-11-22T12:00:00Z".to_owned(),
        elapsed_us: Some(14_200_000),
        probes_sent: 1_234,
        replies: 567,
        receive_drops: 0,
        interrupted: false,
    }
}

/// The summary and the rows of these results.
pub(super) fn gathered<'a>(briefs: impl IntoIterator<Item = Brief<'a>>) -> (Summary, Listing) {
    let (mut digest, mut listing) = (Digest::new(), Listing::default());
    for brief in briefs {
        digest.add(&brief);
        listing.add(&brief);
    }
    (digest.finish(facts()), listing)
}

/// Those of [`results`].
pub(crate) fn sweep() -> (Summary, Listing) {
    let (records, unresolved) = results();
    let briefs = records.iter().map(Brief::from);
    gathered(briefs.chain([Brief::from(&unresolved)]))
}
