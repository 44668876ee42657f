//! What a run learns of the devices that send ICMP errors to this host: when each sent its last, and
//! what each refuses. A device rations its errors to our address, whoever drew them: other inquests,
//! applications of this host. So what one inquest hears bears on the silence of all behind the same
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
/// Refusals that are kept for inquests that begin later.
const REFUSALS: usize = 1024;

/// What waits for the same neighbour is refused within so little time.
const AT_ONCE: Duration = Duration::from_millis(5);

/// ARP and ND give up after three seconds; nothing else that refuses takes so long.
pub(super) const LATE: Duration = Duration::from_secs(2);

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

/// When errors came, and whose probe drew them; `None` where no open inquest's did.
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
    /// The last refusal of a SYN of an application: by whom, of which address, and when.
    last: Option<(Pair, IpAddr, Moment)>,
}

impl Devices {
    /// A device sent an error to our address `source`; `about` a probe of that inquest.
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

    /// A device refused a SYN of an application; whether another of the same address right before.
    pub(super) fn refuse(&mut self, at: Moment, pair: Pair, address: IpAddr) -> bool {
        let last = self.last.replace((pair, address, at));
        last.is_some_and(|(by, of, before)| {
            (by, of) == (pair, address) && at.since(before) <= AT_ONCE
        })
    }

    /// A device refused something.
    pub(super) fn learn(&mut self, source: IpAddr, refusal: DeviceRefusal) -> News {
        if self.refusals.len() >= REFUSALS {
            return News::Nobody;
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
    fn what_an_inquest_drew_itself_is_not_spent_by_others() {
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
    fn refusals_that_come_at_once_have_waited_together() {
        let mut devices = Devices::default();
        let [one, other]: [IpAddr; 2] = [[10, 9, 3, 1].into(), [10, 9, 3, 2].into()];
        let pair = (US, ROUTER);
        assert!(!devices.refuse(at(1000), pair, one));
        assert!(devices.refuse(at(1001), pair, one));
        assert!(!devices.refuse(at(1002), pair, other));
        assert!(!devices.refuse(at(1200), pair, other));
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
