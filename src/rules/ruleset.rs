//! What every reader produces and the walk reads: tables, chains, rules, sets.
//!
//! One model for iptables and nftables. A rule is a list of statements carried out in order, as
//! nftables has it; an iptables rule is its matches followed by its target.

use std::collections::BTreeMap;
use std::sync::Arc;

pub use super::family::Family;
use super::host_facts::HostFacts;
pub use super::rule::{Elements, MarkChange, Recipe, Rule, Set, Statement, Translation, Verdict};

/// All tables of one host, as far as the input showed them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruleset {
    /// The tables in the order of the input.
    pub tables: Vec<Table>,
    /// Contents of ipsets by name.
    pub ipsets: BTreeMap<String, Set>,
    /// What the reader saw that puts its picture in caveat.
    pub caveats: Vec<Caveat>,
    /// Whether what it does not show is not there, as of a host that was asked for all it has.
    pub whole: bool,
    /// What they tell of their host.
    pub host_facts: HostFacts,
}

/// A reason why the input may not be all there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caveat {
    /// The tool said that the legacy tables hold rules too, and they are not in the input.
    LegacyTablesNotShown,
    /// Nothing in the input tells the IP version of an iptables listing.
    FamilyAssumed(Family),
    /// A listing begins without its heading, and was taken for that of INPUT.
    HeadingMissing,
    /// A listing without `-v` hides the interfaces that rules are bound to.
    InterfacesHidden,
    /// The listing shows names where addresses are.
    NamesShown,
    /// A save ends before its COMMIT, in this line.
    CutOff(usize),
    /// Lines were left out here.
    LeftOut(usize),
    /// nft holds chains of this table of iptables that iptables cannot show.
    TablesIncompatible(String),
    /// This line is of no form that lists rules, and was passed over.
    PassedOver(usize, String),
    /// This part of a listing is not understood: it may be anything.
    NotUnderstood(String),
    /// This command, between rules, changes some that the input does not show afterwards.
    Changed(String),
    /// iptables has no tables: what nft has besides is not shown.
    OnlyIptables,
    /// A tool that shows rules failed.
    ToolFailed(String),
    /// No set of nft has a member, as where the listing leaves them out.
    SetsEmpty,
    /// This table is told twice, and not alike.
    GivenTwice(String),
    /// `nft list` shows a table of iptables-nft: what iptables itself prints is more exact.
    IptablesSeenByNft(String),
}

/// The tool that a table belongs to, which is the tool that changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// iptables or ip6tables; which of its two variants, the input does not say.
    Iptables,
    /// The variant that keeps its own tables in the kernel.
    IptablesLegacy,
    /// The variant that keeps its rules in nftables.
    IptablesNft,
    /// nft.
    Nft,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its family.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// The tool it belongs to.
    pub origin: Origin,
    /// Its chains in the order of the input, shared with copies of the table.
    pub chains: Vec<Arc<Chain>>,
    /// Where each of them stands, by its name.
    places: BTreeMap<String, usize>,
    /// Its named sets and maps.
    pub sets: BTreeMap<String, Set>,
    /// Whether iptables made it and nft listed it.
    pub foreign: bool,
    /// Whether the kernel calls none of its chains (`flags dormant`).
    pub dormant: bool,
    /// Whether commands make it, one after the other, and no listing shows it.
    pub scripted: bool,
}

impl Table {
    /// An empty table.
    pub fn new(family: Family, name: &str, origin: Origin) -> Self {
        Self {
            family,
            name: name.to_owned(),
            origin,
            chains: Vec::new(),
            places: BTreeMap::new(),
            sets: BTreeMap::new(),
            foreign: false,
            dormant: false,
            scripted: false,
        }
    }

    /// Its name as a person finds it: iptables' without, nft's with its family.
    pub fn title(&self) -> String {
        match self.origin {
            Origin::Nft => format!("{} {}", self.family.name(), self.name),
            Origin::Iptables | Origin::IptablesLegacy | Origin::IptablesNft => self.name.clone(),
        }
    }

