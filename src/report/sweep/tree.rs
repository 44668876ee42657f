//! The paths of a sweep as one tree: hops that endpoints share stand once, with the endpoints that
//! get there and those whose way ends there.
//!
//! A hop is what reports from one address at one distance, behind the same hops. Where one endpoint
//! saw a silence (or did not look) and another saw a hop report, and both go on to the same next
//! hop, they went the same way. Silence at the end of a path is no hop: nothing shows that there
//! is one.

mod unite;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::brief::{Brief, Standing};
use crate::model::verdict::{Cause, PlaceKind};
use crate::model::word::Known;
use crate::report::record::{HopName, PlaceRecord, Record};

/// Most hops; what would add more ends at the last hop that is there.
pub const MOST_HOPS: usize = 20_000;

/// Where on a hop the way of an endpoint ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// On the way to this hop.
    Before,
    /// At this hop, which acts.
    Here,
    /// Somewhere behind this hop.
    Behind,
    /// At the target, whose last router this is.
    Target,
    /// At the target, by a way that was not measured from here on.
    Unmeasured,
}

/// Endpoints whose way ends alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct End {
    /// Where.
    pub at: At,
    /// How good or bad that is.
    pub standing: Standing,
    /// The cause.
    pub cause: Known<Cause>,
}

/// A hop, or the host that probed (at distance 0).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// The stop before it, by its index; `None` for a host that probed.
    pub parent: Option<usize>,
    /// Its distance.
    pub ttl: u8,
    /// Its address; `None` when it never reported.
    pub address: Option<IpAddr>,
    /// Endpoints whose connection requests get there.
    pub reached: u64,
    /// Endpoints whose way ends at, behind or right before it.
    pub endpoints: u64,
    /// Those of them that are not as they should be.
    pub wrong: u64,
    /// Those whose way ends there, by how.
    pub ends: Vec<(End, u64)>,
}

/// The tree: every stop after the one before it, and whole branches together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tree {
    /// The stops.
    pub stops: Vec<Stop>,
}

/// What a stop is told by among those behind the same stop.
type Key = (u8, Option<IpAddr>);

#[derive(Clone, Debug, Default)]
struct Node {
    parent: Option<usize>,
    ttl: u8,
    address: Option<IpAddr>,
    children: BTreeMap<Key, usize>,
    reached: u64,
    ends: BTreeMap<End, u64>,
    /// Whether it was found to be another.
    merged: bool,
}

/// The tree under construction; bounded by [`MOST_HOPS`].
#[derive(Clone, Debug, Default)]
pub struct Paths {
    nodes: Vec<Node>,
    roots: BTreeMap<IpAddr, usize>,
}

impl Paths {
    /// Adds the path of one result; one without a record has none.
    pub fn add(&mut self, brief: &Brief<'_>) {
        let Some(record) = brief.record else {
            return;
        };
        let root = self.root(record.local.source);
        let mut way = vec![root];
        let mut node = root;
        for key in hops(record) {
            let Some(next) = self.child(node, key) else {
                break;
            };
            node = next;
            way.push(node);
        }
        let (end, at) = self.end(&way, record);
        let reached = match at {
            At::Before => way.iter().take_while(|&&node| node != end).count(),
            At::Here | At::Behind | At::Target | At::Unmeasured => {
                way.iter().take_while(|&&node| node != end).count() + 1
            }
        };
        for &node in way.iter().take(reached) {
            self.change(node, |node| node.reached += 1);
        }
        let end_key = End {
            at,
            standing: brief.standing(),
            cause: brief.cause.clone(),
        };
        self.change(end, |node| *node.ends.entry(end_key).or_default() += 1);
    }

    fn root(&mut self, source: IpAddr) -> usize {
        if let Some(root) = self.roots.get(&source) {
            return *root;
        }
        let root = self.nodes.len();
        self.nodes.push(Node {
            address: Some(source),
            ..Node::default()
        });
        self.roots.insert(source, root);
        root
    }

    /// The stop `key` behind `parent`; `None` when there is room for no more.
    fn child(&mut self, parent: usize, key: Key) -> Option<usize> {
        if let Some(child) = self.nodes.get(parent)?.children.get(&key) {
            return Some(*child);
        }
        if self.nodes.len() >= MOST_HOPS {
            return None;
        }
        let child = self.nodes.len();
        let (ttl, address) = key;
        self.nodes.push(Node {
            parent: Some(parent),
            ttl,
            address,
            ..Node::default()
        });
        self.nodes.get_mut(parent)?.children.insert(key, child);
        Some(child)
    }

    fn change(&mut self, node: usize, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(node) {
            change(node);
        }
    }

