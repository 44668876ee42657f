//! `synquest doctor`: what this host says of itself, gathered and judged.

use super::arguments::Shared;
use super::arguments::host::DoctorArguments;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::local_rules;
use super::terminal::Terminal;
use super::{lookup, settings};
use crate::checkup;
use crate::model::check::Rating;
use crate::net::{self, doctor, firewall, privilege};
use crate::report::doctor::{Checkup, text};
use crate::report::visible::shell_word;

/// Examines this host and, where an endpoint is named, the way to each of its addresses.
///
/// # Errors
///
/// When the endpoint cannot be probed at all, the kernel cannot be asked, or nothing be written.
pub fn run(
    arguments: &DoctorArguments,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, Failure> {
    let targets: Vec<String> = arguments.endpoint.iter().cloned().collect();
    let endpoints = lookup::endpoints(&targets, &arguments.leave)?
        .some()?
        .endpoints;
    let preference = settings::preference(&arguments.leave);
    let program = match privilege::require_net_raw() {
        Err(net::Failure::NoCapability { binary }) => {
            Some(shell_word(&binary.to_string_lossy()).into_owned())
        }
        _ => None,
    };
    let mut checks = checkup::host::checks(&doctor::examine(), program.as_deref());
    let listing = firewall::listing();
    for endpoint in &endpoints {
        let approach = doctor::approach(endpoint, &preference)?;
        checks.extend(checkup::approach::checks(endpoint, &approach));
        if let Some(route) = approach.way.route() {
            let mark = preference.mark.unwrap_or(0);
            let rules = local_rules::judge(&listing, &local_rules::flow(endpoint, route, mark));
            checks.push(checkup::firewall::check(rules));
        }
    }
    let checkup = Checkup::new(checks);
    terminal.document(shared, &checkup, || text(&checkup, terminal.width()))?;
    Ok(match checkup.worst() {
        Some(Rating::Bad) => ExitStatus::Incapable,
        _ => ExitStatus::Open,
    })
}
