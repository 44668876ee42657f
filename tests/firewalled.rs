//! Rules of hosts and what is made of them: `probe --rules` and the local firewall of `doctor`, with
//! the kernel's own iptables, in namespaces of the test.

use std::process::Command;

use serde_json::Value;

use crate::cli::{stderr, stdout, synquest};
use crate::greeting::may_run;
use crate::greeting::server::{Folder, Place, SERVER, commands, done};
use crate::lab::namespace::Namespace;

const TOOLS: [&str; 3] = ["iptables", "iptables-save", "nft"];

fn shell(space: &Namespace, command: &str) -> String {
    space.enter(|| done(Command::new("sh").args(["-c", command])))
}

/// The document of a probe, with the exit status.
fn probed(place: &Place, more: &[&str]) -> (Value, Option<i32>) {
    let mut command = synquest();
    command
        .args(["probe", "--json", "--no-mtu", "-S", "10.77.0.2"])
        .args(more)
        .arg(format!("{SERVER}:3306"));
    let output = place.prober.enter(|| command.output().expect("it starts"));
    let document = serde_json::from_str(&stdout(&output));
    let document = document.unwrap_or_else(|_| panic!("no document: {}", stderr(&output)));
    (document, output.status.code())
}

#[test]
fn the_rule_that_rejects_is_named_and_the_command_advised_lets_the_instance_in() {
    if !may_run("probing with the target's rules", &TOOLS) {
        return;
    }
    let place = Place::make();
    let folder = Folder::make("rules");
    let _listener = place
        .server
        .enter(|| std::net::TcpListener::bind((SERVER, 3306)).expect("a listener"));
    shell(
        &place.server,
        "iptables -N IN_HIDS_MYSQLD_DENY_DROP \
         && iptables -A INPUT -p tcp --dport 3306 -j IN_HIDS_MYSQLD_DENY_DROP \
         && iptables -A IN_HIDS_MYSQLD_DENY_DROP -s 10.9.9.9 -j DROP \
         && iptables -A IN_HIDS_MYSQLD_DENY_DROP -s 10.77.0.2 -p tcp -j REJECT \
            --reject-with tcp-reset",
    );
    folder.write("rules", &shell(&place.server, "iptables-save"));
    let rules = folder.path("rules").display().to_string();

    let (document, status) = probed(&place, &["--rules", &rules]);
    assert_eq!(document["verdict"]["cause"], "reject-host", "{document}");
    assert_eq!(status, Some(1));
    let first = &document["advice"][0];
    let text = first["text"].as_str().expect("a text");
    let named = "Rule 2 of chain IN_HIDS_MYSQLD_DENY_DROP (table filter)";
    assert!(text.contains(named), "{text}");
    let command = first["command"].as_str().expect("a command");
    assert_eq!(command, "iptables -D IN_HIDS_MYSQLD_DENY_DROP 2");
    assert!(
        text.contains("This takes that back: iptables -I IN_HIDS"),
        "{text}"
    );
    // Nobody needs to look for a rule that is named.
    assert!(
        !document["advice"]
            .to_string()
            .contains("find the firewall rule")
    );

    shell(&place.server, command);
    let (document, status) = probed(&place, &["--rules", &rules]);
    assert_eq!(document["verdict"]["cause"], "open");
    assert_eq!(status, Some(0));
    assert!(!commands(&document).contains("iptables"));
}

