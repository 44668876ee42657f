//! The endpoints of a list, and the lines that ask for each: compact, for a million of them.
//!
//! A line takes its own text and a few octets, an endpoint 28 octets; names and columns are kept once.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use indexmap::{IndexMap, IndexSet};

use super::exclude::Exclusions;
use super::expectation::Expectation;
use super::list::{Fault, Hosts, Row};
use crate::model::endpoint::{Endpoint, Family};
use crate::sweep::target::{Host, unfit};

/// The most endpoints of one sweep: those of a /8.
pub const MOST_ENDPOINTS: usize = 1 << 24;

/// Where an endpoint is, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whereabouts {
    /// An address.
    Address(IpAddr),
    /// A name, by its number.
    Name(u32),
}

/// One endpoint that one line asks for. In order: those of one endpoint side by side, the lines
/// ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    at: Whereabouts,
    port: u16,
    row: u32,
}

/// One line, as it can be given back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The line.
    pub line: u64,
    /// The target as spelt.
    pub given: String,
    /// The user's own name for it.
    pub label: Option<String>,
    /// What the user files it under.
    pub group: Option<String>,
    /// What the user expects of it.
    pub expect: Option<Expectation>,
    /// The other columns, in order.
    pub columns: IndexMap<String, String>,
}

/// A name that has no address to probe, and the lines that ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The endpoint.
    pub entry: Entry,
    /// The name.
    pub name: String,
    /// The port.
    pub port: u16,
    /// Why, as a clause.
    pub because: String,
}

/// One endpoint of a sweep, by its place in the [`Roll`] it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry(u32);

impl Entry {
    /// Its place, for a table of all of them.
    pub const fn place(self) -> usize {
        self.0 as usize
    }
}

/// The endpoints of a list.
#[derive(Clone, Debug, Default)]
pub struct Roll {
    /// One JSON text a line, one after the other.
    text: String,
    ends: Vec<usize>,
    columns: IndexSet<String>,
    names: IndexSet<String>,
    /// What is known of each name; `Err` says why it has no address.
    reasons: Vec<Option<String>>,
    spots: Vec<Spot>,
    excluded: usize,
}

/// How a line is written into the text.
type Written = (
    u64,
    String,
    Option<String>,
    Option<String>,
    Option<Expectation>,
    Vec<(usize, String)>,
);

impl Roll {
    /// Adds what a line asks for. Addresses of a block that are no host's are left out.
    ///
    /// # Errors
    ///
    /// [`Fault::TooMany`].
    pub fn add(&mut self, row: Row, broadcasts: &[Ipv4Addr]) -> Result<(), Fault> {
        let room = MOST_ENDPOINTS.saturating_sub(self.spots.len());
        if row.pattern.count() > u128::try_from(room).unwrap_or(u128::MAX) {
            return Err(Fault::TooMany);
        }
        let number = u32::try_from(self.ends.len()).map_err(|_| Fault::TooMany)?;
        let others = row.others.into_iter().map(|(name, value)| {
            let (index, _) = self.columns.insert_full(name);
            (index, value)
        });
        let written: Written = (
            row.line,
            row.given,
            row.label,
            row.group,
            row.expect,
            others.collect(),
        );
        // A tuple of text and numbers can always be written.
        self.text
            .push_str(&serde_json::to_string(&written).unwrap_or_default());
        self.ends.push(self.text.len());
        let ports = || row.pattern.ports.iter().cloned().flatten();
        let mut spot = |at, port| {
            self.spots.push(Spot {
                at,
                port,
                row: number,
            });
        };
        match row.pattern.hosts {
            Hosts::One(Host::Address(address)) => {
                let at = Whereabouts::Address(address.to_canonical());
                ports().for_each(|port| spot(at, port));
            }
            Hosts::One(Host::Name(name)) => {
                let (index, _) = self.names.insert_full(name);
                let index = u32::try_from(index).map_err(|_| Fault::TooMany)?;
                ports().for_each(|port| spot(Whereabouts::Name(index), port));
            }
            Hosts::Block(net) => {
                for address in addresses(net) {
                    if unfit(address, broadcasts).is_none() {
                        let at = Whereabouts::Address(address);
                        ports().for_each(|port| spot(at, port));
                    }
                }
            }
        }
        Ok(())
    }

