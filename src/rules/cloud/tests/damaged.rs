//! Cut and mutated documents, pastes, and what is of no kind that is read.

use super::{address, answer, found};
use crate::rules::cloud::answer::document;
use crate::rules::cloud::found::Found;
use crate::rules::cloud::split::split;
use crate::rules::cloud::stage::Attached;
use crate::rules::cloud::trace::follow;
use crate::rules::decision::Ruling;
use crate::rules::input;
use crate::rules::packet::Packet;

const GROUP: &str = r#"{
  "SecurityGroups": [
    {
      "GroupId": "sg-1", "GroupName": "db", "VpcId": "vpc-1",
      "IpPermissions": [
        {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306,
         "IpRanges": [{"CidrIp": "203.0.113.0/24", "Description": "ours – “old”"}],
         "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
      ],
      "IpPermissionsEgress": []
    }
  ]
}
"#;

const RULES: &str = r#"[
  {"name": "deny", "network": "n", "direction": "INGRESS", "priority": 10,
   "sourceRanges": ["203.0.113.0/25"], "denied": [{"IPProtocol": "tcp", "ports": ["3306"]}]},
  {"name": "allow", "network": "n", "direction": "INGRESS", "priority": 20,
   "sourceRanges": ["203.0.113.0/24"], "allowed": [{"IPProtocol": "tcp"}]}
]
"#;

#[test]
fn a_cut_text_is_refused_with_its_place_at_every_octet() {
    for text in [GROUP, RULES] {
        let whole = text.trim_end().len();
        for end in (0..whole).filter(|end| text.is_char_boundary(*end)) {
            let mut found = Found::default();
            let cut = text.get(..end).unwrap_or_default();
            match split(cut, &mut found) {
                Ok(rest) => {
                    // What shows nothing of a cloud yet is left for the other readers to refuse.
                    assert!(found.is_empty(), "{cut}");
                    assert_eq!(rest, cut);
                }
                Err(fault) => {
                    let lines = cut.lines().count().max(1);
                    assert!(fault.line <= lines, "{fault} of {lines} lines");
                    assert!(fault.to_string().contains("cut off at line"), "{fault}");
                }
            }
        }
    }
}

#[test]
fn no_mutation_makes_a_firm_answer_of_what_is_not_understood() {
    // The keys and words of a rule, each made unknown: never firmly another answer than the right
    // one, unless what was changed is what the answer rests on.
    for key in [
        "IpPermissions\"",
        "IpProtocol",
        "FromPort",
        "ToPort",
        "IpRanges",
        "CidrIp\"",
    ] {
        let text = GROUP.replacen(key, &format!("x{key}"), 1);
        let document = answer(&text, "203.0.113.9", 3306);
        assert_ne!(document.decision, Ruling::Blocked, "{key}: {document:#?}");
    }
    for (key, right) in [
        ("\"sourceRanges\"", Ruling::Depends),
        ("\"denied\"", Ruling::Depends),
        ("IPProtocol", Ruling::Depends),
        ("\"ports\"", Ruling::Depends),
        ("\"INGRESS\"", Ruling::Depends),
    ] {
        let changed = format!("{}x{}", &key[..1], &key[1..]);
        let text = RULES.replacen(key, &changed, 1);
        let mut found = Found::default();
        let Ok(_) = split(&text, &mut found) else {
            continue;
        };
        found.settle();
        let packet = Packet::opening(address("203.0.113.9"), Some(3306));
        let document = document(&follow(&found, &Attached::default(), &packet), None);
        let blocked = document.decision == Ruling::Blocked;
        assert!(
            blocked || document.decision == right,
            "{key}: {document:#?}"
        );
    }
}

#[test]
fn a_paste_has_its_command_and_its_fences_round_it() {
    let paste = format!(
        "```json\n$ aws ec2 describe-security-groups --group-ids sg-1\n{GROUP}```\n\
         root@db:~# gcloud compute firewall-rules list --format=json\n"
    );
    found(&[&paste]);
    // One object a line, as jq -c leaves it.
    let value: serde_json::Value = serde_json::from_str(GROUP).expect("JSON");
    let line = value["SecurityGroups"][0].to_string();
    found(&[&format!("{line}\n{line}\n")]);
}

