//! Sockets and clocks: everything that touches the machine.
//!
//! Two ears and one mouth. Probes leave through raw IP sockets, so that this host's firewall treats
//! them as it treats the database's client. Replies are heard twice: by a packet socket before the
//! local firewall and by raw sockets after it; the difference between the two is evidence.

mod ancillary;
pub mod clock;
mod ear;
pub mod failure;
mod filter;
pub mod neighbour;
pub mod netlink;
pub mod ports;
pub mod privilege;
pub mod raw;
pub mod route;
mod stack;
mod syscall;
mod tap;

pub use failure::Failure;