    /// The names to be resolved, each once.
    pub fn names_wanted(&self) -> impl Iterator<Item = &str> {
        let named = |spot: &Spot| match spot.at {
            Whereabouts::Name(index) => Some(index as usize),
            Whereabouts::Address(_) => None,
        };
        let wanted: BTreeSet<usize> = self.spots.iter().filter_map(named).collect();
        wanted
            .into_iter()
            .filter_map(|index| self.names.get_index(index))
            .map(String::as_str)
    }

    /// The names of the list's other columns, in the order in which they first stand in it.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }

    /// Keeps the endpoints that `keep` wants, told of each where it is and its port.
    pub fn retain(&mut self, keep: impl Fn(Where<'_>, u16) -> bool) {
        let names = &self.names;
        self.spots.retain(|spot| match spot.at {
            Whereabouts::Address(address) => keep(Where::Address(address), spot.port),
            Whereabouts::Name(index) => {
                let name = names.get_index(index as usize);
                name.is_none_or(|name| keep(Where::Name(name), spot.port))
            }
        });
    }

    /// Leaves out what `exclusions` name, and counts it.
    pub fn exclude(&mut self, exclusions: &Exclusions) {
        let before = self.spots.len();
        self.retain(|at, port| !match at {
            Where::Address(address) => exclusions.covers(address, port),
            Where::Name(name) => exclusions.covers_name(name, port),
        });
        self.excluded += before - self.spots.len();
    }

    /// How many endpoints were left out.
    pub const fn excluded(&self) -> usize {
        self.excluded
    }

    /// Puts the addresses of names in their place. A name that has none keeps its place, with the
    /// reason; so does one with an address that is no host's: an answer with one such address is not
    /// to be trusted for the rest.
    pub fn resolve(
        &mut self,
        mut answer: impl FnMut(&str) -> Result<Vec<IpAddr>, String>,
        family: Option<Family>,
        broadcasts: &[Ipv4Addr],
    ) {
        let mut known: Vec<Vec<IpAddr>> = Vec::with_capacity(self.names.len());
        self.reasons.clear();
        for name in &self.names {
            let judged = answer(name).and_then(|found| usable(&found, family, broadcasts));
            let (addresses, reason) = match judged {
                Ok(addresses) => (addresses, None),
                Err(reason) => (Vec::new(), Some(reason)),
            };
            known.push(addresses);
            self.reasons.push(reason);
        }
        let mut resolved = Vec::new();
        self.spots.retain(|spot| {
            let Whereabouts::Name(index) = spot.at else {
                return true;
            };
            let addresses = known.get(index as usize).map_or(&[][..], Vec::as_slice);
            resolved.extend(addresses.iter().map(|address| Spot {
                at: Whereabouts::Address(*address),
                ..*spot
            }));
            addresses.is_empty()
        });
        self.spots.append(&mut resolved);
    }

    /// Brings the endpoints into the order in which [`Roll::entries`] and [`Roll::find`] need them.
    pub fn sort(&mut self) {
        self.spots.sort_unstable();
        self.spots.dedup();
        self.spots.shrink_to_fit();
        self.text.shrink_to_fit();
    }

    /// How many places there are for entries: more than the greatest [`Entry::place`].
    pub const fn places(&self) -> usize {
        self.spots.len()
    }

    /// How many lines it was made of.
    pub const fn lines(&self) -> usize {
        self.ends.len()
    }

    /// Every endpoint once, sorted.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let befores = std::iter::once(None).chain(self.spots.iter().map(Some));
        (0..)
            .map(Entry)
            .zip(self.spots.iter().zip(befores))
            .filter(|(_, (spot, before))| {
                before.is_none_or(|before| (before.at, before.port) != (spot.at, spot.port))
            })
            .map(|(entry, _)| entry)
    }

    fn spot(&self, Entry(index): Entry) -> Option<&Spot> {
        self.spots.get(index as usize)
    }

    /// Where an endpoint is, and its port.
    pub fn whereabouts(&self, entry: Entry) -> Option<(Where<'_>, u16)> {
        let spot = self.spot(entry)?;
        Some(match spot.at {
            Whereabouts::Address(address) => (Where::Address(address), spot.port),
            Whereabouts::Name(index) => (
                Where::Name(self.names.get_index(index as usize)?),
                spot.port,
            ),
        })
    }

