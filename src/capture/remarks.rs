//! What there is to say of a capture beside its verdicts, as clauses.

use super::explain::Explained;
use super::passive::Account;
use super::replay::{Replayed, Standing};

/// Addresses without an answer that are named beside other findings.
const MOST_NAMED: usize = 4;

/// What there is to say of how a diagnosis stands in the file.
pub fn of_diagnosis(diagnosis: &Replayed) -> Vec<String> {
    let mut remarks = Vec::new();
    let endpoint = diagnosis.outcome.endpoint.socket();
    match &diagnosis.standing {
        Standing::Same | Standing::Unwritten => {}
        Standing::Differs { written } => remarks.push(format!(
            "the file gives another verdict on {endpoint} than its packets and notes do; it says {} \
             ({})",
            written.cause, written.confidence
        )),
        Standing::Renumbered => remarks.push(format!(
            "packets of the diagnosis of {endpoint} were taken out or put in since it was written: \
             judged by the packets alone, without what only the probing host knew"
        )),
        Standing::Unfinished => remarks.push(format!(
            "the account of the diagnosis of {endpoint} is not in the file (the run was killed, or \
             another program wrote the file anew): judged by the packets alone"
        )),
    }
    if diagnosis.noted > 0 {
        remarks.push(format!(
            "{} probes or answers of the diagnosis of {endpoint} stand in the file's notes, and no \
             packet shows them; the verdict believes the notes",
            diagnosis.noted
        ));
    }
    remarks
}

/// What else there is to say of the file, of which `told` endpoints have a verdict.
pub fn of_file(explained: &Explained, told: usize) -> Vec<String> {
    let account = explained.observed.as_ref().map(|(_, account)| account);
    let mut remarks = unread(explained);
    remarks.extend(account.into_iter().flat_map(unjudged));
    let unanswered = explained.unanswered.iter().filter(|_| told > 0);
    remarks.extend(unanswered.take(MOST_NAMED).map(|question| {
        format!(
            "{} asked {} times for {} on its link, and no answer is in the capture",
            question.asker, question.times, question.target
        )
    }));
    if told == 0 {
        remarks.push(format!(
            "no TCP connection attempt among {} packets",
            explained.packets
        ));
    }
    if let Some(account) = account.filter(|account| account.remainder.syns > 0) {
        remarks.push(format!(
            "{} SYNs more than can be remembered were not followed",
            account.remainder.syns
        ));
    }
    remarks
}

/// What of the file could not be read or looked into.
fn unread(explained: &Explained) -> Vec<String> {
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
    remarks
}

/// Which of others' packets could not be judged.
fn unjudged(account: &Account) -> Vec<String> {
    let (cut, stray) = (account.remainder.cut, account.remainder.stray);
    let cut = (cut > 0).then(|| {
        format!(
            "{cut} packets are cut too short to be read: capture them with a larger snapshot length \
             (tcpdump -s 0)"
        )
    });
    let stray = (stray > 0).then(|| {
        format!(
            "{stray} packets belong to connections whose beginning is not in the capture, or that were \
             over, and were not judged"
        )
    });
    cut.into_iter().chain(stray).collect()
}
