//! `synquest explain`: the verdicts again, from a capture file alone.

mod crowd;
mod joined;
mod opened;

use std::ops::ControlFlow;
use std::time::{Duration, UNIX_EPOCH};

use indexmap::IndexMap;

use self::crowd::{Crowd, Crowds};
use super::arguments::Shared;
use super::arguments::explain::{CapturePoint, ExplainArguments, Selection};
use super::arguments::groups::Artefacts;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::record_writer::{RecordWriter, time_of_day};
use super::run_files::RunFiles;
use super::terminal::Terminal;
use super::{observed, settings};
use crate::capture::explain::{Explained, Request, explain_part};
use crate::capture::passive::{Choice, Conversation, TakenAt};
use crate::capture::{join, note, remarks};
use crate::files::destination::Destination;
use crate::model::verdict::Cause;
use crate::report::advice::situation::Situation;
use crate::report::group::Group;
use crate::report::record::{Record, Run};

/// Addresses without an answer that have a document each.
const MOST_UNANSWERED: usize = 32;

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
    let files = RunFiles::of(
        None,
        &Artefacts {
            report: arguments.report.clone(),
            bundle: None,
            force: arguments.force,
        },
    )?;
    let reader = opened::open(&arguments.file)?;
    let mut records = RecordWriter::new(shared, terminal, files.wants_records());
    let situation = settings::situation(arguments.situation);
    let (mut told, mut said) = (0, Vec::new());
    let request = request(&arguments.part);
    let explained = explain_part(reader, &request, &mut |run, diagnosis| {
        said.extend(remarks::of_diagnosis(&diagnosis));
        told += 1;
        let mut record = Record::new(&diagnosis.outcome, &its_run(run, situation));
        record.number(|id| diagnosis.numbers.of(id).to_vec());
        match records.write(diagnosis.outcome.finding.verdict.cause, record) {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    told += tell_observed(&explained, arguments, &mut records);
    told += tell_unanswered(&explained, told, situation, &mut records);
    said.extend(remarks::of_file(&explained, told));
    let points = joined(arguments)?;
    for remark in said {
        terminal.note(&remark);
    }
    let written = files.write(&records.take_records(), None, || None);
    terminal.announce(shared, written.done.iter().map(Destination::path));
    let complete = records.finish()?;
    written.all()?;
    if let Some(points) = points {
        terminal.document(shared, &points.document(), || points.text())?;
    }
    // Where nothing was found, nothing is known to be open.
    let status = if told == 0 {
        ExitStatus::Undecided
    } else {
        complete
    };
    Ok(status.forgiven(arguments.exit_zero))
}

/// What the other points saw, where there are any.
fn joined(arguments: &ExplainArguments) -> Result<Option<joined::Points>, Failure> {
    if arguments.with.is_empty() {
        return Ok(None);
    }
    let Selection {
        client,
        server,
        port,
        ..
    } = arguments.part;
    let choice = join::Choice {
        client,
        server,
        port,
    };
    joined::Points::read(&arguments.file, &arguments.with, &choice).map(Some)
}

/// Writes the record of everything that others' packets show, many of a kind as one line where a person
/// reads; says how many there are.
fn tell_observed(
    explained: &Explained,
    arguments: &ExplainArguments,
    records: &mut RecordWriter<'_>,
) -> usize {
    let situation = settings::situation(arguments.situation);
    let mut told = 0;
    if let Some((began, account)) = &explained.observed {
        let run = observed_run(*began, situation);
        let crowds = Crowds::of(&account.conversations);
        let mut groups: IndexMap<Crowd, (ExitStatus, Group)> = IndexMap::new();
        for encounter in &account.conversations {
            told += 1;
            let record = observed::record(encounter, &run, arguments.show_names);
            let status = status(encounter);
            let crowd = crowds.holding(encounter, arguments.summary, records.is_for_people());
            if let Some(crowd) = crowd {
                let empty = || (ExitStatus::Open, Group::new(crowd.0, crowd.1, crowd.2));
                let (worst, group) = groups.entry(crowd).or_insert_with(empty);
                *worst = status.max(*worst);
                group.add(&record);
                records.keep(record);
            } else if !records.judge(status, record) {
                return told;
            }
        }
        for (status, group) in groups.values() {
            records.sum_up(*status, group);
        }
    }
    told
}

/// What an encounter means for the exit status: a session that died is no success of an open port.
fn status(encounter: &Conversation) -> ExitStatus {
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
fn request(part: &Selection) -> Request {
    let taken_at = part.taken_at.map(|place| match place {
        CapturePoint::Client => TakenAt::Client,
        CapturePoint::Server => TakenAt::Server,
        CapturePoint::Router => TakenAt::Router,
        CapturePoint::Mirror => TakenAt::Mirror,
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

/// Writes the record of each address that was asked for on its link and did not answer, where there is
/// nothing else to tell; says how many there are.
fn tell_unanswered(
    explained: &Explained,
    told: usize,
    situation: Situation,
    records: &mut RecordWriter<'_>,
) -> usize {
    let unanswered = explained.unanswered.iter().take(MOST_UNANSWERED);
    let unanswered = unanswered.filter(|_| told == 0);
    let mut count = 0;
    for question in unanswered {
        let run = observed_run(question.first, situation);
        count += 1;
        if !records.write(Cause::NoNeighbor, observed::unanswered(question, &run)) {
            break;
        }
    }
    count
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
