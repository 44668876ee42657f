//! The prober's mouth: a raw IP socket with the header included.

use synquest::model::evidence::LocalRefusal;
use synquest::model::time::Moment;

use super::datagram::Datagram;
use super::host::NotSent;
use super::network::{Network, PROBER};
use crate::scenario::RouteKind;

/// Which answers the prober's reverse-path filter discards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReversePath {
    /// None.
    Holds,
    /// All: whatever comes in comes in by the wrong interface, as the lab stages it.
    FailsForAll,
    /// What comes from the target's address: only its own route leads elsewhere.
    FailsForTarget,
}

impl Network {
    /// Whether a datagram that came in fails the reverse-path filter.
    pub fn fails_reverse_path(&self, datagram: &Datagram) -> bool {
        match self.reverse_path {
            ReversePath::Holds => false,
            ReversePath::FailsForAll => true,
            ReversePath::FailsForTarget => datagram.source == self.probed,
        }
    }

    /// Sends a datagram as `sendto` on a raw socket would; the error is what the kernel refuses.
    ///
    /// The kernel fills in an IPv4 identification of zero (`raw_send_hdrinc`). A raw socket leaves
    /// IPv4 fragments to themselves (`IP_NODEFRAG`); IPv6 fragments are held where connections are
    /// tracked.
    ///
    /// # Panics
    ///
    /// When the octets are no datagram, or not the datagram its own header describes.
    pub fn send(&mut self, now: Moment, bytes: &[u8]) -> Result<(), LocalRefusal> {
        self.queue.pass_to(now);
        let mut datagram = Datagram::parse(bytes).expect("the prober sends datagrams");
        assert_eq!(
            datagram.bytes(),
            bytes,
            "a datagram whose header says what it is"
        );
        if let Some(fragment) = datagram.fragment {
            assert!(
                !fragment.more || datagram.payload.len().is_multiple_of(8),
                "octets by the eight"
            );
        }
        if datagram.is_v4() && datagram.id == 0 {
            datagram.id = self.rng.u16(1..).into();
        }
        if datagram.fragment.is_some()
            && !datagram.is_v4()
            && self.nodes[PROBER].conntrack.is_some()
        {
            self.note(PROBER, "keeps a fragment for itself", &datagram);
            return Ok(());
        }
        self.originate(PROBER, datagram, None)
            .map_err(|why| match why {
                NotSent::Firewall => LocalRefusal::Firewall,
                NotSent::Route(RouteKind::Prohibit) => LocalRefusal::Prohibited,
                // A blackhole route is found out before the call, which would fail with EINVAL.
                NotSent::Route(_) => LocalRefusal::NoRoute,
                NotSent::TooLong => LocalRefusal::TooLong,
            })
    }
}
