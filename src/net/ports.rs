//! Reserves source ports, so that no application's traffic is mistaken for ours.
//!
//! A port is held by a bound TCP socket that never listens or connects: the kernel hands it to
//! nobody else, and answers a SYN-ACK to it with a reset, as no connection is there. Dropping a
//! [`Reservation`] gives the ports back.

use std::io;

use socket2::{Domain, Protocol, Socket, Type};

use super::failure::Failure;
use super::raw::Origin;
use crate::model::endpoint::Family;

/// Source ports of the client range to hold for a session: as many flows as inference spreads SYNs
/// over, enough to tell one leg of eight from the rest.
pub(super) const EPHEMERAL: usize = 16;
/// Source ports below 1024 to hold for a session.
pub(super) const PRIVILEGED: usize = 2;

/// Below these, well-known services of this host live; above, the client range begins.
const PRIVILEGED_RANGE: std::ops::RangeInclusive<u16> = 512..=1023;

/// Ports held on one source address.
#[derive(Debug)]
pub struct Reservation {
    ephemeral: Vec<(u16, Socket)>,
    privileged: Vec<(u16, Socket)>,
}

impl Reservation {
    /// Holds `ephemeral` ports that the kernel chooses and up to `privileged` ones below 1024, the
    /// latter searched from a place that `choice` picks, so that two runs seldom meet. Fewer
    /// privileged ports, or none, where they are taken or need a capability we lack.
    ///
    /// # Errors
    ///
    /// [`Failure::ForeignSource`] when the address is not this host's, [`Failure::NoSourcePort`]
    /// when not even one port of the client range is to be had.
    pub fn hold(
        origin: &Origin,
        ephemeral: usize,
        privileged: usize,
        choice: u16,
    ) -> Result<Self, Failure> {
        let mut held = Self {
            ephemeral: Vec::with_capacity(ephemeral),
            privileged: Vec::with_capacity(privileged),
        };
        while held.ephemeral.len() < ephemeral {
            match bind(origin, 0) {
                Ok(port) => held.ephemeral.push(port),
                Err(_) if !held.ephemeral.is_empty() => break,
                Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => {
                    return Err(Failure::ForeignSource {
                        address: origin.source,
                    });
                }
                Err(source) => {
                    return Err(Failure::NoSourcePort {
                        address: origin.source,
                        source,
                    });
                }
            }
        }
        let count = usize::from(PRIVILEGED_RANGE.end() - PRIVILEGED_RANGE.start()) + 1;
        let start = usize::from(choice) % count;
        for port in PRIVILEGED_RANGE.cycle().skip(start).take(count) {
            if held.privileged.len() == privileged {
                break;
            }
            match bind(origin, port) {
                Ok(port) => held.privileged.push(port),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(_) => break,
            }
        }
        Ok(held)
    }

    /// The ports of the client range.
    pub fn ephemeral(&self) -> Vec<u16> {
        self.ephemeral.iter().map(|(port, _)| *port).collect()
    }

    /// The ports below 1024.
    pub fn privileged(&self) -> Vec<u16> {
        self.privileged.iter().map(|(port, _)| *port).collect()
    }
}

fn bind(origin: &Origin, port: u16) -> io::Result<(u16, Socket)> {
    let domain = match Family::of(origin.source) {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if domain == Domain::IPV6 {
        // Bound to the unspecified address it would take the port from IPv4 as well.
        socket.set_only_v6(true)?;
    }
    socket.bind(&origin.address(port))?;
    let bound = socket.local_addr()?.as_socket();
    let port = bound.map_or(port, |address| address.port());
    Ok((port, socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};

    fn loopback() -> Origin {
        Origin {
            source: IpAddr::V4(Ipv4Addr::LOCALHOST),
            scope: 0,
            interface: None,
            mark: None,
        }
    }

    #[test]
    fn held_ports_are_distinct_and_refused_to_others() {
        let held = Reservation::hold(&loopback(), 4, 0, 0).unwrap();
        let ports = held.ephemeral();
        assert_eq!(ports.len(), 4);
        for port in ports {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            assert!(TcpListener::bind(address).is_err(), "{port} is held");
            assert!(
                TcpStream::connect(address).is_err(),
                "{port} is no listener"
            );
        }
    }

    #[test]
    fn dropping_a_reservation_gives_its_ports_back() {
        let held = Reservation::hold(&loopback(), 1, 0, 0).unwrap();
        let port = held.ephemeral().pop().unwrap();
        drop(held);
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }

    #[test]
    fn an_address_of_another_host_is_refused() {
        let origin = Origin {
            // RFC 5737: belongs to nobody.
            source: IpAddr::from([192, 0, 2, 1]),
            ..loopback()
        };
        let held = Reservation::hold(&origin, 1, 0, 0);
        assert!(matches!(held, Err(Failure::ForeignSource { .. })));
    }
}
