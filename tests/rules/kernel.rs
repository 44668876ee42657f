//! Thousands of rule sets: the kernel's counters against the rule we name.

use std::fmt::Write as _;
use std::sync::Mutex;

use fastrand::Rng;
use synquest::rules::decision::{Decision, Ruling, decide};
use synquest::rules::input;
use synquest::rules::packet::{Journey, Packet, TCP, UDP};
use synquest::rules::place::Place;
use synquest::rules::ruleset::{Family, Ruleset};
use synquest::rules::walk::{End, Outcome};

use super::draw::Knock;
use super::rig::{self, INTERFACE, Rig};
use super::truth::{self, Counted};
use super::{iptables, nft, remedy};
use crate::lab::namespace;

/// Rule sets, unless `SYNQUEST_RULES_TRIALS` says otherwise.
const TRIALS: u64 = 2_000;
/// Hosts at once.
const RIGS: u64 = 3;
/// Every so many trials, the other readers are asked as well.
const READERS: u64 = 8;
/// Every so many trials that block, the remedy is carried out.
const REMEDIES: u64 = 4;

/// The tool of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    IptablesNft,
    IptablesLegacy,
    Nft,
}

/// What the trials came to.
#[derive(Debug, Default)]
struct Tally {
    trials: u64,
    /// Those with a condition that nobody can tell.
    hopeless: u64,
    /// Undecided, of the others.
    unknown: u64,
    blocked: u64,
    remedies: u64,
    other_readers: u64,
    objections: Vec<String>,
}

#[test]
fn the_rule_we_name_is_the_one_the_kernel_counts() {
    if let Some(reason) = crate::lab::missing() {
        assert!(
            std::env::var_os("CI").is_none(),
            "rules cannot be judged: {reason}"
        );
        eprintln!("\n==== THE JUDGEMENT OF RULES WAS SKIPPED: {reason} ====\n");
        return;
    }
    namespace::sweep();
    let trials = std::env::var("SYNQUEST_RULES_TRIALS")
        .map_or(TRIALS, |text| text.parse().expect("a number"));
    let seed =
        std::env::var("SYNQUEST_RULES_SEED").map_or(0, |text| text.parse().expect("a number"));
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for part in 0..RIGS {
            let tally = &tally;
            scope.spawn(move || {
                let mut rig = Rig::raise();
                for trial in (seed..seed + trials).filter(|trial| trial % RIGS == part) {
                    hold(&mut rig, trial, tally);
                }
            });
        }
    });
    let tally = tally.into_inner().expect("no trial panicked");
    println!(
        "{} rule sets: {} blocked, {} with what nobody can tell, {} unknown of the others, {} wrong; {} remedies carried out, {} other readers asked",
        tally.trials,
        tally.blocked,
        tally.hopeless,
        tally.unknown,
        tally.objections.len(),
        tally.remedies,
        tally.other_readers
    );
    let shown: Vec<&str> = tally
        .objections
        .iter()
        .take(5)
        .map(String::as_str)
        .collect();
    for objection in &tally.objections {
        println!(
            "{}",
            objection.lines().take(2).collect::<Vec<_>>().join("\n")
        );
    }
    assert!(
        tally.objections.is_empty(),
        "{} of {} wrong, such as\n{}",
        tally.objections.len(),
        tally.trials,
        shown.join("\n")
    );
    assert_eq!(tally.trials, trials);
    assert!(
        tally.unknown * 20 <= tally.trials - tally.hopeless,
        "{} of {} unknown",
        tally.unknown,
        tally.trials
    );
    assert!(
        trials < TRIALS || tally.remedies >= 200,
        "only {} remedies",
        tally.remedies
    );
}

