//! The ways to each end, with nothing that does not matter to it.

use super::place::ChainAt;
use super::walk::{Assumed, End, Outcome};

/// Most pairs of assumptions that are compared for one end.
const MOST_COMPARISONS: usize = 1_000_000;

/// Orders `all` by their ends, that which hangs on least first, and leaves out what need not be
/// assumed and every way that another one covers. Of ends with too many ways to compare, only the
/// way that hangs on least is kept.
pub(super) fn fewest(all: Vec<Outcome>) -> Vec<Outcome> {
    let mut ends: Vec<Vec<Outcome>> = Vec::new();
    for outcome in all {
        let same = |ways: &&mut Vec<Outcome>| {
            let mut ways = ways.iter();
            ways.any(|way| same_end(&way.end, &outcome.end))
        };
        match ends.iter_mut().find(same) {
            Some(ways) => ways.push(outcome),
            None => ends.push(vec![outcome]),
        }
    }
    for ways in &mut ends {
        ways.sort_by_key(|way| way.assumed.len());
        if comparisons(ways) > MOST_COMPARISONS {
            let (kept, others) = ways.split_at_mut(1);
            for way in kept {
                let by_all = |chain: &ChainAt| others.iter().all(|way| way.entered.contains(chain));
                way.entered.retain(by_all);
            }
            ways.truncate(1);
            continue;
        }
        while shorten(ways) {}
        ways.sort_by_key(|way| way.assumed.len());
        keep_widest(ways);
    }
    ends.sort_by_key(|ways| ways.first().map(|way| way.assumed.len()));
    ends.into_iter().flatten().collect()
}

/// How many pairs of assumptions there are to compare.
fn comparisons(ways: &[Outcome]) -> usize {
    let assumed: usize = ways.iter().map(|way| way.assumed.len()).sum();
    assumed.saturating_mul(assumed)
}

/// Drops the assumptions without which another way leads to the same end; says whether there was
/// one.
fn shorten(ways: &mut [Outcome]) -> bool {
    let mut shortened = false;
    for at in 0..ways.len() {
        while let Some(way) = ways.get(at) {
            let covered = |index: usize| {
                let mut others = ways.iter();
                others.find(|other| is_covered_without(&way.assumed, index, &other.assumed))
            };
            let needless = |index: usize| Some((index, covered(index)?.entered.clone()));
            let Some((index, entered)) = (0..way.assumed.len()).find_map(needless) else {
                break;
            };
            if let Some(way) = ways.get_mut(at) {
                way.assumed.remove(index);
                way.entered.retain(|chain| entered.contains(chain));
            }
            shortened = true;
        }
    }
    shortened
}

/// Whether `other` needs the opposite of the assumption at `index`, and else no more than `one`.
fn is_covered_without(one: &[Assumed], index: usize, other: &[Assumed]) -> bool {
    let Some(dropped) = one.get(index) else {
        return false;
    };
    let is_opposite =
        |assumed: &&Assumed| assumed.subject == dropped.subject && assumed.holds != dropped.holds;
    other.iter().any(|assumed| is_opposite(&assumed))
        && other
            .iter()
            .filter(|assumed| !is_opposite(assumed))
            .all(|assumed| has(one, assumed))
}

/// Keeps, of `ways` in the order of their lengths, those that no shorter one covers.
fn keep_widest(ways: &mut Vec<Outcome>) {
    let mut kept: Vec<Outcome> = Vec::new();
    for way in ways.drain(..) {
        let covers = |shorter: &&mut Outcome| {
            let mut needed = shorter.assumed.iter();
            needed.all(|assumed| has(&way.assumed, assumed))
        };
        match kept.iter_mut().find(covers) {
            Some(wider) => wider.entered.retain(|chain| way.entered.contains(chain)),
            None => kept.push(way),
        }
    }
    *ways = kept;
}

fn has(all: &[Assumed], assumed: &Assumed) -> bool {
    all.iter()
        .any(|own| own.subject == assumed.subject && own.holds == assumed.holds)
}

fn same_end(one: &End, other: &End) -> bool {
    match (one, other) {
        (End::Blocked(one), End::Blocked(other)) => {
            one.place == other.place && one.target == other.target
        }
        (End::Allowed(one), End::Allowed(other)) => one == other,
        (End::TooLong, End::TooLong) => true,
        (End::Allowed(_) | End::Blocked(_) | End::TooLong, _) => false,
    }
}
