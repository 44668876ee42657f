//! Sockets and clocks: everything that touches the machine.
//!
//! Two receivers and one raw sender. Probes leave through raw IP sockets, so that this host's firewall treats
//! them as it treats the database's client. Replies are heard twice: by a packet socket before the
//! local firewall and by raw sockets after it; the difference between the two is evidence.

mod ancillary;
mod capture_tap;
pub mod clock;
mod counters;
mod diagnoses;
pub mod doctor;
pub mod driver;
pub mod endpoint_source;
pub mod failure;
mod filter;
pub mod firewall;
pub mod greeting;
pub mod host;
pub mod neighbour;
mod neighbour_monitor;
pub mod netlink;
mod other_runs;
mod packet_loop;
pub mod ports;
pub mod privilege;
pub mod raw;
mod receiver;
pub mod resolve;
pub mod route;
mod sessions;
mod stack;
pub mod stop;
pub mod surroundings;
pub mod survey;
mod syscall;
mod tap;
pub mod triage;
mod watch;

pub use failure::Failure;
pub use stop::Stop;
