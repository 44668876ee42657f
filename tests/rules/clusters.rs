//! Rule sets in the shapes of Docker's and of kube-proxy's, on a host that forwards to containers: the
//! kernel's counters against our answer.

use fastrand::Rng;
use synquest::rules::decision::{decide, is_blocked};
use synquest::rules::input;
use synquest::rules::packet::Packet;
use synquest::rules::ruleset::Family;

use super::draw::{Knock, one};
use super::kernel::packet;
use super::rig::{HERE, Rig, THERE};
use crate::lab::namespace;

/// Rule sets of each shape.
const TRIALS: u64 = 60;

/// The network of the containers, behind an interface of the host's.
const CONTAINERS: &str = "link add docker0 type veth peer name inside0\nlink set inside0 up\naddr add 172.17.0.1/16 dev docker0\nlink set docker0 up\n";

/// What `iptables-restore` takes: published ports, and what keeps some from some.
fn docker(rng: &mut Rng, from: &str) -> String {
    let published = one(rng, &[3306, 5432, 8080]);
    let inner = one(rng, &[3306, 80]);
    let mut nat = format!(
        "*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n\
         -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
         -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n\
         -A DOCKER -i docker0 -j RETURN\n\
         -A DOCKER ! -i docker0 -p tcp -m tcp --dport {published} -j DNAT --to-destination 172.17.0.3:{inner}\n"
    );
    if rng.bool() {
        nat.push_str("-A DOCKER ! -i docker0 -p tcp -m tcp --dport 22 -j DNAT --to-destination 172.17.0.2:22\n");
    }
    nat.push_str("COMMIT\n");
    let user = match rng.u8(..4) {
        0 => format!("-A DOCKER-USER -s {from}/32 -j DROP\n"),
        1 => "-A DOCKER-USER -s 192.0.2.0/24 -j DROP\n".to_owned(),
        2 => format!("-A DOCKER-USER -p tcp -m conntrack --ctorigdstport {published} -j DROP\n"),
        _ => String::new(),
    };
    let accepted = one(rng, &[inner, inner, 9999]);
    let policy = one(rng, &["DROP", "DROP", "ACCEPT"]);
    let input = one(rng, &["ACCEPT", "DROP"]);
    let closed = one(rng, &[published, 22]);
    format!(
        "{nat}*filter\n:INPUT {input} [0:0]\n:FORWARD {policy} [0:0]\n:OUTPUT ACCEPT [0:0]\n:DOCKER - [0:0]\n:DOCKER-ISOLATION-STAGE-1 - [0:0]\n:DOCKER-ISOLATION-STAGE-2 - [0:0]\n:DOCKER-USER - [0:0]\n\
         -A INPUT -p tcp -m tcp --dport {closed} -j DROP\n\
         -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n\
         -A FORWARD -j DOCKER-USER\n\
         -A FORWARD -j DOCKER-ISOLATION-STAGE-1\n\
         -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
         -A FORWARD -o docker0 -j DOCKER\n\
         -A FORWARD -i docker0 ! -o docker0 -j ACCEPT\n\
         -A DOCKER -d 172.17.0.3/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport {accepted} -j ACCEPT\n\
         -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2\n\
         -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP\n\
         {user}-A DOCKER-USER -j RETURN\nCOMMIT\n"
    )
}

/// What `nft -f` takes: a node port, a service, and services that nobody serves.
fn kube_proxy(rng: &mut Rng, from: &str) -> String {
    let port = one(rng, &[3306, 30306]);
    let unserved = one(rng, &[3306, 8080]);
    let firewalled = one(rng, &[from, "192.0.2.1"]);
    let input = one(rng, &["accept", "drop"]);
    let forward = one(
        rng,
        &[
            "accept",
            "ip saddr != 10.0.0.0/8 accept",
            "tcp dport 80 drop",
        ],
    );
    format!(
        "table ip kube-proxy {{\n\
         \tset nodeport-ips {{\n\t\ttype ipv4_addr\n\t\telements = {{ {} }}\n\t}}\n\
         \tmap service-nodeports {{\n\t\ttype inet_proto . inet_service : verdict\n\t\telements = {{ tcp . {port} : goto external-A-ns/db/tcp/p }}\n\t}}\n\
         \tmap no-endpoint-nodeports {{\n\t\ttype inet_proto . inet_service : verdict\n\t\telements = {{ tcp . {unserved} : goto reject-chain }}\n\t}}\n\
         \tchain reject-chain {{\n\t\tcounter reject\n\t}}\n\
         \tchain nat-prerouting {{\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t\tjump services\n\t}}\n\
         \tchain services {{\n\t\tip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports\n\t}}\n\
         \tchain filter-input {{\n\t\ttype filter hook input priority -110; policy accept;\n\t\tct state new ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports\n\t}}\n\
         \tchain external-A-ns/db/tcp/p {{\n\t\tip saddr {firewalled} drop\n\t\tgoto service-A-ns/db/tcp/p\n\t}}\n\
         \tchain service-A-ns/db/tcp/p {{\n\t\tnumgen random mod 2 vmap {{ 0 : goto endpoint-A-ns/db/tcp/p__172.17.0.2/80, 1 : goto endpoint-B-ns/db/tcp/p__172.17.0.3/80 }}\n\t}}\n\
         \tchain endpoint-A-ns/db/tcp/p__172.17.0.2/80 {{\n\t\tmeta l4proto tcp dnat to 172.17.0.2:80\n\t}}\n\
         \tchain endpoint-B-ns/db/tcp/p__172.17.0.3/80 {{\n\t\tmeta l4proto tcp dnat to 172.17.0.3:80\n\t}}\n}}\n\
         table inet filter {{\n\tchain input {{\n\t\ttype filter hook input priority filter; policy {input};\n\t\ttcp dport 22 accept\n\t}}\n\
         \tchain forward {{\n\t\ttype filter hook forward priority filter; policy drop;\n\t\t{forward}\n\t}}\n}}\n",
        HERE[0]
    )
}

