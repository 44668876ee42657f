//! `--greeting`: one full connection to what is open, once the user was told what it may cost.

use super::arguments::probe::Spoken;
use super::terminal::Terminal;
use crate::model::outcome::Outcome;
use crate::model::verdict::Cause;
use crate::net::survey::Preference;
use crate::net::{Stop, greeting};
use crate::report::record::Record;
use crate::wire::greeting::USER;

/// Greets the servers of a run.
#[derive(Debug)]
pub struct Greeter {
    spoken: Spoken,
    preference: Preference,
    stop: Stop,
    terminal: Terminal,
}

impl Greeter {
    /// A greeter who has warned of what a greeting may be counted as.
    pub fn warn(spoken: Spoken, preference: Preference, stop: Stop, terminal: Terminal) -> Self {
        terminal.note(&format!(
            "--greeting makes a full connection to each port that is open: a MySQL server is given a \
             login to refuse (user {USER}, no password), which it logs as failed and a security \
             agent may count, but max_connect_errors only where it takes more than 5 s to speak; a \
             PostgreSQL server with TLS logs one \
             connection that broke off"
        ));
        Self {
            spoken,
            preference,
            stop,
            terminal,
        }
    }

    /// Adds the greeting to the record of an endpoint that is open; leaves every other as it is.
    pub fn greet(&self, outcome: &Outcome, record: &mut Record) {
        if outcome.finding.verdict.cause != Cause::Open {
            return;
        }
        let asked = self.spoken.named();
        match greeting::greet(&outcome.endpoint, &self.preference, asked, &self.stop) {
            Ok(greeting) => record.greet(outcome, &greeting),
            Err(failure) => self.terminal.note(&format!("no greeting: {failure}")),
        }
    }
}
