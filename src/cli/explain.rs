//! `synquest explain`: the verdicts again, from a capture file alone.

pub mod arguments;
mod crowd;

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use indexmap::IndexMap;

use super::arguments::{Artefacts, Shared};
use super::artefact;
use super::duration;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::observed;
use super::scribe::{Scribe, time_of_day};
use super::terminal::Terminal;
use crate::capture::explain::{Bound, Explained, Request, explain_part};
use crate::capture::note;
use crate::capture::passive::{Choice, Encounter, TakenAt};
use crate::capture::read::{Reader, Unreadable};
use crate::capture::replay::{Replayed, Standing};
use crate::model::verdict::Cause;
use crate::report::advice::Situation;
use crate::report::group::Group;
use crate::report::record::{Record, Run};
use arguments::{ExplainArguments, Part, Place};
use crowd::{Crowd, Crowds};

/// Addresses without an answer that are named beside other findings.
const MOST_NAMED: usize = 4;
/// Addresses without an answer that have a document each.
const MOST_UNANSWERED: usize = 32;

/// Why a file cannot be explained at all.
#[derive(Debug, thiserror::Error)]
pub enum Unexplained {
    /// It cannot be opened.
    #[error("cannot open {}: {source}", path.display())]
    Closed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no capture.
    #[error("cannot explain {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: Unreadable,
    },
}

