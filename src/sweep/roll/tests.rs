//! Tests of the roll.

use super::super::list::{Fitness, read};
use super::*;

const BROADCASTS: [Ipv4Addr; 1] = [Ipv4Addr::new(10, 0, 0, 3)];

fn roll(text: &str) -> Roll {
    let mut roll = Roll::default();
    let fitness = Fitness {
        expand: true,
        family: None,
        broadcasts: &BROADCASTS,
        service: &|_| None,
    };
    let digest = read(text.as_bytes(), "x", None, &fitness, &mut |row| {
        roll.add(row.expect("a row"), &BROADCASTS)
    });
    assert_eq!(digest.expect("memory").len(), 64);
    roll
}

fn endpoints(roll: &Roll) -> Vec<(String, Vec<u64>)> {
    let named = |entry| match roll.whereabouts(entry) {
        Some((Where::Address(address), port)) => SocketAddr::new(address, port).to_string(),
        Some((Where::Name(name), port)) => format!("{name}:{port}"),
        None => String::new(),
    };
    let lines = |entry| roll.lines_of(entry).map(|asked| asked.line).collect();
    let entries = roll.entries();
    entries.map(|entry| (named(entry), lines(entry))).collect()
}

#[test]
fn an_endpoint_stands_once_with_every_line_that_asks_for_it() {
    let mut roll = roll("10.0.0.9:1\n10.0.0.0/30:1,2\n10.0.0.2:2 spare\n[::ffff:10.0.0.9]:1\n");
    roll.sort();
    let expected: [(&str, &[u64]); 7] = [
        ("10.0.0.0:1", &[2]),
        ("10.0.0.0:2", &[2]),
        ("10.0.0.1:1", &[2]),
        ("10.0.0.1:2", &[2]),
        ("10.0.0.2:1", &[2]),
        ("10.0.0.2:2", &[2, 3]),
        ("10.0.0.9:1", &[1, 4]),
    ];
    let expected = expected.map(|(name, lines)| (name.to_owned(), lines.to_vec()));
    assert_eq!(endpoints(&roll), expected);
    for entry in roll.entries() {
        let (at, port) = roll.whereabouts(entry).expect("an entry");
        assert_eq!(roll.find(at, port), Some(entry));
    }
    let spare = roll.find(Where::Address("10.0.0.2".parse().expect("one")), 2);
    let asked: Vec<Asked> = roll.lines_of(spare.expect("there")).collect();
    assert_eq!(asked[1].label.as_deref(), Some("spare"));
    assert_eq!(
        roll.find(Where::Address("10.0.0.3".parse().expect("one")), 1),
        None
    );
}

#[test]
fn a_name_gives_way_to_its_addresses_or_keeps_its_reason() {
    let mut roll = roll("db:1\n10.0.0.9:1\nbad:1\nworse:1\ndb:2\n");
    assert_eq!(
        roll.names_wanted().collect::<Vec<_>>(),
        ["db", "bad", "worse"]
    );
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    roll.resolve(
        |name| match name {
            "db" => Ok(vec![address("10.0.0.9"), address("2001:db8::1")]),
            "bad" => Ok(vec![address("10.0.0.8"), address("224.0.0.1")]),
            _ => Err("nobody knows it".to_owned()),
        },
        None,
        &BROADCASTS,
    );
    roll.sort();
    let expected: [(&str, &[u64]); 6] = [
        ("10.0.0.9:1", &[1, 2]),
        ("10.0.0.9:2", &[5]),
        ("[2001:db8::1]:1", &[1]),
        ("[2001:db8::1]:2", &[5]),
        ("bad:1", &[3]),
        ("worse:1", &[4]),
    ];
    let expected = expected.map(|(name, lines)| (name.to_owned(), lines.to_vec()));
    assert_eq!(endpoints(&roll), expected);
    let reasons: Vec<String> = roll
        .entries()
        .filter_map(|entry| roll.unresolved(entry))
        .map(|unresolved| unresolved.because)
        .collect();
    assert!(reasons[0].contains("multicast"), "{reasons:?}");
    assert_eq!(reasons[1], "nobody knows it");
}

#[test]
fn a_line_comes_back_as_it_was_read() {
    let mut roll =
        roll("host,port,label,expect,group,owner,note\ndb,1,\"a \"\"b\"\"\",filtered,west,Zoë,\n");
    roll.sort();
    let entry = roll.entries().next().expect("one");
    let asked = roll.lines_of(entry).next().expect("a line");
    assert_eq!(asked.label.as_deref(), Some("a \"b\""));
    assert_eq!(asked.group.as_deref(), Some("west"));
    assert_eq!(asked.expect, "filtered".parse().ok());
    let columns: Vec<_> = asked.columns.into_iter().collect();
    let expected = [("owner", "Zoë"), ("note", "")];
    assert_eq!(columns, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn a_list_has_no_more_endpoints_than_a_sweep_may_have() {
    let mut roll = Roll::default();
    let row = |given: &str| Row {
        line: 1,
        given: given.to_owned(),
        pattern: super::super::list::Pattern::parse(given, true, &|_| None).expect(given),
        label: None,
        group: None,
        expect: None,
        others: Vec::new(),
    };
    assert_eq!(roll.add(row("10.0.0.0/16:1"), &[]), Ok(()));
    assert_eq!(roll.add(row("10.0.0.0/7:1"), &[]), Err(Fault::TooMany));
    assert_eq!(roll.add(row("[::/0]:1"), &[]).err(), Some(Fault::TooMany));
}
