//! The packets that an attempt is told by: its SYNs, what answers them, and how each was captured.

use std::net::IpAddr;

use crate::model::reply::Reply;
use crate::model::time::Moment;
use crate::wire::dissect::Packet;
use crate::wire::frame::Direction;

/// A SYN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Syn {
    pub(super) at: Moment,
    pub(super) number: u64,
    pub(super) ttl: u8,
    pub(super) traffic_class: u8,
    pub(super) identification: Option<u32>,
    /// Its timestamp option's value.
    pub(super) stamp: Option<u32>,
    pub(super) payload: u16,
    pub(super) mss: Option<u16>,
    pub(super) crossing: Crossing,
    /// It was seen on another interface as well.
    pub(super) elsewhere: bool,
}

/// An answer to a SYN.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) at: Moment,
    pub(super) number: u64,
    pub(super) reply: Reply,
    /// What shows which of the SYNs it answers.
    pub(super) shows: Shows,
    /// It was seen a second time, one hop on: the capturing host sends it on.
    pub(super) relayed: bool,
    /// Its own IP identification and the value of its timestamp option.
    pub(super) mark: (Option<u32>, Option<u32>),
    pub(super) crossing: Crossing,
    /// Its window is in the capture.
    pub(super) has_window: bool,
}

/// How a packet crossed the interface it was captured on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossing {
    /// The number of the interface in the file.
    pub interface: u32,
    /// Which way, where that is known.
    pub direction: Option<Direction>,
    /// The capture holds all interfaces of its host (`-i any`).
    pub of_all: bool,
}

/// Who refused what the server sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) by: IpAddr,
    pub(super) ttl: u8,
    pub(super) direction: Option<Direction>,
}

/// A packet of the server, with what is known of it beside what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'p> {
    pub(super) at: Moment,
    pub(super) number: u64,
    pub(super) packet: &'p Packet,
    pub(super) crossing: Crossing,
    /// Its window is in the capture.
    pub(super) has_window: bool,
}

/// What an answer shows of the SYN it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// The value of its timestamp option (RFC 7323 §3.2).
    Stamp(u32),
    /// Its IPv4 identification, quoted.
    Identification(u32),
    /// Nothing besides the sequence number.
    Sequence,
}