/// The packet of a trial.
fn knock(rng: &mut Rng, rig: &mut Rig) -> Knock {
    let four = rng.u8(..4) > 0;
    let pick = rng.usize(..100);
    Knock {
        from: rig::address(&rig::THERE, four, pick),
        to: rig::address(&rig::HERE, four, rng.usize(..2)),
        source_port: rig.fresh_port(),
        port: super::draw::one(rng, &[22, 80, 3306, 5432, 6379, 8080]),
        udp: rng.u8(..10) == 0,
    }
}

pub(crate) fn packet(knock: &Knock) -> Packet {
    Packet {
        journey: Journey::Inbound,
        from: knock.from,
        to: Some(knock.to),
        protocol: if knock.udp { UDP } else { TCP },
        source_port: Some(knock.source_port),
        port: Some(knock.port),
        in_interface: Some(INTERFACE.to_owned()),
        out_interface: None,
        here: Some(true),
        mark: 0,
    }
}

pub(crate) fn assumed(knock: &Knock) -> Family {
    if knock.from.is_ipv4() {
        Family::Ip
    } else {
        Family::Ip6
    }
}

fn hold(rig: &mut Rig, trial: u64, tally: &Mutex<Tally>) {
    let mut rng = Rng::with_seed(trial);
    let knock = knock(&mut rng, rig);
    let tool = super::draw::one(
        &mut rng,
        &[Tool::IptablesNft, Tool::IptablesLegacy, Tool::Nft],
    );
    let rules = match tool {
        Tool::Nft => nft::draw(&mut rng, &knock),
        Tool::IptablesNft | Tool::IptablesLegacy => iptables::draw(&mut rng, &knock),
    };
    load(rig, tool, &knock, &rules);
    let listed = list(rig, tool, &knock);
    let ruleset = input::read(&listed, assumed(&knock))
        .unwrap_or_else(|fault| panic!("trial {trial}: {fault}\n{listed}"));
    let decision = decide(&ruleset, &packet(&knock));
    let passed = rig.passes(&knock, |rig| !counted(rig, tool, &knock).is_empty());
    let counted = counted(rig, tool, &knock);
    let mut objections = Vec::new();
    let object = |text: String| {
        format!("trial {trial} ({tool:?}), {knock:?}: {text}\ncounted: {counted:?}\n{listed}")
    };
    for asked in askings(&packet(&knock)) {
        let decision = decide(&ruleset, &asked);
        if let Some(text) = objection(&ruleset, &decision, passed, &counted) {
            objections.push(object(format!("{text}; asked {asked:?}")));
        }
    }
    let mut asked = 0;
    if trial.is_multiple_of(READERS) {
        for (name, text) in other_readers(rig, tool, &knock) {
            asked += 1;
            match input::read(&text, assumed(&knock)) {
                Err(fault) => objections.push(object(format!("{name}: {fault}\n{text}"))),
                Ok(other) => {
                    for question in askings(&packet(&knock)) {
                        let told = decide(&other, &question);
                        if let Some(wrong) = objection(&other, &told, passed, &counted) {
                            let ruling = told.ruling;
                            objections.push(object(format!(
                                "{name} says {ruling:?}: {wrong}; asked {question:?}\n{text}"
                            )));
                        }
                    }
                }
            }
        }
    }
    let mut remedies = 0;
    if decision.ruling == Ruling::Blocked && trial.is_multiple_of(REMEDIES) {
        remedies = 1;
        if let Some(text) = remedy::hold(rig, tool, &knock, &ruleset) {
            objections.push(object(text));
        }
    }
    unload(rig, tool);
    let mut tally = tally.lock().expect("no trial panicked");
    tally.trials += 1;
    let unknowable = nft::UNKNOWABLE.iter().chain(&iptables::UNKNOWABLE);
    let hopeless = unknowable.into_iter().any(|words| rules.contains(words));
    tally.hopeless += u64::from(hopeless);
    tally.unknown += u64::from(decision.ruling == Ruling::Depends && !hopeless);
    tally.blocked += u64::from(!passed);
    tally.remedies += remedies;
    tally.other_readers += asked;
    tally.objections.extend(objections);
}

