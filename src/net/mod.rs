//! Sockets and clocks: everything that touches the machine.
//!
//! Two ears and one mouth. Probes leave through raw IP sockets, so that this host's firewall treats
//! them as it treats the database's client. Replies are heard twice: by a packet socket before the
//! local firewall and by raw sockets after it; the difference between the two is evidence.

mod ancillary;
pub mod clock;
mod counters;
mod diagnoses;
pub mod doctor;
pub mod driver;
mod ear;
pub mod failure;
mod fellows;
mod filter;
pub mod firewall;
pub mod greeting;
pub mod host;
mod lookout;
pub mod neighbour;
pub mod netlink;
mod packet_loop;
pub mod ports;
pub mod privilege;
pub mod raw;
pub mod resolve;
mod roster;
pub mod route;
mod stack;
pub mod stop;
pub mod supply;
pub mod surroundings;
pub mod survey;
mod syscall;
mod tap;
pub mod triage;
mod watch;
mod witness;

pub use failure::Failure;
pub use stop::Stop;
