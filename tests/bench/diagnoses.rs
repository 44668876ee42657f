//! Holds diagnoses on a list of endpoints, or triages it, and says how long each part took: what
//! `scripts/bench sweep` measures.
//!
//! `diagnoses triage|full RATE [SECONDS] <LIST`: a line an endpoint, `ADDRESS PORT`. The documents go
//! to standard output, one a line; the figures to standard error, as `name value` lines.

#![allow(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measuring tool prints figures and reads the clock"
)]

use std::io::{BufRead, BufWriter, Write};
use std::time::{Duration, Instant};

use synquest::engine::policy::Policy;
use synquest::model::endpoint::Endpoint;
use synquest::model::outcome::Outcome;
use synquest::net::driver::{self, Event, Settings};
use synquest::net::{Stop, triage};
use synquest::report::record::{Record, Run};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, rate, rest @ ..] = arguments.as_slice() else {
        return Err("usage: diagnoses triage|full RATE [SECONDS] <LIST".into());
    };
    let seconds = rest.first().map(|text| text.parse()).transpose()?;
    let settings = Settings {
        policy: Policy {
            rate: rate.parse()?,
            max_time: seconds.map(Duration::from_secs),
            ..Policy::default()
        },
        ..Settings::default()
    };
    let endpoints = std::io::stdin()
        .lock()
        .lines()
        .map(|line| endpoint(&line?))
        .collect::<Result<Vec<_>, Failure>>()?;
    let stop = Stop::new()?;
    let began = Instant::now();
    let mut writer = Writer {
        out: BufWriter::with_capacity(1 << 20, std::io::stdout().lock()),
        run: None,
        settled: 0,
        sent: 0,
        broken: None,
    };
    let mut on_event = |event: Event<'_>| writer.take(&event);
    let count = endpoints.len();
    if mode == "triage" {
        let tally = triage::run(&endpoints, &settings, &stop, &mut on_event)?;
        let first_round = tally.first_round.as_secs_f64();
        eprintln!("first_round_s {first_round:.3}");
        eprintln!("rate_pps {:.0}", count as f64 / first_round);
        eprintln!("sent {}", tally.sent);
        eprintln!("replies {}", tally.replies);
        eprintln!("receive_drops {}", tally.receive_drops);
    } else {
        driver::run(endpoints, &settings, &stop, &mut on_event)?;
        eprintln!("sent {}", writer.sent);
    }
    writer.out.flush()?;
    eprintln!("settled {}", writer.settled);
    eprintln!("total_s {:.3}", began.elapsed().as_secs_f64());
    writer.broken.map_or(Ok(()), Err)
}

fn endpoint(line: &str) -> Result<Endpoint, Failure> {
    let (address, port) = line.split_once(' ').ok_or("a line is ADDRESS PORT")?;
    Ok(Endpoint {
        given: line.to_owned(),
        address: address.parse()?,
        port: port.parse()?,
        label: None,
    })
}

struct Writer<W: Write> {
    out: W,
    run: Option<Run>,
    settled: usize,
    sent: u64,
    broken: Option<Failure>,
}

impl<W: Write> Writer<W> {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Started(at) => {
                let started = jiff::Timestamp::try_from(*at).map(|at| at.to_string());
                self.run = Some(Run::new(None, started.unwrap_or_default()));
            }
            Event::Settled(_, outcome) => {
                self.settled += 1;
                if let Err(failure) = self.write(outcome) {
                    self.broken = Some(failure);
                }
            }
            Event::Status(standing) => self.sent = standing.sent,
            Event::Progress(_) | Event::Begun(..) | Event::Replaced(..) | Event::Sighted(_) => {}
        }
    }

    fn write(&mut self, outcome: &Outcome) -> Result<(), Failure> {
        let Some(run) = &self.run else {
            return Err("settled before it started".into());
        };
        serde_json::to_writer(&mut self.out, &Record::new(outcome, run))?;
        self.out.write_all(b"\n")?;
        Ok(())
    }
}
