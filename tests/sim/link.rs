//! Links: how long a datagram takes, and chance losses (independent, or in Gilbert–Elliott bursts).

use std::time::Duration;

use fastrand::Rng;
use synquest::model::time::Moment;

use crate::scenario::{Direction, Loss};

/// How the whole path is on the day of one seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weather {
    /// How many times farther apart nodes are than in one building.
    pub distance: f64,
    /// Greatest delay beyond a link's own, as a part of it: above 1, datagrams sent one after the
    /// other overtake each other.
    pub jitter: f64,
    /// Part of the datagrams that a link delivers twice.
    pub twice: f64,
}

impl Weather {
    /// Three seeds of five see a path in one building, one a path of some tens to hundreds of
    /// milliseconds, one a path that jitters, reorders and duplicates.
    pub fn of(seed: u64, rng: &mut Rng) -> Self {
        let calm = Self {
            distance: 1.0,
            jitter: 0.2,
            twice: 0.0,
        };
        match seed % 5 {
            3 => Self {
                distance: 20.0 + 80.0 * rng.f64(),
                ..calm
            },
            4 => Self {
                distance: 5.0,
                jitter: 3.0,
                twice: 0.01,
            },
            _ => calm,
        }
    }
}

/// One direction of one link.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    base: Duration,
    jitter: f64,
    /// Part of the datagrams it delivers twice.
    pub twice: f64,
    /// Largest IP datagram the sender's interface takes, in octets.
    pub mtu: u16,
    /// Largest IP datagram that gets through; longer ones are lost unseen.
    pub carries: u16,
}

impl Link {
    /// A link with a delay of its own, between 50 and 500 µs in one building.
    pub fn new(mtu: u16, carries: u16, weather: Weather, rng: &mut Rng) -> Self {
        Self {
            base: Duration::from_nanos(rng.u64(50_000..500_000)).mul_f64(weather.distance),
            jitter: weather.jitter,
            twice: weather.twice,
            mtu,
            carries,
        }
    }

    /// How long one datagram takes. Datagrams sent closer together than the jitter may overtake
    /// each other.
    pub fn delay(&self, rng: &mut Rng) -> Duration {
        self.base + self.base.mul_f64(rng.f64() * rng.f64() * self.jitter)
    }
}

/// One place of one direction where datagrams are lost by chance.
#[derive(Clone, Debug)]
pub struct LossProcess {
    direction: Direction,
    rate: f64,
    burst: Option<Burst>,
}

/// The state of a Gilbert–Elliott process in continuous time: everything is lost while it is bad.
#[derive(Clone, Debug)]
struct Burst {
    mean_bad: f64,
    mean_good: f64,
    bad: bool,
    until: f64,
}

impl LossProcess {
    /// The processes of one entry of a scenario: the two directions are independent.
    pub fn of(loss: &Loss, rng: &mut Rng) -> Vec<Self> {
        let directions: &[Direction] = match loss.direction {
            Direction::Forward => &[Direction::Forward],
            Direction::Return => &[Direction::Return],
            Direction::Both => &[Direction::Forward, Direction::Return],
        };
        directions
            .iter()
            .map(|direction| Self {
                direction: *direction,
                rate: loss.rate,
                burst: loss
                    .burst_ms
                    .filter(|_| loss.rate > 0.0 && loss.rate < 1.0)
                    .map(|mean| Burst::begin(f64::from(mean) / 1e3, loss.rate, rng)),
            })
            .collect()
    }

    /// Whether a datagram going `direction` at `now` is lost here.
    pub fn loses(&mut self, direction: Direction, now: Moment, rng: &mut Rng) -> bool {
        if direction != self.direction {
            return false;
        }
        match &mut self.burst {
            None => rng.f64() < self.rate,
            Some(burst) => burst.is_bad_at(now.nanos() as f64 / 1e9, rng),
        }
    }
}

impl Burst {
    fn begin(mean_bad: f64, rate: f64, rng: &mut Rng) -> Self {
        let mean_good = mean_bad * (1.0 - rate) / rate;
        let bad = rng.f64() < rate;
        let mean = if bad { mean_bad } else { mean_good };
        Self {
            mean_bad,
            mean_good,
            bad,
            until: exponential(mean, rng),
        }
    }

    fn is_bad_at(&mut self, now: f64, rng: &mut Rng) -> bool {
        while self.until <= now {
            self.bad = !self.bad;
            let mean = if self.bad {
                self.mean_bad
            } else {
                self.mean_good
            };
            self.until += exponential(mean, rng);
        }
        self.bad
    }
}

fn exponential(mean: f64, rng: &mut Rng) -> f64 {
    -mean * (1.0 - rng.f64()).ln()
}
