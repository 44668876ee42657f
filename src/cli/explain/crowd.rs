//! Which endpoints of a capture are told in one line: those of a scan, or of a flood.

use std::net::IpAddr;

use indexmap::IndexMap;

use crate::capture::passive::Conversation;

/// Endpoints of one client and host, or clients of one port, that are told in one line: more are a
/// scan or a flood.
const SCAN: usize = 24;

/// A client and a host; or a host and a port of it, with many clients.
pub(super) type Crowd = (Option<IpAddr>, IpAddr, Option<u16>);

/// How many encounters there are of each client with a host, and with each port.
#[derive(Debug, Default)]
pub(super) struct Crowds {
    ports: IndexMap<(IpAddr, IpAddr), usize>,
    clients: IndexMap<(IpAddr, u16), usize>,
}

impl Crowds {
    /// Counts them.
    pub(super) fn of(encounters: &[Conversation]) -> Self {
        let mut crowds = Self::default();
        for encounter in encounters {
            let endpoint = &encounter.outcome.endpoint;
            let ports = (encounter.client, endpoint.address);
            *crowds.ports.entry(ports).or_default() += 1;
            let clients = (endpoint.address, endpoint.port);
            *crowds.clients.entry(clients).or_default() += 1;
        }
        crowds
    }

    /// The crowd in which an encounter is told; `None` for one that has a report of its own. In a
    /// summary each belongs to one.
    pub(super) fn holding(
        &self,
        encounter: &Conversation,
        summary: bool,
        for_people: bool,
    ) -> Option<Crowd> {
        let endpoint = &encounter.outcome.endpoint;
        let many = |count: Option<&usize>| count.is_some_and(|count| *count >= SCAN);
        let scan = many(self.ports.get(&(encounter.client, endpoint.address)));
        let flood = many(self.clients.get(&(endpoint.address, endpoint.port)));
        // One that carried a session stands out of its crowd.
        let stands_out = encounter
            .session()
            .is_some_and(|(_, session)| session.from_server > 0);
        if !summary && (!for_people || stands_out) {
            None
        } else if flood {
            Some((None, endpoint.address, Some(endpoint.port)))
        } else if scan || summary {
            Some((Some(encounter.client), endpoint.address, None))
        } else {
            None
        }
    }
}
