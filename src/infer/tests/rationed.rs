//! Silence behind devices that ration their refusals.

use super::*;
use crate::model::evidence::DeviceRefusal;
use crate::model::verdict::Method;

const ROUTER: u8 = 1;

fn at(millis: u64) -> Moment {
    Moment::START.after(Duration::from_millis(millis))
}

/// The first router refused the port of a neighbour.
fn known() -> Fact {
    Fact::Known(DeviceRefusal {
        device: address(ROUTER),
        hop: ROUTER,
        refusal: Refusal::AdminProhibited,
        address: IpAddr::V4(Ipv4Addr::new(10, 9, 9, 11)),
        port: PORT,
        late: false,
        after_silence: false,
        authentic: true,
    })
}

/// What is found of a port that stayed silent to SYNs sent at these times, besides other facts.
fn silent(sent: &[u64], facts: &[(u64, Fact)]) -> Finding {
    let mut dated: Vec<(Moment, Fact)> = facts
        .iter()
        .map(|(millis, fact)| (at(*millis), fact.clone()))
        .collect();
    for (id, millis) in (1..).map(ProbeId).zip(sent) {
        let flow = crate::model::probe::Flow::ephemeral(0);
        let probe = Probe::plain(Kind::Syn, Target::Endpoint, flow);
        dated.push((at(*millis), Fact::Sent(id, probe)));
        dated.push((at(*millis), Fact::Departed(id)));
        dated.push((at(millis + 1000), Fact::Expired(id)));
    }
    dated.sort_by_key(|(at, _)| *at);
    let mut evidence = Evidence::new();
    for (at, fact) in dated {
        evidence.record(at, fact);
    }
    judge(&evidence, &job(), at(30_000)).finding
}

#[test]
fn a_router_that_refused_a_neighbour_and_just_spent_its_errors_is_believed_to_refuse() {
    let spent = |millis| (millis, Fact::Spent(address(ROUTER)));
    let facts = [
        (100, known()),
        spent(900),
        spent(1900),
        spent(2900),
        spent(9900),
    ];
    let finding = silent(&[1000, 2000, 3000, 10_000], &facts);
    let verdict = &finding.verdict;
    assert_eq!(verdict.cause, Cause::RejectPath, "{}", verdict.summary);
    assert!(verdict.confidence <= Confidence::Likely);
    assert_eq!(verdict.method, Some(Method::Icmp(Refusal::AdminProhibited)));
    let place = verdict.place;
    assert!(place.inferred);
    assert_eq!(place.at_hop.map(|hop| hop.ttl), Some(ROUTER));
    let open = finding.alternatives.iter().filter(|one| !one.ruled_out);
    assert!(open.clone().any(|one| one.cause == Cause::DropPath));
}

#[test]
fn what_a_router_leaves_unanswered_although_it_had_errors_to_spare_is_not_refused() {
    let facts = [(100, known()), (200, Fact::Spent(address(ROUTER)))];
    let finding = silent(&[4000, 7000, 10_000], &facts);
    assert_ne!(finding.verdict.cause, Cause::RejectPath);
}

#[test]
fn one_refusal_that_came_to_a_probe_of_limited_ttl_leads_among_silence() {
    let finding = check(
        &|probe, _| {
            if !to_port(probe) || probe.ttl.0 <= 2 {
                return healthy(probe, true);
            }
            let refusal = Answer::Unreachable(Refusal::AdminProhibited, quote(probe));
            (probe.ttl.0 == 3).then(|| reply(address(2), 2, Dscp::CS6, refusal))
        },
        Cause::RejectPath,
        Confidence::Likely,
        45.0,
    );
    assert_eq!(finding.verdict.place.at_hop.map(|hop| hop.ttl), Some(2));
}
