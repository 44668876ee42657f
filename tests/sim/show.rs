//! A run as text, for a person who asks why it is not an honest answer.

use std::fmt::Write;

use synquest::model::evidence::Trial;
use synquest::model::outcome::Outcome;
use synquest::model::probe::Target;

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
