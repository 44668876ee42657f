//! What the input leaves out, so that what it lets through may be stopped all the same.

use super::flow::Flow;
use super::packet::Journey;
use super::ruleset::{Caveat, Family, Origin, Ruleset, Shown, Table};
use super::stages;

/// What may stop the packet without being in the input, each as a clause.
pub(super) fn of(ruleset: &Ruleset, flow: &Flow) -> Vec<String> {
    let mut found: Vec<String> = ruleset.caveats.iter().filter_map(hidden).collect();
    if ruleset.whole {
        return found;
    }
    let family = flow.family();
    let own: Vec<&Table> = ruleset
        .tables
        .iter()
        .filter(|table| table.family == family)
        .collect();
    let both = ruleset
        .tables
        .iter()
        .any(|table| table.family == Family::Inet);
    if own.is_empty() && !both && !ruleset.tables.is_empty() {
        let version = if family == Family::Ip { "IPv4" } else { "IPv6" };
        found.push(format!(
            "a rule for {version}, of which the input shows none, stops it"
        ));
    }
    found.extend(deciding_chain(&own, flow));
    found
}

fn hidden(caveat: &Caveat) -> Option<String> {
    match caveat {
        Caveat::LegacyTablesNotShown => {
            Some("a rule of the legacy tables, which are not in the input, stops it".to_owned())
        }
        Caveat::CutOff(_) => {
            Some("a rule behind the end of the input, which is cut off, stops it".to_owned())
        }
        Caveat::LeftOut(line) => Some(format!(
            "a rule among the lines left out at line {line} stops it"
        )),
        Caveat::TablesIncompatible(table) => Some(format!(
            "a rule of nftables in table {table}, which iptables cannot show, stops it"
        )),
        Caveat::OnlyIptables => {
            Some("a rule of nftables, which iptables does not show, stops it".to_owned())
        }
        Caveat::ToolFailed(said) => Some(format!(
            "a rule that this tool would have shown stops it ({said})"
        )),
        Caveat::Changed(command) => {
            Some(format!("what this command has changed stops it: {command}"))
        }
        Caveat::NotUnderstood(words) => Some(format!(
            "what is not understood in the input stops it: {words}"
        )),
        Caveat::GivenTwice(table) => Some(format!(
            "the other one of the two tables {table} in the input, which differ, decides"
        )),
        Caveat::FamilyAssumed(_)
        | Caveat::PassedOver(..)
        | Caveat::SetsEmpty
        | Caveat::HeadingMissing
        | Caveat::InterfacesHidden
        | Caveat::NamesShown
        | Caveat::IptablesSeenByNft(_) => None,
    }
}

/// That the chain of iptables where filters stand is not shown; nft lists all there is.
fn deciding_chain(own: &[&Table], flow: &Flow) -> Option<String> {
    let of_iptables = |table: &&&Table| table.foreign || table.origin != Origin::Nft;
    let tables: Vec<&&Table> = own.iter().filter(of_iptables).collect();
    if tables.is_empty() {
        return None;
    }
    let hook = stages::deciding(flow);
    let filters = tables.iter().filter(|table| table.name == "filter");
    let shown = filters.flat_map(|table| &table.chains).any(|chain| {
        let base = chain.base.as_ref();
        base.is_some_and(|base| base.hook == hook) && chain.shown != Shown::Not
    });
    let name = match flow.journey {
        Journey::Outbound => "OUTPUT",
        Journey::Inbound if flow.is_forwarded() => "FORWARD",
        Journey::Inbound => "INPUT",
    };
    (!shown).then(|| {
        format!("a rule of chain {name} (table filter), which the input does not show, stops it")
    })
}
