//! The receiver before the local firewall: a packet socket, which sees our own datagrams leave as well.
//!
//! It listens on every interface, because a reply may enter by another one than the probe left by,
//! and just that is what `rp_filter` discards; a frame that passes several stacked interfaces is
//! heard on each. Frames come whole (`SOCK_RAW`), for the capture; where the IP header begins, the
//! kernel says beside each (`PACKET_AUXDATA`), so the kind of link makes no difference to hearing.
//! Link headers other than Ethernet's differ between directions and drivers, and are taken off.
//!
//! On loopback every datagram passes twice, leaving and arriving; the filter lets through the
//! leaving of what comes from our ports and the arriving of what goes to them.
//!
//! Measured on Linux 6.18: a datagram whose next hop is not resolved, or that an OUTPUT rule
//! dropped, is never heard leaving; a reply that an INPUT rule or `rp_filter` discards is heard here
//! and not by the receiver behind the firewall; every frame carries a kernel stamp in both directions,
//! kept over seconds in the socket's queue. Of 30 000 frames sent to a process that did not read,
//! what was heard later and what `PACKET_STATISTICS` counts as dropped add up to 30 000; what the
//! filter refuses is not counted.

use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::ancillary::{Ancillary, hardware, interface, packet_type};
use super::failure::Failure;
use super::filter::Ports;
use super::receiver::{Framed, Received, Receiver, ReceiverKind};
use super::syscall::{Message, bind_packet, set_int};
use crate::engine::Heard;
use crate::model::evidence;
use crate::wire::frame::Link;

/// Opens the tap. It hears from the moment this returns, and nothing but what the filter passes.
pub(super) fn open(ports: &Ports) -> Result<Receiver, Failure> {
    let kind = ReceiverKind::Tap;
    // Without a protocol the socket is deaf until it is bound, so nothing unfiltered gets in.
    let socket =
        Socket::new(Domain::PACKET, Type::RAW, None).map_err(|source| kind.unopened(source))?;
    set_int(socket.as_fd(), libc::SOL_PACKET, libc::PACKET_AUXDATA, 1)
        .map_err(|source| kind.unfit(source))?;
    let receiver = Receiver::new(socket, kind)?;
    receiver.listen_for(ports)?;
    bind_packet(receiver.fd()).map_err(|source| kind.unfit(source))?;
    Ok(receiver)
}

/// When a frame passed, and the frame; `None` for frames that are not this host's.
pub(super) fn interpret<'a>(message: &Message<'a>) -> Option<(Option<Duration>, Received<'a>)> {
    let Ancillary { stamp, framing, .. } = Ancillary::read(message.control);
    let framing = framing?;
    let heard = match packet_type(message.name)? {
        libc::PACKET_OUTGOING => Heard::Departing,
        libc::PACKET_OTHERHOST => return None,
        _ if framing.vouched => Heard::Vouched,
        _ => Heard::Arriving(evidence::ReceivedBy::Tap),
    };
    let datagram = message.payload.get(framing.network..)?;
    let ethernet = matches!(
        hardware(message.name)?,
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK
    );
    let (link, octets) = if ethernet && framing.network > 0 {
        (Link::Ethernet, message.payload)
    } else {
        (Link::Raw, datagram)
    };
    let framed = Framed {
        interface: interface(message.name)?,
        link,
        octets,
        tag: framing.tag,
    };
    let received = Received {
        heard,
        datagram,
        framed: Some(framed),
    };
    Some((stamp, received))
}