/// Explains a capture.
///
/// # Errors
///
/// When the file cannot be read at all, or the result not be written.
pub fn run(
    arguments: &ExplainArguments,
    shared: &Shared,
    terminal: Terminal,
) -> Result<ExitStatus, Failure> {
    let artefacts = artefact::Plan::of(
        None,
        &Artefacts {
            report: arguments.report.clone(),
            bundle: None,
            force: arguments.force,
        },
    )?;
    let path = &arguments.file;
    let source = open(path)?;
    let reader = Reader::open(source).map_err(|reason| Unexplained::Unreadable {
        path: path.clone(),
        reason,
    })?;
    let mut scribe = Scribe::new(shared, terminal, artefacts.wants_records());
    let situation = arguments.situation.said();
    let (mut told, mut remarks) = (0, Vec::new());
    let request = request(&arguments.part);
    let explained = explain_part(reader, &request, &mut |run, inquest| {
        remarks.extend(of_inquest(&inquest));
        told += 1;
        let mut record = Record::new(&inquest.outcome, &its_run(run, situation));
        record.number(|id| inquest.numbers.of(id).to_vec());
        match scribe.write(inquest.outcome.finding.verdict.cause, record) {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    told += tell_observed(&explained, arguments, &mut scribe);
    told += tell_unanswered(&explained, told, situation, &mut scribe);
    remarks.extend(of_file(&explained, told));
    for remark in remarks {
        terminal.note(&remark);
    }
    let written = artefacts.write(&scribe.take_records(), None, || None);
    written.announce(terminal, shared);
    let complete = scribe.finish()?;
    written.all()?;
    // Where nothing was found, nothing is known to be open.
    let status = if told == 0 {
        ExitStatus::Undecided
    } else {
        complete
    };
    Ok(if arguments.exit_zero {
        status.forgiving()
    } else {
        status
    })
}

/// Writes the record of everything that others' packets show, many of a kind as one line where a person
/// reads; says how many there are.
fn tell_observed(
    explained: &Explained,
    arguments: &ExplainArguments,
    scribe: &mut Scribe<'_>,
) -> usize {
    let situation = arguments.situation.said();
    let mut told = 0;
    if let Some((began, account)) = &explained.observed {
        let run = observed_run(*began, situation);
        let crowds = Crowds::of(&account.encounters);
        let mut groups: IndexMap<Crowd, (ExitStatus, Group)> = IndexMap::new();
        for encounter in &account.encounters {
            told += 1;
            let record = observed::record(encounter, &run, arguments.show_names);
            let status = status(encounter);
            let crowd = crowds.holding(encounter, arguments.summary, scribe.is_for_people());
            if let Some(crowd) = crowd {
                let empty = || (ExitStatus::Open, Group::new(crowd.0, crowd.1, crowd.2));
                let (worst, group) = groups.entry(crowd).or_insert_with(empty);
                *worst = status.max(*worst);
                group.add(&record);
                scribe.keep(record);
            } else if !scribe.judge(status, record) {
                return told;
            }
        }
        for (status, group) in groups.values() {
            scribe.sum_up(*status, group);
        }
    }
    told
}

/// What an encounter means for the exit status: a session that died is no success of an open port.
fn status(encounter: &Encounter) -> ExitStatus {
    let died = encounter
        .session()
        .is_some_and(|(_, session)| session.died());
    let status = ExitStatus::of([encounter.outcome.finding.verdict.cause]);
    if died {
        status.max(ExitStatus::NotOpen)
    } else {
        status
    }
}

/// The part of the capture that the arguments ask for.
fn request(part: &Part) -> Request {
    let taken_at = part.taken_at.map(|place| match place {
        Place::Client => TakenAt::Client,
        Place::Server => TakenAt::Server,
        Place::Router => TakenAt::Router,
        Place::Mirror => TakenAt::Mirror,
    });
    Request {
        choice: Choice {
            client: part.client,
            server: part.server,
            port: part.port,
            taken_at,
        },
        since: part.since,
        until: part.until,
    }
}

/// Reads a moment of a capture: a time of day with its date and zone, or a span after the first packet.
///
/// # Errors
///
/// When it is neither.
pub fn bound(text: &str) -> Result<Bound, String> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        let nanos = u64::try_from(time.as_nanosecond()).unwrap_or_default();
        return Ok(Bound::At(nanos));
    }
    let span = text.trim_start_matches('+');
    duration::parse(span).map(Bound::After).map_err(|_| {
        "write a time such as 2026-11-22T12:00:00Z, or a span after the first packet such as 90s"
            .to_owned()
    })
}

/// Writes the record of each address that was asked for on its link and did not answer, where there is
/// nothing else to tell; says how many there are.
fn tell_unanswered(
    explained: &Explained,
    told: usize,
    situation: Situation,
    scribe: &mut Scribe<'_>,
) -> usize {
    let unanswered = explained.unanswered.iter().take(MOST_UNANSWERED);
    let unanswered = unanswered.filter(|_| told == 0);
    let mut count = 0;
    for question in unanswered {
        let run = observed_run(question.first, situation);
        count += 1;
        if !scribe.write(Cause::NoNeighbor, observed::unanswered(question, &run)) {
            break;
        }
    }
    count
}

/// What there is to say of how an inquest stands in the file.
fn of_inquest(inquest: &Replayed) -> Vec<String> {
    let mut remarks = Vec::new();
    let endpoint = inquest.outcome.endpoint.socket();
    match &inquest.standing {
        Standing::Same | Standing::Unwritten => {}
        Standing::Differs { written } => remarks.push(format!(
            "the file gives another verdict on {endpoint} than its packets and notes do; it says {} \
             ({})",
            written.cause, written.confidence
        )),
        Standing::Renumbered => remarks.push(format!(
            "packets of the inquest into {endpoint} were taken out or put in since it was written: \
             judged by the packets alone, without what only the probing host knew"
        )),
        Standing::Unfinished => remarks.push(format!(
            "the account of the inquest into {endpoint} is not in the file (the run was killed, or \
             another program wrote the file anew): judged by the packets alone"
        )),
    }
    if inquest.noted > 0 {
        remarks.push(format!(
            "{} probes or answers of the inquest into {endpoint} stand in the file's notes, and no \
             packet shows them; the verdict believes the notes",
            inquest.noted
        ));
    }
    remarks
}

/// What else there is to say of the file.
fn of_file(explained: &Explained, told: usize) -> Vec<String> {
    let mut remarks = Vec::new();
    for damage in &explained.damage {
        remarks.push(format!("the capture is damaged: {damage}"));
    }
    for (link, count) in &explained.foreign {
        let name = link
            .name()
            .map_or_else(String::new, |name| format!(" ({name})"));
        remarks.push(format!(
            "{count} packets are of link type {}{name}, which is not understood here",
            link.0
        ));
    }
    if explained.unread > 0 {
        remarks.push(format!(
            "{} notes of a later version of this program, or damaged ones, could not be read; \
             what they tell is missing",
            explained.unread
        ));
    }
    for (kind, count) in &explained.hidden {
        remarks.push(format!(
            "{count} packets inside {kind} were not looked into"
        ));
    }
    if let Some((_, account)) = &explained.observed
        && account.remainder.cut > 0
    {
        remarks.push(format!(
            "{} packets are cut too short to be read: capture them with a larger snapshot length \
             (tcpdump -s 0)",
            account.remainder.cut
        ));
    }
    if let Some((_, account)) = &explained.observed
        && account.remainder.stray > 0
    {
        remarks.push(format!(
            "{} packets belong to connections whose beginning is not in the capture, or that were over, \
             and were not judged",
            account.remainder.stray
        ));
    }
    for question in explained
        .unanswered
        .iter()
        .filter(|_| told > 0)
        .take(MOST_NAMED)
    {
        remarks.push(format!(
            "{} asked {} times for {} on its link, and no answer is in the capture",
            question.asker, question.times, question.target
        ));
    }
    if told == 0 {
        remarks.push(format!(
            "no TCP connection attempt among {} packets",
            explained.packets
        ));
    }
    if let Some((_, account)) = &explained.observed
        && account.remainder.syns > 0
    {
        remarks.push(format!(
            "{} SYNs more than can be remembered were not followed",
            account.remainder.syns
        ));
    }
    remarks
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, Unexplained> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(source) => Err(Unexplained::Closed {
            path: path.to_owned(),
            source,
        }),
    }
}

/// The run that told itself in this capture.
fn its_run(run: &note::Run, situation: Situation) -> Run {
    Run {
        version: run.version.clone(),
        seed: run.seed,
        started: time_of_day(UNIX_EPOCH + Duration::from_nanos(run.began)),
        situation,
    }
}

/// The "run" of those who did not know that they would be read: it began with the first packet.
fn observed_run(began: u64, situation: Situation) -> Run {
    let began = time_of_day(UNIX_EPOCH + Duration::from_nanos(began));
    Run {
        situation,
        ..Run::new(None, began)
    }
}
