//! Sends whole IP datagrams through raw IP sockets, as this host's own traffic.
//!
//! The kernel routes them and passes them through the OUTPUT and POSTROUTING hooks as it does a
//! client's packets, so the local firewall gets its say: a packet socket would go round it. What
//! the kernel refuses comes back as a [`LocalRefusal`], never as an error.
//!
//! One raw sender speaks for one source address, to which its socket is bound: the kernel looks at the
//! socket, not at the header in the datagram, when policy routing asks where it comes from.
//!
//! Measured on Linux 6.18, IPv4 and IPv6 alike but where said:
//!
//! | here | `sendto` |
//! |---|---|
//! | DROP or REJECT in OUTPUT, DROP in POSTROUTING | EPERM |
//! | route of type `prohibit` | EACCES |
//! | no route; route of type `unreachable` | ENETUNREACH; EHOSTUNREACH |
//! | route of type `blackhole` | EINVAL |
//! | longer than the interface's MTU | EMSGSIZE |
//! | longer than a path MTU learnt earlier | sent |
//! | next hop does not resolve, or the interface has no carrier | sent, never leaves; after 3 s the kernel tells *this host* so by an ICMP host-unreachable from its own address |
//! | REJECT in OUTPUT | as well as EPERM, the reject's ICMP from this host's own address |
//! | the source address is no longer ours | sent, and the answers go nowhere (see `watch`) |
//! | lone first fragment under connection tracking | IPv4: leaves, thanks to `IP_NODEFRAG`; IPv6: sent, never leaves, as there is no such option |

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::AsFd;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::failure::{Failure, SocketRole};
use super::privilege;
use super::syscall::{Burst, send_burst, set_int};
use crate::model::endpoint::Family;
use crate::model::evidence::LocalRefusal;

/// Where a raw sender's datagrams leave from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The source address; unspecified to let the header speak for itself.
    pub source: IpAddr,
    /// IPv6 scope of a link-local source: the interface's index; 0 elsewhere.
    pub scope: u32,
    /// Interface all datagrams must leave by (`SO_BINDTODEVICE`).
    pub interface: Option<String>,
    /// Firewall mark (`SO_MARK`).
    pub mark: Option<u32>,
}

impl Origin {
    /// The source as a socket address.
    pub(super) fn address(&self, port: u16) -> SockAddr {
        socket_address(self.source, self.scope, port)
    }
}

/// A raw socket that sends.
#[derive(Debug)]
pub struct RawSender {
    socket: Socket,
}

/// Octets that may wait in the socket for a neighbour to be resolved: more than the kernel's own
/// queue for one (`neigh.default.unres_qlen_bytes`), so that a dead gateway does not stop our raw sender
/// towards others.
const SEND_BUFFER: usize = 4 << 20;

impl RawSender {
    /// Opens a raw sender.
    ///
    /// # Errors
    ///
    /// [`Failure::NoCapability`] without CAP_NET_RAW, [`Failure::ForeignSource`] when the source is
    /// not an address of this host, [`Failure::Socket`] for what else the kernel refuses.
    pub fn open(origin: &Origin) -> Result<Self, Failure> {
        let family = Family::of(origin.source);
        let role = SocketRole::RawSender(family);
        let socket = raw_socket(family, Protocol::from(libc::IPPROTO_RAW))
            .map_err(|source| privilege::blame(role, source))?;
        if let Some(mark) = origin.mark {
            socket
                .set_mark(mark)
                .map_err(|source| Failure::NoMark { source })?;
        }
        prepare(&socket, family)
            .and_then(|()| socket.bind_device(origin.interface.as_ref().map(String::as_bytes)))
            .map_err(|source| Failure::Socket {
                socket: role,
                source,
            })?;
        match socket.bind(&origin.address(0)) {
            Ok(()) => Ok(Self { socket }),
            Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => {
                Err(Failure::ForeignSource {
                    address: origin.source,
                })
            }
            Err(source) => Err(Failure::Socket {
                socket: role,
                source,
            }),
        }
    }

