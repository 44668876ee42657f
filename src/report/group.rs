//! Many endpoints of one capture at a glance: what one client asked of one host, or many clients of
//! one port.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::words::counted;
use crate::model::verdict::Cause;
use crate::model::word::Known;

/// The name and version of the document.
pub const GROUP: &str = "synquest/capture-group/1";

/// Ports that are named of each outcome.
const NAMED: usize = 16;

/// What a capture shows of a client and a host, or of a port that many clients ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// [`GROUP`].
    pub schema: String,
    /// The client; `None` where there are many.
    pub client: Option<IpAddr>,
    /// The host.
    pub server: IpAddr,
    /// The port; `None` where there are many.
    pub port: Option<u16>,
    /// How many endpoints and clients: each is one document.
    pub count: u64,
    /// SYNs sent in all, resent ones included.
    pub syns: u64,
    /// Outcomes, by their causes.
    pub outcomes: BTreeMap<Known<Cause>, Outcomes>,
    /// Sessions that died.
    pub died: u64,
}

/// Those of a group with one cause.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// How many.
    pub count: u64,
    /// The first of their ports, or none where the group is of one port.
    pub ports: Vec<u16>,
}

impl Group {
    /// A group without members: of one client's ports, or of one port's clients.
    pub fn new(client: Option<IpAddr>, server: IpAddr, port: Option<u16>) -> Self {
        Self {
            schema: GROUP.to_owned(),
            client,
            server,
            port,
            count: 0,
            syns: 0,
            outcomes: BTreeMap::new(),
            died: 0,
        }
    }

    /// Adds a member.
    pub fn add(&mut self, record: &Record) {
        self.count = self.count.saturating_add(1);
        let attempts = record.observed.iter().flat_map(|seen| &seen.attempts);
        let syns: u64 = attempts.map(|attempt| u64::from(attempt.syns)).sum();
        self.syns = self.syns.saturating_add(syns);
        let session = record.session.as_ref();
        self.died = self
            .died
            .saturating_add(session.is_some_and(|session| session.died).into());
        let outcomes = self
            .outcomes
            .entry(record.verdict.cause.clone())
            .or_default();
        outcomes.count = outcomes.count.saturating_add(1);
        if self.port.is_none() && outcomes.ports.len() < NAMED {
            outcomes.ports.push(record.endpoint.port);
        }
    }

    /// The group as one line: `1,024 ports of 10.0.0.5, 1,030 SYNs from 10.0.0.9: 3 open (22, 80, 443), …`
    pub fn line(&self) -> String {
        let whom = match (self.client, self.port) {
            (Some(client), Some(port)) => format!("port {port} of {} from {client}", self.server),
            (None, Some(port)) => format!(
                "port {port} of {} from {}",
                self.server,
                counted(self.count, "client", "clients")
            ),
            (Some(client), None) => format!(
                "{} of {} from {client}",
                counted(self.count, "port", "ports"),
                self.server
            ),
            (None, None) => format!("{}", self.server),
        };
        let mut outcomes: Vec<(&Known<Cause>, &Outcomes)> = self.outcomes.iter().collect();
        // The few that stand out first.
        outcomes.sort_by_key(|(_, outcomes)| outcomes.count);
        let outcomes: Vec<String> = outcomes
            .into_iter()
            .map(|(cause, outcomes)| {
                let all = u64::try_from(outcomes.ports.len()).is_ok_and(|n| n == outcomes.count);
                if all && outcomes.ports.len() <= NAMED && !outcomes.ports.is_empty() {
                    let ports: Vec<String> = outcomes.ports.iter().map(u16::to_string).collect();
                    format!("{} {cause} ({})", outcomes.count, ports.join(", "))
                } else {
                    format!("{} {cause}", outcomes.count)
                }
            })
            .collect();
        let died = match self.died {
            0 => String::new(),
            died => format!("; {}", counted(died, "session died", "sessions died")),
        };
        let syns = counted(self.syns, "SYN", "SYNs");
        format!("{whom}, {syns}: {}{died}", outcomes.join(", "))
    }
}
