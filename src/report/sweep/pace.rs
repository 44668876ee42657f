//! The live line of a sweep under way: how far it is, how long it will take, what it finds.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::tally::Tally;
use crate::report::page::columns;
use crate::report::visible::visible;
use crate::report::words::counted;

/// How a sweep is getting on.
#[derive(Clone, Copy, Debug)]
pub struct Pace<'a> {
    /// What has settled.
    pub tally: &'a Tally,
    /// Endpoints that were settled before this run began: by the run that it resumes.
    pub before: u64,
    /// Endpoints to be settled; `None` while that is not known.
    pub total: Option<u64>,
    /// How long this run takes already.
    pub elapsed: Duration,
    /// Packets sent a second, lately.
    pub rate: u64,
    /// Frames the kernel dropped before we read them.
    pub receive_drops: u64,
}

impl Pace<'_> {
    /// How long it will take from here, should the rest settle as fast as what this run has settled
    /// so far; `None` while nothing tells.
    pub fn left(&self) -> Option<Duration> {
        let settled = self.tally.endpoints;
        let here = settled.checked_sub(self.before).filter(|here| *here > 0)?;
        let rest = self.total?.checked_sub(settled)?;
        let micros = self.elapsed.as_micros().saturating_mul(u128::from(rest)) / u128::from(here);
        Some(Duration::from_micros(
            u64::try_from(micros).unwrap_or(u64::MAX),
        ))
    }

    /// The line, `width` columns at most. Causes that find no room are left out, the rarest first.
    pub fn line(&self, width: usize) -> String {
        let settled = self.tally.endpoints;
        let mut line = match self.total {
            Some(total) if total > 0 => {
                let percent = u128::from(settled) * 100 / u128::from(total);
                format!("{settled} of {total} ({percent} %)")
            }
            _ => format!("{settled} settled"),
        };
        if let Some(left) = self.left() {
            line.push_str(&format!(", about {} left", spell(left)));
        }
        line.push_str(&format!(", {} pps", self.rate));
        if self.receive_drops > 0 {
            let lost = counted(self.receive_drops, "frame lost here", "frames lost here");
            line.push_str(&format!(", {lost}"));
        }
        let mut before = ": ";
        for (cause, count) in self.causes() {
            let words = format!("{before}{count} {}", visible(cause));
            if columns(&line) + columns(&words) + 1 > width {
                line.push_str(if before == ": " { "" } else { "…" });
                break;
            }
            line.push_str(&words);
            before = ", ";
        }
        line.chars().take(width).collect()
    }

    /// How many there are of each cause, the most frequent first.
    fn causes(&self) -> Vec<(&str, u64)> {
        let mut causes: BTreeMap<&str, u64> = BTreeMap::new();
        for (kind, count) in &self.tally.kinds {
            *causes.entry(kind.cause.word()).or_default() += count;
        }
        let mut causes: Vec<(&str, u64)> = causes.into_iter().collect();
        causes.sort_by_key(|(_, count)| Reverse(*count));
        causes
    }
}

/// A span that nobody needs to the second once it is long.
fn spell(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6_000 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pace;
    use crate::report::sweep::tally::{Tally, VerdictWords};

    fn tally(causes: &[(&str, u64)]) -> Tally {
        let mut tally = Tally::default();
        for (cause, count) in causes {
            let kind = VerdictWords {
                state: "x".into(),
                cause: (*cause).into(),
                confidence: "likely".into(),
            };
            tally.kinds.insert(kind, *count);
            tally.endpoints += count;
        }
        tally
    }

    #[test]
    fn the_line_says_how_far_it_is_and_what_it_finds_in_80_columns() {
        let check = |pace: Pace<'_>, line: &str| assert_eq!(pace.line(80), line);
        let few = tally(&[("open", 900), ("drop-path", 334)]);
        let pace = Pace {
            tally: &few,
            before: 234,
            total: Some(10_000),
            elapsed: Duration::from_secs(10),
            rate: 980,
            receive_drops: 0,
        };
        check(
            pace,
            "1234 of 10000 (12 %), about 87 s left, 980 pps: 900 open, 334 drop-path",
        );
        check(
            Pace {
                total: None,
                receive_drops: 1,
                ..pace
            },
            "1234 settled, 980 pps, 1 frame lost here: 900 open, 334 drop-path",
        );
        let none = tally(&[]);
        check(
            Pace {
                tally: &none,
                before: 0,
                ..pace
            },
            "0 of 10000 (0 %), 980 pps",
        );
        let many = tally(&[
            ("open", 70_000),
            ("drop-edge-or-host", 20_000),
            ("closed", 5_000),
            ("reject-path", 7),
        ]);
        check(
            Pace {
                tally: &many,
                total: Some(1_000_000),
                elapsed: Duration::from_secs(1_000),
                ..pace
            },
            "95007 of 1000000 (9 %), about 2 h 39 min left, 980 pps: 70000 open…",
        );
    }

    #[test]
    fn nothing_makes_the_line_longer_than_it_may_be() {
        let long = "x".repeat(300);
        let tally = tally(&[(&long, u64::MAX / 2)]);
        let pace = Pace {
            tally: &tally,
            before: u64::MAX,
            total: Some(u64::MAX),
            elapsed: Duration::MAX,
            rate: u64::MAX,
            receive_drops: u64::MAX,
        };
        for width in [0, 10, 40, 80] {
            assert!(pace.line(width).chars().count() <= width);
        }
    }
}
