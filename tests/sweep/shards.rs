//! A sweep in parts, as the containers of a Kubernetes Indexed Job run it, and their join.

use std::time::Duration;

use super::{Folder, alone, counted, documents, ended};
use crate::cli::{may_send, run, stderr, stdout, synquest};

const LIST: &str = "127.1.0.0/24:9\n127.1.0.7:9 again\nno-such-name.invalid:9\n";
/// Endpoints of the list, the name included.
const ENDPOINTS: usize = 257;

/// The arguments of one container: all have the same ones, and an index in the environment.
fn shard(folder: &Folder, index: u32, rate: &str) -> std::process::Command {
    let (list, out) = (folder.at("list"), folder.at("out.ndjson"));
    let arguments = [
        "sweep", &list, "--expand", "-q", "--resume", "--shards", "3", "-o", &out, "--rate", rate,
    ];
    let mut command = alone("", &arguments);
    command.env("JOB_COMPLETION_INDEX", index.to_string());
    command
}

#[test]
fn shards_in_namespaces_of_their_own_one_killed_and_run_again_join_to_the_whole() {
    if !may_send("a sweep in shards") {
        return;
    }
    let folder = Folder::new("shards");
    folder.write("list", LIST);
    let path = |index: u32| folder.at(&format!("out.{index}-of-3.ndjson"));
    let all: Vec<String> = (0..3).map(path).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let merge = |results: &[&str]| run(synquest(), &[&["merge", "-q"], results].concat());

    let others: Vec<_> = [0, 2]
        .into_iter()
        .map(|index| shard(&folder, index, "30000").spawn().expect("a shard"))
        .collect();
    let mut victim = shard(&folder, 1, "600").spawn().expect("a shard");
    let partial = format!("{}.partial", path(1));
    while std::fs::metadata(&partial).map_or(0, |file| file.len()) == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    victim.kill().expect("it runs");
    assert_eq!(victim.wait().expect("it ended").code(), None, "killed");
    for child in others {
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    }
    assert!(
        !std::path::Path::new(&path(1)).exists(),
        "complete or not there"
    );
    let output = merge(&[&path(0), &path(2)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("of 3 shards, 1 is missing"),
        "{}",
        stderr(&output)
    );
    assert_eq!(stdout(&output), "");

    let output = ended(shard(&folder, 1, "30000"));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(!std::path::Path::new(&partial).exists());
    let output = merge(&all);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    assert_eq!(documents(&text).len(), ENDPOINTS);
    assert_eq!(counted(&text).len(), ENDPOINTS);
    let sizes = all
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("results"));
    assert!(
        sizes.map(|text| text.lines().count()).all(|size| size > 40),
        "shared out"
    );

    let joined = folder.at("joined.ndjson");
    let table = folder.at("table.csv");
    let output = merge(&[all[2], all[0], all[1], "-o", &joined, "--csv", &table]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(
        folder.read("joined.ndjson"),
        text,
        "in whatever order they are named"
    );
    // The header, and a row for each line of the list that asks for an endpoint.
    assert_eq!(folder.read("table.csv").lines().count(), 1 + ENDPOINTS + 1);

    let check = |results: &[&str], named: &str| {
        let output = merge(results);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(named), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    };
    check(&[all[0], all[1], all[2], all[1]], "are both shard 1");
    let cut = std::fs::read_to_string(all[1]).expect("results");
    let short = cut.trim_end().rfind('\n').expect("two lines") + 1;
    std::fs::write(all[1], &cut[..short]).expect("it");
    check(&all, "finish shard 1 with --resume");
    std::fs::write(all[1], &cut[..short + 9]).expect("it");
    check(&all, "ends within a result");
    let twice = format!("{}{}", cut, &cut[..=cut.find('\n').expect("a line")]);
    std::fs::write(all[1], twice).expect("it");
    check(&all, "is there twice");
    std::fs::write(all[1], &cut).expect("it");
    let journal = format!("{}.journal", all[1]);
    let kept = std::fs::read_to_string(&journal).expect("a journal");
    std::fs::write(&journal, kept.replace("\"seed\":", "\"seed\":1")).expect("it");
    check(&all, "not of the same sweep");
    std::fs::remove_file(&journal).expect("it");
    check(&all, "journal is missing");
}
