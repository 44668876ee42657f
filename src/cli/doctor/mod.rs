//! `synquest doctor`: judges what this host says of itself.

mod approach;
mod firewall;
mod host;

use super::arguments::{DoctorArguments, Shared};
use super::exit::ExitStatus;
use super::failure;
use super::lookup;
use super::terminal::Terminal;
use crate::net;
use crate::net::doctor;
use crate::net::survey::Preference;
use crate::report::doctor::{Check, Checkup, Standing};
use crate::report::json;
pub(super) use approach::approach_checks;
use firewall::firewall_check;
use host::host_checks;

/// Examines this host and, where an endpoint is named, the way to each of its addresses.
///
/// # Errors
///
/// When the endpoint cannot be probed at all, the kernel cannot be asked, or nothing be written.
pub fn run(
    arguments: &DoctorArguments,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, failure::Failure> {
    let targets: Vec<String> = arguments.endpoint.iter().cloned().collect();
    let found = lookup::endpoints(&targets, &arguments.leave)?;
    let endpoints = found.some()?.endpoints;
    let preference = Preference {
        interface: arguments.leave.interface.clone(),
        source: arguments.leave.source,
        mark: arguments.leave.mark,
    };
    let mark = preference.mark.unwrap_or(0);
    let mut checks = host_checks(&doctor::examine(None, &preference)?);
    let listing = net::firewall::listing();
    for endpoint in &endpoints {
        let examination = doctor::examine(Some(endpoint), &preference)?;
        if let Some(approach) = examination.target {
            checks.extend(approach_checks(endpoint, &approach));
            if let Some(route) = approach.way.route() {
                checks.push(firewall_check(endpoint, route, mark, &listing));
            }
        }
    }
    let checkup = Checkup::new(checks);
    let text = if shared.json {
        json::document(&checkup)? + "\n"
    } else {
        crate::report::doctor::text(&checkup, terminal.width())
    };
    match terminal.data(&text).map_err(failure::Failure::Output) {
        Err(failure) if !failure.is_closed_pipe() => Err(failure),
        _ => Ok(match checkup.worst() {
            Some(Standing::Bad) => ExitStatus::Incapable,
            _ => ExitStatus::Open,
        }),
    }
}

fn check(name: &str, standing: Standing, finding: impl Into<String>) -> Check {
    Check {
        name: name.to_owned(),
        standing,
        finding: finding.into(),
        remedy: None,
        command: None,
    }
}

fn with_remedy(check: Check, remedy: impl Into<String>) -> Check {
    Check {
        remedy: Some(remedy.into()),
        ..check
    }
}
