//! The forms of a sweep through the command line: two shards made by hand, joined.

use std::path::{Path, PathBuf};

use synquest::report::json;

use super::made::results;
use crate::cli::{run, stderr, stdout, synquest};

/// The folder of a test, with the results of two shards and their journals.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let (records, unresolved) = results();
    let documents = records
        .iter()
        .map(json::document)
        .chain([json::document(&unresolved)]);
    let documents: Vec<String> = documents
        .map(|line| line.expect("written") + "\n")
        .collect();
    let (first, second) = documents.split_at(20);
    for (part, shard) in [first, second].into_iter().zip(0..) {
        let journal = serde_json::json!({
            "schema": "synquest/journal/1",
            "list": {"file": "list.csv", "sha256": "00", "lines": 45},
            "seed": 7,
            "shards": 2,
            "shard": shard,
            "endpoints": part.len(),
            "options": {},
        });
        let file = folder.join(format!("all.{shard}-of-2.ndjson"));
        std::fs::write(&file, part.concat()).expect("written");
        let beside = folder.join(format!("all.{shard}-of-2.ndjson.journal"));
        std::fs::write(beside, journal.to_string()).expect("written");
    }
    let before = documents[..40].concat().replace("\"closed\"", "\"open\"");
    std::fs::write(folder.join("before.ndjson"), before).expect("written");
    folder
}

/// What `merge` says when it writes every form into `folder`.
fn merge(folder: &Path, more: &[&str]) -> std::process::Output {
    let mut command = synquest();
    command.current_dir(folder);
    let mut arguments = vec!["merge", "all.0-of-2.ndjson", "all.1-of-2.ndjson"];
    arguments.extend(["-o", "all.ndjson", "--csv", "all.csv", "--junit", "all.xml"]);
    arguments.extend(["--report", "all.html", "--report", "all.md"]);
    arguments.extend(["--prometheus", "all.prom", "--baseline", "before.ndjson"]);
    arguments.extend(more);
    run(command, &arguments)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| !name.contains("-of-") && name != "before.ndjson")
        .collect();
    names.sort();
    names
}

#[test]
fn every_form_of_joined_shards_is_written_and_tells_of_all_of_them() {
    let folder = folder("joined");
    let output = merge(&folder, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(
        said.starts_with("45 endpoints: 1 is refused at hop 2 (10.9.1.2); 37 die"),
        "{said}"
    );
    assert!(
        said.contains("Since before.ndjson: 3 no longer open, 5 new"),
        "{said}"
    );
    let written = [
        "all.csv",
        "all.html",
        "all.md",
        "all.ndjson",
        "all.prom",
        "all.xml",
    ];
    assert_eq!(names(&folder), written);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("readable");
    assert_eq!(read("all.ndjson").lines().count(), 45);
    let table = read("all.csv");
    assert_eq!(table.lines().count(), 46);
    assert!(
        table
            .lines()
            .next()
            .is_some_and(|header| header.ends_with(",ticket"))
    );
    assert!(table.contains(",NET-45\r\n"), "{table}");
    assert!(
        read("all.xml")
            .contains("<testsuites name=\"synquest\" tests=\"45\" failures=\"41\" errors=\"2\"")
    );
    assert!(
        read("all.prom").contains("synquest_sweep_standing_endpoints{standing=\"not-open\"} 40")
    );
    assert!(read("all.md").contains("## 37 of 45 die between hop 3"));
    assert_eq!(read("all.html").matches("style=\"--e:").count(), 45);
}

#[test]
fn a_file_that_exists_is_replaced_only_when_that_is_asked_for() {
    let folder = folder("joined-force");
    std::fs::write(folder.join("all.prom"), "mine").expect("written");
    let output = merge(&folder, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("all.prom: it exists"),
        "{}",
        stderr(&output)
    );
    assert_eq!(names(&folder), ["all.prom"]);
    assert_eq!(merge(&folder, &["--force"]).status.code(), Some(1));
    assert_eq!(names(&folder).len(), 6);
}

#[test]
fn a_baseline_that_is_none_is_refused_by_its_line() {
    let folder = folder("joined-baseline");
    let check = |text: &str, said: &str| {
        std::fs::write(folder.join("before.ndjson"), text).expect("written");
        let output = merge(&folder, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
        assert!(names(&folder).is_empty());
    };
    check("", "before.ndjson holds no result");
    check("{\"kind\":\"x\"}\n", "before.ndjson, line 1: missing field");
}
