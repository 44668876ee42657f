//! This host's own firewall rules: listed by its tools, followed for our flow.

use crate::checkup::firewall::LocalRules;
use crate::model::endpoint::Endpoint;
use crate::model::host::Route;
use crate::net::firewall::{Listing, Printed};
use crate::report::advice::target_rules::stops;
use crate::rules::decision::{Ruling, decide, handshake};
use crate::rules::document::Document;
use crate::rules::input;
use crate::rules::packet::{Journey, Packet};
use crate::rules::ruleset::{Caveat, Family, Ruleset};
use crate::rules::unreadable::{Fault, Unreadable};

/// The first packet of a connection to `endpoint`.
pub fn flow(endpoint: &Endpoint, route: &Route, mark: u32) -> Packet {
    Packet {
        journey: Journey::Outbound,
        to: Some(endpoint.address),
        out_interface: Some(route.link.name.clone()),
        mark,
        ..Packet::opening(route.source, Some(endpoint.port))
    }
}

/// What the rules listed say of a flow and of the answers to it.
pub fn judge(listing: &Listing, flow: &Packet) -> LocalRules {
    let printed = match listing {
        Listing::Rules(printed) => printed,
        Listing::NotPermitted => return LocalRules::NotPermitted,
        Listing::NoTool => return LocalRules::NoTool,
    };
    let tools = printed.tools.join(", ");
    let ruleset = match listed(printed, Family::of(flow.from)) {
        Ok(ruleset) if ruleset.tables.is_empty() && ruleset.caveats.is_empty() => {
            return LocalRules::None(tools);
        }
        Ok(ruleset) => ruleset,
        Err(reason) => return LocalRules::NotUnderstood(reason.to_string()),
    };
    let first = decide(&ruleset, flow);
    let later = handshake(&ruleset, &first);
    let document = Document::of(&ruleset, &first, &later);
    match document.decision {
        Ruling::Allowed => LocalRules::Allow(tools),
        Ruling::Blocked => LocalRules::Block {
            rule: document.rule.as_ref().map(stops).unwrap_or_default(),
            commands: document.commands(),
            undoing: document.undoing(),
        },
        Ruling::Depends => LocalRules::Depend(document.unknown),
    }
}

/// What the tools of this host printed.
///
/// # Errors
///
/// When one of them prints what cannot be read.
pub fn listed(printed: &Printed, assumed: Family) -> Result<Ruleset, Unreadable> {
    let mut ruleset = match input::read(&printed.rules, assumed) {
        Err(reason) if reason.fault == Fault::NoRules => Ruleset::default(),
        other => other?,
    };
    // nft lists every table; iptables-save those of its own.
    ruleset.whole = printed.failed.is_empty() && printed.tools.contains(&"nft");
    let failed = printed.failed.iter().map(|tool| (*tool).to_owned());
    ruleset.caveats.extend(failed.map(Caveat::ToolFailed));
    Ok(ruleset)
}
