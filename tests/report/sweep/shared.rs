//! What results share: groups by cause and place, the tree of their paths.

use synquest::report::record::{HopName, PlaceRecord, Record};
use synquest::report::sweep::brief::{Brief, Standing};
use synquest::report::sweep::group;
use synquest::report::sweep::summary::Summary;
use synquest::report::sweep::tree::{At, Stop};

use super::made::{
    BEHIND, FIREWALL, FIRST, Hop, SECOND, at, between, gathered, hop, judged, place, results,
};
use crate::report::outcomes::{drop_path, open, record};

fn summary(records: &[Record]) -> Summary {
    gathered(records.iter().map(Brief::from)).0
}

fn opened(number: u64, hops: &[Hop]) -> Record {
    let target = format!("10.3.{}.{}", number / 250, number % 250 + 1);
    at(record(&open()), &format!("{target}:3306"), &target, hops)
}

fn dropped(number: u64, hops: &[Hop], place: PlaceRecord) -> Record {
    let words = ["filtered", "drop-path", "confirmed"];
    let dropped = at(
        record(&drop_path()),
        "x:3306",
        &format!("10.4.0.{number}"),
        hops,
    );
    judged(dropped, words, place)
}

#[test]
fn the_order_in_which_results_settle_changes_nothing() {
    let (mut records, _) = results();
    let forward = summary(&records);
    records.reverse();
    assert_eq!(summary(&records), forward);
}

#[test]
fn a_place_is_shared_by_the_addresses_that_bound_it_and_by_distance_where_they_are_silent() {
    let check = |places: &[PlaceRecord], fates: &[&str]| {
        let records: Vec<Record> = places
            .iter()
            .zip(1..)
            .map(|(place, number)| dropped(number, &[FIRST, SECOND], place.clone()))
            .collect();
        let groups = summary(&records).groups;
        let found = groups
            .iter()
            .map(|group| format!("{} {}", group.endpoints, group.fate));
        assert_eq!(found.collect::<Vec<_>>(), fates, "{places:?}");
    };
    let longer = (5, FIREWALL.1);
    let (silent, far) = ((4, None), (5, None));
    check(
        &[between(FIREWALL, BEHIND), between(longer, BEHIND)],
        &["2 die between hop 3 (10.1.2.3) and hop 4 (10.1.2.4)"],
    );
    check(
        &[between(FIREWALL, BEHIND), between(FIREWALL, silent)],
        &["2 die between hop 3 (10.1.2.3) and hop 4"],
    );
    check(
        &[
            between(FIREWALL, silent),
            between(FIREWALL, far),
            between(FIREWALL, silent),
        ],
        &["3 die after hop 3 (10.1.2.3)"],
    );
    check(
        &[
            between((3, None), BEHIND),
            between((3, None), (4, SECOND.1)),
        ],
        &[
            "1 dies between hop 3 and hop 4 (10.1.2.4)",
            "1 dies between hop 3 and hop 4 (10.9.1.2)",
        ],
    );
    let host = |distance| PlaceRecord {
        at_hop: Some(hop((distance, None))),
        ..place("host")
    };
    check(&[host(3), host(4), host(4)], &["3 die at hop 3"]);
    check(
        &[place("edge"), place("path")],
        &["1 dies right before the target host", "1 dies on the path"],
    );
}

#[test]
fn unexpected_results_come_first_undecided_ones_last_and_of_each_the_largest_group_first() {
    let (records, _) = results();
    let groups = summary(&records).groups;
    let order: Vec<(Standing, u64)> = groups
        .iter()
        .map(|group| (group.standing, group.endpoints))
        .collect();
    assert_eq!(
        order,
        [
            (Standing::Unexpected, 1),
            (Standing::NotOpen, 37),
            (Standing::NotOpen, 3),
            (Standing::Fine, 2),
            (Standing::Undecided, 1),
        ]
    );
    assert_eq!(
        groups[1].fate,
        "die between hop 3 (10.1.2.3) and hop 4 (10.1.2.4)"
    );
    assert_eq!(groups[1].confidence, ("likely".into(), "confirmed".into()));
    assert_eq!(groups[1].members.len(), group::MOST_MEMBERS);
    assert_eq!(groups[1].members[1], "db2.example:3306 = 10.2.0.2:3306");
    assert_eq!(
        groups[1].files,
        [("us".to_owned(), 25), ("eu".to_owned(), 12)]
    );
    assert!(!groups[1].same_advice);
}

#[test]
fn groups_beyond_the_limit_are_counted_by_their_cause_alone() {
    let mut records = Vec::new();
    for number in 0..1_500_u16 {
        let [high, low] = number.to_be_bytes();
        let mut record = dropped(1, &[], place("path"));
        record.verdict.place.after_hop = Some(HopName {
            ttl: 3,
            address: Some(std::net::IpAddr::from([10, 7, high, low])),
            inferred: false,
        });
        record.endpoint.port = number + 1;
        records.push(record);
    }
    let groups = summary(&records).groups;
    assert_eq!(groups.len(), group::MOST_GROUPS + 1);
    assert_eq!(groups[0].endpoints, 500);
    assert_eq!(groups[0].fate, "die at different places");
    assert_eq!(
        groups.iter().map(|group| group.endpoints).sum::<u64>(),
        1_500
    );
}

