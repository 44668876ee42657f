//! What a diagnosis at default settings may send, held in every simulated run.

use std::collections::BTreeSet;
use std::time::Duration;

use synquest::engine::Role;
use synquest::model::evidence::Trial;
use synquest::model::probe::{Kind, Target};
use synquest::model::time::Moment;
use synquest::model::verdict::Cause;

use super::runner::Run;
use crate::scenario::Scenario;

/// Datagrams in any span of this length, resets included.
const WINDOWS: [(usize, Duration); 2] =
    [(8, Duration::from_secs(1)), (25, Duration::from_secs(10))];
/// Resets that come on top where answers are lost.
const LATE_RESETS: usize = 2;
/// SYNs that reach the port, whatever they draw.
const SYNS: usize = 12;
/// SYNs to a port that answers, of any TTL and size; one more where echo is not answered,
/// or speaks for another machine.
const SYNS_OPEN: usize = 4;
/// Other ports of the host.
const OTHER_PORTS: usize = 3;
/// Probes in all, and as many more for each hop.
const PROBES: usize = 40;
const PROBES_A_HOP: usize = 2;

/// What of the budget a run broke.
pub fn overspent(scenario: &Scenario, run: &Run) -> Vec<String> {
    if scenario.arguments.iter().any(|word| word == "--thorough") {
        return Vec::new();
    }
    let mut broken = Vec::new();
    let mut hold = |what: &str, spent: usize, most: usize| {
        if spent > most {
            broken.push(format!("{spent} {what}, at most {most} are promised"));
        }
    };
    // A SYN-ACK that comes twice is reset twice, by this host's kernel.
    let mut closed = BTreeSet::new();
    let departing = run.sightings.iter().filter(|sighting| {
        let counts = match sighting.attribution.role {
            Role::Closing(probe) => closed.insert(probe),
            _ => true,
        };
        sighting.departing && counts
    });
    let mut times: Vec<Moment> = departing.map(|sighting| sighting.at).collect();
    times.sort_unstable();
    for (most, span) in WINDOWS {
        let dense = |start: &Moment| {
            times
                .iter()
                .filter(|at| *at >= start && at.since(*start) < span)
                .count()
        };
        let densest = times.iter().map(dense).max().unwrap_or_default();
        // The resets of answers that come late, or are repeated, cannot be foreseen.
        let lossy = !scenario.loss.is_empty() || scenario.network.ecmp.is_some();
        let most = most + if lossy { LATE_RESETS } else { 0 };
        hold(&format!("datagrams within {span:?}"), densest, most);
    }
    let trials = run.outcome.evidence.trials();
    let syns = |pick: &dyn Fn(&Trial) -> bool| {
        let to_port = |trial: &&Trial| {
            trial.probe.kind == Kind::Syn && trial.probe.target == Target::Endpoint
        };
        trials
            .iter()
            .filter(to_port)
            .filter(|trial| pick(trial))
            .count()
    };
    hold(
        "SYNs to the port",
        syns(&|trial| trial.probe.ttl.is_full()),
        SYNS,
    );
    let hole = trials.iter().any(|trial| {
        trial.probe.padded_to.is_some() && trial.probe.kind == Kind::Syn && trial.is_silent()
    });
    let plain = !hole && scenario.loss.is_empty() && scenario.expect.cause == ["open"];
    if plain && run.outcome.finding.verdict.cause == Cause::Open {
        let echoes = trials.iter().filter(|trial| trial.probe.kind == Kind::Echo);
        let answered = echoes.clone().any(|trial| !trial.replies.is_empty());
        let translated = scenario.network.dnat.is_some();
        let most = SYNS_OPEN + usize::from(!answered || translated);
        hold("SYNs to an open port", syns(&|_| true), most);
        let others = trials
            .iter()
            .filter(|trial| matches!(trial.probe.target, Target::Control(_)));
        let early = others.filter(|trial| trial.sent.since(Moment::START) < Duration::from_secs(1));
        hold("probes to other ports within a second", early.count(), 0);
    }
    let mut others: Vec<Target> = trials.iter().map(|trial| trial.probe.target).collect();
    others.retain(|target| matches!(target, Target::Control(_)));
    others.sort_unstable();
    others.dedup();
    hold("other ports", others.len(), OTHER_PORTS);
    let hops = usize::from(scenario.network.routers) + 1;
    hold("probes", trials.len(), PROBES + PROBES_A_HOP * hops);
    broken
}
