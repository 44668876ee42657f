//! firewalld: which of its zones or policies a chain belongs to, and where its own rich rules come
//! before a block.
//!
//! Its chains for packets to this host are `IN_ZONE` (iptables) and `filter_IN_ZONE` (nftables),
//! each with parts that are asked one after the other: rich rules of a negative priority, what
//! denies, what allows, rich rules of a positive priority, and the zone's end. For a policy the name
//! is `policy_NAME` in the place of the zone's.

use std::net::IpAddr;

use super::change::Step;
use super::iptables::words::shell;
use super::place::ChainAt;
use super::ruleset::{Hook, Ruleset, Table};

/// A part of firewalld that stopped a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneChain {
    /// The option that names its zone or policy (`--zone=public`), where that is known.
    holder: Option<String>,
    part: Part,
}

/// A part of a zone or policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Its rich rules of a negative priority.
    First,
    /// What it denies.
    Denied {
        /// Whether rich rules may come before that.
        precedable: bool,
    },
    /// What comes after what it allows.
    Last,
    /// None of a zone's: what firewalld stops for reasons of its own, and packets that are not to
    /// this host.
    Own,
}

const ENDINGS: [(&str, Option<Part>); 5] = [
    ("_pre", Some(Part::First)),
    ("_deny", None),
    ("_log", Some(Part::Last)),
    ("_allow", Some(Part::Last)),
    ("_post", Some(Part::Last)),
];

impl ZoneChain {
    /// The part that `chain` of `table` is.
    pub fn of(table: &Table, chain: &str) -> Self {
        let own = Self {
            holder: None,
            part: Part::Own,
        };
        let Some((name, ending)) = holder(chain) else {
            let is_end = table.position(chain).is_some_and(|at| {
                let base = table.chains.get(at).and_then(|chain| chain.base.as_ref());
                base.is_some_and(|base| base.hook == Hook::Input) && chain.ends_with("INPUT")
            });
            let part = if is_end { Part::Last } else { Part::Own };
            return Self { part, ..own };
        };
        let precedable = || {
            let start = chain.strip_suffix("_deny").unwrap_or(chain);
            table.position(&format!("{start}_pre")).is_some()
        };
        let part = match ending {
            Some(ending) => {
                let known = ENDINGS.iter().find(|(text, _)| *text == ending);
                let part = known.and_then(|(_, part)| *part);
                part.unwrap_or_else(|| Part::Denied {
                    precedable: precedable(),
                })
            }
            None => Part::Last,
        };
        Self {
            holder: Some(option(name)),
            part,
        }
    }

    /// The same, with the zone or policy that the packet came through where the chain tells none.
    pub fn come_by(self, ruleset: &Ruleset, entered: &[ChainAt]) -> Self {
        let zone = || {
            let mut names = entered.iter().rev().filter_map(|at| {
                let table = ruleset.tables.get(at.table)?;
                Some(table.chains.get(at.chain)?.name.as_str())
            });
            let (name, _) =
                names.find_map(|chain| holder(chain).filter(|(name, _)| is_zone(name)))?;
            Some(option(name))
        };
        let holder = self.holder.or_else(zone);
        Self { holder, ..self }
    }

    /// The rich rule that lets `address` in to `port`, as a command with the one that takes it back;
    /// `None` where none is known to come before the block.
    pub fn rich_rule(&self, address: IpAddr, port: Option<u16>, protocol: &str) -> Option<Step> {
        let holder = self.holder.as_ref().filter(|_| self.has_rule())?;
        let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
        let service = port.map_or_else(
            || format!(r#"protocol value="{protocol}""#),
            |port| format!(r#"port port="{port}" protocol="{protocol}""#),
        );
        let priority = if self.part == Part::Last {
            ""
        } else {
            r#" priority="-10""#
        };
        let rule = format!(
            r#"'rule{priority} family="{family}" source address="{address}" {service} accept'"#
        );
        Some(Step {
            command: format!("firewall-cmd {holder} --add-rich-rule={rule}"),
            undo: Some(format!("firewall-cmd {holder} --remove-rich-rule={rule}")),
        })
    }

    /// Whether a rich rule comes before the block, and in which zone or policy is known.
    pub const fn has_rule(&self) -> bool {
        let comes_before = matches!(self.part, Part::Last | Part::Denied { precedable: true });
        comes_before && self.holder.is_some()
    }

    /// Whether what the rich rule before `earlier` lets in never comes here.
    pub fn is_behind(&self, earlier: &Self) -> bool {
        self.has_rule() && earlier.has_rule() && self.holder == earlier.holder
    }

    /// What to know before its rules are changed by hand.
    pub fn warning(&self, chain: &str) -> String {
        let gone = format!(
            "{chain} belongs to firewalld: a rule put in by hand is gone with its next reload"
        );
        let listed = |rules: &str| match &self.holder {
            Some(holder) => format!("firewall-cmd {holder} {rules}"),
            None => format!("firewall-cmd {rules}"),
        };
        match self.part {
            _ if self.has_rule() => {
                format!(
                    "{gone}; add --permanent to its own command to keep it over a reload as well"
                )
            }
            Part::Last | Part::Denied { .. } if self.holder.is_none() => format!(
                "{gone}; the input does not tell the zone: firewall-cmd --get-active-zones does, and \
                 firewall-cmd --zone=ZONE --add-rich-rule=… lets in what that zone stops"
            ),
            Part::Denied { .. } => format!(
                "{gone}; it denies before it allows: find what denies with {}, and take that out",
                listed("--list-rich-rules")
            ),
            Part::First => format!(
                "{gone}; a rich rule of a negative priority stops this: find it with {}, and take it \
                 out or put one of a lower priority before it",
                listed("--list-rich-rules")
            ),
            Part::Last | Part::Own => format!("{gone}; no rich rule of a zone comes before it"),
        }
    }
}

/// The zone or policy in the name of a chain for packets to this host, and the part of it.
fn holder(chain: &str) -> Option<(&str, Option<&'static str>)> {
    let rest = chain.strip_prefix("filter_").unwrap_or(chain);
    let rest = rest.strip_prefix("IN_")?;
    let mut endings = ENDINGS.iter();
    let ended = endings.find_map(|(ending, _)| Some((rest.strip_suffix(ending)?, Some(*ending))));
    Some(ended.unwrap_or((rest, None)))
}

fn is_zone(name: &str) -> bool {
    !name.starts_with("policy_")
}

/// The option of firewall-cmd that names a zone or policy.
fn option(name: &str) -> String {
    shell(&match name.strip_prefix("policy_") {
        Some(policy) => format!("--policy={policy}"),
        None => format!("--zone={name}"),
    })
}
