//! Rules of nftables as they are written, before anything is made of them.

use crate::rules::ruleset::Verdict;

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// Something of the packet, by the words that name it: `ip saddr`, `meta mark`, `ct state`.
    Field(String),
    /// A value by name or number.
    Word(String),
    /// A value in quotes.
    Quoted(String),
    /// `address/length`.
    Prefix(Box<Expression>, u32),
    /// `low-high`.
    Range(Box<Expression>, Box<Expression>),
    /// `a . b`
    Concat(Vec<Expression>),
    /// `{ a, b : c }`
    Set(Vec<Member>),
    /// `@name`
    Reference(String),
    /// `a,b`, or bits joined by `|`.
    List(Vec<Expression>),
    /// `a & b`
    And(Box<Expression>, Box<Expression>),
    /// `a ^ b`
    Xor(Box<Expression>, Box<Expression>),
    /// `key map data`
    Map(Box<Expression>, Box<Expression>),
    /// Anything else.
    Other(String),
}

/// A member of a set or map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// What it is found by.
    pub(super) key: Expression,
    /// The verdict of a verdict map.
    pub(super) verdict: Option<Verdict>,
    /// What any other map gives for it.
    pub(super) data: Option<Expression>,
    /// As it is written, without what is said of it.
    pub(super) text: String,
    /// Whether it asks more than that, so that it may be passed over though it fits.
    pub(super) limited: bool,
}

/// How two sides of a match relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// Nothing is written: equal, or for flags at least one set.
    Implicit,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `!`: no flag set.
    None,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// One statement of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// A comparison.
    Match(Relation, Expression, Expression),
    /// A verdict.
    Verdict(Verdict),
    /// A verdict found by a key.
    Dispatch(Expression, Expression),
    /// `key set value`
    Mangle(Expression, Expression),
    /// A refusal: its family word and its kind.
    Reject(String, String),
    /// `dnat ip to address:port`: the IP version where it is written, the address, the port.
    Destination(Option<u128>, Option<Expression>, Option<Expression>),
    /// `redirect to :port`
    Redirect(Option<Expression>),
    /// `snat`, `masquerade`, and the IP version where it is written.
    Source(Option<u128>),
    /// `notrack`
    Untrack,
    /// A program or proxy decides.
    Handover(String, String),
    /// An element is put into a set, or taken out of it, which the flag says.
    Update(String, bool),
    /// A condition that nobody can tell, and whether it stays the same.
    Opaque(String, bool),
    /// That the packet has what the expression looks at.
    Has(Expression),
    /// Words of which nothing is understood: a condition, a verdict or a change.
    Unknown(String),
}
