//! How a condition that nobody can tell is likely to be answered.

/// The odds of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odds {
    /// It may as well hold as not.
    Even,
    /// Only improbable readings have it otherwise.
    Usually(bool),
    /// It is taken to be so, which is said.
    Taken(bool),
}

impl Odds {
    /// The odds of a condition in the words of its tool, for the first packet of a connection that
    /// has done nothing out of the ordinary.
    pub fn of(words: &str) -> Self {
        let has = |part: &str| words.contains(part);
        // A packet comes in by the interface by which its answer leaves.
        if has("rpfilter") {
            return Self::Taken(!has("invert"));
        }
        if has("fib saddr") && has(" oif") {
            let missing = has("missing") || has("oif 0") || has("oif \"\"");
            return Self::Taken(missing == has("!="));
        }
        if has("! ") || has("!=") {
            return Self::Even;
        }
        let above = has("over ") || has("above") || has("#conn");
        let rated = ["limit", "quota", "#conn", "ct count"];
        if rated.iter().any(|word| has(word)) {
            return Self::Usually(!above);
        }
        let known_bad = has("recent") && ["check", "update", "CHECK", "UPDATE"].iter().any(|word| has(word));
        if known_bad || ["physdev", "PHYSDEV", "string", "STRING", "-m helper"].iter().any(|word| has(word)) {
            return Self::Usually(false);
        }
        Self::Even
    }

    /// The answer that is expected, where one is.
    pub const fn expected(self) -> Option<bool> {
        match self {
            Self::Even => None,
            Self::Usually(holds) | Self::Taken(holds) => Some(holds),
        }
    }
}
