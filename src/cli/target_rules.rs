//! `--rules`: the target's own rules, by which the very one behind a verdict is named.

use std::net::IpAddr;
use std::path::PathBuf;

use super::failure::Failure;
use super::rule_files;
use crate::model::outcome::Outcome;
use crate::model::verdict::Cause;
use crate::report::advice::advise::{seen_as, spare_the_search};
use crate::report::advice::piece::{Advice, Owner};
use crate::report::advice::target_rules::{blames_host, names, opinion};
use crate::report::record::Record;
use crate::rules::cloud::answer;
use crate::rules::cloud::found::Found;
use crate::rules::cloud::stage::Attached;
use crate::rules::cloud::trace::follow;
use crate::rules::decision::{Ruling, decide};
use crate::rules::document::Document;
use crate::rules::packet::Packet;
use crate::rules::ruleset::{Family, Ruleset};

/// The rules of the target and of the cloud round it, as both IP versions read what does not say
/// its own.
#[derive(Clone, Debug)]
pub struct TargetRules {
    v4: Option<Ruleset>,
    v6: Option<Ruleset>,
    cloud: Found,
    attached: Attached,
}

impl TargetRules {
    /// Reads them from files, or from stdin where one is `-`; `None` where there are none.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or holds something else.
    pub fn read(files: &[PathBuf], attached: &[String]) -> Result<Option<Self>, Failure> {
        if files.is_empty() {
            return Ok(None);
        }
        let given = rule_files::read(files)?;
        Ok(Some(Self {
            v4: given.host(Family::Ip)?,
            v6: given.host(Family::Ip6)?,
            cloud: given.found,
            attached: Attached(attached.to_vec()),
        }))
    }

    /// Puts first among the advice what the rules say of this outcome, where they can have caused
    /// it.
    pub fn advise(&self, outcome: &Outcome, record: &mut Record) {
        let cause = outcome.finding.verdict.cause;
        if !blames_host(cause) && !matches!(cause, Cause::Open | Cause::DropEdge) {
            return;
        }
        let mut stops = false;
        let advice = match seen_as(outcome, &record.run.situation) {
            Some(from) => {
                let document = self.decided(from, outcome);
                stops = document.decision == Ruling::Blocked;
                let named = names(&document, &outcome.finding.verdict);
                if named.is_some_and(|rule| rule.provider.is_none()) {
                    spare_the_search(&mut record.advice);
                }
                opinion(from, outcome, &document)
            }
            None => Some(Advice::new(
                Owner::You,
                "A NAT stands before the target, which sees this instance's public address: give it \
                 with --public-address, and the rules given with --rules say which of them decides.",
            )),
        };
        // What filters in raw or mangle looks like the network's edge; most often it is the edge.
        let at = if cause == Cause::DropEdge && !stops && self.cloud.is_empty() {
            record.advice.len()
        } else {
            0
        };
        record.advice.splice(at..at, advice);
    }

    fn decided(&self, from: IpAddr, outcome: &Outcome) -> Document {
        let ruleset = match outcome.endpoint.address {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => &self.v6,
        };
        let packet = Packet::opening(from, Some(outcome.endpoint.port));
        let host = ruleset
            .as_ref()
            .map(|ruleset| Document::of(ruleset, &decide(ruleset, &packet), &[]));
        match host {
            Some(host) if self.cloud.is_empty() => host,
            host => answer::document(&follow(&self.cloud, &self.attached, &packet), host),
        }
    }
}
