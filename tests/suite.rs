//! The integration tests: one binary, one module an area.
#![allow(missing_docs, unreachable_pub, reason = "a test binary has no public interface")]

mod cli;
mod lab;
mod layers;
mod report;
mod scenario;
mod sim;
