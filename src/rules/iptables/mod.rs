//! iptables: the forms in which it prints rules, and what its options mean.

pub(super) mod addrtype;
mod conntrack;
pub(super) mod list;
pub(super) mod matches;
mod option_words;
pub(super) mod options;
pub(super) mod place;
pub(super) mod remarks;
pub(super) mod row;
pub(super) mod save;
mod specs;
pub(super) mod target;
pub(super) mod words;
