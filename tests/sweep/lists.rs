//! What a sweep reads, and what it says of it.

use std::io::Write as _;

use super::{Folder, alone, documents, ended};
use crate::cli::{may_send, run, stderr, stdout, synquest, synquest_without_net_raw};

#[test]
fn bad_input_is_refused_with_2_and_its_place_before_privilege_is_asked_for() {
    let folder = Folder::new("bad");
    let check = |list: &str, more: &[&str], named: &[&str]| {
        let path = folder.write("list", list);
        let output = run(
            synquest_without_net_raw(),
            &[&["sweep", &path], more].concat(),
        );
        let message = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{list}: {message}");
        for named in named {
            assert!(message.contains(named), "{list}: {message}");
        }
        assert_eq!(stdout(&output), "", "{list}");
    };
    let place = |line_and_column: &str| format!("{}:{line_and_column}", folder.at("list"));
    check(
        "db:1\ndb\n ok:0\n",
        &[],
        &[
            "2 of the lines",
            "--skip-bad",
            &format!("{}: the port is missing", place("2:1")),
            &format!("{}: port 0 is not", place("3:5")),
        ],
    );
    check(
        "host,port,expect\na,1,ajar\n",
        &[],
        &[&place("2:5"), "\"ajar\""],
    );
    check("10.0.0.0/30:1\n", &[], &[&place("1:1"), "--expand"]);
    check("224.0.0.1:1\n", &[], &["multicast"]);
    check("[::1]:1\n", &["-4"], &["IPv4"]);
    check("", &[], &["names no endpoint"]);
    check("# nothing\n", &["--skip-bad"], &["names no endpoint"]);
    check("host,label\na,b\n", &[], &["no column port"]);
    check("db:1\n", &["--exclude", "/no/such"], &["/no/such"]);
    check("db:1\n", &["--shard", "0"], &["--shards"]);
    check("db:1\n", &["--shards", "2"], &["JOB_COMPLETION_INDEX"]);
    check(
        "db:1\n",
        &["--shards", "2", "--shard", "2"],
        &["no shard 2 of 2"],
    );
    check("db:1\n", &["--resume"], &["--output"]);
    check("db:1\n", &["-o", "/no/such/folder/x"], &["does not exist"]);
    check("db:1\n", &["--baseline", "/no/such"], &["/no/such"]);
    let bad = folder.write("exclude", "10.0.0.0/99\n");
    check(
        "db:1\n",
        &["--skip-bad", "--exclude", &bad],
        &["exclude:1:1"],
    );
    let absent = run(synquest(), &["sweep", &folder.at("absent")]);
    assert_eq!(absent.status.code(), Some(2));
    assert!(stderr(&absent).contains("absent"));
}

#[test]
fn a_dry_run_names_every_endpoint_once_and_needs_no_privilege() {
    let folder = Folder::new("dry");
    let list = folder.write("list", "10.0.0.1:1 a\n10.0.0.0/30:1,2\nbad\n10.0.0.1:1\n");
    let exclude = folder.write("exclude", "10.0.0.2\n10.0.0.3:2\n");
    let arguments = [
        "sweep",
        &list,
        "--dry-run",
        "--expand",
        "--skip-bad",
        "--exclude",
        &exclude,
    ];
    let output = run(synquest_without_net_raw(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "10.0.0.0:1, line 2",
            "10.0.0.0:2, line 2",
            "10.0.0.1:1 (a), line 1, 2, 4",
            "10.0.0.1:2, line 2",
            "10.0.0.3:1, line 2",
        ]
    );
    let message = stderr(&output);
    assert!(message.contains("skipped"), "{message}");
    assert!(message.contains(":3:1: the port is missing"), "{message}");
    let again = run(synquest_without_net_raw(), &arguments);
    assert_eq!(stdout(&again), text, "the same order each time");
    let other = run(
        synquest_without_net_raw(),
        &[&arguments[..], &["--seed", "5"]].concat(),
    );
    assert_ne!(stdout(&other), text, "another order by another seed");
}

