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
        if let Some(exists) = reverse_path(words) {
            return Self::Taken(exists);
        }
        if has("! ") || has("!=") {
            return Self::Even;
        }
        let above = has("over ") || has("above") || has("#conn");
        let rated = ["limit", "quota", "#conn", "ct count"];
        if rated.iter().any(|word| has(word)) {
            return Self::Usually(!above);
        }
        let known_bad = has("recent")
            && ["check", "update", "CHECK", "UPDATE"]
                .iter()
                .any(|word| has(word));
        if known_bad
            || ["physdev", "PHYSDEV", "string", "STRING", "-m helper"]
                .iter()
                .any(|word| has(word))
        {
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

/// Whether nft asks here that the way back exists: `fib saddr . iif oif exists`, in either form.
fn reverse_path(words: &str) -> Option<bool> {
    let (_, rest) = words.split_once("fib saddr")?;
    let (flags, value) = rest.split_once(" oif ")?;
    let known = ["", ". iif", ". mark . iif"];
    let mut value = value.trim_matches(['"', ' ']).split(' ');
    let (negated, value) = match (value.next()?, value.next()) {
        ("!=", Some(value)) => (true, value),
        ("==", Some(value)) | (value, None) => (false, value),
        (_, Some(_)) => return None,
    };
    let exists = match value {
        "exists" | "true" => true,
        "missing" | "false" | "0" => false,
        _ => return None,
    };
    known.contains(&flags.trim()).then_some(exists != negated)
}
