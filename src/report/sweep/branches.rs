//! The tree of paths as rows, for whoever draws it: the heaviest branches, no shapes, no characters.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::brief::Standing;
use super::tree::{At, End, Stop, Tree};
use crate::report::words::counted;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TreeRow {
    /// The row it hangs from; `None` for a host.
    pub(super) parent: Option<usize>,
    /// How many branchings stand before it.
    pub(super) indent: usize,
    /// What it is.
    pub(super) kind: RowKind,
    /// What it is called.
    pub(super) title: String,
    /// What else there is to say: an address, a place.
    pub(super) text: String,
    /// Endpoints that get here or, for a mark, that end here.
    pub(super) endpoints: u64,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowKind {
    /// A host that probed.
    Host,
    /// A hop that reported.
    Hop,
    /// A hop, or several, of which nothing is known.
    Silent,
    /// Where the ways of some endpoints end.
    Mark(Standing),
    /// Branches that are left out.
    More,
}

/// The rows of `tree`, of at most `most` stops: those where the most endpoints go wrong, then those
/// with the most endpoints.
pub(super) fn rows(tree: &Tree, most: usize) -> Vec<TreeRow> {
    let kept = heaviest(tree, most);
    let mut indents = vec![0; tree.stops.len()];
    // The row of each stop.
    let mut places = vec![None; tree.stops.len()];
    let mut rows = Vec::new();
    for (index, stop) in tree.stops.iter().enumerate() {
        if !kept.contains(&index) {
            continue;
        }
        let parent = stop.parent.and_then(|parent| tree.stops.get(parent));
        let indent = stop.parent.map_or(0, |parent| {
            let above: usize = indents.get(parent).copied().unwrap_or_default();
            above + usize::from(children(tree, parent).count() > 1)
        });
        if let Some(place) = indents.get_mut(index) {
            *place = indent;
        }
        let above = stop
            .parent
            .and_then(|parent| places.get(parent).copied().flatten());
        marks(&mut rows, stop, above, indent, |at| at == At::Before);
        let above = parent.map_or(above, |parent| gap(&mut rows, parent, stop, above, indent));
        let place = Some(rows.len());
        if let Some(entry) = places.get_mut(index) {
            *entry = place;
        }
        rows.push(row(stop, above, indent));
        marks(&mut rows, stop, place, indent, |at| at != At::Before);
        more(&mut rows, tree, index, (place, indent), &kept);
    }
    rows
}

fn heaviest(tree: &Tree, most: usize) -> BTreeSet<usize> {
    let mut order: Vec<usize> = (0..tree.stops.len()).collect();
    // No stop is heavier than the one before it, which stands first among equals: what is kept
    // hangs together.
    order.sort_by_key(|index| {
        let stop = tree.stops.get(*index);
        Reverse(stop.map(|stop| (stop.wrong, stop.endpoints)))
    });
    order.into_iter().take(most).collect()
}

fn children(tree: &Tree, parent: usize) -> impl Iterator<Item = (usize, &Stop)> {
    let stops = tree.stops.iter().enumerate();
    stops.filter(move |(_, stop)| stop.parent == Some(parent))
}

fn row(stop: &Stop, parent: Option<usize>, indent: usize) -> TreeRow {
    let (kind, title) = match (stop.parent, stop.address) {
        (None, _) => (RowKind::Host, "from".to_owned()),
        (Some(_), Some(_)) => (RowKind::Hop, format!("hop {}", stop.ttl)),
        (Some(_), None) => (RowKind::Silent, format!("hop {}", stop.ttl)),
    };
    TreeRow {
        parent,
        indent,
        kind,
        title,
        text: stop
            .address
            .map_or("no answer".to_owned(), |address| address.to_string()),
        endpoints: stop.reached,
    }
}

/// Adds the hops between `parent` and `stop` that nobody looked at; returns what `stop` hangs from.
fn gap(
    rows: &mut Vec<TreeRow>,
    parent: &Stop,
    stop: &Stop,
    above: Option<usize>,
    indent: usize,
) -> Option<usize> {
    let (from, to) = (parent.ttl.saturating_add(1), stop.ttl.saturating_sub(1));
    if from > to {
        return above;
    }
    rows.push(TreeRow {
        parent: above,
        indent,
        kind: RowKind::Silent,
        title: if from == to {
            format!("hop {from}")
        } else {
            format!("hops {from} to {to}")
        },
        text: "not probed".to_owned(),
        endpoints: stop.reached,
    });
    rows.len().checked_sub(1)
}

fn marks(
    rows: &mut Vec<TreeRow>,
    stop: &Stop,
    parent: Option<usize>,
    indent: usize,
    wanted: impl Fn(At) -> bool,
) {
    let mut ends: Vec<&(End, u64)> = stop.ends.iter().filter(|(end, _)| wanted(end.at)).collect();
    ends.sort_by_key(|(end, count)| (end.standing, Reverse(*count)));
    for (end, count) in ends {
        rows.push(TreeRow {
            parent,
            indent,
            kind: RowKind::Mark(end.standing),
            title: end.cause.to_string(),
            text: match end.at {
                At::Here => "at this hop",
                At::Before | At::Behind => "",
                At::Target => "at the target",
                At::Unmeasured => "way not measured",
            }
            .to_owned(),
            endpoints: *count,
        });
    }
}

fn more(
    rows: &mut Vec<TreeRow>,
    tree: &Tree,
    index: usize,
    (parent, indent): (Option<usize>, usize),
    kept: &BTreeSet<usize>,
) {
    let out = children(tree, index).filter(|(child, _)| !kept.contains(child));
    let (ways, endpoints) = out.fold((0, 0), |(ways, all), (_, stop)| {
        (ways + 1, all + stop.endpoints)
    });
    if ways > 0 {
        rows.push(TreeRow {
            parent,
            indent: indent + 1,
            kind: RowKind::More,
            title: format!("{} not drawn", counted(ways, "more way", "more ways")),
            text: String::new(),
            endpoints,
        });
    }
}
