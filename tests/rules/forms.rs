//! The forms of nft's grammar: each one that nft here can load is asked of the kernel, as text and as
//! JSON; those of later releases are told as unknown.

use std::net::IpAddr;

use synquest::rules::decision::{Ruling, decide, is_blocked};
use synquest::rules::input;
use synquest::rules::packet::Packet;
use synquest::rules::ruleset::Family;

use super::draw::Knock;
use super::kernel::packet;
use super::rig::{HERE, Rig, THERE};
use crate::lab::namespace;

/// What rules name.
const NAMED: &str = "
    set s { type ipv4_addr; flags dynamic; size 8; counter; }
    set l { type ipv4_addr; flags dynamic; limit rate 10/second; elements = { 10.7.9.1 limit rate over 1/day burst 1 packets }; }
    set t { type ipv4_addr; flags dynamic,timeout; size 8; }
    set n { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 3300-3310, 192.0.2.1 . 5 }; }
    set p { typeof tcp dport; elements = { 3306, 22 }; }
    set w { type ifname; elements = { \"wire0\" }; }
    map v { type inet_service : verdict; elements = { 3306 : goto stop, 22 : accept }; }
    map a { type inet_service : ipv4_addr; elements = { 3306 : 10.7.9.3 }; }
    map e { type inet_service : mark; elements = { 22 : 0x5 }; }
    counter k { }
    quota q { over 1 mbytes }
    limit r { rate 5/second }
    chain stop { drop; }
    chain back { return; }
";

/// Conditions, each before a drop.
const CONDITIONS: [&str; 150] = [
    "@th,16,16 3306",
    "@th,16,16 != 3306",
    "@nh,96,32 0x0a070901",
    "@ll,0,16 5",
    "@ih,0,8 5",
    "jhash ip saddr mod 2 0",
    "jhash ip saddr . tcp dport mod 2 seed 0xdeadbeef offset 100 101",
    "jhash ip saddr . ip daddr mod 4 { 0, 1, 2, 3 }",
    "symhash mod 2 0",
    "numgen inc mod 4 offset 2 2",
    "numgen random mod 10 != 10",
    "osf name \"Linux\"",
    "osf ttl skip version \"Linux:3.0\"",
    "socket transparent 1",
    "socket mark 0x5",
    "socket wildcard 0",
    "rt mtu 1500",
    "rt classid 5",
    "rt ip nexthop 10.7.9.1",
    "rt ipsec missing",
    "ct original ip saddr 10.7.9.1",
    "ct original ip daddr 10.7.9.2",
    "ct reply ip saddr 10.7.9.2",
    "meta l4proto tcp ct reply proto-src 3306",
    "meta l4proto tcp ct original proto-dst 3306",
    "meta l4proto { tcp, udp } ct original proto-src > 1000",
    "ct label 5",
    "ct expiration > 10s",
    "ct helper \"ftp\"",
    "ct original bytes > 1000",
    "ct packets 0-5",
    "ct avgpkt > 5",
    "ct zone 0",
    "ct id 5",
    "ct l3proto ipv4",
    "ct protocol tcp",
    "ct count over 10",
    "ct count 10",
    "ct direction original",
    "ct status expected",
    "ct status ! dnat",
    "ct status snat,dnat",
    "ct state new",
    "ct state != new",
    "ct state { new, established }",
    "ct state established,related,new",
    "ct state ! established,related",
    "ct mark & 0xff == 0",
    "ct mark 0x0-0x5",
    "fib saddr . iif oif missing",
    "fib saddr oif exists",
    "fib saddr . iif oif \"wire0\"",
    "fib daddr . iif type local",
    "fib daddr type { local, unicast }",
    "fib saddr type != local",
    "fib saddr oif 0",
    "fib saddr oifname \"lo\"",
    "fib daddr . mark . iif type local",
    "ipsec in reqid 1",
    "ipsec in ip saddr 192.0.2.1",
    "ipsec out spnum 1 ip daddr 192.0.2.1",
    "meta ipsec exists",
    "meta time < \"2070-01-01 00:00:00\"",
    "meta day \"Monday\"",
    "meta hour \"00:00\"-\"12:00\"",
    "meta cgroup 5",
    "meta skuid 0",
    "meta skgid != 0",
    "meta random < 100",
    "meta sdif \"lo\"",
    "meta sdifname \"wire0\"",
    "meta iifkind \"veth\"",
    "meta length > 40",
    "meta priority 1:2",
    "meta rtclassid 5",
    "meta cpu 0-63",
    "meta pkttype host",
    "meta pkttype != { broadcast, multicast }",
    "meta protocol ip",
    "meta nfproto ipv6",
    "meta mark 0",
    "meta mark and 0xff xor 3 == 3",
    "meta mark | 0x1 == 0x1",
    "meta mark & 0x3 << 2 == 0",
    "iif \"wire0\"",
    "iif != { \"lo\", \"wire0\" }",
    "iifname \"wire*\"",
    "iifname @w",
    "iifgroup default",
    "iiftype ether",
    "iifname . tcp dport { \"wire0\" . 3306, \"lo\" . 22 }",
    "meta l4proto . th dport { tcp . 3306, udp . 53 }",
    "meta l4proto != icmp",
    "ether saddr 02:00:00:00:00:01",
    "ether type ip",
    "vlan id 5",
    "tcp option maxseg size 500-1460",
    "tcp option sack-permitted exists",
    "tcp option timestamp missing",
    "tcp option 8 exists",
    "tcp option window count 7",
    "tcp option @8,8,8 10",
    "tcp option fastopen missing",
    "ip option rr exists",
    "ip option lsrr missing",
    "ip option ra value 5",
    "ip dscp cs1",
    "ip dscp != { cs1, af11 }",
    "ip ecn not-ect",
    "ip ttl < 5",
    "ip ttl 60-64",
    "ip id 5",
    "ip length 40-80",
    "ip version 4",
    "ip hdrlength 5",
    "ip protocol { tcp, udp }",
    "ip frag-off & 0x1fff != 0",
    "ip frag-off & 0x4000 != 0",
    "ip6 flowlabel 5",
    "ip6 hoplimit 64",
    "ip6 nexthdr tcp",
    "ip6 version 6",
    "exthdr frag exists",
    "exthdr hbh missing",
    "rt type 0",
    "hbh nexthdr 6",
    "frag id 5",
    "dst nexthdr 6",
    "mh type 1",
    "tcp sequence 0",
    "tcp window > 5",
    "tcp doff 10",
    "tcp flags & (fin | syn | rst | ack) == syn",
    "tcp flags != syn / fin,syn",
    "tcp flags ! fin,rst",
    "tcp flags { syn, syn | ack }",
    "th dport 3306",
    "th dport != { 22, 3300-3310 }",
    "tcp dport @p",
    "ip saddr . tcp dport @n",
    "ip saddr & 255.255.255.0 == 10.7.9.0",
    "ip saddr 10.7.9.0-10.7.9.5 tcp dport mysql",
    "ip saddr @l",
    "sctp chunk init exists",
    "icmp type echo-request",
    "icmpv6 type { nd-neighbor-solicit, echo-request }",
    "ah spi 5",
    "esp spi 5",
    "dccp type request",
    "udp length 5-100",
];

/// Rules of the chain of filters, whole.
const RULES: [&str; 47] = [
    "jhash ip saddr mod 2 vmap { 0 : drop, 1 : drop }",
    "numgen inc mod 3 vmap { 0 : drop, 1 : accept, 2 : goto stop }",
    "symhash mod 2 vmap { 0 : jump back, 1 : drop }",
    "tcp dport vmap @v",
    "tcp dport vmap { 22 : accept, 3000-4000 : jump stop, * : drop }",
    "meta l4proto . th dport vmap { tcp . 3306 : drop, udp . 3306 : accept }",
    "ct state vmap { established : accept, new : jump stop }",
    "meta l4proto tcp ct original proto-dst vmap { 3306 : drop }",
    "@th,16,16 vmap { 3306 : drop }",
    "tcp option maxseg size vmap { 1460 : drop }",
    "rt mtu vmap { 1500 : drop }",
    "socket mark vmap { 0x0 : drop }",
    "osf name vmap { \"Linux\" : drop }",
    "ip dscp vmap { cs0 : continue, cs1 : drop }",
    "iifname vmap { \"wire0\" : drop }",
    "limit rate 10/second burst 5 packets drop",
    "limit rate over 10 mbytes/second burst 5 mbytes drop",
    "limit name \"r\" drop",
    "quota over 10 mbytes drop",
    "quota name \"q\" drop",
    "counter name \"k\" drop",
    "counter packets 0 bytes 0 tcp dport 3306 drop comment \"drop accept\"",
    "meter m { ip saddr limit rate 5/second } drop",
    "add @s { ip saddr } drop",
    "add @s { ip6 saddr } drop",
    "update @t { ip saddr timeout 5s } drop",
    "delete @s { ip saddr } drop",
    "add @l { ip saddr limit rate over 5/second } drop",
    "ct mark set meta mark drop",
    "meta mark set ct mark drop",
    "meta mark set ip dscp map { cs1 : 5, cs2 : 6 } drop",
    "meta mark set tcp dport map @e drop",
    "meta mark set jhash ip saddr mod 5 meta mark 0-4 drop",
    "meta mark set 0x5 meta mark 0x5 drop",
    "ip dscp set cs1 drop",
    "ip6 dscp set cs1 drop",
    "meta nftrace set 1 drop",
    "log prefix \"a drop \" level warn flags tcp sequence,options flags ip options ip saddr 10.0.0.0/8 drop",
    "log group 5 snaplen 5 queue-threshold 5 tcp dport 3306 drop",
    "tcp dport 3306 reject",
    "reject with tcp reset",
    "reject with icmp admin-prohibited",
    "reject with icmpv6 no-route",
    "reject with icmpx host-unreachable",
    "jump { tcp dport 3306 drop; }",
    "goto back",
    "tcp dport 3306 drop; tcp dport 22 accept",
];

/// Rules of the chain that translates destinations, before a drop of all but port 22 for 10.7.9.3.
const TRANSLATIONS: [&str; 10] = [
    "meta l4proto tcp dnat ip to 10.7.9.3:22",
    "meta l4proto tcp dnat ip6 to [fd00:7:9::3]:22",
    "tcp dport 3306 dnat ip to 10.7.9.3",
    "tcp dport 3306 dnat ip to 10.7.9.2-10.7.9.3:22-23",
    "dnat ip to tcp dport map @a",
    "dnat ip to tcp dport map { 22 : 10.7.9.3 }",
    "dnat ip addr . port to tcp dport map { 3306 : 10.7.9.3 . 22 }",
    "meta l4proto tcp redirect to :22",
    "meta l4proto tcp redirect to tcp dport map { 3306 : 22 }",
    "redirect",
];

/// Forms that nft 1.0.6 does not know, or does not print.
const LATER: [&str; 23] = [
    "vxlan vni 5 drop",
    "udp dport 4789 vxlan ip saddr 10.7.9.1 drop",
    "geneve vni 5 drop",
    "gre ip dscp cs1 drop",
    "gretap ip saddr 10.7.9.1 drop",
    "tunnel id 5 drop",
    "ether saddr . vlan id 5 drop",
    "ct timeout set \"t\" fate drop",
    "fate of ip saddr drop",
    "fate of ip saddr vmap { 1 : drop, 2 : accept }",
    "fate { 1, 2 } jump stop",
    "fate",
    "tcp option mptcp subtype mp-join drop",
    "dccp option 5 exists drop",
    "ip saddr fate 10.7.9.1 drop",
    "tcp dport 3306 fate drop",
    "tcp dport fate vmap { 3306 : drop }",
    "# xt_conntrack drop",
    "counter packets 0 bytes 0 # xt_FATE",
    "xt match \"conntrack\" drop",
    "xt target \"FATE\"",
    "numgen fate mod 2 0 drop",
    "ip daddr set ip daddr map { 10.7.9.2 : 10.7.9.3 } fate drop",
];

/// The packets that every form meets.
fn knocks(rig: &mut Rig) -> [Knock; 3] {
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    [(0, 0, false), (3, 2, false), (0, 0, true)].map(|(from, to, udp)| Knock {
        from: address(THERE[from]),
        to: address(HERE[to]),
        source_port: rig.fresh_port(),
        port: 3306,
        udp,
    })
}

/// A rule set with a rule in the chain of filters, and one in that of translations.
fn ruleset(rule: &str, translation: &str, last: &str) -> String {
    format!(
        "table inet forms {{\n{NAMED}\n\tchain nat {{\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t\t{translation}\n\t}}\n\tchain input {{\n\t\ttype filter hook input priority filter; policy accept;\n\t\t{rule}\n\t\t{last}\n\t}}\n}}\n"
    )
}

/// How a form was answered.
#[derive(Default)]
struct Tally {
    asked: usize,
    unknown: usize,
    refused: Vec<String>,
    wrong: Vec<String>,
}

impl Tally {
    /// Loads a rule set, and asks the kernel and both readers of every packet.
    fn ask(&mut self, rig: &mut Rig, form: &str, rules: &str) {
        if !rig.loads(rules) {
            self.refused.push(form.to_owned());
            return;
        }
        for knock in knocks(rig) {
            rig.reload(rules);
            let texts = [
                rig.tool(&["nft", "-a", "list", "ruleset"], ""),
                rig.tool(&["nft", "-j", "list", "ruleset"], ""),
            ];
            let passed = rig.passes(&knock, |_| false);
            for text in texts {
                let read = input::read(&text, Family::of(knock.from));
                let ruleset = read.unwrap_or_else(|fault| panic!("{form}: {fault}\n{text}"));
                let decision = decide(&ruleset, &packet(&knock));
                self.asked += 1;
                self.unknown += usize::from(decision.ruling == Ruling::Depends);
                let mut outcomes = decision.outcomes.iter();
                if !outcomes.any(|outcome| is_blocked(outcome) != passed) {
                    let text = text.split("input {").last().unwrap_or_default();
                    self.wrong.push(format!(
                        "{form}: passed {passed}, told {:?}, {knock:?}\n{text}",
                        decision.ruling
                    ));
                }
            }
        }
        rig.reload("");
    }
}

#[test]
fn every_form_of_nft_is_evaluated_as_the_kernel_does_or_told_as_unknown() {
    if let Some(reason) = crate::lab::missing() {
        assert!(
            std::env::var_os("CI").is_none(),
            "forms cannot be judged: {reason}"
        );
        eprintln!("\n==== THE FORMS OF NFT WERE SKIPPED: {reason} ====\n");
        return;
    }
    namespace::sweep();
    let mut rig = Rig::raise();
    let mut tally = Tally::default();
    for condition in CONDITIONS {
        let rule = format!("{condition} counter drop");
        tally.ask(&mut rig, condition, &ruleset(&rule, "", ""));
    }
    for rule in RULES {
        tally.ask(&mut rig, rule, &ruleset(rule, "", ""));
    }
    let last = "ip daddr 10.7.9.3 tcp dport 22 accept\n\t\tdrop";
    for translation in TRANSLATIONS {
        tally.ask(&mut rig, translation, &ruleset("", translation, last));
    }
    println!(
        "{} forms: {} questions, {} unknown, {} wrong; refused here: {:?}",
        CONDITIONS.len() + RULES.len() + TRANSLATIONS.len(),
        tally.asked,
        tally.unknown,
        tally.wrong.len(),
        tally.refused
    );
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
    assert!(
        tally.refused.len() * 5 < CONDITIONS.len(),
        "nft refuses too many of them"
    );
}

#[test]
fn forms_of_later_releases_are_unknown_and_never_swallowed() {
    let packet = Packet::opening("10.7.9.1".parse().expect("an address"), Some(3306));
    for form in LATER {
        let read = input::read(&ruleset(form, "", ""), Family::Ip);
        let decision = decide(&read.expect("rules"), &packet);
        let told: String = decision
            .outcomes
            .iter()
            .flat_map(|outcome| &outcome.assumed)
            .map(|assumed| assumed.fact.as_str())
            .collect();
        let never = matches!(form.split(' ').next(), Some("udp" | "dccp"));
        assert!(
            decision.ruling == Ruling::Depends || never,
            "{form}: {:?}",
            decision.ruling
        );
        assert!(!told.is_empty() || never, "{form}");
    }
}
