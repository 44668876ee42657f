//! A change of this host's own way to a target, in the middle of a diagnosis.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::evidence::fact::LocalRefusal;

/// How this host stands towards a target: the way its probes take, or why they take none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stance {
    /// The source address.
    pub source: IpAddr,
    /// Name of the outgoing interface; empty where there is none.
    pub interface: String,
    /// The next hop; `None` where the target is on-link or local.
    pub gateway: Option<IpAddr>,
    /// What probes are told instead of being sent; `None` when they are sent.
    pub refusal: Option<LocalRefusal>,
}

/// A change of the way, by the kernel's tables. Displayed as a clause without a full stop: `the way to
/// the target changed from 10.9.0.2 on eth0 to 10.8.0.1 on tun0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Until then.
    pub before: Stance,
    /// From then on.
    pub after: Stance,
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, after } = self;
        match after.refusal {
            Some(LocalRefusal::SourceGone) => {
                write!(out, "the source address {} went away", before.source)
            }
            Some(LocalRefusal::InterfaceDown) => {
                write!(out, "the interface {} went down", before.interface)
            }
            Some(LocalRefusal::Blackhole) => {
                write!(
                    out,
                    "a blackhole route took the place of the way to the target"
                )
            }
            Some(LocalRefusal::Prohibited) => {
                write!(
                    out,
                    "a prohibit route took the place of the way to the target"
                )
            }
            Some(_) => write!(out, "the way to the target went away"),
            None if before.refusal.is_some() => {
                write!(out, "a way to the target appeared: {after}")
            }
            None => write!(
                out,
                "the way to the target changed from {before} to {after}"
            ),
        }
    }
}

impl fmt::Display for Stance {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gateway {
            Some(gateway) => write!(out, "{gateway} on {}", self.interface)?,
            None => write!(out, "the link of {}", self.interface)?,
        }
        write!(out, " (from {})", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stance(gateway: u8, refusal: Option<LocalRefusal>) -> Stance {
        Stance {
            source: [10, 9, 0, 1].into(),
            interface: "eth0".to_owned(),
            gateway: (gateway > 0).then(|| [10, 9, 0, gateway].into()),
            refusal,
        }
    }

    fn words(before: Stance, after: Stance) -> String {
        Change { before, after }.to_string()
    }

    #[test]
    fn a_change_is_named_by_what_it_came_to() {
        let here = || stance(2, None);
        assert_eq!(
            words(here(), stance(0, None)),
            "the way to the target changed from 10.9.0.2 on eth0 (from 10.9.0.1) to the link of \
             eth0 (from 10.9.0.1)"
        );
        let gone = Some(LocalRefusal::SourceGone);
        assert_eq!(
            words(here(), stance(2, gone)),
            "the source address 10.9.0.1 went away"
        );
        let down = Some(LocalRefusal::InterfaceDown);
        assert_eq!(
            words(here(), stance(2, down)),
            "the interface eth0 went down"
        );
        assert_eq!(
            words(stance(0, down), here()),
            "a way to the target appeared: 10.9.0.2 on eth0 (from 10.9.0.1)"
        );
    }
}