/// The question, and what people ask who know less.
fn askings(knock: &Knock) -> [Packet; 3] {
    let whole = packet(knock);
    let unlocated = Packet {
        here: None,
        ..whole.clone()
    };
    let unaddressed = Packet {
        to: None,
        ..whole.clone()
    };
    [whole, unlocated, unaddressed]
}

/// What is wrong with the answers to a rule set, in each of its forms.
fn objections(rig: &Rig, knock: &Knock, texts: &[String]) -> (Vec<String>, usize) {
    let passed = rig.passes(knock, |_| false);
    let (mut wrong, mut firm) = (Vec::new(), 0);
    for text in texts {
        let ruleset =
            input::read(text, Family::Ip).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
        for asked in askings(knock) {
            let decision = decide(&ruleset, &asked);
            let fits = |one| is_blocked(one) != passed;
            firm += usize::from(decision.outcomes.iter().all(fits));
            if !decision.outcomes.iter().any(fits) {
                wrong.push(format!(
                    "passed {passed}, told {:?} of {asked:?}\n{text}",
                    decision.ruling
                ));
            }
        }
    }
    (wrong, firm)
}

#[test]
fn the_shapes_of_docker_and_of_kube_proxy_are_followed_to_containers() {
    if let Some(reason) = crate::lab::missing() {
        assert!(
            std::env::var_os("CI").is_none(),
            "shapes cannot be judged: {reason}"
        );
        eprintln!("\n==== THE SHAPES OF CLUSTERS WERE SKIPPED: {reason} ====\n");
        return;
    }
    namespace::sweep();
    let mut rig = Rig::raise();
    rig.tool(&["ip", "-b", "-"], CONTAINERS);
    rig.forward();
    let (mut wrong, mut firm) = (Vec::new(), 0);
    for trial in 0..TRIALS {
        let mut rng = Rng::with_seed(trial);
        let knock = Knock {
            from: THERE[0].parse().expect("an address"),
            to: HERE[0].parse().expect("an address"),
            source_port: rig.fresh_port(),
            port: one(&mut rng, &[22, 3306, 5432, 8080, 30306]),
            udp: false,
        };
        rig.tool(&["iptables-nft-restore"], &docker(&mut rng, THERE[0]));
        let every_table = |options: &str| {
            let mut text = String::new();
            for table in ["nat", "filter"] {
                text.push_str(&format!("# iptables -t {table} {options}\n"));
                let mut words = vec!["iptables-nft", "-t", table];
                words.extend(options.split(' '));
                text.push_str(&rig.tool(&words, ""));
            }
            text
        };
        let texts = [
            rig.tool(&["iptables-nft-save"], ""),
            every_table("-S"),
            every_table("-L -n -v"),
            rig.tool(&["iptables-nft-save", "-t", "filter"], ""),
        ];
        let (found, sure) = objections(&rig, &knock, &texts);
        wrong.extend(found);
        firm += sure;
        rig.tool(&["nft", "delete", "table", "ip", "nat"], "");
        rig.tool(&["nft", "delete", "table", "ip", "filter"], "");

        let knock = Knock {
            source_port: rig.fresh_port(),
            ..knock
        };
        rig.tool(&["nft", "-f", "-"], &kube_proxy(&mut rng, THERE[0]));
        let texts = [
            rig.tool(&["nft", "list", "ruleset"], ""),
            rig.tool(&["nft", "-j", "list", "ruleset"], ""),
        ];
        let (found, sure) = objections(&rig, &knock, &texts);
        wrong.extend(found);
        firm += sure;
        rig.tool(&["nft", "delete", "table", "ip", "kube-proxy"], "");
        rig.tool(&["nft", "delete", "table", "inet", "filter"], "");
    }
    let asked = usize::try_from(TRIALS * 18).expect("a number");
    println!(
        "{asked} questions about clusters: {firm} firm and right, {} wrong",
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} wrong, such as\n{}",
        wrong.len(),
        wrong[0]
    );
    assert!(
        firm * 2 > asked,
        "only {firm} of {asked} are answered firmly"
    );
}
