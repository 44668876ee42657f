//! Rules: what they do, step by step, and what they look things up in.

use std::sync::Arc;

use super::condition::{Condition, Element, Key};
use super::odds::Odds;
use super::part::Part;

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its place in the chain, from 1.
    pub number: u32,
    /// Its handle in nftables.
    pub handle: Option<u64>,
    /// The rule as its tool prints it.
    pub text: String,
    /// What it does, in order.
    pub statements: Vec<Statement>,
    /// How to make it again.
    pub recipe: Recipe,
}

impl Rule {
    /// A rule that cannot be read, so that it may do anything; `rewrites` says whether that may be
    /// to write the packet anew.
    pub(super) fn unread(number: u32, text: String, rewrites: bool) -> Self {
        let mut statements = vec![Statement::Match(Condition::Opaque {
            text: format!("the rule, which cannot be read, is for it: {text}"),
            stable: false,
            negated: false,
            odds: Odds::Even,
        })];
        if rewrites {
            statements.extend(Statement::everything());
        }
        statements.push(Statement::Handover {
            target: text.clone(),
            to: format!("the rule that cannot be read ({text})"),
        });
        Self {
            number,
            handle: None,
            text,
            statements,
            recipe: Recipe::Incomplete,
        }
    }

    /// What iptables takes behind the name of `chain` to make it again; `None` where its text is not
    /// all of it.
    pub fn specification(&self, chain: &str) -> Option<&str> {
        let rest = self.text.strip_prefix("-A ")?.strip_prefix(chain)?;
        (self.recipe == Recipe::Same).then_some(rest.trim_start())
    }
}

/// How to make a rule again after it was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// Its text says all of it: behind the chain what iptables takes, or the statements of nft.
    Same,
    /// The `expr` of the rule as `nft -j` reads it.
    NftJson(String),
    /// The input did not show all of it.
    Incomplete,
}

/// One step of a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// The rule goes on only where this holds.
    Match(Condition),
    /// The verdict.
    End(Verdict),
    /// The verdict is looked up by these keys (`vmap`); where none fits, the rule is over.
    Dispatch {
        /// What is looked up.
        keys: Vec<Key>,
        /// Where.
        elements: Elements,
        /// As its tool prints it.
        text: String,
        /// Whether what is found is a new destination, and no verdict.
        translates: bool,
    },
    /// Sets the packet's mark, or that of its connection.
    Mark {
        /// Whether it is the connection's.
        connection: bool,
        /// The new mark.
        change: MarkChange,
    },
    /// Rewrites the destination, and ends the chain.
    Destination(Translation),
    /// Rewrites the source, and ends the chain.
    Source,
    /// Writes a part of the packet anew, nobody can tell how.
    Rewrite(Part),
    /// Puts an element into a set, or takes one out.
    Update {
        /// The set.
        elements: Elements,
        /// Whether it takes one out.
        removes: bool,
    },
    /// Keeps the packet from being tracked.
    Untrack,
    /// Something outside decides whether the packet passes this base chain or is dropped.
    Handover {
        /// Its target (`NFQUEUE`).
        target: String,
        /// Who decides.
        to: String,
    },
}

impl Statement {
    /// That every part of the packet is written anew.
    pub(super) fn everything() -> impl Iterator<Item = Self> {
        let parts = [
            Part::Source,
            Part::Destination,
            Part::Mark,
            Part::ConnectionMark,
            Part::Other,
        ];
        parts.into_iter().map(Self::Rewrite)
    }

    /// Whether the rule may be over with it.
    pub const fn ends(&self) -> bool {
        match self {
            Self::End(_)
            | Self::Dispatch { .. }
            | Self::Destination(_)
            | Self::Source
            | Self::Handover { .. } => true,
            Self::Match(_)
            | Self::Mark { .. }
            | Self::Rewrite(_)
            | Self::Update { .. }
            | Self::Untrack => false,
        }
    }
}

/// A change of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkChange {
    /// `(mark & and) ^ xor`.
    Set {
        /// The bits that are kept.
        and: u32,
        /// The bits that are flipped afterwards.
        xor: u32,
    },
    /// `(mark & and) ^ (other & take)`, the other being the connection's for a packet's mark and
    /// the packet's for a connection's.
    Copy {
        /// The bits that are kept.
        and: u32,
        /// The bits that are taken from the other.
        take: u32,
    },
    /// Something that cannot be computed.
    Unknown,
}

/// A new destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// The address; `None` leaves it, for a redirect it is one of this host's own.
    pub address: Option<std::net::IpAddr>,
    /// The port; `None` leaves it.
    pub port: Option<u16>,
    /// Whether the packet stays on this host whatever its address was.
    pub redirect: bool,
    /// Whether the rule chooses among several, so that the new destination is not known.
    pub varied: bool,
    /// Whether the port stays where the new destination is not known.
    pub keeps_port: bool,
}

/// Where elements are listed.
#[derive(Clone, Debug, PartialEq)]
pub enum Elements {
    /// In the rule itself.
    Listed(Vec<Element>),
    /// In the named set of the rule's table.
    Named(String),
    /// In an ipset.
    Ipset(String),
}

impl Elements {
    /// Whether the rule itself holds them.
    pub const fn is_listed(&self) -> bool {
        matches!(self, Self::Listed(_))
    }
}

/// A named set or map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Set {
    /// What it holds, shared with copies of the set.
    pub elements: Arc<Vec<Element>>,
    /// What of that was taken out again.
    pub gone: Vec<Element>,
    /// Its type as its tool writes it (`hash:ip,port`, `ipv4_addr . inet_service`).
    pub kind: String,
    /// Whether the input shows its contents.
    pub known: bool,
    /// Whether rules change its contents while packets pass.
    pub changing: bool,
    /// Whether each element asks more than it shows, as a limit.
    pub varies: bool,
}

/// What a rule decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The packet passes this base chain.
    Accept,
    /// The packet is dropped.
    Drop,
    /// The packet is refused with this answer, in the words of `--reject-with`.
    Reject(Option<String>),
    /// Back to the calling chain; in a base chain, to its policy.
    Return,
    /// On to the next rule.
    Continue,
    /// Into a chain, and back.
    Jump(String),
    /// Into a chain, and back to where this one was called from.
    Goto(String),
    /// To another destination, which a map gives.
    Translate(Translation),
}

impl Verdict {
    /// Its name as iptables writes targets.
    pub fn target(&self) -> &str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Drop => "DROP",
            Self::Reject(_) => "REJECT",
            Self::Return => "RETURN",
            Self::Continue => "CONTINUE",
            Self::Jump(chain) | Self::Goto(chain) => chain,
            Self::Translate(_) => "DNAT",
        }
    }
}
