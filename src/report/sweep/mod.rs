//! The forms of a whole sweep: what its endpoints have in common, one row each, and what changed.
//!
//! Every form is gathered from a stream of [`brief::Brief`]s, one result at a time, in any order,
//! whether it has just settled or is read back from a file; what a form keeps of a result is bounded
//! and said at its type. [`digest::Digest`] counts and groups, and its [`summary::Summary`] is what
//! the text, the pages and the metrics are made of; `csv` and `junit` keep rows of their own.

mod branches;
pub mod brief;
pub mod changes;
mod chart;
pub mod csv;
pub mod digest;
pub mod document;
pub mod facts;
mod fate;
pub mod group;
pub mod html;
pub mod junit;
pub mod listing;
pub mod markdown;
pub mod pace;
pub mod planned;
pub mod prometheus;
pub mod since;
pub mod summary;
pub mod tally;
pub mod text;
pub mod tree;