#[test]
fn the_security_group_behind_a_silence_at_the_edge_is_named_with_its_command() {
    if !may_run("probing with the rules of a cloud", &TOOLS) {
        return;
    }
    let place = Place::make();
    let folder = Folder::make("cloud");
    let _listener = place
        .server
        .enter(|| std::net::TcpListener::bind((SERVER, 3306)).expect("a listener"));
    // In its first hook the host drops before its stack sees the packet, as a security group does.
    shell(
        &place.server,
        "iptables -t raw -A PREROUTING -p tcp --dport 3306 -j DROP",
    );
    folder.write(
        "group",
        r#"{"SecurityGroups":[{"GroupId":"sg-1","GroupName":"db","VpcId":"vpc-1",
        "IpPermissions":[{"IpProtocol":"tcp","FromPort":3306,"ToPort":3306,"IpRanges":[
        {"CidrIp":"192.0.2.0/24"}],"Ipv6Ranges":[],"PrefixListIds":[],"UserIdGroupPairs":[]}],
        "IpPermissionsEgress":[]}]}"#,
    );
    folder.write("save", "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n");
    let [group, save] = ["group", "save"].map(|name| folder.path(name).display().to_string());
    let (document, status) = probed(&place, &["--rules", &group, "--rules", &save]);
    assert_eq!(status, Some(1), "{document}");
    let cause = document["verdict"]["cause"].as_str().expect("a cause");
    assert!(cause.starts_with("drop-edge"), "{document}");
    let first = &document["advice"][0];
    let text = first["text"].as_str().expect("a text");
    assert!(
        text.contains("The default of aws security-group sg-1"),
        "{text}"
    );
    assert_eq!(first["owner"], "owner of the target's security group");
    assert_eq!(
        first["command"],
        "aws ec2 authorize-security-group-ingress --group-id sg-1 --protocol tcp --port 3306 --cidr \
         10.77.0.2/32"
    );
}

