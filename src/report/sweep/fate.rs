//! What became of a number of endpoints, in words.

use crate::model::verdict::Cause;
use crate::model::word::Known;
use crate::report::catalogue;

/// What `cause` does to `number` endpoints at the place that `phrase` names, as a clause whose
/// subject is the number: `die between hop 3 (10.1.2.3) and hop 4`, `is closed`.
pub(super) fn fate(cause: &Known<Cause>, number: u64, phrase: Option<&str>) -> String {
    let fate = match catalogue::of(cause) {
        Some(row) => row.clause[usize::from(number != 1)].to_owned(),
        None if number == 1 => format!("is “{cause}”"),
        None => format!("are “{cause}”"),
    };
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
fn goes_without_saying(cause: &Known<Cause>, phrase: &str) -> bool {
    match phrase {
        "on the target host" => true,
        "on this host" => *cause == Cause::LocalEgress || *cause == Cause::LocalIngress,
        _ => *cause == Cause::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::fate;

    #[test]
    fn the_place_is_named_unless_the_cause_tells_it() {
        let check = |cause: &str, number: u64, phrase: Option<&str>, text: &str| {
            assert_eq!(fate(&cause.into(), number, phrase), text);
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
