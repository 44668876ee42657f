//! The threads that send: batches of datagrams in, the same batches out again, empty, with what the kernel
//! did not take.

use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender};

use super::super::clock::Clock;
use super::super::raw::{RawSender, destination};
use super::super::syscall::{AT_ONCE, Burst};
use crate::engine::triage::Ticket;
use crate::model::evidence::LocalRefusal;
use crate::model::time::Moment;

/// The way of the datagrams of one standpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// By which raw sender they leave.
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

/// Datagrams for every raw sender.
#[derive(Debug, Default)]
pub(super) struct SendBatch {
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

impl SendBatch {
    /// Adds a datagram to `address`, by the raw sender of its way.
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

    fn send(&mut self, raw_senders: &[RawSender]) {
        let Self { lanes, refused, .. } = self;
        for (lane, raw_sender) in lanes.iter_mut().zip(raw_senders) {
            let Lane { burst, tickets } = lane;
            raw_sender.send(burst, AT_ONCE, &mut |index, refusal| {
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

/// Sends every batch that comes and gives it back, until no more can come.
pub(super) fn send_all(
    clock: Clock,
    raw_senders: &[RawSender],
    batches: &Mutex<Receiver<SendBatch>>,
    returned: &Sender<SendBatch>,
) {
    while let Some(mut batch) = next(batches) {
        batch.send(raw_senders);
        batch.left = clock.now();
        if returned.send(batch).is_err() {
            return;
        }
    }
}

fn next(batches: &Mutex<Receiver<SendBatch>>) -> Option<SendBatch> {
    batches.lock().ok()?.recv().ok()
}