#[test]
fn rules_that_cannot_be_read_are_refused_before_anything_is_sent() {
    let folder = Folder::make("rules");
    folder.write("rules", "*filter\nthese are no rules\n");
    for rules in ["rules", "nowhere"] {
        let rules = folder.path(rules).display().to_string();
        let mut command = synquest();
        command.args(["probe", "--rules", &rules, "127.0.0.1:1"]);
        let output = command.output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(&rules), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}

/// The check of that name by doctor, of the way to the server.
fn checked(place: &Place, more: &[&str], name: &str) -> Option<Value> {
    let mut command = synquest();
    command.args(["doctor", "--json"]).args(more);
    command.arg(format!("{SERVER}:3306"));
    let output = place.prober.enter(|| command.output().expect("it starts"));
    let document: Value = serde_json::from_str(&stdout(&output)).expect("a document");
    let mut checks = document["checks"].as_array().expect("checks").iter();
    checks.find(|check| check["name"] == name).cloned()
}

#[test]
fn doctor_finds_the_local_rule_that_stops_the_very_flow() {
    if !may_run("the local firewall of doctor", &TOOLS) {
        return;
    }
    let place = Place::make();
    let check_with = |more: &[&str], standing: &str, words: &str| {
        let found = checked(
            &place,
            &[&["-S", "10.77.0.2"], more].concat(),
            "local firewall",
        );
        let found = found.expect("a check of the firewall");
        assert_eq!(found["standing"], standing, "{found}");
        let finding = found["finding"].as_str().expect("a finding");
        assert!(finding.contains(words), "{finding}");
        found["command"].as_str().unwrap_or_default().to_owned()
    };
    let check = |standing: &str, words: &str| check_with(&[], standing, words);
    check("good", "has no rules");
    // What no tool lists is not there: no table filter.
    shell(
        &place.prober,
        "iptables -t mangle -A OUTPUT -p tcp --dport 22 -j DROP",
    );
    check("good", "lets the SYN out");
    shell(
        &place.prober,
        "iptables -A OUTPUT -p tcp --dport 22 -j DROP",
    );
    check("good", "lets the SYN out");
    shell(
        &place.prober,
        "iptables -A OUTPUT -d 10.77.0.1 -p tcp --dport 3306 -j DROP",
    );
    check("bad", "Rule 2 of chain OUTPUT (table filter)");
    shell(
        &place.prober,
        "iptables -F OUTPUT && iptables -A INPUT -p tcp --sport 3306 -j DROP",
    );
    let command = check("bad", "Rule 1 of chain INPUT (table filter)");
    // Nothing but the answers to this very connection is let in.
    for word in [
        "-s 10.77.0.1/32",
        "-d 10.77.0.2/32",
        "--sport 3306",
        "ESTABLISHED",
    ] {
        assert!(command.contains(word), "{command}");
    }
    shell(&place.prober, &command);
    check("good", "lets the SYN out");
    shell(&place.prober, "iptables -A OUTPUT -m mark --mark 7 -j DROP");
    check("good", "lets the SYN out");
    check_with(
        &["--mark", "7"],
        "bad",
        "Rule 1 of chain OUTPUT (table filter)",
    );
}

#[test]
fn doctor_judges_the_reverse_path_where_answers_come_in() {
    if !may_run("the reverse-path filter by doctor", &["ip"]) {
        return;
    }
    let place = Place::make();
    let finding = |more: &[&str]| {
        let found = checked(&place, more, "reverse-path filter").expect("a check");
        found["finding"].as_str().expect("a finding").to_owned()
    };
    // A second way to the target, which the routes prefer; answers to eth0's address come by eth0.
    shell(
        &place.prober,
        "ip link add other type veth peer name end && ip link set other up && ip link set end up \
         && ip addr add 10.78.0.2/24 dev other && ip route add 10.77.0.1/32 dev other",
    );
    let strict = |interface: &str, mode: u8| {
        shell(
            &place.prober,
            &format!("echo {mode} > /proc/sys/net/ipv4/conf/{interface}/rp_filter"),
        );
    };
    assert_eq!(finding(&["-S", "10.77.0.2"]), "off on eth0");
    strict("eth0", 1);
    assert_eq!(
        finding(&["-S", "10.77.0.2"]),
        "strict on eth0, and by the routes the target is reached through other"
    );
    assert_eq!(finding(&["-S", "10.78.0.2"]), "off on other");
    strict("eth0", 2);
    assert_eq!(finding(&["-S", "10.77.0.2"]), "loose on eth0");
}

#[test]
fn doctor_tells_the_way_of_a_connection_from_that_of_raw_probes() {
    if !may_run("the way of a connection by doctor", &["ip"]) {
        return;
    }
    let place = Place::make();
    const NAME: &str = "way of a connection to port 3306";
    assert_eq!(checked(&place, &[], NAME), None);
    shell(
        &place.prober,
        "ip rule add to 10.77.0.1 ipproto tcp dport 3306 prohibit",
    );
    let found = checked(&place, &[], NAME).expect("a check");
    assert_eq!(found["standing"], "doubtful", "{found}");
    assert_eq!(found["finding"], "a route of type prohibit");
    let refused = place
        .prober
        .enter(|| std::net::TcpStream::connect((SERVER, 3306)));
    assert_eq!(
        refused.expect_err("a refusal").raw_os_error(),
        Some(libc::EACCES)
    );
}

#[test]
fn doctor_says_which_source_was_chosen_and_where_an_mtu_comes_from() {
    if !may_run("the way by doctor", &["ip"]) {
        return;
    }
    let place = Place::make();
    let finding = |name: &str| {
        let found = checked(&place, &[], name).expect(name);
        found["finding"].as_str().expect("a finding").to_owned()
    };
    let source = finding("source address");
    assert!(
        source.starts_with("10.77.0.2, chosen before 10.77.0.3 (eth0)"),
        "{source}"
    );
    assert_eq!(finding("MTU"), "1500, the interface's");
    assert_eq!(finding("reverse-path filter"), "off on eth0");
    shell(
        &place.prober,
        "ip route add 10.77.0.1/32 dev eth0 src 10.77.0.5 mtu 1400",
    );
    assert!(finding("source address").starts_with("10.77.0.5, "));
    assert_eq!(
        finding("MTU"),
        "1400, set on the route; the interface's is 1500"
    );
    assert_eq!(
        finding("next hop"),
        "its link-layer address was not asked for yet"
    );
    let _refused = place
        .prober
        .enter(|| std::net::TcpStream::connect((SERVER, 3306)));
    assert_eq!(finding("next hop"), "its link-layer address is known");
}
