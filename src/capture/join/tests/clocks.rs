//! Clocks from matched pairs.

use crate::capture::join::clock::{Clock, Pair};

const SECOND: u64 = 1_000_000_000;
const BEGIN: u64 = 1_700_000_000 * SECOND;

/// Pairs of a clock that is `ahead` and gains `billionths`, with delays from `delay` on.
fn pairs(ahead: i64, billionths: i64, delay: i64, sign: i64, every: u64, count: u64) -> Vec<Pair> {
    (0..count)
        .map(|number| {
            let since = i64::try_from(number * every).unwrap();
            let gained = i128::from(since) * i128::from(billionths) / 1_000_000_000;
            let jitter = i64::try_from(number * 7919 % 13).unwrap() * 20_000;
            Pair {
                at: BEGIN + number * every,
                later: ahead + i64::try_from(gained).unwrap() + sign * (delay + jitter),
            }
        })
        .collect()
}

#[test]
fn offset_and_drift_lie_within_their_bounds() {
    const HOUR: i64 = 3600 * 1_000_000_000;
    for ahead in [0, 500_000_000, 2 * HOUR + 500_000_000, -26 * HOUR] {
        for billionths in [0, 40_000, -120_000] {
            let there = pairs(ahead, billionths, 200_000, 1, SECOND, 300);
            let back = pairs(ahead, billionths, 250_000, -1, SECOND, 300);
            let clock = Clock::of(&there, &back).unwrap();
            let gained = i64::try_from((clock.at - BEGIN) / 1_000_000_000).unwrap() * billionths;
            let true_offset = ahead + gained;
            let (low, high) = (clock.offset.low.unwrap(), clock.offset.high.unwrap());
            assert!(
                low - 2_000 <= true_offset && true_offset <= high + 2_000,
                "{clock:?}"
            );
            assert!(high - low < 700_000, "{clock:?}");
            let (least, most) = clock.drift.unwrap();
            assert!(least <= billionths && billionths <= most, "{clock:?}");
            assert!(most - least < 6_000, "{clock:?}");
            assert!(clock.is_steady);
            let theirs = BEGIN.saturating_add_signed(ahead) + 100 * SECOND;
            let off = clock.here(theirs) - i64::try_from(BEGIN + 100 * SECOND).unwrap();
            assert!(
                (off - -100 * billionths).abs() < 700_000,
                "{off} {billionths}"
            );
        }
    }
}

#[test]
fn one_direction_gives_one_bound_and_no_drift() {
    let there = pairs(5 * 1_000_000_000, 0, 200_000, 1, SECOND, 10);
    let clock = Clock::of(&there, &[]).unwrap();
    assert_eq!(clock.offset.low, None);
    assert_eq!(clock.offset.high, Some(5_000_200_000));
    assert_eq!(clock.drift, None);
    assert_eq!(clock.to_string(), "at most +5.000 s against ours");
    let clock = Clock::of(&[], &pairs(-1_000_000, 0, 0, -1, SECOND, 2)).unwrap();
    assert_eq!(
        (clock.offset.low, clock.offset.high),
        (Some(-1_000_000), None)
    );
    assert_eq!(Clock::of(&[], &[]), None);
}

#[test]
fn a_clock_that_was_set_is_not_called_steady() {
    let mut there = pairs(0, 0, 200_000, 1, SECOND, 60);
    let mut back = pairs(0, 0, 200_000, -1, SECOND, 60);
    for pair in there
        .iter_mut()
        .chain(&mut back)
        .filter(|pair| pair.at > BEGIN + 30 * SECOND)
    {
        pair.later += 3 * 1_000_000_000;
    }
    let clock = Clock::of(&there, &back).unwrap();
    assert!(!clock.is_steady, "{clock:?}");
    assert_eq!(clock.drift, None);
}
