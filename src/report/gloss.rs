//! What a verdict's words mean, for a reader who has never heard of this program.

use super::place::phrase;
use super::record::Record;

/// What `cause` means, as a sentence; empty for a word of a later version.
pub(super) fn cause(word: &str) -> &'static str {
    match word {
        "open" => "The port answers a connection request: the network lets it through.",
        "open-proxied" => {
            "Something in front of the host answers in its name; whether the service behind it is \
             reachable is not shown."
        }
        "mtu-black-hole" => {
            "Small packets pass and full-size ones vanish, and no ICMP message tells the sender to \
             send smaller ones: logins work, large results hang."
        }
        "intermittent" => "The port answers some connection requests and not others.",
        "rate-limited" => "Connection requests pass up to a rate and are withheld above it.",
        "banned" => {
            "The port answered at first and then stopped for good during the test: a dynamic ban."
        }
        "closed" => {
            "The host is reached and refuses by itself: no service listens on this port. No firewall \
             is involved."
        }
        "reject-host" => "A firewall on the target host refuses the connection.",
        "reject-path" => "A device before the target host refuses the connection.",
        "drop-host" => {
            "Connection requests reach the target host, and its own firewall discards them."
        }
        "drop-edge" => {
            "Connection requests pass the last router and are discarded before the target host's \
             network stack: a security group, a network ACL, a hypervisor filter."
        }
        "drop-edge-or-host" => {
            "Connection requests pass the last router and are discarded right before the target \
             host or on it; the evidence cannot split the two."
        }
        "drop-path" => {
            "Connection requests to this port are discarded on the way, where other packets to the \
             same host pass: a firewall or an ACL."
        }
        "drop-return" => {
            "Connection requests arrive and are answered; the answers are lost on the way back."
        }
        "drop-somewhere" => {
            "Nothing answers past some point, on this port or on others: a filter, a dead host or a \
             missing route."
        }
        "listener-overloaded" => "The service listens, and its queue of new connections is full.",
        "no-neighbor" => {
            "The next device on the link has no known hardware address: nobody answers."
        }
        "no-route" => "A router, or the sending host, has no route to the target.",
        "misaddressed" => {
            "The connection request arrives, and its answer comes from another address or port than \
             the one that was asked: no client takes it for its answer."
        }
        "local-egress" => {
            "The sending host's own firewall or routing stops the connection request."
        }
        "local-ingress" => {
            "The answers come back to the sending host, and that host itself discards them."
        }
        "conflicting" => "Valid answers contradict each other: something on the path interferes.",
        "inconclusive" => "It could not be measured.",
        _ => "",
    }
}

/// What `cause` is called in a list of rivals, as a phrase.
pub(super) fn short(word: &str) -> &'static str {
    match word {
        "open" => "the port is open",
        "open-proxied" => "something in front answers",
        "mtu-black-hole" => "full-size packets vanish",
        "intermittent" => "it answers only sometimes",
        "rate-limited" => "a rate limit",
        "banned" => "a ban during the test",
        "closed" => "nothing listens",
        "reject-host" => "the host's firewall refuses",
        "reject-path" => "a device on the path refuses",
        "drop-host" => "the host's firewall discards it",
        "drop-edge" => "discarded right before the host",
        "drop-edge-or-host" => "discarded at or before the host",
        "drop-path" => "discarded on the path",
        "drop-return" => "answers lost on the way back",
        "drop-somewhere" => "nothing answers at all",
        "listener-overloaded" => "the service's queue is full",
        "no-neighbor" => "no such host on the link",
        "no-route" => "no route",
        "misaddressed" => "the answer comes from another address",
        "local-egress" => "the sending host stops it",
        "local-ingress" => "the sending host discards answers",
        "conflicting" => "answers contradict each other",
        "inconclusive" => "not measured",
        _ => "",
    }
}

/// What `confidence` promises, as a sentence; empty for a word of a later version.
pub(super) fn confidence(word: &str) -> &'static str {
    match word {
        "proven" => "Rests on an authenticated answer that no rival cause explains.",
        "confirmed" => {
            "Rests on silence: the chance that packet loss explains it is at most one in a million, \
             over at least 9 seconds, while other packets on the same path were answered."
        }
        "likely" => {
            "The chance that packet loss explains it is at most one in a thousand, or a rival cause \
             remains that is clearly less plausible."
        }
        "possible" => "The best reading so far, no more.",
        _ => "",
    }
}

/// The owner of an advice, named for a reader who did not run the test.
pub(super) fn owner(owner: &str) -> String {
    if owner == "whoever gave you the address" {
        return "whoever gave the address".to_owned();
    }
    match owner.strip_prefix("you") {
        Some(rest) if rest.is_empty() || rest.starts_with(',') => {
            format!("whoever ran this test{rest}")
        }
        _ => owner.to_owned(),
    }
}

/// What the owner is asked for.
pub(super) fn act(record: &Record) -> &'static str {
    if record.verdict.cause == "open" {
        "Whom to ask, should it still fail"
    } else {
        "Who must act"
    }
}

/// The owner of the most promising advice of `record`.
pub(super) fn first_owner(record: &Record) -> String {
    let first = record.advice.first();
    first.map_or("not known".to_owned(), |advice| owner(&advice.owner))
}

/// What the host is called that ran the test: by its address, where it had one to send from.
pub(super) fn here(record: &Record) -> String {
    if record.local.source.is_unspecified() {
        "the host that ran the test".to_owned()
    } else {
        record.local.source.to_string()
    }
}

/// What the host that asked was to the test.
pub(super) const fn standing(record: &Record) -> &'static str {
    match record.observed {
        Some(_) => "the client of the capture",
        None => "where the test ran",
    }
}

/// The place of the verdict of `record`.
pub(super) fn place(record: &Record) -> String {
    match phrase(&record.verdict.place) {
        Some(phrase) if phrase == "on this host" => {
            format!("on {}, {}", here(record), standing(record))
        }
        Some(phrase) => phrase,
        None => "not known".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{cause, confidence, owner, short};
    use crate::model::verdict::{Cause, Confidence};

    #[test]
    fn every_word_of_a_verdict_has_a_meaning() {
        for word in Cause::ALL {
            assert!(cause(word.word()).ends_with('.'), "{word}");
            assert!(!short(word.word()).is_empty(), "{word}");
        }
        for word in [
            Confidence::Possible,
            Confidence::Likely,
            Confidence::Confirmed,
            Confidence::Proven,
        ] {
            assert!(confidence(word.word()).ends_with('.'), "{word:?}");
        }
        assert_eq!(cause("a word of a later version"), "");
    }

    #[test]
    fn the_reader_is_not_taken_for_whoever_ran_the_test() {
        assert_eq!(
            owner("you, on this host"),
            "whoever ran this test, on this host"
        );
        assert_eq!(owner("youth hostel"), "youth hostel");
    }
}
