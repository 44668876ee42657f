//! The causes: what can be the matter with an endpoint, one entry each.
//!
//! What every form of a report says about a cause stands in the catalogue of the reports, which the
//! compiler wants a row of for each entry here.

use std::fmt;

use super::word::{Word, words};

words! {
    /// The port's state, in nmap's words where they exist.
    State {
        /// It answers a SYN with SYN-ACK.
        Open = "open",
        /// It answers a SYN with a reset of its own stack.
        Closed = "closed",
        /// Something withholds or refuses the answer.
        Filtered = "filtered",
        /// There is no way to it.
        Unreachable = "unreachable",
        /// Could not be told.
        Unknown = "unknown",
    }
}

macro_rules! causes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal: $state:ident, $decided:ident;)+) => {
        /// What is the matter with an endpoint.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Cause { $($(#[$doc])* $variant,)+ }

        impl Cause {
            /// Every cause, in the order of the contract.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            const fn facts(self) -> (&'static str, State, bool) {
                match self {
                    $(Self::$variant => ($word, State::$state, causes!(@$decided)),)+
                }
            }
        }
    };
    (@decided) => { false };
    (@undecided) => { true };
}

causes! {
    /// The endpoint itself completes the first two steps of the handshake.
    Open = "open": Open, decided;
    /// Something in front answers for it.
    OpenProxied = "open-proxied": Open, decided;
    /// The port answers, but full-size packets vanish without an ICMP message.
    MtuBlackHole = "mtu-black-hole": Open, decided;
    /// It answers some of the time, beyond what plain retries hide.
    Intermittent = "intermittent": Open, decided;
    /// Answers up to a rate, silent or rejecting above it.
    RateLimited = "rate-limited": Filtered, decided;
    /// Answered at first, then stopped for good during the run.
    Banned = "banned": Filtered, decided;
    /// The target's own TCP stack reset.
    Closed = "closed": Closed, decided;
    /// A firewall on the target refuses.
    RejectHost = "reject-host": Filtered, decided;
    /// A device before the target refuses.
    RejectPath = "reject-path": Filtered, decided;
    /// Reaches the target's IP stack and is discarded there.
    DropHost = "drop-host": Filtered, decided;
    /// Discarded between the last router and the target's IP stack.
    DropEdge = "drop-edge": Filtered, decided;
    /// Discarded at or after the last router; not split further.
    DropEdgeOrHost = "drop-edge-or-host": Filtered, decided;
    /// Discarded between two hops of the path.
    DropPath = "drop-path": Filtered, decided;
    /// The endpoint's answers are lost on the way back.
    DropReturn = "drop-return": Filtered, decided;
    /// Silence everywhere past some hop, also for the control flows.
    DropSomewhere = "drop-somewhere": Filtered, undecided;
    /// The host listens, but its accept or SYN queue is full.
    ListenerOverloaded = "listener-overloaded": Filtered, decided;
    /// Link-layer resolution fails, here or at a router that says so.
    NoNeighbor = "no-neighbor": Unreachable, decided;
    /// No route, here or at a router that says so.
    NoRoute = "no-route": Unreachable, decided;
    /// The answer comes, with our token, from another address or port than was asked.
    Misaddressed = "misaddressed": Filtered, decided;
    /// This host's own firewall, or its own stack, stops the probe.
    LocalEgress = "local-egress": Filtered, decided;
    /// The answer reaches this host's interface and is discarded here.
    LocalIngress = "local-ingress": Filtered, decided;
    /// Valid replies contradict each other.
    Conflicting = "conflicting": Unknown, undecided;
    /// Could not be measured.
    Inconclusive = "inconclusive": Unknown, undecided;
}

impl Cause {
    /// The word of the contract.
    pub const fn word(self) -> &'static str {
        self.facts().0
    }

    /// The state of a port with this cause, where nothing tells another.
    pub const fn state(self) -> State {
        self.facts().1
    }

    /// Whether it leaves the question undecided (exit status 3).
    pub const fn is_undecided(self) -> bool {
        self.facts().2
    }
}

impl Word for Cause {
    fn word(self) -> &'static str {
        self.word()
    }

    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.word() == word)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.word())
    }
}
