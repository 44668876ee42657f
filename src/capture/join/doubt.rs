//! What keeps a statement from being proven.

use std::fmt;

use super::path::Place;
use crate::model::verdict::Confidence;

/// What keeps a statement from being proven. Points are given by their index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// Nothing of the same addresses was seen there.
    NoControls,
    /// Nothing of the same addresses was seen there both before and after.
    NotBracketed,
    /// The filter of the capture keeps such packets out.
    FilterExcludes(usize),
    /// Packets are known to have passed there that the capture does not show.
    ShowsNotAll(Place, usize),
    /// The capture does not tell its filter, and shows no packets of this kind.
    KindUnseen(usize),
    /// The capture does not tell its filter, and shows no packets of this port, or none but echo going
    /// this way.
    PortUnseen(usize),
    /// The filter of the capture is not understood.
    FilterUnclear(usize),
    /// Nothing was seen there between the first of them and the last, and the capture does not tell its
    /// drops: it may have a hole.
    Stretch(usize),
    /// Packets alike passed there that match none of ours: they may be these with other numbers.
    Strangers(usize, usize),
    /// The capture dropped packets.
    Dropped(usize, u64),
    /// The file is damaged before its end.
    Damaged(usize),
    /// Packets were taken out of the file.
    Thinned(usize),
    /// The file is several captures, one behind the other.
    Sections(usize),
    /// Packets were cut too short to tell what they are, or hidden in tunnels.
    Unreadable(usize, u64),
    /// Other flows of the same port passed there meanwhile: these may have taken another way.
    OtherFlowsPass(usize),
    /// The packets were matched by ports and time: their numbers were rewritten on the way.
    Rewritten,
    /// Who answered is as far away as the host behind that place: they may have reached it by another
    /// way.
    SameDistance,
    /// A single packet: it may be chance.
    Single,
    /// So few packets or flows that other packets may have taken another way.
    Few,
    /// The capture does not tell whether it dropped packets.
    DropsUntold(usize),
    /// The capture does not tell its filter.
    FilterUntold(usize),
    /// Seen on one interface only: what passes by another one does not show. Holds nothing back.
    OneInterface(usize),
}

impl Doubt {
    /// The most that a statement with this doubt can claim.
    pub const fn ceiling(&self) -> Confidence {
        match self {
            Self::NoControls
            | Self::NotBracketed
            | Self::FilterExcludes(_)
            | Self::ShowsNotAll(..)
            | Self::KindUnseen(_) => Confidence::Possible,
            Self::PortUnseen(_)
            | Self::FilterUnclear(_)
            | Self::Stretch(_)
            | Self::Strangers(..)
            | Self::Dropped(..)
            | Self::Damaged(_)
            | Self::Thinned(_)
            | Self::Sections(_)
            | Self::Unreadable(..)
            | Self::OtherFlowsPass(_)
            | Self::Rewritten
            | Self::SameDistance
            | Self::Single => Confidence::Likely,
            Self::Few | Self::DropsUntold(_) | Self::FilterUntold(_) => Confidence::Confirmed,
            Self::OneInterface(_) => Confidence::Proven,
        }
    }

    /// The point it is about.
    pub const fn point(&self) -> Option<usize> {
        match self {
            Self::FilterExcludes(point)
            | Self::KindUnseen(point)
            | Self::PortUnseen(point)
            | Self::FilterUnclear(point)
            | Self::Stretch(point)
            | Self::Strangers(point, _)
            | Self::Dropped(point, _)
            | Self::Damaged(point)
            | Self::Thinned(point)
            | Self::Sections(point)
            | Self::Unreadable(point, _)
            | Self::DropsUntold(point)
            | Self::FilterUntold(point)
            | Self::OneInterface(point) => Some(*point),
            Self::ShowsNotAll(place, _) => Some(place.capture),
            Self::NoControls
            | Self::NotBracketed
            | Self::OtherFlowsPass(_)
            | Self::Rewritten
            | Self::SameDistance
            | Self::Single
            | Self::Few => None,
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoControls => out.write_str("no other packet of these addresses was seen there"),
            Self::NotBracketed => {
                out.write_str("it shows nothing of these addresses both before and after")
            }
            Self::FilterExcludes(_) => out.write_str("its filter keeps such packets out"),
            Self::ShowsNotAll(_, count) => {
                write!(out, "{count} packets passed there that it does not show")
            }
            Self::KindUnseen(_) => out.write_str("it shows none of this kind, and tells no filter"),
            Self::PortUnseen(_) => out.write_str("it shows none of this port, and tells no filter"),
            Self::FilterUnclear(_) => out.write_str("its filter is not understood here"),
            Self::Stretch(_) => out.write_str("it may have a hole just there"),
            Self::Strangers(_, count) => {
                write!(
                    out,
                    "{count} packets alike passed there that match none of ours"
                )
            }
            Self::Dropped(_, count) => write!(out, "it dropped {count} packets"),
            Self::Damaged(_) => out.write_str("the file is damaged"),
            Self::Thinned(_) => out.write_str("packets were taken out of the file"),
            Self::Sections(_) => out.write_str("it is several captures joined"),
            Self::Unreadable(_, count) => write!(out, "{count} packets cannot be read"),
            Self::OtherFlowsPass(count) => write!(
                out,
                "{count} packets of the same kind in other flows passed there meanwhile"
            ),
            Self::Rewritten => out.write_str("matched by ports and time, not by numbers"),
            Self::SameDistance => {
                out.write_str("who answered is no nearer than the host: it may have another way")
            }
            Self::Single => out.write_str("a single packet may be lost by chance"),
            Self::Few => out.write_str("few flows: these may have taken another way"),
            Self::DropsUntold(_) => out.write_str("it does not tell what it dropped"),
            Self::FilterUntold(_) => out.write_str("it does not tell its filter"),
            Self::OneInterface(_) => {
                out.write_str("what passes by another interface does not show")
            }
        }
    }
}
