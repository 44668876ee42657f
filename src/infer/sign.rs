//! Sets of signs, and signs as read from the evidence.
//!
//! A question is something the evidence can be asked ("what does a SYN to the port draw?"). A sign
//! is one of its possible answers. Rooms read signs from evidence; the table of hypotheses says which
//! signs each cause is consistent with.

use std::borrow::Cow;

use crate::model::probe::ProbeId;
use crate::model::time::Moment;
use crate::model::verdict::Confidence;

use super::job::Ask;
use super::question::questions;
use Sign::*;

macro_rules! vocabulary {
    ($(
        $(#[$doc:meta])*
        $question:ident when $occasion:expr, read by $reader:path {
            $($(#[$sign_doc:meta])* $sign:ident,)+
        }
    )+) => {
        /// What the evidence can be asked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Question {
            $($(#[$doc])* $question,)+
        }

        /// One answer to a question.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Sign {
            $($($(#[$sign_doc])* $sign,)+)+
        }

        impl Question {
            /// Every question, cheapest first: the order in which probes are sent.
            pub(super) const ALL: &'static [Self] = &[$(Self::$question,)+];

            /// Its signs.
            pub(super) const fn signs(self) -> Signs {
                match self {
                    $(Self::$question => const { Signs::of(&[$($sign,)+]) },)+
                }
            }

            /// Whether it arises, given the signs of those before it.
            pub(super) fn arises(self, seen: Signs) -> bool {
                let occasion: fn(Signs) -> bool = match self {
                    $(Self::$question => $occasion,)+
                };
                // Where a bystander sees what decides, nothing else is asked.
                seen.and(Self::Symptom.signs()).is_empty() && occasion(seen)
            }
        }

        impl Sign {
            /// The question it answers.
            pub(super) const fn question(self) -> Question {
                match self {
                    $($(Self::$sign)|+ => Question::$question,)+
                }
            }
        }
    };
}

questions!(vocabulary);

/// What the address shows elsewhere is no objection to what a client of this port was told.
fn is_silent(seen: Signs) -> bool {
    seen.any(&[PortSilent]) && !seen.any(&[UnroutedForOthers, UnresolvedForOthers])
}

/// A set of signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signs(u128, u128);

impl Signs {
    /// No sign.
    pub(super) const NONE: Self = Self(0, 0);

    /// The set of a list.
    pub(super) const fn of(list: &[Sign]) -> Self {
        let mut set = Self::NONE;
        let mut rest = list;
        while let [sign, others @ ..] = rest {
            set = set.or(Self::one(*sign));
            rest = others;
        }
        set
    }

    const fn one(sign: Sign) -> Self {
        match sign as u8 {
            low @ 0..=127 => Self(1 << low, 0),
            high => Self(0, 1 << (high - 128)),
        }
    }

    /// The set and a list besides.
    pub(super) const fn with(self, list: &[Sign]) -> Self {
        self.or(Self::of(list))
    }

    /// Both sets together.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0, self.1 | other.1)
    }

    /// What is in both.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0, self.1 & other.1)
    }

    /// Whether a sign is in the set.
    pub(super) const fn contains(self, sign: Sign) -> bool {
        !self.and(Self::one(sign)).is_empty()
    }

    /// Whether one of a list is in the set.
    pub(super) const fn any(self, list: &[Sign]) -> bool {
        !self.and(Self::of(list)).is_empty()
    }

    /// Whether nothing is in the set.
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0 && self.1 == 0
    }
}

/// A sign as read from the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Observed {
    /// The sign.
    pub(super) sign: Sign,
    /// How firmly it was read.
    pub(super) strength: Confidence,
    /// The probes that show it.
    pub(super) basis: Vec<ProbeId>,
    /// What they show, as a clause that can follow "because".
    pub(super) because: Cow<'static, str>,
}

/// What a room makes of its question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The sign so far; `None` when nothing can be said yet.
    pub(super) sign: Option<Observed>,
    /// How to go on.
    pub(super) progress: Progress,
}

/// How a question goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More probes would say no more.
    Done,
    /// Probes under way must be answered or expire; look again at this moment at the latest
    /// (`None`: when the next fact arrives).
    Waiting(Option<Moment>),
    /// These probes would say more.
    Asking(Vec<Ask>),
}

impl Reading {
    /// Nothing known, nothing to do.
    pub(super) const fn nothing() -> Self {
        Self {
            sign: None,
            progress: Progress::Done,
        }
    }

    /// A final sign.
    pub(super) const fn done(sign: Observed) -> Self {
        Self {
            sign: Some(sign),
            progress: Progress::Done,
        }
    }

    /// No sign yet; probes under way.
    pub(super) const fn waiting() -> Self {
        Self {
            sign: None,
            progress: Progress::Waiting(None),
        }
    }

    /// A sign (or none) that more probes would firm up: waiting when there are none to send.
    pub(super) fn going_on(sign: Option<Observed>, asks: Vec<Ask>) -> Self {
        let progress = if asks.is_empty() {
            Progress::Waiting(None)
        } else {
            Progress::Asking(asks)
        };
        Self { sign, progress }
    }
}
