//! The hook_stages of a packet: hooks in kernel order, and in each hook its chains by priority.

use std::collections::BTreeSet;

use super::flow::Flow;
use super::packet::Journey;
use super::place::ChainAt;
use super::ruleset::{Base, Family, Hook, Kind, Origin, Ruleset, Shown, Table};

/// Where connection tracking looks at packets: `NF_IP_PRI_CONNTRACK`.
const CONNTRACK: i32 = -200;
/// Where destinations of known connections are translated: `NF_IP_PRI_NAT_DST`.
const DESTINATION: i32 = -100;
/// Where their sources are: `NF_IP_PRI_NAT_SRC`.
const SOURCE: i32 = 100;

/// What looks at a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HookStage {
    /// Connection tracking.
    Conntrack,
    /// The translation of the destination, for connections that are known already.
    Destination,
    /// The translation of the source, for connections that are known already.
    Source,
    /// A table nat that the input does not show.
    UntoldNat,
    /// A base chain.
    Chain(ChainAt),
    /// A chain whose callers the input does not show.
    Orphan(ChainAt),
}

/// The hook_stages of the packet at `hook`, in the order in which it meets them.
pub(super) fn hook_stages(ruleset: &Ruleset, flow: &Flow, hook: Hook) -> Vec<HookStage> {
    let mut found: Vec<(i32, HookStage)> = Vec::new();
    if matches!(hook, Hook::Prerouting | Hook::Output) {
        found.push((CONNTRACK, HookStage::Conntrack));
        found.push((DESTINATION, HookStage::Destination));
        let untold = ruleset.host_facts.untold_nat(flow.is_ipv4()).is_some();
        if untold && flow.is_new() && hook == Hook::Prerouting {
            found.push((DESTINATION, HookStage::UntoldNat));
        }
    }
    if matches!(hook, Hook::Input | Hook::Postrouting) {
        found.push((SOURCE, HookStage::Source));
    }
    // The kernel puts a new chain before those of equal priority: the later one comes first.
    for (table_index, table) in ruleset.tables.iter().enumerate().rev() {
        if !concerns(table, flow, hook) {
            continue;
        }
        let alone = deciding(flow) == hook && stands_alone(ruleset, table);
        let called = if alone {
            called(table)
        } else {
            BTreeSet::new()
        };
        for (chain_index, chain) in table.chains.iter().enumerate().rev() {
            let at = ChainAt {
                table: table_index,
                chain: chain_index,
            };
            match &chain.base {
                Some(base) if base.hook == hook && sees(base, flow) => {
                    found.push((base.priority, HookStage::Chain(at)));
                }
                Some(_) => {}
                // Nothing shows who calls it, as in a listing of that chain alone.
                None if alone
                    && chain.shown != Shown::Not
                    && !called.contains(chain.name.as_str()) =>
                {
                    found.push((0, HookStage::Orphan(at)));
                }
                None => {}
            }
        }
    }
    found.sort_by_key(|(priority, _)| *priority);
    found
        .into_iter()
        .map(|(_, hook_stage)| hook_stage)
        .collect()
}

/// The hook after `hook`; `None` when the packet has arrived.
pub(super) fn after(hook: Hook, flow: &Flow) -> Option<Hook> {
    match hook {
        Hook::Ingress => Some(Hook::Prerouting),
        Hook::Prerouting if flow.to_here == Some(false) => Some(Hook::Forward),
        Hook::Prerouting => Some(Hook::Input),
        Hook::Forward | Hook::Output => Some(Hook::Postrouting),
        Hook::Postrouting => Some(Hook::Egress),
        Hook::Egress if flow.returns() => Some(Hook::Ingress),
        Hook::Input | Hook::Egress => None,
    }
}

/// The hook at which the journey begins.
pub(super) const fn first(journey: Journey) -> Hook {
    match journey {
        Journey::Inbound => Hook::Ingress,
        Journey::Outbound => Hook::Output,
    }
}

/// Tells the packet which interfaces `hook` knows.
pub(super) fn arrive(flow: &mut Flow, hook: Hook) {
    let inbound = flow.journey == Journey::Inbound;
    flow.hook_has_in = inbound && hook != Hook::Egress;
    flow.hook_has_out = matches!(
        hook,
        Hook::Forward | Hook::Output | Hook::Postrouting | Hook::Egress
    );
}

/// Where filters usually stand on the journey.
pub(super) fn deciding(flow: &Flow) -> Hook {
    match flow.journey {
        Journey::Inbound if flow.is_forwarded() => Hook::Forward,
        Journey::Inbound => Hook::Input,
        Journey::Outbound => Hook::Output,
    }
}

fn concerns(table: &Table, flow: &Flow, hook: Hook) -> bool {
    match table.family {
        Family::Ip => flow.is_ipv4(),
        Family::Ip6 => !flow.is_ipv4(),
        Family::Inet => true,
        Family::Netdev => matches!(hook, Hook::Ingress | Hook::Egress),
        Family::Bridge | Family::Arp => false,
    }
}

/// Connections are translated by their first packet only.
fn sees(base: &Base, flow: &Flow) -> bool {
    base.kind != Kind::Nat || flow.is_new()
}

/// Whether the input shows no chain that the kernel calls, of this table or of all of nft's.
fn stands_alone(ruleset: &Ruleset, table: &Table) -> bool {
    let without_base = |table: &Table| table.chains.iter().all(|chain| chain.base.is_none());
    match table.origin {
        Origin::Nft => ruleset.tables.iter().all(without_base),
        Origin::Iptables | Origin::IptablesLegacy | Origin::IptablesNft => without_base(table),
    }
}

/// The chains that others of the table lead into.
fn called(table: &Table) -> BTreeSet<&str> {
    let chains = table.chains.iter();
    chains.flat_map(|chain| chain.called()).collect()
}
