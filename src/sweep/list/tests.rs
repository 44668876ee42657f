//! Tests of whole lists.

use proptest::prelude::*;

use super::*;

fn fitness(service: Service<'_>) -> Fitness<'_> {
    Fitness {
        expand: false,
        family: Some(Family::V4),
        broadcasts: &[],
        service,
    }
}

/// The rows of a list as `line given label`, and its bad lines as they are printed.
fn rows(packed: &[u8], format: Option<Format>) -> (Vec<String>, Vec<String>) {
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    let service = |name: &str| (name == "mysql").then_some(3306);
    let read = read(packed, "x", format, &fitness(&service), &mut |line| {
        match line {
            Ok(row) => rows.push(format!(
                "{} {} {}",
                row.line,
                row.given,
                row.label.unwrap_or_default()
            )),
            Err(line) => bad.push(line.to_string()),
        }
        Ok(())
    });
    read.expect("a list");
    (rows, bad)
}

#[test]
fn every_format_says_the_same() {
    let expected = ["2 db:3306 orders", "4 10.0.0.1:mysql "];
    let check = |text: &str| {
        let (rows, bad) = rows(text.as_bytes(), None);
        assert_eq!(bad, [""; 0], "{text}");
        assert_eq!(rows, expected, "{text}");
    };
    check("# c\ndb:3306 orders\n\n10.0.0.1:mysql");
    check("host,port,label\ndb,3306,orders\n#\n10.0.0.1,mysql,\n");
    check("label;endpoint\norders;db:3306\n\n;10.0.0.1:mysql\n");
    check(
        "\n{\"host\":\"db\",\"port\":3306,\"label\":\"orders\"}\n\n\
         {\"endpoint\":\"10.0.0.1:mysql\"}\n",
    );
}

#[test]
fn a_bad_line_is_told_with_its_place_and_the_next_one_is_read() {
    let check = |text: &[u8], bad: &[&str], rows_left: usize| {
        let (rows, found) = rows(text, None);
        assert_eq!(found.len(), bad.len(), "{found:?}");
        for (found, expected) in found.iter().zip(bad) {
            assert!(found.starts_with(expected), "{found} is not {expected}");
        }
        assert_eq!(rows.len(), rows_left);
    };
    check(
        b"db\ndb:0\n  db:99999 x\ndb:1\n",
        &[
            "x:1:1: the port is missing",
            "x:2:4: port 0",
            "x:3:6: port 99999",
        ],
        1,
    );
    check(b"db:1\n\xff\xfe\ndb:2", &["x:2:1: not UTF-8"], 2);
    check(
        b"[::1]:1\n224.0.0.1:1\n",
        &["x:1:1: it has no IPv4", "x:2:1: 224.0.0.1 is a mult"],
        0,
    );
    check(
        b"host,port,expect\na,1,open\nb,x,open\nc,1,ajar\nd,1\n",
        &[
            "x:3:3: port \"x\"",
            "x:4:5: \"ajar\"",
            "x:5:1: 2 fields where the header has 3",
        ],
        1,
    );
    check(
        b"host,port\na,\"1\nb,2\nc,3\n",
        &["x:2:3: a quotation mark"],
        0,
    );
    check(
        b"{\"host\":\"a\",\"port\":1}\n{\"host\":\n",
        &["x:2:8: not JSON"],
        1,
    );
    let long = [&[b'a'; 70_000][..], b":1\ndb:1\n"].concat();
    check(&long, &["x:1:1: longer than 65536 octets"], 1);
}

#[test]
fn a_csv_list_without_the_columns_it_needs_is_no_list() {
    let service = |_: &str| None;
    let check = |text: &str, missing: &str| {
        let format = Some(Format::Csv(b','));
        let read = read(
            text.as_bytes(),
            "x",
            format,
            &fitness(&service),
            &mut |_| Ok(()),
        );
        let message = read.expect_err(text).to_string();
        assert!(message.contains(missing), "{message}");
    };
    check("host,label\na,b\n", "no column port");
    check("a:1\n", "no column host");
}

#[test]
fn an_objection_to_a_row_is_as_bad_as_any_other_fault() {
    let service = |_: &str| None;
    let mut bad = Vec::new();
    let read = read(
        &b"a:1\n"[..],
        "x",
        None,
        &fitness(&service),
        &mut |line| match line {
            Ok(_) => Err(Fault::TooMany),
            Err(line) => {
                bad.push((line.line, line.fault));
                Ok(())
            }
        },
    );
    assert!(read.is_ok());
    assert_eq!(bad, [(1, Fault::TooMany)]);
}

/// Pieces of lists, and what only looks like one.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"host,port\n".to_vec()),
        Just(b"{\"host\":\"a\",\"port\":1}\n".to_vec()),
        Just(b"10.0.0.0/8:1-65535".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"[::1%x]:mysql #".to_vec()),
        Just(b"\x1f\x8b\x08".to_vec()),
        Just(b"\x28\xb5\x2f\xfd".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_is_read_as_a_list_is_read_to_its_end(text in fragments(), expand: bool) {
        let service = |_: &str| None;
        for format in [None, Some(Format::Text), Some(Format::Csv(b',')), Some(Format::Ndjson)] {
            let fitness = Fitness { expand, ..fitness(&service) };
            let mut lines = Vec::new();
            let _ = read(&text[..], "x", format, &fitness, &mut |line| {
                lines.push(match line {
                    Ok(row) => row.line,
                    Err(bad) => bad.line,
                });
                Ok(())
            });
            // Each line is told of once, in order; bad quotation marks begin anew behind theirs.
            prop_assert!(lines.is_sorted());
            prop_assert!(lines.len() <= text.len());
        }
    }
}
