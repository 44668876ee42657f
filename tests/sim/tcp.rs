//! A host's TCP as far as a handshake goes: closed ports, listeners, half-open connections.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use fastrand::Rng;
use synquest::model::time::Moment;

use super::compose::{Draft, reset_of};
use super::conntrack::Tuple;
use super::datagram::{Datagram, Segment};

/// Local and remote end of a connection that was asked for.
pub type HalfOpenKey = ((IpAddr, u16), (IpAddr, u16));

/// Which SYN-ACK a timer is for: the connection and the number it was given.
pub type Timer = (HalfOpenKey, u32);

/// One host's TCP.
#[derive(Debug, Default)]
pub struct Tcp {
    listening: BTreeSet<u16>,
    overloaded: Option<u16>,
    /// Largest segment its interface carries.
    mss: u16,
    half_open: BTreeMap<HalfOpenKey, Request>,
    /// Handshakes that were completed: what a prober must never do.
    pub completed: u64,
}

/// A connection in SYN-RECEIVED.
#[derive(Clone, Debug)]
struct Request {
    remote_isn: u32,
    local_isn: u32,
    retries: u32,
    challenged: Option<Moment>,
}

/// What TCP does about a segment or a timer.
#[derive(Debug, Default)]
pub struct Reaction {
    /// A segment to send.
    pub send: Option<Datagram>,
    /// A SYN-ACK timer to start.
    pub timer: Option<(Duration, Timer)>,
}

impl Reaction {
    fn send(datagram: Datagram) -> Self {
        Self {
            send: Some(datagram),
            timer: None,
        }
    }
}

/// `net.ipv4.tcp_synack_retries`.
const RETRIES: u32 = 5;

impl Tcp {
    /// A host that listens on `listening`, whose accept queue on `overloaded` is full.
    pub fn new(listening: BTreeSet<u16>, overloaded: Option<u16>, mss: u16) -> Self {
        Self {
            listening,
            overloaded,
            mss,
            half_open: BTreeMap::new(),
            completed: 0,
        }
    }

    /// Takes a segment whose checksum holds (`tcp_v4_rcv`).
    pub fn receive(&mut self, datagram: &Datagram, now: Moment, rng: &mut Rng) -> Reaction {
        let Some(segment) = datagram.segment() else {
            return Reaction::default();
        };
        let key = (
            (datagram.destination, segment.destination_port),
            (datagram.source, segment.source_port),
        );
        if let Some(reaction) = self.receive_half_open(key, datagram, &segment, now) {
            return reaction;
        }
        if !self.listening.contains(&segment.destination_port) {
            return reset(datagram, &segment);
        }
        // LISTEN, RFC 9293 §3.10.7.2, in Linux's order (`tcp_rcv_state_process`).
        if segment.rst {
            Reaction::default()
        } else if segment.ack {
            reset(datagram, &segment)
        } else if segment.is_syn() && self.overloaded != Some(segment.destination_port) {
            let request = Request {
                remote_isn: segment.sequence,
                local_isn: rng.u32(..),
                retries: 0,
                challenged: None,
            };
            let reaction = Reaction {
                send: Some(self.syn_ack(key, &request)),
                timer: Some((Duration::from_secs(1), (key, request.local_isn))),
            };
            self.half_open.insert(key, request);
            reaction
        } else {
            Reaction::default()
        }
    }

    /// `tcp_check_req`, in its order; `None` where the listener goes on with the segment.
    fn receive_half_open(
        &mut self,
        key: HalfOpenKey,
        datagram: &Datagram,
        segment: &Segment,
        now: Moment,
    ) -> Option<Reaction> {
        let window = self.window(datagram.is_v4());
        let request = self.half_open.get_mut(&key)?;
        let expected = request.remote_isn.wrapping_add(1);
        if segment.is_syn() && segment.sequence == request.remote_isn {
            let request = request.clone();
            return Some(Reaction::send(self.syn_ack(key, &request)));
        }
        if segment.ack && segment.acknowledgment != request.local_isn.wrapping_add(1) {
            return None;
        }
        if segment.sequence.wrapping_sub(expected) >= u32::from(window) {
            let is_due = request
                .challenged
                .is_none_or(|at| now.since(at) >= Duration::from_millis(500));
            if segment.rst || !is_due {
                return Some(Reaction::default());
            }
            request.challenged = Some(now);
            let challenge = Draft {
                source_port: segment.destination_port,
                destination_port: segment.source_port,
                sequence: request.local_isn.wrapping_add(1),
                acknowledgment: Some(expected),
                window,
                ..Draft::default()
            };
            let challenge = challenge.datagram(datagram.destination, datagram.source);
            return Some(Reaction::send(challenge));
        }
        if segment.rst {
            self.half_open.remove(&key);
            return Some(Reaction::default());
        }
        if segment.syn {
            self.half_open.remove(&key);
            return Some(reset(datagram, segment));
        }
        if !segment.ack {
            return Some(Reaction::default());
        }
        self.half_open.remove(&key);
        self.completed += 1;
        Some(Reaction::default())
    }

    /// The SYN-ACK timer of a connection ran out: 1, 3, 7, 15 and 31 s after the SYN.
    pub fn timer(&mut self, (key, isn): Timer) -> Reaction {
        let found = self.half_open.get_mut(&key);
        let Some(request) = found.filter(|request| request.local_isn == isn) else {
            return Reaction::default();
        };
        if request.retries >= RETRIES {
            self.half_open.remove(&key);
            return Reaction::default();
        }
        request.retries += 1;
        let request = request.clone();
        Reaction {
            send: Some(self.syn_ack(key, &request)),
            timer: Some((Duration::from_secs(1 << request.retries), (key, isn))),
        }
    }

    /// The sequence number of a half-open connection's SYN-ACK, where there is one.
    #[cfg(test)]
    pub fn half_open_isn(&self) -> Option<u32> {
        self.half_open
            .values()
            .next()
            .map(|request| request.local_isn)
    }

    /// An ICMP error about a SYN-ACK ends the connection (`tcp_req_err`).
    pub fn abort(&mut self, quoted: &Tuple) {
        self.half_open.remove(&(quoted.source, quoted.destination));
    }

    fn syn_ack(&self, (local, remote): HalfOpenKey, request: &Request) -> Datagram {
        let draft = Draft {
            source_port: local.1,
            destination_port: remote.1,
            sequence: request.local_isn,
            acknowledgment: Some(request.remote_isn.wrapping_add(1)),
            syn: true,
            window: self.window(local.0.is_ipv4()),
            mss: Some(self.mss),
            ..Draft::default()
        };
        draft.datagram(local.0, remote.0)
    }

    /// The largest multiple of the segment size that 16 bits hold (`tcp_select_initial_window`).
    fn window(&self, is_v4: bool) -> u16 {
        if is_v4 && self.mss == 1460 {
            return 64_240;
        }
        u16::MAX / self.mss * self.mss
    }
}

/// Linux's own reset (`tcp_v4_send_reset`): the DSCP of the segment it answers, no ECN bits.
fn reset(datagram: &Datagram, segment: &Segment) -> Reaction {
    if segment.rst {
        return Reaction::default();
    }
    let mut answer = reset_of(segment).datagram(datagram.destination, datagram.source);
    answer.traffic_class = datagram.traffic_class & !3;
    Reaction::send(answer)
}
