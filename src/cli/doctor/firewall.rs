//! What this host's own firewall does with our flow, by the matcher that `rules` uses.

use super::{check, with_remedy};
use crate::cli::rules::listed;
use crate::cli::target_rules::stops;
use crate::model::endpoint::Endpoint;
use crate::net::firewall::Listing;
use crate::net::route::Route;
use crate::report::doctor::{Check, Standing};
use crate::rules::decision::{Ruling, decide, handshake};
use crate::rules::document::Document;
use crate::rules::packet::{Journey, Packet};
use crate::rules::ruleset::Family;

const NAME: &str = "local firewall";

/// The check of a new connection to `endpoint` and of the answers to it, by the rules listed.
pub(super) fn firewall_check(
    endpoint: &Endpoint,
    route: &Route,
    mark: u32,
    listing: &Listing,
) -> Check {
    let printed = match listing {
        Listing::Rules(printed) => printed,
        Listing::NotPermitted => {
            return check(
                NAME,
                Standing::Note,
                "not read: only root may list its rules",
            );
        }
        Listing::NoTool => {
            let finding = "not read: no iptables-save or nft here, or they failed";
            return check(NAME, Standing::Note, finding);
        }
    };
    let tools = printed.tools.join(", ");
    let ruleset = match listed(printed, Family::of(endpoint.address)) {
        Ok(ruleset) if ruleset.tables.is_empty() && ruleset.doubts.is_empty() => {
            return check(NAME, Standing::Good, format!("has no rules, by {tools}"));
        }
        Ok(ruleset) => ruleset,
        Err(reason) => {
            return check(NAME, Standing::Note, format!("not understood: {reason}"));
        }
    };
    let packet = Packet {
        journey: Journey::Outbound,
        to: Some(endpoint.address),
        out_interface: Some(route.link.name.clone()),
        mark,
        ..Packet::opening(route.source, Some(endpoint.port))
    };
    let first = decide(&ruleset, &packet);
    let later = handshake(&ruleset, &first);
    let document = Document::of(&ruleset, &first, &later);
    match document.decision {
        Ruling::Allowed => check(
            NAME,
            Standing::Good,
            format!(
                "lets the SYN out and the SYN-ACK in, by {tools}; resets and ICMP errors were not \
                 followed"
            ),
        ),
        Ruling::Blocked => {
            let rule = document.rule.as_ref().map(stops).unwrap_or_default();
            let undoing = document.undoing();
            let remedy = undoing.map_or_else(
                || "Let it through.".to_owned(),
                |undoing| format!("Let it through; this takes it back: {undoing}"),
            );
            Check {
                command: document.commands(),
                ..with_remedy(
                    check(NAME, Standing::Bad, format!("{rule} this very flow")),
                    remedy,
                )
            }
        }
        Ruling::Depends => check(
            NAME,
            Standing::Doubtful,
            format!(
                "whether it lets this flow through hangs on: {}",
                document.unknown.join("; ")
            ),
        ),
    }
}
