//! What was ever fuzzed stays fuzzed: every seed of `fuzz/corpus`, and each of its beginnings, through its
//! target.

use std::fs;
use std::path::Path;

#[path = "../fuzz/targets.rs"]
mod targets;

/// Beginnings of one seed that are tried.
const MOST_CUTS: usize = 64;

#[test]
fn the_corpus_passes_whole_and_cut() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in targets::ALL {
        target(&[]);
        let folder = corpus.join(name);
        let seeds = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut count = 0;
        for seed in seeds {
            let octets = fs::read(seed.expect("an entry").path()).expect("a seed");
            target(&octets);
            let step = octets.len().div_ceil(MOST_CUTS).max(1);
            for cut in (0..octets.len()).step_by(step) {
                target(octets.get(..cut).expect("a beginning"));
            }
            count += 1;
        }
        assert!(count > 0, "{name} has a seed");
    }
}
