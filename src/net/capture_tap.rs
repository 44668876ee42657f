//! Tells whoever keeps a capture which diagnoses began and which frames of theirs passed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use pnet::datalink;

use super::diagnoses::Report;
use super::receiver::Received;
use crate::engine::{Attribution, Heard, Interface, Prober, SessionId, Sighting};
use crate::model::time::Moment;

/// What was told so far.
#[derive(Debug, Default)]
pub(super) struct CaptureTap {
    begun: usize,
    names: BTreeMap<u32, Arc<str>>,
}

impl CaptureTap {
    /// Announces the diagnoses that began since the last call.
    pub(super) fn announce(&mut self, prober: &Prober, reports: &Sender<Report>) {
        while self.begun < prober.begun() {
            let session = SessionId(self.begun);
            self.begun += 1;
            if let Some(job) = prober.job(session) {
                // Whoever listened may have gone; the loop learns it when it reports an outcome.
                let _ = reports.send(Report::Begun(session, Box::new(job.clone())));
            }
        }
    }

    /// Reports a frame of ours.
    pub(super) fn see(
        &mut self,
        at: Moment,
        received: &Received<'_>,
        attribution: Attribution,
        reports: &Sender<Report>,
    ) {
        let Some(framed) = &received.framed else {
            return;
        };
        let sighting = Sighting {
            at,
            interface: Interface {
                index: framed.interface,
                name: self.name(framed.interface),
                link: framed.link,
            },
            departing: received.heard == Heard::Departing,
            frame: framed.restore(),
            attribution,
        };
        let _ = reports.send(Report::Sighted(Box::new(sighting)));
    }

    fn name(&mut self, index: u32) -> Arc<str> {
        if !self.names.contains_key(&index) {
            let all = datalink::interfaces();
            self.names
                .extend(all.into_iter().map(|link| (link.index, link.name.into())));
        }
        Arc::clone(self.names.entry(index).or_default())
    }
}