/// The question, and what people ask who know less.
fn askings(packet: &Packet) -> [Packet; 6] {
    let without = |change: fn(&mut Packet)| {
        let mut asked = packet.clone();
        change(&mut asked);
        asked
    };
    [
        packet.clone(),
        without(|asked| asked.to = None),
        without(|asked| asked.source_port = None),
        without(|asked| asked.port = None),
        without(|asked| asked.in_interface = None),
        Packet {
            protocol: packet.protocol,
            ..Packet::opening(packet.from, None)
        },
    ]
}

/// What is wrong with a decision, by the counters: the truth is none of its outcomes.
fn objection(
    ruleset: &Ruleset,
    decision: &Decision,
    passed: bool,
    counted: &[Counted],
) -> Option<String> {
    if decision.cut_short {
        return None;
    }
    let wrong: Vec<String> = decision
        .outcomes
        .iter()
        .map_while(|outcome| wrong(ruleset, outcome, passed, counted))
        .collect();
    (wrong.len() == decision.outcomes.len()).then(|| wrong.join("; "))
}

/// What is wrong with an outcome.
fn wrong(
    ruleset: &Ruleset,
    outcome: &Outcome,
    passed: bool,
    counted: &[Counted],
) -> Option<String> {
    let said = format!("said {:?}", outcome.way);
    let (place, blocks) = match &outcome.end {
        End::Allowed(place) => (*place, false),
        End::Blocked(block) => (Some(block.place), true),
        End::TooLong => return Some("no end".to_owned()),
    };
    if passed == blocks {
        return Some(format!(
            "{said}, and the packet {}",
            if passed { "passed" } else { "was stopped" }
        ));
    }
    let named = place.and_then(|place| name(ruleset, place));
    let other_stops = |named: &Name| counted.iter().any(|one| one.stops && !same(one, named));
    match named {
        Some(named) => match counted.iter().find(|one| same(one, &named)) {
            None => Some(format!("{said}, whose counter did not move")),
            Some(one) if blocks && !one.stops && !one.looks_up => {
                Some(format!("{said}, which stops nothing"))
            }
            Some(_) if blocks && other_stops(&named) => {
                Some(format!("{said}, and another rule stopped it"))
            }
            Some(_) => None,
        },
        None if blocks && counted.iter().any(|one| one.stops) => {
            Some(format!("{said}, and a rule stopped it"))
        }
        None => None,
    }
}

/// Family, table, chain and number of a rule.
type Name = (String, String, String, u32);

fn same(one: &Counted, named: &Name) -> bool {
    (
        one.family.as_str(),
        one.table.as_str(),
        one.chain.as_str(),
        one.number,
    ) == (
        named.0.as_str(),
        named.1.as_str(),
        named.2.as_str(),
        named.3,
    )
}

/// The name of the rule at `place`; `None` for a policy.
fn name(ruleset: &Ruleset, place: Place) -> Option<Name> {
    let table = &ruleset.tables[place.at.table];
    let chain = &table.chains[place.at.chain];
    let rule = &chain.rules[place.rule?];
    Some((
        table.family.name().to_owned(),
        table.name.clone(),
        chain.name.clone(),
        rule.number,
    ))
}

/// The name of a tool for the IP version of the packet.
pub(crate) fn command(tool: Tool, knock: &Knock, ending: &str) -> String {
    let version = if knock.from.is_ipv4() {
        "iptables"
    } else {
        "ip6tables"
    };
    let variant = if tool == Tool::IptablesLegacy {
        "-legacy"
    } else {
        "-nft"
    };
    format!("{version}{variant}{ending}")
}

fn load(rig: &Rig, tool: Tool, knock: &Knock, rules: &str) {
    match tool {
        Tool::Nft => rig.load_nft(rules),
        Tool::IptablesNft | Tool::IptablesLegacy => {
            rig.tool(&[&command(tool, knock, "-restore")], rules);
        }
    }
}

