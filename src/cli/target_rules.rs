//! `--rules`: the target's own rules, by which the very one behind a verdict is named.

use std::net::IpAddr;
use std::path::Path;

use super::rules::{Unjudged, given};
use crate::model::outcome::Outcome;
use crate::model::verdict::Cause;
use crate::report::advice::{Advice, seen_as};
use crate::report::record::Record;
use crate::rules::decision::{Ruling, decide};
use crate::rules::document::{Document, RuleRecord};
use crate::rules::input;
use crate::rules::packet::Packet;
use crate::rules::ruleset::{Family, Ruleset};

const HOST_ADMIN: &str = "administrator of the target host";

/// The rules of the target, as both IP versions read what does not say its own.
#[derive(Clone, Debug)]
pub struct TargetRules {
    v4: Ruleset,
    v6: Ruleset,
}

impl TargetRules {
    /// Reads them from a file, or from stdin where it is `-`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or holds something else.
    pub fn read(path: &Path) -> Result<Self, Unjudged> {
        let (name, text) = given(&[path.to_owned()])?;
        let read = |assumed| {
            input::read(&text, assumed).map_err(|reason| Unjudged::Unreadable {
                name: name.clone(),
                reason,
            })
        };
        Ok(Self {
            v4: read(Family::Ip)?,
            v6: read(Family::Ip6)?,
        })
    }

    /// Puts first among the advice what the rules say of this outcome, where they can have caused
    /// it.
    pub fn advise(&self, outcome: &Outcome, record: &mut Record) {
        if !blames_host(outcome.finding.verdict.cause) {
            return;
        }
        let advice = match seen_as(outcome, &record.run.situation) {
            Some(from) => self.judge(from, outcome),
            None => vec![Advice {
                owner: "you".to_owned(),
                text: "A NAT stands before the target, which sees this instance's public address: \
                       give it with --public-address, and the rules given with --rules say which \
                       of them decides."
                    .to_owned(),
                command: None,
            }],
        };
        record.advice.splice(0..0, advice);
    }

    fn judge(&self, from: IpAddr, outcome: &Outcome) -> Vec<Advice> {
        let endpoint = &outcome.endpoint;
        let ruleset = match endpoint.address {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => &self.v6,
        };
        let packet = Packet::opening(from, Some(endpoint.port));
        let document = Document::of(ruleset, &decide(ruleset, &packet), &[]);
        match document.decision {
            Ruling::Blocked => blocked(from, &document),
            Ruling::Allowed => vec![told(format!(
                "By the rules given, the host lets {from} in on port {}: they are not the ones in \
                 force, or something before them decides. Compare them with iptables-save and nft \
                 list ruleset on the host.{}",
                endpoint.port,
                sentences(&document.warnings)
            ))],
            Ruling::Depends => vec![told(format!(
                "By the rules given, it hangs on what they do not tell whether the host lets {from} \
                 in on port {}: {}.{}",
                endpoint.port,
                document.unknown.join("; "),
                sentences(&document.warnings)
            ))],
        }
    }
}

/// Whether the host's own firewall may be behind a cause.
const fn blames_host(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::DropHost | Cause::RejectHost | Cause::DropEdgeOrHost | Cause::Banned
    )
}

fn blocked(from: IpAddr, document: &Document) -> Vec<Advice> {
    let rule = document.rule.as_ref().map(place).unwrap_or_default();
    let mut text = format!("{rule} stops {from}.");
    text.push_str(&sentences(&document.before));
    text.push_str(&sentences(&document.warnings));
    if !document.behind.is_empty() {
        let behind: Vec<String> = document.behind.iter().map(place).collect();
        text.push_str(&format!(" Behind it, so would: {}.", behind.join("; ")));
    }
    let mut advice = vec![Advice {
        command: document.commands(),
        ..told(text)
    }];
    if let Some(command) = document.undoing() {
        advice.push(Advice {
            command: Some(command),
            ..told("To take that back.".to_owned())
        });
    }
    advice
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
pub(super) fn place(rule: &RuleRecord) -> String {
    let place = format!("chain {} (table {})", rule.chain, rule.table);
    match rule.number {
        Some(number) => format!("Rule {number} of {place}, {},", rule.text),
        None => format!("The policy of {place}, {},", rule.target),
    }
}

fn told(text: String) -> Advice {
    Advice {
        owner: HOST_ADMIN.to_owned(),
        text,
        command: None,
    }
}
