//! `--until`: inquests held again, at gentle intervals, until what is found is what is waited for.

use std::time::Duration;

use clap::Args;

use super::duration;
use super::terminal::Terminal;
use crate::model::endpoint::Endpoint;
use crate::model::outcome::Outcome;
use crate::model::time::Moment;
use crate::net::clock::Clock;
use crate::net::driver::{self, Event, Settings};
use crate::net::{self, Stop};
use crate::sweep::expectation::Expectation;

/// How long to go on where nothing says so.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// What to wait for, and how.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Inquest")]
pub struct Until {
    /// Hold the inquest again until the state or cause is this one (lines of a list that expect
    /// something: that)
    #[arg(
        long,
        value_name = "STATE",
        env = "SYNQUEST_UNTIL",
        hide_env_values = true
    )]
    pub until: Option<Expectation>,
    /// Pause between two inquests, give or take a quarter
    #[arg(long, value_name = "DURATION", env = "SYNQUEST_INTERVAL", hide_env_values = true,
        default_value = "30s", value_parser = duration::parse, requires = "until")]
    pub interval: Duration,
    /// After this long begin no more [default: --max-time where given, else 1h]
    #[arg(long, value_name = "DURATION", env = "SYNQUEST_UNTIL_TIMEOUT", hide_env_values = true,
        value_parser = duration::parse, requires = "until")]
    pub until_timeout: Option<Duration>,
}

/// Who waits for something.
#[derive(Clone, Copy, Debug)]
pub struct Vigil {
    interval: Duration,
    timeout: Duration,
    /// Whom to tell that it goes on; nobody, where it is to be quiet.
    told: Option<Terminal>,
}

impl Vigil {
    /// The vigil that the arguments ask for; `None` where inquests are held once.
    pub fn of(until: &Until, max_time: Option<Duration>, told: Option<Terminal>) -> Option<Self> {
        until.until.map(|_| Self {
            interval: until.interval,
            timeout: until.until_timeout.or(max_time).unwrap_or(DEFAULT_TIMEOUT),
            told,
        })
    }

    /// As [`driver::run`], but an outcome is told of only once it is `met`, or no inquest will follow.
    ///
    /// # Errors
    ///
    /// As [`driver::run`].
    pub fn hold(
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

    #[test]
    fn pauses_differ_by_a_quarter_at_most() {
        for _ in 0..1000 {
            let pause = jittered(Duration::from_secs(40));
            assert!((30.0..=50.0).contains(&pause.as_secs_f64()), "{pause:?}");
        }
    }

    #[test]
    fn the_time_budget_of_an_endpoint_bounds_the_vigil_unless_something_else_does() {
        let secs = Duration::from_secs;
        let check = |until_timeout, max_time, timeout| {
            let until = Until {
                until: Some(Expectation::DEFAULT),
                interval: secs(30),
                until_timeout,
            };
            let vigil = Vigil::of(&until, max_time, None).expect("a vigil");
            assert_eq!(vigil.timeout, timeout);
        };
        check(None, None, secs(3600));
        check(None, Some(secs(90)), secs(90));
        check(Some(secs(600)), Some(secs(90)), secs(600));
    }
}
