//! Bytes ↔ packets: composes the datagrams we send and dissects whatever arrives. Beside them
//! [`greeting`], the first words of database servers.
//!
//! Uses nothing else of the crate; the types of the parsing library never leave. Dissection takes
//! any bytes and never panics: what cannot be read is a [`dissect::Malformed`]. Checksums are apart, in
//! [`checksum`]: virtual links hand over segments whose checksum was left for a network card to fill in.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod arp;
mod bytes;
pub mod checksum;
pub mod compose;
pub mod dissect;
pub mod fragment;
pub mod frame;
pub mod greeting;
pub mod headers;
pub mod icmp;
mod ip;
mod malformed;
pub mod packet_template;
pub mod peek;
pub mod quote;
pub mod tcp;
#[cfg(test)]
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]
mod tests;

pub use ip::{Family, Fragment, header_length, protocol};
