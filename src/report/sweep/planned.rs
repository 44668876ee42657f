//! The dry run of a sweep: which endpoint would be probed, as text and as JSON.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use crate::report::visible::visible;

/// The name and version of the document.
pub const SCHEMA: &str = "synquest/sweep-plan/1";

/// One endpoint that would be probed.
#[derive(Clone, Debug, Serialize)]
pub struct Planned {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// As the list spells it.
    pub given: String,
    /// `None` for a name without an address.
    pub address: Option<IpAddr>,
    /// Its port.
    pub port: u16,
    /// The first label given.
    pub label: Option<String>,
    /// The lines that ask for it.
    pub lines: Vec<u64>,
}

/// Adds the line of one to `text`.
pub fn line(text: &mut String, planned: &Planned) {
    let socket = planned
        .address
        .map(|address| SocketAddr::new(address, planned.port).to_string());
    let mut words = visible(&planned.given).into_owned();
    match socket {
        Some(socket) if socket != planned.given => {
            let _ = write!(words, " = {socket}");
        }
        Some(_) => {}
        None => words.push_str(" has no address"),
    }
    if let Some(label) = &planned.label {
        let _ = write!(words, " ({})", visible(label));
    }
    let lines = planned.lines.iter().map(u64::to_string);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{words}, line {}",
        lines.collect::<Vec<_>>().join(", ")
    );
}
