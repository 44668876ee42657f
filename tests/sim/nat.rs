//! Address translation on the strength of a tracked connection, inside ICMP quotes as well.
//!
//! Linux rewrites the outer header of a related ICMP error too (`nf_nat_icmp_reply_translation`):
//! behind a destination translation every hop's time-exceeded seems to come from the translated
//! address.

use std::net::IpAddr;

use etherparse::checksum::Sum16BitWords;

use super::conntrack::Entry;
use super::datagram::{Datagram, TCP};

/// Where in a node's way a translation happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Destinations.
    Prerouting,
    /// Sources.
    Postrouting,
}

/// Rewrites `datagram`, which goes in the `reply` direction (or not) of `entry`.
pub fn translate(datagram: &mut Datagram, entry: &Entry, reply: bool, stage: Stage) {
    let to = match (stage, reply) {
        (Stage::Prerouting, false) if entry.translates_destination() => entry.reply.source,
        (Stage::Prerouting, true) if entry.translates_source() => entry.original.source,
        (Stage::Postrouting, false) if entry.translates_source() => entry.reply.destination,
        (Stage::Postrouting, true) if entry.translates_destination() => entry.original.destination,
        _ => return,
    };
    if datagram.is_icmp_error() {
        rewrite_quote(&mut datagram.payload[8..], to, stage);
    }
    let held = datagram.checksum_holds() || datagram.is_icmp_error();
    let port_at = match stage {
        Stage::Prerouting => {
            datagram.destination = to.0;
            2
        }
        Stage::Postrouting => {
            datagram.source = to.0;
            0
        }
    };
    if datagram.protocol == TCP
        && let Some(port) = datagram.payload.get_mut(port_at..port_at + 2)
    {
        port.copy_from_slice(&to.1.to_be_bytes());
    }
    if held {
        datagram.fill_checksum();
    }
}

/// The quoted packet went the other way: what is the outer destination is its source.
fn rewrite_quote(quote: &mut [u8], to: (IpAddr, u16), stage: Stage) {
    let (is_source, port_at) = match stage {
        Stage::Prerouting => (true, 0),
        Stage::Postrouting => (false, 2),
    };
    let (header, protocol) = match to.0 {
        IpAddr::V4(address) => {
            let at = if is_source { 12 } else { 16 };
            quote[at..at + 4].copy_from_slice(&address.octets());
            let length = usize::from(quote[0] & 15) * 4;
            quote[10..12].fill(0);
            let sum = Sum16BitWords::new().add_slice(&quote[..length]);
            quote[10..12].copy_from_slice(&sum.ones_complement().to_be().to_be_bytes());
            (length, quote[9])
        }
        IpAddr::V6(address) => {
            let at = if is_source { 8 } else { 24 };
            quote[at..at + 16].copy_from_slice(&address.octets());
            match quote[6] {
                44 => (48, quote[40]),
                protocol => (40, protocol),
            }
        }
    };
    if protocol == TCP
        && let Some(port) = quote.get_mut(header + port_at..header + port_at + 2)
    {
        port.copy_from_slice(&to.1.to_be_bytes());
    }
}
