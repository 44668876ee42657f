//! A change of a rule set, and the command that makes it.

use super::condition::Element;
use super::flow::Flow;
use super::rule::Rule;

/// A command and what takes it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What to run.
    pub command: String,
    /// What takes it back; `None` when the input does not show enough of the rule.
    pub undo: Option<String>,
}

/// A change of a rule set.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Deletes the rule.
    Delete(Rule),
    /// Puts an accepting rule before the rule of that number.
    InsertBefore(u32, Flow),
    /// Puts an accepting rule at the end of the chain.
    Append(Flow),
    /// Takes an element out of a named set of the table.
    RemoveElement(String, Element),
    /// Takes an element out of an ipset.
    RemoveMember(String, Element),
}
