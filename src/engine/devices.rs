//! What a run learns of the devices that send ICMP errors to this host: when each sent its last, and
//! what each refuses. A device rations its errors to our address, whoever drew them: other diagnoses,
//! applications of this host. So what one diagnosis hears bears on the silence of all behind the same
//! device.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use super::SessionId;
use super::spacing::prefix;
use crate::model::evidence::DeviceRefusal;
use crate::model::time::Moment;

/// How long an error is remembered: longer than any budget takes to be refilled.
const MEMORY: Duration = Duration::from_secs(2);
/// Devices that are remembered by what they sent last.
const SENDERS: usize = 4096;
/// Senders that any silence may be due to, since nobody knows on whose way they stand.
const ANYWHERE: usize = 16;
/// Refusals that are kept for diagnoses that begin later.
const REFUSALS: usize = 1024;

/// SYNs of applications that are remembered until they are refused.
const ATTEMPTS: usize = 1024;

/// ARP and ND give up after three seconds; nothing else that refuses takes so long.
pub(super) const LATE: Duration = Duration::from_secs(2);
/// The same of a SYN that may have been repeated meanwhile.
pub(super) const LATE_AGAIN: Duration = Duration::from_millis(1500);

/// For whom a refusal is news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// For nobody.
    Nobody,
    /// For other ports of the address refused.
    Address,
    /// For that port of every address that may be behind the same device.
    Port,
}

/// Our address, and a device's.
type Pair = (IpAddr, IpAddr);

/// When errors came, and whose probe drew them; `None` where no open diagnosis's did.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Moment,
    about: Option<SessionId>,
    /// The last one about something else than that.
    elsewhere: Option<Moment>,
}

/// The devices heard of.
#[derive(Clone, Debug, Default)]
pub(super) struct Devices {
    senders: BTreeMap<Pair, Sent>,
    /// The latest senders, the last one last.
    latest: VecDeque<Pair>,
    refusals: Vec<(IpAddr, DeviceRefusal)>,
    /// What is known already: device, port and prefix; device and address.
    by_port: BTreeSet<(Pair, u16, IpAddr, bool)>,
    by_address: BTreeSet<(Pair, IpAddr, bool)>,
    /// SYNs that applications sent to addresses under diagnosis, the last one last.
    attempts: VecDeque<(Moment, Attempt)>,
}

/// A SYN of an application, as an error quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    /// Ours, and the one asked for.
    pub(super) addresses: Pair,
    /// Ours, and the one asked for.
    pub(super) ports: (u16, u16),
    /// Its sequence number, which nobody guesses who does not see it.
    pub(super) sequence: u32,
}

impl Devices {
    /// A device sent an error to our address `source`; `about` a probe of that diagnosis.
    pub(super) fn hear(&mut self, at: Moment, pair: Pair, about: Option<SessionId>) {
        if self.senders.len() >= SENDERS {
            self.senders.retain(|_, sent| at.since(sent.at) < MEMORY);
        }
        let earlier = self.senders.get(&pair).copied();
        let elsewhere = earlier.and_then(|sent| {
            if sent.about == about && about.is_some() {
                sent.elsewhere
            } else {
                Some(sent.at)
            }
        });
        self.senders.insert(
            pair,
            Sent {
                at,
                about,
                elsewhere,
            },
        );
        self.latest.retain(|known| *known != pair);
        if self.latest.len() >= ANYWHERE {
            self.latest.pop_front();
        }
        self.latest.push_back(pair);
    }

    /// When a device last sent an error that `session` did not draw, if not long ago.
    pub(super) fn spent(&self, now: Moment, pair: Pair, session: SessionId) -> Option<Moment> {
        let sent = self.senders.get(&pair)?;
        let at = if sent.about == Some(session) {
            sent.elsewhere?
        } else {
            sent.at
        };
        (now.since(at) < MEMORY).then_some(at)
    }

