//! What SYNs of limited TTL drew on the way to one prefix, over all diagnoses of a run.
//!
//! Routers ration the errors that report such SYNs to one an address of ours and second or so. Hundreds
//! of diagnoses behind the same routers cannot each get a report of every hop, but the way is the same
//! for all of them: what one of them saw, each is told.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::SessionId;
use crate::model::evidence::SiblingSight;

/// Prefixes that are remembered; a new one beyond takes the place of all.
const GROUPS: usize = 4096;
/// What is remembered of one prefix.
const SIGHTS: usize = 512;

/// Our address, and the prefix.
pub(super) type Group = (IpAddr, IpAddr);

/// What one limited SYN drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sight {
    /// Its TTL.
    pub(super) ttl: u8,
    /// The port it asked for, where that is the diagnosis's own and silent; else it went elsewhere.
    pub(super) port: Option<u16>,
    /// The router that reported it; `None` where none did.
    pub(super) from: Option<IpAddr>,
}

/// How often something was seen.
#[derive(Clone, Copy, Debug)]
struct Count {
    times: u32,
    /// By this diagnosis alone; `None` where by several.
    only: Option<SessionId>,
}

/// The sights of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Siblings {
    groups: BTreeMap<Group, BTreeMap<Sight, Count>>,
}

impl Siblings {
    /// Counts one; what is news is how often it was seen, each time that doubled.
    pub(super) fn see(&mut self, group: Group, by: SessionId, sight: Sight) -> Option<u32> {
        if self.groups.len() >= GROUPS && !self.groups.contains_key(&group) {
            self.groups.clear();
        }
        let sights = self.groups.entry(group).or_default();
        if sights.len() >= SIGHTS && !sights.contains_key(&sight) {
            return None;
        }
        let count = sights.entry(sight).or_insert(Count {
            times: 0,
            only: Some(by),
        });
        count.times = count.times.saturating_add(1);
        count.only = count.only.filter(|only| *only == by);
        count.times.is_power_of_two().then_some(count.times)
    }

    /// What others saw that bears on a diagnosis about `port`.
    pub(super) fn known(
        &self,
        group: Group,
        port: u16,
        id: SessionId,
    ) -> impl Iterator<Item = SiblingSight> + '_ {
        let sights = self.groups.get(&group).into_iter().flatten();
        sights
            .filter(move |(sight, count)| {
                sight.port.is_none_or(|seen| seen == port) && count.only != Some(id)
            })
            .map(|(sight, count)| sight.told(count.times))
    }
}

impl Sight {
    /// The same for the evidence of another diagnosis.
    pub(super) const fn told(self, times: u32) -> SiblingSight {
        SiblingSight {
            ttl: self.ttl,
            of_port: self.port.is_some(),
            from: self.from,
            times,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: Group = (
        IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 2)),
        IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 3, 0)),
    );

    #[test]
    fn what_doubles_is_news_and_nobody_is_told_what_only_it_saw() {
        let mut siblings = Siblings::default();
        let sight = Sight {
            ttl: 2,
            port: Some(3306),
            from: None,
        };
        let mut news = (0..5).map(|_| siblings.see(GROUP, SessionId(0), sight));
        assert!(news.by_ref().eq([Some(1), Some(2), None, Some(4), None]));
        assert_eq!(siblings.known(GROUP, 3306, SessionId(0)).count(), 0);
        let told: Vec<_> = siblings.known(GROUP, 3306, SessionId(1)).collect();
        assert_eq!(told, [sight.told(5)]);
        assert_eq!(siblings.known(GROUP, 5432, SessionId(1)).count(), 0);
    }
}
