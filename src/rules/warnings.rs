//! What to know before and besides an answer.

use super::decision::{self, Decision, Ruling};
use super::flow::Flow;
use super::iptables::words::shell;
use super::packet::Step;
use super::remedy::Remedy;
use super::ruleset::{Caveat, Family, Origin, Ruleset};

/// What to do before the rules of programs are changed that have no command for it.
pub(super) fn before(remedy: &Remedy) -> Vec<String> {
    let all = remedy.agents.iter();
    all.filter(|(agent, _)| !agent.has_command())
        .map(|(agent, chain)| agent.warning(chain))
        .collect()
}

/// What to know of a decision and of what is done about it.
pub(super) fn of(ruleset: &Ruleset, decision: &Decision, remedy: &Remedy) -> Vec<String> {
    let mut warnings: Vec<String> = remedy
        .agents
        .iter()
        .filter(|(agent, _)| agent.has_command())
        .map(|(agent, chain)| agent.warning(chain))
        .collect();
    for (agent, step) in &remedy.by_hand {
        let undo = step.undo.as_ref();
        let undo = undo.map_or_else(String::new, |undo| format!(" (taken back by: {undo})"));
        warnings.push(format!("{}: {}{undo}", agent.by_hand(), step.command));
    }
    if !remedy.steps.is_empty() && !remedy.complete {
        warnings.push("the commands do not remove every block that was found".to_owned());
    }
    if remedy.steps.iter().any(|step| step.undo.is_none()) {
        warnings.push(
            "the input does not show all of a rule to delete: save the rule set first \
             (iptables-save > rules.before), it is the only way back"
                .to_owned(),
        );
    }
    warnings.extend(unanswered(ruleset, decision));
    warnings.extend(unlisted_sets(ruleset, decision));
    warnings.extend(noted(decision));
    warnings.extend(ruleset.caveats.iter().map(caveat));
    warnings.extend(left_out(ruleset, &decision.flow));
    warnings
}

/// That what is let in gets no answer out.
fn unanswered(ruleset: &Ruleset, decision: &Decision) -> Option<String> {
    let is_first = decision.flow.step == Step::Opening;
    if decision.ruling != Ruling::Allowed || !is_first {
        return None;
    }
    let later = decision::handshake(ruleset, decision);
    let blocked = later.iter().any(|later| later.ruling == Ruling::Blocked);
    blocked.then(|| {
        "the rules let the SYN in and block what follows it, the answer or its acknowledgment: the \
         connection fails; --handshake names the rule and the remedy"
            .to_owned()
    })
}

/// The command that lists each ipset which the decision hangs on and the input does not show.
fn unlisted_sets(ruleset: &Ruleset, decision: &Decision) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    let assumed = decision.outcomes.iter().flat_map(|one| &one.assumed);
    for assumed in assumed {
        assumed.subject.ipsets(&mut names);
    }
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| ruleset.ipsets.get(*name).is_none_or(|set| !set.known))
        .map(|name| {
            let command = shell(name);
            format!("the input does not show what is in the ipset {name}: ipset list {command}")
        })
        .collect()
}

/// What was taken to be so, on any of the ways.
fn noted(decision: &Decision) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for note in decision.outcomes.iter().flat_map(|outcome| &outcome.noted) {
        let told = format!("taken to be so, as it usually is: {note}");
        if !all.contains(&told) {
            all.push(told);
        }
    }
    all
}

fn caveat(caveat: &Caveat) -> String {
    match caveat {
        Caveat::LegacyTablesNotShown => {
            "iptables said that its legacy tables hold rules as well, and they are not \
             in the input: add the output of iptables-legacy-save"
                .to_owned()
        }
        Caveat::FamilyAssumed(family) => format!(
            "nothing in the input tells its IP version: read as {}",
            if *family == Family::Ip6 {
                "IPv6"
            } else {
                "IPv4"
            }
        ),
        Caveat::PassedOver(line, text) => {
            format!("line {line} of the input lists no rule and was passed over: {text}")
        }
        Caveat::NotUnderstood(words) => {
            format!("a part of the input is not understood: {words}")
        }
        Caveat::Changed(command) => format!(
            "the input holds a command that changes rules, which is not followed: {command}"
        ),
        Caveat::OnlyIptables => {
            "iptables shows no table at all: add what nft list ruleset prints".to_owned()
        }
        Caveat::ToolFailed(said) => format!("a tool that shows rules failed: {said}"),
        Caveat::SetsEmpty => {
            "every set of the input is empty, as nft -t list ruleset shows them: where that was the \
             command, list again without -t"
                .to_owned()
        }
        Caveat::CutOff(line) => {
            format!("the input ends before its COMMIT: it was cut off at line {line}")
        }
        Caveat::LeftOut(line) => format!(
            "lines were left out of the input at line {line}: give all of it"
        ),
        Caveat::TablesIncompatible(table) => format!(
            "iptables said that nft holds chains of table {table} that it cannot show: add what \
             nft list ruleset prints"
        ),
        Caveat::GivenTwice(table) => format!(
            "table {table} is in the input twice, and not alike: give the rules of one host only, as \
             they are now, each with the command that printed them"
        ),
        Caveat::HeadingMissing => {
            "a listing without its heading was taken for that of INPUT: give the line before it, \
             which names the chain and its policy"
                .to_owned()
        }
        Caveat::InterfacesHidden => {
            "a listing without -v hides the interfaces that rules are bound to: list again \
             with iptables -L -n -v --line-numbers, or iptables-save"
                .to_owned()
        }
        Caveat::NamesShown => {
            "a listing without -n shows names where addresses are: list again with -n".to_owned()
        }
        Caveat::IptablesSeenByNft(table) => format!(
            "table {table} belongs to iptables-nft, and nft cannot show all of its matches: \
             iptables-save shows them"
        ),
    }
}

/// What the input may lack, which is usual.
fn left_out(ruleset: &Ruleset, flow: &Flow) -> Vec<String> {
    let mut found = Vec::new();
    if ruleset.tables.is_empty() && !ruleset.whole {
        found.push(
            "the input shows no rules at all; nft does not show those of iptables-legacy: \
             iptables-legacy-save does"
                .to_owned(),
        );
    }
    let of = |family: Family| {
        ruleset
            .tables
            .iter()
            .filter(move |table| table.family == family)
    };
    let own = flow.family();
    let listed =
        |name: &str| of(own).any(|table| table.name == name && table.origin == Origin::Iptables);
    let listed_alone = listed("filter") && !["raw", "mangle", "nat"].into_iter().any(listed);
    if listed_alone && !ruleset.whole && of(Family::Inet).count() == 0 {
        found.push(
            "only the table filter is in the input; raw, mangle and nat come before it: \
             iptables-save shows all"
                .to_owned(),
        );
    }
    if of(Family::Bridge).any(|table| !table.chains.is_empty()) {
        found.push(
            "a table of the bridge family filters what this host bridges; it is not followed"
                .to_owned(),
        );
    }
    found
}
