//! What one line says, as spelt in whichever format, and how it is understood.

use std::net::{IpAddr, Ipv6Addr};

use super::fault::Fault;
use super::pattern::Pattern;
use super::{Fitness, Row};
use crate::model::endpoint::Family;
use crate::sweep::expectation::Expectation;
use crate::sweep::target;

/// A piece of text and the column, from 1, where it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) column: usize,
}

/// What a line says. Empty text counts as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spelt {
    /// Host alone where `port` is given, else both.
    pub(super) host: Text,
    pub(super) port: Option<Text>,
    pub(super) label: String,
    pub(super) group: String,
    pub(super) expect: Text,
    pub(super) others: Vec<(String, String)>,
}

/// Where in its line a fault is, and what.
pub(super) type At = (usize, Fault);

impl Spelt {
    /// What it means.
    pub(super) fn understand(self, line: u64, fitness: &Fitness<'_>) -> Result<Row, At> {
        let given = match &self.port {
            None => self.host.text.clone(),
            Some(port) => join(&self.host.text, &port.text),
        };
        let pattern = Pattern::parse(&given, fitness.expand, fitness.service)
            .map_err(|fault| (self.place(&given, &fault), fault))?;
        if let Some(address) = pattern.address() {
            let wrong = fitness
                .family
                .filter(|family| Family::of(address) != *family);
            let fault = match wrong {
                Some(family) => Some(target::TargetFault::WrongFamily(family)),
                None => target::unfit(address, fitness.broadcasts),
            };
            if let Some(fault) = fault {
                return Err((self.host.column, fault.into()));
            }
        }
        let expect = match self.expect.text.as_str() {
            "" => None,
            word => Some(
                word.parse::<Expectation>()
                    .map_err(|unknown| (self.expect.column, Fault::Expectation(unknown)))?,
            ),
        };
        let present = |text: String| Some(text).filter(|text| !text.is_empty());
        Ok(Row {
            line,
            given,
            pattern,
            label: present(self.label),
            group: present(self.group),
            expect,
            others: self.others,
        })
    }

    fn place(&self, given: &str, fault: &Fault) -> usize {
        let (Fault::Target(
            target::TargetFault::PortRange(wrong) | target::TargetFault::UnknownService(wrong),
        )
        | Fault::NotPorts(wrong)) = fault
        else {
            return self.host.column;
        };
        match &self.port {
            Some(port) => port.column,
            None => self.host.column + given.rfind(wrong.as_str()).unwrap_or_default(),
        }
    }
}

/// Host and port as one target.
fn join(host: &str, port: &str) -> String {
    let bare = host.split(['%', '/']).next().unwrap_or_default();
    if bare.parse::<Ipv6Addr>().is_ok() {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

impl Pattern {
    /// Its address, where it is one.
    fn address(&self) -> Option<IpAddr> {
        match &self.hosts {
            super::pattern::Hosts::One(target::Host::Address(address)) => Some(*address),
            super::pattern::Hosts::One(target::Host::Name(_)) | super::pattern::Hosts::Block(_) => {
                None
            }
        }
    }
}
