//! The threads that send: loads of datagrams in, the same loads out again, empty, with what the kernel
//! did not take.

use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender};

use super::super::clock::Clock;
use super::super::raw::{Mouth, destination};
use super::super::syscall::{AT_ONCE, Burst};
use crate::engine::triage::Ticket;
use crate::model::evidence::LocalRefusal;
use crate::model::time::Moment;

/// The way of the datagrams of one stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// By which mouth they leave.
    pub(super) lane: Option<usize>,
    /// What they are told; `None` where they are sent.
    pub(super) refusal: Option<LocalRefusal>,
    /// Their source address and its scope.
    pub(super) origin: (IpAddr, u32),
    /// The interface they leave by.
    pub(super) link: u32,
    /// An address it leads to.
    pub(super) towards: IpAddr,
}

/// Datagrams for every mouth.
#[derive(Debug, Default)]
pub(super) struct Load {
    lanes: Vec<Lane>,
    /// How many datagrams there are.
    pub(super) count: usize,
    /// Once sent: when the last of them was handed over.
    pub(super) left: Moment,
    /// Once sent: what the kernel did not take, and why.
    pub(super) refused: Vec<(Ticket, LocalRefusal)>,
}

#[derive(Debug, Default)]
struct Lane {
    burst: Burst,
    tickets: Vec<Ticket>,
}

impl Load {
    /// Adds a datagram to `address`, by the mouth of its way.
    pub(super) fn add(
        &mut self,
        lane: usize,
        ticket: Ticket,
        address: IpAddr,
        scope: u32,
        datagram: &[u8],
    ) {
        while self.lanes.len() <= lane {
            self.lanes.push(Lane::default());
        }
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.burst.add(destination(address, scope), |octets| {
                octets.extend_from_slice(datagram)
            });
            lane.tickets.push(ticket);
            self.count += 1;
        }
    }

    fn send(&mut self, mouths: &[Mouth]) {
        let Self { lanes, refused, .. } = self;
        for (lane, mouth) in lanes.iter_mut().zip(mouths) {
            let Lane { burst, tickets } = lane;
            mouth.send(burst, AT_ONCE, &mut |index, refusal| {
                if let Some(ticket) = tickets.get(index) {
                    refused.push((*ticket, refusal));
                }
            });
            burst.clear();
            tickets.clear();
        }
        self.count = 0;
    }
}

/// Sends every load that comes and gives it back, until no more can come.
pub(super) fn send_all(
    clock: Clock,
    mouths: &[Mouth],
    loads: &Mutex<Receiver<Load>>,
    returned: &Sender<Load>,
) {
    while let Some(mut load) = next(loads) {
        load.send(mouths);
        load.left = clock.now();
        if returned.send(load).is_err() {
            return;
        }
    }
}

fn next(loads: &Mutex<Receiver<Load>>) -> Option<Load> {
    loads.lock().ok()?.recv().ok()
}
