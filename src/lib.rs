//! `synquest` finds out why a TCP port does not answer.
//!
//! The library is built in floors; each uses the ones below it and nothing above or beside:
//!
//! ```text
//!               cli                arguments as typed, then as runnable; wiring; exit status
//!      ┌──────┬────┴─┬───────┬──────┐
//!     net  capture report  sweep  rules   sockets and clocks │ capture files │ the forms a verdict
//!      └──┬───┘      │       │       is written in │ lists and the files of a sweep │ the rules of
//!         │          │       │       a host's firewall
//!       engine       │      what to send next, what a frame answers
//!         │          │
//!       infer        │      evidence → verdict or question; pure
//!         └───┬──────┘
//!           model           endpoint, probe, reply, evidence, path, verdict, time
//!             │
//!           wire            bytes ↔ packets
//! ```
//!
//! Two rooms below `cli` belong to no wing: `files` writes files beside their place and renames them
//! into it, and `checkup` judges what this host says of itself.
//!
//! `wire`, `model`, `infer` and `engine` do no I/O and read no clock: bytes, times and refusals go
//! in; datagrams, deadlines and verdicts come out. The same engine runs on raw sockets and inside
//! the virtual-time simulator of the tests.
//!
//! # Panics
//!
//! Garbage from a network is a value, never a panic. Where this library panics, it is a bug of the
//! library, and the message names the invariant that was broken.

pub mod capture;
pub mod checkup;
pub mod cli;
pub mod engine;
pub mod files;
pub mod infer;
pub mod model;
pub mod net;
pub mod report;
pub mod rules;
pub mod sweep;
pub mod wire;
