//! The receiver behind the local firewall: raw sockets, which hear what the INPUT hook let through.
//!
//! IPv4 raw sockets deliver whole datagrams. IPv6 ones deliver the payload without its header, so
//! the header is put together again from what the kernel says beside it: source, destination, hop
//! limit, traffic class and flow label. All of them equal what the tap sees of the same datagram,
//! so both receivers report the same reply (measured: the datagrams are equal octet for octet, for
//! SYN-ACK, RST and ICMPv6 errors). Extension headers are gone: the stack has acted on them.

use std::io;
use std::net::Ipv6Addr;
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{Protocol, Socket};

use super::ancillary::{Ancillary, sender_v6};
use super::failure::Failure;
use super::filter::Ports;
use super::raw::raw_socket;
use super::receiver::{Receiver, ReceiverKind};
use super::syscall::{Message, set_int};
use crate::model::endpoint::Family;

/// Opens the receivers of a family: TCP and ICMP.
pub(super) fn open(family: Family, ports: &Ports) -> Result<[Receiver; 2], Failure> {
    Ok([
        listen(ReceiverKind::Tcp(family), family, ports)?,
        listen(ReceiverKind::Icmp(family), family, ports)?,
    ])
}

fn listen(kind: ReceiverKind, family: Family, ports: &Ports) -> Result<Receiver, Failure> {
    let protocol = Protocol::from(i32::from(protocol(kind)));
    let socket = raw_socket(family, protocol).map_err(|source| kind.unopened(source))?;
    prepare(&socket, family).map_err(|source| kind.unfit(source))?;
    let receiver = Receiver::new(socket, kind)?;
    receiver.listen_for(ports)?;
    Ok(receiver)
}

fn prepare(socket: &Socket, family: Family) -> io::Result<()> {
    let fd = socket.as_fd();
    match family {
        // Otherwise the kernel would take the ICMP 3/4 that our probes draw for this socket's own,
        // and lower the path MTU of the whole host: to measure must not change what is measured.
        Family::V4 => set_int(
            fd,
            libc::SOL_IP,
            libc::IP_MTU_DISCOVER,
            libc::IP_PMTUDISC_OMIT,
        ),
        Family::V6 => {
            set_int(fd, libc::SOL_IPV6, libc::IPV6_RECVHOPLIMIT, 1)?;
            set_int(fd, libc::SOL_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
            // Carries the traffic class as well.
            set_int(fd, libc::SOL_IPV6, libc::IPV6_FLOWINFO, 1)
        }
    }
}

/// The IP protocol number heard at a post behind the firewall.
pub(super) const fn protocol(kind: ReceiverKind) -> u8 {
    (match kind {
        ReceiverKind::Icmp(Family::V4) => libc::IPPROTO_ICMP,
        ReceiverKind::Icmp(Family::V6) => libc::IPPROTO_ICMPV6,
        ReceiverKind::Tcp(_) | ReceiverKind::Tap => libc::IPPROTO_TCP,
    }) as u8
}

/// Writes the whole datagram of a message into `datagram` and gives its stamp; `None` when the kernel
/// left out what its header needs.
#[expect(
    clippy::option_option,
    reason = "a datagram that cannot be restored is not one without a stamp"
)]
pub(super) fn restore(
    family: Family,
    protocol: u8,
    message: &Message<'_>,
    datagram: &mut Vec<u8>,
) -> Option<Option<Duration>> {
    let beside = Ancillary::read(message.control);
    datagram.clear();
    if family == Family::V6 {
        datagram.extend(header_v6(
            &beside,
            sender_v6(message.name)?,
            protocol,
            u16::try_from(message.payload.len()).ok()?,
        )?);
    }
    datagram.extend_from_slice(message.payload);
    Some(beside.stamp)
}

/// An IPv6 header (RFC 8200 section 3).
fn header_v6(
    beside: &Ancillary,
    source: Ipv6Addr,
    next_header: u8,
    length: u16,
) -> Option<[u8; 40]> {
    const VERSION: u32 = 6 << 28;
    let mut header = [0; 40];
    // The kernel leaves the word out when it is zero.
    let first = VERSION | beside.flow.unwrap_or_default();
    let parts: [&[u8]; 6] = [
        &first.to_be_bytes(),
        &length.to_be_bytes(),
        &[next_header],
        &[beside.hop_limit?],
        &source.octets(),
        &beside.destination?.octets(),
    ];
    for (to, from) in header.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_put_together_as_it_was() {
        let beside = Ancillary {
            stamp: None,
            hop_limit: Some(63),
            flow: Some(0x048a_bcde),
            destination: Some(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2)),
            framing: None,
        };
        let source = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
        let header = header_v6(&beside, source, 6, 20).unwrap();
        let mut expected = vec![0x64, 0x8a, 0xbc, 0xde, 0, 20, 6, 63, 0xfd];
        expected.extend([0; 14]);
        expected.extend([1, 0xfd]);
        expected.extend([0; 14]);
        expected.push(2);
        assert_eq!(header.to_vec(), expected);
    }

    #[test]
    fn without_a_hop_limit_there_is_no_header() {
        let beside = Ancillary::default();
        assert_eq!(header_v6(&beside, Ipv6Addr::LOCALHOST, 6, 20), None);
    }
}
