//! Sweeps: endpoint lists, the order and the share in which they are probed, what is expected of
//! them, and the files that let a sweep be continued and its shards be joined.
//!
//! Knows text and files. Knows no network and no clock, and nothing of verdicts but their words.

pub mod exclude;
pub mod expectation;
pub mod journal;
pub mod list;
pub mod merge;
pub mod order;
pub mod parts;
pub mod results;
pub mod results_file;
pub mod roll;
pub mod target;
