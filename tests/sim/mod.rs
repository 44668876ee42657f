//! The simulator: a virtual network in virtual time that stages a scenario for the real engine.
//!
//! It models *devices*, from RFCs and from what Linux does (the kernel function is named where it
//! matters); it knows nothing of what inference believes and shares no parser with the crate.
//! Everything follows from the seed.
//!
//! | file | role |
//! |---|---|
//! | `clock` | the queue of events |
//! | `datagram`, `compose` | a datagram as devices see it, and those they make |
//! | `build`, `node`, `network`, `link`, `ecmp` | the network: what there is, how it hangs together |
//! | `router`, `host`, `bridge`, `neighbour`, `reassembly` | the way of a datagram through a node |
//! | `filter`, `conntrack`, `nat`, `reject` | netfilter |
//! | `tcp`, `icmp`, `prober` | the ends |
//! | `runner`, `show`, `budget`, `matrix` | the engine in it, and what is expected of the two |
//! | `sweep`, `shared`, `reach` | every scenario: alone, among other ports of the host, and thoroughly |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    unreachable_pub,
    reason = "a broken harness is to fail loudly, and the rest is a test binary's own"
)]

mod bridge;
mod budget;
mod build;
mod clock;
mod compose;
mod conntrack;
mod datagram;
mod devices;
mod ecmp;
mod filter;
mod host;
mod icmp;
mod link;
mod matrix;
mod nat;
mod neighbour;
mod network;
mod node;
mod prober;
mod reach;
mod reassembly;
mod reject;
mod rig;
mod router;
pub mod runner;
mod shared;
mod show;
mod sweep;
mod tcp;
