//! Where iptables' tables and chains stand in the kernel.

use crate::rules::ruleset::{Base, Caveat, Family, Hook, Kind, Origin, Policy, Ruleset, Table};

/// What a section of the input says of the rules in it.
#[derive(Clone, Debug)]
pub(in crate::rules) struct Section {
    /// IP version, as far as it is known.
    pub(in crate::rules) family: Option<Family>,
    /// The variant of the tool.
    pub(in crate::rules) origin: Origin,
    /// The table.
    pub(in crate::rules) table: String,
    /// How many tables were known when the block of lines began: what is told of one before is not
    /// touched.
    pub(in crate::rules) since: usize,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            family: None,
            origin: Origin::Iptables,
            table: "filter".to_owned(),
            since: 0,
        }
    }
}

impl Section {
    /// Its table in `ruleset`, made when it is not there.
    pub(in crate::rules) fn table<'a>(
        &self,
        ruleset: &'a mut Ruleset,
        assumed: Family,
    ) -> &'a mut Table {
        let family = self.family.unwrap_or(assumed);
        let same = |table: &Table| {
            table.family == family && table.name == self.table && table.origin == self.origin
        };
        let block = ruleset.tables.get(self.since..).unwrap_or_default();
        let index = block.iter().position(same).map(|at| at + self.since);
        let index = index.unwrap_or_else(|| {
            let caveat = Caveat::FamilyAssumed(family);
            if self.family.is_none() && family == Family::Ip6 && !ruleset.caveats.contains(&caveat)
            {
                ruleset.caveats.push(caveat);
            }
            ruleset
                .tables
                .push(Table::new(family, &self.table, self.origin));
            ruleset.tables.len() - 1
        });
        &mut ruleset.tables[index]
    }
}

/// The base of a built-in chain; `None` for chains of users.
///
/// Priorities are `enum nf_ip_hook_priorities`, `include/uapi/linux/netfilter_ipv4.h`.
pub(in crate::rules) fn base(table: &str, chain: &str, policy: Policy) -> Option<Base> {
    if chain != chain.to_uppercase() {
        return None;
    }
    let hook = Hook::named(chain)?;
    let hooks: &[Hook] = match table {
        "raw" => &[Hook::Prerouting, Hook::Output],
        "nat" => &[
            Hook::Prerouting,
            Hook::Input,
            Hook::Output,
            Hook::Postrouting,
        ],
        "mangle" => &[
            Hook::Prerouting,
            Hook::Input,
            Hook::Forward,
            Hook::Output,
            Hook::Postrouting,
        ],
        "filter" | "security" => &[Hook::Input, Hook::Forward, Hook::Output],
        _ => &[],
    };
    if !hooks.contains(&hook) {
        return None;
    }
    let (kind, priority) = match (table, hook) {
        ("raw", _) => (Kind::Filter, -300),
        ("mangle", Hook::Output) => (Kind::Route, -150),
        ("mangle", _) => (Kind::Filter, -150),
        ("nat", Hook::Prerouting | Hook::Output) => (Kind::Nat, -100),
        ("nat", _) => (Kind::Nat, 100),
        ("security", _) => (Kind::Filter, 50),
        (_, _) => (Kind::Filter, 0),
    };
    Some(Base {
        hook,
        kind,
        priority,
        policy,
        devices: Vec::new(),
        unread: None,
    })
}

/// The built-in chains in the order in which every table lists those it has.
const BUILT_IN: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/// The place of a built-in chain in that order; `None` for a chain of users.
pub(in crate::rules) fn order(chain: &str) -> Option<usize> {
    BUILT_IN.iter().position(|name| *name == chain)
}

/// The table that lists these built-in chains.
pub(in crate::rules) fn table_of(chains: &[&str]) -> &'static str {
    let has = |name: &str| chains.contains(&name);
    match (has("PREROUTING"), has("FORWARD")) {
        (true, true) => "mangle",
        (true, false) if chains == ["PREROUTING", "OUTPUT"] => "raw",
        (true, false) => "nat",
        (false, _) if has("POSTROUTING") => "nat",
        (false, _) => "filter",
    }
}
