//! What the rules of the target, as the user gave them, say of an outcome.

use std::net::IpAddr;

use super::piece::{Advice, Owner};
use crate::model::outcome::Outcome;
use crate::model::verdict::{Cause, Verdict};
use crate::report::words::capital;
use crate::rules::decision::Ruling;
use crate::rules::document::{Document, RuleRecord};

/// The rule that stops the packets, where that is what was seen.
pub fn names<'a>(document: &'a Document, verdict: &Verdict) -> Option<&'a RuleRecord> {
    let rule = document.rule.as_ref()?;
    let blocks = document.decision == Ruling::Blocked;
    (blocks && !contradicts(rule, verdict)).then_some(rule)
}

/// What the rules say of an outcome; `None` where they say that it is as it should be.
pub fn opinion(from: IpAddr, outcome: &Outcome, document: &Document) -> Option<Advice> {
    let port = outcome.endpoint.port;
    let verdict = &outcome.finding.verdict;
    let cloud = document
        .rule
        .as_ref()
        .is_some_and(|rule| rule.provider.is_some());
    let (who, again) = if cloud {
        (
            "what is given of the cloud's rules",
            "Compare them with what the provider's command lists now.",
        )
    } else {
        (
            "the host",
            "Compare them with iptables-save and nft list ruleset on the host.",
        )
    };
    let owner = owner(document);
    let told = |text: String| Advice::new(owner, text);
    Some(match (document.decision, document.rule.as_ref()) {
        (Ruling::Blocked, Some(rule)) if names(document, verdict).is_none() => told(format!(
            "By the rules given, {}, stops {from}, which is not what was seen: they are not the ones \
             in force, or something before them decides. {again}",
            place(rule),
        )),
        (Ruling::Blocked, _) => blocked(from, document),
        (Ruling::Allowed | Ruling::Depends, _) if verdict.cause == Cause::Open => return None,
        (Ruling::Allowed, _) => told(format!(
            "By the rules given, {who} lets {from} in on port {port}: they are not the ones in \
             force, or something before them decides. {again}{}",
            sentences(&document.warnings)
        )),
        (Ruling::Depends, Some(rule))
            if document.likely == Some(Ruling::Blocked) && !contradicts(rule, verdict) =>
        {
            let advice = blocked(from, document);
            Advice {
                text: format!(
                    "Most likely it is this: {} That hangs on what the rules given do not tell: {}.",
                    advice.text,
                    document.unknown.join("; ")
                ),
                ..advice
            }
        }
        (Ruling::Depends, _) => told(format!(
            "By the rules given, it hangs on what they do not tell whether {who} lets {from} in \
             on port {port}: {}.{}",
            document.unknown.join("; "),
            sentences(&document.warnings)
        )),
    })
}

/// Who can change the rule that decides.
fn owner(document: &Document) -> &'static str {
    match document.rule.as_ref().map(|rule| rule.layer) {
        Some("security-group") => "owner of the target's security group",
        Some("network-acl") => "owner of the target's network ACL",
        Some("whitelist") => "owner of the database's whitelist",
        _ => Owner::HostAdmin.word(),
    }
}

/// Whether the host's own firewall may be behind a cause.
pub const fn blames_host(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::DropHost | Cause::RejectHost | Cause::DropEdgeOrHost | Cause::Banned
    )
}

/// Whether a rule that stops packets would have been seen otherwise than was seen.
fn contradicts(rule: &RuleRecord, verdict: &Verdict) -> bool {
    if rule.provider.is_some() {
        // A cloud's filters drop without a word; what a whitelist does is not the same everywhere.
        let drops = rule.layer != "whitelist";
        return drops && matches!(verdict.cause, Cause::Open | Cause::RejectHost);
    }
    let refused = match (rule.target.as_str(), &rule.reject_with) {
        ("DROP", _) => None,
        ("REJECT", Some(with)) => Some(with.as_str()),
        // What another target does is not known.
        (_, _) => return verdict.cause == Cause::Open,
    };
    match (refused, verdict.cause) {
        (_, Cause::Open) => true,
        (None, cause) => cause == Cause::RejectHost,
        (Some(with), Cause::RejectHost) => {
            verdict.method.is_some_and(|method| method.word() != with)
        }
        (Some(_), _) => true,
    }
}

