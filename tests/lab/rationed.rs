//! Sweeps of many endpoints behind one device that refuses, while it rations its refusals as the
//! kernel does by default: most of them are never refused in so many words.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::missing;
use super::network::Network;
use super::trial::binary;
use crate::scenario::{FamilyName, Scenario};

/// Addresses of the target, numbered from [`FIRST`] on.
const COUNT: u16 = 40;
const FIRST: u16 = 20;

/// The target answers at all of its addresses; `rules` are shells of `at`.
fn scenario(at: &str, rules: &str) -> Scenario {
    let text = format!(
        r#"
about = "Many addresses, and a device that refuses."
executors = ["lab"]

[[shell]]
at = "target"
run = """
for last in $(seq {FIRST} {end}); do
    case $FAMILY in
        4) ip address add 10.9.3.$last/24 dev eth0 ;;
        6) ip address add fd09:0:0:3::$last/64 dev eth0 nodad ;;
    esac
done
"""

[[shell]]
at = "{at}"
run = """
case $FAMILY in 4) with=icmp-admin-prohibited ;; 6) with=icmp6-adm-prohibited ;; esac
{rules}
"""

[expect]
cause = ["reject-path"]
"#,
        end = FIRST + COUNT - 1
    );
    toml::from_str(&text).expect("a scenario")
}

/// Cause and confidence of every endpoint of a sweep, by the last number of its address.
fn swept(name: &str, scenario: &Scenario, family: FamilyName) -> BTreeMap<u16, [String; 2]> {
    let network = Network::raise(scenario, family);
    let list: String = (FIRST..FIRST + COUNT)
        .map(|last| match family {
            FamilyName::V4 => format!("10.9.3.{last}:3306\n"),
            FamilyName::V6 => format!("[fd09:0:0:3::{last}]:3306\n"),
        })
        .collect();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.list"));
    fs::write(&path, list).expect("a list");
    let mut sweep = Command::new(binary());
    sweep.arg("sweep").arg(&path);
    let output = network
        .space("prober")
        .enter(|| sweep.output().expect("the sweep starts"));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let verdicts: BTreeMap<u16, [String; 2]> = text
        .lines()
        .map(|line| {
            let document: Value = serde_json::from_str(line).expect("a document");
            let address = document["endpoint"]["address"]
                .as_str()
                .expect("an address");
            let last = address.rsplit(['.', ':']).next().expect("a last number");
            let word = |name: &str| {
                document["verdict"][name]
                    .as_str()
                    .expect("a word")
                    .to_owned()
            };
            let last = last.parse().expect("a number");
            (last, [word("cause"), word("confidence")])
        })
        .collect();
    assert_eq!(verdicts.len(), usize::from(COUNT), "{text}");
    verdicts
}

fn is_firm(confidence: &str) -> bool {
    confidence != "possible"
}

fn skipped() -> bool {
    let Some(reason) = missing() else {
        return false;
    };
    assert!(
        std::env::var_os("CI").is_none(),
        "the lab cannot run: {reason}"
    );
    eprintln!("==== RATIONED REFUSALS WERE SKIPPED: {reason} ====");
    true
}

#[test]
fn endpoints_behind_a_router_that_refuses_are_not_called_dropped() {
    if skipped() {
        return;
    }
    let all = "$IPTABLES -A FORWARD -p tcp --dport 3306 -j REJECT --reject-with $with";
    for family in [FamilyName::V4, FamilyName::V6] {
        let name = format!("rationed-{family:?}");
        let verdicts = swept(&name, &scenario("r1", all), family);
        let refused = verdicts
            .values()
            .filter(|[cause, _]| cause == "reject-path")
            .count();
        assert!(refused >= usize::from(COUNT) * 9 / 10, "{verdicts:?}");
        let wrong =
            |[cause, confidence]: &&[String; 2]| cause.starts_with("drop") && is_firm(confidence);
        assert_eq!(verdicts.values().find(wrong), None, "{verdicts:?}");
    }
}

#[test]
fn what_a_router_drops_is_not_firmly_called_refused_because_it_refuses_others() {
    if skipped() {
        return;
    }
    let half = "iptables -A FORWARD -p tcp --dport 3306 -m u32 --u32 '16&1=1' -j DROP
iptables -A FORWARD -p tcp --dport 3306 -j REJECT --reject-with $with";
    let verdicts = swept("rationed-half", &scenario("r1", half), FamilyName::V4);
    for (last, [cause, confidence]) in &verdicts {
        let is_dropped = last % 2 == 1;
        let wrong = if is_dropped { "reject" } else { "drop" };
        assert!(
            !cause.starts_with(wrong) || !is_firm(confidence),
            "{last} is {cause} {confidence}: {verdicts:?}"
        );
    }
    let right = verdicts.iter().filter(|(last, [cause, _])| {
        cause.starts_with(if *last % 2 == 1 { "drop" } else { "reject" })
    });
    assert!(right.count() >= usize::from(COUNT) * 3 / 4, "{verdicts:?}");
}

#[test]
fn endpoints_that_a_router_drops_are_placed_by_what_their_neighbours_draw() {
    if skipped() {
        return;
    }
    let all = "$IPTABLES -A FORWARD -p tcp --dport 3306 -j DROP";
    for family in [FamilyName::V4, FamilyName::V6] {
        let name = format!("rationed-drop-{family:?}");
        let verdicts = swept(&name, &scenario("r2", all), family);
        let placed = verdicts
            .values()
            .filter(|[cause, confidence]| cause == "drop-path" && is_firm(confidence))
            .count();
        assert!(placed >= usize::from(COUNT) * 9 / 10, "{verdicts:?}");
    }
}
