//! What the kernel's own counters say of this host while a run goes: what it discards of what we send
//! and of what answers.

use std::collections::BTreeSet;
use std::time::Duration;

use super::host::{self, PolicyDiscards};
use crate::engine::Prober;
use crate::model::evidence::KernelSays;
use crate::model::time::Moment;

/// How often the counters are read: often enough that what discards an answer is known before the
/// second receiver is given up.
const LOOK: Duration = Duration::from_millis(100);
/// How often what is known is told again, for diagnoses that began since.
const TELL: Duration = Duration::from_secs(1);

/// The counters as they stood when the run began, and what they have said since.
#[derive(Debug)]
pub(super) struct Counters {
    policy: PolicyDiscards,
    reverse_path: Option<u64>,
    looked: Moment,
    said: BTreeSet<KernelSays>,
    told: Moment,
}

impl Counters {
    /// Reads them for the first time.
    pub(super) fn begin() -> Self {
        Self {
            policy: host::policy_discards(),
            reverse_path: host::discards().reverse_path,
            looked: Moment::START,
            said: BTreeSet::new(),
            told: Moment::START,
        }
    }

    /// Reads them where that is due, and tells the prober what they say.
    pub(super) fn look(&mut self, now: Moment, prober: &mut Prober) {
        if now.since(self.looked) < LOOK {
            return;
        }
        self.looked = now;
        let says = self.read();
        if says != self.said || now.since(self.told) >= TELL {
            self.told = now;
            for says in &says {
                prober.handle_kernel(now, *says);
            }
            self.said = says;
        }
    }

    fn read(&self) -> BTreeSet<KernelSays> {
        let policy = host::policy_discards();
        let reverse_path = host::discards().reverse_path;
        // Without the table, or with nothing in it a moment after probes were sent, none is tracked.
        let untracked = host::conntrack().is_none_or(|table| table.count == 0);
        [
            (policy.out > self.policy.out, KernelSays::PolicyOut),
            (policy.arriving > self.policy.arriving, KernelSays::PolicyIn),
            (reverse_path > self.reverse_path, KernelSays::ReversePath),
            (untracked, KernelSays::Untracked),
        ]
        .into_iter()
        .filter_map(|(is_so, says)| is_so.then_some(says))
        .collect()
    }
}
