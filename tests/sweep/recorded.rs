//! The capture of a sweep, and what `explain` reads from it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Folder, alone, documents, ended};
use crate::cli::{may_send, run, stderr, stdout, synquest};

/// Nine closed ports, one of which should be open.
const LIST: &str = "host,port,expect\n\
    127.1.0.1,9,closed\n127.1.0.2,9,closed\n127.1.0.3,9,closed\n127.1.0.4,9,closed\n\
    127.1.0.5,9,open\n\
    127.1.0.6,9,closed\n127.1.0.7,9,closed\n127.1.0.8,9,closed\n127.1.0.9,9,closed\n";

/// The verdict on each address.
fn verdicts(text: &str) -> BTreeMap<String, [Value; 3]> {
    let verdict = |document: Value| {
        let address = document["endpoint"]["address"]
            .as_str()
            .expect("an address");
        let verdict = ["state", "cause", "confidence"].map(|key| document["verdict"][key].clone());
        (address.to_owned(), verdict)
    };
    documents(text).into_iter().map(verdict).collect()
}

#[test]
fn explain_finds_in_the_capture_of_a_sweep_what_the_sweep_found() {
    if !may_send("a sweep that is recorded") {
        return;
    }
    let folder = Folder::new("recorded");
    let list = folder.write("list.csv", LIST);
    let check = |option: &str, expected: &dyn Fn(&str) -> bool| {
        let (out, capture) = (folder.at(option), folder.at(&format!("{option}.pcapng")));
        let sweep = ["sweep", &list, "-q", "-o", &out, option, &capture];
        let output = ended(alone("", &sweep));
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let mut found = verdicts(&folder.read(option));
        assert_eq!(found.len(), 9);
        found.retain(|address, _| expected(address));
        let explained = run(synquest(), &["explain", "--json", &capture]);
        assert_eq!(verdicts(&stdout(&explained)), found, "{option}");
    };
    check("--pcap", &|_| true);
    check("--pcap-failing", &|address| address == "127.1.0.5");
}
