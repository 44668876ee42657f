//! Whether results are the parts of one sweep: none missing, none twice, each complete.

use std::collections::BTreeSet;

use super::journal::{Disagreement, Journal};

/// One part: its file, its journal, and what its results come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The file of its results, as the user named it.
    pub file: String,
    /// Its journal.
    pub journal: Journal,
    /// How many endpoints its results are about.
    pub results: u64,
}

/// What keeps parts from being joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeFault {
    /// Parts of two sweeps.
    #[error("{file} and {first} are not of the same sweep: of {first}, {source}")]
    Other {
        /// The first part named.
        first: String,
        /// The part that does not belong to it.
        file: String,
        /// In what they differ.
        source: Disagreement,
    },
    /// One shard, twice.
    #[error("{first} and {second} are both shard {shard}; name it once")]
    Twice {
        /// The shard.
        shard: u32,
        /// Where it is.
        first: String,
        /// Where it is again.
        second: String,
    },
    /// Shards that nobody named.
    #[error(
        "of {count} shards, {} missing; run what is missing, and name all of them",
        missing(shards)
    )]
    Missing {
        /// How many shards the sweep has.
        count: u32,
        /// Those that are not there.
        shards: Vec<u32>,
    },
    /// A part that was not run to its end.
    #[error(
        "{file} has {results} of {endpoints} results; finish shard {shard} with --resume first"
    )]
    Incomplete {
        /// The file.
        file: String,
        /// The shard.
        shard: u32,
        /// How many results it has.
        results: u64,
        /// How many it should have.
        endpoints: u64,
    },
}

fn missing(shards: &[u32]) -> String {
    let numbers: Vec<String> = shards.iter().take(20).map(u32::to_string).collect();
    let verb = if shards.len() == 1 { "is" } else { "are" };
    match shards.len() - numbers.len() {
        0 => format!("{} {verb}", numbers.join(", ")),
        more => format!("{} and {more} more {verb}", numbers.join(", ")),
    }
}

/// Everything that keeps `parts` from being joined.
pub fn faults(parts: &[Part]) -> Vec<MergeFault> {
    let mut faults = Vec::new();
    let Some(first) = parts.first() else {
        return faults;
    };
    for (index, part) in parts.iter().enumerate() {
        let (file, journal) = (&part.file, &part.journal);
        if let Err(source) = first.journal.agree(journal) {
            faults.push(MergeFault::Other {
                first: first.file.clone(),
                file: file.clone(),
                source,
            });
            continue;
        }
        let mut before = parts.iter().take(index);
        if let Some(twin) = before.find(|other| other.journal.shard == journal.shard) {
            faults.push(MergeFault::Twice {
                shard: journal.shard,
                first: twin.file.clone(),
                second: file.clone(),
            });
        }
        if part.results != journal.endpoints {
            faults.push(MergeFault::Incomplete {
                file: file.clone(),
                shard: journal.shard,
                results: part.results,
                endpoints: journal.endpoints,
            });
        }
    }
    let there: BTreeSet<u32> = parts.iter().map(|part| part.journal.shard).collect();
    let count = first.journal.shards;
    let shards: Vec<u32> = (0..count).filter(|shard| !there.contains(shard)).collect();
    if !shards.is_empty() {
        faults.push(MergeFault::Missing { count, shards });
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::super::journal::tests::journal;
    use super::*;

    fn parts(shards: &[u32]) -> Vec<Part> {
        let part = |shard: &u32| Part {
            file: format!("r{shard}"),
            journal: journal(*shard),
            results: 3,
        };
        shards.iter().map(part).collect()
    }

    #[test]
    fn the_parts_of_one_sweep_are_joined_in_any_order() {
        assert_eq!(faults(&parts(&[2, 0, 1])), []);
        assert_eq!(faults(&[]), []);
    }

    #[test]
    fn every_fault_is_said_at_once() {
        let check = |parts: &[Part], said: &[&str]| {
            let faults = faults(parts);
            assert_eq!(faults.len(), said.len(), "{faults:?}");
            for (fault, said) in faults.iter().zip(said) {
                assert!(fault.to_string().contains(said), "{fault}");
            }
        };
        check(&parts(&[0, 2]), &["of 3 shards, 1 is missing"]);
        check(&parts(&[1]), &["of 3 shards, 0, 2 are missing"]);
        check(&parts(&[0, 1, 2, 1]), &["r1 and r1 are both shard 1"]);
        let mut short = parts(&[0, 1, 2]);
        short[1].results = 2;
        check(&short, &["r1 has 2 of 3 results"]);
        let mut other = parts(&[0, 1, 2]);
        other[2].journal.seed = 8;
        check(
            &other,
            &["r2 and r0 are not of the same sweep: of r0, it was begun with --seed 7"],
        );
        other[0].results = 0;
        check(&other, &["r0 has 0 of 3", "are not of the same sweep"]);
    }
}
