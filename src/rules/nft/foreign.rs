//! Tables that iptables made and nft lists: what is shown there is not always the rule.
//!
//! nft prints an extension of iptables in its own words where it can, and loses some of its
//! meaning on the way. Such words are taken for what iptables means by them, or not taken at all.

use std::sync::Arc;

use crate::rules::condition::{Condition, Element, Field, Key, Pattern};
use crate::rules::iptables::{addrtype, place};
use crate::rules::odds::Odds;
use crate::rules::packet::UNICAST;
use crate::rules::ruleset::{Chain, Elements, Family, Policy, Statement, Table};

/// The tables of iptables.
const TABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];

/// Whether iptables made `table`.
pub(super) fn is_of_iptables(table: &Table) -> bool {
    let built_in = |chain: &Arc<Chain>| {
        chain.base.as_ref().is_none_or(|base| {
            place::base(&table.name, &chain.name, Policy::Unknown)
                .is_some_and(|own| own.hook == base.hook)
        })
    };
    matches!(table.family, Family::Ip | Family::Ip6)
        && table.chains.iter().any(|chain| chain.base.is_some())
        && TABLES.contains(&table.name.as_str())
        && table.chains.iter().all(built_in)
}

/// Gives the conditions of a table of iptables the meaning they have there.
pub(super) fn reread(table: &mut Table) {
    let family = table.family;
    for statement in table.rules_mut().flat_map(|rule| &mut rule.statements) {
        if let Statement::Match(condition) = statement {
            reread_condition(condition, family);
        }
    }
}

fn reread_condition(condition: &mut Condition, family: Family) {
    let Condition::Within {
        keys,
        elements: Elements::Listed(elements),
        text,
        ..
    } = condition
    else {
        return;
    };
    // Two that look alike need not be: a negation may be lost in one of them.
    let doubtful = |text: String| Condition::Opaque {
        text,
        stable: false,
        negated: false,
        odds: Odds::Even,
    };
    if pairs_either_port(keys, elements) {
        *condition = doubtful(format!(
            "{text} (how nft renders -m multiport --ports, without its negation)"
        ));
    } else if keys.iter().any(|key| key.field == Field::ConnectionStatus) {
        *condition = doubtful(format!(
            "{text} (how nft renders -m conntrack --ctstate, without its other states and its negation)"
        ));
    } else if family == Family::Ip6 && keys.iter().any(is_address_type) {
        let known = match elements.as_slice() {
            [element] => element.patterns.iter().map(kind6).collect(),
            _ => None,
        };
        match (known, elements.as_mut_slice()) {
            (Some(patterns), [element]) => element.patterns = patterns,
            (_, _) => *condition = doubtful(format!("{text} (as -m addrtype means it)")),
        }
    }
}

/// A type of IPv6 addresses as `-m addrtype` means it. To that an address of this host is a unicast
/// address, to nft's own `fib` it is none, and either may have made the rule.
const fn kind6(pattern: &Pattern) -> Option<Pattern> {
    match pattern {
        // Read twice, one type is a range already.
        Pattern::Range(UNICAST, _) => None,
        Pattern::Range(first, _) => addrtype::kind6(*first),
        Pattern::Any | Pattern::Name(_) | Pattern::Prefix(_) | Pattern::Opaque(_) => None,
    }
}

const fn is_address_type(key: &Key) -> bool {
    matches!(key.field, Field::SourceType | Field::DestinationType)
}

/// Whether this is what nft makes of `-m multiport --ports`, at least up to 1.0.6: pairs of any port
/// and one of those listed. A negation is lost there, and of a span all but its ends.
fn pairs_either_port(keys: &[Key], elements: &[Element]) -> bool {
    let any = Pattern::Range(0, u16::MAX.into());
    keys.iter()
        .any(|key| matches!(key.field, Field::SourcePort(_)))
        && keys
            .iter()
            .any(|key| matches!(key.field, Field::DestinationPort(_)))
        && elements
            .iter()
            .any(|element| element.patterns.contains(&any))
}
