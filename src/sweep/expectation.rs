//! What a list expects of an endpoint: a state or a cause, and whether a verdict is that.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::model::verdict::{Cause, State};
use crate::model::word::Word as _;

/// What is expected of an endpoint.
///
/// A word that names both a state and a cause (`open`, `closed`) means the cause: what answers a SYN
/// and still fails a migration (`open-proxied`, `mtu-black-hole`, `intermittent`) is not as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Expectation {
    /// This very cause.
    Cause(Cause),
    /// Any cause of this state.
    State(State),
}

/// A word that is neither.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a state (open, closed, filtered, unreachable) nor a cause")]
pub struct UnknownExpectation(pub String);

impl Expectation {
    /// What is expected where the list says nothing.
    pub const DEFAULT: Self = Self::Cause(Cause::Open);

    /// Whether a verdict is as expected.
    pub fn is_met(self, state: State, cause: Cause) -> bool {
        match self {
            Self::Cause(expected) => cause == expected,
            Self::State(expected) => state == expected,
        }
    }

    /// The word of the list.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cause(cause) => cause.word(),
            Self::State(state) => state.word(),
        }
    }
}

impl FromStr for Expectation {
    type Err = UnknownExpectation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = text.trim().to_ascii_lowercase();
        // Nobody expects not to know.
        let state = State::named(&word).filter(|state| *state != State::Unknown);
        Cause::named(&word)
            .map(Self::Cause)
            .or(state.map(Self::State))
            .ok_or_else(|| UnknownExpectation(text.to_owned()))
    }
}

impl TryFrom<String> for Expectation {
    type Error = UnknownExpectation;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<Expectation> for String {
    fn from(expectation: Expectation) -> Self {
        expectation.word().to_owned()
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, Expectation, State};

    #[test]
    fn a_state_takes_any_of_its_causes_and_a_cause_only_itself() {
        let check = |word: &str, state, cause, met| {
            let expected: Expectation = word.parse().expect(word);
            assert_eq!(expected.is_met(state, cause), met, "{word}: {cause}");
        };
        check("open", State::Open, Cause::Open, true);
        check("open", State::Open, Cause::OpenProxied, false);
        check("closed", State::Closed, Cause::Closed, true);
        check("closed", State::Closed, Cause::Intermittent, false);
        check("Filtered", State::Filtered, Cause::DropHost, true);
        check(" filtered ", State::Filtered, Cause::RejectPath, true);
        check("filtered", State::Closed, Cause::Closed, false);
        check("unreachable", State::Unreachable, Cause::NoRoute, true);
        check("drop-path", State::Filtered, Cause::DropPath, true);
        check("drop-path", State::Filtered, Cause::DropEdge, false);
    }

    #[test]
    fn what_nobody_can_expect_is_refused() {
        for word in ["", "unknown", "up", "drop"] {
            let refused = word.parse::<Expectation>().expect_err(word);
            assert!(refused.to_string().contains("filtered"), "{refused}");
        }
    }
}
