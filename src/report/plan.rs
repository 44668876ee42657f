//! The plan of a dry run: what would be sent to an endpoint, as text and as JSON.

use serde::{Deserialize, Serialize};

use super::entry::{Details, EvidenceEntry};
use super::page::{BAD, FAINT, PLAIN, Page, STRONG};
use super::record::{EndpointRecord, LocalRecord};
use super::text::name;
use super::words::{sent_words, span};
use crate::model::evidence::LocalRefusal;
use crate::model::outcome::Outcome;
use crate::model::probe::Kind;
use crate::model::time::micros;
use crate::model::word::Known;

/// The name and version of the document.
pub const SCHEMA: &str = "synquest/plan/1";

/// What would be sent to one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DryRun {
    /// [`SCHEMA`].
    pub schema: String,
    /// What the diagnosis would be about.
    pub endpoint: EndpointRecord,
    /// Our end.
    pub local: LocalRecord,
    /// Source ports of its flows.
    pub source_ports: Vec<u16>,
    /// Why this host would refuse to send, as errno's name; `None` when it would send.
    pub refusal: Option<String>,
    /// What it may cost.
    pub budget: Budget,
    /// The first probes, as long as nothing answers.
    pub first_probes: Vec<FirstProbe>,
}

/// What a diagnosis may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Time, in microseconds.
    pub time_us: u64,
    /// Probes.
    pub probes: u32,
    /// Packets a second over all endpoints.
    pub rate: u32,
}

/// One probe that would be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FirstProbe {
    /// When, in microseconds since the beginning.
    pub at_us: u64,
    /// What would be sent.
    pub probe: Known<Kind>,
    /// The TCP port it would be sent to; `None` for the host itself.
    pub target_port: Option<u16>,
    /// TTL it would leave with.
    pub ttl: u8,
    /// What else says something.
    pub details: Details,
    /// The same in words.
    pub words: String,
}

impl DryRun {
    /// The plan whose first probes are those of `outcome`, a diagnosis that nobody answered.
    pub fn new(outcome: &Outcome, refusal: Option<LocalRefusal>, budget: Budget) -> Self {
        let vantage = &outcome.vantage;
        let endpoint = EndpointRecord::from(&outcome.endpoint);
        let steps = EvidenceEntry::all(outcome)
            .into_iter()
            .map(|entry| FirstProbe {
                words: sent_words(&entry, endpoint.port, true),
                at_us: entry.at_us,
                probe: entry.probe,
                target_port: entry.target_port,
                ttl: entry.ttl,
                details: Details {
                    departed: None,
                    ..entry.details
                },
            });
        Self {
            schema: SCHEMA.to_owned(),
            first_probes: steps.collect(),
            endpoint,
            local: LocalRecord::from(vantage),
            source_ports: [&vantage.ephemeral_ports[..], &vantage.privileged_ports[..]].concat(),
            refusal: refusal.map(LocalRefusal::errno),
            budget,
        }
    }
}

impl Budget {
    /// At most `probes` probes in `time`, and `rate` packets a second over all endpoints.
    pub fn new(time: std::time::Duration, probes: u32, rate: u32) -> Self {
        Self {
            time_us: micros(time),
            probes,
            rate,
        }
    }
}

/// The plan as text, `width` columns wide, with ANSI codes.
pub fn text(plan: &DryRun, width: usize) -> String {
    let mut page = Page::new(width);
    let local = &plan.local;
    page.paragraph(STRONG, 0, &name(&plan.endpoint));
    if let Some(errno) = &plan.refusal {
        page.paragraph(
            BAD,
            2,
            &format!(
                "this host would refuse to send ({errno}): no way to {}",
                plan.endpoint.address
            ),
        );
    }
    let way = local
        .gateway
        .map_or("without a gateway".to_owned(), |gateway| {
            format!("by gateway {gateway}")
        });
    let ports: Vec<String> = plan.source_ports.iter().map(u16::to_string).collect();
    page.item(
        PLAIN,
        2,
        "from",
        11,
        &format!(
            "{} on {} {way}, MTU {}, source ports {}",
            local.source,
            local.interface,
            local.mtu,
            ports.join(" ")
        ),
    );
    let budget = plan.budget;
    page.item(
        PLAIN,
        2,
        "at most",
        11,
        &format!(
            "{} probes in {}; {} packets a second over all endpoints",
            budget.probes,
            span(budget.time_us),
            budget.rate
        ),
    );
    page.item(
        PLAIN,
        2,
        "at first",
        11,
        "these, as long as nothing answers; what follows depends on the answers:",
    );
    for step in &plan.first_probes {
        page.item(FAINT, 4, &span(step.at_us), 13, &step.words);
    }
    page.finish()
}
