//! How a condition that nobody can tell is likely to be answered, and whether it always is the same.

/// Words of conditions whose answer differs from packet to packet.
const VARYING: [&str; 15] = [
    "numgen",
    "random",
    "limit",
    "quota",
    "count",
    "last",
    "hashlimit",
    "recent",
    "statistic",
    "connlimit",
    "conn",
    "nfacct",
    "connbytes",
    "rateest",
    "nth",
];

/// Whether what words ask may be answered otherwise each time.
pub fn varies(text: &str) -> bool {
    let mut words = text.split(|character: char| !character.is_ascii_alphanumeric());
    words.any(|word| VARYING.contains(&word))
}

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
        if let Some(usual) = ordinary(words) {
            return Self::Usually(usual);
        }
        if has("! ") || has("!=") {
            return Self::Even;
        }
        if let Some(usual) = of_some(words) {
            return Self::Usually(usual);
        }
        let above = has("over ") || has("above") || (has("#conn") && !has("<="));
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

/// Conditions on a number of which an ordinary first packet's values are known: by the words that
/// lead to it, as iptables writes them, lists them and nft has them, and those values.
const ORDINARY: [(&[&str], (u64, u64)); 4] = [
    // The largest segment of a client on Ethernet, with what tunnels take of it.
    (&["--mss", "tcpmss match", "maxseg size"], (1200, 1460)),
    // A SYN with its options.
    (
        &["--length", "length", "meta length", "ip length"],
        (48, 60),
    ),
    // Systems set out with 64 or 128, and routers take of it.
    (&["--ttl-eq", "TTL match TTL ==", "ip ttl"], (40, 128)),
    (&["--dscp", "DSCP match", "ip dscp"], (0, 0)),
];

/// Whether one packet of many meets a condition that takes some of them (`-m statistic`, numgen), or
/// an ordinary one meets one on IPsec; `None` where that is not told.
fn of_some(words: &str) -> Option<bool> {
    let after = |lead: &str| {
        let (_, rest) = words.split_once(lead)?;
        rest.split_whitespace().next()
    };
    if let Some(share) = after("probability ").and_then(|word| word.parse::<f64>().ok()) {
        let is_even = (share - 0.5).abs() < f64::EPSILON;
        return (!is_even).then_some(share > 0.5);
    }
    if let Some(every) = after("--every ").and_then(|word| word.parse::<u64>().ok()) {
        return (every > 2).then_some(false);
    }
    match after("--pol ")? {
        "ipsec" => Some(false),
        "none" => Some(true),
        _ => None,
    }
}

/// Whether an ordinary first packet meets a condition on a number it has; `None` where that is not
/// known, or some of them do.
fn ordinary(words: &str) -> Option<bool> {
    let found = ORDINARY.iter().find_map(|(leads, usual)| {
        let lead = leads.iter().find(|lead| words.contains(**lead))?;
        Some((words.split_once(*lead)?, *usual))
    });
    let ((before, after), (low, high)) = found?;
    let is_other = !before.is_empty() && !before.ends_with([' ', '"']);
    let mut values = after
        .split([' ', '"', ','])
        .filter(|word| !word.is_empty() && *word != "match");
    let mut value = values.next().filter(|_| !is_other)?;
    let mut negated = before.trim_end().ends_with('!');
    let mut bound = None;
    if matches!(value, "!=" | "!" | "==" | "<" | ">" | "<=" | ">=") {
        negated ^= value.starts_with('!');
        bound = Some(value).filter(|word| word.starts_with(['<', '>']));
        value = values.next()?;
    }
    let (negated, value) = match value.strip_prefix('!') {
        Some(rest) => (!negated, rest),
        None => (negated, value),
    };
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse::<u64>().ok(),
    };
    let (first, last) = match (bound, value.split_once([':', '-'])) {
        (Some(sign), _) => match (sign, number(value)?) {
            ("<", value) => (0, value.saturating_sub(1)),
            ("<=", value) => (0, value),
            (">", value) => (value.saturating_add(1), u64::MAX),
            (_, value) => (value, u64::MAX),
        },
        (None, Some((first, last))) => (number(first)?, number(last)?),
        (None, None) => (number(value)?, number(value)?),
    };
    let within = if first <= low && high <= last {
        true
    } else if last < low || high < first {
        false
    } else {
        return None;
    };
    Some(within != negated)
}

#[cfg(test)]
mod tests {
    use super::Odds;

    #[test]
    fn what_an_ordinary_first_packet_has_is_likely_to_hold() {
        for (words, odds) in [
            ("-m tcpmss --mss 1:500", Odds::Usually(false)),
            ("-m tcpmss --mss 536:65535", Odds::Usually(true)),
            ("-m tcpmss ! --mss 536:65535", Odds::Usually(false)),
            ("tcpmss match 1:500", Odds::Usually(false)),
            ("tcpmss match !536:65535", Odds::Usually(false)),
            (
                "what nft calls \"tcp option maxseg size 1-500\"",
                Odds::Usually(false),
            ),
            (
                "what nft calls \"tcp option maxseg size > 500\"",
                Odds::Usually(true),
            ),
            ("tcp option maxseg size 1300", Odds::Even),
            ("-m length --length 0:39", Odds::Usually(false)),
            ("meta length < 100", Odds::Usually(true)),
            (
                "-m statistic --mode random --probability 0.05",
                Odds::Usually(false),
            ),
            (
                "-m statistic --mode random --probability 0.9",
                Odds::Usually(true),
            ),
            ("-m statistic --mode random --probability 0.5", Odds::Even),
            ("-m policy --dir in --pol ipsec", Odds::Usually(false)),
            ("#conn src/32 > 20", Odds::Usually(false)),
            ("#conn src/32 <= 20", Odds::Usually(true)),
            ("-m u32 --u32 0", Odds::Even),
        ] {
            assert_eq!(Odds::of(words), odds, "{words}");
        }
    }
}
