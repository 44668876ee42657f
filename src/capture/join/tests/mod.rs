//! Captures made of composed packets, joined.

mod build;
mod clocks;
mod decoys;
mod fates;
mod matching;
