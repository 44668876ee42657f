//! What a rule set tells of the host it stands on: which addresses are its own and which are
//! behind it, by which interfaces those are reached, and which tables must be there besides.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::condition::{Condition, Element, Field, Pattern};
use super::packet::DESTINATION_TRANSLATED;
use super::ruleset::{
    Chain, Elements, Family, Hook, Origin, Rule, Ruleset, Statement, Table, Verdict,
};

/// What a rule set tells of its host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostFacts {
    /// Its own addresses.
    here: BTreeSet<IpAddr>,
    /// Addresses of others.
    elsewhere: BTreeSet<IpAddr>,
    /// The interface by which these addresses are reached.
    ways: Vec<(IpAddr, IpAddr, String)>,
    /// Destinations that are refused because nobody serves them, so that nothing translates them.
    unserved: BTreeSet<(Option<IpAddr>, u16)>,
    /// For IPv4 and for IPv6, what shows that there is a table nat which the input does not show.
    untold_nat: [Option<String>; 2],
}

impl HostFacts {
    /// What `ruleset` tells.
    pub(super) fn of(ruleset: &Ruleset) -> Self {
        let mut told = Self::default();
        for table in &ruleset.tables {
            for chain in &table.chains {
                for rule in &chain.rules {
                    told.learn(table, chain, rule);
                }
            }
            if table.name == "kube-proxy" {
                told.learn_sets(table);
            }
        }
        told.ways
            .sort_by_key(|(first, last, _)| span(*first, *last));
        told.untold_nat = [Family::Ip, Family::Ip6].map(|family| untold_nat(ruleset, family));
        told
    }

    /// Whether an address is one of the host's own, as far as the rules tell it.
    pub fn is_here(&self, address: IpAddr) -> Option<bool> {
        match (
            self.here.contains(&address),
            self.elsewhere.contains(&address),
        ) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            (_, _) => None,
        }
    }

    /// The interface by which an address is reached.
    pub fn way_to(&self, address: IpAddr) -> Option<&str> {
        let mut ways = self.ways.iter();
        let way = ways.find(|(first, last, _)| {
            first.is_ipv4() == address.is_ipv4() && *first <= address && address <= *last
        });
        way.map(|(_, _, name)| name.as_str())
    }

    /// What shows that a table nat is there which the input does not show.
    pub fn untold_nat(&self, four: bool) -> Option<&str> {
        self.untold_nat[usize::from(!four)].as_deref()
    }

    /// Whether nobody serves a destination.
    pub fn is_unserved(&self, address: Option<IpAddr>, port: Option<u16>) -> bool {
        port.is_some_and(|port| {
            self.unserved.contains(&(address, port)) || self.unserved.contains(&(None, port))
        })
    }

    fn learn(&mut self, table: &Table, chain: &Chain, rule: &Rule) {
        let name = chain.name.as_str();
        let hook = chain.base.as_ref().map(|base| base.hook);
        let leads_away = ["DOCKER", "CNI-DN", "NETAVARK-DN", "KUBE-SEP-", "endpoint-"];
        let leads_away = leads_away.iter().any(|start| name.starts_with(start));
        // The service of the cluster itself is served by hosts, this one maybe.
        let by_host = rule.text.contains("default/kubernetes");
        let (mut to, mut by, mut port) = (None, None, None);
        for statement in &rule.statements {
            if let Statement::Destination(translation) = statement
                && leads_away
                && !by_host
            {
                self.elsewhere.extend(translation.address);
            } else if let Statement::Match(condition) = statement {
                to = to.or_else(|| exact(condition, is_destination).and_then(address));
                let number = exact(condition, |field| {
                    matches!(field, Field::DestinationPort(_))
                });
                port = port.or_else(|| u16::try_from(number?.1).ok());
                by = by.or_else(|| interface(condition, false));
            } else if *statement == Statement::Source && hook == Some(Hook::Postrouting) {
                self.behind(rule);
            }
        }
        let is_own = |name: &str| name == "KUBE-SERVICES" || name.starts_with("DOCKER");
        if let Some(to) = to {
            match hook {
                Some(Hook::Input) => self.here.extend([to]),
                Some(Hook::Forward) => self.elsewhere.extend([to]),
                _ if is_own(name) && table.name == "filter" => self.elsewhere.extend([to]),
                _ if name == "KUBE-SERVICES" => self.elsewhere.extend([to]),
                _ => {}
            }
            if let Some(by) = by.filter(|_| is_own(name)) {
                self.ways.push((to, to, by));
            }
        }
        let refuses = rule.statements.iter().any(|statement| {
            matches!(
                statement,
                Statement::End(Verdict::Drop | Verdict::Reject(_))
            )
        });
        if let Some(port) = port.filter(|_| refuses && name.starts_with("KUBE-")) {
            self.unserved.insert((to, port));
        }
    }

    /// Learns from what translates the source of all that leaves a network, but by its own interface.
    fn behind(&mut self, rule: &Rule) {
        let (mut network, mut by) = (None, None);
        for statement in &rule.statements {
            if let Statement::Match(condition) = statement {
                network = network.or_else(|| span_of(condition));
                by = by.or_else(|| interface(condition, true));
            }
        }
        if let (Some((first, last)), Some(by)) = (network, by) {
            self.ways.push((first, last, by));
        }
    }

    /// Learns from the sets of kube-proxy's table.
    fn learn_sets(&mut self, table: &Table) {
        let four = table.family == Family::Ip;
        let listed = |name: &str| {
            let set = table.sets.get(name);
            let elements = set.map(|set| set.elements.as_slice()).unwrap_or_default();
            elements.iter().filter_map(move |one| first(one, four))
        };
        self.here.extend(listed("nodeport-ips"));
        self.elsewhere.extend(listed("cluster-ips"));
        self.elsewhere.extend(listed("no-endpoint-services"));
    }
}