#[test]
fn what_a_shell_says_round_a_document_is_no_part_of_it() {
    let value: serde_json::Value = serde_json::from_str(GROUP).expect("JSON");
    let noisy = format!(
        "An error occurred (Throttling) when calling the operation\nroot@db:~# cat sg.json {value}\n\
         Can anybody help?\nroot@db:~# "
    );
    let mut found = Found::default();
    let rest = split(&noisy, &mut found).expect("a document");
    assert!(!found.is_empty() && !input::may_hold_rules(&rest), "{rest}");
    assert!(format!("{found:?}").contains("Throttling"));
    assert!(input::may_hold_rules("-A INPUT -j"));
    // Of several requests, some have got nothing.
    let list = r#"[{"name":"a","network":"n","direction":"INGRESS","priority":1,
        "allowed":[{"IPProtocol":"tcp"}],"sourceRanges":["10.0.0.0/8"]}]"#;
    let mut found = Found::default();
    let partial = format!("ERROR: Some requests did not succeed:\n{list}\n");
    split(&partial, &mut found).expect("a document");
    found.settle();
    let packet = Packet::opening("203.0.113.9".parse().expect("an address"), Some(22));
    let trace = follow(&found, &Attached::default(), &packet);
    assert_eq!(trace.ruling(), Ruling::Depends);
}

#[test]
fn rules_of_the_host_stay_where_they_are() {
    let save = "*filter\n:INPUT DROP [0:0]\n[0:0] -A INPUT -p tcp -j ACCEPT\nCOMMIT\n";
    let mut found = Found::default();
    let rest = split(&format!("{GROUP}{save}"), &mut found).expect("both");
    assert!(rest.ends_with(save), "{rest}");
    let before = GROUP.lines().count();
    assert_eq!(
        rest.lines().position(|line| line == "*filter"),
        Some(before)
    );
    let mut none = Found::default();
    let nft = "{\"nftables\": [{\"table\": {\"family\": \"ip\", \"name\": \"t\"}}]}\n";
    assert_eq!(split(nft, &mut none).expect("nft").as_str(), nft);
    assert!(none.is_empty());
}

#[test]
fn other_json_is_refused_with_its_place() {
    for text in [
        "{\"Users\": []}",
        "{\"SecurityGroups\": []}",
        "[]",
        "\n\n{}",
        "[{\"a\": 1}]",
    ] {
        let fault = split(text, &mut Found::default()).expect_err(text);
        assert!(fault.to_string().contains("rules of a cloud"), "{fault}");
    }
}

#[test]
fn words_of_others_stay_within_their_quotes() {
    let text = GROUP
        .replace("sg-1", "sg-1; touch /tmp/x $(id) 'q'")
        .replace("203.0.113.0/24", "192.0.2.0/24");
    let command = answer(&text, "203.0.113.9", 3306)
        .commands()
        .unwrap_or_default();
    assert!(
        command.contains(r"--group-id 'sg-1; touch /tmp/x $(id) '\''q'\''' --protocol"),
        "{command}"
    );
}

#[test]
fn many_rules_are_asked_at_once() {
    let rule = |index: u32| {
        format!(
            r#"{{"name":"r{index}","network":"n","direction":"INGRESS","priority":{},
            "sourceRanges":["10.{}.{}.0/24"],"sourceTags":["t{index}"],
            "denied":[{{"IPProtocol":"tcp"}}]}}"#,
            index % 60000,
            index % 250,
            index / 250 % 250
        )
    };
    let rules: Vec<String> = (0..20_000).map(rule).collect();
    let document = answer(&format!("[{}]", rules.join(",")), "10.1.2.3", 3306);
    // Every tag may be the address's, and what none of them denies is denied as well.
    assert_ne!(document.decision, Ruling::Allowed);
}
