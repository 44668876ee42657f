//! Ports that answer only sometimes, by every pattern, over many seeds: what is true may stay
//! undecided, but no other cause is named more firmly than the evidence bears.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;

/// Why SYNs to the port fail.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Truth {
    /// Flows whose bit is set, modulo 8, are dead.
    DeadFlows(u8),
    /// A token bucket.
    Rate { per_second: f64, burst: f64 },
    /// The listener's answers are lost by this share, whatever their flow, and it keeps what it holds
    /// half-open: silent on that flow until an answer, tried again after 1, 3, 7, 15 and 31 s, arrives.
    LostAnswers(f64),
    /// After so many SYNs the port is silent for good.
    Ban { after: u32 },
}

/// `splitmix64`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) as f64 / u64::MAX as f64
    }
}

/// A path that loses some of everything, and a port that fails by `truth`.
struct Way {
    truth: Truth,
    loss: f64,
    dice: Dice,
    tokens: f64,
    filled: Moment,
    seen: u32,
    half_open: BTreeMap<u8, Moment>,
}

impl Way {
    fn new(truth: Truth, loss: f64, seed: u64) -> Self {
        let tokens = match truth {
            Truth::Rate { burst, .. } => burst,
            _ => 0.0,
        };
        Self {
            truth,
            loss,
            dice: Dice(seed),
            tokens,
            filled: Moment::START,
            seen: 0,
            half_open: BTreeMap::new(),
        }
    }

    /// After how long the listener's answer arrives, if ever.
    fn answer(&mut self, flow: u8, now: Moment) -> Option<Duration> {
        let at_once = Some(Duration::ZERO);
        match self.truth {
            Truth::DeadFlows(dead) => at_once.filter(|_| dead & (1 << (flow % 8)) == 0),
            Truth::Rate { per_second, burst } => {
                let gained = per_second * now.since(self.filled).as_secs_f64();
                self.tokens = (self.tokens + gained).min(burst);
                self.filled = now;
                (self.tokens >= 1.0).then(|| self.tokens -= 1.0)?;
                at_once
            }
            Truth::LostAnswers(share) => {
                if self.half_open.get(&flow).is_some_and(|until| now < *until) {
                    return None;
                }
                let tries = [0, 1, 3, 7, 15, 31].map(Duration::from_secs);
                let arrives = tries.into_iter().find(|_| self.dice.roll() >= share);
                let held = arrives.unwrap_or(Duration::from_secs(63));
                self.half_open.insert(flow, now.after(held));
                arrives
            }
            Truth::Ban { after } => {
                self.seen += 1;
                at_once.filter(|_| self.seen <= after)
            }
        }
    }

    fn draws(&mut self, probe: &Probe, now: Moment) -> Option<(Duration, Reply)> {
        let (delay, reply) = healthy(probe, true)?;
        // Without hops between, loss is that of the whole way and back.
        if self.dice.roll() < self.loss {
            return None;
        }
        if !to_port(probe) || probe.kind != Kind::Syn || probe.ttl.0 < HOST {
            let lost_as_well = match self.truth {
                Truth::LostAnswers(share) => self.dice.roll() < share,
                _ => false,
            };
            return (!lost_as_well).then_some((delay, reply));
        }
        let after = self.answer(probe.flow.index, now)?;
        Some((delay + after, reply))
    }
}

/// Counts of verdicts.
type Verdicts = BTreeMap<(&'static str, &'static str), usize>;

fn verdicts(truths: impl IntoIterator<Item = Truth>, losses: &[f64], seeds: u64) -> Verdicts {
    verdicts_under(&thorough(), truths, losses, seeds)
}

fn verdicts_under(
    job: &Job,
    truths: impl IntoIterator<Item = Truth>,
    losses: &[f64],
    seeds: u64,
) -> Verdicts {
    let mut counts = Verdicts::new();
    for truth in truths {
        for loss in losses {
            for seed in 0..seeds {
                let way = RefCell::new(Way::new(truth, *loss, seed));
                let script = |probe: &Probe, now| way.borrow_mut().draws(probe, now);
                let verdict = run(&script, &|_| None, job).0.verdict;
                *counts
                    .entry((verdict.cause.word(), verdict.confidence.word()))
                    .or_default() += 1;
            }
        }
    }
    counts
}

