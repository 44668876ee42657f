//! Whether a run's verdict is an honest answer to its scenario, and how to show one that is not.

use std::fmt::Write;

use synquest::model::evidence::Trial;
use synquest::model::outcome::Outcome;
use synquest::model::probe::Target;
use synquest::model::verdict::{Confidence, HopRef};

use super::budget::overspent;
use super::runner::Run;
use crate::scenario::{FamilyName, Scenario, method_in};

/// What is to be said of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The truth, as firmly as expected.
    Right,
    /// A weaker answer the scenario calls honest.
    Tolerated,
    /// No answer, or the right one too weakly, in a scenario where chance may have it so.
    Undecided,
    /// None of these, and why.
    Wrong(Vec<String>),
}

/// The confidence of a word of the contract.
fn confidence(word: &str) -> Confidence {
    match word {
        "possible" => Confidence::Possible,
        "likely" => Confidence::Likely,
        "confirmed" => Confidence::Confirmed,
        "proven" => Confidence::Proven,
        _ => panic!("no confidence is called {word}"),
    }
}

/// Judges one run of `scenario`.
pub fn judge(scenario: &Scenario, family: FamilyName, run: &Run) -> Judged {
    let expect = &scenario.expect;
    let verdict = &run.outcome.finding.verdict;
    let (cause, firmness) = (verdict.cause.word(), verdict.confidence);
    let mut judged = Judged::Right;
    let mut wrong = Vec::new();
    if expect.cause.iter().any(|right| right == cause) {
        if firmness < confidence(&expect.least) {
            if expect.undecided > 0.0 {
                judged = Judged::Undecided;
            } else {
                wrong.push(format!(
                    "{cause} is right, but {} too weak",
                    firmness.word()
                ));
            }
        } else {
            wrong.extend(wrong_details(scenario, family, &run.outcome));
        }
        if firmness > confidence(&expect.greatest) {
            wrong.push(format!(
                "{cause} is right, but {} too firm",
                firmness.word()
            ));
        }
    } else if let Some(greatest) = expect.tolerate.get(cause) {
        judged = Judged::Tolerated;
        if firmness > confidence(greatest) {
            wrong.push(format!(
                "{cause} may be {greatest} at most, not {}",
                firmness.word()
            ));
        }
    } else if verdict.cause.is_undecided() && expect.undecided > 0.0 {
        judged = Judged::Undecided;
    } else {
        wrong.push(format!(
            "the cause is {}, not {cause}",
            expect.cause.join(" or ")
        ));
    }
    wrong.extend(beyond_budget(scenario, run));
    wrong.extend(overspent(scenario, run));
    if wrong.is_empty() {
        judged
    } else {
        Judged::Wrong(wrong)
    }
}

fn wrong_details(scenario: &Scenario, family: FamilyName, outcome: &Outcome) -> Vec<String> {
    let expect = &scenario.expect;
    let verdict = &outcome.finding.verdict;
    let mut wrong = Vec::new();
    if let Some(word) = &expect.method {
        let wanted = method_in(family, word);
        let got = verdict.method.map(|method| method.word());
        if got != Some(wanted) {
            wrong.push(format!("the method is {wanted}, not {got:?}"));
        }
    }
    if let Some(wanted) = &expect.place
        && wanted != verdict.place.kind.word()
    {
        wrong.push(format!(
            "the place is {wanted}, not {}",
            verdict.place.kind.word()
        ));
    }
    let ttl = |hop: Option<HopRef>| hop.map(|hop| hop.ttl);
    let hops = [
        ("at_hop", expect.at_hop, ttl(verdict.place.at_hop)),
        ("after_hop", expect.after_hop, ttl(verdict.place.after_hop)),
        (
            "before_hop",
            expect.before_hop,
            ttl(verdict.place.before_hop),
        ),
    ];
    for (name, wanted, got) in hops {
        if wanted.is_some() && wanted != got {
            wrong.push(format!("{name} is {wanted:?}, not {got:?}"));
        }
    }
    let way = verdict.place.way.map(|way| way.word());
    if expect.way.is_some() && expect.way.as_deref() != way {
        wrong.push(format!("the way is {:?}, not {way:?}", expect.way));
    }
    let named = [(&expect.excluded, true), (&expect.not_excluded, false)];
    for (rivals, ruled_out) in named {
        for rival in rivals {
            let mut others = outcome.finding.alternatives.iter();
            if !others.any(|other| other.cause.word() == rival && other.ruled_out == ruled_out) {
                wrong.push(format!("{rival} is not named as ruled out: {ruled_out}"));
            }
        }
    }
    wrong
}

