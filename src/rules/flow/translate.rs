//! What a translation makes of the destination of a packet.

use std::net::IpAddr;

use super::Flow;
use crate::rules::host_facts::HostFacts;
use crate::rules::packet::Journey;
use crate::rules::part::Part;
use crate::rules::ruleset::Translation;

impl Flow {
    /// Nobody can tell any more what a part of the packet is.
    pub(in crate::rules) fn forget(&mut self, part: Part) {
        match part {
            Part::Source => (self.from, self.source_port) = (None, None),
            Part::Destination => {
                (self.to, self.port) = (None, None);
                self.to_here = self.led_elsewhere();
            }
            Part::Mark => self.mark = None,
            Part::ConnectionMark => self.connection_mark = None,
            Part::Other => {}
        }
    }

    /// Whether a new destination, which is not known, is one of this host's addresses.
    fn led_elsewhere(&self) -> Option<bool> {
        let forwarded = self.asked().out_interface.is_some();
        (forwarded || self.journey != Journey::Inbound).then_some(false)
    }

    /// Rewrites the destination.
    pub(in crate::rules) fn translate(&mut self, translation: &Translation) {
        self.destination_settled = true;
        self.translated = self.changes(translation);
        if let Some(port) = translation.port {
            self.port = Some(port);
        }
        if translation.varied {
            self.to = None;
            self.port = self.port.filter(|_| translation.keeps_port);
        }
        if translation.redirect {
            self.to = None;
            self.to_here = Some(true);
        } else if let Some(address) = translation.address {
            let same = Some(address) == self.to;
            self.to = Some(address);
            self.to_here = match (same, address) {
                (true, _) => self.to_here,
                (false, IpAddr::V4(_) | IpAddr::V6(_)) if address.is_loopback() => Some(true),
                (false, _) => self.led_elsewhere(),
            };
        } else if translation.varied {
            self.to_here = self.led_elsewhere();
        }
    }

    /// Where the rules tell it, whether the destination is an address of this host.
    pub(in crate::rules) fn locate(&mut self, host_facts: &HostFacts) {
        if self.to_here.is_none() {
            self.to_here = self.to.and_then(|to| host_facts.is_here(to));
        }
    }

    /// It is led to a destination that nobody can tell.
    pub(in crate::rules) fn lead_away(&mut self) {
        self.destination_settled = true;
        self.translated = Some(true);
        (self.to, self.port, self.mark) = (None, None, None);
        self.to_here = Some(false);
    }

    /// Whether it leads to another destination: to the same one, the kernel translates nothing.
    fn changes(&self, translation: &Translation) -> Option<bool> {
        if translation.varied {
            return None;
        }
        let port = match (translation.port, self.port) {
            (None, _) => Some(false),
            (Some(new), Some(old)) => Some(new != old),
            (Some(_), None) => None,
        };
        let address = match (translation.address, self.to) {
            // To the first address of the interface, which the input does not show.
            _ if translation.redirect => None,
            (None, _) => Some(false),
            (Some(new), Some(old)) => Some(new != old),
            (Some(_), None) => None,
        };
        if port == Some(true) || address == Some(true) {
            Some(true)
        } else {
            port.and(address)
        }
    }

    /// The destination in words.
    pub(in crate::rules) fn destination(&self) -> String {
        let address = self
            .to
            .map_or_else(|| "this host".to_owned(), |address| address.to_string());
        match self.port {
            Some(port) if address.contains(':') => format!("[{address}]:{port}"),
            Some(port) => format!("{address}:{port}"),
            None => address,
        }
    }
}