/// The one check: each of `wrong` is never `confirmed` or `proven`, and `likely` in one of a thousand
/// at most.
#[track_caller]
fn check_never(counts: &Verdicts, wrong: &[&str]) {
    let all: usize = counts.values().sum();
    let of = |confidence: &str| -> usize {
        wrong
            .iter()
            .filter_map(|cause| counts.get(&(*cause, confidence)))
            .sum()
    };
    assert_eq!(of("confirmed") + of("proven"), 0, "{counts:#?}");
    assert!(of("likely") * 1000 <= all, "{counts:#?}");
}

fn every_set_of_dead_flows() -> impl Iterator<Item = Truth> {
    (1..u8::MAX).map(Truth::DeadFlows)
}

#[test]
fn dead_flows_are_taken_neither_for_a_rate_nor_for_a_ban() {
    let counts = verdicts(every_set_of_dead_flows(), &[0.0], 1);
    check_never(&counts, &["rate-limited", "banned"]);
    let found = counts.get(&("intermittent", "confirmed"));
    // One dead flow of eight is what retries hide, or shows late.
    assert!(found.is_some_and(|found| *found >= 230), "{counts:#?}");
}

#[test]
fn dead_flows_beside_loss_are_taken_neither_for_a_rate_nor_for_a_ban() {
    let counts = verdicts(every_set_of_dead_flows(), &[0.1], 1);
    check_never(&counts, &["rate-limited", "banned"]);
}

#[test]
fn lost_answers_are_taken_neither_for_a_rate_nor_for_a_ban() {
    let truths = [0.1, 0.2, 0.3, 0.5, 0.7].map(Truth::LostAnswers);
    check_never(&verdicts(truths, &[0.0], 80), &["rate-limited", "banned"]);
}

#[test]
fn loss_is_taken_neither_for_a_rate_nor_for_a_ban() {
    let counts = verdicts([Truth::DeadFlows(0)], &[0.1, 0.2, 0.3, 0.5], 80);
    check_never(&counts, &["rate-limited", "banned"]);
}

#[test]
fn a_rate_is_taken_for_no_other_cause() {
    for (per_second, burst) in [(0.07, 5.0), (1.0, 1.0), (1.0, 5.0), (2.0, 3.0), (5.0, 1.0)] {
        let counts = verdicts([Truth::Rate { per_second, burst }], &[0.0, 0.1], 60);
        check_never(&counts, &["intermittent"]);
        // A token each 14 s beside a tenth of loss: once in a hundred it looks like a stop.
        let stopped = counts.get(&("banned", "likely")).copied().unwrap_or(0);
        assert!(stopped <= 1, "{counts:#?}");
        let named: usize = ["likely", "confirmed"]
            .iter()
            .filter_map(|word| counts.get(&("rate-limited", *word)))
            .sum();
        assert!(named >= 100, "{per_second}/s, {burst}: {counts:#?}");
    }
}

#[test]
fn a_ban_is_taken_for_no_other_cause() {
    for after in [1, 3, 5] {
        let counts = verdicts([Truth::Ban { after }], &[0.0, 0.1], 10);
        check_never(&counts, &["intermittent", "rate-limited"]);
    }
}

#[test]
fn the_few_looks_that_the_default_allows_name_nothing_else_firmly() {
    let few =
        |truths: Vec<Truth>, losses: &[f64], seeds| verdicts_under(&job(), truths, losses, seeds);
    let dead = few(every_set_of_dead_flows().collect(), &[0.0, 0.1], 1);
    check_never(&dead, &["rate-limited", "banned"]);
    let lost = [0.1, 0.2, 0.3, 0.5, 0.7].map(Truth::LostAnswers).to_vec();
    check_never(&few(lost, &[0.0], 40), &["rate-limited", "banned"]);
    let chance = few(vec![Truth::DeadFlows(0)], &[0.1, 0.2, 0.3, 0.5], 40);
    check_never(&chance, &["rate-limited", "banned"]);
    for after in [1, 2, 3] {
        let banned = few(vec![Truth::Ban { after }], &[0.0, 0.1], 10);
        check_never(&banned, &["intermittent", "rate-limited", "mtu-black-hole"]);
    }
}