    /// Sends the datagrams of `burst`, headers included, in their order, and tells `refused` the
    /// number of each that the kernel did not take, and why. `at_once` of them go with one call; where
    /// that is more than one, a refused one may have been tried twice.
    pub(super) fn send(
        &self,
        burst: &mut Burst,
        at_once: usize,
        refused: &mut dyn FnMut(usize, LocalRefusal),
    ) {
        let mut first = 0;
        while first < burst.len() {
            match send_burst(self.socket.as_fd(), burst, first, at_once) {
                Ok(taken) => first += taken.max(1),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    refused(first, refusal(error.raw_os_error().unwrap_or_default()));
                    first += 1;
                }
            }
        }
    }
}

/// Where a raw socket sends to; `scope` is the index of the interface for a link-local address, 0
/// elsewhere.
pub(super) fn destination(address: IpAddr, scope: u32) -> SockAddr {
    // Raw IPv6 sockets take no port but 0.
    socket_address(address, scope, 0)
}

fn prepare(socket: &Socket, family: Family) -> io::Result<()> {
    let fd = socket.as_fd();
    // The kernel never answers on this protocol number; what arrives by mistake is not kept.
    socket.set_recv_buffer_size(0)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    match family {
        Family::V4 => {
            socket.set_header_included_v4(true)?;
            // Without it a full transmit queue looks like a sent datagram (net/ipv4/raw.c).
            set_int(fd, libc::SOL_IP, libc::IP_RECVERR, 1)?;
            // A path MTU learnt earlier must not refuse the probe that measures it.
            let probe = libc::IP_PMTUDISC_PROBE;
            set_int(fd, libc::SOL_IP, libc::IP_MTU_DISCOVER, probe)?;
            // Local connection tracking would keep our lone fragments, waiting for the rest.
            set_int(fd, libc::SOL_IP, libc::IP_NODEFRAG, 1)
        }
        Family::V6 => {
            socket.set_header_included_v6(true)?;
            set_int(fd, libc::SOL_IPV6, libc::IPV6_RECVERR, 1)?;
            let probe = libc::IPV6_PMTUDISC_PROBE;
            set_int(fd, libc::SOL_IPV6, libc::IPV6_MTU_DISCOVER, probe)
        }
    }
}

/// A raw socket that does not block.
pub(super) fn raw_socket(family: Family, protocol: Protocol) -> io::Result<Socket> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn socket_address(address: IpAddr, scope: u32, port: u16) -> SockAddr {
    match address {
        IpAddr::V4(_) => SocketAddr::new(address, port).into(),
        IpAddr::V6(address) => SocketAddrV6::new(address, port, 0, scope).into(),
    }
}

/// What an errno of `sendto` means.
pub(super) const fn refusal(errno: i32) -> LocalRefusal {
    match errno {
        libc::EPERM => LocalRefusal::Firewall,
        libc::EACCES => LocalRefusal::Prohibited,
        libc::ENETUNREACH | libc::EHOSTUNREACH => LocalRefusal::NoRoute,
        libc::ENETDOWN | libc::ENODEV | libc::ENXIO => LocalRefusal::InterfaceDown,
        libc::ENOBUFS | libc::ENOMEM | libc::EAGAIN => LocalRefusal::Overload,
        libc::EMSGSIZE => LocalRefusal::TooLong,
        libc::EINVAL => LocalRefusal::Blackhole,
        libc::EADDRNOTAVAIL => LocalRefusal::SourceGone,
        other => LocalRefusal::Other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_errno_has_its_refusal() {
        assert_eq!(refusal(libc::EPERM), LocalRefusal::Firewall);
        assert_eq!(refusal(libc::EACCES), LocalRefusal::Prohibited);
        assert_eq!(refusal(libc::ENETUNREACH), LocalRefusal::NoRoute);
        assert_eq!(refusal(libc::EHOSTUNREACH), LocalRefusal::NoRoute);
        assert_eq!(refusal(libc::EINVAL), LocalRefusal::Blackhole);
        assert_eq!(refusal(libc::ENETDOWN), LocalRefusal::InterfaceDown);
        assert_eq!(refusal(libc::ENOBUFS), LocalRefusal::Overload);
        assert_eq!(refusal(libc::EMSGSIZE), LocalRefusal::TooLong);
        assert_eq!(refusal(libc::EADDRNOTAVAIL), LocalRefusal::SourceGone);
        assert_eq!(refusal(libc::EIO), LocalRefusal::Other(libc::EIO));
    }
}