    /// The chain of that name, made when there is none.
    pub fn chain(&mut self, name: &str) -> &mut Chain {
        let index = self.position(name).unwrap_or_else(|| {
            let index = self.chains.len();
            self.chains.push(Arc::new(Chain::new(name)));
            self.places.insert(name.to_owned(), index);
            index
        });
        Arc::make_mut(&mut self.chains[index])
    }

    /// Where the chain of that name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Forgets its chains.
    pub fn clear(&mut self) {
        self.chains.clear();
        self.places.clear();
    }

    /// Its rules, to be changed.
    pub(super) fn rules_mut(&mut self) -> impl Iterator<Item = &mut Rule> {
        let chains = self.chains.iter_mut();
        chains.flat_map(|chain| &mut Arc::make_mut(chain).rules)
    }
}

/// A chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where the kernel calls it; `None` when only other chains do.
    pub base: Option<Base>,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// How much of the chain the input shows.
    pub shown: Shown,
}

impl Chain {
    /// The chains that its rules lead into.
    pub fn called(&self) -> Vec<&str> {
        const fn led(verdict: &Verdict) -> Option<&String> {
            match verdict {
                Verdict::Jump(chain) | Verdict::Goto(chain) => Some(chain),
                Verdict::Accept
                | Verdict::Drop
                | Verdict::Reject(_)
                | Verdict::Return
                | Verdict::Translate(_)
                | Verdict::Continue => None,
            }
        }
        let mut found: Vec<&str> = Vec::new();
        for statement in self.rules.iter().flat_map(|rule| &rule.statements) {
            if let Statement::End(verdict) = statement {
                found.extend(led(verdict).map(String::as_str));
            } else if let Statement::Dispatch {
                elements: Elements::Listed(listed),
                ..
            } = statement
            {
                let verdicts = listed.iter().filter_map(|one| one.verdict.as_ref());
                found.extend(verdicts.filter_map(led).map(String::as_str));
            }
        }
        found
    }

    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            base: None,
            rules: Vec::new(),
            shown: Shown::Not,
        }
    }
}

/// How much of a chain the input shows, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// Nothing but jumps to it.
    Not,
    /// Its rules without their interfaces (`iptables -L`).
    WithoutInterfaces,
    /// Its rules as a table for people (`iptables -L -v`).
    ForPeople,
    /// Its rules as the tool reads them again.
    Exactly,
}

/// Where the kernel calls a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The hook.
    pub hook: Hook,
    /// What the chain is for.
    pub kind: Kind,
    /// Its place among the chains of the hook, lowest first.
    pub priority: i32,
    /// Whether packets that reach its end pass.
    pub policy: Policy,
    /// The devices of an ingress chain.
    pub devices: Vec<String>,
    /// The words that say where it is called, where they are not understood.
    pub unread: Option<String>,
}

/// A place in the kernel where packets are shown to chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// As a device receives a frame.
    Ingress,
    /// Before the route is looked up.
    Prerouting,
    /// For packets to this host.
    Input,
    /// For packets to other hosts.
    Forward,
    /// For packets this host made.
    Output,
    /// After the route of a leaving packet is known.
    Postrouting,
    /// As a device sends a frame.
    Egress,
}

impl Hook {
    /// The hook by its name in nftables, in whichever case.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "ingress" => Self::Ingress,
            "prerouting" => Self::Prerouting,
            "input" => Self::Input,
            "forward" => Self::Forward,
            "output" => Self::Output,
            "postrouting" => Self::Postrouting,
            "egress" => Self::Egress,
            _ => return None,
        })
    }
}

/// What a base chain is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Filters.
    Filter,
    /// Translates addresses; sees the first packet of a connection only.
    Nat,
    /// Looks the route up again when it changed the packet.
    Route,
}

/// What happens to packets that reach the end of a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// They go on.
    Accept,
    /// They are dropped.
    Drop,
    /// The input does not say.
    Unknown,
}