    /// The devices that sent the latest errors to `source`.
    pub(super) fn latest(&self, source: IpAddr) -> impl Iterator<Item = IpAddr> + '_ {
        let mut own = self.latest.iter().filter(move |(to, _)| *to == source);
        std::iter::from_fn(move || own.next().map(|(_, device)| *device))
    }

    /// An application sends a SYN.
    pub(super) fn depart(&mut self, at: Moment, attempt: Attempt) {
        if self.attempts.len() >= ATTEMPTS {
            self.attempts.pop_front();
        }
        self.attempts.push_back((at, attempt));
    }

    /// When an application sent a SYN that an error quotes; `None` where none was seen to leave.
    pub(super) fn departed(&self, attempt: Attempt) -> Option<Moment> {
        let mut latest = self.attempts.iter().rev();
        latest.find_map(|(at, known)| (*known == attempt).then_some(*at))
    }

    /// A device refused something.
    pub(super) fn learn(&mut self, source: IpAddr, refusal: DeviceRefusal) -> News {
        if self.refusals.len() >= REFUSALS {
            // All is news again.
            self.refusals.clear();
            self.by_port.clear();
            self.by_address.clear();
        }
        let pair = (source, refusal.device);
        let near = prefix(refusal.address);
        // A host may have many addresses, and each one's refusals tell the same.
        let is_host = refusal.device == refusal.address;
        let by = if is_host { near } else { refusal.device };
        let shared = is_host && refusal.after_silence;
        let for_address = self
            .by_address
            .insert((pair, refusal.address, refusal.late));
        let for_port = self
            .by_port
            .insert(((source, by), refusal.port, near, shared));
        if for_address || for_port {
            self.refusals.push((source, refusal));
        }
        match (for_port, for_address) {
            (true, _) => News::Port,
            (false, true) => News::Address,
            (false, false) => News::Nobody,
        }
    }

    /// What is known of refusals that bear on an endpoint.
    pub(super) fn bearing_on(
        &self,
        source: IpAddr,
        (address, port): (IpAddr, u16),
    ) -> impl Iterator<Item = DeviceRefusal> + '_ {
        self.refusals
            .iter()
            .filter(move |(to, known)| *to == source && bears_on(known, (address, port)))
            .map(|(_, known)| *known)
    }
}

/// Whether a refusal bears on an endpoint: the same address, or the same port beyond the same router,
/// or near by where the host that refused seems to have more addresses than one.
pub(super) fn bears_on(known: &DeviceRefusal, (address, port): (IpAddr, u16)) -> bool {
    let is_behind = known.device != known.address
        || known.after_silence && prefix(known.address) == prefix(address);
    known.address == address || known.port == port && is_behind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reply::Refusal;

    const US: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 2));
    const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 1));

    fn at(millis: u64) -> Moment {
        Moment::from_nanos(millis * 1_000_000)
    }

    fn refusal(last: u8, port: u16) -> DeviceRefusal {
        DeviceRefusal {
            device: ROUTER,
            hop: 1,
            refusal: Refusal::AdminProhibited,
            address: [10, 9, 3, last].into(),
            port,
            late: false,
            after_silence: false,
            authentic: true,
        }
    }

    #[test]
    fn what_an_diagnosis_drew_itself_is_not_spent_by_others() {
        let mut devices = Devices::default();
        let pair = (US, ROUTER);
        let [one, other] = [SessionId(1), SessionId(2)];
        devices.hear(at(1000), pair, Some(one));
        assert_eq!(devices.spent(at(1100), pair, one), None);
        assert_eq!(devices.spent(at(1100), pair, other), Some(at(1000)));
        devices.hear(at(2000), pair, Some(other));
        devices.hear(at(2500), pair, Some(one));
        devices.hear(at(2600), pair, Some(one));
        assert_eq!(devices.spent(at(2700), pair, one), Some(at(2000)));
        assert_eq!(devices.spent(at(2700), pair, other), Some(at(2600)));
        assert_eq!(devices.spent(at(4700), pair, other), None);
    }

    #[test]
    fn an_applications_syn_is_known_by_its_sequence_number() {
        let mut devices = Devices::default();
        let attempt = Attempt {
            addresses: (US, [10, 9, 3, 1].into()),
            ports: (40_000, 3306),
            sequence: 7,
        };
        devices.depart(at(1000), attempt);
        assert_eq!(devices.departed(attempt), Some(at(1000)));
        let guessed = Attempt {
            sequence: 8,
            ..attempt
        };
        assert_eq!(devices.departed(guessed), None);
    }

    #[test]
    fn a_refusal_is_news_once_for_each_port_and_prefix_and_for_each_address() {
        let mut devices = Devices::default();
        assert_eq!(devices.learn(US, refusal(1, 3306)), News::Port);
        assert_eq!(devices.learn(US, refusal(1, 3306)), News::Nobody);
        assert_eq!(devices.learn(US, refusal(2, 3306)), News::Address);
        assert_eq!(devices.learn(US, refusal(1, 5432)), News::Port);
        let known = devices.bearing_on(US, ([10, 9, 3, 9].into(), 3306));
        assert_eq!(known.count(), 2);
        let known = devices.bearing_on(US, ([10, 9, 3, 9].into(), 22));
        assert_eq!(known.count(), 0);
    }
}
