//! What a triage learns of devices that refuse: they ration their refusals, so that most endpoints
//! behind one hear nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::super::devices::{Devices, LATE};
use super::super::spacing::prefix;
use crate::infer::hop_of_arrival;
use crate::model::evidence::{DeviceRefusal, Fact};
use crate::model::reply::{Answer, Reply};
use crate::model::time::Moment;

/// Devices whose errors are dated.
const DEVICES: usize = 65_536;

/// Devices that are told of to one endpoint.
const MOST: usize = 8;

/// The devices that refused something.
#[derive(Clone, Debug, Default)]
pub(super) struct Rationed {
    devices: Devices,
    /// When each sent errors, by our address and its own.
    errors: BTreeMap<(IpAddr, IpAddr), Vec<Moment>>,
}

impl Rationed {
    /// A reply to a SYN from `source` to an endpoint was heard, so long after it was sent, and after
    /// earlier ones had drawn nothing.
    pub(super) fn hear(
        &mut self,
        (at, took): (Moment, Duration),
        source: IpAddr,
        (address, port): (IpAddr, u16),
        after_silence: bool,
        reply: &Reply,
    ) {
        let Answer::Unreachable(refusal, _) = reply.answer else {
            return;
        };
        let pair = (source, one_device(reply.from, address));
        if self.errors.len() < DEVICES || self.errors.contains_key(&pair) {
            self.errors.entry(pair).or_default().push(at);
        }
        let known = DeviceRefusal {
            device: reply.from,
            hop: hop_of_arrival(reply.ttl),
            refusal,
            address,
            port,
            late: took >= LATE,
            after_silence,
            authentic: true,
        };
        self.devices.learn(source, known);
    }

    /// The facts that bear on an endpoint which stayed silent while SYNs left at these moments.
    pub(super) fn facts<'a>(
        &self,
        source: IpAddr,
        endpoint: (IpAddr, u16),
        sent: impl Iterator<Item = &'a Moment> + Clone,
    ) -> Vec<(Moment, Fact)> {
        let mut facts = Vec::new();
        // One of each device says all, the nearest to the endpoint best.
        let mut nearest: BTreeMap<IpAddr, DeviceRefusal> = BTreeMap::new();
        for known in self.devices.bearing_on(source, endpoint) {
            let near = |known: &DeviceRefusal| {
                let [to, of] = [endpoint.0, known.address];
                (to == of, prefix(to) == prefix(of), known.port == endpoint.1)
            };
            let kept = nearest.entry(one_device(known.device, known.address));
            let kept = kept.or_insert(known);
            if near(&known) > near(kept) {
                *kept = known;
            }
        }
        for (device, known) in nearest.into_iter().take(MOST) {
            let errors = self.errors.get(&(source, device));
            let errors = errors.map_or(&[][..], Vec::as_slice);
            let Some(first) = errors.first() else {
                continue;
            };
            facts.push((*first, Fact::Known(known)));
            for moment in sent.clone() {
                let before = errors.partition_point(|at| at <= moment);
                let last = before.checked_sub(1).and_then(|last| errors.get(last));
                facts.extend(last.map(|at| (*at, Fact::Spent(known.device))));
            }
        }
        facts
    }
}

/// What stands for a device: a host may have many addresses, which share one limit.
fn one_device(sender: IpAddr, asked: IpAddr) -> IpAddr {
    if sender == asked {
        prefix(sender)
    } else {
        sender
    }
}