    /// The endpoint to probe; `None` for a name without an address.
    pub fn endpoint(&self, entry: Entry) -> Option<Endpoint> {
        let spot = self.spot(entry)?;
        let Whereabouts::Address(address) = spot.at else {
            return None;
        };
        let asked = self.asked(spot.row);
        let socket = SocketAddr::new(address, spot.port);
        // One of many that a line stands for is called by what it is.
        let one = !asked.given.contains(['/', ',']);
        let given = if one { asked.given } else { socket.to_string() };
        Some(Endpoint {
            given,
            address,
            port: spot.port,
            label: asked.label,
        })
    }

    /// A name that has no address, and why; `None` for what can be probed.
    pub fn unresolved(&self, entry: Entry) -> Option<Unresolved> {
        let spot = self.spot(entry)?;
        let Whereabouts::Name(index) = spot.at else {
            return None;
        };
        Some(Unresolved {
            entry,
            name: self.names.get_index(index as usize)?.clone(),
            port: spot.port,
            because: self.reasons.get(index as usize)?.clone()?,
        })
    }

    /// The entry of an endpoint of the sweep.
    pub fn find(&self, at: Where<'_>, port: u16) -> Option<Entry> {
        let at = match at {
            Where::Address(address) => Whereabouts::Address(address),
            Where::Name(name) => {
                Whereabouts::Name(u32::try_from(self.names.get_index_of(name)?).ok()?)
            }
        };
        let first = self
            .spots
            .partition_point(|spot| (spot.at, spot.port) < (at, port));
        let found = self.spots.get(first)?;
        let entry = Entry(u32::try_from(first).ok()?);
        ((found.at, found.port) == (at, port)).then_some(entry)
    }

    /// The lines that ask for an endpoint, in their order.
    pub fn lines_of(&self, entry: Entry) -> impl Iterator<Item = Asked> + '_ {
        let first = self.spot(entry).copied();
        let same =
            move |spot: &&Spot| first.is_some_and(|f| (f.at, f.port) == (spot.at, spot.port));
        let spots = self.spots.get(entry.0 as usize..).unwrap_or_default();
        spots
            .iter()
            .take_while(same)
            .map(|spot| self.asked(spot.row))
    }

    fn asked(&self, row: u32) -> Asked {
        let row = row as usize;
        let start = row.checked_sub(1).and_then(|before| self.ends.get(before));
        let start = start.copied().unwrap_or_default();
        let end = self.ends.get(row).copied().unwrap_or_default();
        let text = self.text.get(start..end).unwrap_or_default();
        // It was written by `add`.
        let Ok((line, given, label, group, expect, others)) = serde_json::from_str::<Written>(text)
        else {
            return Asked::default();
        };
        let column =
            |(index, value): (usize, String)| Some((self.columns.get_index(index)?.clone(), value));
        Asked {
            line,
            given,
            label,
            group,
            expect,
            columns: others.into_iter().filter_map(column).collect(),
        }
    }
}

/// Where an endpoint is: the address, or the name of what has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where<'a> {
    /// An address.
    Address(IpAddr),
    /// A name without one.
    Name(&'a str),
}

/// The addresses of an answer that can be probed.
fn usable(
    found: &[IpAddr],
    family: Option<Family>,
    broadcasts: &[Ipv4Addr],
) -> Result<Vec<IpAddr>, String> {
    let mut addresses: Vec<IpAddr> = Vec::with_capacity(found.len());
    for address in found.iter().map(IpAddr::to_canonical) {
        if let Some(fault) = unfit(address, broadcasts) {
            return Err(fault.to_string());
        }
        let wanted = family.is_none_or(|family| Family::of(address) == family);
        if wanted && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(match family {
            Some(family) => crate::sweep::target::TargetFault::WrongFamily(family).to_string(),
            None => "it has no address".to_owned(),
        });
    }
    Ok(addresses)
}

/// Every address of a block, the first and the last one included.
fn addresses(net: ipnet::IpNet) -> Box<dyn Iterator<Item = IpAddr>> {
    match net {
        ipnet::IpNet::V4(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            Box::new((first..=last).map(|bits| IpAddr::V4(bits.into())))
        }
        ipnet::IpNet::V6(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            Box::new((first..=last).map(|bits| IpAddr::V6(bits.into())))
        }
    }
}

#[cfg(test)]
mod tests;