fn unload(rig: &Rig, tool: Tool) {
    match tool {
        Tool::Nft | Tool::IptablesNft => {
            let listed = rig.tool(&["nft", "list", "tables"], "");
            let mut batch = String::new();
            for table in listed.lines().filter(|line| !line.ends_with(" judge")) {
                let _ = writeln!(batch, "delete {table}");
            }
            rig.tool(&["nft", "-f", "-"], &batch);
        }
        Tool::IptablesLegacy => {
            let empty: String = ["raw", "mangle", "nat", "filter"]
                .map(|table| format!("*{table}\nCOMMIT\n"))
                .concat();
            for version in ["iptables-legacy-restore", "ip6tables-legacy-restore"] {
                let chains = empty
                    .replace("*raw\n", "*raw\n:PREROUTING ACCEPT\n")
                    .replace("*mangle\n", "*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n")
                    .replace("*filter\n", "*filter\n:INPUT ACCEPT\n");
                rig.tool(&[version], &chains);
            }
        }
    }
}

/// The rule set as the tool lists it.
pub(crate) fn list(rig: &Rig, tool: Tool, knock: &Knock) -> String {
    match tool {
        Tool::Nft => rig.tool(&["nft", "-j", "list", "ruleset"], ""),
        Tool::IptablesNft | Tool::IptablesLegacy => rig.tool(&[&command(tool, knock, "-save")], ""),
    }
}

fn counted(rig: &Rig, tool: Tool, knock: &Knock) -> Vec<Counted> {
    match tool {
        Tool::Nft => truth::of_nft(&rig.tool(&["nft", "-j", "list", "ruleset"], "")),
        Tool::IptablesNft | Tool::IptablesLegacy => {
            let saved = rig.tool(&[&command(tool, knock, "-save"), "-c"], "");
            truth::of_iptables(&saved, assumed(knock).name())
        }
    }
}

/// The same rule set in the other forms in which people have it.
fn other_readers(rig: &Rig, tool: Tool, knock: &Knock) -> Vec<(&'static str, String)> {
    if tool == Tool::Nft {
        return vec![(
            "nft -a list ruleset",
            rig.tool(&["nft", "-a", "list", "ruleset"], ""),
        )];
    }
    let iptables = command(tool, knock, "");
    let every_table = |options: &[&str]| {
        let mut text = String::new();
        for table in ["raw", "mangle", "nat", "filter"] {
            let mut words = vec![iptables.as_str(), "-t", table];
            words.extend(options);
            let _ = writeln!(text, "root@db:~# {}", words.join(" "));
            text.push_str(&rig.tool(&words, ""));
        }
        text
    };
    let mut forms = vec![
        ("iptables -S", every_table(&["-S"])),
        (
            "iptables -L -n -v --line-numbers",
            every_table(&["-L", "-n", "-v", "--line-numbers"]),
        ),
        (
            "iptables -L -n --line-numbers",
            every_table(&["-L", "-n", "--line-numbers"]),
        ),
        ("iptables -L -v", every_table(&["-L", "-v"])),
        (
            "iptables -L -n -v, wrapped",
            wrapped(&every_table(&["-L", "-n", "-v"]), 80),
        ),
        (
            "iptables-save, wrapped",
            wrapped(&list(rig, tool, knock), 80),
        ),
    ];
    if tool == Tool::IptablesNft {
        forms.push((
            "nft list ruleset",
            rig.tool(&["nft", "list", "ruleset"], ""),
        ));
        forms.push((
            "nft -j list ruleset",
            rig.tool(&["nft", "-j", "list", "ruleset"], ""),
        ));
    }
    forms
}

/// `text` as a terminal of that width hands it to the clipboard.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let characters: Vec<char> = line.trim_end().chars().collect();
        if characters.is_empty() {
            lines.push('\n');
        }
        for piece in characters.chunks(width) {
            lines.extend(piece);
            lines.push('\n');
        }
    }
    lines
}
