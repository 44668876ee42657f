//! Where in a rule set.

/// A chain of the rule set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainAt {
    /// Index of its table.
    pub table: usize,
    /// Index of the chain in it.
    pub chain: usize,
}

/// A rule, or the policy of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The chain.
    pub at: ChainAt,
    /// Index of the rule; `None` for the policy.
    pub rule: Option<usize>,
}
