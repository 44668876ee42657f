//! What can keep this host from probing at all.
//!
//! Each failure names the operation, the object and the remedy. What merely befalls one probe (a
//! refused send, no route, an unresolved neighbour) is a fact of the evidence and never appears
//! here.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::endpoint::Family;

/// Why the network cannot be used as asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The process may not open raw sockets.
    #[error(
        "cannot open raw sockets: CAP_NET_RAW is missing; run `sudo setcap cap_net_raw+ep {}` \
         once, or run this command with sudo",
        binary.display()
    )]
    NoCapability {
        /// The running binary.
        binary: PathBuf,
    },
    /// A socket could not be opened or set up.
    #[error("cannot set up {socket}: {source}; `synquest doctor` shows what this host supports")]
    Socket {
        /// Which one.
        socket: SocketRole,
        /// What the kernel said.
        source: io::Error,
    },
    /// The firewall mark could not be set.
    #[error("cannot mark datagrams: {source}; --mark needs CAP_NET_ADMIN before Linux 5.17")]
    NoMark {
        /// What the kernel said.
        source: io::Error,
    },
    /// The interface named with `--interface` does not exist here.
    #[error("no interface is called {name}; this host has {}", present.join(", "))]
    NoInterface {
        /// The name given.
        name: String,
        /// The names that exist.
        present: Vec<String>,
    },
    /// The address named with `--source` is not one of this host's.
    #[error("{address} is not an address of this host; give --source one that `ip address` lists")]
    ForeignSource {
        /// The address given.
        address: IpAddr,
    },
    /// Not one source port could be reserved.
    #[error(
        "cannot reserve a source port on {address}: {source}; close idle connections or widen \
         net.ipv4.ip_local_port_range"
    )]
    NoSourcePort {
        /// The source address.
        address: IpAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// A question to the kernel's routing or neighbour tables was not answered.
    #[error("cannot ask the kernel for {question}: {source}; try `ip route get` by hand")]
    Netlink {
        /// What was asked.
        question: Question,
        /// What the kernel said.
        source: io::Error,
    },
    /// The system has no randomness for the run's key.
    #[error("cannot draw the run's key from the system's random numbers: {reason}")]
    Randomness {
        /// What the system said.
        reason: getrandom::Error,
    },
    /// The thread of the packet loop could not be started.
    #[error("cannot start the packet thread: {source}; raise the limit on processes (ulimit -u)")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// A pipe could not be made.
    #[error("cannot open a pipe: {source}; raise the limit on open files (ulimit -n)")]
    Pipe {
        /// What the system said.
        source: io::Error,
    },
    /// A name could not be resolved.
    #[error("cannot resolve {name}: {source}; check the spelling and the DNS of this host")]
    Unresolved {
        /// The name.
        name: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// The resolver did not answer in time.
    #[error("no answer about {name} from the resolver within {} s; check the DNS of this host", timeout.as_secs())]
    ResolverSilent {
        /// The name.
        name: String,
        /// How long it was given.
        timeout: Duration,
    },
    /// A name resolves, but not to an address of the family asked for.
    #[error("{name} has no {} address; drop -4 or -6", family_word(*family))]
    NoAddress {
        /// The name.
        name: String,
        /// The family asked for; `None` when there are no addresses at all.
        family: Option<Family>,
    },
}

const fn family_word(family: Option<Family>) -> &'static str {
    match family {
        Some(Family::V4) => "IPv4",
        Some(Family::V6) => "IPv6",
        None => "IP",
    }
}

/// The sockets of a run, as messages name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketRole {
    /// Sends datagrams, header included.
    RawSender(Family),
    /// Hears TCP after the local firewall.
    TcpReceiver(Family),
    /// Hears ICMP after the local firewall.
    IcmpReceiver(Family),
    /// Hears frames before the local firewall.
    Tap,
    /// Asks the kernel's tables.
    Netlink,
}

impl std::fmt::Display for SocketRole {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::RawSender(Family::V4) => "the raw IPv4 sending socket",
            Self::RawSender(Family::V6) => "the raw IPv6 sending socket",
            Self::TcpReceiver(Family::V4) => "the raw TCP socket",
            Self::TcpReceiver(Family::V6) => "the raw TCP socket for IPv6",
            Self::IcmpReceiver(Family::V4) => "the raw ICMP socket",
            Self::IcmpReceiver(Family::V6) => "the raw ICMPv6 socket",
            Self::Tap => "the packet socket",
            Self::Netlink => "the netlink socket",
        })
    }
}

/// What the kernel was asked over netlink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The route to an address.
    Route(IpAddr),
    /// The neighbour entry of an address.
    Neighbour(IpAddr),
    /// An interface, by index.
    Interface(u32),
}

impl std::fmt::Display for Question {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Route(address) => write!(out, "the route to {address}"),
            Self::Neighbour(address) => write!(out, "the neighbour entry of {address}"),
            Self::Interface(index) => write!(out, "interface number {index}"),
        }
    }
}
