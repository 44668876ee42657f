//! The integration tests: one binary, one module an area.
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "a test binary has no public interface"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken harness is to fail loudly"
)]

mod artefacts;
mod browser;
mod capture;
mod circles;
mod cli;
mod consistent;
mod crowd;
mod explain;
mod firewalled;
mod fuzzed;
mod greeting;
mod honest;
mod hostile;
mod joined;
mod lab;
mod layers;
mod report;
mod rules;
mod scenario;
mod sim;
mod sweep;