    /// Where on `way` the endpoint's own ends.
    fn end(&self, way: &[usize], record: &Record) -> (usize, At) {
        let ttl = |node: usize| self.nodes.get(node).map_or(0, |node| node.ttl);
        let upto = |hop: HopName| way.partition_point(|&node| ttl(node) <= hop.ttl);
        let node = |index: usize| way.get(index).copied().unwrap_or_default();
        let last = node(way.len().saturating_sub(1));
        let place = &record.verdict.place;
        let measured = !record.path.is_empty() || record.local.gateway.is_none();
        let target = if measured { At::Target } else { At::Unmeasured };
        let PlaceRecord {
            kind,
            at_hop,
            after_hop,
            before_hop,
            way: _,
            translated_at: _,
        } = place;
        match (kind.known(), at_hop, after_hop) {
            (_, Some(hop), _) if hop.address == Some(record.endpoint.address) => (last, target),
            (_, Some(hop), _) => (node(upto(*hop).saturating_sub(1)), At::Here),
            (_, None, Some(hop)) => match way.get(upto(*hop)) {
                Some(next) if before_hop.is_some() => (*next, At::Before),
                _ => (node(upto(*hop).saturating_sub(1)), At::Behind),
            },
            (Some(PlaceKind::Local), None, None) => (node(0), At::Here),
            (Some(PlaceKind::Host), None, None) => (last, target),
            (_, None, None) => (last, At::Behind),
        }
    }

    /// The tree.
    pub fn finish(mut self) -> Tree {
        self.unite();
        self.prune();
        let mut tree = Tree::default();
        let roots: Vec<usize> = self.roots.values().copied().collect();
        let mut pending: Vec<(usize, Option<usize>)> =
            roots.into_iter().rev().map(|root| (root, None)).collect();
        let weights = self.weights();
        while let Some((index, parent)) = pending.pop() {
            let Some(node) = self.nodes.get(index) else {
                continue;
            };
            let place = tree.stops.len();
            tree.stops.push(Stop {
                parent,
                ttl: node.ttl,
                address: node.address,
                reached: node.reached,
                endpoints: weights.get(index).map_or(0, |(_, all)| *all),
                wrong: weights.get(index).map_or(0, |(bad, _)| *bad),
                ends: node.ends.clone().into_iter().collect(),
            });
            let weight = |node: &usize| weights.get(*node).copied().unwrap_or_default();
            let mut children: Vec<usize> = node.children.values().copied().collect();
            // The stack gives back the last first: the heaviest branch.
            children.reverse();
            children.sort_by_key(weight);
            pending.extend(children.into_iter().map(|child| (child, Some(place))));
        }
        tree
    }

    /// For every stop, the endpoints whose way ends at or behind it: first those that should not.
    fn weights(&self) -> Vec<(u64, u64)> {
        let mut weights = vec![(0, 0); self.nodes.len()];
        // A child stands behind its parent in the list, also after two were united.
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by_key(|index| self.nodes.get(*index).map(|node| node.ttl));
        for index in order.into_iter().rev() {
            let Some(node) = self.nodes.get(index) else {
                continue;
            };
            let (mut bad, mut all) = weights.get(index).copied().unwrap_or_default();
            for (end, count) in &node.ends {
                bad += if end.standing == Standing::Fine {
                    0
                } else {
                    *count
                };
                all += count;
            }
            if let Some(weight) = weights.get_mut(index) {
                *weight = (bad, all);
            }
            if let Some(weight) = node.parent.and_then(|parent| weights.get_mut(parent)) {
                weight.0 += bad;
                weight.1 += all;
            }
        }
        weights
    }

    /// Takes away, behind every stop, the hops that no endpoint reaches, unless there is only one:
    /// they are known from the control flows, and each is another target's.
    fn prune(&mut self) {
        for index in 0..self.nodes.len() {
            let children = self.nodes.get(index).map(|node| node.children.clone());
            let mut unreached: Vec<(Key, usize)> = children.into_iter().flatten().collect();
            unreached
                .retain(|(_, child)| self.nodes.get(*child).is_some_and(|node| node.reached == 0));
            // Below a hop that nobody reaches there is nothing but such hops, and no end.
            if unreached.len() < 2 {
                continue;
            }
            for (key, child) in unreached {
                let ends = self
                    .nodes
                    .get_mut(child)
                    .map(|node| std::mem::take(&mut node.ends));
                self.change(index, |node| {
                    node.children.remove(&key);
                    for (end, count) in ends.into_iter().flatten() {
                        let end = End {
                            at: At::Behind,
                            ..end
                        };
                        *node.ends.entry(end).or_default() += count;
                    }
                });
            }
        }
    }
}

/// The hops of `record` before its target, without the silence at the end.
fn hops(record: &Record) -> Vec<Key> {
    let target = Some(record.endpoint.address);
    let before = record.path.iter().take_while(|hop| hop.address != target);
    let mut hops: Vec<Key> = Vec::new();
    for hop in before {
        // A record from a file may be anything; a way leads away from here.
        if hops.last().map_or(0, |(ttl, _)| *ttl) < hop.ttl {
            hops.push((hop.ttl, hop.address));
        }
    }
    while hops.last().is_some_and(|(_, address)| address.is_none()) {
        hops.pop();
    }
    hops
}
