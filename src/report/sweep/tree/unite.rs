//! Finds hops that stand twice in a tree: once behind a silence, once behind a hop that reported.

use std::collections::BTreeMap;

use super::{Key, Node, Paths};

impl Paths {
    /// Unites hops that are seen behind a silence with the same hops seen behind one that reports.
    pub(super) fn unite(&mut self) {
        let mut seen: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if node.address.is_some() && node.parent.is_some() {
                seen.entry((node.ttl, node.address))
                    .or_default()
                    .push(index);
            }
        }
        // Nearer hops first: what stands behind them is united with them.
        for alike in seen.values() {
            for &blind in alike {
                let Some(anchor) = self.anchor(blind) else {
                    continue;
                };
                let mut sighted = alike.iter().copied().filter(|&other| {
                    other != blind
                        && !self.is_merged(other)
                        && self
                            .anchor(other)
                            .is_some_and(|near| near != anchor && self.is_behind(near, anchor))
                });
                // Of two ways that fit, it may be either.
                if let (Some(other), None) = (sighted.next(), sighted.next())
                    && !self.is_merged(blind)
                {
                    self.join(blind, other, anchor);
                }
            }
        }
    }

    /// The nearest stop before `node` that has an address.
    fn anchor(&self, node: usize) -> Option<usize> {
        let mut parent = self.nodes.get(node)?.parent?;
        while self.nodes.get(parent)?.address.is_none() {
            parent = self.nodes.get(parent)?.parent?;
        }
        Some(parent)
    }

    fn is_merged(&self, node: usize) -> bool {
        self.nodes.get(node).is_none_or(|node| node.merged)
    }

    fn is_behind(&self, node: usize, before: usize) -> bool {
        let mut at = Some(node);
        while let Some(index) = at {
            if index == before {
                return true;
            }
            at = self.nodes.get(index).and_then(|node| node.parent);
        }
        false
    }

    /// Moves what is at and behind `blind` to `sighted`; both stand behind `anchor`.
    fn join(&mut self, blind: usize, sighted: usize, anchor: usize) {
        let reached = self.nodes.get(blind).map_or(0, |node| node.reached);
        self.along(sighted, anchor, |node| node.reached += reached);
        self.along(blind, anchor, |node| {
            node.reached -= node.reached.min(reached)
        });
        self.detach(blind, anchor);
        self.absorb(blind, sighted);
    }

    /// Changes every stop strictly between `node` and `anchor`.
    fn along(&mut self, node: usize, anchor: usize, change: impl Fn(&mut Node)) {
        let mut at = self.nodes.get(node).and_then(|node| node.parent);
        while let Some(index) = at.filter(|index| *index != anchor) {
            self.change(index, &change);
            at = self.nodes.get(index).and_then(|node| node.parent);
        }
    }

    /// Takes `node` from its parent, and silent parents that then hold nothing from theirs.
    fn detach(&mut self, node: usize, anchor: usize) {
        let mut at = node;
        while let Some(parent) = self.nodes.get(at).and_then(|node| node.parent) {
            let key = self.nodes.get(at).map(|node| (node.ttl, node.address));
            self.change(parent, |parent| {
                if let Some(key) = key {
                    parent.children.remove(&key);
                }
            });
            let empty = self
                .nodes
                .get(parent)
                .is_some_and(|node| node.children.is_empty() && node.ends.is_empty());
            if parent == anchor || !empty {
                break;
            }
            self.change(parent, |parent| parent.merged = true);
            at = parent;
        }
    }

    /// Adds `from`, which is detached, and what is behind it, to `into`.
    fn absorb(&mut self, from: usize, into: usize) {
        let mut pending = vec![(from, into)];
        while let Some((from, into)) = pending.pop() {
            let Some(node) = self.nodes.get_mut(from) else {
                continue;
            };
            node.merged = true;
            let reached = node.reached;
            let (ends, children) = (
                std::mem::take(&mut node.ends),
                std::mem::take(&mut node.children),
            );
            let Some(target) = self.nodes.get_mut(into) else {
                continue;
            };
            target.reached += reached;
            for (end, count) in ends {
                *target.ends.entry(end).or_default() += count;
            }
            let mut adopted = Vec::new();
            for (key, child) in children {
                match target.children.get(&key) {
                    Some(same) => pending.push((child, *same)),
                    None => {
                        target.children.insert(key, child);
                        adopted.push(child);
                    }
                }
            }
            for child in adopted {
                self.change(child, |child| child.parent = Some(into));
            }
        }
    }
}