/// The stops of `records`' tree: indented address (or distance), endpoints that get there, ends.
fn drawn(records: &[Record]) -> Vec<String> {
    let tree = summary(records).tree;
    let depth = |stop: &Stop| {
        let mut depth = 0;
        let mut at = stop.parent;
        while let Some(parent) = at {
            depth += 1;
            at = tree.stops[parent].parent;
        }
        depth
    };
    let ends = |stop: &Stop| -> String {
        let ends = stop.ends.iter();
        ends.map(|(end, count)| {
            let at = match end.at {
                At::Before => "before",
                At::Here => "here",
                At::Behind => "behind",
                At::Target => "target",
                At::Unmeasured => "unmeasured",
            };
            format!(" {count} {} {at}", end.cause)
        })
        .collect()
    };
    let stops = tree.stops.iter();
    stops
        .map(|stop| {
            let name = stop
                .address
                .map_or("*".to_owned(), |address| address.to_string());
            format!(
                "{}{name} {}{}",
                " ".repeat(depth(stop)),
                stop.reached,
                ends(stop)
            )
        })
        .collect()
}

#[test]
fn common_hops_stand_once_and_a_drop_stands_before_the_hop_that_is_not_reached() {
    let way = [FIRST, SECOND, FIREWALL];
    let found = drawn(&[
        opened(1, &[FIRST, SECOND]),
        dropped(2, &way, between(SECOND, FIREWALL)),
        dropped(3, &way, between(SECOND, FIREWALL)),
        dropped(4, &[FIRST], between(FIRST, (2, None))),
    ]);
    assert_eq!(
        found,
        [
            "10.9.0.2 4",
            " 10.9.0.1 4 1 drop-path behind",
            "  10.9.1.2 3 1 open target",
            "   10.1.2.3 0 2 drop-path before",
        ]
    );
}

#[test]
fn hops_that_nobody_reaches_are_drawn_only_where_there_is_one_way_to_go() {
    let behind = (4, Some("10.1.2.9"));
    let to = |number, next| {
        dropped(
            number,
            &[FIRST, SECOND, FIREWALL, next],
            between(FIREWALL, next),
        )
    };
    let one = drawn(&[to(1, BEHIND), to(2, BEHIND)]);
    assert_eq!(
        one.last().map(String::as_str),
        Some("    10.1.2.4 0 2 drop-path before")
    );
    let two = drawn(&[to(1, BEHIND), to(2, behind)]);
    assert_eq!(
        two.last().map(String::as_str),
        Some("   10.1.2.3 2 2 drop-path behind")
    );
}

#[test]
fn a_silence_is_the_hop_that_others_saw_between_the_same_two() {
    let seen = opened(1, &[FIRST, SECOND, FIREWALL]);
    let silent = opened(2, &[FIRST, (2, None), FIREWALL]);
    let skipped = opened(3, &[FIRST, FIREWALL, BEHIND]);
    let one = [
        "10.9.0.2 3",
        " 10.9.0.1 3",
        "  10.9.1.2 3",
        "   10.1.2.3 3 2 open target",
        "    10.1.2.4 1 1 open target",
    ];
    assert_eq!(drawn(&[seen.clone(), silent.clone(), skipped.clone()]), one);
    assert_eq!(drawn(&[skipped, silent.clone(), seen.clone()]), one);
    // Of two ways that fit, it may be either: it stays what it is.
    let other = opened(4, &[FIRST, (2, Some("10.9.1.3")), FIREWALL]);
    let both = drawn(&[seen, silent, other]);
    assert_eq!(
        both.iter().filter(|stop| stop.contains("10.1.2.3")).count(),
        3
    );
    assert!(both.contains(&"  * 1".to_owned()), "{both:?}");
}

#[test]
fn silence_at_the_end_of_a_path_is_no_hop_and_an_unmeasured_path_is_called_so() {
    let found = drawn(&[
        opened(1, &[]),
        dropped(2, &[FIRST, (2, None), (3, None)], between(FIRST, (2, None))),
    ]);
    assert_eq!(
        found,
        [
            "10.9.0.2 2 1 open unmeasured",
            " 10.9.0.1 1 1 drop-path behind"
        ]
    );
}

#[test]
fn a_path_that_turns_back_ends_where_it_does() {
    let found = drawn(&[opened(1, &[SECOND, FIRST, SECOND, FIREWALL])]);
    assert_eq!(
        found,
        ["10.9.0.2 1", " 10.9.1.2 1", "  10.1.2.3 1 1 open target"]
    );
}

#[test]
fn what_a_sweep_keeps_is_bounded_and_its_counts_are_not() {
    let mut records = Vec::new();
    for number in 0..25_000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let mut record = opened(1, &[FIRST, SECOND]);
        record.evidence.clear();
        record.path[1].address = Some(std::net::IpAddr::from([172, a, b, c]));
        records.push(record);
    }
    let summary = summary(&records);
    let tree = &summary.tree;
    assert_eq!(tree.stops.len(), synquest::report::sweep::tree::MOST_HOPS);
    let ends = tree.stops.iter().flat_map(|stop| &stop.ends);
    assert_eq!(ends.map(|(_, count)| count).sum::<u64>(), 25_000);
    assert_eq!(tree.stops[0].endpoints, 25_000);
    assert_eq!(summary.groups.len(), 1);
}
