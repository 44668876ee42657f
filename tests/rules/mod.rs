//! `synquest rules` against the kernel: random rule sets, real packets, and the counters that moved.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on panics, and one that a person runs prints"
)]

mod clusters;
mod draw;
mod forms;
mod iptables;
mod kernel;
mod nft;
mod remedy;
mod rig;
mod texts;
mod truth;
