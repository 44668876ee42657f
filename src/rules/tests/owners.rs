//! Programs that own chains: their own way first, and none where none helps.

use super::{address, packet, read};
use crate::rules::decision::{Ruling, decide};
use crate::rules::document::Document;
use crate::rules::packet::Packet;

fn answer(text: &str, port: u16, to: Option<&str>) -> Document {
    let packet = Packet {
        to: to.map(address),
        in_interface: Some("eth0".to_owned()),
        ..Packet::opening(address("203.0.113.9"), Some(port))
    };
    let ruleset = read(text);
    Document::of(&ruleset, &decide(&ruleset, &packet), &[])
}

fn first_command(document: &Document) -> &str {
    document
        .remedy
        .first()
        .map_or("", |step| step.command.as_str())
}

#[test]
fn csf_lets_in_by_its_own_command() {
    let text = "*filter\n:INPUT DROP [0:0]\n:LOCALINPUT - [0:0]\n:DENYIN - [0:0]\n:LOGDROPIN - [0:0]\n-A INPUT ! -i lo -j LOCALINPUT\n-A INPUT -j LOGDROPIN\n-A LOCALINPUT ! -i lo -j DENYIN\n-A DENYIN -s 203.0.113.9/32 ! -i lo -j DROP\n-A LOGDROPIN -j DROP\nCOMMIT\n";
    let document = answer(text, 3306, None);
    assert_eq!(document.decision, Ruling::Blocked);
    assert_eq!(first_command(&document), "csf -dr 203.0.113.9");
    let open = text.replace("-A DENYIN -s 203.0.113.9/32 ! -i lo -j DROP\n", "");
    assert_eq!(
        first_command(&answer(&open, 3306, None)),
        "csf -a 203.0.113.9"
    );
}

#[test]
fn fw4_lets_in_by_a_rule_of_its_zone() {
    let text = "table inet fw4 {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tct state established,related accept\n\t\tiifname \"eth0\" jump input_wan\n\t}\n\tchain input_wan {\n\t\tjump reject_from_wan\n\t}\n\tchain reject_from_wan {\n\t\tiifname \"eth0\" counter packets 0 bytes 0 jump handle_reject\n\t}\n\tchain handle_reject {\n\t\tmeta l4proto tcp reject with tcp reset\n\t\treject\n\t}\n}\n";
    let document = answer(text, 3306, None);
    assert_eq!(document.decision, Ruling::Blocked);
    let command = first_command(&document);
    assert!(
        command.contains("src=wan") && command.contains("src_ip=203.0.113.9"),
        "{command}"
    );
}

#[test]
fn no_rule_helps_a_service_without_endpoints() {
    let by_comment = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES\n-A KUBE-SERVICES -d 10.100.0.6/32 -p tcp -m comment --comment \"ns/db:mysql has no endpoints\" -m tcp --dport 3306 -j REJECT --reject-with icmp-port-unreachable\nCOMMIT\n";
    let by_map = "table ip kube-proxy {\n\tmap no-endpoint-services {\n\t\ttype ipv4_addr . inet_proto . inet_service : verdict\n\t\telements = { 10.100.0.6 . tcp . 3306 comment \"ns/db:mysql\" : goto reject-chain }\n\t}\n\tchain filter-forward {\n\t\ttype filter hook forward priority filter; policy accept;\n\t\tct state new jump service-endpoints-check\n\t}\n\tchain service-endpoints-check {\n\t\tip daddr . meta l4proto . th dport vmap @no-endpoint-services\n\t}\n\tchain reject-chain {\n\t\treject\n\t}\n}\n";
    for text in [by_comment, by_map] {
        let document = answer(text, 3306, Some("10.100.0.6"));
        assert_eq!(document.decision, Ruling::Blocked, "{text}");
        assert!(document.remedy.is_empty(), "{:?}", document.remedy);
        let told = document.before.join(" ");
        assert!(told.contains("no endpoints"), "{told}");
    }
}

#[test]
fn what_cilium_and_docker_own_is_told() {
    for (chain, name) in [
        ("CILIUM_INPUT", "Cilium"),
        ("OLD_CILIUM_INPUT", "Cilium"),
        ("cali-INPUT", "Calico"),
    ] {
        let text = format!(
            "*filter\n:INPUT ACCEPT [0:0]\n:{chain} - [0:0]\n-A INPUT -j {chain}\n-A {chain} -p tcp -m tcp --dport 3306 -j DROP\nCOMMIT\n"
        );
        let told = answer(&text, 3306, None).before.join(" ");
        assert!(told.contains(name), "{chain}: {told}");
    }
}

#[test]
fn rules_in_docker_user_are_not_dockers() {
    let text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n\
        -A FORWARD -j DOCKER-USER\n-A DOCKER-USER -s 10.66.0.2/32 -j DROP\n-A DOCKER-USER -j RETURN\nCOMMIT\n";
    let forwarded = Packet {
        out_interface: Some("docker0".to_owned()),
        ..packet()
    };
    let ruleset = read(text);
    let document = Document::of(&ruleset, &decide(&ruleset, &forwarded), &[]);
    assert_eq!(
        document.rule.as_ref().map(|rule| rule.chain.as_str()),
        Some("DOCKER-USER")
    );
    assert!(
        !document.before.join("\n").contains("DOCKER-USER"),
        "{document:#?}"
    );
}