#[test]
fn results_carry_what_the_list_says_and_the_status_follows_what_it_expects() {
    if !may_send("a sweep") {
        return;
    }
    let folder = Folder::new("carried");
    let list = "host,port,label,expect,group,owner\n\
                127.1.0.1,9,a,closed,west,Ann\n\
                127.1.0.1,9,b,filtered,,\"B, C\"\n\
                127.1.0.2,9,,Closed,,\n";
    let check = |text: &str, arguments: &[&str], code: i32| {
        let path = folder.write("list", text);
        let output = ended(alone("", &[&["sweep", &path], arguments].concat()));
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        documents(&stdout(&output))
    };
    let found = check(list, &[], 1);
    assert_eq!(found.len(), 2, "duplicates are probed once");
    let twice = found.iter().find(|it| it["endpoint"]["label"] == "a");
    let lines = &twice.expect("the first one")["list"];
    assert_eq!(lines[0]["line"], 2);
    assert_eq!(lines[0]["as_expected"], true);
    assert_eq!(lines[0]["group"], "west");
    assert_eq!(lines[0]["columns"]["owner"], "Ann");
    assert_eq!(lines[1]["line"], 3);
    assert_eq!(lines[1]["expect"], "filtered");
    assert_eq!(lines[1]["as_expected"], false);
    assert_eq!(lines[1]["columns"]["owner"], "B, C");
    check(&list.replace("filtered", "closed"), &[], 0);
    check("127.1.0.1:9\n", &[], 1);
    check("127.1.0.1:9\n", &["--exit-zero"], 0);
    // Names are looked up in a namespace without any network: that is a result.
    let found = check("127.1.0.1:9\nno-such-name.invalid:9 x\n", &[], 1);
    let lost = found
        .iter()
        .find(|it| it["schema"] == "synquest/unresolved/1");
    let lost = lost.expect("a document of its own");
    assert_eq!(lost["verdict"]["cause"], "inconclusive");
    assert_eq!(lost["list"][0]["label"], "x");
    assert_eq!(check("no-such-name.invalid:9\n", &[], 3).len(), 1);
}

#[test]
fn one_name_that_does_not_resolve_does_not_stop_a_probe_of_the_others() {
    if !may_send("a probe") {
        return;
    }
    let output = ended(alone(
        "",
        &["probe", "--json", "no-such-name.invalid:9", "127.1.0.1:9"],
    ));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let found = documents(&stdout(&output));
    assert_eq!(found[0]["endpoint"]["given"], "no-such-name.invalid:9");
    assert_eq!(found[0]["verdict"]["cause"], "inconclusive");
    assert_eq!(found[1]["verdict"]["cause"], "closed");
    let output = ended(alone(
        "",
        &["probe", "no-such-name.invalid:9", "127.1.0.1:9"],
    ));
    assert!(stdout(&output).contains("no-such-name.invalid:9 has no address"));
}

#[test]
fn a_packed_list_is_read_from_stdin() {
    if !may_send("a sweep") {
        return;
    }
    let packed = zstd::encode_all(&b"127.1.0.1:9\n"[..], 1).expect("memory");
    let mut child = alone("", &["sweep", "-", "-q"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(&packed).expect("a reader");
    drop(stdin);
    let output = child.wait_with_output().expect("output");
    assert_eq!(documents(&stdout(&output)).len(), 1, "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_vigil_ends_when_the_port_opens_or_its_time_is_over() {
    if !may_send("a vigil") {
        return;
    }
    let folder = Folder::new("vigil");
    let list = folder.write("list", "127.1.0.1:9\n127.1.0.2:9\n");
    let opens = "(sleep 3; exec timeout 60 nc -lk 127.1.0.1 9 || true) >/dev/null 2>&1 & \
                 (sleep 3; exec timeout 60 nc -lk 127.1.0.2 9 || true) >/dev/null 2>&1 &";
    let listens = opens.replace(
        "nc -lk",
        "python3 -c '\
import socket,sys,time
s=socket.socket(); s.bind((sys.argv[1],int(sys.argv[2]))); s.listen(); time.sleep(30)'",
    );
    let vigil = ["sweep", &list, "--until", "open", "--interval", "1s"];
    let output = ended(alone(&listens, &vigil));
    let found = documents(&stdout(&output));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(found.len(), 2, "one document an endpoint");
    assert!(found.iter().all(|it| it["verdict"]["cause"] == "open"));
    assert!(found.iter().all(|it| it["list"][0]["as_expected"] == true));
    assert!(
        stderr(&output).contains("the next look is in"),
        "{}",
        stderr(&output)
    );
    let probe = [
        "probe",
        "-q",
        "127.1.0.1:9",
        "--until",
        "open",
        "--interval",
        "1s",
    ];
    let output = ended(alone(
        "",
        &[&probe[..], &["--until-timeout", "3s"]].concat(),
    ));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(stdout(&output).lines().count(), 1, "{}", stdout(&output));
    let closed = ["probe", "-q", "127.1.0.1:9", "--until", "closed"];
    assert_eq!(ended(alone("", &closed)).status.code(), Some(0));
}