fn beyond_budget(scenario: &Scenario, run: &Run) -> Vec<String> {
    let mut wrong = Vec::new();
    let sent = run.outcome.evidence.trials().len();
    if scenario
        .expect
        .probes
        .is_some_and(|most| sent > most as usize)
    {
        wrong.push(format!("{sent} probes are too many"));
    }
    let seconds = run.outcome.elapsed.as_secs_f64();
    if scenario
        .expect
        .seconds
        .is_some_and(|most| seconds > f64::from(most))
    {
        wrong.push(format!("{seconds:.1} s are too long"));
    }
    if run.completed > 0 {
        wrong.push(format!("{} handshakes were completed", run.completed));
    }
    wrong
}

/// A run as text: the verdict, what became of its rivals, every probe.
pub fn show(outcome: &Outcome) -> String {
    let finding = &outcome.finding;
    let verdict = &finding.verdict;
    let mut text = format!(
        "  verdict   {} {} at {:?} by {:?}\n            {}\n            basis {:?}\n",
        verdict.confidence.word(),
        verdict.cause,
        verdict.place,
        verdict.method.map(|method| method.word()),
        verdict.summary,
        verdict.basis.iter().map(|id| id.0).collect::<Vec<_>>(),
    );
    for rival in &finding.alternatives {
        let stand = if rival.ruled_out { "not" } else { "or " };
        let _ = writeln!(text, "  {stand}       {}: {}", rival.cause, rival.because);
    }
    let seconds = outcome.elapsed.as_secs_f64();
    let _ = writeln!(text, "  elapsed   {seconds:.3} s, loss {:?}", finding.loss);
    for trial in outcome.evidence.trials() {
        let _ = writeln!(text, "  {}", line(trial));
    }
    text
}

fn line(trial: &Trial) -> String {
    let probe = &trial.probe;
    let target = match probe.target {
        Target::Endpoint => "endpoint".to_owned(),
        Target::Control(port) => format!("control {port}"),
        Target::Host => "host".to_owned(),
    };
    let mut text = format!(
        "{:>4} {:>10.6} {:8} {target:13} {:?}{} ttl {:2}",
        trial.id.0,
        trial.sent.nanos() as f64 / 1e9,
        probe.kind.word(),
        probe.flow.range,
        probe.flow.index,
        probe.ttl.0,
    );
    if probe.dscp.0 > 0 {
        let _ = write!(text, " dscp {:#x}", probe.dscp.0);
    }
    if let Some(length) = probe.padded_to {
        let _ = write!(text, " padded {length}");
    }
    if let Some(refusal) = trial.refused {
        let _ = write!(text, " refused {refusal:?}");
    } else if !trial.departed {
        text.push_str(" never left");
    }
    for heard in &trial.replies {
        let ears = match (heard.by_tap, heard.by_stack) {
            (true, true) => "",
            (true, false) => " (tap only)",
            _ => " (stack only)",
        };
        let reply = &heard.reply;
        let _ = write!(
            text,
            " -> {:?} from {} ttl {} dscp {:#x} after {:?}{ears}",
            reply.answer,
            reply.from,
            reply.ttl.0,
            reply.dscp.0,
            heard.at.since(trial.sent),
        );
    }
    if trial.is_silent() {
        text.push_str(" silent");
    }
    if trial.is_pending() {
        text.push_str(" pending");
    }
    text
}