/// What shows that a table nat is there which the input does not show; nft lists all there is.
fn untold_nat(ruleset: &Ruleset, family: Family) -> Option<String> {
    let own: Vec<&Table> = ruleset
        .tables
        .iter()
        .filter(|table| table.family == family && table.origin != Origin::Nft)
        .collect();
    if ruleset.whole || own.iter().any(|table| table.name == "nat") {
        return None;
    }
    let shows = |chain: &&Arc<Chain>| {
        let accepts = |rule: &Rule| {
            let mut statements = rule.statements.iter();
            statements.any(|one| matches!(one, Statement::End(Verdict::Accept)))
        };
        match chain.name.as_str() {
            "DOCKER" => chain.rules.iter().any(accepts),
            "CNI-FORWARD"
            | "NETAVARK_FORWARD"
            | "KUBE-SERVICES"
            | "KUBE-NODEPORTS"
            | "KUBE-FORWARD"
            | "KUBE-EXTERNAL-SERVICES" => true,
            _ => false,
        }
    };
    let mut chains = own.iter().flat_map(|table| &table.chains);
    if let Some(chain) = chains.find(shows) {
        return Some(format!("as chain {} shows there is one", chain.name));
    }
    let asks = |rule: &&Rule| {
        let mut statements = rule.statements.iter();
        statements
            .any(|one| matches!(one, Statement::Match(condition) if asks_translation(condition)))
    };
    let mut chains = own.iter().flat_map(|table| &table.chains);
    let found = chains.find_map(|chain| Some((chain, chain.rules.iter().find(asks)?)));
    found.map(|(chain, rule)| {
        format!(
            "as rule {} of {} shows there is one",
            rule.number, chain.name
        )
    })
}

/// Whether a condition asks for connections whose destination was translated.
fn asks_translation(condition: &Condition) -> bool {
    match condition {
        Condition::Within { keys, .. } => keys
            .iter()
            .any(|key| key.field == Field::ConnectionStatus && key.mask == DESTINATION_TRANSLATED),
        Condition::Either { conditions, .. } => conditions.iter().any(asks_translation),
        Condition::Opaque { .. } | Condition::Never => false,
    }
}

const fn is_destination(field: &Field) -> bool {
    matches!(field, Field::Destination4 | Field::Destination6)
}

/// The only value that a condition lets pass, of a field that is `such`; and whether it is of IPv4.
fn exact(condition: &Condition, such: fn(&Field) -> bool) -> Option<(bool, u128)> {
    let (field, first, last) = range(condition, such)?;
    let four = matches!(field, Field::Destination4 | Field::Source4);
    (first == last).then_some((four, first))
}

fn range(condition: &Condition, such: fn(&Field) -> bool) -> Option<(&Field, u128, u128)> {
    let Condition::Within {
        keys,
        elements: Elements::Listed(listed),
        negated: false,
        ..
    } = condition
    else {
        return None;
    };
    let ([key], [element]) = (keys.as_slice(), listed.as_slice()) else {
        return None;
    };
    let [Pattern::Range(first, last)] = element.patterns.as_slice() else {
        return None;
    };
    (such(&key.field) && key.mask == u128::MAX).then_some((&key.field, *first, *last))
}

/// The network of sources that a condition asks for.
fn span_of(condition: &Condition) -> Option<(IpAddr, IpAddr)> {
    let (field, first, last) = range(condition, |field| {
        matches!(field, Field::Source4 | Field::Source6)
    })?;
    let four = *field == Field::Source4;
    Some((address((four, first))?, address((four, last))?))
}

/// The interface that a condition on leaving packets names, negated or not.
fn interface(condition: &Condition, not: bool) -> Option<String> {
    let Condition::Within {
        keys,
        elements: Elements::Listed(listed),
        negated,
        ..
    } = condition
    else {
        return None;
    };
    let ([key], [element]) = (keys.as_slice(), listed.as_slice()) else {
        return None;
    };
    match element.patterns.as_slice() {
        [Pattern::Name(name)] if key.field == Field::OutInterface && *negated == not => {
            Some(name.clone())
        }
        _ => None,
    }
}

/// The address of that number, which is of IPv4 or not.
pub(super) fn address((four, number): (bool, u128)) -> Option<IpAddr> {
    if four {
        let number = u32::try_from(number).ok()?;
        return Some(Ipv4Addr::from(number).into());
    }
    Some(Ipv6Addr::from(number).into())
}

/// The address that an element begins with.
fn first(element: &Element, four: bool) -> Option<IpAddr> {
    let Pattern::Range(first, last) = element.patterns.first()? else {
        return None;
    };
    (first == last).then(|| address((four, *first)))?
}

/// How many addresses there are between two.
fn span(first: IpAddr, last: IpAddr) -> u128 {
    let number = |address| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => address.into(),
    };
    number(last).saturating_sub(number(first))
}
