//! The same table told several times, in one form or another, made one.

use std::sync::Arc;

use super::ruleset::{Caveat, Chain, Origin, Policy, Ruleset, Shown, Table};

/// Makes one table of those that are the same, and drops nft's picture of those that iptables itself
/// has shown. Where what is told twice differs, there are two hosts, or a table was not told apart
/// from another: that is a caveat on all of it.
pub(super) fn merge_tables(ruleset: &mut Ruleset) {
    let mut united: Vec<Table> = Vec::new();
    for table in std::mem::take(&mut ruleset.tables) {
        let same = |other: &&mut Table| is_same(other, &table);
        match united.iter_mut().find(same) {
            Some(other) if table.origin != Origin::Nft => {
                if !merge(other, table) {
                    let caveat = Caveat::GivenTwice(other.title());
                    if !ruleset.caveats.contains(&caveat) {
                        ruleset.caveats.push(caveat);
                    }
                }
            }
            Some(_) | None => united.push(table),
        }
    }
    ruleset.tables = united;
    forget_doubles(ruleset);
}

/// Whether two tables may be one; a plain `iptables` may be either variant.
fn is_same(one: &Table, other: &Table) -> bool {
    let alike = one.origin == other.origin
        || (one.origin == Origin::Iptables && other.origin != Origin::Nft)
        || (other.origin == Origin::Iptables && one.origin != Origin::Nft);
    one.family == other.family && one.name == other.name && alike
}

/// Adds what `other` shows; says whether the two agree.
fn merge(table: &mut Table, other: Table) -> bool {
    if table.origin == Origin::Iptables {
        table.origin = other.origin;
    }
    let mut agree = true;
    for chain in other.chains {
        let chain = Arc::unwrap_or_clone(chain);
        let known = table.chain(&chain.name);
        if known.shown == Shown::Not {
            *known = chain;
        } else if chain.shown != Shown::Not {
            agree &= agrees(known, &chain);
            if known.shown <= chain.shown {
                *known = chain;
            }
        }
    }
    agree
}

fn agrees(one: &Chain, other: &Chain) -> bool {
    let policy = |chain: &Chain| {
        let policy = chain.base.as_ref().map(|base| base.policy);
        policy.filter(|policy| *policy != Policy::Unknown)
    };
    let policies = match (policy(one), policy(other)) {
        (Some(one), Some(other)) => one == other,
        (_, _) => true,
    };
    // Two forms of one rule need not be read as the same conditions.
    let rules = if one.shown == other.shown {
        let mut pairs = one.rules.iter().zip(&other.rules);
        pairs.all(|(one, other)| one.statements == other.statements)
    } else {
        true
    };
    policies && rules && one.rules.len() == other.rules.len()
}

/// Drops nft's picture of tables that iptables itself has shown.
fn forget_doubles(ruleset: &mut Ruleset) {
    let shown: Vec<Table> = ruleset
        .tables
        .iter()
        .filter(|table| matches!(table.origin, Origin::Iptables | Origin::IptablesNft))
        .cloned()
        .collect();
    let double = |table: &Table| {
        shown.iter().any(|own| {
            // A plain listing may be of the legacy tables, which nft does not show.
            let certain = own.origin == Origin::IptablesNft;
            own.family == table.family
                && own.name == table.name
                && (certain || has_as_many_rules(own, table))
        })
    };
    let partly = |table: &Table| {
        let mut caveats = ruleset.caveats.iter();
        caveats.any(|caveat| *caveat == Caveat::TablesIncompatible(table.name.clone()))
    };
    ruleset
        .tables
        .retain(|table| !(table.foreign && double(table) && !partly(table)));
    let by_nft: Vec<String> = ruleset
        .tables
        .iter()
        .filter(|table| table.origin == Origin::Nft)
        .map(|table| table.name.clone())
        .collect();
    let left: Vec<String> = ruleset
        .tables
        .iter()
        .filter(|table| table.foreign)
        .map(|table| format!("{} {}", table.family.name(), table.name))
        .collect();
    let legacy = |table: &Table| table.origin == Origin::IptablesLegacy;
    let has_legacy = ruleset.tables.iter().any(legacy);
    ruleset.caveats.retain(|caveat| match caveat {
        Caveat::IptablesSeenByNft(name) => left.contains(name),
        Caveat::LegacyTablesNotShown => !has_legacy,
        Caveat::TablesIncompatible(name) => !by_nft.contains(name),
        Caveat::FamilyAssumed(_)
        | Caveat::HeadingMissing
        | Caveat::InterfacesHidden
        | Caveat::NamesShown
        | Caveat::CutOff(_)
        | Caveat::LeftOut(_)
        | Caveat::PassedOver(..)
        | Caveat::NotUnderstood(_)
        | Caveat::Changed(_)
        | Caveat::ToolFailed(_)
        | Caveat::OnlyIptables
        | Caveat::SetsEmpty
        | Caveat::GivenTwice(_) => true,
    });
}

fn has_as_many_rules(one: &Table, other: &Table) -> bool {
    let rules = |table: &Table, name: &str| {
        let at = table.position(name);
        at.and_then(|at| table.chains.get(at))
            .map_or(0, |chain| chain.rules.len())
    };
    let names = one
        .chains
        .iter()
        .chain(&other.chains)
        .map(|chain| chain.name.as_str());
    names
        .into_iter()
        .all(|name| rules(one, name) == rules(other, name))
}
