//! The flows of a record as typed values, for the commands that send or look for the same packets.
//!
//! Everything a command is made of is a number or an address; the one name, the interface, is
//! handed out as a quoted word only.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::advice::situation::is_private;
use super::record::Record;
use super::visible::shell_word;
use crate::model::probe::Kind;

/// Steps that are taken in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    /// Where, as a noun phrase.
    pub(super) place: String,
    pub(super) steps: Vec<Step>,
}

/// A command with the sentence that says what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// What it shows, as one or two sentences.
    pub(super) text: String,
    /// What to run, line by line; empty when there is nothing to run.
    pub(super) commands: Vec<String>,
}

impl Step {
    pub(super) fn new(text: impl Into<String>, commands: Vec<String>) -> Self {
        Self {
            text: text.into(),
            commands,
        }
    }
}

/// What was sent between which addresses and ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flows {
    pub(super) source: IpAddr,
    pub(super) target: IpAddr,
    pub(super) port: u16,
    /// The interface as a word of a shell; `None` when there was no way out by any.
    interface: Option<String>,
    /// Source ports of every TCP probe.
    pub(super) source_ports: BTreeSet<u16>,
    /// The source port of the first probe of the port; what a reproduction should use.
    pub(super) source_port: Option<u16>,
    /// A source port below 1024 that was used.
    pub(super) privileged_port: Option<u16>,
    /// Every other TCP port of the target that was probed.
    pub(super) control_ports: BTreeSet<u16>,
    /// A control port that was answered.
    pub(super) answering_control: Option<u16>,
    /// Whether echo requests, and fragments, were sent.
    pub(super) echo: bool,
    pub(super) fragments: bool,
    /// Whether the far side sees another source address than ours, or may.
    pub(super) translated: bool,
}

impl Flows {
    pub(super) fn of(record: &Record) -> Self {
        let (source, target) = (record.local.source, record.endpoint.address);
        let port = record.endpoint.port;
        let entries = || record.evidence.iter();
        let at_port = |wanted: bool| {
            entries().filter(move |entry| {
                entry.target_port.is_some() && (entry.target_port == Some(port)) == wanted
            })
        };
        let source_port = |entry: &super::entry::EvidenceEntry| entry.details.source_port;
        let quoted = entries().any(|entry| entry.details.quoted_source.is_some());
        Self {
            source,
            target,
            port,
            interface: Some(&record.local.interface)
                .filter(|name| !name.is_empty())
                .map(|name| shell_word(name).into_owned()),
            source_ports: entries().filter_map(source_port).collect(),
            source_port: at_port(true)
                .filter_map(source_port)
                .find(|port| *port >= 1024),
            privileged_port: at_port(true)
                .filter_map(source_port)
                .find(|port| *port < 1024),
            control_ports: at_port(false)
                .filter_map(|entry| entry.target_port)
                .collect(),
            answering_control: at_port(false)
                .filter(|entry| entry.ttl == 64 && entry.from == Some(target))
                .find_map(|entry| entry.target_port),
            echo: entries().any(|entry| entry.probe == Kind::Echo),
            fragments: entries().any(|entry| entry.probe == Kind::Fragment),
            translated: quoted || (is_private(source) && !is_private(target)),
        }
    }

    pub(super) const fn is_v6(&self) -> bool {
        self.target.is_ipv6()
    }

    /// The interface as the option `name` of a command, or nothing.
    pub(super) fn by_interface(&self, name: &str) -> String {
        let interface = self.interface.as_ref();
        interface.map_or(String::new(), |interface| format!(" {name} {interface}"))
    }

    /// Our address as the option `name` of a command, or nothing where there is none.
    pub(super) fn by_source(&self, name: &str) -> String {
        if self.source.is_unspecified() {
            String::new()
        } else {
            format!(" {name} {}", self.source)
        }
    }

    /// `name` with the number of `port` where there is one: ` -g 40001`, or nothing.
    pub(super) fn option(name: &str, port: Option<u16>) -> String {
        port.map_or(String::new(), |port| format!(" {name}{port}"))
    }
}

/// When the probes of a record were under way, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: String,
    pub(super) to: String,
}

impl Window {
    /// The window of `record`, in whole seconds that hold all of it; `None` when the record does not
    /// say when the run began in a form that reads.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let began: jiff::Timestamp = record.run.started.parse().ok()?;
        let first = record.evidence.iter().map(|entry| entry.at_us).min();
        let ends = record.evidence.iter().flat_map(|entry| {
            let also = entry.details.also.iter().map(|also| also.at_us);
            let reply = entry.at_us.checked_add(entry.details.rtt_us.unwrap_or(0));
            also.chain(reply)
        });
        let last = ends.max().unwrap_or(0).max(record.stats.elapsed_us);
        let second = |micros: u64| Duration::from_secs(micros / 1_000_000);
        let at = |span: Duration| {
            let moment = began.checked_add(span).ok()?;
            let whole = jiff::Timestamp::from_second(moment.as_second()).ok()?;
            Some(whole.to_string())
        };
        // The run's beginning is itself cut to a whole second.
        Some(Self {
            from: at(second(first.unwrap_or(0)))?,
            to: at(second(last).checked_add(Duration::from_secs(2))?)?,
        })
    }
}
