//! `--until`: endpoints diagnosed again, at gentle intervals, until what is found is what is waited for.

use std::time::Duration;

use super::arguments::groups::Until;
use super::terminal::Terminal;
use crate::model::endpoint::Endpoint;
use crate::model::outcome::Outcome;
use crate::model::time::Moment;
use crate::net::clock::Clock;
use crate::net::driver::{self, Event, Settings};
use crate::net::{self, Stop};

/// How long to go on where nothing says so.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Diagnoses endpoints until they are as expected.
#[derive(Clone, Copy, Debug)]
pub struct Waiter {
    interval: Duration,
    timeout: Duration,
    /// Where to say that it goes on; nowhere, if it is to be quiet.
    told: Option<Terminal>,
}

impl Waiter {
    /// The waiter that the arguments ask for; `None` where endpoints are diagnosed once.
    pub fn of(until: &Until, max_time: Option<Duration>, told: Option<Terminal>) -> Option<Self> {
        until.until.map(|_| Self {
            interval: until.interval,
            timeout: until.until_timeout.or(max_time).unwrap_or(DEFAULT_TIMEOUT),
            told,
        })
    }

    /// As [`driver::run`], but an outcome is told of only once it is `met`, or no diagnosis will follow.
    ///
    /// # Errors
    ///
    /// As [`driver::run`].
    pub fn run(
        &self,
        mut endpoints: Vec<Endpoint>,
        settings: &Settings,
        stop: &Stop,
        met: &dyn Fn(&Outcome) -> bool,
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), net::Failure> {
        let clock = Clock::start();
        let mut first = true;
        loop {
            let asked = endpoints.len();
            let mut missed = Vec::new();
            driver::run(endpoints, settings, stop, &mut |event| {
                if let Event::Settled(session, outcome) = event {
                    if met(&outcome) {
                        on_event(Event::Settled(session, outcome));
                    } else {
                        missed.push((session, outcome));
                    }
                } else if first || !matches!(event, Event::Started(_)) {
                    on_event(event);
                }
            })?;
            first = false;
            let pause = jittered(self.interval);
            let spent = clock.now().since(Moment::START) + pause;
            let last = missed.is_empty() || stop.requested() || spent > self.timeout;
            if let (Some(terminal), false) = (self.told, last) {
                terminal.note(&format!(
                    "{} of {asked} not as expected; the next look is in {} s",
                    missed.len(),
                    pause.as_secs()
                ));
            }
            if last || stop.wait(pause) {
                for (session, outcome) in missed {
                    on_event(Event::Settled(session, outcome));
                }
                return Ok(());
            }
            endpoints = missed.into_iter().map(|(_, it)| it.endpoint).collect();
        }
    }
}

/// Three to five quarters of `interval`: who waits on many hosts knocks from all of them at once
/// otherwise.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(0.75 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::expectation::Expectation;

    #[test]
    fn pauses_differ_by_a_quarter_at_most() {
        for _ in 0..1000 {
            let pause = jittered(Duration::from_secs(40));
            assert!((30.0..=50.0).contains(&pause.as_secs_f64()), "{pause:?}");
        }
    }

    #[test]
    fn the_time_budget_of_an_endpoint_bounds_the_waiting_unless_something_else_does() {
        let secs = Duration::from_secs;
        let check = |until_timeout, max_time, timeout| {
            let until = Until {
                until: Some(Expectation::DEFAULT),
                interval: secs(30),
                until_timeout,
            };
            let waiter = Waiter::of(&until, max_time, None).expect("a waiter");
            assert_eq!(waiter.timeout, timeout);
        };
        check(None, None, secs(3600));
        check(None, Some(secs(90)), secs(90));
        check(Some(secs(600)), Some(secs(90)), secs(600));
    }
}
