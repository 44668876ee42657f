//! What errors of devices on the way teach: each diagnosis is told what others, and applications of this
//! host, drew from the devices that may stand on its way.

use std::net::IpAddr;

use super::super::devices::{Attempt, LATE, LATE_AGAIN, News};
use super::super::ledger::{Attribution, Role};
use super::super::spacing::prefix;
use super::super::{SessionId, devices, translate};
use super::Prober;
use crate::model::evidence::DeviceRefusal;
use crate::model::reply::Answer;
use crate::model::time::Moment;
use crate::wire::dissect::{Content, Packet};
use crate::wire::quote::Carried;
use crate::wire::tcp::Flags;

impl Prober {
    /// Takes note of an ICMP error to this host, whoever drew it.
    pub(super) fn learn(&mut self, at: Moment, packet: &Packet, owner: Option<&Attribution>) {
        let Content::Icmp(message) = packet.content else {
            return;
        };
        let Some(quote) = message.quote else {
            return;
        };
        let (source, device) = (packet.destination, packet.source);
        let about = owner.map(|owner| owner.session);
        self.devices.hear(at, (source, device), about);
        let Carried::Tcp {
            source_port,
            destination_port: port,
            sequence,
        } = quote.carried
        else {
            return;
        };
        let answer = translate::error(packet, message.kind, &quote, source, quote.asked());
        let Answer::Unreachable(refusal, _) = answer else {
            return;
        };
        let (address, drawn) = match owner {
            Some(owner) => match self.drawn(owner) {
                Some((address, sent)) => (address, Some(sent)),
                None => return,
            },
            None => (quote.destination, None),
        };
        let reply = translate::reply(packet, answer);
        let left = || {
            self.devices.departed(Attempt {
                addresses: (source, address),
                ports: (source_port, port),
                sequence,
            })
        };
        // What nobody sent, nobody refused.
        let Some(sent) = drawn.map(|(sent, _)| sent).or_else(left) else {
            return;
        };
        // A kernel repeats its SYN after one second and after three; the latest is the one known.
        let timeout = if drawn.is_some() { LATE } else { LATE_AGAIN };
        let late = at.since(sent) >= timeout;
        let known = DeviceRefusal {
            device,
            hop: crate::infer::hop_of_arrival(reply.ttl),
            refusal,
            address,
            port,
            late,
            after_silence: drawn.is_some_and(|(_, after_silence)| after_silence),
            authentic: drawn.is_some(),
        };
        let news = self.devices.learn(source, known);
        if news != News::Nobody {
            self.tell(at, source, about, known, news);
        }
    }

    /// The address of the session whose probe drew a reply, when that was sent, and whether the session
    /// had been silent before; `None` for the wrong token, and for a probe of a diagnosis that is over.
    fn drawn(&self, owner: &Attribution) -> Option<(IpAddr, (Moment, bool))> {
        let Role::Reply(probe, _) = owner.role else {
            return None;
        };
        let session = &self.sessions.get(&owner.session)?.session;
        let sent = session.trial(probe)?.sent;
        let after_silence = session.was_silent_before(sent);
        Some((session.job().endpoint.address, (sent, after_silence)))
    }

    /// Takes note of a SYN of an application of this host to an address under diagnosis: what is told
    /// of it may be true of the port.
    pub(super) fn overhear(&mut self, at: Moment, packet: &Packet) {
        let Content::Tcp(syn) = packet.content else {
            return;
        };
        let concerns = syn.flags.contains(Flags::SYN)
            && !syn.flags.contains(Flags::ACK)
            && self.spacing.sessions_at(packet.destination) > 0
            && !self.is_own_port(packet.source, syn.source_port);
        if concerns {
            let attempt = Attempt {
                addresses: (packet.source, packet.destination),
                ports: (syn.source_port, syn.destination_port),
                sequence: syn.sequence,
            };
            self.devices.depart(at, attempt);
        }
    }

    /// Whether probes leave from this port.
    fn is_own_port(&self, source: IpAddr, port: u16) -> bool {
        let jobs = self.sessions.values().map(|entry| entry.session.job());
        let mut own = jobs.filter(|job| job.vantage.source == source);
        own.any(|job| {
            let vantage = &job.vantage;
            vantage.ephemeral_ports.contains(&port) || vantage.privileged_ports.contains(&port)
        })
    }

    /// Tells every other open diagnosis on which it bears.
    fn tell(
        &mut self,
        at: Moment,
        source: IpAddr,
        about: Option<SessionId>,
        known: DeviceRefusal,
        news: News,
    ) {
        for (id, entry) in &mut self.sessions {
            let job = entry.session.job();
            let endpoint = (job.endpoint.address, job.endpoint.port);
            let is_own = Some(*id) == about && endpoint.1 == known.port;
            let is_news = news == News::Port || endpoint.0 == known.address;
            let bears = is_news && devices::bears_on(&known, endpoint);
            if job.vantage.source == source && !is_own && bears {
                entry.session.know(at, known);
                entry.reschedule(*id, &mut self.wakes, &mut self.sends);
            }
        }
    }

    /// Tells a diagnosis that begins what was learnt before.
    pub(super) fn introduce(&mut self, now: Moment, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        let job = entry.session.job();
        let source = job.vantage.source;
        let endpoint = (job.endpoint.address, job.endpoint.port);
        for known in self.devices.bearing_on(source, endpoint) {
            entry.session.know(now, known);
        }
    }

    /// Whether a session that wants to send what a device known to ration its errors would refuse or
    /// report may do so now; else what draws no error from that device goes before it.
    pub(super) fn has_error_turn(&mut self, now: Moment, id: SessionId) -> bool {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return false;
        };
        let Some(device) = entry.session.draws_error_of() else {
            return true;
        };
        let spacing = &mut self.spacing;
        let slot = *entry
            .error_slot
            .get_or_insert_with(|| spacing.reserve_error(now, device));
        if slot > now {
            entry.session.defer(slot);
            self.reschedule(id);
        }
        slot <= now
    }

    /// Tells a diagnosis, as it sends, which devices that may refuse what it sends have just spent
    /// errors on others.
    pub(super) fn account(&mut self, now: Moment, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else {
            return;
        };
        let job = entry.session.job();
        let (source, target) = (job.vantage.source, job.endpoint.address);
        let mut devices = entry.session.senders();
        devices.push(target);
        devices.extend(self.devices.latest(source).filter(|device| {
            self.spacing.sessions_at(*device) == 0 || prefix(*device) == prefix(target)
        }));
        devices.sort_unstable();
        devices.dedup();
        for device in devices {
            if let Some(at) = self.devices.spent(now, (source, device), id) {
                entry.session.note_spent(at, device);
            }
        }
    }
}
