//! What became of a number of endpoints, in words.

/// What `cause` does to `number` endpoints at the place that `phrase` names, as a clause whose
/// subject is the number: `die between hop 3 (10.1.2.3) and hop 4`, `is closed`.
pub(super) fn fate(cause: &str, number: u64, phrase: Option<&str>) -> String {
    let (one, many) = verbs(cause);
    let mut fate = if number == 1 { one } else { many }.to_owned();
    if one.is_empty() {
        let verb = if number == 1 { "is" } else { "are" };
        fate = format!("{verb} “{cause}”");
    }
    match phrase {
        Some(phrase) if !goes_without_saying(cause, phrase) => format!("{fate} {phrase}"),
        _ => fate,
    }
}

/// What it is of `number` names that none of them has an address.
pub(super) const fn unresolved(number: u64) -> &'static str {
    if number == 1 {
        "has no address"
    } else {
        "have no address"
    }
}

/// Whether `cause` alone tells the place that `phrase` names.
fn goes_without_saying(cause: &str, phrase: &str) -> bool {
    match phrase {
        "on the target host" => true,
        "on this host" => cause.starts_with("local-"),
        _ => cause == "open",
    }
}

/// The clause for one and for many; empty for a word of a later version.
fn verbs(cause: &str) -> (&'static str, &'static str) {
    match cause {
        "open" => ("is open", "are open"),
        "open-proxied" => (
            "is answered for by something",
            "are answered for by something",
        ),
        "mtu-black-hole" => ("loses full-size packets", "lose full-size packets"),
        "intermittent" => ("answers only sometimes", "answer only sometimes"),
        "rate-limited" => ("is rate-limited", "are rate-limited"),
        "banned" => ("was banned during the test", "were banned during the test"),
        "closed" => ("is closed", "are closed"),
        "reject-host" => (
            "is refused by its host's firewall",
            "are refused by their hosts' firewalls",
        ),
        "reject-path" => ("is refused", "are refused"),
        "drop-host" => (
            "is discarded by its host's firewall",
            "are discarded by their hosts' firewalls",
        ),
        "drop-edge" | "drop-path" => ("dies", "die"),
        "drop-edge-or-host" => ("dies on its host or", "die on their hosts or"),
        "drop-return" => (
            "answers, and the answers die",
            "answer, and the answers die",
        ),
        "drop-somewhere" => ("is silent", "are silent"),
        "listener-overloaded" => ("is overloaded", "are overloaded"),
        "no-neighbor" => ("has no answering neighbour", "have no answering neighbour"),
        "no-route" => ("has no route", "have no route"),
        "misaddressed" => (
            "answers from another address",
            "answer from other addresses",
        ),
        "local-egress" => ("is stopped by this host", "are stopped by this host"),
        "local-ingress" => (
            "answers, and this host discards the answers",
            "answer, and this host discards the answers",
        ),
        "conflicting" => ("contradicts itself", "contradict themselves"),
        "inconclusive" => ("could not be measured", "could not be measured"),
        _ => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::{fate, verbs};
    use crate::model::verdict::Cause;

    #[test]
    fn every_cause_has_a_clause_for_one_and_for_many() {
        for cause in Cause::ALL {
            let (one, many) = verbs(cause.word());
            assert!(!one.is_empty() && !many.is_empty(), "{cause}");
        }
    }

    #[test]
    fn the_place_is_named_unless_the_cause_tells_it() {
        let check = |cause: &str, number: u64, phrase: Option<&str>, text: &str| {
            assert_eq!(fate(cause, number, phrase), text);
        };
        let between = Some("between hop 3 (10.1.2.3) and hop 4");
        check(
            "drop-path",
            37,
            between,
            "die between hop 3 (10.1.2.3) and hop 4",
        );
        check("closed", 1, Some("on the target host"), "is closed");
        check(
            "no-route",
            2,
            Some("on this host"),
            "have no route on this host",
        );
        check(
            "local-egress",
            2,
            Some("on this host"),
            "are stopped by this host",
        );
        check("inconclusive", 2, None, "could not be measured");
        check("from-later", 2, None, "are “from-later”");
    }
}