fn blocked(from: IpAddr, document: &Document) -> Advice {
    let rule = document.rule.as_ref().map(stops).unwrap_or_default();
    let mut text = format!("{rule} {from}.");
    text.push_str(&sentences(&document.before));
    text.push_str(&sentences(&document.warnings));
    if !document.behind.is_empty() {
        let behind: Vec<String> = document.behind.iter().map(place).collect();
        text.push_str(&format!(" Behind it, so would: {}.", behind.join("; ")));
    }
    if let Some(undoing) = document.undoing() {
        text.push_str(&format!(" This takes that back: {undoing}"));
    }
    Advice {
        command: document.commands(),
        ..Advice::new(owner(document), text)
    }
}

/// Clauses as sentences that follow another.
fn sentences(clauses: &[String]) -> String {
    let mut text = String::new();
    for clause in clauses {
        text.push_str(&format!(" {}.", clause.trim_end_matches('.')));
    }
    text
}

/// A rule by its place, and as its tool prints it.
fn place(rule: &RuleRecord) -> String {
    if let Some(cloud) = rule.in_cloud() {
        return format!("{cloud}, {}", rule.text);
    }
    let place = format!("chain {} (table {})", rule.chain, rule.table);
    match rule.number {
        Some(number) => format!("rule {number} of {place}, {}", rule.text),
        None => format!("the policy of {place}, {}", rule.target),
    }
}

/// A rule as the subject that stops something.
pub fn stops(rule: &RuleRecord) -> String {
    capital(&format!("{}, stops", place(rule)))
}

#[cfg(test)]
mod tests {
    use super::{contradicts, stops};
    use crate::model::reply::Refusal;
    use crate::model::verdict::{Cause, Confidence, Method, Place, PlaceKind, State, Verdict};
    use crate::rules::document::RuleRecord;

    fn verdict(cause: Cause, method: Option<Method>) -> Verdict {
        Verdict {
            state: State::Filtered,
            cause,
            confidence: Confidence::Likely,
            place: Place::of(PlaceKind::Host),
            method,
            summary: String::new(),
            basis: Vec::new(),
        }
    }

    fn rule(target: &str, reject_with: Option<&str>) -> RuleRecord {
        RuleRecord {
            family: "ip",
            table: "filter".to_owned(),
            chain: "INPUT".to_owned(),
            number: None,
            handle: None,
            target: target.to_owned(),
            reject_with: reject_with.map(str::to_owned),
            text: "policy of INPUT".to_owned(),
            layer: "host",
            ..RuleRecord::default()
        }
    }

    #[test]
    fn a_rule_that_would_have_been_seen_otherwise_is_not_the_one() {
        let reset = Some(Method::TcpReset);
        let prohibited = Some(Method::Icmp(Refusal::HostProhibited));
        let dropping = rule("DROP", None);
        let resetting = rule("REJECT", Some("tcp-reset"));
        assert!(!contradicts(&dropping, &verdict(Cause::DropHost, None)));
        assert!(contradicts(&dropping, &verdict(Cause::RejectHost, reset)));
        assert!(contradicts(&dropping, &verdict(Cause::Open, None)));
        assert!(!contradicts(&resetting, &verdict(Cause::RejectHost, reset)));
        assert!(contradicts(
            &resetting,
            &verdict(Cause::RejectHost, prohibited)
        ));
        assert!(contradicts(&resetting, &verdict(Cause::DropHost, None)));
        let program = rule("NFQUEUE", None);
        assert!(!contradicts(&program, &verdict(Cause::RejectHost, reset)));
    }

    #[test]
    fn a_policy_is_named_by_its_chain() {
        let said = stops(&rule("DROP", None));
        assert_eq!(
            said,
            "The policy of chain INPUT (table filter), DROP, stops"
        );
    }
}
