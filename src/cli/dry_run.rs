//! `--dry-run`: what a run would send first, from the same engine, with nobody to answer.

use std::time::Duration;

use super::arguments::Shared;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::terminal::{Reader, Terminal};
use crate::engine::{Output, Prober};
use crate::model::outcome::Outcome;
use crate::model::time::Moment;
use crate::net::driver::{Planned, Settings};
use crate::report::plan::{self, Budget, DryRun};

/// What counts as the first probes: those of this long, unanswered.
const FIRST: Duration = Duration::from_secs(1);

/// Writes what would be sent to each endpoint; sends nothing.
///
/// # Errors
///
/// When the system has no randomness, or the plan cannot be written.
pub fn run(
    planned: Vec<Planned>,
    settings: &Settings,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, Failure> {
    let key = settings.key()?;
    for planned in planned {
        let budget = Budget::new(
            settings.policy.time_for(planned.endpoint.family()),
            settings.policy.max_probes,
            settings.policy.rate,
        );
        let refusal = planned.refusal;
        let prober = Prober::new(settings.policy.clone(), key);
        let plan = DryRun::new(&first_probes(prober, planned), refusal, budget);
        let text = || plan::text(&plan, terminal.width());
        if terminal.document(shared, &plan, text)? == Reader::Gone {
            break;
        }
    }
    Ok(ExitStatus::Open)
}

/// A diagnosis that nobody answers, as it stands after [`FIRST`].
fn first_probes(mut prober: Prober, planned: Planned) -> Outcome {
    let end = Moment::START.after(FIRST);
    let mut now = Moment::START;
    let session = prober.add(now, planned.endpoint, planned.vantage);
    loop {
        match prober.poll(now) {
            Output::Transmit(_) => {}
            Output::WaitUntil(next) if next <= end && next > now => now = next,
            Output::WaitUntil(_) | Output::Settled(_) | Output::Idle => {
                return prober.outcome(session, now);
            }
        }
    }
}
